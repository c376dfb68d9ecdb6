"""One reader for each public source; each says where it looks for files and what it did about their faults."""

from __future__ import annotations

from pathlib import Path

from qbsbp.datasets import _files, nab, ultimate_track
from qbsbp.datasets._files import DataNotFound

__all__ = ["SOURCES", "DataNotFound", "fetch", "nab", "ultimate_track"]

SOURCES = {source.name: source for source in (ultimate_track.SOURCE, nab.SOURCE)}


def fetch(name: str, *, progress: bool = True) -> Path:
    """Download a dataset into the user's cache; files that are there and intact stay.

    Args:
        name: Name of the dataset, a key of `SOURCES`.
        progress: Whether to show a bar.

    Returns:
        The dataset's folder in the cache.

    Raises:
        ValueError: There is no such dataset, or what arrived differs in checksum from what was published.
        ConnectionError: The publisher could not be reached.
    """
    if name not in SOURCES:
        raise ValueError(f"name: expected one of {', '.join(SOURCES)}, came {name!r}. Choose one of them.")
    return _files.fetch(SOURCES[name], progress=progress)
