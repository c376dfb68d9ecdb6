r"""What learning a law from outcomes may maximise: named objectives, one loss for each outcome.

`log_prob` is always the exact log density. Maximising its mean is the textbook objective, and it misleads here: the
density of a spliced law jumps at its thresholds, the thresholds move with the parameters, and an outcome that a
threshold passes changes its density by the height of the jump. Autograd differentiates the density at fixed outcomes
and does not see that, so the mean gradient is not the gradient of the mean (chapter: learning it,
book/ch05_learning.md). The other objectives avoid it, by ignoring the splice where the body is learned or by being
continuous in the parameters.

Every function takes a law with `batch_shape` (*batch) and outcomes `y` in yards that broadcast with it, and returns the
loss of each outcome in their common shape, smaller being better. Every loss is finite, with finite gradients, for every
finite outcome, also one beyond a finite end point (see `gpd_loss`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal
from torch.nn.functional import cross_entropy

from .distributions import Binned, SplicedBinnedPareto
from .distributions.rounded import cell, interval_probability

__all__ = [
    "OBJECTIVES",
    "binned_cross_entropy",
    "composite",
    "crps",
    "gpd_loss",
    "interval_nll",
    "nll",
    "nll_plus_cross_entropy",
    "recorded_nll",
]

# From 1 + xi z = 0.05 downwards (the last twentieth before a finite end point) `gpd_loss` is linear in the excess.
END_MARGIN = 0.05


def gpd_loss(excess: Tensor, xi: Tensor, beta: Tensor) -> Tensor:
    r"""Negative log density of a generalized Pareto excess, extended linearly past its end point.

    .. math:: \ell(x) = \log\beta + (1 + \xi)\, \frac{\log(1 + \xi x / \beta)}{\xi}

    up to the excess :math:`x_m` where :math:`1 + \xi x_m / \beta = 0.05`, and
    :math:`\ell(x_m) + (x - x_m) \cdot 20 / \beta` beyond it (for :math:`\xi < 0` only). A shape below 0 ends the
    support, and an outcome beyond the end would cost infinitely much and teach nothing; this way it costs more the
    further out it lies, and its gradient moves the end point towards it. The loss is a density's up to :math:`x_m`, and
    not beyond. There its slope steps up from :math:`(1 + \xi)\, 20 / \beta`: going on at that slope would reward a far
    outcome with a still lower :math:`\xi`, that is with a nearer end.

    Args:
        excess: Distance beyond the threshold in yards, >= 0, any shape.
        xi: Shape parameter, > -1, broadcastable.
        beta: Scale in yards, > 0, broadcastable.
    """
    z = excess / beta
    past = (xi * z).detach() < END_MARGIN - 1
    # x_m in units of beta, only where it is needed: at a tiny shape its derivative overflows
    reach = (1 - END_MARGIN) / torch.where(past, -xi, 1)
    held = torch.where(past, reach, z)
    t = xi * held
    small = t.abs() < 1e-4  # log1p(t) / t = 1 - t / 2 + t^2 / 3 there, to 1e-12
    ratio = torch.where(small, 1 - t / 2 + t * t / 3, torch.log1p(torch.where(small, 1, t)) / torch.where(small, 1, t))
    return beta.log() + (1 + xi) * held * ratio + torch.where(past, (z - reach) / END_MARGIN, 0)


def binned_cross_entropy(law: SplicedBinnedPareto | Binned, y: Tensor) -> Tensor:
    r"""Cross-entropy of the bins plus log width, :math:`-\log p_k + \log w_k`: the body learned as a classification.

    An outcome outside the bins counts into the first or the last, so that a wild one costs no more than a rare bin
    does.
    """
    shape = torch.broadcast_shapes(y.shape, law.batch_shape)
    k = (torch.bucketize(y.detach().expand(shape).contiguous(), law.bin_edges, right=True) - 1).clamp(
        0, len(law.bin_edges) - 2
    )
    logits = law.logits.expand(*shape, -1)
    loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), k.reshape(-1), reduction="none").reshape(shape)
    return loss + law.bin_widths[k].log()


def _excesses(law: SplicedBinnedPareto, y: Tensor) -> list[tuple[float, Tensor, Tensor, Tensor]]:
    """Mass, xi, beta and signed excess (> 0 in the tail) of the lower and the upper tail."""
    levels = law.logits.new_tensor([law.lower_mass, 1 - law.upper_mass])
    lower, upper = law.icdf(levels.reshape(2, *(1 for _ in law.batch_shape)))
    return [
        (law.lower_mass, law.lower_xi, law.lower_beta, lower - y),
        (law.upper_mass, law.upper_xi, law.upper_beta, y - upper),
    ]


def composite(law: SplicedBinnedPareto, y: Tensor) -> Tensor:
    r"""The default for learning: cross-entropy of the bins on every outcome, and the tails on the exceedances.

    .. math:: \ell(y) = -\log(p_k / w_k) + 1\{y < \tau_{lo}\}\, \ell_{GPD}(\tau_{lo} - y) +
              1\{y > \tau_{hi}\}\, \ell_{GPD}(y - \tau_{hi}),

    with the thresholds held fixed (detached): the body places them, the tails follow. It is not the likelihood of one
    law but two M-estimates on top of each other, each of them consistent.

    Reference: Ehrlich, Callot & Aubet (2021), arXiv:2106.10952, section 3.
    """
    loss = binned_cross_entropy(law, y)
    with torch.no_grad():
        excesses = [excess for *_, excess in _excesses(law, y)]
    for excess, xi, beta in zip(excesses, (law.lower_xi, law.upper_xi), (law.lower_beta, law.upper_beta), strict=True):
        loss = loss + torch.where(excess > 0, gpd_loss(excess.clamp(min=0), xi, beta), 0)
    return loss


def nll(law: Distribution, y: Tensor) -> Tensor:
    r"""Exact negative log density, thresholds moving, of any law.

    For a spliced law it is **biased as an objective**: see the module's docstring. In its tails the density is extended
    past a finite end point as in `gpd_loss`. Other laws give minus their `log_prob`, which is infinite outside their
    support.
    """
    if not isinstance(law, SplicedBinnedPareto):
        return -law.log_prob(y)
    loss = -law.log_prob(y)
    for mass, xi, beta, excess in _excesses(law, y):
        # only what lies past x_m differs from the density; there the fused one is replaced
        past = (xi < 0) & (excess > -(1 - END_MARGIN) * beta / torch.where(xi < 0, xi, -1))
        loss = torch.where(past, gpd_loss(excess.clamp(min=0), xi, beta) - math.log(mass), loss)
    return loss


def nll_plus_cross_entropy(law: SplicedBinnedPareto, y: Tensor) -> Tensor:
    """Exact negative log density plus the cross-entropy of the bins, which holds the thresholds in place."""
    return nll(law, y) + binned_cross_entropy(law, y)


def crps(law: Distribution, y: Tensor) -> Tensor:
    r"""Continuous ranked probability score :math:`\int (F(x) - 1\{x \ge y\})^2 dx` of each outcome, in yards.

    Proper, and continuous in the parameters. It grows linearly with an outcome's distance, so the far tail weighs
    little; for one number as forecast it is the absolute error. The laws of qbsbp bring their closed forms, infinite
    for a tail with `xi >= 2`; that of the normal law, with :math:`z = (y - \mu) / \sigma`, is (Gneiting & Raftery,
    2007, equation 21)

    .. math:: \sigma \big( z (2 \Phi(z) - 1) + 2 \varphi(z) - 1 / \sqrt{\pi} \big).

    Raises:
        TypeError: no closed form is known for the law.
    """
    if hasattr(law, "crps"):
        return law.crps(y)
    if isinstance(law, Normal):
        z = (y - law.mean) / law.stddev
        density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return law.stddev * (z * (2 * torch.special.ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))
    raise TypeError(f"law: expected a law with a method crps, or a Normal, got {type(law).__name__}")


def interval_nll(law: Distribution, y: Tensor, width: float = 1.0) -> Tensor:
    r"""Negative log probability of :math:`(y - w/2, y + w/2]`: the likelihood of outcomes rounded to multiples of `w`.

    Yards are whole numbers, so with `w` = 1 this is the likelihood of what was recorded. The CDF is continuous in the
    parameters, which removes the bias of the density. Where an interval holds less probability than the dtype resolves
    (an empty bin, an outcome beyond an end point), the density times `w` stands in for it: `nll` minus log w, finite
    everywhere; for a binned law it is `binned_cross_entropy`, finite beyond the bins too. So it is a loss to learn by;
    what a forecast deems impossible is told by `qbsbp.distributions.Rounded.log_prob`.

    Args:
        law: A normal law, or one with `survival` beside `cdf`.
        y: Outcomes in yards.
        width: The unit of rounding in yards, > 0.

    Raises:
        ValueError: `width` is not positive.
    """
    if not width > 0:
        raise ValueError(f"width: expected the unit of rounding in yards, > 0, got {width!r}")
    return _cell_nll(law, y, y - width / 2, y + width / 2, width)


def recorded_nll(law: Distribution, y: Tensor, bounds: Tensor) -> Tensor:
    r"""Negative log probability of whole yards on a field that ends: that of `qbsbp.distributions.Rounded`.

    It is `interval_nll` inside the bounds. At a bound the outcome is censored: a touchdown says that the gain reached
    the goal line and not how much further it would have gone, so it costs :math:`-\log S(b - 1/2)`.

    Args:
        law: A normal law, or one with `survival` beside `cdf`.
        y: Outcomes in whole yards, each within its bounds.
        bounds: Least and greatest possible outcome of each, the two along the last dimension: shape (n, 2) for outcomes
            of shape (n,).
    """
    return _cell_nll(law, y, *cell(y, bounds[..., 0], bounds[..., 1]), 1.0)


def _cell_nll(law: Distribution, y: Tensor, low: Tensor, high: Tensor, width: float) -> Tensor:
    probability, resolved = interval_probability(law, low, high)
    log_probability = torch.where(resolved, probability, 1).log()
    # beyond its bins a binned law has no density: such an outcome counts into the outermost one
    stand_in = binned_cross_entropy if isinstance(law, Binned) else nll
    return torch.where(resolved, -log_probability, stand_in(law, y) - math.log(width))


OBJECTIVES: dict[str, Callable[..., Tensor]] = {
    "composite": composite,
    "nll_plus_cross_entropy": nll_plus_cross_entropy,
    "crps": crps,
    "nll": nll,
    "interval_nll": interval_nll,
    "recorded_nll": recorded_nll,
    "binned_cross_entropy": binned_cross_entropy,
}
