"""Is the passing score right? Seasons that the model has never seen, in a league whose true ranking is known.

    python -m benchmarks.passing --work DIRECTORY                    # trains the model, among others
    python -m benchmarks.score --work DIRECTORY --model DIRECTORY/runs/spliced --record benchmarks/recorded
    python -m benchmarks.score --expected-points --record benchmarks/recorded       # a few minutes, needs neither

Twenty seasons of another league are made, turned into features and scored: minutes each, kept in the work folder, and a
second call goes on with what is missing. Passers with 200 attempts count. What is printed:

* how well each metric orders a season's passers by their true skill (`data_synth.season.Season.skills`, the mean rank
  that a passer adds on a fixed set of plays): Spearman's correlation, mean over the seasons;
* whether 95 % intervals of a season's score hold the score at infinite attempts: the mean, over his passes, of what
  their rank is expected to be under his own true law;
* whether shrunken scores of the first half of a season foretell those of the second better than raw ones;
* how well each metric goes with winning: share of wins and play-offs of the season, wins of the second half from the
  metric of the first, and wins of the next season;
* how long a season takes to score.

Intervals are 95 % by resampling seasons with all their passers; a difference is paired within them.

`--expected-points` holds the model of expected points against a published one, at ten yards to go.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

from data_synth import outcome
from data_synth.league import LeagueConfig, make_league
from data_synth.write import write
from qbsbp.baselines._yards import YARDS, law_of_mass
from qbsbp.box_score import METRICS, box_scores, completion_probability, expected_points
from qbsbp.datasets import synthetic
from qbsbp.evaluation import recorded
from qbsbp.features import passing_season
from qbsbp.passing_score import INTERCEPTIONS, Reference, leaderboard, rank_passes, spread
from qbsbp.training import load_model, write_whole

SEED = 5005
SEASONS = 20
FIRST = 2041
ATTEMPTS = 200  # of a passer who counts
HALF = 9  # weeks of the first half
SCORES = ("score", "score_true_law", "score_return", "score_field_position")
ALL = (*SCORES, *METRICS)
EXPECTED_SEASONS = 5
PUBLISHED = pd.DataFrame(  # nflfastR 2.1.0, table of michael-morris.us/2020/08/expect-points-added-cheatsheet, 10 to go
    {
        "yards_to_goal": np.arange(10, 96, 5),
        1: [5.0, 4.8, 4.4, 4.1, 3.8, 3.5, 3.2, 2.8, 2.5, 2.2, 1.8, 1.5, 1.2, 1.1, 0.6, 0.2, -0.1, -0.4],
        2: [4.5, 4.4, 4.0, 3.7, 3.4, 3.0, 2.6, 2.4, 2.1, 1.7, 1.3, 0.9, 0.7, 0.5, 0.1, -0.3, -0.6, -0.9],
        3: [3.8, 3.7, 3.4, 3.1, 2.7, 2.3, 1.9, 1.6, 1.3, 0.9, 0.6, 0.3, 0.1, -0.2, -0.6, -0.9, -1.3, -1.6],
    }
).melt("yards_to_goal", var_name="down", value_name="published")
KNOWN = ("skill_accuracy", "skill_decision", "matchup_receivers", "matchup_protection", "matchup_rush",
         "matchup_coverage")  # fmt: skip


def passers_of(folder: Path, run: Path, cache: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a passer of a season: metrics of the season and its halves, intervals, truth, wins of his team.

    And its ranked passes, with what only a synthetic league knows: `expected`, the mean rank that a pass has under its
    passer's own true law; `rank_true_law`, its rank under the true law of an average passer; skills and teammates.
    """
    torch.set_num_threads(1)
    model = load_model(run)
    plays = passing_season(folder, cache=cache, progress=False)
    key = ["game_id", "play_id"]
    truth = plays.index[key].merge(synthetic.truth(folder, verify=False), on=key, how="left", validate="one_to_one")
    state = outcome.State.from_table(truth)
    own = outcome.law(
        state, outcome.Skill(truth["skill_accuracy"].to_numpy(), truth["skill_decision"].to_numpy())
    ).pmf()
    average = outcome.law(state).pmf()

    started = time.perf_counter()
    law = model.predict(plays)
    passes = rank_passes(law, plays)
    board = leaderboard(passes, minimum=ATTEMPTS, seed=SEED).set_index("passer_id")
    seconds = time.perf_counter() - started
    reference = Reference.of(passes)
    mass = recorded(law, plays).mass(YARDS).double().numpy()
    passes["expected"] = (own * (np.cumsum(mass, axis=1) - mass / 2)).sum(axis=1)
    ranked = {"score": passes["rank"], "score_true_law": rank_passes(law_of_mass(average), plays)["rank"]}
    for way in INTERCEPTIONS[1:]:
        ranked[f"score_{way.replace(' ', '_')}"] = rank_passes(law, plays, interceptions=way)["rank"]
    passes["rank_true_law"] = ranked["score_true_law"]
    for name in KNOWN:
        passes[name] = truth[name].to_numpy()
    names = pd.read_csv(folder / "players.csv").set_index("player_id")["name"]
    passes["passer"] = passes["passer_id"].map(names)
    for name, rank in ranked.items():
        passes[name] = Reference.of(passes.assign(rank=rank)).score(passes.assign(rank=rank))

    every = pd.read_parquet(folder / "play_by_play.parquet")
    every = every[every["down"] > 0].reset_index(drop=True)
    every["epa"] = expected_points(every)["epa"]
    dropbacks = pd.read_parquet(folder / "plays.parquet").merge(every[[*key, "epa"]], on=key, how="left")
    chances = plays.index[key].assign(completion_probability=completion_probability(plays, seed=SEED))
    dropbacks = dropbacks.merge(chances, on=key, how="left")
    passes = passes.merge(dropbacks[[*key, "completion_probability", "epa"]], on=key, how="left", validate="1:1")

    games = pd.read_csv(folder / "games.csv")
    games = games[~games["playoff"]]
    dropbacks, passes = (table[table["game_id"].isin(games["game_id"])] for table in (dropbacks, passes))
    parts = {"": slice(0, 99), "_first": slice(0, HALF), "_second": slice(HALF + 1, 99)}
    tables = []
    for suffix, weeks in parts.items():
        thrown = passes[passes["week"].between(weeks.start, weeks.stop)]
        dropped = dropbacks[dropbacks["week"].between(weeks.start, weeks.stop)]
        metrics = box_scores(dropped).drop(columns="attempts")
        metrics = metrics.join(thrown.groupby("passer_id")[list(SCORES)].mean())
        metrics["attempts"] = thrown.groupby("passer_id").size()
        if suffix == "_first":
            estimate = spread(thrown["score"], thrown["passer_id"])
            metrics["shrunken"] = estimate.shrink(metrics["score"], metrics["attempts"])
            metrics["mean"] = estimate.mean
        tables.append(metrics.add_suffix(suffix))
    table = pd.concat(tables, axis=1).join(board[["lower", "upper"]])
    table["infinite"] = (passes.groupby("passer_id")["expected"].mean() - reference.mean) / reference.sd
    skills = pd.read_csv(folder / "skills.csv").set_index("passer_id")
    table = table.join(skills[["true_value", "true_yards"]])
    table["team"] = dropbacks.groupby("passer_id")["offence_team"].agg(lambda teams: teams.mode().iloc[0])
    for suffix, weeks in parts.items():
        table[f"wins{suffix}"] = table["team"].map(win_share(games[games["week"].between(weeks.start, weeks.stop)]))
    standings = pd.read_csv(folder / "standings.csv").set_index("team")
    table["playoffs"] = table["team"].map(standings["playoffs"].astype(float))
    table.insert(0, "season", int(folder.name))
    table["seconds"] = seconds
    return table[table["attempts"] >= ATTEMPTS].reset_index(), passes


