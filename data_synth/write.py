"""A season on disk: as Parquet by week, or in the layout of the NFL Big Data Bowl of 2023 or 2025.

    folder of a season, layout "parquet"           layout "big_data_bowl_2023" | "big_data_bowl_2025"
      plays.parquet                                  games.csv plays.csv players.csv
      frames/week=1/part-0.parquet ...               pffScoutingData.csv       | player_play.csv
      games.csv players.csv                          week1.csv ...             | tracking_week_1.csv ...
      play_by_play.parquet standings.csv             truth/ with play_by_play.parquet standings.csv truth.parquet
      truth.parquet skills.csv                         skills.csv strengths.csv starters.csv
      strengths.csv starters.csv                     manifest.json
      manifest.json

Parquet holds the two tables of `qbsbp.schema.FOOTBALL` as they are. What the Big Data Bowl files hold, and what of the
originals they leave out, is in `data_synth.big_data_bowl`. Truth and skills are never among the files that an original
has: in those layouts everything a real season does not tell lies under `truth/`.

A folder is whole or not there. Files are written into a hidden sibling folder, the manifest with size and SHA-256 of
each comes last, and then the folder gets its name in one step. A write that fails or is interrupted removes what it
made; one that is killed leaves a hidden folder without a manifest, which no reader accepts. The same season gives the
same bytes with the same version of pyarrow: nothing of the day or the machine goes in.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from tqdm import tqdm

from data_synth.big_data_bowl import LAYOUTS as BIG_DATA_BOWL
from data_synth.big_data_bowl import Writer

__all__ = ["LAYOUTS", "MANIFEST", "Written", "write"]

LAYOUTS = ("parquet", *BIG_DATA_BOWL)
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Written:
    """What `write` made: the folder, its layout, how many files (manifest included) and how many bytes."""

    directory: Path
    layout: str
    files: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.directory} ({self.layout}, {self.files} files, {self.bytes / 1e6:,.1f} MB)"


def write(season, directory: str | os.PathLike[str], layout: str = "parquet", *, progress: bool = True) -> Written:
    """Write a season into a new folder, week by week.

    Args:
        season: A `data_synth.league.Season`.
        directory: The folder to make. It may exist if it is empty; missing parents are made.
        layout: "parquet", "big_data_bowl_2023" or "big_data_bowl_2025".
        progress: Whether to show a bar.

    Returns:
        Where the files are and how large they are.

    Raises:
        ValueError: There is no such layout.
        FileExistsError: There is something at `directory` already.
        OSError: The disk is full or may not be written to. Nothing is left.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout: expected one of {', '.join(LAYOUTS)}, came {layout!r}. Choose one of them.")
    target = Path(directory).absolute()
    refuse_existing(target)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        partial.mkdir(parents=True)
        folder = Folder(partial)
        (_parquet if layout == "parquet" else _big_data_bowl)(season, folder, layout, progress)
        _manifest(season, folder, layout)
        if target.is_dir():
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        named = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise OSError(
            error.errno,
            f"{target}: the season could not be written ({named}: {error.strerror or error}) and nothing was left. "
            f"Free space there or name another directory",
        ) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Written(target, layout, len(folder.entries), sum(entry["bytes"] for entry in folder.entries))


def refuse_existing(target: Path) -> None:
    """Raise a FileExistsError unless `target` is free: nothing, or an empty folder."""
    if target.is_dir() and not any(target.iterdir()):
        return
    if target.exists() or target.is_symlink():
        what = "a folder with files in it" if target.is_dir() else "a file"
        raise FileExistsError(
            f"directory: expected a path where nothing is, or an empty folder, and {target} is {what}. Nothing is "
            f"overwritten; name another directory or remove it."
        )


