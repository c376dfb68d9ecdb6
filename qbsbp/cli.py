"""The command line: `qbsbp data list` and `qbsbp data fetch NAME [--files N]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import datasets

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
    parsed = parser.parse_args(arguments)
    return parsed.run(parsed)


def _list(_: argparse.Namespace) -> int:
    for name, source in datasets.SOURCES.items():
        print(f"{name:16s} {source.megabytes:6.1f} MB  {source.licence}")
    return 0


def _fetch(parsed: argparse.Namespace) -> int:
    try:
        folder = datasets.fetch(parsed.name, files=parsed.files)
    except (OSError, ValueError) as error:  # an answer to the reader, not a fault of the program
        print(f"qbsbp: {error}", file=sys.stderr)
        return 1
    print(f"{parsed.name} is in {folder}")
    return 0
