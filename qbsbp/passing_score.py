r"""From a rank on a curve to a leaderboard that says how sure it is.

The law of a pass says what an average passer would have gained with it. Where the yards that were gained lie on that
law ranks the pass between 0 and 1; standardised over the league it is the play's score; its mean over some passes is
the score of a game, a season or a split, with an interval, a shrunken value and a range of places beside it.
Chapters: the passing score.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from torch.distributions import Distribution

from .evaluation import recorded
from .features import PASSING_STATIC_FEATURES, StoredPlays, passing_season
from .training import load_model

__all__ = [
    "INTERCEPTIONS",
    "SPLITS",
    "Reference",
    "Spread",
    "choose",
    "crossed_effects",
    "display",
    "leaderboard",
    "movers",
    "rank_passes",
    "score_season",
    "spread",
    "splits_of",
]

INTERCEPTIONS = ("zero", "return", "field position")
"""What an interception is taken to have gained: see `rank_passes`."""

SPLITS = {
    "under pressure": "pressure < 2",
    "clean pocket": "pressure >= 2",
    "quick": "time_to_throw < 2.5",
    "2.5 to 4 s": "2.5 <= time_to_throw <= 4",
    "long held": "time_to_throw > 4",
    "short": "air_yards < 10",
    "deep": "air_yards >= 20",
    "tight window": "separation < 1",
    "play action": "play_action",
    "red zone": "yards_to_goal <= 20",
    "third down": "down == 3",
    "trailing": "score_difference < 0",
}
"""Splits with a name, as queries on the table that `rank_passes` returns."""

FACTS = {"time_to_throw": "held", "pressure": "pressure", "separation": "separation", "target_depth": "depth"}
"""Columns that come from the features of the release frame, and what they are called there."""

KEPT = (
    "game_id", "play_id", "season", "week", "offence_team", "defence_team", "passer_id", "target_id", "quarter",
    "clock", "down", "yards_to_go", "yards_to_goal", "score_difference", "outcome", "yards_gained", "touchdown",
    "air_yards", "return_yards", "play_action",
)  # fmt: skip


def rank_passes(law: Distribution, plays: StoredPlays, *, interceptions: str = "zero") -> pd.DataFrame:
    r"""Where each pass ended on the law of what an average passer would have gained with it.

    With Y the gain in whole yards, cut at the goal lines (`qbsbp.distributions.Rounded`), the rank of a gain y is the
    mid-rank

    .. math:: r = P(Y < y) + P(Y = y) / 2,

    so that a gain of nothing, which a third of passes have, ranks in the middle of all gains of nothing. A touchdown
    ranks in the middle of [P(Y < yards to goal), 1], since nothing more was possible there. Under a calibrated law the
    mean rank of an average passer is 1/2 whatever he was given.

    Args:
        law: One distribution per play.
        plays: The plays; of others than passes (sacks and scrambles) there must be none.
        interceptions: What an interception gained: "zero", as the yards of the play are written down and as the law has
            learned it, so that ranks stay calibrated; "return", minus the yards of the return; or "field position",
            where the ball was caught less the return, so that a deep one that is not returned counts like a punt.

    Returns:
        One row per play: its key and facts (`KEPT`, where the season has them); `time_to_throw` (s), `pressure`
        (yards from the passer to the nearest defender), `separation` (yards from the target to his) and `target_depth`
        at the release; `gain`, what was ranked, in yards; and `rank`, in [0, 1].

    Raises:
        ValueError: `interceptions` is another word, there are no plays or others than passes, or the season does not
            say how far interceptions were thrown or returned.
    """
    if interceptions not in INTERCEPTIONS:
        raise ValueError(f"interceptions: expected one of {', '.join(INTERCEPTIONS)}, came {interceptions!r}.")
    index = plays.index
    if not len(index):
        raise ValueError("plays: expected passes to rank, came none.")
    outcome = index["outcome"].astype(str)
    if (other := ~outcome.isin(["complete", "incomplete", "interception"])).any():
        row = index.loc[other.idxmax()]
        raise ValueError(
            f"plays: expected passes, and {int(other.sum())} are none; the first, play {row['play_id']} of game "
            f"{row['game_id']}, is a {row['outcome']}. Leave them out: `passing_season` does unless asked otherwise."
        )
    table = index[[name for name in KEPT if name in index.columns]].copy()
    names = list(PASSING_STATIC_FEATURES)
    for column, feature in FACTS.items():
        scale = PASSING_STATIC_FEATURES[feature][0]
        table[column] = plays.static[:, names.index(feature)].double().numpy() * scale
    # a tenth of a second, in float32 and scaled, is put right again
    table["time_to_throw"] = table["time_to_throw"].round(1)
    gain = plays.y.clone()
    caught = (outcome == "interception").to_numpy()
    if interceptions != "zero" and caught.any():
        needed = ["return_yards"] + (["air_yards"] if interceptions == "field position" else [])
        for name in needed:
            if name not in index.columns or index.loc[caught, name].isna().any():
                raise ValueError(
                    f"interceptions: {interceptions!r} needs {name} of every interception, and the season does not "
                    "have it. Choose 'zero'."
                )
        net = -index.loc[caught, "return_yards"].to_numpy(float)
        if interceptions == "field position":
            net = net + index.loc[caught, "air_yards"].round().to_numpy(float)
        caught = torch.tensor(caught)
        gain[caught] = torch.tensor(net, dtype=gain.dtype).clamp(*plays.bounds[caught].unbind(1))
    whole = recorded(law, plays)
    up_to, before = whole.cdf(gain), whole.cdf(gain - 1)
    table["gain"] = gain.numpy()
    table["rank"] = ((up_to + before) / 2).clamp(0, 1).double().numpy()
    return table


def score_season(
    run: str | os.PathLike[str],
    season: str | os.PathLike[str],
    *,
    cache: str | os.PathLike[str] | None = None,
    interceptions: str = "zero",
    verify: bool = True,
    progress: bool = True,
) -> pd.DataFrame:
    """Rank the passes of a season on disk by a trained model.

    Ranks of games that the model was trained on are a little too near to 1/2, since it has seen how they ended: `part`
    tells which these are. Best train on other seasons than those that are scored.

    Args:
        run: Folder of a run of `qbsbp.experiment.run`.
        season: Folder of a season, see `qbsbp.features.passing_season`.
        cache: Where features are kept, see there.
        interceptions: See `rank_passes`.
        verify: As in `passing_season`.
        progress: Whether to show a bar.

    Returns:
        The table of `rank_passes`, with `part`: "train", "validation" or "test" as the game was for the model, or
        "new"; and `passer`, his name, where the season has a file of players.

    Raises:
        FileNotFoundError: The run lacks a file, or there is no season.
    """
    run, season = Path(run), Path(season)
    model = load_model(run)
    for name in ("data.json", "games.csv"):
        if not (run / name).is_file():
            raise FileNotFoundError(f"run: expected a run of `qbsbp train`, and {run} has no {name}. Train it again.")
    settings = json.loads((run / "data.json").read_text("utf-8"))
    plays = passing_season(season, cache=cache, verify=verify, progress=progress, **settings)
    table = rank_passes(model.predict(plays), plays, interceptions=interceptions)
    parts = pd.read_csv(run / "games.csv").set_index("game_id")["part"]
    table["part"] = table["game_id"].map(parts).fillna("new")
    if (season / "players.csv").is_file():
        players = pd.read_csv(season / "players.csv").rename(columns={"nflId": "player_id", "displayName": "name"})
        table["passer"] = table["passer_id"].map(players.drop_duplicates("player_id").set_index("player_id")["name"])
    return table


@dataclass(frozen=True)
class Reference:
    """What the ranks of a league are like: a rank's score is its distance from their mean in standard deviations.

    Args:
        mean: Mean rank of all passes, near 1/2 where the law is calibrated.
        sd: Standard deviation of the ranks, near 0.28.
    """

    mean: float
    sd: float

    @classmethod
    def of(cls, passes: pd.DataFrame) -> Reference:
        """The reference of a table of ranked passes.

        Raises:
            ValueError: There are fewer than two, or all ranks are the same.
        """
        ranks = _ranks(passes)
        if len(ranks) < 2 or ranks.std() == 0:
            raise ValueError(f"passes: expected ranks that differ, came {len(ranks)} with the same or none.")
        return cls(float(ranks.mean()), float(ranks.std(ddof=1)))

    def score(self, passes: pd.DataFrame) -> NDArray:
        """Score of each pass, in standard deviations of the league's ranks."""
        return (_ranks(passes) - self.mean) / self.sd


