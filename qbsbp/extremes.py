r"""Classical extreme-value theory on samples: what lies beyond a threshold, and how sure one can be of it.

Beyond a high threshold u the excesses z = y - u of nearly any law follow a generalized Pareto law, whose survival
function is :math:`S(z) = (1 + \xi z / \beta)_+^{-1/\xi}` (Pickands, 1975; Balkema and de Haan, 1974). Maxima of blocks
follow a generalized extreme-value law (Fisher and Tippett, 1928; Gnedenko, 1943). Everything takes arrays and returns
small records; nothing is drawn at random and nothing of SciPy's is changed. Chapters: extreme values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

__all__ = [
    "GevFit",
    "GpdFit",
    "Hill",
    "Interval",
    "MeanExcess",
    "Stability",
    "block_maxima",
    "decluster",
    "excesses",
    "fit_gev",
    "fit_gpd",
    "hill",
    "mean_excess",
    "pareto_moments",
    "stability",
    "whole_excesses",
]

LEAST = 10
"""Fewest exceedances that a law is fitted to."""

XI_RANGE = (-0.95, 5.0)
"""Shapes that are searched. At -1 the likelihood has no maximum: it grows without bound at the greatest excess."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it."""

    estimate: float
    lower: float
    upper: float


IMPOSSIBLE = 1e15  # in the place of an infinite minus log likelihood: a search compares it without a warning


# --- beyond a threshold -----------------------------------------------------------------------------------------------


def excesses(sample: ArrayLike, threshold: float) -> NDArray:
    """By how much the threshold is exceeded, of those outcomes that exceed it, shape (exceedances,).

    Args:
        sample: Outcomes, shape (n,).
        threshold: In their unit.

    Raises:
        ValueError: An outcome is not finite, or the threshold is outside of the sample, so that all or none exceed it.
    """
    sample = _sample("sample", sample)
    if not sample.min() <= threshold < sample.max():
        raise ValueError(
            f"threshold: expected one inside the sample, from {sample.min():g} to below {sample.max():g}, came "
            f"{threshold:g}. Choose a quantile of the sample."
        )
    return sample[sample > threshold] - threshold


def whole_excesses(outcomes: ArrayLike, threshold: float, limit: ArrayLike | None = None) -> tuple[NDArray, NDArray]:
    """Excesses of whole numbers as intervals, for `fit_gpd`.

    A whole y stands for anything from y - 1/2 to y + 1/2, and one at its limit (a touchdown, at the goal line) for
    anything from y - 1/2 on.

    Args:
        outcomes: Whole numbers, shape (n,).
        threshold: A whole number and a half, so that no interval contains it.
        limit: Greatest outcome that was possible, a number or shape (n,); None for no limit.

    Returns:
        Lower and upper ends of the excesses, shape (exceedances,) each; the upper end is inf at the limit.

    Raises:
        ValueError: Outcomes that are not whole, a threshold that is, or an outcome beyond its limit.
    """
    outcomes = _sample("outcomes", outcomes)
    if (outcomes != np.rint(outcomes)).any():
        raise ValueError(f"outcomes: expected whole numbers, came {outcomes[outcomes != np.rint(outcomes)][0]:g}.")
    if threshold + 0.5 != round(threshold + 0.5):
        raise ValueError(f"threshold: expected a whole number and a half, as 19.5, came {threshold:g}.")
    limit = np.broadcast_to(np.inf if limit is None else np.asarray(limit, dtype=float), outcomes.shape)
    if (outcomes > limit).any():
        at = int(np.argmax(outcomes > limit))
        raise ValueError(
            f"limit: expected no outcome beyond it, and outcomes[{at}] is {outcomes[at]:g} of {limit[at]:g}."
        )
    excesses(outcomes, threshold)  # its checks
    beyond = outcomes > threshold
    lower = outcomes[beyond] - 0.5 - threshold
    return lower, np.where(outcomes[beyond] == limit[beyond], np.inf, lower + 1)


@dataclass(frozen=True)
class MeanExcess:
    """Mean excess over each of some thresholds, with normal intervals; see `mean_excess`."""

    threshold: NDArray
    count: NDArray
    mean: NDArray
    lower: NDArray
    upper: NDArray


