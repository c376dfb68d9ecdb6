"""One law that is known exactly: two humps, skewed, with heavy tails on both sides and unequal shapes.

Chapters 3 to 5 learn it from samples and are told how far off they are. It is a mixture of a skewed and a narrow hump
with a generalized Pareto tail spliced on at each end, written with NumPy and SciPy alone: an opinion independent of
`qbsbp`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

__all__ = ["KnownLaw"]


@dataclass(frozen=True)
class KnownLaw:
    r"""A bimodal, skewed outcome in yards with two generalized Pareto tails.

    The body is :math:`G = m\, N(0, 1.2^2) + (1 - m)\, (2 + \mathrm{Gamma}(k, \theta))` (the short outcomes of
    checked-down plays, and a long skewed hump). Below its level :math:`q_{lo}` and above :math:`1 - q_{hi}` it
    continues with generalized Pareto tails whose scales make the density continuous.

    Args:
        short_share: Weight `m` of the narrow hump, in (0, 1).
        gamma_shape: `k` of the skewed hump, > 0.
        gamma_scale: Its scale in yards, > 0.
        lower_xi: Shape of the lower tail.
        upper_xi: Shape of the upper tail.
        lower_mass: Probability of the lower tail.
        upper_mass: Probability of the upper tail.
    """

    short_share: float = 0.4
    gamma_shape: float = 2.5
    gamma_scale: float = 4.0
    lower_xi: float = -0.1
    upper_xi: float = 0.3
    lower_mass: float = 0.05
    upper_mass: float = 0.05

    def _hump_cdf(self, y: np.ndarray) -> np.ndarray:
        short, long = stats.norm(0, 1.2), stats.gamma(self.gamma_shape, 2, self.gamma_scale)
        return self.short_share * short.cdf(y) + (1 - self.short_share) * long.cdf(y)

    def _hump_pdf(self, y: np.ndarray) -> np.ndarray:
        short, long = stats.norm(0, 1.2), stats.gamma(self.gamma_shape, 2, self.gamma_scale)
        return self.short_share * short.pdf(y) + (1 - self.short_share) * long.pdf(y)

    def _hump_quantile(self, level: np.ndarray) -> np.ndarray:
        """Bisection on the mixture's CDF, to 1e-12 yards."""
        low, high = np.full_like(level, -20.0), np.full_like(level, 200.0)
        for _ in range(64):
            middle = (low + high) / 2
            below = self._hump_cdf(middle) < level
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2

    @cached_property
    def lower_threshold(self) -> float:
        """Outcome in yards below which the lower tail begins."""
        return float(self._hump_quantile(np.array(self.lower_mass)))

    @cached_property
    def upper_threshold(self) -> float:
        """Outcome in yards above which the upper tail begins."""
        return float(self._hump_quantile(np.array(1 - self.upper_mass)))

    def _tails(self) -> tuple[stats.distributions.rv_frozen, stats.distributions.rv_frozen]:
        lower_beta = self.lower_mass / float(self._hump_pdf(np.array(self.lower_threshold)))
        upper_beta = self.upper_mass / float(self._hump_pdf(np.array(self.upper_threshold)))
        return stats.genpareto(self.lower_xi, scale=lower_beta), stats.genpareto(self.upper_xi, scale=upper_beta)

    def pdf(self, y: np.ndarray) -> np.ndarray:
        """Density at `y`, in 1/yard."""
        y = np.asarray(y, dtype=float)
        (lower, upper), low, high = self._tails(), self.lower_threshold, self.upper_threshold
        body = self._hump_pdf(y)
        return np.select(
            [y < low, y > high], [self.lower_mass * lower.pdf(low - y), self.upper_mass * upper.pdf(y - high)], body
        )

    def cdf(self, y: np.ndarray) -> np.ndarray:
        """Probability of at most `y`."""
        y = np.asarray(y, dtype=float)
        (lower, upper), low, high = self._tails(), self.lower_threshold, self.upper_threshold
        return np.select(
            [y < low, y > high],
            [self.lower_mass * lower.sf(low - y), 1 - self.upper_mass * upper.sf(y - high)],
            self._hump_cdf(y),
        )

    def quantile(self, level: np.ndarray) -> np.ndarray:
        """Outcome in yards at a level in (0, 1)."""
        level = np.asarray(level, dtype=float)
        lower, upper = self._tails()
        in_body = self._hump_quantile(np.clip(level, self.lower_mass, 1 - self.upper_mass))
        below = lower.isf(np.clip(level / self.lower_mass, 0, 1))
        above = upper.isf(np.clip((1 - level) / self.upper_mass, 0, 1))
        return in_body - np.where(level < self.lower_mass, below, 0) + np.where(level > 1 - self.upper_mass, above, 0)

    def draw(self, n: int, *, seed: int) -> np.ndarray:
        """`n` independent outcomes in yards; the same seed gives the same ones."""
        return self.quantile(np.random.default_rng(seed).uniform(size=n))
