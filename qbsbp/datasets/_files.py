"""Finding, fetching and checking the published files of a dataset.

A file is looked for in this order, and never silently replaced by anything else: the directory the caller names; the
directory in the environment variable QBSBP_DATA; the user's cache; the publisher's address at a fixed commit, when the
caller asked for a download. Manifests inside the package hold size and checksum of every published file that is read:
SHA-256, or git's own SHA-1 of the file where the publisher's platform gives no other. A file may lie there compressed
(`.xz`); size and checksum are always those of the uncompressed bytes.

Nothing found is `DataNotFound`, which a chapter catches to show a stand-in and say so. A named place that cannot be
meant is a mistake and a plain FileNotFoundError, which stops the chapter: a `directory` without the files, or a
QBSBP_DATA that is no directory, holds no dataset, or holds this one in part. A QBSBP_DATA with other datasets only is
no mistake, and the cache may complete any QBSBP_DATA that is a directory.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import lzma
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

VARIABLE = "QBSBP_DATA"


class DataNotFound(FileNotFoundError):
    """A dataset is in none of its places, and no place that was named is a mistake."""


@dataclass(frozen=True)
class Published:
    """One file as its publisher has it.

    Args:
        path: Path in the repository.
        size: Bytes, uncompressed; None where only the checksum is known.
        sha256: SHA-256 of these bytes, or "" where only the next is known.
        git_blob_sha1: SHA-1 of "blob ", the size in digits, a zero byte and the bytes: the name git gives the file.
    """

    path: str
    size: int | None
    sha256: str
    git_blob_sha1: str = ""

    def __str__(self) -> str:
        size = "" if self.size is None else f"{self.size} bytes with "
        return f"{size}{self.checksum}"

    @property
    def checksum(self) -> str:
        """The checksum with its kind, as in "sha256 9f86..."."""
        return f"sha256 {self.sha256}" if self.sha256 else f"git blob sha1 {self.git_blob_sha1}"

    def checksum_of(self, content: bytes) -> str:
        """The checksum of other bytes, of the same kind and in the same form."""
        if self.sha256:
            return f"sha256 {hashlib.sha256(content).hexdigest()}"
        named = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
        named.update(content)
        return f"git blob sha1 {named.hexdigest()}"


@dataclass(frozen=True)
class Source:
    """A published dataset.

    Args:
        name: Name of the dataset, of its folder in QBSBP_DATA and in the cache, and of its manifest.
        title: Name in prose.
        address: Where the files are; a published path completes it.
        licence: Licence of the files, or that there is none and what follows.
        cite: Whom to cite.
        partial: Whether any number of the files is enough to read. Otherwise all are needed.
        compressed: Whether the cache keeps the files as .xz.
    """

    name: str
    title: str
    address: str
    licence: str
    cite: str
    partial: bool = False
    compressed: bool = False

    @cached_property
    def files(self) -> tuple[Published, ...]:
        """The manifest: every file that is read, and the licence."""
        text = resources.files(__package__).joinpath("manifests", f"{self.name}.csv").read_text("utf-8")
        return tuple(
            Published(row["path"], int(row["bytes"] or 0) or None, row["sha256"], row.get("git_blob_sha1", ""))
            for row in csv.DictReader(text.splitlines())
        )

    @property
    def megabytes(self) -> float:
        """Size of all files whose size is known, MB."""
        return sum(file.size or 0 for file in self.files) / 1e6

    def cache(self) -> Path:
        """The dataset's folder in the user's cache."""
        from tqdm import TqdmWarning

        with warnings.catch_warnings():
            # in a notebook pooch picks a bar that warns where ipywidgets are missing; the bar shown here is another one
            warnings.simplefilter("ignore", TqdmWarning)
            import pooch  # only here and in `fetch`: whoever has the files needs neither it nor a network

        return Path(pooch.os_cache("qbsbp")) / self.name


@dataclass(frozen=True)
class Place:
    """Where the files of a dataset were found.

    Args:
        origin: "explicit path", "QBSBP_DATA", "cache" or "download".
        directory: The dataset's folder.
        files: The stored file of each published path.
    """

    origin: str
    directory: Path
    files: dict[str, Path]


def locate(
    source: Source,
    paths: list[str],
    directory: str | os.PathLike[str] | None = None,
    *,
    count: int | None = None,
    download: bool = False,
    progress: bool = True,
) -> Place:
    """Find published files, in the order that the module states.

    Of a `partial` source, a place with `count` of the files has enough, and without `count` a place with any of them;
    a download then brings `count` of them into the cache, or all.

    Args:
        source: The dataset.
        paths: The published paths that are wanted.
        directory: A folder that holds the published tree, or the bare files. When given, nowhere else is looked.
        count: How many files of a `partial` source are wanted.
        download: Whether to fetch into the cache what none of the places has.
        progress: Whether to show a bar while downloading.

    Returns:
        The first place that has every file, or enough of them, with all that it has.

    Raises:
        DataNotFound: No place has every file, and QBSBP_DATA is not set or has other datasets but not this one.
        FileNotFoundError: `directory` or QBSBP_DATA is no directory; `directory` lacks files; or no place has every
            file, and QBSBP_DATA has this dataset in part or no dataset at all.
        ConnectionError: The download was asked for and did not succeed.
    """
    enough = (count or 1) if source.partial else len(paths)
    if directory is not None:
        if download:
            raise ValueError(
                f"directory={os.fspath(directory)!r} and download=True: expected one of the two, since a named "
                f"directory is only read and a download goes to the cache. Drop one."
            )
        folder = existing_folder(Path(directory), "directory")
        found = _stored(folder, paths, flat=True)
        if len(found) < enough:
            some = f"at least {enough} files of " if source.partial else ""
            raise FileNotFoundError(
                f"{source.title}: the directory {folder} has {_holding(found, paths)}. Expected {some}the published "
                f"tree (as in {paths[0]}) or the bare files, each plain or .xz. Complete it, or leave `directory` out "
                f"to look in {VARIABLE} and the cache."
            )
        return Place("explicit path", folder, found)

    looked = ["1. explicit path: none given"]
    mistake = ""
    variable = os.environ.get(VARIABLE, "")
    if variable:
        folder = existing_folder(Path(variable), f"the environment variable {VARIABLE}") / source.name
        found = _stored(folder, paths)
        if len(found) >= enough:
            return Place(VARIABLE, folder, found)
        looked.append(f"2. {VARIABLE}: {folder} {_has(folder, found, paths)}")
        if folder.is_dir():
            mistake = f"{VARIABLE} holds {source.title} in part: complete {folder}."
        elif not any((folder.parent / name).is_dir() for name in _datasets()):
            mistake = (
                f"{VARIABLE} holds no dataset: expected a directory with one of the folders {', '.join(_datasets())}, "
                f"got {variable!r}. Correct it or unset it."
            )
    else:
        looked.append(f"2. {VARIABLE}: not set")

    cache = source.cache()
    found = _stored(cache, paths)
    wanted = count if source.partial and count else len(paths)
    if len(found) >= (wanted if download else enough):  # part of a download is no reason to stop downloading
        return Place("cache", cache, found)
    looked.append(f"3. cache: {cache} {_has(cache, found, paths)}")

    if download:
        fetch(source, paths=paths if source.partial else None, count=count, progress=progress)
        return Place("download", cache, _stored(cache, paths))
    looked.append(f"4. download of {source.megabytes:.0f} MB from {source.address}: not asked for (download=False)")
    error = FileNotFoundError if mistake else DataNotFound
    part = ", with `plays` or --files for a part of it" if source.partial else ""
    raise error(
        f"{source.title} was not found. Looked, in this order:\n  "
        + "\n  ".join([*looked, mistake] if mistake else looked)
        + f"\nTo get it, pass download=True, or run `qbsbp data fetch {source.name}` once{part}; or set {VARIABLE} to "
        f"a directory with the published files under '{source.name}/'; or pass `directory`."
    )


def contents(
    source: Source,
    directory: str | os.PathLike[str] | None,
    wanted: Callable[[str], bool],
    *,
    own: Callable[[str], bool],
    download: bool,
    verify: bool,
    progress: bool,
) -> tuple[dict[str, bytes], str]:
    """The files of a dataset, uncompressed.

    Args:
        source: The dataset.
        directory: A folder that holds the published tree, or the bare files, or None.
        wanted: Whether a published path is wanted.
        own: Whether a bare file name is wanted when files of the caller's own are read, so without `verify`.
        download: Whether to fetch into the cache what none of the places has.
        verify: Whether sizes and checksums must be the published ones.
        progress: Whether to show a bar while downloading.

    Returns:
        Content by bare file name (without .xz), and in words where it came from.

    Raises:
        DataNotFound, FileNotFoundError, ConnectionError: See `locate`.
        ValueError: A file differs from what was published, or `verify` is off without a directory.
    """
    if verify:
        files = [file for file in source.files if wanted(file.path)]
        place = locate(source, [file.path for file in files], directory, download=download, progress=progress)
        read = {PurePosixPath(file.path).name: read_bytes(source, file, place.files[file.path]) for file in files}
        return read, f"files from {place.origin}, checksums verified"
    if directory is None or download:
        raise ValueError(
            f"verify=False: expected with it a directory of your own and no download, came directory={directory!r} and "
            f"download={download}. Published files are always verified; drop verify=False or name the directory."
        )
    read = {name: uncompressed(path) for name, path in own_files(source, directory, own).items()}
    return read, "files from explicit path, checksums not verified"


def own_files(source: Source, directory: str | os.PathLike[str], own: Callable[[str], bool]) -> dict[str, Path]:
    """Files of the caller's own by bare name (without .xz), for a reader that was told not to verify."""
    folder = existing_folder(Path(directory), "directory")
    places = dict.fromkeys([*(folder / PurePosixPath(file.path).parent for file in source.files), folder])
    paths = [path for place in places if place.is_dir() for path in sorted(place.iterdir()) if path.is_file()]
    found = {}
    for path in paths:  # the tree before the bare folder, plain before .xz
        name = path.name.removesuffix(".xz")
        if own(name) and name not in found:
            found[name] = path
    return found


