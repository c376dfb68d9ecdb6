"""Fifty-digit reference for the laws, in plain mpmath: the independent second opinion.

One object is one parameter set (no batches). Every input is taken as the exact number that it is, so a law built from
float32 numbers is answered for those numbers. Nothing here imports qbsbp, and integrals are written as pieces of S and
S^2 rather than as the package writes them.

With S(z; xi) = (1 + xi z)_+^(-1/xi), exp(-z) at xi = 0, and F_b the piecewise-linear CDF of the bins, the spliced law
is

    F(y) = q_lo S((tau_lo - y) / beta_lo; xi_lo)        y < tau_lo = F_b^-1(q_lo)
         = F_b(y)                                       tau_lo <= y <= tau_hi
         = 1 - q_hi S((y - tau_hi) / beta_hi; xi_hi)    y > tau_hi = F_b^-1(1 - q_hi)

Conventions where mathematics leaves a choice:

* the density at an interior edge is that of the bin on its right, at the last edge that of the last bin; at a threshold
  it is that of the body;
* a mode that is a plateau is its midpoint, the leftmost one of several that are equally high;
* a mean whose integral diverges on one side is infinite, on both sides NaN; the variance, half the mean squared
  distance of two draws, is infinite in either case;
* the CRPS is the integral of (F - 1{x >= y})^2, which is finite for xi < 2, also where the mean is not.

`Normal` has what `Rounded` asks of a base; `Rounded` is a table of probabilities; all that it says is a sum over it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, fields, replace
from functools import cached_property

from mpmath import MPContext

mp = MPContext()  # a context of its own: mpmath's global precision stays as it was
mp.dps = 70  # 50 digits of every answer, and 35 of a central difference with STEP
STEP = mp.mpf(10) ** -35


def _numbers(values):
    return tuple(mp.mpf(value) for value in values)


class _Law:
    """What follows from `cdf`, `survival`, `log_prob` and the inputs alone, whatever the law."""

    def log_survival(self, y):
        survival = self.survival(y)
        return mp.log(survival) if survival > 0 else mp.ninf

    def density(self, y):
        return mp.exp(self.log_prob(y))

    def inputs(self):
        """Names of the differentiable inputs: `xi`, or `(name, index)` for one element of an array."""
        names = []
        for field in fields(self):
            value = getattr(self, field.name)
            names += [(field.name, i) for i in range(len(value))] if isinstance(value, tuple) else [field.name]
        return names

    def value_of(self, name):
        return getattr(self, name[0])[name[1]] if isinstance(name, tuple) else getattr(self, name)

    def moved(self, name, step):
        """The law with one input moved by `step`; everything that depends on it, thresholds included, moves too."""
        if not isinstance(name, tuple):
            return replace(self, **{name: getattr(self, name) + step})
        array = list(getattr(self, name[0]))
        array[name[1]] += step
        return replace(self, **{name[0]: tuple(array)})

    def jacobian(self, function, names=None):
        """Derivative of `function(law) -> list of numbers` in each named input (all of them by default).

        Returns:
            Dictionary from name to list of derivatives, by central differences of step 1e-35 at 70 digits.
        """
        derivatives = {}
        for name in names if names is not None else self.inputs():
            ahead, behind = function(self.moved(name, STEP)), function(self.moved(name, -STEP))
            derivatives[name] = [
                (a - b) / (2 * STEP) if mp.isfinite(a) and mp.isfinite(b) else mp.nan for a, b in zip(ahead, behind)
            ]
        return derivatives


def slope(function, y):
    """Derivative of `function` at `y`, by a central difference."""
    return (function(y + STEP) - function(y - STEP)) / (2 * STEP)


@dataclass(frozen=True)
class GeneralizedPareto(_Law):
    """Excesses over 0 with shape `xi` (any sign) and scale `beta` in yards."""

    xi: object
    beta: object

    def __post_init__(self):
        for field in fields(self):
            object.__setattr__(self, field.name, mp.mpf(getattr(self, field.name)))

    @property
    def end(self):
        """The last possible excess."""
        return -self.beta / self.xi if self.xi < 0 else mp.inf

    def survival(self, y):
        if y <= 0:
            return mp.one
        if y >= self.end:
            return mp.zero
        z = y / self.beta
        return mp.exp(-mp.log1p(self.xi * z) / self.xi) if self.xi != 0 else mp.exp(-z)

    def cdf(self, y):
        if y <= 0:
            return mp.zero
        if y >= self.end:
            return mp.one
        z = y / self.beta
        return -mp.expm1(-mp.log1p(self.xi * z) / self.xi) if self.xi != 0 else -mp.expm1(-z)

    def log_prob(self, y):
        """-S'(y) = S^(1 + xi) / beta."""
        if y < 0 or y > self.end or y == mp.inf:
            return mp.ninf
        if y == self.end:  # (1 + xi z)^(-1/xi - 1) with a base of zero
            return mp.ninf if self.xi > -1 else (-mp.log(self.beta) if self.xi == -1 else mp.inf)
        return (1 + self.xi) * mp.log(self.survival(y)) - mp.log(self.beta)

    def quantile_of_survival(self, survival):
        """The excess that is passed with probability `survival`."""
        if survival == 0:
            return self.end
        z = mp.expm1(-self.xi * mp.log(survival)) / self.xi if self.xi != 0 else -mp.log(survival)
        return self.beta * z

    def icdf(self, level):
        return self.quantile_of_survival(1 - mp.mpf(level))

    @cached_property
    def mean(self):
        return self.beta / (1 - self.xi) if self.xi < 1 else mp.inf

    @property
    def second_moment(self):
        return 2 * self.beta**2 / ((1 - self.xi) * (1 - 2 * self.xi)) if self.xi < mp.mpf(1) / 2 else mp.inf

    @property
    def variance(self):
        return self.second_moment - self.mean**2 if mp.isfinite(self.second_moment) else mp.inf

    @property
    def mode(self):
        return mp.zero if self.xi >= -1 else self.end

    @property
    def entropy(self):
        return 1 + mp.log(self.beta) + self.xi

    def integral_of_survival(self, y):
        """Of S from 0 to y >= 0."""
        if self.xi == 1:
            return self.beta * mp.log1p(y / self.beta)
        return self.beta * (1 - self.survival(y) ** (1 - self.xi)) / (1 - self.xi)

    def integral_of_survival_squared(self, y):
        """Of S^2 from 0 to y >= 0; y may be inf."""
        return self.beta * (1 - self.survival(y) ** (2 - self.xi)) / (2 - self.xi)

    def crps(self, y):
        if self.xi >= 2 or mp.isinf(y):
            return mp.inf
        start = max(mp.zero, y)
        to_the_left = start - 2 * self.integral_of_survival(start) + self.integral_of_survival_squared(start)
        to_the_right = self.integral_of_survival_squared(mp.inf) - self.integral_of_survival_squared(start)
        return max(mp.zero, -y) + to_the_left + to_the_right


