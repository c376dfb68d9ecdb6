r"""How good a predicted distribution is: scores, calibration, and how sure we are of either.

Scores take a law with one distribution per play and return one number per play, so that their mean, their difference
between two models and an interval that respects games (`group_bootstrap`) all come from the same numbers.
Chapter: real tracking (book/ch09_ultimate.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from torch import Tensor
from torch.distributions import Distribution

from .distributions import Rounded
from .distributions._integrals import squared_between, squared_beyond
from .features import PlayTensors, StoredPlays
from .likelihood import crps

__all__ = [
    "SCORES",
    "Interval",
    "coverage",
    "crps",
    "diebold_mariano",
    "group_bootstrap",
    "nll",
    "paired_difference",
    "pit",
    "pit_histogram",
    "pp_error",
    "recorded",
    "score_plays",
    "summarise",
    "tail_crps",
    "width",
]


def nll(law: Distribution, y: Tensor) -> Tensor:
    r"""Negative log density :math:`-\log f(y)` of each outcome, in nats; it depends on the unit of `y`.

    This is the density itself: `qbsbp.likelihood.nll`, which is for learning, extends it past a finite end point.

    Args:
        law: One distribution per play, or one for all.
        y: Outcomes in yards, shape (n,).

    Returns:
        Shape (n,); inf where the density is 0.
    """
    return -law.log_prob(y)


def pit(
    law: Distribution, y: Tensor, *, rounding: float | None = None, generator: torch.Generator | None = None
) -> Tensor:
    r"""Probability integral transform :math:`F(y)` of each outcome; uniform on (0, 1) over plays when calibrated.

    Outcomes that are rounded to multiples of :math:`u` are atoms of the data, not of the law. Their randomised
    transform spreads each over the probability that it stands for, with V uniform on (0, 1) (Czado, Gneiting & Held,
    2009):

    .. math:: F(y - u/2) + V \big( F(y + u/2) - F(y - u/2) \big).

    Args:
        law: One distribution per play, or one for all.
        y: Outcomes in yards, shape (n,).
        rounding: The unit u in yards to which outcomes are rounded; None for continuous ones.
        generator: Where V comes from, needed with `rounding`.

    Returns:
        Shape (n,), in [0, 1].

    Raises:
        ValueError: `rounding` is not > 0, or comes without a generator.
    """
    # sums of float32 masses may pass 1 by a rounding error
    if rounding is None:
        return law.cdf(y).clamp(0, 1)
    if not rounding > 0:
        raise ValueError(f"rounding: expected a unit > 0 in yards, or None for continuous outcomes, got {rounding}")
    if generator is None:
        raise ValueError("generator: rounding draws random numbers; pass torch.Generator().manual_seed(...)")
    below, above = law.cdf(y - rounding / 2), law.cdf(y + rounding / 2)
    v = torch.rand(below.shape, generator=generator, dtype=below.dtype, device=generator.device).to(below.device)
    return (below + v * (above - below)).clamp(0, 1)


def coverage(law: Distribution, y: Tensor, level: float = 0.9) -> Tensor:
    r"""1 where the central interval of the law holds the outcome, else 0; the mean over plays should be `level`.

    The interval runs from the quantile at :math:`(1 - level) / 2` to the one at :math:`(1 + level) / 2`.

    Args:
        law: One distribution per play, or one for all.
        y: Outcomes in yards, shape (n,).
        level: Probability of the interval, in (0, 1).

    Returns:
        Shape (n,).
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a probability in (0, 1), got {level}")
    u = law.cdf(y)
    return ((u >= (1 - level) / 2) & (u <= (1 + level) / 2)).to(u.dtype)