def read_bytes(source: Source, file: Published, path: Path, *, verify: bool = True) -> bytes:
    """The uncompressed content of one stored file.

    Raises:
        ValueError: The content cannot be uncompressed or, with `verify`, differs in size or checksum from what was
            published; the message gives both.
    """
    content = uncompressed(path, str(file) if verify else "an intact .xz file")
    if verify:
        _compare(
            source,
            file,
            content,
            str(path),
            f"Delete it and get it again with `qbsbp data fetch {source.name}`. Only for files of your own in "
            f"this format, pass their `directory` and verify=False.",
        )
    return content


def _compare(source: Source, file: Published, content: bytes, named: str, advice: str) -> None:
    found = file.checksum_of(content)
    if found != file.checksum:
        fault = "truncated" if file.size and len(content) < file.size else "altered"
        raise ValueError(
            f"{named}: expected {file}, as {source.title} was published, and "
            f"found {len(content)} bytes with {found}; the file is {fault}. {advice}"
        )


def uncompressed(path: Path, expected: str = "an intact .xz file") -> bytes:
    """Content of a file that may be compressed with xz. `expected` completes the error's sentence."""
    stored = path.read_bytes()
    if path.suffix != ".xz":
        return stored
    try:
        return lzma.decompress(stored)
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(
            f"{path}: expected {expected} and found {len(stored)} bytes of .xz that cannot be uncompressed ({error}); "
            f"the file is truncated or altered. Delete it and get it again."
        ) from error