def mean_excess(sample: ArrayLike, thresholds: ArrayLike, *, level: float = 0.95) -> MeanExcess:
    r"""Mean of the excesses over each threshold; of Pareto excesses :math:`(\beta + \xi u) / (1 - \xi)`.

    Args:
        sample: Outcomes, shape (n,).
        thresholds: Shape (thresholds,), each exceeded by at least two.
        level: Probability of the intervals.

    Raises:
        ValueError: As in `excesses`, or a threshold that fewer than two exceed.
    """
    thresholds = _sample("thresholds", thresholds)
    parts = [excesses(sample, u) for u in thresholds]
    count = np.array([len(part) for part in parts])
    if count.min() < 2:
        raise ValueError(f"thresholds: expected at least 2 exceedances of each, {thresholds[count.argmin()]:g} has 1.")
    mean = np.array([part.mean() for part in parts])
    reach = stats.norm.ppf((1 + level) / 2) * np.array([part.std(ddof=1) for part in parts]) / np.sqrt(count)
    return MeanExcess(thresholds, count, mean, mean - reach, mean + reach)


# --- the generalized Pareto law ---------------------------------------------------------------------------------------


def pareto_moments(excess: ArrayLike) -> tuple[float, float]:
    r"""Shape and scale by probability-weighted moments, in closed form.

    With :math:`a_0` the mean and :math:`a_1` that of :math:`z\,(1 - F(z))`: :math:`\xi = 2 - a_0 / (a_0 - 2 a_1)`,
    :math:`\beta = 2 a_0 a_1 / (a_0 - 2 a_1)`. Good for few excesses; consistent for :math:`\xi < 1`.

    Source: Hosking and Wallis, Technometrics 29 (1987), 339-349.
    """
    z = np.sort(_enough(excess))
    a0 = z.mean()
    a1 = np.mean(z * (len(z) - np.arange(1, len(z) + 1)) / (len(z) - 1))
    return float(2 - a0 / (a0 - 2 * a1)), float(2 * a0 * a1 / (a0 - 2 * a1))


@dataclass(frozen=True)
class GpdFit:
    r"""A generalized Pareto law fitted to excesses by maximum likelihood.

    Attributes:
        xi: Shape.
        beta: Scale, > 0, in the unit of the excesses.
        covariance: Of (xi, beta), from the curvature of the likelihood, shape (2, 2).
        log_likelihood: At the maximum.
        lower: Lower ends of the excesses, shape (n,).
        upper: Their upper ends: the same where they are exact, inf where censored.
    """

    xi: float
    beta: float
    covariance: NDArray
    log_likelihood: float
    lower: NDArray
    upper: NDArray

    @property
    def se(self) -> NDArray:
        """Standard errors of xi and beta."""
        return np.sqrt(np.diag(self.covariance))

    def survival(self, excess: ArrayLike) -> NDArray:
        """Probability that an exceedance goes farther than `excess`."""
        return np.exp(_log_survival(np.asarray(excess, dtype=float), self.xi, self.beta))

    def xi_interval(self, level: float = 0.95) -> Interval:
        """Profile-likelihood interval of the shape."""

        def profile(xi: float) -> float:
            middle = float(np.log(self.beta))
            return _least(lambda log_beta: self._nll(xi, np.exp(log_beta)), middle - 6, middle + 6)

        return _profile_interval(profile, self.xi, self.se[0], XI_RANGE, self.log_likelihood, level)

    def return_level(self, period: float, *, rate: float, threshold: float = 0.0, level: float = 0.95) -> Interval:
        r"""The level that is exceeded once in `period` outcomes, with its profile-likelihood interval.

        .. math:: y = u + \tfrac{\beta}{\xi} \big( (m \zeta)^{\xi} - 1 \big)

        The share :math:`\zeta` of outcomes beyond the threshold is taken as known.

        Args:
            period: m, in outcomes.
            rate: :math:`\zeta`, the share of outcomes that exceed the threshold, in (0, 1].
            threshold: u.
            level: Probability of the interval.

        Raises:
            ValueError: m times the rate is not above 1, so that the level is not beyond the threshold.
        """
        times = period * rate
        if not times > 1:
            raise ValueError(f"period: expected more than one exceedance in it, came {period:g} x {rate:g}.")

        def reach(xi: float) -> float:  # excess of the level in scales
            return special.boxcox(times, xi)

        def profile(log_excess: float) -> float:
            excess = np.exp(log_excess)
            return _least(lambda xi: self._nll(xi, excess / reach(xi)), *XI_RANGE)

        best = self.beta * reach(self.xi)
        gradient = np.array([self.beta * (reach(self.xi + 1e-5) - reach(self.xi - 1e-5)) / 2e-5, reach(self.xi)])
        se = float(np.sqrt(gradient @ self.covariance @ gradient)) / best
        ends = (-np.inf, np.inf)
        found = _profile_interval(profile, float(np.log(best)), se, ends, self.log_likelihood, level)
        return Interval(*(threshold + float(np.exp(value)) for value in (found.estimate, found.lower, found.upper)))

    def _nll(self, xi: float, beta: float) -> float:
        return _nll(xi, beta, self.lower, self.upper)


