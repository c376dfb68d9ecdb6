r"""Alarms on streams by peaks over threshold: SPOT, DSPOT, and NN-SPOT.

Each is first shown a calm stretch (`start`), then one value at a time (`step`), and answers with a threshold that is
passed with probability `risk` if the future is like the past. The excesses of an initial quantile are taken as
generalized Pareto, of parameters that maximise the likelihood, found in one dimension (Grimshaw, 1993): with
:math:`\theta = \xi / \beta` the best shape for :math:`\theta` is :math:`\overline{\log(1 + \theta z)}`, and with the
threshold t, N excesses among n values and shape and scale :math:`\hat\xi, \hat\beta`,

.. math:: z_q = t + \frac{\hat\beta}{\hat\xi} \Big( \big(\tfrac{q n}{N}\big)^{-\hat\xi} - 1 \Big).

Reference: Siffer, Fouque, Termier & Largouet (2017), Anomaly detection in streams with extreme value theory, KDD, 1067.
Chapter: streams.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = ["DSPOT", "SPOT", "NNSPOT", "Alarms", "grimshaw"]

LEAST = 10  # peaks that a first fit needs
XI_LEAST = -0.95


def grimshaw(excess: ArrayLike, censored: ArrayLike = ()) -> tuple[float, float]:
    r"""Shape and scale of the generalized Pareto law that make the excesses likeliest, by a search in one dimension.

    With :math:`\theta = \xi / \beta` and r excesses that are known exactly, the best shape is
    :math:`\xi(\theta) = \sum \log(1 + \theta z) / r` over all of them, and what is left to be maximised is

    .. math:: \ell(\theta) = -r \log(\xi(\theta) / \theta) - \sum_{\text{exact}} \log(1 + \theta z) - r .

    :math:`\theta` is searched over a grid and then refined, from just above :math:`-1 / \max z` on; shapes below
    -0.95 are left out: at -1 the likelihood grows without bound.

    Args:
        excess: Excesses that are known, shape (n,), all above 0.
        censored: Excesses of which only this is known, that they were larger, shape (m,).

    Returns:
        Shape :math:`\xi` and scale :math:`\beta`.

    Raises:
        ValueError: There is no excess, or one is not finite and above 0.

    Reference: Grimshaw (1993), Computing maximum likelihood estimates for the generalized Pareto distribution,
    Technometrics 35, 185-191; the censored form is ours.
    """
    exact, beyond = np.asarray(excess, dtype=float), np.asarray(censored, dtype=float)
    every = np.concatenate([exact, beyond])
    if not len(exact) or not np.isfinite(every).all() or every.min() <= 0:
        raise ValueError(
            f"excess: expected finite excesses above 0, came {len(exact)}, the least {every.min(initial=0):g}."
        )
    count, top, mean = len(exact), every.max(), every.sum() / len(exact)

    def profile(theta: NDArray) -> tuple[NDArray, NDArray]:
        logs = np.log1p(theta[:, None] * every)
        xi = logs.sum(axis=1) / count
        with np.errstate(invalid="ignore", divide="ignore"):
            beta = np.where(np.abs(theta) * mean < 1e-8, mean, xi / theta)
            value = -count * np.log(beta) - logs[:, :count].sum(axis=1) - count
        return np.where(xi > XI_LEAST, value, -np.inf), xi

    theta = np.concatenate([-(1 - _NEAR) / top, [0.0], _FAR / mean])
    for _ in range(3):
        value, _ = profile(theta)
        best = int(np.argmax(value))
        left, right = theta[max(best - 1, 0)], theta[min(best + 1, len(theta) - 1)]
        theta = np.linspace(left, right, 11)
    value, xi = profile(theta)
    best = int(np.argmax(value))
    # between three neighbours the top of a parabola
    if 0 < best < len(theta) - 1:
        a, b, c = value[best - 1 : best + 2]
        bend = a - 2 * b + c if np.isfinite([a, c]).all() else 0.0
        if bend < 0:
            theta = np.array([theta[best] + (theta[1] - theta[0]) * (a - c) / (2 * bend)])
            _, xi = profile(theta)
            best = 0
    at, shape = float(theta[best]), float(xi[best])
    return (0.0, float(mean)) if abs(at) * mean < 1e-8 else (shape, shape / at)


_NEAR = np.geomspace(1e-5, 0.98, 16)  # how near theta comes to -1 / max z
_FAR = np.geomspace(1e-2, 200, 16)  # theta in units of 1 / mean z


@dataclass(frozen=True)
class Alarms:
    """What a stream was told.

    Attributes:
        alarm: Whether each value passed its threshold, shape (n,).
        threshold: The threshold before each value was seen, shape (n,).
    """

    alarm: NDArray
    threshold: NDArray


class SPOT:
    """Streaming peaks over threshold: alarms on a stream whose law does not change.

    Work and memory of a step do not grow: the last `peaks` excesses are kept, and the fit is renewed when one comes.

    Args:
        risk: Probability with which a value should pass the alarm threshold, below 1 - `level`.
        level: Quantile of the calm stretch above which values are peaks.
        peaks: Excesses that are kept, at least 10.
        censor: How an alarm counts. False, as published: not at all, which takes the largest of all values away and
            makes later thresholds a little too low. True: as a value of which only this is known, that it passed.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(self, risk: float = 1e-4, *, level: float = 0.98, peaks: int = 500, censor: bool = True):
        if not 0 < risk < 1 - level < 1:
            raise ValueError(f"risk, level: expected 0 < risk < 1 - level < 1, came {risk!r} and {level!r}.")
        if peaks < LEAST:
            raise ValueError(f"peaks: expected at least {LEAST}, came {peaks}.")
        self.risk, self.level, self.censor = risk, level, censor
        self._excess: deque[tuple[float, bool]] = deque(maxlen=peaks)
        self._seen = self._passed = 0
        self.initial = self.threshold = self.xi = self.beta = math.nan

    def start(self, values: ArrayLike) -> SPOT:
        """Learn from a calm stretch, shape (n,); a ValueError where it has too few peaks or one is not finite."""
        values = np.asarray(values, dtype=float)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise ValueError("values: expected finite numbers of shape (n,).")
        self.initial = float(np.quantile(values, self.level)) if len(values) else math.nan
        found = values[values > self.initial] - self.initial
        if len(found) < LEAST:
            raise ValueError(
                f"values: {len(found)} of {len(values)} lie above their quantile of {self.level:g}, and at least "
                f"{LEAST} are needed. Bring a longer stretch or a lower level."
            )
        self._excess.extend((z, False) for z in found.tolist())
        self._seen, self._passed = len(values), len(found)
        self._fit()
        return self

    def step(self, value: float) -> bool:
        """Whether the next value passes the alarm threshold, which then learns from it."""
        if value > self.threshold:
            if self.censor:
                self._seen += 1
                self._passed += 1
                self._excess.append((self.threshold - self.initial, True))
                self._fit()
            return True
        self._seen += 1
        if value > self.initial:
            self._passed += 1
            self._excess.append((value - self.initial, False))
            self._fit()
        return False

    def run(self, values: Iterable[float]) -> Alarms:
        """`step` over many values.

        Raises:
            ValueError: A value is not finite; its place is named.
        """
        values = np.asarray(values, dtype=float)
        if not np.isfinite(values).all():
            place = int(np.argmin(np.isfinite(values)))
            raise ValueError(f"values: expected finite numbers, and values[{place}] is {values[place]}.")
        alarm, threshold = np.zeros(len(values), dtype=bool), np.empty(len(values))
        for i, value in enumerate(values.tolist()):
            threshold[i] = self.threshold + self._level()
            alarm[i] = self.step(value)
        return Alarms(alarm, threshold)

    def survival(self, values: ArrayLike) -> NDArray:
        r"""Probability that the next value exceeds each of these, the tail of its predictive law.

        .. math:: P(Y > y) = \tfrac{N}{n} \big(1 + \hat\xi (y - t) / \hat\beta\big)_+^{-1/\hat\xi}, \qquad y \ge t

        Args:
            values: Any shape.

        Returns:
            The same shape; NaN below the initial threshold t, where nothing is modelled.
        """
        excess = np.asarray(values, dtype=float) - self._level() - self.initial
        tail = self._passed / max(self._seen, 1) * stats.genpareto.sf(excess, self.xi, scale=self.beta)
        return np.where(excess >= 0, tail, np.nan)

    def _level(self) -> float:
        """What the thresholds are counted from."""
        return 0.0

    def _fit(self) -> None:
        exact = [z for z, cut in self._excess if not cut]
        xi, beta = grimshaw(exact, [z for z, cut in self._excess if cut])
        odds = self.risk * self._seen / self._passed
        growth = -math.log(odds) if abs(xi) < 1e-9 else math.expm1(-xi * math.log(odds)) / xi
        self.xi, self.beta = xi, beta
        self.threshold = self.initial + beta * growth


