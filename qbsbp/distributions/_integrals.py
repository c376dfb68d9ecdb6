"""Scores of laws that have a CDF and quantiles but no closed form, by Gauss-Legendre quadrature."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

__all__ = ["crps_by_quadrature", "squared_between", "squared_beyond"]

REACH = 14.0  # e^14 scales: beyond, a squared survival of shape below 1 holds less than 1e-6 of the integral


@lru_cache
def _nodes(panels: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1), eight in each panel."""
    node, weight = np.polynomial.legendre.leggauss(8)
    left = np.arange(panels)[:, None] / panels
    return (left + (node + 1) / (2 * panels)).ravel(), np.tile(weight / (2 * panels), panels)


def squared_between(law: Distribution, low: Tensor, high: Tensor, *, survival: bool, panels: int = 12) -> Tensor:
    """Integral of F^2, or of (1 - F)^2, from `low` to `high`, both of the law's batch shape."""
    total = torch.zeros_like(low)
    for node, weight in zip(*_nodes(panels)):
        probability = law.cdf(low + node * (high - low))
        total = total + weight * ((1 - probability) if survival else probability) ** 2
    return total * (high - low)


def squared_beyond(law: Distribution, start: Tensor, scale: Tensor, *, upper: bool, panels: int = 24) -> Tensor:
    """Integral of (1 - F)^2 from `start` up, or of F^2 from `start` down; `scale` is how fast the tail may fall."""
    total = torch.zeros_like(start)
    for node, weight in zip(*_nodes(panels)):
        distance = scale * float(np.expm1(REACH * node))
        if upper:
            at = start + distance
            tail = law.survival(at) if hasattr(law, "survival") else 1 - law.cdf(at)
        else:
            tail = law.cdf(start - distance)
        total = total + weight * tail**2 * (distance + scale)
    return total * REACH


def crps_by_quadrature(law: Distribution, y: Tensor) -> Tensor:
    """CRPS of each outcome, the integral of (F - 1{x >= y})^2 in two halves.

    The steps are finer near the outcome, and a law with steps of its own may lose digits.
    """
    levels = [law.icdf(torch.full_like(y, level)) for level in (0.25, 0.75)]
    scale = (levels[1] - levels[0]) / 8
    # where an outcome lies far out, the bulk of the law lies between it and the median
    return squared_beyond(law, y, scale, upper=False) + squared_beyond(law, y, scale, upper=True)