def fit_gpd(lower: ArrayLike, upper: ArrayLike | None = None) -> GpdFit:
    r"""Fit a generalized Pareto law to excesses by maximum likelihood: exact ones, intervals and censored ones.

    An exact excess z adds its log density, an interval :math:`\log (S(a) - S(b))`, and one that is only known to be
    beyond a adds :math:`\log S(a)`.

    Args:
        lower: Excesses, or the lower ends of intervals around them, at least 0, shape (n,).
        upper: Upper ends, shape (n,): the same as `lower` where it is exact, inf where censored; None for all exact.
            `whole_excesses` makes both from whole numbers.

    Raises:
        ValueError: Fewer than `LEAST` excesses, some that are not finite or negative, upper ends below lower ones, or
            nothing but censored ones.
    """
    lower = _enough(lower)
    upper = lower if upper is None else np.asarray(upper, dtype=float)
    if upper.shape != lower.shape or not (upper >= lower).all():
        raise ValueError(f"upper: expected shape {lower.shape} and nothing below the lower ends, came {upper.shape}.")
    if np.isinf(upper).all():
        raise ValueError("upper: expected some known excesses, and all are censored. Choose a lower threshold.")
    middle = np.where(np.isinf(upper), lower, (lower + upper) / 2)
    scale = middle.mean()  # in this unit the search needs no other
    a, b = lower / scale, upper / scale

    def nll(parameters: NDArray) -> float:
        return _nll(parameters[0], np.exp(parameters[1]), a, b)

    xi, beta = pareto_moments(middle / scale)
    starts = [(np.clip(xi, -0.4, 1.0), np.log(max(beta, 0.05))), (0.1, 0.0)]
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000}
    bounds = [XI_RANGE, (-15.0, 15.0)]
    found = min(
        (optimize.minimize(nll, start, method="Nelder-Mead", bounds=bounds, options=options) for start in starts),
        key=lambda result: result.fun,
    )
    xi, beta = float(found.x[0]), float(np.exp(found.x[1]) * scale)
    best, unit = np.array([xi, beta]), np.array([1.0, beta])
    covariance = _covariance(lambda p: _nll(p[0], p[1], lower, upper), best, unit)
    exact = int((lower == upper).sum())
    return GpdFit(xi, beta, covariance, -float(found.fun) - exact * float(np.log(scale)), lower, upper)


@dataclass(frozen=True)
class Stability:
    r"""Shape and modified scale :math:`\beta - \xi u` over thresholds; both are constant where the law is right.

    Attributes are of shape (thresholds,), those of `xi_interval` and `scale_interval` (thresholds, 2).
    """

    threshold: NDArray
    count: NDArray
    xi: NDArray
    xi_interval: NDArray
    scale: NDArray
    scale_interval: NDArray