@dataclass(frozen=True)
class Binned(_Law):
    """Piecewise-uniform law with `len(logits)` bins; `bin_edges` in yards."""

    bin_edges: tuple
    logits: tuple

    def __post_init__(self):
        for field in fields(self):
            object.__setattr__(self, field.name, _numbers(getattr(self, field.name)))

    @cached_property
    def mass(self):
        top = max(self.logits)
        weights = [mp.exp(logit - top) for logit in self.logits]
        total = mp.fsum(weights)
        return [weight / total for weight in weights]

    @cached_property
    def cumulative(self):
        """F_b at every edge; the last one is 1 by definition."""
        levels = [mp.zero]
        for mass in self.mass[:-1]:
            levels.append(levels[-1] + mass)
        return [*levels, mp.one]

    def width(self, bin):
        return self.bin_edges[bin + 1] - self.bin_edges[bin]

    def _bin_of(self, y):
        return min(max(bisect_right(self.bin_edges, y) - 1, 0), len(self.mass) - 1)

    def cdf(self, y):
        if y <= self.bin_edges[0]:
            return mp.zero
        if y >= self.bin_edges[-1]:
            return mp.one
        j = self._bin_of(y)
        return self.cumulative[j] + self.mass[j] * (y - self.bin_edges[j]) / self.width(j)

    def survival(self, y):
        return 1 - self.cdf(y)

    def log_prob(self, y):
        if not self.bin_edges[0] <= y <= self.bin_edges[-1]:
            return mp.ninf
        j = self._bin_of(y)
        return mp.log(self.mass[j] / self.width(j))

    def icdf(self, level):
        level = mp.mpf(level)
        j = min(max(bisect_right(self.cumulative, level) - 1, 0), len(self.mass) - 1)
        return self.bin_edges[j] + self.width(j) * (level - self.cumulative[j]) / self.mass[j]

    def pieces(self, start, end):
        """(left, right, F(left), F(right)) of every linear piece of the CDF between two outcomes inside the bins."""
        if end <= start:
            return []
        between = slice(bisect_right(self.bin_edges, start), bisect_left(self.bin_edges, end))
        knots = [start, *self.bin_edges[between], end]
        levels = [self.cdf(start), *self.cumulative[between], self.cdf(end)]
        return list(zip(knots, knots[1:], levels, levels[1:]))

    def raw_moment(self, power, start, end, centre):
        """Integral of (y - centre)^power against the density, between two outcomes inside the bins."""
        return mp.fsum(
            (upper - lower)
            * ((right - centre) ** (power + 1) - (left - centre) ** (power + 1))
            / ((power + 1) * (right - left))
            for left, right, lower, upper in self.pieces(start, end)
        )

    def entropy_between(self, start, end):
        return -mp.fsum(
            (upper - lower) * mp.log((upper - lower) / (right - left))
            for left, right, lower, upper in self.pieces(start, end)
        )

    def integral_of_square(self, start, end, offset):
        """Integral of (F - offset)^2 between two outcomes inside the bins."""
        return mp.fsum(
            (right - left) * ((lower - offset) ** 2 + (lower - offset) * (upper - offset) + (upper - offset) ** 2) / 3
            for left, right, lower, upper in self.pieces(start, end)
        )

    def densest(self, start, end):
        """(density, midpoint) of the densest piece, the leftmost of equals."""
        best = max(self.pieces(start, end), key=lambda piece: (piece[3] - piece[2]) / (piece[1] - piece[0]))
        return (best[3] - best[2]) / (best[1] - best[0]), (best[0] + best[1]) / 2

    @cached_property
    def mean(self):
        return self.raw_moment(1, self.bin_edges[0], self.bin_edges[-1], mp.zero)

    @property
    def variance(self):
        return self.raw_moment(2, self.bin_edges[0], self.bin_edges[-1], self.mean)

    @property
    def mode(self):
        return self.densest(self.bin_edges[0], self.bin_edges[-1])[1]

    @property
    def entropy(self):
        return self.entropy_between(self.bin_edges[0], self.bin_edges[-1])

    def crps(self, y):
        if mp.isinf(y):
            return mp.inf
        first, last = self.bin_edges[0], self.bin_edges[-1]
        inside = min(max(y, first), last)
        return (
            max(first - y, mp.zero)
            + self.integral_of_square(first, inside, mp.zero)
            + self.integral_of_square(inside, last, mp.one)
            + max(y - last, mp.zero)
        )


