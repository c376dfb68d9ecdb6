"""The passing model beside its rivals and the truth, on the same passes, features and split.

    python -m benchmarks.passing --work DIRECTORY                       # the rivals on three seasons: hours of a core
    python -m benchmarks.passing --work DIRECTORY --table objectives    # what to maximise, and where to splice; on one
    python -m benchmarks.passing --work DIRECTORY --quick               # one season, two epochs: minutes

Seasons, features, models and scores are kept in DIRECTORY, and a second call goes on with what is missing. The seasons
come from `data_synth`, so the true law of every pass is known: its own row is the floor that nobody can pass, and
`from truth` is the Kullback-Leibler divergence of a forecast from it, mean over the test passes, which no luck of the
drawn outcomes enters. Intervals are 95 % by resampling games; they do not say how another seed of the training would
have come out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from data_synth import outcome
from data_synth.league import LeagueConfig, make_league
from data_synth.write import write
from qbsbp.baselines import FieldClimatology, MeanBoosting, NoTrunk, PlayerTransformer, QuantileBoosting, Zoo
from qbsbp.baselines._yards import YARDS, law_of_mass
from qbsbp.datasets import synthetic
from qbsbp.evaluation import SCORES, group_bootstrap, paired_difference, recorded, score_plays, summarise
from qbsbp.experiment import Config, load_config, load_plays, split_by_game
from qbsbp.features import StoredPlays
from qbsbp.training import train, write_whole

SEED = 2026
SEASONS = 3


@dataclass(frozen=True)
class Data:
    """The plays of the three parts, and the true probabilities of the yards of the test plays, (plays, 199)."""

    train: StoredPlays
    validation: StoredPlays
    test: StoredPlays
    truth: NDArray
    average: NDArray  # the same under the law of a league-average passer


def seasons(work: Path, count: int) -> list[Path]:
    """The folders of the seasons, made where they are missing."""
    config = LeagueConfig(seasons=SEASONS)
    folders = [work / "seasons" / str(config.first_season + k) for k in range(count)]
    if not all(folder.is_dir() for folder in folders):
        for season, folder in zip(make_league(config, seed=SEED), folders, strict=False):  # the first of them
            if not folder.is_dir():
                print(f"writing {write(season, folder, 'parquet', progress=False)}", flush=True)
    return folders


def load(work: Path, config: Config, count: int) -> Data:
    started = time.perf_counter()
    folders = seasons(work, count)
    config = config.replace(data={"seasons": [str(folder) for folder in folders]})
    plays = load_plays(config, cache=work / "features", progress=False)
    print(
        f"{len(plays):,} passes in {time.perf_counter() - started:.0f} s (from the cache where they were)", flush=True
    )
    split = split_by_game(plays.group, **config.split)
    test = plays.subset(split.test)
    key = ["game_id", "play_id"]
    table = pd.concat([synthetic.truth(folder, verify=False) for folder in folders])
    table = test.index[key].merge(table, on=key, how="left", validate="one_to_one")
    state = outcome.State.from_table(table)
    skill = outcome.Skill(table["skill_accuracy"].to_numpy(), table["skill_decision"].to_numpy())
    return Data(
        plays.subset(split.train),
        plays.subset(split.validation),
        test,
        outcome.law(state, skill).pmf(),
        outcome.law(state).pmf(),
    )


# --- systems ----------------------------------------------------------------------------------------------------------


class Known:
    """A law that needs no learning, given as probabilities of the test plays."""

    def __init__(self, mass: NDArray) -> None:
        self.mass = mass

    def predict(self, plays: StoredPlays):
        return law_of_mass(self.mass[: len(plays)])


def network(config: Config, directory: Path, data: Data, trunk: Callable | None = None, objective: str | None = None):
    """A `PassingModel` trained as the configuration says."""
    result = train(
        config.model_config(data.train), data.train, data.validation, config.train_config(),
        objective=objective or config.training["objective"], criterion="recorded_nll", trunk=trunk,
        directory=directory, resume=True, progress=False,
    )  # fmt: skip
    return result.model


def matched_width(config: Config, data: Data) -> int:
    """Width of a transformer with as many parameters as the TCN, as nearly as multiples of its four heads allow."""
    from qbsbp.model import PassingModel

    def size(trunk=None) -> int:
        return sum(p.numel() for p in PassingModel(config.model_config(data.train), trunk).parameters())

    return min(range(8, 97, 4), key=lambda width: abs(size(PlayerTransformer(width)) - size()))


def rivals(config: Config, data: Data, work: Path) -> dict[str, Callable[[], Any]]:
    width = matched_width(config, data)
    # where gradients are shortened, outliers lose their say and a bell comes out too narrow
    normal = config.replace(model={"law": "normal", "bin_edges": ()}, training={"gradient_clip": math.inf})
    binned = config.replace(model={"law": "binned"})

    other = config.replace(model={"trunk_dropout": 0.0})  # on the others it changes little

    def net(name: str, config: Config = config, trunk: Callable | None = None) -> Callable[[], Any]:
        return lambda: network(config if trunk is None else other, work / "runs" / name, data, trunk)

    return {
        "the true law": lambda: Known(data.truth),
        "the true law, average passer": lambda: Known(data.average),
        "spliced binned-Pareto, TCN": net("spliced"),
        "binned, TCN": net("binned", binned),
        "Gaussian, TCN": net("gaussian", normal),
        "spliced, no trunk": net("no_trunk", trunk=NoTrunk),
        "spliced, the Zoo": net("zoo", trunk=Zoo),
        "spliced, transformer": net("transformer", trunk=lambda: PlayerTransformer(width)),
        "XGBoost, quantiles": lambda: QuantileBoosting(data.train, data.validation),
        "XGBoost, mean and its errors": lambda: MeanBoosting(data.train, data.validation),
        "climatology of the field": lambda: FieldClimatology(data.train),
    }


def objectives(config: Config, data: Data, work: Path) -> dict[str, Callable[[], Any]]:
    def variant(objective: str, mass: float) -> Callable[[], Any]:
        changed = config.replace(model={"lower_mass": mass})
        folder = work / "objectives" / f"{objective}-{mass}"
        return lambda: network(changed, folder, data, objective=objective)

    named = {
        "the true law": lambda: Known(data.truth),
        "recorded yards, lower tail 2 %": variant("recorded_nll", 0.02),
        "recorded yards, lower tail 5 %": variant("recorded_nll", 0.05),
        "recorded yards, lower tail 0.5 %": variant("recorded_nll", 0.005),
        "whole yards, no goal line, 2 %": variant("interval_nll", 0.02),
        "composite, 2 %": variant("composite", 0.02),
        "composite, 5 %": variant("composite", 0.05),
        "naive density, 2 %": variant("nll", 0.02),
    }
    return named


# --- scores -----------------------------------------------------------------------------------------------------------


def judge(name: str, fit: Callable[[], Any], data: Data, folder: Path) -> tuple[pd.DataFrame, dict[str, float]]:
    """Scores of each test play and figures of the system, computed once and kept."""
    kept = folder / "".join(letter if letter.isalnum() else "-" for letter in name)
    if kept.with_suffix(".json").is_file():
        return pd.read_parquet(kept.with_suffix(".parquet")), json.loads(kept.with_suffix(".json").read_text())
    started = time.perf_counter()
    system = fit()
    figures = {"seconds": time.perf_counter() - started}
    if isinstance(system, torch.nn.Module):
        system.cpu()  # wherever it was trained, all are judged on the processor
    law = system.predict(data.test)
    scores = score_plays(law, data.test, seed=SEED)
    mass = recorded(law, data.test).mass(YARDS).double().clamp(min=1e-12).numpy()
    truth = data.truth
    scores["from_truth"] = (truth * (np.log(np.maximum(truth, 1e-300)) - np.log(mass))).sum(axis=1)
    if not isinstance(system, Known):
        one = data.test.subset(slice(0, 1))
        times = []
        for _ in range(40):
            before = time.perf_counter()
            system.predict(one)
            times.append(time.perf_counter() - before)
        figures["latency"] = 1000 * statistics.median(times)
    if isinstance(system, torch.nn.Module):
        figures["parameters"] = sum(p.numel() for p in system.parameters())
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(kept.with_suffix(".parquet"), scores.to_parquet)
    write_whole(kept.with_suffix(".json"), lambda part: part.write_text(json.dumps(figures)))
    return scores, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True, metavar="DIRECTORY", help="where everything is kept")
    parser.add_argument("--table", choices=("rivals", "objectives"), default="rivals")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the table to this CSV file too")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="train and judge these alone, no table")
    parser.add_argument("--quick", action="store_true", help="one season, two epochs")
    args = parser.parse_args()
    os.environ.setdefault("QBSBP_DEVICE", "cpu")
    config = load_config()
    work = args.work / "quick" if args.quick else args.work
    if args.quick:
        config = config.replace(training={"epochs": 2})
    data = load(work, config, 1 if args.quick or args.table == "objectives" else SEASONS)
    print(f"{len(data.train):,} for training, {len(data.validation):,} validation, {len(data.test):,} test", flush=True)
    systems = (rivals if args.table == "rivals" else objectives)(config, data, work)
    if unknown := set(args.only or ()) - set(systems):
        parser.error(f"--only: there is no system {', '.join(unknown)}; there are {', '.join(systems)}")
    group = data.test.group.numpy()
    judged = {}
    for name, fit in systems.items():
        if args.only and name not in args.only:
            continue
        judged[name] = judge(name, fit, data, work / "scores" / args.table)
        scores, figures = judged[name]
        print(f"  {name}: crps {scores['crps'].mean():.4f}, {figures['seconds']:.0f} s", flush=True)
    if args.only:
        return
    print(table(judged, group))
    print(differences(judged, group))
    if args.record:
        write_whole(args.record, lambda part: record(judged, group).to_csv(part, index=False))


def table(judged: dict[str, tuple[pd.DataFrame, dict[str, float]]], group: NDArray) -> str:
    """All scores with their intervals, as Markdown."""
    columns = [*SCORES, "from truth", "training, s", "parameters", "one play, ms"]
    lines = ["", "| | " + " | ".join(columns) + " |", "|" + " --- |" * (len(columns) + 1)]
    for name, (scores, figures) in judged.items():
        cells = [str(interval) for interval in summarise(scores, group, seed=SEED).values()]
        cells.append(f"{scores['from_truth'].mean():.3f}")
        cells.append(f"{figures['seconds']:,.0f}" if "latency" in figures else "")
        cells.append(f"{figures['parameters']:,.0f}" if "parameters" in figures else "")
        cells.append(f"{figures['latency']:.2f}" if "latency" in figures else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def record(judged: dict[str, tuple[pd.DataFrame, dict[str, float]]], group: NDArray) -> pd.DataFrame:
    """All scores as a table with one row for each system and score: estimate and interval, rounded for keeping.

    A score named `..._difference` is that of the system minus the passing model's, play by play on the same games.
    """
    first = _first_learned(judged)
    statistics_of = SCORES | {"from_truth": ("from_truth", np.mean)}
    rows = []
    for name, (scores, figures) in judged.items():
        for score, (column, statistic) in statistics_of.items():
            values, options = scores[column].to_numpy(), {"statistic": statistic, "draws": 500, "seed": SEED}
            found = {score: group_bootstrap(values, group, **options)}
            if name != first:
                own = judged[first][0][column].to_numpy()
                found[f"{score}_difference"] = paired_difference(values, own, group, **options)
            rows += [(name, named, at.estimate, at.lower, at.upper) for named, at in found.items()]
        figures = {"plays": len(scores), "games": len(np.unique(group))} | figures
        rows += [(name, figure, value, np.nan, np.nan) for figure, value in figures.items()]
    return pd.DataFrame(rows, columns=["system", "score", "estimate", "lower", "upper"]).round(5)


def _first_learned(judged: dict[str, tuple[pd.DataFrame, dict[str, float]]]) -> str:
    """The passing model: the first system that was learned."""
    return next(name for name, (_, figures) in judged.items() if "latency" in figures)


def differences(judged: dict[str, tuple[pd.DataFrame, dict[str, float]]], group: NDArray) -> str:
    """Each system minus the passing model, the first that was learned, play by play."""
    first = _first_learned(judged)
    own = judged[first][0]
    columns = {"absolute_error": "mae", "crps": "crps", "nll": "nll", "from_truth": "from truth"}
    lines = ["", f"Minus {first} (above 0: {first} is better)", "| | " + " | ".join(columns.values()) + " |"]
    lines.append("|" + " --- |" * (len(columns) + 1))
    for name, (scores, _) in judged.items():
        if name != first:
            cells = [str(paired_difference(scores[column], own[column], group, seed=SEED)) for column in columns]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