def stability(sample: ArrayLike, thresholds: ArrayLike, *, level: float = 0.95) -> Stability:
    """Fit a generalized Pareto law beyond each of some thresholds; intervals are normal ones.

    Args:
        sample: Outcomes, shape (n,).
        thresholds: Shape (thresholds,).
        level: Probability of the intervals.

    Raises:
        ValueError: As in `excesses` and `fit_gpd`.
    """
    thresholds = _sample("thresholds", thresholds)
    fits = [fit_gpd(excesses(sample, u)) for u in thresholds]
    reach = stats.norm.ppf((1 + level) / 2)
    xi = np.array([fit.xi for fit in fits])
    scale = np.array([fit.beta - fit.xi * u for fit, u in zip(fits, thresholds)])
    turned = [np.array([-u, 1.0]) for u in thresholds]
    scale_se = np.sqrt([turn @ fit.covariance @ turn for turn, fit in zip(turned, fits)])
    xi_se = np.array([fit.se[0] for fit in fits])
    around = [np.stack([v - reach * se, v + reach * se], axis=1) for v, se in ((xi, xi_se), (scale, scale_se))]
    return Stability(thresholds, np.array([len(fit.lower) for fit in fits]), xi, around[0], scale, around[1])


@dataclass(frozen=True)
class Hill:
    """Hill's estimate of the shape from the k greatest outcomes, for every k; see `hill`."""

    k: NDArray
    xi: NDArray
    lower: NDArray
    upper: NDArray


