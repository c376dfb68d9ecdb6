"""One reader for each public source; each says where it looks for files and what it did about their faults."""

from __future__ import annotations

from pathlib import Path

from qbsbp.datasets import _files, big_data_bowl, nab, ngs_highlights, synthetic, ultimate_track
from qbsbp.datasets._files import DataNotFound

__all__ = [
    "SOURCES",
    "DataNotFound",
    "big_data_bowl",
    "fetch",
    "nab",
    "ngs_highlights",
    "synthetic",
    "ultimate_track",
]

SOURCES = {source.name: source for source in (ultimate_track.SOURCE, nab.SOURCE, ngs_highlights.SOURCE)}


def fetch(name: str, *, files: int | None = None, progress: bool = True) -> Path:
    """Download a dataset into the user's cache; files that are there and intact stay.

    Args:
        name: Name of the dataset, a key of `SOURCES`.
        files: How many files to have in the end, of a dataset that may be read in part; None for all.
        progress: Whether to show a bar.

    Returns:
        The dataset's folder in the cache.

    Raises:
        ValueError: There is no such dataset; a part was asked for of one that needs all its files; or what arrived
            differs in checksum from what was published.
        ConnectionError: The publisher could not be reached.
        OSError: The disk is full or may not be written to.
    """
    if name not in SOURCES:
        raise ValueError(f"name: expected one of {', '.join(SOURCES)}, came {name!r}. Choose one of them.")
    source = SOURCES[name]
    if files is not None and not (source.partial and 1 <= files <= len(source.files)):
        allowed = f"1 to {len(source.files)}, or None for all" if source.partial else "None, since all are needed"
        raise ValueError(f"files: expected {allowed}, came {files}.")
    return _files.fetch(source, count=files, progress=progress)
