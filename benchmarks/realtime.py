"""How long one play takes: from raw frames to its rank, one frame more, and a thousand plays at once.

    OMP_NUM_THREADS=1 python -m benchmarks.realtime

The model is that of `qbsbp/passing.toml` with random weights, exported; the plays are synthetic. All that is compared
takes turns, fifty calls in a row, so that a busy machine slows one as it slows the other. The plain path is the one
that a season takes: `prepare`, `passing_plays` and the model in torch, of a table with one play.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data_synth.league import LeagueConfig, make_season
from qbsbp.evaluation import recorded
from qbsbp.experiment import load_config
from qbsbp.features import PlayTensors, passing_plays
from qbsbp.model import PassingModel
from qbsbp.realtime import Scorer, Tracks, export, raw_plays
from qbsbp.schema import FOOTBALL, Report, Tracking
from qbsbp.tracking import prepare

BATCH = 1024
MILLISECONDS = {"one play, raw frames to rank": 0.5, "one more frame, to the law": 0.2}  # at most, median
PLAYS_A_SECOND = 10_000  # at least, of the batch on two cores


def passing_model(plays: PlayTensors) -> PassingModel:
    torch.manual_seed(0)
    model = PassingModel(load_config().model_config(plays))
    model.initialise_from(plays)
    torch.nn.init.normal_(model.output.weight, std=0.05)
    return model.eval()


def torch_ranks(model: PassingModel, plays: PlayTensors) -> torch.Tensor:
    law = recorded(model.predict(plays), plays)
    return (law.cdf(plays.y - 1) + law.cdf(plays.y)) / 2


def one_play(tracking: Tracking, game_id: int, play_id: int) -> Tracking:
    """The tables of one play."""
    of = [(table["game_id"] == game_id) & (table["play_id"] == play_id) for table in (tracking.plays, tracking.frames)]
    plays, frames = (table[rows].reset_index(drop=True) for table, rows in zip((tracking.plays, tracking.frames), of))
    return Tracking(plays, frames, tracking.layout, tracking.report)


@dataclass(frozen=True)
class Times:
    """Milliseconds of each call by the clock and of the processor, shape (blocks, calls)."""

    wall: np.ndarray
    processor: np.ndarray

    @property
    def quietest(self) -> float:
        """Median by the clock of the block in which it was least: what the machine does when it is left alone."""
        return float(np.median(self.wall, axis=1).min())

    @property
    def of_two(self) -> Times:
        """Half the processor time in the place of the clock's: what two processors take that nobody else uses."""
        return Times(self.processor / 2, self.processor)