def fetch(source: Source, *, paths: list[str] | None = None, count: int | None = None, progress: bool = True) -> Path:
    """Download into the cache every file that is not there intact.

    Each file goes to a temporary name, is checked, and only then takes its place, so that an interrupted fetch leaves
    no half file and a second call goes on where the first one stopped.

    Args:
        source: The dataset.
        paths: The published paths that are wanted, all when None.
        count: How many of them to have in the end, all when None; those that are there count first.
        progress: Whether to show a bar.

    Returns:
        The dataset's folder in the cache.

    Raises:
        ConnectionError: The address could not be reached, or answered with an error.
        OSError: The disk is full or may not be written to; the message says how much room is needed.
        ValueError: What arrived differs in checksum from what was published.
    """
    cache = source.cache()

    import pooch
    import requests
    from tqdm import tqdm

    wanted = [file for file in source.files if paths is None or file.path in paths]
    missing = [file for file in wanted if not _intact(cache / file.path, file)]
    there = len(wanted) - len(missing)
    if count is not None:
        missing = missing[: max(count - there, 0)]
    bar = tqdm(missing, desc=source.title, unit="file", disable=not progress)
    download = pooch.HTTPDownloader(progressbar=False, timeout=30)
    for done, file in enumerate(bar):
        url = source.address + file.path
        have = f"{there + done} of {there + len(missing)} files are in {cache}"
        again = (
            f"call again, which goes on from there; or set {VARIABLE} to a directory that has them under "
            f"'{source.name}/'."
        )
        try:
            _fetch_one(source, file, url, cache, download)
        except requests.exceptions.RequestException as error:
            raise ConnectionError(
                f"{source.title}: {url} could not be downloaded ({type(error).__name__}: {error}). {have}. Check the "
                f"network and {again}"
            ) from error
        except OSError as error:
            named = errno.errorcode.get(error.errno or 0, type(error).__name__)
            raise OSError(
                error.errno,
                f"{source.title}: {file.path} could not be written to {cache} ({named}: {error.strerror or error}); "
                f"nothing of it was kept. {_room(missing[done:])}. {have}. Make room there, or make it writable, and "
                f"{again}",
            ) from error
    return cache


