r"""Climatology: the distribution of past outcomes whatever the situation, or whatever but the place on the field.

The name is that of weather forecasting, where the long-run distribution of the season is the reference of every score:
a forecast has skill as far as it beats it. Chapter: real tracking (book/ch09_ultimate.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor

from ..distributions import Binned, SplicedBinnedPareto
from ..features import PlayTensors, StoredPlays
from ._yards import YARDS, law_of_mass

__all__ = ["FieldClimatology", "fit_climatology"]

# Two parameters from fewer exceedances than this are hardly more than a guess.
FEWEST_EXCEEDANCES = 10


def fit_climatology(
    y: Tensor,
    bin_edges: Tensor | Sequence[float],
    *,
    lower_mass: float = 0.05,
    upper_mass: float = 0.05,
    xi_bounds: tuple[float, float] = (-0.5, 0.9),
) -> SplicedBinnedPareto:
    r"""The unconditional spliced law of the outcomes `y`.

    With :math:`n_k` of n outcomes in bin k of K (those beyond the edges count in the outermost bins), the body is

    .. math:: p_k = \frac{n_k + 1/2}{n + K/2},

    the frequencies, shrunk a little towards equal ones so that no bin is impossible. The thresholds are its quantiles
    at `lower_mass` and 1 - `upper_mass`; each tail is the generalized Pareto of highest likelihood for the excesses.
    But for the 1/2 this is where the gradient of the composite objective is 0.

    Args:
        y: Training outcomes in yards, shape (n,).
        bin_edges: Strictly increasing edges in yards, shape (bins + 1,).
        lower_mass: Probability of the lower tail, in (0, 1/2).
        upper_mass: Probability of the upper tail, in (0, 1/2).
        xi_bounds: Interval in which the shape of either tail is sought.

    Returns:
        A law with batch_shape (), in the dtype of `y`; `law.expand((n,))` repeats it for n plays.

    Raises:
        ValueError: outcomes that are not finite, or fewer than 10 beyond a threshold.

    Example:
        >>> law = fit_climatology(torch.arange(400.0) / 10, bin_edges=range(0, 41, 2))
        >>> round(law.icdf(torch.tensor(0.5)).item(), 1)
        20.0
    """
    if y.dim() != 1 or not y.is_floating_point() or not bool(y.isfinite().all()):
        raise ValueError(
            f"y: expected finite outcomes of a floating dtype, shape (n,), got {y.dtype} of shape {tuple(y.shape)}, "
            f"{int((~y.isfinite()).sum())} of them not finite"
        )
    y = y.detach()
    edges = torch.as_tensor(bin_edges, dtype=y.dtype, device=y.device)
    bins = len(edges) - 1
    k = (torch.bucketize(y, edges, right=True) - 1).clamp(0, bins - 1)
    logits = (torch.bincount(k, minlength=bins).to(y) + 0.5).log()
    body = Binned(edges, logits.log_softmax(-1))
    lower = body.icdf(y.new_tensor(lower_mass)) - y
    upper = y - body.icdf(y.new_tensor(1 - upper_mass))
    tails = []
    for name, mass, excess in (("lower", lower_mass, lower), ("upper", upper_mass, upper)):
        excess = excess[excess > 0]
        if len(excess) < FEWEST_EXCEEDANCES:
            raise ValueError(
                f"y: expected at least {FEWEST_EXCEEDANCES} outcomes in each tail, but of {len(y)} only {len(excess)} "
                f"lie in the {name} one ({name}_mass={mass}); give more outcomes, wider bins or a larger {name}_mass"
            )
        tails += [y.new_tensor(number) for number in _fit_tail(excess.double().cpu().numpy(), xi_bounds)]
    return SplicedBinnedPareto(edges, body.logits, *tails, lower_mass=lower_mass, upper_mass=upper_mass)


def _fit_tail(excess: NDArray, xi_bounds: tuple[float, float]) -> tuple[float, float]:
    """Shape and scale of the generalized Pareto of highest likelihood, the shape within its bounds."""
    scale = excess.mean()
    z = excess / scale  # in units of the mean, so that the search needs no unit

    def mean_nll(parameters: NDArray) -> float:
        xi, log_beta = parameters
        t = z * math.exp(-log_beta)
        # log(1 + xi t) / xi, and its limit t at xi = 0
        if abs(xi) < 1e-9:
            return log_beta + t.mean()
        inside = 1 + xi * t
        return log_beta + (1 + 1 / xi) * np.log(inside).mean() if inside.min() > 0 else math.inf

    best = optimize.minimize(
        mean_nll,
        x0=[min(max(0.1, xi_bounds[0]), xi_bounds[1]), math.log(0.9)],
        method="Nelder-Mead",
        bounds=[xi_bounds, (math.log(1e-6), math.log(1e6))],
        options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 2000},
    )
    xi, log_beta = best.x
    return float(xi), float(scale * math.exp(log_beta))


class FieldClimatology:
    r"""What past passes gained from the same part of the field, whatever else was the case.

    With :math:`n_k` of n passes from that part gaining k whole yards, and :math:`p_k` the share among all N passes,

    .. math:: P(Y = k) = \frac{n_k + 10\, p_k}{n + 10}, \qquad p_k = \frac{N_k + c}{N + 199\,c}, \quad c = 0.01.

    Parts of the field are those of published tables: 1 to 5, 6 to 10, 11 to 20, 21 to 30, 31 to 50, 51 to 80 and 81 to
    99 yards to the goal line.

    Args:
        plays: Training passes, with bounds.
    """

    PARTS = (0, 5, 10, 20, 30, 50, 80, 99)

    def __init__(self, plays: PlayTensors | StoredPlays) -> None:
        part, yards = self._part(plays), (plays.y.long() - int(YARDS[0])).numpy()
        counts = np.zeros((len(self.PARTS) - 1, len(YARDS)))
        np.add.at(counts, (part, yards), 1.0)
        overall = counts.sum(0) + 0.01
        overall /= overall.sum()
        self.mass = (counts + 10 * overall) / (counts.sum(1, keepdims=True) + 10)

    def predict(self, plays: PlayTensors | StoredPlays) -> Binned:
        """The laws of some passes."""
        return law_of_mass(self.mass[self._part(plays)])

    def _part(self, plays: PlayTensors | StoredPlays) -> NDArray:
        return np.searchsorted(self.PARTS, plays.bounds[:, 1].numpy(), side="left") - 1
