"""Plays kept on disk: a season's files become features once, and a model reads them from there, a batch at a time.

What is kept goes by the content of what it was made from: the checksums of the files, the settings, and the code that
turns one into the other. So nothing stale is ever read, and nothing needs to be deleted by hand for correctness' sake.
A week's features are one folder, written beside its place and then renamed: a reader never sees half of one, and a run
that was stopped goes on with the weeks that are missing. Chapter: from plays to tensors.
"""

from __future__ import annotations

import dataclasses
import errno
import functools
import hashlib
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import TqdmWarning, tqdm

import qbsbp.datasets
import qbsbp.features
from qbsbp import schema, tracking
from qbsbp.datasets import big_data_bowl, synthetic
from qbsbp.datasets._season import chosen_weeks
from qbsbp.features.passing import PASSING_STATIC_FEATURES, passing_plays
from qbsbp.features.tensors import PlayTensors, as_index
from qbsbp.schema import Quirk, Rejected, Report

__all__ = ["StoredPlays", "passing_season"]

PASSES = ("complete", "incomplete", "interception")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, None)
"""Numbers of errors that say so: disk, quota, and none, which is how NumPy says that it could not write everything."""


@dataclasses.dataclass(frozen=True)
class StoredPlays:
    """Plays whose frames stay on disk until they are asked for; `stored[index]` loads some as `PlayTensors`.

    Args:
        frames: Features of the frames, one array (frames, channels) a file, mapped into memory.
        file: Number of the array that each play is in, shape (plays,).
        start: Its first row there, shape (plays,).
        lengths, static, y, group, bounds: As in `PlayTensors`, of all plays.
        index: The table of plays, one row a play, with `frames`, their number from snap to release.
        report: What was met on the way from the files to here.
    """

    frames: tuple[NDArray, ...]
    file: NDArray
    start: NDArray
    lengths: Tensor
    static: Tensor
    y: Tensor
    group: Tensor
    bounds: Tensor
    index: pd.DataFrame
    report: Report

    def __len__(self) -> int:
        return len(self.y)

    @property
    def channels(self) -> int:
        """Features of a frame."""
        return self.frames[0].shape[1]

    def __getitem__(self, index: Tensor | NDArray | slice | Sequence[int]) -> PlayTensors:
        """The plays that an index tensor, a mask or a slice picks, loaded; as long as the longest of them."""
        index = torch.arange(len(self))[as_index(index)]
        lengths = self.lengths[index]
        x = np.zeros((len(index), int(lengths.max()) if len(index) else 1, self.channels), dtype=np.float32)
        for row, (play, length) in enumerate(zip(index.tolist(), lengths.tolist(), strict=True)):
            start = self.start[play]
            x[row, :length] = self.frames[self.file[play]][start : start + length]
        kept = {name: getattr(self, name)[index] for name in ("static", "y", "group", "bounds")}
        return PlayTensors(torch.from_numpy(x).transpose(1, 2).contiguous(), lengths, **kept)

    def subset(self, index: Tensor | NDArray | slice | Sequence[int]) -> StoredPlays:
        """Some of the plays, still on disk."""
        index = torch.arange(len(self))[as_index(index)]
        rows = index.numpy()
        return dataclasses.replace(
            self,
            file=self.file[rows],
            start=self.start[rows],
            index=self.index.iloc[rows].reset_index(drop=True),
            **{name: getattr(self, name)[index] for name in ("lengths", "static", "y", "group", "bounds")},
        )

    @staticmethod
    def concat(parts: Sequence[StoredPlays]) -> StoredPlays:
        """Several sets of plays as one, in this order."""
        if not parts:
            raise ValueError("parts: expected at least one set of plays, came none.")
        before = np.cumsum([0, *(len(part.frames) for part in parts)])
        names = ("lengths", "static", "y", "group", "bounds")
        return StoredPlays(
            frames=tuple(frames for part in parts for frames in part.frames),
            file=np.concatenate([part.file + first for part, first in zip(parts, before)]),
            start=np.concatenate([part.start for part in parts]),
            **{name: torch.cat([getattr(part, name) for part in parts]) for name in names},
            index=pd.concat([part.index for part in parts], ignore_index=True),
            report=Report.merge([part.report for part in parts]),
        )


