"""What the readers of whole seasons share: the manifest of a folder that `data_synth` wrote, and the choice of weeks.

A manifest names the files of a folder with sizes and checksums. It is written last, so a folder without one was never
finished, and one that disagrees was changed or cut short.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

NAME = "manifest.json"
ADVICE = "Write the season again with `python -m data_synth`"


def check_manifest(folder: Path, names: list[str], layouts: tuple[str, ...], *, advice: str = ADVICE) -> dict:
    """The manifest of a folder, after comparing it with the files.

    Sizes are compared for all files of the manifest, SHA-256 for those in `names`.

    Args:
        folder: The folder.
        names: The files about to be read, relative to the folder, with forward slashes.
        layouts: The layouts that the reader knows.
        advice: What to do if the manifest is missing; completes a sentence.

    Raises:
        ValueError: The manifest is missing, cannot be read, is of another layout, or a file differs from it.
    """
    path = folder / NAME
    if not path.is_file():
        raise ValueError(f"{folder}: expected a {NAME}, which is written last, and found none. {advice}.")
    try:
        manifest = json.loads(path.read_text("utf-8"))
        entries = {str(entry["path"]): (int(entry["bytes"]), str(entry["sha256"])) for entry in manifest["files"]}
        layout = manifest["layout"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: expected JSON with layout and files (path, bytes, sha256), and it cannot be read "
            f"({type(error).__name__}: {error}). {ADVICE}."
        ) from error
    if layout not in layouts:
        raise ValueError(
            f"{path}: expected the layout {' or '.join(layouts)}, came {layout!r}. Read it with "
            f"qbsbp.datasets.{'synthetic' if layout == 'parquet' else 'big_data_bowl'}."
        )
    for name, (size, _) in entries.items():
        found = (folder / name).stat().st_size if (folder / name).is_file() else None
        if found != size:
            raise ValueError(
                f"{folder / name}: expected {size} bytes, as {NAME} says, and found "
                f"{'no file' if found is None else f'{found} bytes'}. {ADVICE}."
            )
    for name in names:
        if name not in entries:
            raise ValueError(f"{folder / name}: expected a file that {NAME} names, and it does not. {ADVICE}.")
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != entries[name][1]:
            raise ValueError(
                f"{folder / name}: expected sha256 {entries[name][1]}, as {NAME} says, and found {digest}; the file "
                f"was altered. {ADVICE}."
            )
    return manifest


def chosen_weeks(weeks: Iterable[int] | None, there: list[int], folder: Path) -> list[int]:
    """The weeks to read, ascending, all of `there` when None."""
    wanted = there if weeks is None else sorted({int(week) for week in weeks})
    absent = [week for week in wanted if week not in there]
    if absent or not wanted:
        raise ValueError(
            f"weeks: expected some of {', '.join(map(str, there)) or 'none at all'}, which {folder} has, came "
            f"{', '.join(map(str, absent)) or 'none'}. Choose among them."
        )
    return wanted