def width(law: Distribution, level: float = 0.9) -> Tensor:
    """Length of the central interval of that level, in the unit of the outcome: beside `coverage`, how sharp a law is.

    Args:
        law: One distribution per play.
        level: Probability of the interval, in (0, 1).

    Returns:
        The batch shape of the law.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a probability in (0, 1), got {level}")
    like = next(v for v in vars(law).values() if isinstance(v, Tensor) and v.is_floating_point())
    low, high = (like.new_full(law.batch_shape, (1 + sign * level) / 2) for sign in (-1, 1))
    return law.icdf(high) - law.icdf(low)


def tail_crps(law: Distribution, y: Tensor, threshold: Tensor | float, *, tail: str = "upper") -> Tensor:
    r"""Threshold-weighted CRPS of each outcome: what the forecast says of one tail, and nothing else.

    .. math:: \int_t^\infty (F(x) - 1\{x \ge y\})^2 dx \quad \text{(upper)}, \qquad
              \int_{-\infty}^t (F(x) - 1\{x \ge y\})^2 dx \quad \text{(lower)},

    by Gauss-Legendre quadrature. It stays proper, where a score of only those outcomes that were extreme would reward
    who cries wolf. The threshold must be the same for every forecast that is compared.

    Args:
        law: One distribution per play.
        y: Outcomes, shape (n,).
        threshold: Where the tail begins, one for all or one each.
        tail: "upper" or "lower".

    Returns:
        Shape (n,), in the unit of the outcome.

    Raises:
        ValueError: `tail` is neither.

    Reference: Gneiting & Ranjan (2011), Comparing density forecasts using threshold- and quantile-weighted scoring
    rules, Journal of Business & Economic Statistics 29, 411-422.
    """
    if tail not in ("upper", "lower"):
        raise ValueError(f"tail: expected 'upper' or 'lower', got {tail!r}")
    upper = tail == "upper"
    threshold = torch.as_tensor(threshold, dtype=y.dtype, device=y.device).expand(y.shape)
    scale = (law.icdf(torch.full_like(y, 0.75)) - law.icdf(torch.full_like(y, 0.25))) / 8
    # between threshold and outcome the step has not come, or has been; beyond both the tail of the law counts
    start = torch.maximum(threshold, y) if upper else torch.minimum(threshold, y)
    low, high = (threshold, start) if upper else (start, threshold)
    inner = squared_between(law, low, high, survival=not upper, panels=24)
    return inner + squared_beyond(law, start, scale, upper=upper)


def pp_error(pit: ArrayLike, *, lower_mass: float = 0.05, upper_mass: float = 0.05) -> pd.Series:
    r"""PP error: how far the empirical frequencies lie from the levels, on average over the levels of a region.

    With :math:`\hat F(p)` the share of plays whose transform is at most p, the error of the region from a to b is

    .. math:: \frac{1}{b - a} \int_a^b |\hat F(p) - p| \, dp,

    integrated exactly. `full` is the region from 0 to 1, so the mean of the other three weighted by their widths. A
    perfect law still has a sampling error: on average :math:`\sqrt{\pi / 32 n}` in `full`, .010 at n = 1,000 (the mean
    absolute Brownian bridge).

    Args:
        pit: Transforms of the outcomes, shape (n,), in [0, 1].
        lower_mass: The lower tail holds the levels from 0 to `lower_mass`.
        upper_mass: The upper tail holds the levels from 1 - `upper_mass` to 1.

    Returns:
        `lower`, `body`, `upper` and `full`, as probabilities.
    """
    u = np.sort(_transforms(pit))
    # |F_hat(p) - p| is linear in p except where F_hat jumps, where p crosses it, and at the ends of the regions
    cuts = np.array([0.0, lower_mass, 1 - upper_mass, 1.0])
    levels = np.arange(len(u) + 1) / len(u)
    nodes = np.unique(np.concatenate([u, levels, cuts]))
    middle = (nodes[1:] + nodes[:-1]) / 2
    height = np.abs(np.searchsorted(u, middle, side="right") / len(u) - middle)
    area = np.concatenate([[0.0], np.cumsum(height * np.diff(nodes))])
    at_cut = area[np.searchsorted(nodes, cuts)]
    lower, body, upper = np.diff(at_cut) / np.diff(cuts)
    return pd.Series({"lower": lower, "body": body, "upper": upper, "full": at_cut[-1]})


def pit_histogram(pit: ArrayLike, bins: int = 20, *, level: float = 0.95) -> pd.DataFrame:
    """Histogram of the transforms with the band in which a calibrated law's bars lie.

    Under calibration, with independent plays, a bar's count is binomial with probability 1 / bins: `lower` and `upper`
    are its quantiles at (1 - level) / 2 and (1 + level) / 2. The band is for each bar alone: of 20 bars one
    leaves a 95 % band by chance.

    Args:
        pit: Transforms of the outcomes, shape (n,), in [0, 1].
        bins: Number of bars.
        level: Probability of the band.

    Returns:
        One row per bar: `left`, `right`, `density` (1 when uniform), `lower`, `upper`.
    """
    u = _transforms(pit)
    edges = np.linspace(0, 1, bins + 1)
    counts, _ = np.histogram(u, edges)
    band = stats.binom.ppf([(1 - level) / 2, (1 + level) / 2], len(u), 1 / bins) * bins / len(u)
    return pd.DataFrame(
        {
            "left": edges[:-1],
            "right": edges[1:],
            "density": counts * bins / len(u),
            "lower": band[0],
            "upper": band[1],
        }
    )


@dataclass(frozen=True)
class Interval:
    """An estimate with a confidence interval.

    Attributes:
        estimate: The statistic of the data.
        lower: Lower end of the interval.
        upper: Upper end of the interval.
        level: Probability of the interval.
    """

    estimate: float
    lower: float
    upper: float
    level: float

    def __str__(self) -> str:
        return f"{self.estimate:.3f} [{self.lower:.3f}, {self.upper:.3f}]"


def group_bootstrap(
    values: ArrayLike | Tensor,
    groups: ArrayLike | Tensor,
    *,
    statistic: Callable[[NDArray], float] = np.mean,
    draws: int = 2000,
    level: float = 0.95,
    seed: int,
) -> Interval:
    """Percentile interval of a statistic from resampling whole groups.

    Plays of a game resemble each other, so an interval from resampling plays is too narrow. Here a draw takes as many
    games as there are, with replacement, each with all its plays, and computes the statistic on them together; the
    interval runs between the quantiles at (1 - level) / 2 and (1 + level) / 2 of the draws. With few groups (fewer than
    about 20) such an interval is still somewhat too narrow. Infinite values leave an infinite end where they belong.

    Args:
        values: One number per play, shape (n,), or several, shape (n, m), which the statistic then gets as rows.
        groups: Game of each play, shape (n,).
        statistic: Function of the resampled values.
        draws: Number of resamples.
        level: Probability of the interval.
        seed: Seed of the resampling.

    Returns:
        Estimate on all plays, with its interval.

    Raises:
        ValueError: shapes do not agree, or there are fewer than two groups.

    Reference: Davison & Hinkley (1997), Bootstrap Methods and their Application, section 3.8.
    """
    values, groups = _array(values), _array(groups)
    if groups.ndim != 1 or len(values) != len(groups):
        raise ValueError(f"groups: expected shape ({len(values)},), one game per value, got {groups.shape}")
    labels, group_of = np.unique(groups, return_inverse=True)
    if len(labels) < 2:
        raise ValueError(f"groups: expected at least 2 games to resample, got {len(labels)}")
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(labels), size=(draws, len(labels)))
    if statistic is np.mean and values.ndim == 1:
        # the mean needs only each game's sum and size
        sums, sizes = np.bincount(group_of, weights=values), np.bincount(group_of)
        replicates = sums[chosen].sum(1) / sizes[chosen].sum(1)
    else:
        members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(np.bincount(group_of))[:-1])
        replicates = [statistic(values[np.concatenate([members[game] for game in row])]) for row in chosen]
    # one impossible outcome makes a mean infinite, and between a number and infinity nothing can be interpolated
    method = "linear" if np.isfinite(replicates).all() else "inverted_cdf"
    lower, upper = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2], method=method)
    return Interval(float(statistic(values)), float(lower), float(upper), level)


def paired_difference(
    values: ArrayLike | Tensor,
    reference: ArrayLike | Tensor,
    groups: ArrayLike | Tensor,
    *,
    statistic: Callable[[NDArray], float] = np.mean,
    draws: int = 2000,
    level: float = 0.95,
    seed: int,
) -> Interval:
    """`group_bootstrap` of statistic(values) - statistic(reference), both on the same resampled games.

    What two models have in common, the games that are hard for both, cancels; the interval is that of the comparison.

    Args:
        values: Score of each play under one model, shape (n,).
        reference: Score of each play under the other, shape (n,).
        groups: Game of each play, shape (n,).
        statistic: Function of the resampled values.
        draws: Number of resamples.
        level: Probability of the interval.
        seed: Seed of the resampling.

    Returns:
        The difference, negative where `values` is the lower, with its interval.
    """
    values, reference = _array(values), _array(reference)
    if values.shape != reference.shape or values.ndim != 1:
        raise ValueError(f"reference: expected the shape of values, (n,), got {reference.shape} for {values.shape}")
    options = {"draws": draws, "level": level, "seed": seed}
    if statistic is np.mean:
        return group_bootstrap(values - reference, groups, **options)
    both = np.stack([values, reference], axis=1)
    return group_bootstrap(both, groups, statistic=lambda v: statistic(v[:, 0]) - statistic(v[:, 1]), **options)


def diebold_mariano(
    values: ArrayLike | Tensor, reference: ArrayLike | Tensor, *, lags: int | None = None, level: float = 0.95
) -> tuple[Interval, float]:
    r"""Paired comparison of two forecasts of one series: is the mean difference of their scores 0?

    With d the differences and :math:`\hat\gamma_k` their autocovariances, the variance of the mean is taken as
    :math:`(\hat\gamma_0 + 2 \sum_{k \le K} (1 - k / (K + 1)) \hat\gamma_k) / n` (Newey & West, 1987), and the
    statistic, mean over its standard error, as Student's t with n - 1 degrees of freedom (Harvey, Leybourne & Newbold,
    1997).

    Args:
        values: Score of each step under one forecast, in order, shape (n,).
        reference: Score of each step under the other, shape (n,).
        lags: Lags K; None for the integer part of :math:`4 (n / 100)^{2/9}`.
        level: Probability of the interval.

    Returns:
        Mean difference, negative where `values` is the lower, with its interval, and the two-sided p-value.

    Raises:
        ValueError: Shapes do not agree, a number is not finite, or there are fewer than 10 steps.

    Reference: Diebold & Mariano (1995), Comparing predictive accuracy, Journal of Business & Economic Statistics 13.
    """
    values, reference = _array(values).astype(float), _array(reference).astype(float)
    if values.shape != reference.shape or values.ndim != 1 or len(values) < 10:
        raise ValueError(
            f"values, reference: expected one shape, (n,) with n >= 10, got {values.shape} and {reference.shape}"
        )
    d = values - reference
    if not np.isfinite(d).all():
        step = int(np.argmin(np.isfinite(d)))
        raise ValueError(f"values, reference: expected finite scores, but at step {step} they differ by {d[step]}")
    n = len(d)
    lags = int(4 * (n / 100) ** (2 / 9)) if lags is None else lags
    rest = d - d.mean()
    variance = rest @ rest + 2 * sum((1 - k / (lags + 1)) * (rest[k:] @ rest[:-k]) for k in range(1, lags + 1))
    error = np.sqrt(max(variance, 0)) / n
    if error == 0:
        return Interval(float(d.mean()), float(d.mean()), float(d.mean()), level), 1.0 if d.mean() == 0 else 0.0
    t = stats.t(n - 1)
    half = t.ppf((1 + level) / 2) * error
    return Interval(float(d.mean()), float(d.mean() - half), float(d.mean() + half), level), float(
        2 * t.sf(abs(d.mean()) / error)
    )


def recorded(law: Distribution, plays: PlayTensors | StoredPlays) -> Rounded:
    """The laws of plays with bounds as their outcomes are written down: in whole yards, cut at the goal lines."""
    return Rounded(law, plays.bounds[:, 0], plays.bounds[:, 1])


def score_plays(law: Distribution, plays: PlayTensors | StoredPlays, *, seed: int) -> pd.DataFrame:
    """Scores of each play's recorded outcome under its law, on the same terms for every kind of law.

    Whatever the law was made for, it is first rounded to whole yards and cut at the play's bounds (`recorded`), so that
    a histogram, a bell and a spliced law can be compared, and compared with a true law of whole yards.

    Args:
        law: One distribution per play.
        plays: Plays with bounds.
        seed: Of the random numbers that spread a whole yard over its probability, see `pit`.

    Returns:
        One row per play: `nll`, minus the log probability of the outcome, nats; `crps`, yards; `absolute_error` of the
        median, yards; `pit`, randomised, in [0, 1].
    """
    whole = recorded(law, plays)
    y = plays.y.to(whole.cdf(plays.y).dtype)
    generator = torch.Generator().manual_seed(seed)
    columns = {
        "nll": -whole.log_prob(y),
        "crps": whole.crps(y),
        "absolute_error": (whole.icdf(0.5) - y).abs(),
        "pit": pit(whole, y, rounding=1.0, generator=generator),
    }
    return pd.DataFrame({name: values.double().numpy() for name, values in columns.items()})


SCORES: dict[str, tuple[str, Callable[[NDArray], float]]] = {
    "mae": ("absolute_error", np.mean),
    "crps": ("crps", np.mean),
    "nll": ("nll", np.mean),
    "pp_lower": ("pit", lambda u: pp_error(u)["lower"]),
    "pp_body": ("pit", lambda u: pp_error(u)["body"]),
    "pp_upper": ("pit", lambda u: pp_error(u)["upper"]),
    "coverage": ("pit", lambda u: float(np.mean((u >= 0.05) & (u <= 0.95)))),
}
"""What a set of plays is summed up in: the column of `score_plays`, and the statistic of it. `coverage` is the share of
plays within the central 90 % of their law."""


def summarise(
    scores: pd.DataFrame, groups: ArrayLike | Tensor, *, draws: int = 500, level: float = 0.95, seed: int
) -> dict[str, Interval]:
    """Each of `SCORES` over some plays, with the interval of `group_bootstrap`.

    Args:
        scores: What `score_plays` returned.
        groups: Game of each play, shape (n,).
        draws: Number of resamples.
        level: Probability of the intervals.
        seed: Seed of the resampling.
    """
    options = {"draws": draws, "level": level, "seed": seed}
    return {
        name: group_bootstrap(scores[column].to_numpy(), groups, statistic=statistic, **options)
        for name, (column, statistic) in SCORES.items()
    }


def _array(values: ArrayLike | Tensor) -> NDArray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _transforms(pit: ArrayLike | Tensor) -> NDArray:
    u = _array(pit).astype(float)
    if u.ndim != 1 or len(u) == 0 or not ((u >= 0) & (u <= 1)).all():
        raise ValueError("pit: expected transforms in [0, 1], shape (n,) with n > 0, for example pit(law, y)")
    return u
