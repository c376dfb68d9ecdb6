"""Seasons of `data_synth` written as Parquet: the two tables as they are, and the truth beside them.

Written by `data_synth.write.write(season, directory, layout="parquet")` or `python -m data_synth`. The same season in
the files of the Big Data Bowl is read by `qbsbp.datasets.big_data_bowl`. Chapter: meeting the data.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
from tqdm import tqdm

from qbsbp import schema
from qbsbp.datasets import _files, _season
from qbsbp.schema import FOOTBALL, Quirk, Report, Tracking

__all__ = ["files_of_weeks", "read", "truth"]

LAYOUT = "parquet"
FRAMES = re.compile(r"frames/week=(\d+)/part-0\.parquet")


def read(
    directory: str | os.PathLike[str],
    *,
    weeks: Iterable[int] | None = None,
    verify: bool = True,
    progress: bool = True,
) -> Tracking:
    """Read a synthetic season, or some weeks of it, from its Parquet files.

    Args:
        directory: The folder that was written.
        weeks: Which weeks, all when None. A week's frames take about 55 MB.
        verify: Whether to compare every file that is read with its checksum.
        progress: Whether to show a bar.

    Returns:
        The tables of the season as they were; frames have the column `repaired`, False throughout.

    Raises:
        FileNotFoundError: The directory is none.
        ValueError: The manifest is missing or disagrees, a week is not there, or a table breaks the schema.
    """
    folder = _files.existing_folder(Path(directory), "directory")
    manifest = _season.check_manifest(folder, [], (LAYOUT,))
    found = {int(match[1]): match[0] for entry in manifest["files"] if (match := FRAMES.fullmatch(entry["path"]))}
    wanted = _season.chosen_weeks(weeks, sorted(found), folder)
    names = ["plays.parquet", *(found[week] for week in wanted)]
    if verify:
        _season.check_manifest(folder, names, (LAYOUT,))
    plays = _table(folder, names[0])
    schema.check_table(FOOTBALL.plays, plays)
    plays = plays[plays["week"].isin(wanted)].sort_values(["game_id", "play_id"], ignore_index=True)
    parts = []
    for week, name in zip(wanted, tqdm(names[1:], desc=str(folder.name), unit="week", disable=not progress)):
        frames = _table(folder, name)
        frames["repaired"] = False
        schema.check(plays[plays["week"] == week].reset_index(drop=True), frames, FOOTBALL)
        parts.append(frames)
    frames = pd.concat(parts, ignore_index=True)
    report = Report(f"synthetic season {manifest['season']}, seed {manifest['seed']}, from {folder}").add(
        Quirk("plays", len(plays), "as written"),
        Quirk("frames", len(frames) // FOOTBALL.entities, "as written"),
        Quirk("plays_turned", int((plays["play_direction"] == "left").sum()), "went left, turned before writing"),
    )
    return Tracking(plays, frames, FOOTBALL, report)


def truth(directory: str | os.PathLike[str], *, verify: bool = True) -> pd.DataFrame:
    """What is true of each dropback of a synthetic season, one row a play, keyed by `game_id` and `play_id`.

    Args:
        directory: A folder that `data_synth` wrote, in any layout.
        verify: Whether to compare the file with its checksum.

    Raises:
        FileNotFoundError: The directory is none.
        ValueError: The manifest is missing or disagrees.
    """
    folder = _files.existing_folder(Path(directory), "directory")
    layouts = (LAYOUT, "big_data_bowl_2023", "big_data_bowl_2025")
    manifest = _season.check_manifest(folder, [], layouts)
    name = "truth.parquet" if manifest["layout"] == LAYOUT else "truth/truth.parquet"
    if verify:
        _season.check_manifest(folder, [name], layouts)
    return _table(folder, name)


def files_of_weeks(directory: str | os.PathLike[str]) -> dict[int, tuple[str, ...]]:
    """The files that each week of a season is read from, relative to its folder; none where it is of another layout."""
    folder = _files.existing_folder(Path(directory), "directory")
    names = [path.relative_to(folder).as_posix() for path in folder.glob("frames/week=*/part-0.parquet")]
    return {int(match[1]): ("plays.parquet", match[0]) for name in sorted(names) if (match := FRAMES.fullmatch(name))}


def _table(folder: Path, name: str) -> pd.DataFrame:
    try:
        # one file by itself: its folder's name (week=1) is no column of the table
        table = pyarrow.parquet.ParquetFile(folder / name).read()
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, FileNotFoundError) as error:
        raise ValueError(f"{folder / name}: expected a Parquet file, and {error}. {_season.ADVICE}.") from error
    rows = table.to_pandas()
    for column in rows.columns[rows.dtypes == np.dtype(object)]:
        rows[column] = rows[column].astype("str")
    return rows