def display(score: ArrayLike) -> NDArray:
    """A season's score on a scale from 50 to 99, fixed for all seasons: 84 is the league's average passer.

    .. math:: \\min(99, \\max(50, 84 + 95 \\cdot \\text{score})).

    The scale of the NFL's own score is not public. This one agrees with what was published of it: season leaders
    between 92 and 99, several passers at 99 only where the cap cuts them, 83 and 85 around the middle of the starters.
    A starter's season differs from the average by about 0.06 (skill and luck together), hence by six points.

    Args:
        score: Mean score of the passes of a season.
    """
    return np.clip(84 + 95 * np.asarray(score, dtype=float), 50, 99)


# --- splits -----------------------------------------------------------------------------------------------------------


def choose(passes: pd.DataFrame, split: str | None) -> pd.DataFrame:
    """The passes of a split.

    Args:
        passes: What `rank_passes` returned.
        split: A name of `SPLITS`, a pandas query on the columns of `passes`, or None for all.

    Raises:
        ValueError: The query names a column that there is not (close ones are listed), cannot be read, is no
            condition, or leaves no pass.
    """
    if split is None:
        return passes
    query = SPLITS.get(split, split)
    try:
        chosen = passes.eval(query, local_dict={}, global_dict={})
    except pd.errors.UndefinedVariableError as error:
        unknown = str(error).split("'")[1]
        near = difflib.get_close_matches(unknown, [*passes.columns, *SPLITS], n=3, cutoff=0.4)
        raise ValueError(
            f"split: {split!r} names {unknown!r}, which is no column"
            + (f"; did you mean {' or '.join(near)}?" if near else "; there are " + ", ".join(passes.columns))
            + f" Splits with a name: {', '.join(SPLITS)}."
        ) from error
    except Exception as error:  # whatever the parser of queries finds wrong
        near = difflib.get_close_matches(split, SPLITS, n=3, cutoff=0.4)
        hint = f" Did you mean {' or '.join(near)}?" if near else f" Splits with a name: {', '.join(SPLITS)}."
        raise ValueError(f"split: {split!r} is no query that can be read ({error}).{hint}") from error
    if not (isinstance(chosen, pd.Series) and chosen.dtype == bool):
        raise ValueError(f"split: expected a condition such as {SPLITS['deep']!r}, came {split!r}, which is none.")
    if not chosen.any():
        raise ValueError(f"split: no pass of {len(passes):,} is in {split!r} ({query}).")
    return passes[chosen]


