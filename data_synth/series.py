r"""Heavy-tailed time series whose conditional law is known at every step.

All are a location that moves, plus noise that does not depend on the past beyond it:

| maker | location | noise |
|---|---|---|
| `sinusoid` | 5 + sin | a quarter of a Student-t with 10 degrees of freedom, and spikes to both sides |
| `asymmetric` | the same | the lower half of one such t plus the upper half of another; spikes reach further up |
| `iid` | 0 | a quarter of a normal, and spikes to both sides |
| `varying` | 5 + sin | a two-piece Student-t whose scale, skewness and tail shapes move, each at its own pace |
| `contaminated` | of any of these | the same series, some of whose values were replaced by junk |

A spike is added with probability 0.15: a generalized Pareto, xi 1/50 (upwards 1/25 in `asymmetric`), scale 1. The first
three are the synthetic data of Ehrlich, Callot & Aubet (2021), Spliced Binned-Pareto distribution for robust modeling
of heavy-tailed time series, arXiv:2106.10952, with spikes drawn by a coin at each step instead of at a fixed count of
them, which makes the steps independent. `varying` is ours: every part of its law has a closed form.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import signal, special, stats

__all__ = ["Series", "asymmetric", "contaminated", "iid", "sinusoid", "varying", "write_tweets"]

SPIKES = 0.15
NOISE, DEGREES = 0.25, 10.0
PERIOD = 100  # steps
DRIFTS = {
    "scale": 1009,
    "skew": 701,
    "tails": 1511,
}  # steps of the slow cycles of `varying`: primes, so none is another's

_GRID = np.concatenate([-np.geomspace(400, 6, 1200), np.linspace(-6, 6, 4801)[1:-1], np.geomspace(6, 400, 1200)])


@dataclass(frozen=True)
class Series:
    """A series and the truth about it.

    Attributes:
        values: The series, shape (n,).
        location: What moves the law at each step, shape (n,).
        cdf: True conditional CDF: values of shape (n,), or (n, m) for m values at each step, to probabilities.
        quantile: True conditional quantiles: one level to shape (n,), levels of shape (m,) to shape (n, m).
        junk: True where a value was replaced (`contaminated`), shape (n,); the law is that of the clean series.
    """

    values: NDArray
    location: NDArray
    cdf: Callable[[ArrayLike], NDArray]
    quantile: Callable[[ArrayLike], NDArray]
    junk: NDArray

    def __len__(self) -> int:
        return len(self.values)

    def thresholds(self, lower_mass: float = 0.05, upper_mass: float = 0.05) -> tuple[NDArray, NDArray]:
        """True lower and upper thresholds of each step, each of shape (n,)."""
        return self.quantile(lower_mass), self.quantile(1 - upper_mass)


# --- the paper's ------------------------------------------------------------------------------------------------------


def sinusoid(n: int, *, seed: int) -> Series:
    """A sine of period 100 with symmetric Student-t noise and spikes to both sides.

    Args:
        n: Steps.
        seed: Of all randomness.

    Raises:
        ValueError: There is no step.
    """
    rng = _rng(n, seed)
    noise = NOISE * rng.standard_t(DEGREES, n) + _spikes(rng, n, 1 / 50, 1 / 50)
    return _shifted(_sine(n), noise, _noise("t", 1 / 50, 1 / 50))


def asymmetric(n: int, *, seed: int) -> Series:
    """The same with noise of two halves, min(0, t) + max(0, t'), and spikes that reach further up.

    One step in four both halves are 0, and the noise is: the law has an atom of 0.85 / 4 at the sine. Its density is
    infinite there, so a likelihood of it has no greatest value, and a CDF difference has.

    Args:
        n: Steps.
        seed: Of all randomness.

    Raises:
        ValueError: There is no step.
    """
    rng = _rng(n, seed)
    halves = np.minimum(0, rng.standard_t(DEGREES, n)) + np.maximum(0, rng.standard_t(DEGREES, n))
    return _shifted(_sine(n), NOISE * halves + _spikes(rng, n, 1 / 50, 1 / 25), _noise("halves", 1 / 50, 1 / 25))


def iid(n: int, *, seed: int) -> Series:
    """Normal noise of standard deviation 1/4 with spikes to both sides, the same law at every step.

    Args:
        n: Steps.
        seed: Of all randomness.

    Raises:
        ValueError: There is no step.
    """
    rng = _rng(n, seed)
    noise = NOISE * rng.standard_normal(n) + _spikes(rng, n, 1 / 50, 1 / 50)
    return _shifted(np.zeros(n), noise, _noise("normal", 1 / 50, 1 / 50))


def _spikes(rng: np.random.Generator, n: int, lower_xi: float, upper_xi: float) -> NDArray:
    up = rng.random(n) < 0.5
    size = np.expm1(np.where(up, upper_xi, lower_xi) * rng.exponential(size=n)) / np.where(up, upper_xi, lower_xi)
    return np.where(rng.random(n) < SPIKES, np.where(up, size, -size), 0.0)


@dataclass(frozen=True)
class _Noise:
    """A law of noise from a table over `_GRID`: an atom at 0, and for the rest log P(N <= y) and log P(N > y)."""

    lower: NDArray
    upper: NDArray
    atom: float

    def cdf(self, y: ArrayLike) -> NDArray:
        y = np.asarray(y, dtype=float)
        above = 1 - self.atom - np.exp(np.interp(y, _GRID, self.upper))
        return np.where(y < 0, np.exp(np.interp(y, _GRID, self.lower)), above + self.atom)

    def quantile(self, level: ArrayLike) -> NDArray:
        u = np.asarray(level, dtype=float)
        below = float(np.exp(np.interp(0.0, _GRID, self.lower)))
        with np.errstate(divide="ignore"):
            left = np.interp(np.log(u), self.lower, _GRID)
            right = np.interp(-np.log1p(-u), -self.upper, _GRID)
        return np.where(u < below, left, np.where(u <= below + self.atom, 0.0, right))


@lru_cache
def _noise(body: str, lower_xi: float, upper_xi: float) -> _Noise:
    """The law of body plus spikes, by Gauss-Legendre quadrature over the size of the spike."""
    left, right = _GRID < 0, _GRID > 0
    node, weight = _exponential_nodes()
    atom = 0.25 if body == "halves" else 0.0
    if body == "halves":

        def beyond(size: NDArray) -> NDArray:  # of half a t, given that it is not 0
            return 2 * special.stdtr(DEGREES, -np.abs(size) / NOISE)

        other = -NOISE * special.stdtrit(DEGREES, np.exp(-node) / 2)  # the half on the other side, by its survival
        tail = (beyond(_GRID) + beyond(np.abs(_GRID)[:, None] + other) @ weight) / 4
        low, high = np.where(left, tail, 0.75 - tail), np.where(right, tail, 0.75 - tail)
    else:
        law = stats.t(DEGREES, scale=NOISE) if body == "t" else stats.norm(scale=NOISE)
        low, high = law.cdf(_GRID), law.sf(_GRID)
    parts = [(1 - SPIKES) * low, (1 - SPIKES) * high]
    for sign, xi in ((-1, lower_xi), (1, upper_xi)):
        moved = _GRID[:, None] - sign * np.expm1(xi * node) / xi
        spike = stats.genpareto.sf(np.abs(_GRID), xi)
        for k, side in enumerate((low, high)):
            onto_atom = np.where(sign * _GRID > 0, spike, 1.0)
            onto_atom = onto_atom if (k == 1) == (sign == 1) else 1 - onto_atom
            parts[k] = parts[k] + SPIKES / 2 * (np.interp(moved, _GRID, side) @ weight + atom * onto_atom)
    with np.errstate(divide="ignore"):
        return _Noise(np.log(parts[0]), np.log(parts[1]), (1 - SPIKES) * atom)


def _exponential_nodes() -> tuple[NDArray, NDArray]:
    """Nodes and weights for the mean of a function of an exponential variable, in panels as far as 40."""
    edges = np.r_[np.linspace(0, 8, 17), np.linspace(8, 40, 9)[1:]]
    points, weights = np.polynomial.legendre.leggauss(12)
    half = np.diff(edges)[:, None] / 2
    node = (edges[:-1, None] + half * (1 + points)).ravel()
    weight = (half * weights).ravel() * np.exp(-node)
    return node, weight / weight.sum()


def _shifted(location: NDArray, noise: NDArray, law: _Noise) -> Series:
    return Series(
        location + noise,
        location,
        cdf=lambda y: law.cdf(np.asarray(y, dtype=float) - _column(location, y)),
        quantile=lambda level: _column(location, level, new=True) + law.quantile(level),
        junk=np.zeros(len(location), dtype=bool),
    )


# --- ours -------------------------------------------------------------------------------------------------------------


def varying(n: int, *, seed: int) -> Series:
    r"""A sine of period 100 with a noise whose scale, skewness and tail shapes move slowly.

    The noise is a two-piece Student-t: below 0 the lower half of one with scale :math:`s_-` and :math:`1 / \xi_-`
    degrees of freedom, above it the upper half of one with :math:`s_+` and :math:`1 / \xi_+`, weighted so that the
    density is continuous at 0. Its tails are generalized Pareto in the limit, of shapes :math:`\xi_-` and
    :math:`\xi_+`, which move in turn between 0.05 and 0.45; :math:`\log s_\pm` moves by 0.5 with the scale and by
    0.4 with the skewness.

    Args:
        n: Steps.
        seed: Of all randomness.

    Raises:
        ValueError: There is no step.
    """
    rng = _rng(n, seed)
    angle = {name: np.sin(2 * np.pi * np.arange(n) / steps + k) for k, (name, steps) in enumerate(DRIFTS.items())}
    scale = [NOISE * np.exp(0.5 * angle["scale"] + sign * 0.4 * angle["skew"]) for sign in (-1, 1)]
    degrees = [1 / (0.25 + sign * 0.2 * angle["tails"]) for sign in (-1, 1)]
    peak = [stats.t.pdf(0, nu) / s for nu, s in zip(degrees, scale)]
    below = peak[1] / (peak[0] + peak[1])  # weights of the halves that make the density continuous
    location = _sine(n)

    def cdf(y: ArrayLike) -> NDArray:
        z = np.asarray(y, dtype=float) - _column(location, y)
        share, s, nu = (_like(z, both) for both in (below, scale, degrees))
        return np.where(
            z < 0,
            2 * share * special.stdtr(nu[0], np.minimum(z, 0) / s[0]),
            1 - 2 * (1 - share) * special.stdtr(nu[1], -np.maximum(z, 0) / s[1]),
        )

    def invert(u: NDArray) -> NDArray:
        share, s, nu = (_like(u, both) for both in (below, scale, degrees))
        low = s[0] * special.stdtrit(nu[0], np.minimum(u / (2 * share), 0.5))
        high = -s[1] * special.stdtrit(nu[1], np.minimum((1 - u) / (2 * (1 - share)), 0.5))
        return np.where(u < share, low, high)

    def quantile(level: ArrayLike) -> NDArray:
        here = _column(location, level, new=True)
        return here + invert(np.asarray(level, dtype=float) + np.zeros_like(here))

    return Series(location + invert(rng.random(n)), location, cdf, quantile, np.zeros(n, dtype=bool))


def contaminated(series: Series, *, share: float = 0.02, size: float = 20.0, seed: int) -> Series:
    """The same series with some values replaced by junk far away, as a broken sensor writes it down.

    Args:
        series: A clean series; its law stays the truth.
        share: Of the values that are replaced, in [0, 1).
        size: How far from the location the junk lies, above it and below it, in units of the series.
        seed: Of all randomness.

    Raises:
        ValueError: The share is out of its range.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share: expected a share in [0, 1), came {share!r}.")
    rng = _rng(len(series), seed)
    junk = rng.random(len(series)) < share
    far = series.location + size * np.where(rng.random(len(series)) < 0.5, 1, -1) * (1 + rng.random(len(series)))
    return replace(series, values=np.where(junk, far, series.values), junk=junk)


# --- counts on disk ---------------------------------------------------------------------------------------------------


def write_tweets(folder: str | os.PathLike[str], *, days: int = 55, seed: int) -> None:
    """Three series of counts every five minutes, in the files of the Numenta Anomaly Benchmark: a stand-in for it.

    A count is Poisson, its mean a daily wave times a slowly varying log-normal level times now and then a burst of
    generalized Pareto size that dies away over an hour. `ABC` is busy, `DEF` quiet, `GHI` mostly 0. No label is set.

    Args:
        folder: An existing folder.
        days: Length of the series.
        seed: Of all randomness.
    """
    rng = np.random.default_rng(seed)
    n = 288 * days
    stamp = pd.date_range("2015-02-26 21:42:53", periods=n, freq="5min").strftime("%Y-%m-%d %H:%M:%S")
    names = {}
    for ticker, level in {"ABC": 40.0, "DEF": 8.0, "GHI": 0.3}.items():
        slow = special.ndtr(np.convolve(rng.standard_normal(n + 288), np.full(289, 1 / 17), mode="valid"))
        burst = np.where(rng.random(n) < 0.002, 2 * np.expm1(0.4 * rng.exponential(size=n)) / 0.4, 0.0)
        burst = signal.lfilter([1.0], [1.0, -np.exp(-1 / 12)], burst)
        mean = level * np.exp(0.5 * np.sin(2 * np.pi * np.arange(n) / 288) + slow - 0.5) * (1 + burst)
        name = f"Twitter_volume_{ticker}.csv"
        pd.DataFrame({"timestamp": stamp, "value": rng.poisson(mean)}).to_csv(Path(folder) / name, index=False)
        names[f"realTweets/{name}"] = []
    for labels in ("combined_labels.json", "combined_windows.json"):
        (Path(folder) / labels).write_text(json.dumps(names))


# --- small parts ------------------------------------------------------------------------------------------------------


def _rng(n: int, seed: int) -> np.random.Generator:
    if n < 1:
        raise ValueError(f"n: expected at least 1 step, came {n}.")
    return np.random.default_rng(seed)


def _sine(n: int) -> NDArray:
    return 5 + np.sin(2 * np.pi * np.arange(n) / PERIOD)


def _column(steps: NDArray, of: ArrayLike, new: bool = False) -> NDArray:
    """What belongs to each step, as a column where `of` has several values (with `new`: levels) at each."""
    return steps[:, None] if np.ndim(of) == (1 if new else 2) else steps


def _like(z: NDArray, steps: list[NDArray] | NDArray) -> NDArray:
    steps = np.asarray(steps)
    return steps[..., None] if z.ndim == 2 else steps
