"""From a configuration file to a trained model with its card: data, split, training, held-out scores.

`qbsbp train CONFIG --out DIRECTORY` is `run(load_config(CONFIG), DIRECTORY)`. Chapter: training the passing model.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from .baselines import FieldClimatology
from .evaluation import SCORES, Interval, score_plays, summarise
from .features import PlayTensors, StoredPlays, passing_season
from .model import ModelConfig, PassingModel
from .training import TrainConfig, find_accelerator, train, write_whole

__all__ = ["Config", "Split", "load_config", "load_plays", "model_card", "run", "split_by_game"]

SECTIONS = ("data", "split", "model", "training")


@dataclass(frozen=True)
class Config:
    """What `qbsbp train` reads, the sections of the file as dictionaries: see `qbsbp/passing.toml` for every entry."""

    data: dict[str, Any]
    split: dict[str, Any]
    model: dict[str, Any]
    training: dict[str, Any]

    def model_config(self, plays: PlayTensors | StoredPlays) -> ModelConfig:
        """The model for plays of this many features."""
        fields = dict(self.model)
        if isinstance(fields.get("bin_edges"), Mapping):
            fields["bin_edges"] = _edges(**fields["bin_edges"])
        return ModelConfig(in_channels=plays.channels, static_features=plays.static.shape[1], **fields)

    def train_config(self) -> TrainConfig:
        """How it is fitted."""
        return TrainConfig(**{name: value for name, value in self.training.items() if name != "objective"})

    def replace(self, **sections: Mapping[str, Any]) -> Config:
        """The same with some entries of some sections changed, as in `config.replace(training={"epochs": 3})`."""
        return Config(**{name: getattr(self, name) | dict(sections.get(name, {})) for name in SECTIONS})


def load_config(path: str | os.PathLike[str] | None = None) -> Config:
    """The configuration in a TOML file, over the defaults; the defaults alone when there is none.

    Folders of seasons are relative to the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no TOML, or has a section or an entry that there is not.
    """
    default = tomllib.loads(resources.files("qbsbp").joinpath("passing.toml").read_text("utf-8"))
    config = Config(**default)
    if path is None:
        return config
    path = Path(path)
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: expected TOML as in `qbsbp config`, and {error}. Correct the file.") from error
    known = {
        **{name: set(default[name]) for name in ("data", "split")},
        "model": {f.name for f in dataclasses.fields(ModelConfig)} - {"in_channels", "static_features"},
        "training": {f.name for f in dataclasses.fields(TrainConfig)} | {"objective"},
    }
    for section, entries in given.items():
        if section not in known:
            raise ValueError(f"{path}: expected the sections {', '.join(known)}, came [{section}]. Correct the file.")
        if unknown := sorted(set(entries) - known[section]):
            raise ValueError(
                f"{path}, section [{section}]: there is no entry {', '.join(unknown)}; there are "
                f"{', '.join(sorted(known[section]))}. Correct the file."
            )
    if "seasons" in given.get("data", {}):
        given["data"]["seasons"] = [str(path.parent / folder) for folder in given["data"]["seasons"]]
    return config.replace(**given)


def _edges(first: float, last: float, step: float, then: float, step_then: float) -> tuple[float, ...]:
    return (*np.arange(first, last, step).tolist(), *np.arange(last, then + step_then / 2, step_then).tolist())


@dataclass(frozen=True)
class Split:
    """Which plays are for what: three masks, shape (plays,). No game is on two sides."""

    train: NDArray
    validation: NDArray
    test: NDArray


def split_by_game(group: NDArray | torch.Tensor, *, test: float, validation: float, seed: int) -> Split:
    """Draw whole games for the test and for the validation; the rest is for training.

    Args:
        group: Game of each play, shape (plays,).
        test: Share of the games.
        validation: Share of the games.
        seed: Seed of the draw.

    Raises:
        ValueError: A share leaves one of the three without a game.
    """
    group = np.asarray(group)
    games = np.random.default_rng(seed).permutation(np.unique(group))
    cuts = np.cumsum([round(test * len(games)), round(validation * len(games))])
    parts = np.split(games, cuts)
    if not all(len(part) for part in parts):
        raise ValueError(
            f"test, validation: expected shares that leave games for test, validation and training, came {test} and "
            f"{validation} of {len(games)} games. Take more games or other shares."
        )
    held_out, chosen, rest = (np.isin(group, part) for part in parts)
    return Split(train=rest, validation=chosen, test=held_out)


def load_plays(config: Config, *, cache: str | os.PathLike[str] | None = None, progress: bool = True) -> StoredPlays:
    """The passes of the configuration's seasons, as features on disk."""
    if not config.data["seasons"]:
        raise ValueError(
            "[data], seasons: expected folders of seasons, came none. Write one with "
            "`python -m data_synth --out DIRECTORY` and name it."
        )
    options = {name: config.data[name] for name in ("past", "use_target", "verify")}
    with (
        find_accelerator().main_process_first()
    ):  # of several processes one makes the features, and the others find them
        parts = [passing_season(folder, cache=cache, progress=progress, **options) for folder in config.data["seasons"]]
    return StoredPlays.concat(parts)