@dataclass(frozen=True)
class SplicedBinnedPareto(_Law):
    """A binned body between two generalized Pareto tails."""

    bin_edges: tuple
    logits: tuple
    lower_xi: object
    lower_beta: object
    upper_xi: object
    upper_beta: object
    lower_mass: object
    upper_mass: object
    level_error: object = 0  # added to F_b at both thresholds: no part of the law, it tells how rounding there spreads

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            object.__setattr__(self, field.name, _numbers(value) if isinstance(value, (tuple, list)) else mp.mpf(value))

    @cached_property
    def body(self):
        return Binned(self.bin_edges, self.logits)

    @cached_property
    def lower_tail(self):
        return GeneralizedPareto(self.lower_xi, self.lower_beta)

    @cached_property
    def upper_tail(self):
        return GeneralizedPareto(self.upper_xi, self.upper_beta)

    @cached_property
    def lower_threshold(self):
        return self.body.icdf(self.lower_mass + self.level_error)

    @cached_property
    def upper_threshold(self):
        return self.body.icdf(1 - self.upper_mass + self.level_error)

    def cdf(self, y):
        if y < self.lower_threshold:
            return self.lower_mass * self.lower_tail.survival(self.lower_threshold - y)
        if y > self.upper_threshold:
            return 1 - self.survival(y)
        return self.body.cdf(y)

    def survival(self, y):
        if y > self.upper_threshold:
            return self.upper_mass * self.upper_tail.survival(y - self.upper_threshold)
        return 1 - self.cdf(y)

    def log_prob(self, y):
        if y < self.lower_threshold:
            return mp.log(self.lower_mass) + self.lower_tail.log_prob(self.lower_threshold - y)
        if y > self.upper_threshold:
            return mp.log(self.upper_mass) + self.upper_tail.log_prob(y - self.upper_threshold)
        return self.body.log_prob(y)

    def icdf(self, level):
        level = mp.mpf(level)
        if level < self.lower_mass:
            return self.lower_threshold - self.lower_tail.quantile_of_survival(level / self.lower_mass)
        if level > 1 - self.upper_mass:
            return self.quantile_of_survival(1 - level)
        return self.body.icdf(level)

    def quantile_of_survival(self, survival):
        """The outcome above the upper threshold that is passed with probability `survival` <= `upper_mass`."""
        return self.upper_threshold + self.upper_tail.quantile_of_survival(mp.mpf(survival) / self.upper_mass)

    @cached_property
    def mean(self):
        if self.lower_xi >= 1 and self.upper_xi >= 1:
            return mp.nan
        return (
            self.body.raw_moment(1, self.lower_threshold, self.upper_threshold, mp.zero)
            + self.lower_mass * (self.lower_threshold - self.lower_tail.mean)
            + self.upper_mass * (self.upper_threshold + self.upper_tail.mean)
        )

    @property
    def variance(self):
        if max(self.lower_xi, self.upper_xi) >= mp.mpf(1) / 2:
            return mp.inf
        mean = self.mean
        below, above = self.lower_threshold - mean, self.upper_threshold - mean
        return (
            self.body.raw_moment(2, self.lower_threshold, self.upper_threshold, mean)
            + self.lower_mass * (below**2 - 2 * below * self.lower_tail.mean + self.lower_tail.second_moment)
            + self.upper_mass * (above**2 + 2 * above * self.upper_tail.mean + self.upper_tail.second_moment)
        )

    @property
    def mode(self):
        """Where the density is highest: inside the body, or just beyond a threshold where a tail starts higher."""
        density, where = self.body.densest(self.lower_threshold, self.upper_threshold)
        for mass, tail, threshold, sign in (
            (self.lower_mass, self.lower_tail, self.lower_threshold, -1),
            (self.upper_mass, self.upper_tail, self.upper_threshold, 1),
        ):
            highest = mass / tail.beta if tail.xi >= -1 else mp.inf
            if highest > density:
                density, where = highest, threshold + sign * tail.mode
        return where

    @property
    def entropy(self):
        return (
            self.body.entropy_between(self.lower_threshold, self.upper_threshold)
            + self.lower_mass * (self.lower_tail.entropy - mp.log(self.lower_mass))
            + self.upper_mass * (self.upper_tail.entropy - mp.log(self.upper_mass))
        )

    def crps(self, y):
        """Integral of F^2 to the left of y plus that of (1 - F)^2 to its right, piece by piece."""
        if self.lower_xi >= 2 or self.upper_xi >= 2 or mp.isinf(y):
            return mp.inf
        low, high = self.lower_threshold, self.upper_threshold
        inside = min(max(y, low), high)
        return (
            self._tail_crps(self.lower_mass, self.lower_tail, low - y)
            + self.body.integral_of_square(low, inside, mp.zero)
            + self.body.integral_of_square(inside, high, mp.one)
            + self._tail_crps(self.upper_mass, self.upper_tail, y - high)
        )

    @staticmethod
    def _tail_crps(mass, tail, excess):
        """Beyond a threshold, by the distance x from it: (1 - q S)^2 from 0 to the excess and (q S)^2 from there on."""
        start = max(excess, mp.zero)
        inner = start - 2 * mass * tail.integral_of_survival(start) + mass**2 * tail.integral_of_survival_squared(start)
        return inner + mass**2 * (tail.integral_of_survival_squared(mp.inf) - tail.integral_of_survival_squared(start))