def in_turns(what: dict[str, Callable[[int], object]], blocks: int, calls: int) -> dict[str, Times]:
    """Times of each, `calls` calls in a row and then the next one's turn; each is called with a running number."""
    taken = {name: np.empty((2, blocks, calls)) for name in what}
    for block in range(blocks):
        for name, call in what.items():
            call(0)  # the caches are as the one before has left them
            for k in range(calls):
                wall, processor = time.perf_counter(), time.process_time()
                call(block * calls + k)
                processor, wall = time.process_time() - processor, time.perf_counter() - wall
                taken[name][:, block, k] = 1e3 * wall, 1e3 * processor
    return {name: Times(*times) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=40, help="turns that each of the compared takes")
    blocks = parser.parse_args().blocks
    season = make_season(LeagueConfig(teams=6, weeks=1), seed=3)
    tracking = Tracking(season.plays, season.frames, FOOTBALL, Report("synthetic"))
    plays, index = passing_plays(prepare(tracking))
    model = passing_model(plays)
    passes = [raw for raw in raw_plays(tracking) if raw.situation.target_id]
    row = {key: at for at, key in enumerate(index[["game_id", "play_id"]].itertuples(index=False, name=None))}
    tables = [one_play(tracking, raw.game_id, raw.play_id) for raw in passes]
    alone = [plays[[row[raw.game_id, raw.play_id]]] for raw in passes]
    arrays = [(part.x.numpy(), part.lengths.numpy(), part.static.numpy(), *part.bounds.numpy().T) for part in alone]
    gains = [part.y.numpy() for part in alone]

    with tempfile.TemporaryDirectory() as folder:
        path = export(model, Path(folder, "passing.onnx"))
        scorer = Scorer.load(path)
        print(f"{len(passes)} passes, a file of {path.stat().st_size / 2**20:.1f} MiB")

        def whole(number: int) -> np.ndarray:
            raw = passes[number % len(passes)]
            return scorer.law(raw.situation, raw.tracks, raw.snap_frame).rank(raw.yards_gained)

        def plain(number: int) -> torch.Tensor:
            return torch_ranks(model, passing_plays(prepare(tables[number % len(passes)]))[0])

        def tensors(number: int) -> np.ndarray:
            return scorer.laws(*arrays[number % len(passes)]).rank(gains[number % len(passes)])

        for number in range(len(passes)):  # what is timed is the same number
            np.testing.assert_allclose(whole(number), torch_ranks(model, alone[number]), rtol=0, atol=1e-5)
        torch.set_num_threads(1)
        stream = frames_without_end(scorer, passes)
        times = in_turns(
            {
                "one play, raw frames to rank": whole,
                "one more frame, to the law": lambda number: next(stream),
                "one play, tensors to rank": tensors,
                "the same in torch": lambda number: torch_ranks(model, alone[number % len(passes)]),
            },
            blocks,
            calls=50,
        ) | in_turns({"one play by the plain path": plain}, blocks, calls=2)
        against = {
            "one play, raw frames to rank": "one play by the plain path",
            "one play, tensors to rank": "the same in torch",
        }
        print("\n| ms, one thread | median | 95 % | 99 % | processor | quietest block | at most | faster than torch |")
        print("|---|---|---|---|---|---|---|---|")
        for name, taken in times.items():
            middle, high, highest = np.quantile(taken.wall, (0.5, 0.95, 0.99))
            most, other = MILLISECONDS.get(name), times.get(against.get(name, ""))
            faster = f"{np.median(other.processor) / np.median(taken.processor):.0f} times" if other else ""
            missed = " MISSED" if most and taken.quietest > most else ""
            print(
                f"| {name} | {middle:.2f} | {high:.2f} | {highest:.2f} | {np.median(taken.processor):.2f} | "
                f"{taken.quietest:.3f}{missed} | {most or ''} | {faster} |"
            )

        many = plays[torch.arange(BATCH) % len(plays)]
        batch = many.x.numpy(), many.lengths.numpy(), many.static.numpy(), *many.bounds.numpy().T
        two = Scorer.load(path, threads=2)
        torch.set_num_threads(2)
        times = in_turns(
            {
                "exported": lambda number: two.laws(*batch).rank(many.y.numpy()),
                "torch": lambda number: torch_ranks(model, many),
            },
            max(blocks // 4, 2),
            calls=3,
        )
        print(f"\n| {BATCH:,} plays, tensors to ranks, two threads: plays/s | median | quietest block | at least |")
        print("|---|---|---|---|")
        for name, taken in times.items():
            for by, part in (("by the clock", taken), ("by processor time on two", taken.of_two)):
                middle, best = (1e3 * BATCH / ms for ms in (float(np.median(part.wall)), part.quietest))
                least = PLAYS_A_SECOND * (name == "exported")
                print(f"| {name}, {by} | {middle:,.0f} | {best:,.0f}{' MISSED' * (best < least)} | {least or ''} |")


def frames_without_end(scorer: Scorer, passes: list) -> Iterator[object]:
    """The law after each frame of one play after the other, from the second after the snap on."""
    while True:
        for raw in passes:
            play, first = scorer.play(raw.situation), raw.snap_frame
            play.push(Tracks(*(None if column is None else column[:first] for column in raw.tracks)), snap_frame=first)
            for frame in range(first, len(raw.tracks.frame_id)):
                yield play.push(Tracks(*(None if column is None else column[frame] for column in raw.tracks)))


if __name__ == "__main__":
    main()