def passing_season(
    directory: str | os.PathLike[str],
    *,
    cache: str | os.PathLike[str] | None = None,
    weeks: Iterable[int] | None = None,
    past: float = 4.0,
    use_target: bool = True,
    dropbacks: bool = False,
    verify: bool = True,
    executor: Executor | None = None,
    progress: bool = True,
) -> StoredPlays:
    """The passes of a season on disk as features, made once and kept.

    The season is one that `data_synth` wrote, as Parquet or in a layout of the Big Data Bowl, or a directory of the NFL
    Big Data Bowl of 2023 or 2025. Each week is read, prepared (`qbsbp.tracking.prepare`) and turned into features
    (`qbsbp.features.passing_plays`) by itself. The result is the same with any executor, or none.

    Args:
        directory: The season's folder.
        cache: Where features are kept; None for the folder "features" in the user's cache.
        weeks: Which weeks, all when None.
        past: As in `passing_plays`.
        use_target: As in `passing_plays`.
        dropbacks: Whether sacks and scrambles are kept too; otherwise passes alone.
        verify: Whether to insist on the manifest and the checksums that `data_synth` writes. False for the NFL's files.
        executor: Where the weeks are worked on, a `concurrent.futures.ProcessPoolExecutor` for some processes here, or
            `client.get_executor()` of a `dask.distributed.Client` for a cluster whose machines all see `directory` and
            `cache` under the same names. None works here, a week after the other.
        progress: Whether to show a bar.

    Returns:
        The plays, week by week, their frames on disk.

    Raises:
        FileNotFoundError: The directory is none, or no season, or lacks a file.
        ValueError: A week is not there, or a file breaks its format; see the readers.
        OSError: The disk has no room; the message says how much was needed.
    """
    folder = Path(directory).absolute()
    cache = _default_cache() if cache is None else Path(cache).absolute()
    _, found = _reader(folder)
    wanted = chosen_weeks(weeks, sorted(found), folder)
    make = functools.partial(
        _make_week, folder, cache, past=past, use_target=use_target, dropbacks=dropbacks, verify=verify
    )
    places: dict[int, Path] = {}
    with tqdm(total=len(wanted), desc=f"{folder.name}: features", unit="week", disable=not progress) as bar:
        if executor is None:
            for week in wanted:
                places[week] = Path(make(week))
                bar.update()
        else:
            waiting = {executor.submit(make, week): week for week in wanted}
            for done in as_completed(waiting):
                places[waiting[done]] = Path(done.result())
                bar.update()
    return StoredPlays.concat([_open(places[week]) for week in wanted])


def _reader(folder: Path):
    """The reader of a season's folder, and the files that each of its weeks is made from."""
    for reader in (synthetic, big_data_bowl):
        if found := reader.files_of_weeks(folder):
            return reader, found
    raise FileNotFoundError(
        f"directory: expected a season, {folder} has neither the Parquet files of `python -m data_synth` nor the week "
        f"files of the Big Data Bowl (week1.csv or tracking_week_1.csv, ...). Name the folder that has them."
    )


def _make_week(
    folder: Path, cache: Path, week: int, *, past: float, use_target: bool, dropbacks: bool, verify: bool
) -> str:
    """Make one week's features if they are not there; where they are. Runs in any process of any machine."""
    reader, found = _reader(folder)
    # what was read unverified is no answer to who insists on it
    settings = {"past": past, "use_target": use_target, "dropbacks": dropbacks, "verify": verify}
    place = cache / f"{folder.name}-week-{week:02d}-{_key(folder, found[week], settings)}"
    if place.is_dir():
        return str(place)
    tracks = reader.read(folder, weeks=[week], verify=verify, progress=False)
    report, plays, frames = tracks.report, tracks.plays, tracks.frames
    if not dropbacks:
        passed = plays["outcome"].isin(PASSES).to_numpy()
        report = report.add(Quirk("plays_no_pass", int((~passed).sum()), "sacks and scrambles: not asked for"))
        key_of = [pd.MultiIndex.from_frame(table[["game_id", "play_id"]]) for table in (plays[passed], frames)]
        plays = plays[passed].reset_index(drop=True)
        frames = frames[key_of[1].isin(key_of[0])].reset_index(drop=True)
    prepared = tracking.prepare(schema.Tracking(plays, frames, tracks.layout, report))
    tensors, index = passing_plays(prepared, past=past, use_target=use_target)
    known = tensors.static[:, list(PASSING_STATIC_FEATURES).index("target_known")] > 0
    report = prepared.report.add(Quirk("targets_by_rule", int((~known).sum()), "slot 1 by the way the passer faces"))
    _write(place, tensors, index, report)
    return str(place)