def keep(folder: Path, run: Path, cache: Path, path: Path) -> None:
    table, passes = passers_of(folder, run, cache)
    write_whole(path.with_name(f"{folder.name}.parquet"), lambda part: passes.to_parquet(part, index=False))
    write_whole(path, lambda part: table.to_parquet(part, index=False))
    print(f"{folder.name}: {len(table)} passers, scored in {table['seconds'].iloc[0]:.1f} s", flush=True)


def expected_points_beside_published() -> pd.DataFrame:
    """Mean expected points at ten yards to go, in first halves, with 95 % intervals over seasons."""
    found = []
    for season in make_league(LeagueConfig(seasons=EXPECTED_SEASONS, first_season=FIRST), seed=SEED):
        plays = season.play_by_play
        plays = plays[plays["down"] > 0].reset_index(drop=True)
        plays["value"] = expected_points(plays)["expected_points"]
        plays = plays[(plays["yards_to_go"] == 10) & (plays["quarter"] <= 2)]
        plays["yards_to_goal"] = (plays["yards_to_goal"] / 5).round().astype(int) * 5
        found.append(plays.groupby(["down", "yards_to_goal"])["value"].mean().rename(season.season))
    found = pd.concat(found, axis=1)
    half = stats.t.ppf(0.975, EXPECTED_SEASONS - 1) * found.std(axis=1, ddof=1) / np.sqrt(EXPECTED_SEASONS)
    ours = pd.DataFrame(
        {"ours": found.mean(axis=1), "lower": found.mean(axis=1) - half, "upper": found.mean(axis=1) + half}
    )
    return PUBLISHED.merge(ours.reset_index(), on=["down", "yards_to_goal"])


