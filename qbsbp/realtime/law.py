r"""The law of recorded yards in NumPy: what `qbsbp.Rounded` of a `qbsbp.SplicedBinnedPareto` says, of a few plays.

Torch needs a tenth of a millisecond for each number of a single law, most of it to get started.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qbsbp.realtime import kernels

__all__ = ["YardsLaw"]

HALVES = np.array([-0.5, 0.5])


class YardsLaw:
    r"""Laws of whole yards, cut at the goal lines: :math:`\min(\max(\lfloor Z + 1/2 \rfloor, a), b)`.

    Z has the spliced law (see `qbsbp.SplicedBinnedPareto`); a and b are the yards to the goal lines. Everything is
    computed in float64.

    Args:
        bin_edges: Strictly increasing edges in yards, shape (bins + 1,).
        logits: Shape (plays, bins).
        xi: Shapes of the lower and the upper tail, (plays, 2).
        beta: Their scales in yards, > 0, (plays, 2).
        tail_mass: Their probabilities, each in (0, 1/2).
        lower: Least yards a, whole, shape (plays,).
        upper: Greatest yards b, whole, above a, shape (plays,).
    """

    def __init__(
        self,
        bin_edges: NDArray,
        logits: NDArray,
        xi: NDArray,
        beta: NDArray,
        tail_mass: tuple[float, float],
        lower: NDArray,
        upper: NDArray,
    ) -> None:
        self.bin_edges, self.logits, self.xi, self.beta = bin_edges, logits, xi, beta
        self.tail_mass, self.lower, self.upper = tail_mass, lower, upper

    def __len__(self) -> int:
        return len(self.logits)

    def cdf(self, yards: ArrayLike) -> NDArray:
        """Probability of at most `yards`: a number or of shape (plays,), for shape (plays,); or (plays, n)."""
        return self._probability(yards, beyond=False)

    def survival(self, yards: ArrayLike) -> NDArray:
        """Probability of more than `yards`, without cancellation in the upper tail; shapes as in `cdf`."""
        return self._probability(yards, beyond=True)

    def rank(self, yards: ArrayLike) -> NDArray:
        r"""Mid-rank :math:`P(Y < y) + P(Y = y) / 2` of gains, shape (plays,): a play's grade among all it could be.

        A touchdown is a gain of `upper`: nobody knows how far it would have gone, so its rank is the middle of what is
        left, from F at the goal line to 1.

        Args:
            yards: Whole yards between the bounds, a number or shape (plays,).

        Raises:
            ValueError: A gain is no whole number or passes a bound.
        """
        yards = np.broadcast_to(np.asarray(yards, dtype=float), self.lower.shape)
        wrong = ~((yards == np.rint(yards)) & (yards >= self.lower) & (yards <= self.upper))
        if wrong.any():
            play = int(np.argmax(wrong))
            raise ValueError(
                f"yards: expected whole yards between the goal lines, {self.lower[play]:g} to {self.upper[play]:g}, "
                f"and yards[{play}] is {yards[play]:g}. Correct the gain or the yards to goal."
            )
        if len(self) == 1:
            one = kernels.rank(
                self.bin_edges, self.logits[0], self.xi[0], self.beta[0], self.tail_mass, self.lower[0], self.upper[0],
                yards[0],
            )  # fmt: skip
            return np.array([one])
        below = self._unbounded(yards[:, None] + HALVES, beyond=False)
        return (np.where(yards > self.lower, below[:, 0], 0.0) + np.where(yards < self.upper, below[:, 1], 1.0)) / 2

    def quantile(self, level: float) -> NDArray:
        """The fewest yards with a `cdf` of at least `level`, a number in (0, 1); shape (plays,)."""
        if not 0 < level < 1:
            raise ValueError(f"level: expected a number in (0, 1), came {level!r}.")
        return self.lower + (self._everywhere(beyond=False) < level).sum(axis=1)

    @property
    def mean(self) -> NDArray:
        """Mean yards, shape (plays,)."""
        return self.lower + self._everywhere(beyond=True).sum(axis=1)

    def _everywhere(self, beyond: bool) -> NDArray:
        """`cdf` or `survival` at all yards from the lower bound on, (plays, n); from a play's upper one on, 1 or 0."""
        widest = int((self.upper - self.lower).max(initial=0))
        return self._probability(self.lower[:, None] + np.arange(widest), beyond)

    @cached_property
    def _row(self) -> NDArray:
        return np.arange(len(self))[:, None]

    @cached_property
    def _below(self) -> NDArray:
        """Probability of the binned law below each edge, shape (plays, bins + 1)."""
        mass = np.exp(self.logits.astype(np.float64) - self.logits.max(axis=1, keepdims=True))
        below = np.empty((mass.shape[0], mass.shape[1] + 1))
        below[:, 0] = 0.0
        np.cumsum(mass, axis=1, out=below[:, 1:])
        below /= below[:, -1:]
        return below

    @cached_property
    def _thresholds(self) -> NDArray:
        """Where the tails begin, yards, shape (plays, 2)."""
        low, high = self.tail_mass
        edges, below = self.bin_edges, self._below
        levels = np.array([low, 1 - high])
        left = (below[:, 1:, None] < levels).sum(axis=1)  # the bin that reaches the level: a tie is on the left
        start, stop = below[self._row, left], below[self._row, left + 1]
        return edges[left] + (edges[left + 1] - edges[left]) * (levels - start) / (stop - start)

    def _probability(self, yards: ArrayLike, beyond: bool) -> NDArray:
        yards = np.asarray(yards, dtype=float)
        one_each = yards.ndim < 2
        if one_each:
            yards = yards.reshape(-1, 1)
        lower, upper = self.lower[:, None], self.upper[:, None]
        # P(Y <= k) is F(k + 1/2) between the bounds, 0 below a and 1 from b on
        value = self._unbounded(np.floor(np.minimum(np.maximum(yards, lower), upper)) + 0.5, beyond)
        ends = (0.0, 1.0) if beyond else (1.0, 0.0)
        value = np.where(yards >= upper, ends[0], np.where(yards < lower, ends[1], value))
        return value[:, 0] if one_each else value

    def _unbounded(self, z: NDArray, beyond: bool) -> NDArray:
        """F(z), or with `beyond` 1 - F(z), of the spliced laws themselves, both of shape (plays, n)."""
        edges, below, thresholds = self.bin_edges, self._below, self._thresholds
        k = np.minimum(np.maximum(np.searchsorted(edges, z, side="right") - 1, 0), len(edges) - 2)
        start, stop = below[self._row, k], below[self._row, k + 1]
        body = start + (stop - start) * (z - edges[k]) / (edges[k + 1] - edges[k])
        in_lower, in_upper = z < thresholds[:, :1], z > thresholds[:, 1:]
        value = 1 - body if beyond else body
        if in_lower.any() or in_upper.any():
            low, high = self.tail_mass
            side = in_upper.astype(int)
            excess = np.where(in_upper, z - thresholds[:, 1:], thresholds[:, :1] - z)
            tail = _survival(np.maximum(excess, 0) / self.beta[self._row, side], self.xi[self._row, side])
            tail *= np.where(in_upper, high, low)
            value = np.where(in_lower | in_upper, np.where(in_upper == beyond, tail, 1 - tail), value)
        return value


def _survival(z: NDArray, xi: NDArray) -> NDArray:
    r""":math:`S(z; \xi) = (1 + \xi z)_+^{-1/\xi}`, :math:`e^{-z}` at :math:`\xi = 0`, for excesses in units of beta."""
    xi = np.where(xi == 0, 1e-12, xi).astype(np.float64)
    stretch = xi * z
    ended = stretch <= -1
    hazard = np.log1p(np.where(ended, 0, stretch)) / xi
    return np.where(ended, 0.0, np.exp(-hazard))