def hill(sample: ArrayLike, *, most: int | None = None, level: float = 0.95) -> Hill:
    r"""Hill's estimate of a positive shape, for each number k of greatest outcomes.

    .. math:: \hat\xi_k = \frac{1}{k} \sum_{i=1}^{k} \log y_{(i)} - \log y_{(k+1)}

    Its standard error is :math:`\hat\xi_k / \sqrt k`.

    Args:
        sample: Positive outcomes, shape (n,).
        most: Greatest k; by default a quarter of the sample.
        level: Probability of the intervals.

    Source: Hill, Annals of Statistics 3 (1975), 1163-1174.

    Raises:
        ValueError: Fewer than three outcomes, or some among the greatest that are not positive.
    """
    greatest = np.sort(_sample("sample", sample))[::-1]
    most = max(len(greatest) // 4, 2) if most is None else most
    if not 1 <= most < len(greatest) or greatest[most] <= 0:
        raise ValueError(
            f"most: expected 1 to below {min(len(greatest), int((greatest > 0).sum()))}, the number of positive "
            f"outcomes, came {most}."
        )
    k = np.arange(1, most + 1)
    logs = np.log(greatest[: most + 1])
    xi = np.cumsum(logs[:most]) / k - logs[1:]
    reach = stats.norm.ppf((1 + level) / 2) * xi / np.sqrt(k)
    return Hill(k, xi, xi - reach, xi + reach)


# --- blocks and clusters ----------------------------------------------------------------------------------------------


def block_maxima(series: ArrayLike, length: int) -> NDArray:
    """The greatest outcome of each block of `length`; a last block that is shorter is left out.

    Raises:
        ValueError: No whole block, or outcomes that are not finite.
    """
    series = _sample("series", series)
    if not 1 <= length <= len(series):
        raise ValueError(f"length: expected 1 to {len(series)}, the length of the series, came {length}.")
    return series[: len(series) // length * length].reshape(-1, length).max(axis=1)


@dataclass(frozen=True)
class GevFit:
    r"""A generalized extreme-value law, :math:`\exp(-(1 + \xi (y - \mu) / \sigma)_+^{-1/\xi})`, fitted to maxima.

    Attributes:
        xi: Shape, of the same sign as in `GpdFit`.
        mu: Location.
        sigma: Scale, > 0.
        covariance: Of (xi, mu, sigma), shape (3, 3).
        log_likelihood: At the maximum.
        maxima: What it was fitted to, shape (blocks,).
    """

    xi: float
    mu: float
    sigma: float
    covariance: NDArray
    log_likelihood: float
    maxima: NDArray

    @property
    def se(self) -> NDArray:
        """Standard errors of xi, mu and sigma."""
        return np.sqrt(np.diag(self.covariance))

    def return_level(self, blocks: float, *, level: float = 0.95) -> Interval:
        r"""The level that the maximum of a block exceeds once in so many blocks, with its profile-likelihood interval.

        .. math:: y = \mu + \tfrac{\sigma}{\xi} \big( (-\log(1 - 1/m))^{-\xi} - 1 \big)

        Args:
            blocks: m, above 1.
            level: Probability of the interval.

        Raises:
            ValueError: `blocks` is not above 1.
        """
        if not blocks > 1:
            raise ValueError(f"blocks: expected more than 1, came {blocks:g}.")

        def reach(xi: float) -> float:  # of the level above mu, in scales
            return float(special.boxcox(-1 / np.log1p(-1 / blocks), xi))

        unit = self.sigma  # all in scales from mu: the search needs no other unit
        y = (self.maxima - self.mu) / unit
        best = reach(self.xi)
        at = np.array([self.xi, 0.0])

        def profile(value: float) -> float:
            def nll(parameters: NDArray) -> float:
                xi, sigma = parameters[0], np.exp(parameters[1])
                return _gev_nll(xi, value - sigma * reach(xi), sigma, y)

            # shifted to the level or stretched to it: where one makes a maximum impossible, the other may not
            stretched = [np.array([self.xi, np.log(value / best)])] if value * best > 0 else []
            start = min([at, *stretched], key=nll)
            found = optimize.minimize(nll, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
            return float(found.fun)

        step = 1e-5
        slope = (reach(self.xi + step) - reach(self.xi - step)) / (2 * step)
        gradient = np.array([unit * slope, 1.0, best])
        se = float(np.sqrt(gradient @ self.covariance @ gradient)) / unit
        most = self.log_likelihood + len(y) * float(np.log(unit))
        found = _profile_interval(profile, best, se, (-np.inf, np.inf), most, level)
        return Interval(*(self.mu + unit * value for value in (found.estimate, found.lower, found.upper)))


def fit_gev(maxima: ArrayLike) -> GevFit:
    """Fit a generalized extreme-value law by maximum likelihood.

    Args:
        maxima: Of blocks, shape (blocks,).

    Raises:
        ValueError: Fewer than `LEAST` maxima, or some that are not finite.
    """
    maxima = _sample("maxima", maxima)
    if len(maxima) < LEAST:
        raise ValueError(f"maxima: expected at least {LEAST}, came {len(maxima)}. Choose shorter blocks.")
    centre, scale = float(np.median(maxima)), float(maxima.std())
    if scale == 0:
        raise ValueError("maxima: expected some that differ, and all are the same.")
    y = (maxima - centre) / scale

    def nll(parameters: NDArray) -> float:
        return _gev_nll(*parameters, y)

    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 8000, "maxfev": 8000}
    bounds = [XI_RANGE, (None, None), (1e-6, None)]
    found = min(
        (
            optimize.minimize(nll, (xi, -0.2, 0.8), method="Nelder-Mead", bounds=bounds, options=options)
            for xi in (0.1, -0.2)
        ),
        key=lambda result: result.fun,
    )
    xi, mu, sigma = found.x
    best = np.array([xi, centre + scale * mu, scale * sigma])
    covariance = _covariance(lambda p: _gev_nll(*p, maxima), best, np.array([1.0, best[2], best[2]]))
    return GevFit(*map(float, best), covariance, -float(found.fun) - len(y) * float(np.log(scale)), maxima)


def decluster(series: ArrayLike, threshold: float, run: int) -> NDArray:
    """Where the greatest outcome of each cluster of exceedances is, indices of the series.

    Exceedances belong to one cluster as long as fewer than `run` outcomes between two of them stay at or below the
    threshold. The number of clusters over that of exceedances estimates the extremal index.

    Args:
        series: Outcomes in order, shape (n,).
        threshold: In their unit.
        run: Outcomes that end a cluster, at least 1.

    Raises:
        ValueError: As in `excesses`, or a run below 1.
    """
    series = _sample("series", series)
    excesses(series, threshold)  # its checks
    if run < 1:
        raise ValueError(f"run: expected at least 1, came {run}.")
    at = np.flatnonzero(series > threshold)
    cluster = np.cumsum(np.diff(at, prepend=at[0]) > run)
    return np.array([part[series[part].argmax()] for part in np.split(at, np.flatnonzero(np.diff(cluster)) + 1)])


# --- small things -----------------------------------------------------------------------------------------------------


def _log1p_over(xi: float, z: NDArray) -> NDArray:
    """log(1 + xi z) / xi, and z at xi = 0."""
    return z * (1 - xi * z / 2) if abs(xi) < 1e-9 else np.log1p(xi * z) / xi


def _log_survival(z: NDArray, xi: float, beta: float) -> NDArray:
    """log S(z); -inf beyond the end of a law with a negative shape."""
    z = z / beta
    inside = 1 + xi * z > 0
    with np.errstate(invalid="ignore"):
        value = -_log1p_over(xi, np.where(inside & np.isfinite(z), z, 0.0))
    return np.where(inside & np.isfinite(z), value, -np.inf)


def _nll(xi: float, beta: float, lower: NDArray, upper: NDArray) -> float:
    """Minus the log likelihood of excesses; see `fit_gpd`."""
    if beta <= 0:
        return IMPOSSIBLE
    exact = lower == upper
    before, after = _log_survival(lower, xi, beta), _log_survival(upper, xi, beta)
    if np.isinf(before).any():
        return IMPOSSIBLE
    density = (1 + xi) * before - np.log(beta)  # (1 + 1/xi) log(1 + xi z) = -(1 + xi) log S
    with np.errstate(divide="ignore"):
        between = before + np.log(-np.expm1(np.where(exact, -1.0, after - before)))
    return -float(np.where(exact, density, between).sum())


def _gev_nll(xi: float, mu: float, sigma: float, y: NDArray) -> float:
    """Minus log likelihood of maxima."""
    z = (y - mu) / sigma if sigma > 0 else y
    if sigma <= 0 or (1 + xi * z <= 0).any():
        return IMPOSSIBLE
    hazard = _log1p_over(xi, z)  # log(1 + xi z) / xi
    return float(len(y) * np.log(sigma) + np.sum((1 + xi) * hazard + np.exp(-hazard)))


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """The least value of a function with one valley between two numbers."""
    found = optimize.minimize_scalar(function, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    return float(found.fun)


def _profile_interval(
    profile: Callable[[float], float],
    best: float,
    se: float,
    bounds: tuple[float, float],
    log_likelihood: float,
    level: float,
) -> Interval:
    """Where a profile (minus log likelihood) comes to half a quantile of chi squared over its least, around `best`."""
    most = -log_likelihood + stats.chi2.ppf(level, 1) / 2
    ends = []
    for sign, bound in ((-1, bounds[0]), (1, bounds[1])):
        step = sign * max(se, 1e-3)
        end = best + step
        while profile(end) < most and sign * (bound - end) > 0:
            step *= 1.6
            end += step
        end = sign * min(sign * end, sign * bound)
        outside = profile(end) >= most
        ends.append(optimize.brentq(lambda v: profile(v) - most, best, end, xtol=1e-6) if outside else end)
    return Interval(best, *ends)


def _covariance(nll: Callable[[NDArray], float], at: NDArray, unit: NDArray) -> NDArray:
    """Inverse of the second derivatives, by central differences of a thousandth of each unit."""
    steps = 1e-3 * np.diag(unit)
    size = range(len(at))

    def second(i: int, j: int) -> float:  # in units
        a, b = steps[i], steps[j]
        return 1e6 / 4 * (nll(at + a + b) - nll(at + a - b) - nll(at - a + b) + nll(at - a - b))

    return np.linalg.inv([[second(i, j) for j in size] for i in size]) * np.outer(unit, unit)


def _sample(name: str, values: ArrayLike) -> NDArray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name}: expected numbers in one dimension, came shape {array.shape}.")
    if not np.isfinite(array).all():
        at = int(np.argmin(np.isfinite(array)))
        raise ValueError(f"{name}: expected finite numbers, and {name}[{at}] is {array[at]}. Leave it out.")
    return array


def _enough(excess: ArrayLike) -> NDArray:
    excess = _sample("excess", excess)
    if len(excess) < LEAST:
        raise ValueError(
            f"excess: expected at least {LEAST} exceedances, came {len(excess)}. Choose a lower threshold."
        )
    if (excess < 0).any():
        raise ValueError(f"excess: expected at least 0, came {excess.min():g}; subtract the threshold first.")
    if excess.max() == 0:
        raise ValueError("excess: expected some above 0, and all are 0.")
    return excess