def _fetch_one(source: Source, file: Published, url: str, cache: Path, download: Callable) -> None:
    """Download one file to a temporary name, check it, and only then give it its place in the cache."""
    target = cache / (f"{file.path}.xz" if source.compressed else file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        download(url, name, None)
        content = temporary.read_bytes()
        advice = "Nothing was kept. Something between here and there answers in its place; ask who runs the network."
        _compare(source, file, content, url, advice)
        if source.compressed:
            temporary.write_bytes(lzma.compress(content, preset=1))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _room(files: list[Published]) -> str:
    """How much room some files need before they are compressed, in words."""
    sizes = [file.size for file in files if file.size is not None]
    unknown = len(files) - len(sizes)
    more = f", and {unknown} more whose size is not known" if unknown else ""
    return f"The {len(sizes)} files still to come need at most {sum(sizes) / 1e6:,.1f} MB{more}"


def table(content: bytes, name: str, columns: tuple[str, ...], *, tabs: bool = False) -> pd.DataFrame:
    """The rows of a CSV file, with its own `columns` and no others; `name` is for errors, here and in `refuse`.

    With `tabs` the cells are separated by tabs and nothing is quoted.
    """
    form = {"sep": "\t", "quoting": csv.QUOTE_NONE} if tabs else {}
    try:
        rows = pd.read_csv(io.BytesIO(content), low_memory=False, **form)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{name}: expected {'tab' if tabs else 'comma'}-separated text with the columns {', '.join(columns)}; "
            f"{str(error).strip()}. Correct the file."
        ) from error
    if tuple(rows.columns) != columns:
        missing = [column for column in columns if column not in rows.columns]
        unknown = [str(column) for column in rows.columns if column not in columns]
        raise ValueError(
            f"{name}, line 1: expected the columns {', '.join(columns)} in this order; missing are "
            f"{', '.join(missing) or 'none'}, unknown are {', '.join(unknown) or 'none'}. Correct the header."
        )
    if rows.empty:
        raise ValueError(f"{name}: expected rows and found only a header. Drop the file.")
    return rows.assign(line=np.arange(2, len(rows) + 2))


def refuse(rows: pd.DataFrame, name: str, column: str, wrong: pd.Series | np.ndarray, expected: str) -> None:
    """Raise a ValueError with file, line, column and value if any row is wrong."""
    wrong = np.asarray(wrong, dtype=bool)
    if wrong.any():
        at = int(np.argmax(wrong))
        value = rows[column].iloc[at]
        shown = "nothing" if pd.isna(value) else repr(value.item() if isinstance(value, np.generic) else value)
        raise ValueError(
            f"{name}, line {rows['line'].iloc[at]}, column '{column}', value {shown}: expected {expected}. "
            f"{int(wrong.sum())} of {len(rows)} rows break this; correct them."
        )


def numbers(rows: pd.DataFrame, name: str, column: str, *, whole: bool = False) -> pd.Series:
    """A column as finite numbers, integers if `whole`, or an error that shows the first cell that is none."""
    values = pd.to_numeric(rows[column], errors="coerce").astype(float)
    refuse(rows, name, column, ~np.isfinite(values), "a finite number")
    if whole:
        refuse(rows, name, column, values != values.round(), "an integer")
        values = values.astype("int64")
    return values


def existing_folder(folder: Path, named: str) -> Path:
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise FileNotFoundError(
            f"{named}: expected an existing directory and got {str(folder)!r}, which {state}. Correct it."
        )
    return folder


def _stored(folder: Path, paths: list[str], *, flat: bool = False) -> dict[str, Path]:
    """The stored file of each published path that `folder` has, plain before compressed, tree before bare names."""
    found = {}
    for path in paths:
        names = [path, f"{path}.xz"]
        if flat:
            names += [PurePosixPath(name).name for name in names]
        for name in names:
            if (folder / name).is_file():
                found[path] = folder / name
                break
    return found


def _datasets() -> list[str]:
    """Names of all datasets that have a manifest."""
    manifests = resources.files(__package__).joinpath("manifests").iterdir()
    return sorted(file.name.removesuffix(".csv") for file in manifests)


def _holding(found: dict[str, Path], paths: list[str]) -> str:
    missing = [path for path in paths if path not in found]
    return f"{len(found)} of {len(paths)} files, without {', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}"


def _has(folder: Path, found: dict[str, Path], paths: list[str]) -> str:
    return f"has {_holding(found, paths)}" if folder.is_dir() else "does not exist"


def _intact(path: Path, file: Published) -> bool:
    """Whether the file is there, plain or else compressed, with the published bytes."""
    packed = path.with_name(f"{path.name}.xz")
    try:
        if path.is_file():
            content = path.read_bytes()
        elif packed.is_file():
            content = lzma.decompress(packed.read_bytes())
        else:
            return False
    except (lzma.LZMAError, EOFError):
        return False
    return file.checksum_of(content) == file.checksum
