"""The command line: `qbsbp data`, `features`, `config`, `train`, `score`, `leaderboard`, `card`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from . import datasets

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command given by `arguments`, those of the process when None; returns its exit status."""
    parser = argparse.ArgumentParser(prog="qbsbp", description="Distributions of what a pass will gain.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = commands.add_parser("data", help="public data sets").add_subparsers(required=True, metavar="COMMAND")
    data.add_parser("list", help="what there is").set_defaults(run=_list)
    fetch = data.add_parser("fetch", help="download a data set into your cache, with its checksums")
    fetch.add_argument("name", choices=list(datasets.SOURCES))
    fetch.add_argument("--files", type=int, help="how many of its files, of a data set that may be read in part")
    fetch.set_defaults(run=_fetch)

    features = commands.add_parser("features", help="turn seasons on disk into features, once")
    features.add_argument("seasons", nargs="+", metavar="SEASON", help="folder of a season")
    features.add_argument("--cache", metavar="DIRECTORY", help="where to keep them (default: your cache)")
    features.add_argument("--dropbacks", action="store_true", help="sacks and scrambles too")
    features.add_argument("--no-verify", action="store_true", help="files without checksums, as the NFL's")
    where = features.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine (default 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster, as in tcp://10.0.0.1:8786")
    features.set_defaults(run=_features)

    commands.add_parser("config", help="print the default configuration").set_defaults(run=_config)
    train = commands.add_parser("train", help="train a passing model, and judge it on games it has not seen")
    train.add_argument("config", metavar="CONFIG", help="TOML file, see `qbsbp config`")
    train.add_argument("--out", required=True, metavar="DIRECTORY", help="where to keep the run")
    train.add_argument("--cache", metavar="DIRECTORY", help="where features are kept (default: your cache)")
    train.add_argument("--resume", action="store_true", help="go on with the run that is there")
    train.set_defaults(run=_train)

    score = commands.add_parser("score", help="rank the passes of seasons by a trained model")
    score.add_argument("seasons", nargs="+", metavar="SEASON", help="folder of a season")
    score.add_argument("--model", required=True, metavar="DIRECTORY", help="what `qbsbp train` made")
    score.add_argument("--out", required=True, metavar="FILE", help="Parquet file to write, one row a pass")
    score.add_argument("--cache", metavar="DIRECTORY", help="where features are kept (default: your cache)")
    score.add_argument("--no-verify", action="store_true", help="files without checksums, as the NFL's")
    score.add_argument("--interceptions", default="zero", metavar="WAY", help="zero, return or 'field position'")
    score.set_defaults(run=_score)

    board = commands.add_parser("leaderboard", help="who scores how much, and how sure that is")
    board.add_argument("passes", metavar="FILE", help="what `qbsbp score` wrote")
    board.add_argument("--by", default="passer_id", metavar="COLUMNS", help="to group by, with commas between")
    board.add_argument(
        "--split", metavar="QUERY", help="as in deep, 'under pressure' or 'down == 3 and yards_to_go > 7'"
    )
    board.add_argument("--minimum", type=int, default=100, metavar="N", help="fewest attempts (default 100)")
    board.add_argument("--seed", type=int, default=0, help="of the resampling of games (default 0)")
    board.add_argument("--picture", metavar="FILE", help="draw it too, as .svg, .png or .pdf")
    board.set_defaults(run=_leaderboard)

    card = commands.add_parser("card", help="draw one passer: his score in every split, and where his passes rank")
    card.add_argument("passes", metavar="FILE", help="what `qbsbp score` wrote")
    card.add_argument("passer", metavar="PASSER", help="his name or number")
    card.add_argument("--minimum", type=int, default=30, metavar="N", help="fewest attempts in a split (default 30)")
    card.add_argument("--seed", type=int, default=0, help="of the resampling of games (default 0)")
    card.add_argument("--picture", required=True, metavar="FILE", help="what to draw, as .svg, .png or .pdf")
    card.set_defaults(run=_card)

    parsed = parser.parse_args(arguments)
    try:
        return parsed.run(parsed)
    except (ConnectionError, ImportError, OSError, ValueError) as error:  # an answer to the user, no fault of ours
        print(f"qbsbp: {error}", file=sys.stderr)
        return 1


def _list(_: argparse.Namespace) -> int:
    for name, source in datasets.SOURCES.items():
        print(f"{name:16s} {source.megabytes:6.1f} MB  {source.licence}")
    return 0


def _fetch(parsed: argparse.Namespace) -> int:
    folder = datasets.fetch(parsed.name, files=parsed.files)
    print(f"{parsed.name} is in {folder}")
    return 0


def _features(parsed: argparse.Namespace) -> int:
    from .features import passing_season

    options = {"cache": parsed.cache, "dropbacks": parsed.dropbacks, "verify": not parsed.no_verify}
    with _executor(parsed) as executor:
        for folder in parsed.seasons:
            plays = passing_season(folder, executor=executor, **options)
            print(plays.report)
            if plays.report.rejected:
                print(plays.report.rejected_table().to_string(index=False))
    return 0


@contextlib.contextmanager
def _executor(parsed: argparse.Namespace) -> Iterator[Executor | None]:
    if parsed.scheduler:
        try:
            from dask.distributed import Client
        except ImportError as error:
            raise ImportError('--scheduler needs dask.distributed: pip install "qbsbp[cluster]"') from error
        with Client(parsed.scheduler) as client:
            yield client.get_executor()
    elif parsed.workers > 1:
        with ProcessPoolExecutor(parsed.workers) as executor:
            yield executor
    else:
        yield None


def _config(_: argparse.Namespace) -> int:
    print(resources.files("qbsbp").joinpath("passing.toml").read_text("utf-8"), end="")
    return 0


def _train(parsed: argparse.Namespace) -> int:
    from .experiment import load_config, run
    from .training import find_accelerator

    out = Path(parsed.out)
    run(load_config(parsed.config), out, cache=parsed.cache, resume=parsed.resume)
    if find_accelerator().is_main_process:
        import pandas as pd

        from .plotting import plot_history

        _draw(plot_history(pd.read_csv(out / "history.csv")).figure, out / "history.svg")
        print((out / "model_card.md").read_text("utf-8"))
    return 0


def _score(parsed: argparse.Namespace) -> int:
    import pandas as pd

    from .passing_score import score_season
    from .training import write_whole

    options = {"cache": parsed.cache, "interceptions": parsed.interceptions, "verify": not parsed.no_verify}
    passes = pd.concat([score_season(parsed.model, season, **options) for season in parsed.seasons], ignore_index=True)
    write_whole(Path(parsed.out), lambda part: passes.to_parquet(part, index=False))
    print(f"{len(passes):,} passes, mean rank {passes['rank'].mean():.3f}: {parsed.out}")
    if known := int((passes["part"] == "train").sum()):
        print(f"{known:,} of them are of games that the model was trained on: their ranks are a little too near to 1/2")
    return 0


def _leaderboard(parsed: argparse.Namespace) -> int:
    import pandas as pd

    from .passing_score import leaderboard

    passes = pd.read_parquet(parsed.passes)
    by = parsed.by.split(",")
    if by == ["passer_id"] and "passer" in passes.columns:
        by = ["passer", "passer_id"]
    table = leaderboard(passes, by, split=parsed.split, minimum=parsed.minimum, seed=parsed.seed)
    placed = table[table["place"].notna()]
    shown = placed.assign(
        interval=[f"{low:+.3f} to {high:+.3f}" for low, high in zip(placed["lower"], placed["upper"])],
        places=[f"{low} to {high}" for low, high in zip(placed["place_low"], placed["place_high"])],
    )
    shown["display"] = shown["display"].round().astype(int)
    columns = ["place", *by, "attempts", "display", "score", "interval", "places", "shrunken", "reliability"]
    print(shown[columns].round(3).to_string(index=False))
    if left := len(table) - len(placed):
        print(f"{left} more with fewer than {parsed.minimum} attempts have no place")
    if parsed.picture:
        from .plotting import plot_leaderboard, use_style

        use_style()
        _draw(plot_leaderboard(placed, label=by[0], title=parsed.split or "all passes").figure, parsed.picture)
    return 0


def _card(parsed: argparse.Namespace) -> int:
    import difflib

    import pandas as pd

    from .passing_score import splits_of
    from .plotting import passer_card, use_style

    passes = pd.read_parquet(parsed.passes)
    names = passes["passer"] if "passer" in passes.columns else passes["passer_id"].astype(str)
    known = (names == parsed.passer) | (passes["passer_id"].astype(str) == parsed.passer)
    if not known.any():
        near = difflib.get_close_matches(parsed.passer, names.dropna().unique(), n=3, cutoff=0.4)
        meant = f"; did you mean {' or '.join(near)}?" if near else "."
        raise ValueError(f"{parsed.passes} has no passer {parsed.passer!r}{meant}")
    who = passes.loc[known, "passer_id"].unique()
    if len(who) > 1:
        numbers = ", ".join(map(str, who))
        raise ValueError(f"{parsed.passer!r} is the name of {len(who)} passers; give a number: {numbers}.")
    use_style()
    _draw(passer_card(passes, splits_of(passes, minimum=parsed.minimum, seed=parsed.seed), who[0]), parsed.picture)
    return 0


def _draw(figure: Figure, file: str | Path) -> None:
    import matplotlib.pyplot as plt

    from .training import write_whole

    write_whole(Path(file), lambda part: figure.savefig(part, format=Path(file).suffix[1:], bbox_inches="tight"))
    plt.close(figure)