# --- spread of passers, and shrinkage ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    r"""How far passers differ truly, and how far a pass differs from its passer's mean.

    Args:
        mean: Mean score over passers.
        between: Standard deviation of passers' true mean scores, :math:`\tau`.
        within: Standard deviation of a pass about its passer's mean, :math:`\sigma`.
    """

    mean: float
    between: float
    within: float

    def reliability(self, attempts: ArrayLike) -> NDArray:
        r"""Share of skill in the variance of a mean of n passes: :math:`\tau^2 / (\tau^2 + \sigma^2 / n)`."""
        n = np.asarray(attempts, dtype=float)
        noise = self.within**2 / np.maximum(n, 1e-300)
        total = self.between**2 + noise
        return np.where((n > 0) & (total > 0), self.between**2 / np.where(total > 0, total, 1), 0.0)

    def shrink(self, score: ArrayLike, attempts: ArrayLike) -> NDArray:
        """Best guess of the true mean score: the observed one, drawn to the mean by what is luck in it."""
        return self.mean + self.reliability(attempts) * (np.asarray(score, dtype=float) - self.mean)


def spread(score: ArrayLike, passer: ArrayLike) -> Spread:
    r"""Estimate `Spread` from the scores of passes.

    :math:`\sigma^2` is the variance within passers, pooled. :math:`\tau^2` solves
    :math:`\sum_i w_i (m_i - \mu)^2 = k - 1` with :math:`w_i = 1 / (\tau^2 + \sigma^2 / n_i)` and :math:`\mu` the mean
    weighted by them (Paule and Mandel, 1982), and is 0 where even that is too much.

    Args:
        score: Score of each pass, shape (n,).
        passer: Whose it is, shape (n,).

    Raises:
        ValueError: There are fewer than two passers, or none with two passes.
    """
    score, passer = np.asarray(score, dtype=float), np.asarray(passer)
    _, of, n = np.unique(passer, return_inverse=True, return_counts=True)
    if len(n) < 2 or n.max() < 2:
        raise ValueError(
            f"passer: expected at least two passers, one of them with two passes, came {len(n)} with at most "
            f"{n.max(initial=0)} passes. Without them luck and skill cannot be told apart."
        )
    means = np.bincount(of, weights=score) / n
    within = np.sum((score - means[of]) ** 2) / (len(score) - len(n))

    def centre(tau2: float) -> tuple[float, float]:
        weight = 1 / (tau2 + within / n)
        mu = np.sum(weight * means) / np.sum(weight)
        return mu, np.sum(weight * (means - mu) ** 2) - (len(n) - 1)

    if within == 0:
        return Spread(float(means.mean()), float(means.std(ddof=1)), 0.0)
    high = float(np.var(means) * len(n)) + within
    tau2 = optimize.brentq(lambda t: centre(t)[1], 0.0, high) if centre(0.0)[1] > 0 else 0.0
    return Spread(float(centre(tau2)[0]), float(np.sqrt(tau2)), float(np.sqrt(within)))


# --- leaderboards -----------------------------------------------------------------------------------------------------


def leaderboard(
    passes: pd.DataFrame,
    by: str | Sequence[str] = "passer_id",
    *,
    split: str | None = None,
    minimum: int = 1,
    reference: Reference | None = None,
    draws: int = 1000,
    level: float = 0.95,
    seed: int,
) -> pd.DataFrame:
    r"""Scores of passers, teams, games or whatever the passes are grouped by, best first, and how sure they are.

    Whole games are resampled, each group's own, `draws` times. From the draws come the standard error of a score,
    widened by :math:`\sqrt{G / (G - 1)}` for a group of G games, with a t interval on G - 1 degrees of freedom; and
    the range of its places among all groups. A group of one game has its passes resampled instead, since nothing there
    tells how games differ.

    Args:
        passes: What `rank_passes` returned, of one season or several.
        by: Column or columns to group by.
        split: See `choose`. Scores are standardised by `reference`, not by the split.
        minimum: Fewest attempts of a group that has a place.
        reference: What scores are measured in; by default that of all of `passes`, before the split.
        draws: Number of resamples.
        level: Probability of the intervals and of the ranges of places.
        seed: Seed of the resampling.

    Returns:
        One row per group, those with a place first: `attempts`, `games`, `rank` (mean), `score` (mean), `se`, `lower`,
        `upper`, `reliability` and `shrunken` (see `Spread`; over the groups with a place), `display` (of the score, see
        `display`), `place` and its range `place_low` to `place_high`. Groups below the minimum have no place: `place`
        and what hangs on it are missing, and so is an interval that a single pass would need.

    Raises:
        ValueError: `by` names a column that there is not, the split is empty or cannot be read, no group reaches the
            minimum, or ranks are missing or out of [0, 1].
    """
    by = [by] if isinstance(by, str) else list(by)
    for name in by:
        if name not in passes.columns:
            near = difflib.get_close_matches(name, passes.columns, n=3, cutoff=0.4)
            raise ValueError(f"by: there is no column {name!r}; " + f"did you mean {' or '.join(near) or by}?")
    reference = reference or Reference.of(passes)
    chosen = choose(passes, split)
    score = pd.Series(reference.score(chosen), chosen.index)
    table = chosen.assign(score=score).groupby(by, observed=True).agg(
        attempts=("score", "size"), games=("game_id", "nunique"), rank=("rank", "mean"), score=("score", "mean")
    )  # fmt: skip
    enough = (table["attempts"] >= minimum).to_numpy()
    if not enough.any():
        raise ValueError(
            f"minimum: no group has {minimum} attempts; the most are {table['attempts'].max()}. Lower the minimum."
        )
    of = chosen.groupby(by, observed=True).ngroup().to_numpy()
    means = _resampled(score.to_numpy(), of, chosen["game_id"].to_numpy(), len(table), draws, seed)  # (draws, groups)
    games = table["games"].to_numpy()
    clusters = np.where(games > 1, games, table["attempts"].to_numpy())
    few = clusters > 1
    se = np.full(len(table), np.nan)
    se[few] = means[:, few].std(axis=0) * np.sqrt(clusters[few] / (clusters[few] - 1))
    reach = np.full(len(table), np.nan)
    reach[few] = stats.t.ppf((1 + level) / 2, clusters[few] - 1) * se[few]
    table["se"], table["lower"], table["upper"] = se, table["score"] - reach, table["score"] + reach
    placed = np.flatnonzero(enough)
    for name in ("reliability", "shrunken"):
        table[name] = np.nan
    if len(placed) > 1:
        within = np.isin(of, placed)
        estimate = spread(score.to_numpy()[within], of[within])
        table["reliability"] = estimate.reliability(table["attempts"])
        table["shrunken"] = estimate.shrink(table["score"], table["attempts"])
    table["display"] = display(table["score"])
    places = stats.rankdata(-means[:, placed], axis=1, method="min")
    low, high = np.quantile(places, [(1 - level) / 2, (1 + level) / 2], axis=0, method="nearest")
    for name, values in (
        ("place", stats.rankdata(-table["score"].to_numpy()[placed], method="min")),
        ("place_low", low),
        ("place_high", high),
    ):
        table[name] = pd.array([pd.NA] * len(table), dtype="Int64")
        table.iloc[placed, table.columns.get_loc(name)] = values.astype(int)
    table = table.assign(_enough=enough).sort_values(["_enough", "score"], ascending=False).drop(columns="_enough")
    return table.reset_index()


def _resampled(score: NDArray, of: NDArray, game: NDArray, groups: int, draws: int, seed: int) -> NDArray:
    """Mean score of each group in each draw of its games, or of its passes where it has one game: (draws, groups)."""
    one_game = pd.Series(game).groupby(of).nunique().to_numpy() == 1
    unit = np.where(one_game[of], -1 - np.arange(len(of)), pd.factorize(game)[0])
    cells = pd.DataFrame({"of": of, "unit": unit, "score": score}).groupby(["of", "unit"])["score"].agg(["sum", "size"])
    owner = cells.index.get_level_values("of").to_numpy()
    total, size = cells["sum"].to_numpy(), cells["size"].to_numpy(float)
    rng = np.random.default_rng(seed)
    means = np.empty((draws, groups))
    starts = np.searchsorted(owner, np.arange(groups + 1))
    for group in range(groups):
        cell = slice(starts[group], starts[group + 1])
        count = cell.stop - cell.start
        times = rng.multinomial(count, np.full(count, 1 / count), size=draws)
        means[:, group] = (times @ total[cell]) / (times @ size[cell])
    return means


def splits_of(
    passes: pd.DataFrame,
    by: str = "passer_id",
    *,
    splits: Sequence[str] | Mapping[str, str] = tuple(SPLITS),
    minimum: int = 50,
    draws: int = 1000,
    seed: int,
) -> pd.DataFrame:
    r"""Every group in every split, against the league in that split, with what remains after so many comparisons.

    Of many scores some are far from the average by luck alone. `q` is the share of luck among all that are at least as
    far as this one (Benjamini and Hochberg, 1995): below 0.05, one in twenty of such finds is false.

    Args:
        passes: What `rank_passes` returned.
        by: Column to group by.
        splits: Names of `SPLITS` or queries; or queries by a name of one's own.
        minimum: Fewest attempts in a split.
        draws: Number of resamples.
        seed: Seed of the resampling.

    Returns:
        One row per group and split with enough attempts: `split`, the group, `attempts`, `score`, `se`, `difference`
        from all passes of the split, `p` of a two-sided t test of it, and `q`.

    Raises:
        ValueError: A split cannot be read, or no group has enough attempts in any.
    """
    reference = Reference.of(passes)
    queries = dict(splits) if isinstance(splits, Mapping) else {name: name for name in splits}
    parts = []
    for name, query in queries.items():
        chosen = choose(passes, query)
        if not (chosen.groupby(by).size() >= minimum).any():
            continue
        table = leaderboard(chosen, by, minimum=minimum, reference=reference, draws=draws, seed=seed)
        table = table[table["place"].notna()].assign(split=name)
        table["difference"] = table["score"] - reference.score(chosen).mean()
        clusters = np.where(table["games"] > 1, table["games"], table["attempts"])
        with np.errstate(divide="ignore", invalid="ignore"):
            table["p"] = 2 * stats.t.sf(np.abs(table["difference"]) / table["se"], np.maximum(clusters - 1, 1))
        parts.append(table[["split", by, "attempts", "score", "se", "difference", "p"]])
    if not parts:
        raise ValueError(
            f"minimum: no group has {minimum} attempts in any of {len(queries)} splits. Lower the minimum."
        )
    found = pd.concat(parts, ignore_index=True)
    known = found["p"].notna()
    found.loc[known, "q"] = stats.false_discovery_control(found.loc[known, "p"])
    return found.sort_values("p", ignore_index=True)


# --- passer and team, apart -------------------------------------------------------------------------------------------


def movers(passes: pd.DataFrame, *, reference: Reference | None = None) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """`crossed_effects` of ranked passes: what is the passer's and what his team's.

    Args:
        passes: What `rank_passes` returned, best of several seasons.
        reference: What scores are measured in; by default that of `passes`.

    Returns:
        As `crossed_effects`.

    Raises:
        ValueError: As `crossed_effects`.
    """
    reference = reference or Reference.of(passes)
    grouped = passes.assign(score=reference.score(passes)).groupby(["passer_id", "offence_team", "season"])["score"]
    cells = grouped.agg(["mean", "size", "var"]).reset_index().rename(columns={"mean": "score", "size": "attempts"})
    degrees = cells["attempts"] - 1
    return crossed_effects(cells, within=float(np.sqrt((cells["var"] * degrees).sum() / degrees.sum())))


def crossed_effects(cells: pd.DataFrame, *, within: float = 1.0) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    r"""What is the passer's and what his team's, by crossed random effects.

    The mean score of passer i with team j in a season is taken as :math:`\mu + a_i + b_j + e`, with independent normal
    effects of variance :math:`\tau_a^2` and :math:`\tau_b^2` and :math:`e` of variance :math:`\sigma^2 / n`. The two
    are told apart by passers who were with several teams, and by teams that had several passers. Variances by maximum
    likelihood, effects by their conditional means (Henderson, 1975).

    Args:
        cells: A row a passer, team and season: passer_id, offence_team, score (a mean) and attempts.
        within: Standard deviation :math:`\sigma` of the score of one pass, above 0; 1 where scores are standardised.

    Returns:
        Passers and teams, each a table with `effect` and `sd` (of what is not known of it), best first; and the figures
        `passers` and `teams` (standard deviations), `within`, `moved` (passers seen with several teams).

    Raises:
        ValueError: No passer was with two teams and no team had two passers, so that nothing tells the two apart.
    """
    teams_of = cells.groupby("passer_id")["offence_team"].nunique()
    passers_of = cells.groupby("offence_team")["passer_id"].nunique()
    if teams_of.max() < 2 and passers_of.max() < 2:
        raise ValueError("cells: every passer had one team and every team one passer; nothing tells the two apart.")
    first, passers = pd.factorize(cells["passer_id"])
    second, teams = pd.factorize(cells["offence_team"])
    a, b = np.eye(len(passers))[first], np.eye(len(teams))[second]
    mean, noise = cells["score"].to_numpy(float), within**2 / cells["attempts"].to_numpy(float)

    def pieces(tau: NDArray) -> tuple[NDArray, NDArray, float, NDArray]:
        covariance = np.diag(noise) + tau[0] ** 2 * (a @ a.T) + tau[1] ** 2 * (b @ b.T)
        inverse = np.linalg.inv(covariance)
        mu = float(inverse.sum(0) @ mean / inverse.sum())
        return covariance, inverse, mu, mean - mu

    def deviance(tau: NDArray) -> float:
        covariance, inverse, _, rest = pieces(tau)
        return float(np.linalg.slogdet(covariance)[1] + rest @ inverse @ rest)

    start = np.full(2, np.sqrt(max(mean.var() - noise.mean(), 1e-6) / 2))
    found = optimize.minimize(deviance, start, method="L-BFGS-B", bounds=[(0, None)] * 2)
    tau = found.x
    _, inverse, _, rest = pieces(tau)
    tables = []
    for design, names, label, size in ((a, passers, "passer_id", tau[0]), (b, teams, "offence_team", tau[1])):
        effect = size**2 * design.T @ inverse @ rest
        variance = size**2 - size**4 * np.einsum("ij,ik,kj->j", design, inverse, design)
        table = pd.DataFrame({label: names, "effect": effect, "sd": np.sqrt(np.maximum(variance, 0))})
        tables.append(table.sort_values("effect", ascending=False, ignore_index=True))
    figures = {"passers": tau[0], "teams": tau[1], "within": within, "moved": float((teams_of > 1).sum())}
    return tables[0], tables[1], pd.Series(figures)


def _ranks(passes: pd.DataFrame) -> NDArray:
    if "rank" not in passes.columns:
        raise ValueError("passes: expected the column 'rank', as `rank_passes` makes it.")
    ranks = passes["rank"].to_numpy(float)
    bad = ~((ranks >= 0) & (ranks <= 1))
    if bad.any():
        row = passes.iloc[int(np.argmax(bad))]
        raise ValueError(
            f"passes, rank: expected numbers in [0, 1], and play {row.get('play_id')} of game {row.get('game_id')} has "
            f"{row['rank']}; leave out the plays without a result."
        )
    return ranks