class DSPOT(SPOT):
    """SPOT on what a value has above the mean of the last `depth` values that raised no alarm.

    It follows a level that drifts, and is late by about half of `depth`.

    Args:
        depth: Values of the moving mean, at least 1.
        risk: As in `SPOT`, like the others.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self, risk: float = 1e-4, *, depth: int = 10, level: float = 0.98, peaks: int = 500, censor: bool = True
    ):
        super().__init__(risk, level=level, peaks=peaks, censor=censor)
        if depth < 1:
            raise ValueError(f"depth: expected at least 1, came {depth}.")
        self._recent: deque[float] = deque(maxlen=depth)
        self._sum = 0.0

    def start(self, values: ArrayLike) -> DSPOT:
        """Learn from a calm stretch that is longer than `depth`."""
        values = np.asarray(values, dtype=float)
        depth = self._recent.maxlen
        if values.ndim != 1 or len(values) <= depth:
            raise ValueError(f"values: expected shape (n,) with n > depth = {depth}, came {values.shape}.")
        sums = np.cumsum(np.concatenate([[0.0], values]))
        super().start(values[depth:] - (sums[depth:-1] - sums[: -depth - 1]) / depth)
        self._recent.extend(values[-depth:].tolist())
        self._sum = float(sum(self._recent))
        return self

    def step(self, value: float) -> bool:
        """Whether the next value passes the alarm threshold, which then learns from it."""
        alarm = super().step(value - self._level())
        if not alarm:
            self._sum += value - self._recent[0]
            self._recent.append(value)
        return alarm

    def _level(self) -> float:
        return self._sum / len(self._recent) if self._recent else 0.0


class NNSPOT:
    """SPOT on the residuals of a learned forecast: what a value has above what the past let one expect.

    The level may move as the forecast can follow; scale and tail of the residuals are taken not to.

    Args:
        forecast: Function of the series, shape (n,), to a forecast of each value from those before it, shape (n,);
            NaN where there is none yet.
        risk: As in `SPOT`, like the others.
    """

    def __init__(
        self,
        forecast: Callable[[NDArray], NDArray],
        risk: float = 1e-4,
        *,
        level: float = 0.98,
        peaks: int = 500,
        censor: bool = True,
    ):
        self.forecast = forecast
        self.spot = SPOT(risk, level=level, peaks=peaks, censor=censor)

    def run(self, values: ArrayLike, *, calm: int) -> Alarms:
        """Learn from the first `calm` values and watch the rest; thresholds are in the unit of the series.

        Raises:
            ValueError: There are not more values than `calm`, or what the forecast gives for the rest is not finite.
        """
        values = np.asarray(values, dtype=float)
        expected = np.asarray(self.forecast(values), dtype=float)
        if not 0 < calm < len(values) or expected.shape != values.shape:
            raise ValueError(
                f"values, calm: expected more values than calm and a forecast of each, came {len(values)} values, "
                f"calm={calm} and forecasts of shape {expected.shape}."
            )
        residual = values - expected
        self.spot.start(residual[:calm][np.isfinite(residual[:calm])])
        found = self.spot.run(residual[calm:])
        return Alarms(found.alarm, found.threshold + expected[calm:])