class Folder:
    """A folder being filled; remembers size and SHA-256 of every file as its bytes go out."""

    def __init__(self, path: Path):
        self.path = path
        self.entries: list[dict[str, str | int]] = []

    def open(self, name: str) -> _Counted:
        """A new file to write to, as a context manager; `name` is relative to the folder, with forward slashes."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return _Counted(path, name, self.entries)

    def csv(self, name: str, table: pd.DataFrame, missing: str = "") -> None:
        """Write a table as CSV, with a header; text is quoted where it must be."""
        with self.open(name) as file:
            file.write(table.to_csv(index=False, na_rep=missing, lineterminator="\n").encode())

    def parquet(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as Parquet."""
        with self.open(name) as file:
            pa.parquet.write_table(arrow(table), file, compression="zstd")


class _Counted:
    """A binary file that adds an entry (path, bytes, sha256) to a list when it is closed whole."""

    def __init__(self, path: Path, name: str, entries: list[dict[str, str | int]]):
        self._file, self._name, self._entries = path.open("xb"), name, entries
        self._digest, self._bytes = hashlib.sha256(), 0

    def write(self, data) -> int:
        self._file.write(data)
        self._digest.update(data)
        self._bytes += len(memoryview(data).cast("B"))
        return len(data)

    def tell(self) -> int:
        return self._bytes

    def flush(self) -> None:
        self._file.flush()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, kind, value, trace) -> None:
        self._file.close()
        if kind is None:
            self._entries.append({"path": self._name, "bytes": self._bytes, "sha256": self._digest.hexdigest()})


def arrow(table: pd.DataFrame) -> pa.Table:
    """A table without its index and without a word of pandas, so that the version of pandas changes no byte."""
    return pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)


def _parquet(season, folder: Folder, layout: str, progress: bool) -> None:
    plays = season.plays.sort_values(["game_id", "play_id"], ignore_index=True)
    folder.parquet("plays.parquet", plays)
    for week in tqdm(season.weeks, desc=f"season {season.season}", unit="week", disable=not progress):
        folder.parquet(f"frames/week={week}/part-0.parquet", season.week_frames(week))
    _beside(season, folder, "")
    folder.csv("games.csv", season.games)
    folder.csv("players.csv", season.players)


def _big_data_bowl(season, folder: Folder, layout: str, progress: bool) -> None:
    writer = Writer(season, layout)
    plain = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    plays = []
    with folder.open(writer.layout.scouting_name) as scouting:
        scouting.write((",".join(writer.layout.scouting) + "\n").encode())
        for week in tqdm(season.weeks, desc=f"season {season.season}", unit="week", disable=not progress):
            rows = writer.week(week)
            plays.append(rows.plays)
            pa.csv.write_csv(rows.scouting, scouting, plain)
            with folder.open(writer.layout.tracking_name.format(week=week)) as tracking:
                tracking.write((",".join(writer.layout.tracking) + "\n").encode())
                for chunk in rows.tracking():
                    pa.csv.write_csv(chunk, tracking, plain)
    folder.csv("plays.csv", pd.concat(plays, ignore_index=True), "NA")
    folder.csv("games.csv", writer.games(), "NA")
    folder.csv("players.csv", writer.players(), "NA")
    _beside(season, folder, "truth/")


def _beside(season, folder: Folder, under: str) -> None:
    """What no real season tells, and the plays without tracks."""
    folder.parquet(f"{under}play_by_play.parquet", season.play_by_play)
    folder.csv(f"{under}standings.csv", season.standings)
    folder.parquet(f"{under}truth.parquet", season.truth)
    folder.csv(f"{under}skills.csv", season.skills)
    folder.csv(f"{under}strengths.csv", season.strengths)
    folder.csv(f"{under}starters.csv", season.starters)


def _manifest(season, folder: Folder, layout: str) -> None:
    content = {
        "made_by": "data_synth",
        "layout": layout,
        "season": int(season.season),
        "seed": season.seed,
        "config": dataclasses.asdict(season.config),
        "files": sorted(folder.entries, key=lambda entry: entry["path"]),
    }
    with folder.open(MANIFEST) as file:
        file.write((json.dumps(content, indent=1, sort_keys=True, default=_plain) + "\n").encode())


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"the manifest cannot hold {value!r}")
