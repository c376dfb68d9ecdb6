"""The command line: `python -m data_synth --out DIRECTORY` makes seasons and writes them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from data_synth.league import LeagueConfig, make_league
from data_synth.write import LAYOUTS, refuse_existing, write

__all__ = ["main"]

EPILOG = """\
A full season (32 teams, 17 weeks: 272 games, about 21,000 dropbacks) is 0.2 GB as Parquet and 1.9 to 2.3 GB in a layout
of the Big Data Bowl. One season goes to DIRECTORY itself, several to DIRECTORY/<year>. The same arguments give the same
bytes. Read it with qbsbp.datasets.synthetic.read or qbsbp.datasets.big_data_bowl.read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with `arguments`, those of the process when None; returns the exit status."""
    default = LeagueConfig()
    parser = argparse.ArgumentParser(
        prog="python -m data_synth",
        description="Make seasons of a football league whose truth is known, and write them to disk.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIRECTORY", help="where to write; must be free")
    parser.add_argument("--layout", choices=LAYOUTS, default=LAYOUTS[0], help=f"of the files (default {LAYOUTS[0]})")
    parser.add_argument("--seed", type=int, default=1, help="integer from 0 (default 1)")
    for name in ("teams", "weeks", "seasons", "first_season"):
        value = getattr(default, name)
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=value, metavar="N", help=f"(default {value})")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    parsed = parser.parse_args(arguments)
    try:
        return _run(parsed)
    except (ValueError, OSError) as error:  # an answer to the user, not a fault of the program
        print(f"data_synth: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("data_synth: interrupted; no unfinished season was left.", file=sys.stderr)
        return 130


def _run(parsed: argparse.Namespace) -> int:
    config = LeagueConfig(
        teams=parsed.teams, weeks=parsed.weeks, seasons=parsed.seasons, first_season=parsed.first_season
    )
    years = range(config.first_season, config.first_season + config.seasons)
    folders = {year: parsed.out / str(year) if config.seasons > 1 else parsed.out for year in years}
    for folder in folders.values():
        refuse_existing(folder.absolute())
    bar = tqdm(desc="plays", unit="play", disable=parsed.quiet)
    with bar:
        for season in make_league(config, seed=parsed.seed, progress=bar.update):
            bar.clear()
            print(write(season, folders[season.season], parsed.layout, progress=not parsed.quiet))
    return 0


if __name__ == "__main__":
    sys.exit(main())
