r"""The older measures of passing: from counts, from expected points, from a model of completions.

Each takes what a box score or a season's play-by-play has. Two well-known grades are not here because they cannot be
computed: those of Pro Football Focus are given by people who watch every play, and the ratings of the Madden games by
their editors. ESPN's QBR has parts that are not public; `qbr_like` says in its name that it is not the same.
Chapters: the passing score beside the older metrics.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from .features import StoredPlays
from .model import PiecewiseLinear

__all__ = [
    "METRICS",
    "adjusted_net_yards",
    "box_scores",
    "completion_probability",
    "expected_points",
    "passer_rating",
    "qbr_like",
]

METRICS = {
    "passer_rating": "of the NFL, 0 to 158.3",
    "any_a": "adjusted net yards per attempt and sack, yards",
    "yards_per_attempt": "yards",
    "completion": "share of attempts",
    "cpoe": "completions less those of a model, per attempt",
    "epa": "expected points added, per dropback",
    "success": "share of dropbacks that add expected points",
    "qbr_like": "a proxy by expected points, 0 to 100",
}
"""The columns that `box_scores` makes, and their units."""


def passer_rating(
    attempts: ArrayLike, completions: ArrayLike, yards: ArrayLike, touchdowns: ArrayLike, interceptions: ArrayLike
) -> NDArray:
    r"""The NFL's passer rating of sums over some attempts, 0 to 158.3; NaN where there is no attempt.

    .. math:: \tfrac{100}{6} \big( [5 (c - 0.3)] + [(y - 3) / 4] + [20 t] + [2.375 - 25 i] \big),

    with completions c, yards y, touchdowns t and interceptions i per attempt and each bracket held in 0 to 2.375.

    Source: National Football League, NFL Passer Rating Formula.
    """
    n, c, y, t, i = (np.asarray(v, dtype=float) for v in (attempts, completions, yards, touchdowns, interceptions))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = 5 * (c / n - 0.3), (y / n - 3) / 4, 20 * t / n, 2.375 - 25 * i / n
    return sum(np.clip(part, 0, 2.375) for part in parts) / 6 * 100


def adjusted_net_yards(
    attempts: ArrayLike,
    yards: ArrayLike,
    touchdowns: ArrayLike,
    interceptions: ArrayLike,
    sacks: ArrayLike,
    sack_yards: ArrayLike,
) -> NDArray:
    r"""ANY/A, adjusted net yards per attempt: :math:`(Y + 20\,TD - 45\,INT - Y_{sack}) / (ATT + SACK)`, in yards.

    Args:
        attempts, yards, touchdowns, interceptions, sacks: Sums over some dropbacks.
        sack_yards: Yards lost by the sacks, a number of at least 0.

    Source: Pro-Football-Reference, glossary.
    """
    n, y, t, i, s, lost = (
        np.asarray(v, dtype=float) for v in (attempts, yards, touchdowns, interceptions, sacks, sack_yards)
    )
    if np.any(lost < 0):
        raise ValueError("sack_yards: expected yards lost, at least 0, came a negative number; turn its sign.")
    with np.errstate(divide="ignore", invalid="ignore"):
        return (y + 20 * t - 45 * i - lost) / (n + s)


def expected_points(plays: pd.DataFrame) -> pd.DataFrame:
    """Expected points before each play and EPA of it, from the season's own next scores.

    The value of a moment is the expectation of the next score of the half for the offence: a touchdown 7, a field goal
    3, a safety 2, those of the defence negative, none 0 (as in Yurko, Ventura & Horowitz 2019, nflWAR, section 3.1). It
    is fitted by least squares on smooth functions of the yards to goal, the logarithm of the yards to go and the time
    left in the half, for each down. EPA is the value after less the value before; after a score its points, after the
    last play of a half 0.

    Args:
        plays: All plays from scrimmage in order, kick-offs left out: game_id, quarter, clock (s left of the quarter),
            offence_team, down, yards_to_go, yards_to_goal and points, scored on the play by the offence, negative by
            the defence.

    Returns:
        The columns `expected_points` and `epa`, index of `plays`.

    Raises:
        ValueError: A column is missing, or a down is not 1 to 4; the row is named.
    """
    columns = ["game_id", "quarter", "clock", "offence_team", "down", "yards_to_go", "yards_to_goal", "points"]
    if missing := [name for name in columns if name not in plays.columns]:
        raise ValueError(f"plays: expected the columns {', '.join(columns)}, and {', '.join(missing)} is missing.")
    down = plays["down"].to_numpy()
    if not np.isin(down, (1, 2, 3, 4)).all():
        row = int(np.argmax(~np.isin(down, (1, 2, 3, 4))))
        raise ValueError(f"plays, row {row}, down, value {down[row]}: expected 1 to 4; leave kick-offs out.")
    game = plays["game_id"].to_numpy()
    quarter = plays["quarter"].to_numpy()
    half = np.where(quarter <= 2, 1, np.where(quarter <= 4, 2, quarter))
    offence = plays["offence_team"].astype("category").cat.codes.to_numpy()
    points = plays["points"].to_numpy(float)
    score = np.sign(points) * np.where(np.abs(points) >= 6, 7.0, np.abs(points))
    last = np.r_[(game[1:] != game[:-1]) | (half[1:] != half[:-1]), True]

    value = np.zeros(len(plays))  # of the next score, for the offence of the row
    follow = 0.0
    for i in range(len(plays) - 1, -1, -1):
        if last[i]:
            follow = 0.0
        elif offence[i + 1] != offence[i]:
            follow = -follow
        if score[i] != 0:
            follow = score[i]
        value[i] = follow

    goal, go = plays["yards_to_goal"].to_numpy(float), plays["yards_to_go"].to_numpy(float)
    left = plays["clock"].to_numpy(float) + np.where((quarter == 1) | (quarter == 3), 900.0, 0.0)
    g, late, very_late = goal / 100, np.exp(-left / 120), np.exp(-left / 30)
    shape = np.column_stack([np.ones_like(g), g, g**2, g**3, np.exp(-goal / 5), np.log(go), np.log(go) * g, go >= goal])
    ends = np.column_stack([late, late * g, very_late, very_late * g, late * np.exp(-goal / 20)])
    blocks = [np.where((down == d)[:, None], np.column_stack([shape, ends]), 0) for d in (1, 2, 3, 4)]
    design = np.column_stack(blocks)
    before = design @ np.linalg.lstsq(design, value, rcond=None)[0]

    following = np.r_[before[1:], 0.0]
    turned = np.r_[offence[1:] != offence[:-1], False]
    after = np.where(last, 0.0, np.where(turned, -following, following))
    after = np.where(score != 0, score, after)
    return pd.DataFrame({"expected_points": before, "epa": after - before}, index=plays.index)


def completion_probability(plays: StoredPlays, *, folds: int = 5, ridge: float = 1.0, seed: int) -> NDArray:
    """Probability that an average passer completes each pass, from the features of its release.

    A logistic regression on the piecewise linear encoding of `PASSING_STATIC_FEATURES`, each game's passes by a model
    of the other games, so that no pass is in the model that judges it.

    Args:
        plays: Passes.
        folds: Parts into which the games are dealt.
        ridge: Weight of the squared coefficients.
        seed: Seed of the dealing.

    Returns:
        Shape (plays,), in (0, 1).

    Raises:
        ValueError: There are fewer games than folds.
    """
    group = plays.group.numpy()
    games = np.unique(group)
    if len(games) < folds:
        raise ValueError(f"folds: expected at most as many as games, came {folds} and {len(games)} games.")
    part = np.random.default_rng(seed).permutation(len(games))[np.searchsorted(games, group)] % folds
    complete = torch.tensor((plays.index["outcome"].astype(str) == "complete").to_numpy(np.float32))
    probability = np.empty(len(plays))
    for fold in range(folds):
        own = torch.tensor(part == fold)
        encode = PiecewiseLinear(plays.static.shape[1], 10)
        encode.fit(plays.static[~own])
        x, target = encode(plays.static[~own]), complete[~own]
        layer = nn.Linear(x.shape[1], 1)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=60, line_search_fn="strong_wolfe")

        def loss(layer=layer, optimiser=optimiser, x=x, target=target) -> torch.Tensor:
            optimiser.zero_grad()
            fit = nn.functional.binary_cross_entropy_with_logits(layer(x)[:, 0], target, reduction="sum")
            value = (fit + ridge * layer.weight.square().sum()) / len(target)
            value.backward()
            return value

        optimiser.step(loss)
        with torch.no_grad():
            probability[own.numpy()] = layer(encode(plays.static[own]))[:, 0].sigmoid().double().numpy()
    return probability


def qbr_like(epa: ArrayLike) -> NDArray:
    r"""A proxy, not ESPN's QBR: mean EPA per dropback e on a scale from 0 to 100, :math:`100 / (1 + \exp(-4 e))`.

    50 is a passer who adds nothing. The real one weighs plays by their leverage, divides credit between passer and team
    mates, and is not public; over seasons it goes closely with EPA per play.
    """
    return 100 / (1 + np.exp(-4 * np.asarray(epa, dtype=float)))


def box_scores(dropbacks: pd.DataFrame, by: str | Sequence[str] = "passer_id") -> pd.DataFrame:
    """All `METRICS` of passers, teams, games or whatever dropbacks are grouped by.

    Args:
        dropbacks: One row a dropback, as in the table of plays: `outcome`, `yards_gained`, `touchdown`, and the columns
            of `by`; `epa` where expected points are known, and `completion_probability` where passes have one. A metric
            that cannot be had is NaN.
        by: Column or columns to group by.

    Returns:
        One row per group, index of `by`: `dropbacks`, `attempts` and `METRICS`.

    Raises:
        ValueError: A column is missing.
    """
    by = [by] if isinstance(by, str) else list(by)
    needed = [*by, "outcome", "yards_gained", "touchdown"]
    if missing := [name for name in needed if name not in dropbacks.columns]:
        raise ValueError(f"dropbacks: expected the columns {', '.join(needed)}, and {', '.join(missing)} is missing.")
    outcome = dropbacks["outcome"].astype(str)
    passed, sacked = outcome.isin(["complete", "incomplete", "interception"]), outcome == "sack"
    complete, yards = outcome == "complete", dropbacks["yards_gained"].astype(float)
    epa = dropbacks["epa"].astype(float) if "epa" in dropbacks else pd.Series(np.nan, dropbacks.index)
    over = (
        (complete - dropbacks["completion_probability"]).where(passed)
        if "completion_probability" in dropbacks
        else pd.Series(np.nan, dropbacks.index)
    )
    sums = {
        "dropbacks": outcome.notna(),
        "attempts": passed,
        "completions": complete,
        "yards": yards.where(passed, 0.0),
        "touchdowns": dropbacks["touchdown"].astype(bool) & complete,
        "interceptions": outcome == "interception",
        "sacks": sacked,
        "lost": -yards.where(sacked, 0.0).clip(upper=0),
    }
    table = pd.DataFrame(sums).assign(**dropbacks[by]).groupby(by, observed=True).sum().astype(float)
    n = table["attempts"].where(table["attempts"] > 0)
    means = pd.DataFrame({"cpoe": over, "epa": epa, "success": (epa > 0).where(epa.notna()).astype(float)})
    means = means.assign(**dropbacks[by]).groupby(by, observed=True).mean()
    return pd.DataFrame(
        {
            "dropbacks": table["dropbacks"].astype(int),
            "attempts": table["attempts"].astype(int),
            "passer_rating": passer_rating(
                n, table["completions"], table["yards"], table["touchdowns"], table["interceptions"]
            ),
            "any_a": adjusted_net_yards(
                table["attempts"], table["yards"], table["touchdowns"], table["interceptions"], table["sacks"],
                table["lost"],
            ),
            "yards_per_attempt": table["yards"] / n,
            "completion": table["completions"] / n,
            "cpoe": means["cpoe"],
            "epa": means["epa"],
            "success": means["success"],
            "qbr_like": qbr_like(means["epa"]),
        },
        index=table.index,
    )  # fmt: skip