@functools.cache
def _code() -> bytes:
    """A hash of the code that features depend on."""
    digest = hashlib.blake2b(digest_size=16)
    files = [Path(module.__file__) for module in (schema, tracking)]
    for package in (qbsbp.datasets, qbsbp.features):
        files += sorted(Path(package.__file__).parent.glob("*.py"))
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def _key(folder: Path, sources: tuple[str, ...], settings: dict[str, float | bool]) -> str:
    """A hash of everything that a week's features are made from: code, settings, and the files' content."""
    absent = [name for name in sources if not (folder / name).is_file()]
    if absent:
        raise FileNotFoundError(
            f"{folder}: expected {', '.join(sources)}, and {', '.join(absent)} is missing. Put it there."
        )
    digest = hashlib.blake2b(_code() + json.dumps(settings, sort_keys=True).encode(), digest_size=12)
    for name in sources:
        digest.update(name.encode() + _checksum(folder / name))
    return digest.hexdigest()


def _checksum(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _write(place: Path, tensors: PlayTensors, index: pd.DataFrame, report: Report) -> None:
    """One week's folder, whole or not there."""
    real = torch.arange(tensors.x.shape[2]) < tensors.lengths[:, None]
    frames = tensors.x.transpose(1, 2)[real].numpy()  # (frames, channels)
    needed = frames.nbytes + tensors.static.nbytes + 1000 * len(index) + 100_000
    beside = place.with_name(f".{place.name}-{uuid.uuid4().hex[:12]}")
    try:
        beside.mkdir(parents=True)
        if shutil.disk_usage(place.parent).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        np.save(beside / "frames.npy", frames)
        np.save(beside / "static.npy", tensors.static.numpy())
        index.to_parquet(beside / "index.parquet", index=False)
        (beside / "lengths.json").write_text(json.dumps(tensors.lengths.tolist()))
        (beside / "report.json").write_text(json.dumps(dataclasses.asdict(report)))
        try:
            os.replace(beside, place)
        except OSError:
            if not place.is_dir():  # else another process was first, with the same content
                raise
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise OSError(
            errno.ENOSPC,
            f"{place}: expected room for {needed / 1e6:.1f} MB of features and the disk is full; nothing half-written "
            f"was left. Make room, or name another `cache`",
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _open(place: Path) -> StoredPlays:
    """One week's folder as plays."""
    index = pd.read_parquet(place / "index.parquet")
    lengths = torch.tensor(json.loads((place / "lengths.json").read_text()), dtype=torch.int64)
    to_goal = torch.tensor(index["yards_to_goal"].to_numpy(), dtype=torch.float32)
    ends = torch.cumsum(lengths, 0)
    written = json.loads((place / "report.json").read_text())
    return StoredPlays(
        frames=(np.load(place / "frames.npy", mmap_mode="r"),),
        file=np.zeros(len(index), dtype=np.int64),
        start=(ends - lengths).numpy(),
        lengths=lengths,
        static=torch.from_numpy(np.load(place / "static.npy")),
        y=torch.tensor(index["yards_gained"].to_numpy(), dtype=torch.float32),
        group=torch.tensor(index["game_id"].to_numpy(), dtype=torch.int64),
        bounds=torch.stack([to_goal - 100, to_goal], dim=1),
        index=index,
        report=Report(
            written["source"],
            tuple(Quirk(**quirk) for quirk in written["quirks"]),
            tuple(Rejected(**play) for play in written["rejected"]),
        ),
    )


def _default_cache() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # see qbsbp.datasets._files.Source.cache
        import pooch

    return Path(pooch.os_cache("qbsbp")) / "features"