@dataclass(frozen=True)
class Normal(_Law):
    """The normal law with mean `loc` and standard deviation `scale`."""

    loc: object
    scale: object

    def __post_init__(self):
        for field in fields(self):
            object.__setattr__(self, field.name, mp.mpf(getattr(self, field.name)))

    def cdf(self, y):
        return mp.erfc((self.loc - y) / (self.scale * mp.sqrt(2))) / 2

    def survival(self, y):
        return mp.erfc((y - self.loc) / (self.scale * mp.sqrt(2))) / 2

    def icdf(self, level):
        return self.loc + self.scale * mp.sqrt(2) * mp.erfinv(2 * mp.mpf(level) - 1)


@dataclass(frozen=True)
class Rounded:
    """A law rounded to whole yards and cut at whole bounds: what lies beyond one is counted there."""

    base: object
    lower: int
    upper: int

    @cached_property
    def table(self):
        """Probability of each possible outcome, ascending."""
        half, between = mp.mpf(1) / 2, range(self.lower + 1, self.upper)
        first, last = self.base.cdf(self.lower + half), self.base.survival(self.upper - half)
        return {self.lower: first} | {k: self.between(k - half, k + half) for k in between} | {self.upper: last}

    def between(self, low, high):
        """The difference that cancels less; at 70 digits either would do almost everywhere."""
        if self.base.cdf(low) > 0.5:
            return self.base.survival(low) - self.base.survival(high)
        return self.base.cdf(high) - self.base.cdf(low)

    def probability(self, y):
        return self.table.get(y, mp.zero)

    def cdf(self, y):
        return mp.fsum(p for k, p in self.table.items() if k <= y)

    def survival(self, y):
        return mp.fsum(p for k, p in self.table.items() if k > y)

    def icdf(self, level):
        """The fewest yards with at least that probability up to there."""
        total = mp.zero
        for k, probability in self.table.items():
            total += probability
            if total >= level:
                return k
        return self.upper

    def crps(self, y):
        """Sum over all whole numbers of the squared difference of two CDFs, steps at the outcomes."""
        total, score = mp.zero, mp.zero
        for k in range(min(self.lower, y), max(self.upper, y)):
            total += self.probability(k)
            score += (total - (k >= y)) ** 2
        return score

    @cached_property
    def mean(self):
        return mp.fsum(k * p for k, p in self.table.items())