def run(
    config: Config,
    directory: str | os.PathLike[str],
    *,
    cache: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
) -> PassingModel:
    """Train a passing model and judge it on games that it has never seen.

    Into `directory` go what `qbsbp.training.train` keeps there; `data.json`, how the plays were made; `games.csv`,
    which games were for what; `test_scores.parquet`, the scores of every held-out play; and `model_card.md`.

    Args:
        config: What to train on, and how.
        directory: Where to keep the run.
        cache: Where features are kept, see `passing_season`.
        resume: Continue the run in `directory`, or begin it where there is none.
        progress: Whether to show bars.

    Returns:
        The model of the best epoch.
    """
    plays = load_plays(config, cache=cache, progress=progress)
    split = split_by_game(plays.group, **config.split)
    training, validation, test = (plays.subset(getattr(split, name)) for name in ("train", "validation", "test"))
    started = time.perf_counter()
    result = train(
        config.model_config(plays), training, validation, config.train_config(), objective=config.training["objective"],
        criterion=config.training["objective"], directory=directory, resume=resume, progress=progress,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if find_accelerator().is_main_process:
        parts = np.select([split.train, split.validation], ["train", "validation"], "test")
        games = pd.DataFrame({"game_id": plays.group.numpy(), "part": parts}).drop_duplicates("game_id")
        write_whole(Path(directory, "games.csv"), lambda part: games.to_csv(part, index=False))
        data = json.dumps({name: config.data[name] for name in ("past", "use_target")})
        write_whole(Path(directory, "data.json"), lambda part: part.write_text(data, encoding="utf-8"))
        seed = config.split["seed"]
        scores = score_plays(result.model.predict(test), test, seed=seed)
        reference = score_plays(FieldClimatology(training).predict(test), test, seed=seed)
        keys = test.index[["game_id", "play_id"]]
        write_whole(
            Path(directory, "test_scores.parquet"), lambda part: pd.concat([keys, scores], axis=1).to_parquet(part)
        )
        rows = {
            "this model": summarise(scores, test.group, seed=seed),
            "climatology of the field": summarise(reference, test.group, seed=seed),
        }
        card = model_card(config, result.model, result.history, plays, split, rows, seconds)
        write_whole(Path(directory, "model_card.md"), lambda part: part.write_text(card, encoding="utf-8"))
    return result.model


def model_card(
    config: Config,
    model: PassingModel,
    history: pd.DataFrame,
    plays: StoredPlays,
    split: Split,
    scores: Mapping[str, Mapping[str, Interval]],
    seconds: float,
) -> str:
    """A trained model in words and figures, as Markdown, after Mitchell et al. (2019), Model Cards.

    Args:
        config: What it was trained on, and how.
        model: The trained model.
        history: What `train` returned.
        plays: All plays.
        split: Which were for what.
        scores: `qbsbp.evaluation.summarise` on the test games, by the name of the forecast, its own first.
        seconds: How long the training took.
    """
    best = history.loc[history["validation_score"].idxmin()]
    games = {name: len(np.unique(plays.group.numpy()[mask])) for name, mask in vars(split).items()}
    count = {name: int(mask.sum()) for name, mask in vars(split).items()}
    seasons = plays.index["season"]
    header = "| forecast | " + " | ".join(SCORES) + " |"
    table = [header, "|" + " --- |" * (1 + len(SCORES))]
    table += [f"| {name} | " + " | ".join(str(row[score]) for score in SCORES) + " |" for name, row in scores.items()]
    parameters = sum(p.numel() for p in model.parameters())
    set_aside = pd.Series([play.reason for play in plays.report.rejected]).value_counts()
    target = "Yes" if config.data["use_target"] else "No"
    reasons = ", ".join(f"{name} {n}" for name, n in set_aside.items()) or "none"
    return f"""# A passing model

The distribution of the yards that a pass gains, given the tracks of all players from snap to release and what was known
before the snap: a temporal convolutional network and a small network whose output are the parameters of a
`{config.model["law"]}` law. Made by qbsbp {metadata.version("qbsbp")}; `qbsbp.training.load_model(DIRECTORY)` loads it.

## Data

{len(plays):,} passes of {sum(games.values())} games, seasons {seasons.min()} to {seasons.max()}:
{plays.report.source}.
Set aside on the way: {reasons}. Is the intended receiver known to the model? {target}.

| part | games | passes |
| --- | --- | --- |
{chr(10).join(f"| {name} | {games[name]} | {count[name]:,} |" for name in ("train", "validation", "test"))}

Whole games are drawn with seed {config.split["seed"]}; none is on two sides.

## Training

Objective `{config.training["objective"]}`, {parameters:,} parameters, {len(history)} epochs in {seconds:,.0f} s on
{_device(model)}; epoch {int(best["epoch"])} is kept, whose validation score was {best["validation_score"]:.4f}.

```json
{json.dumps({"model": config.model, "training": config.training}, indent=1)}
```

## Scores on the test games

With 95 % intervals that resample whole games. In whole yards, cut at the goal lines: `mae` of the median and `crps` in
yards, `nll` in nats; `pp_` errors of calibration in the lower 5 %, the body and the upper 5 % as probabilities (even a
perfect law has some); `coverage` of the central 90 %.

{chr(10).join(table)}

## What it is for, and what not

For grading passes against what was possible at their release, for teaching, and as a starting point for models of
other plays. It describes passes like those that it was trained on: other leagues, rules, or tracking systems need a
model of their own. It says nothing of why a receiver was chosen or how he came to be open; a play in which a player was
hurt, a ball tipped or a rule broken is a play like any other to it. It must not be used to decide about a person alone.
"""


def _device(model: PassingModel) -> str:
    device = next(model.parameters()).device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} threads of a CPU ({platform.machine()})"
