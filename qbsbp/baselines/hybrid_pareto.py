"""The hybrid Pareto and its mixture, fitted to a sample. The conditional form is `ModelConfig(law="hybrid_pareto")`.

Chapter: the splice before this one.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import optimize

from qbsbp.distributions import HybridPareto

__all__ = ["fit_hybrid_pareto"]

XI_RANGE = (-0.5, 1.0)  # where the estimate is regular, and a mean exists


def fit_hybrid_pareto(sample: ArrayLike, components: int = 1) -> HybridPareto:
    """The mixture of hybrid Pareto laws that makes a sample likeliest, by L-BFGS from the sample's quantiles.

    A mixture's likelihood has several maxima, and none where a component narrows upon one outcome: scales are kept
    above a hundredth of the sample's interquartile range.

    Args:
        sample: Outcomes, shape (n,), at least 20 for each component.
        components: How many.

    Returns:
        The law, float64, with batch shape ().

    Raises:
        ValueError: Too few outcomes, or one is not finite (the first such is named), or they are all the same.

    Reference: Carreau & Bengio (2009), A hybrid Pareto mixture for conditional asymmetric fat-tailed distributions,
    IEEE Transactions on Neural Networks 20, 1087-1101.
    """
    sample = np.asarray(sample, dtype=float)
    if sample.ndim != 1 or components < 1 or len(sample) < 20 * components:
        raise ValueError(
            f"sample, components: expected shape (n,) with at least 20 outcomes a component, came {sample.shape} for "
            f"{components}."
        )
    if not np.isfinite(sample).all():
        place = int(np.argmin(np.isfinite(sample)))
        raise ValueError(f"sample: expected finite outcomes, and sample[{place}] is {sample[place]}.")
    quartile = np.quantile(sample, [0.25, 0.5, 0.75])
    unit = float(quartile[2] - quartile[0]) or float(sample.std())
    if unit == 0:
        raise ValueError(f"sample: all {len(sample)} outcomes are {sample[0]:g}, and no law can be fitted to that.")
    z = torch.from_numpy((sample - quartile[1]) / unit)
    low, high = XI_RANGE

    def law(raw: torch.Tensor) -> HybridPareto:
        logits, location, scale, xi = raw.reshape(4, components).unbind()
        return HybridPareto(
            logits, location, 0.01 + scale.exp(), low + (high - low) * xi.sigmoid(), validate_args=False
        )

    def loss(raw: np.ndarray) -> tuple[float, np.ndarray]:
        at = torch.from_numpy(raw).requires_grad_()
        value = -law(at).log_prob(z)
        # past the end of a bounded tail the density is 0: as unlikely as a double can say
        value = torch.where(value.isfinite(), value, 700.0).mean()
        value.backward()
        return float(value.detach()), at.grad.numpy()

    shares = (np.arange(components) + 0.5) / components
    start = np.zeros((4, components))
    start[1] = (np.quantile(sample, shares) - quartile[1]) / unit
    start[2] = np.log(0.74)  # a bell's standard deviation in interquartile ranges
    start[3] = np.log((0.1 - low) / (high - 0.1))
    found = optimize.minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    with torch.no_grad():
        best = law(torch.from_numpy(found.x))
    return HybridPareto(best.logits, quartile[1] + unit * best.location, unit * best.scale, best.xi)