def win_share(games: pd.DataFrame) -> pd.Series:
    """Share of wins of each team, a tie counting half."""
    sides = [
        pd.DataFrame({"team": games[f"{side}_team"], "won": (np.sign(sign * games["margin"]) + 1) / 2})
        for side, sign in (("home", 1), ("away", -1))
    ]
    return pd.concat(sides).groupby("team")["won"].mean()


def correlations(table: pd.DataFrame, columns: list[str], target: str, kind: Callable) -> pd.DataFrame:
    """Correlation of each column with the target within each season: (seasons, columns)."""
    rows = {}
    for season, of in table.groupby("season"):
        known = of[target].notna()
        rows[season] = {name: float(kind(of.loc[known, name], of.loc[known, target])[0]) for name in columns}
    return pd.DataFrame(rows).T


def interval(values: pd.Series) -> str:
    """Mean over the seasons and its 95 % interval by resampling them."""
    rng = np.random.default_rng(SEED)
    draws = rng.choice(values.to_numpy(), size=(4000, len(values))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def markdown(table: pd.DataFrame) -> str:
    lines = ["| | " + " | ".join(map(str, table.columns)) + " |", "|" + " --- |" * (1 + len(table.columns))]
    lines += [f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in zip(table.index, table.to_numpy())]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--expected-points", action="store_true", help="only the model of expected points")
    parser.add_argument("--work", type=Path, metavar="DIRECTORY", help="where everything is kept")
    parser.add_argument("--model", type=Path, metavar="DIRECTORY", help="a trained passing model")
    parser.add_argument("--seasons", type=int, default=SEASONS, help=f"how many (default {SEASONS})")
    parser.add_argument("--record", type=Path, metavar="DIRECTORY", help="write the tables there, as CSV")
    args = parser.parse_args()
    if args.expected_points:
        table = expected_points_beside_published().round(3)
        print(table.to_string(index=False))
        if args.record:
            write_whole(args.record / "expected_points.csv", lambda out: table.to_csv(out, index=False))
        return
    if args.work is None or args.model is None:
        parser.error("--work and --model are needed, but for --expected-points")
    work = args.work / "score"
    kept = [work / f"passers-{k:02d}.parquet" for k in range(args.seasons)]
    if not all(path.is_file() for path in kept):
        league = make_league(LeagueConfig(seasons=args.seasons, first_season=FIRST), seed=SEED)
        with ProcessPoolExecutor(1) as pool:  # scores a season while the next one is made
            scored = []
            for season, path in zip(league, kept, strict=True):
                if not path.is_file():
                    folder = work / "seasons" / str(season.season)
                    if not folder.is_dir():
                        write(season, folder, progress=False)
                    scored.append(pool.submit(keep, folder, args.model, work / "features", path))
            for future in scored:
                future.result()  # raises what went wrong there
    report(pd.concat([pd.read_parquet(path) for path in kept], ignore_index=True), args.record)
    if args.record:  # the ranked passes of one season, for the book
        passes = pd.read_parquet(work / f"{FIRST}.parquet")
        wide = passes.select_dtypes("float64").columns
        passes[wide] = passes[wide].astype("float32")
        write_whole(args.record / "score_passes.parquet", lambda part: passes.to_parquet(part, index=False))


def report(table: pd.DataFrame, record: Path | None) -> None:
    """Print the tables, and keep them."""
    names = list(ALL)
    found = correlations(table, names, "true_value", stats.spearmanr)
    skill = pd.DataFrame({"with true skill": [interval(found[name]) for name in names]}, index=names)
    skill["score minus it"] = [interval(found["score"] - found[name]) for name in names]
    share = found["score"].mean() / found["score_true_law"].mean()

    winning = {}
    later = table[["season", "passer_id", "wins"]].assign(season=lambda t: t["season"] - 1)
    following = table.merge(later.rename(columns={"wins": "wins_next"}), on=["season", "passer_id"], how="left")
    following = following[following["season"] < following["season"].max()]
    first = table[table["attempts_first"] >= ATTEMPTS / 2].copy()
    for name in names:
        first[name] = first[f"{name}_first"]
    for label, rows, target in (
        ("share of wins", table, "wins"),
        ("play-offs", table, "playoffs"),
        ("wins of the second half", first, "wins_second"),
        ("wins of the next season", following, "wins_next"),
    ):
        part = correlations(rows, names, target, stats.pearsonr)
        winning[label] = [interval(part[name]) for name in names]
    wins = pd.DataFrame(winning, index=names)

    held = (table["lower"] <= table["infinite"]) & (table["infinite"] <= table["upper"])
    both = table[(table["attempts_first"] >= 50) & (table["attempts_second"] >= 50)]
    raw, shrunken = ((both[column] - both["score_second"]) ** 2 for column in ("score_first", "shrunken_first"))
    better = (raw - shrunken).groupby(both["season"]).mean()
    summary = pd.Series(
        {
            "passers": str(len(table)),
            "seasons": str(table["season"].nunique()),
            "share of what the true law attains": f"{share:.3f}",
            "intervals that hold the score at infinite attempts": interval(held.groupby(table["season"]).mean()),
            "squared error of the second half, raw": interval(raw.groupby(both["season"]).mean()),
            "the same less that of the shrunken": interval(better),
            "seconds to score a season, median": f"{table.groupby('season')['seconds'].first().median():.1f}",
        },
        name="value",
    ).to_frame()
    if record:
        record.mkdir(parents=True, exist_ok=True)
        write_whole(record / "score_passers.csv", lambda out: table.round(5).to_csv(out, index=False))
    for name, part in (("score_skill", skill), ("score_wins", wins), ("score_summary", summary)):
        print(f"\n{markdown(part)}")
        if record:
            write_whole(record / f"{name}.csv", lambda out, part=part: part.to_csv(out, index_label="metric"))


if __name__ == "__main__":
    main()
