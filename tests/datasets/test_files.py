"""Files are found in the stated order, checked to the byte, fetched once, and never replaced by anything else."""

from __future__ import annotations

import dataclasses
import errno
import functools
import hashlib
import http.server
import lzma
import socket
import threading
from pathlib import Path

import pooch
import pytest

from qbsbp import datasets
from qbsbp.datasets import _files, nab, ngs_highlights, ultimate_track
from qbsbp.datasets._files import DataNotFound, Published, Source, locate

CONTENT = {
    "LICENSE.md": b"Do what you like.\n",
    "data/one.csv": b"a,b\n1,2\n" * 50,
    "data/two.csv": b"a,b\n3,4\n" * 60,
    "data/three.csv": b"a,b\n5,6\n" * 70,
}
DATA = [path for path in CONTENT if path.endswith(".csv")]


def make_source(address: str = "http://127.0.0.1:9/") -> Source:
    source = Source(name="toy", title="Toy", address=address, licence="MIT", cite="Nobody")
    files = tuple(Published(path, len(text), hashlib.sha256(text).hexdigest()) for path, text in CONTENT.items())
    vars(source)["files"] = files  # in place of the manifest
    return source


@pytest.fixture
def source() -> Source:
    return make_source()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No QBSBP_DATA, an empty cache, no proxy between a test and its server."""
    monkeypatch.delenv("QBSBP_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def put(folder: Path, *, xz: bool = False, flat: bool = False, leave_out: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in CONTENT.items():
        if path == leave_out:
            continue
        target = folder / (Path(path).name if flat else path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if xz:
            target.with_name(target.name + ".xz").write_bytes(lzma.compress(text))
        else:
            target.write_bytes(text)
    return folder


def read_all(source: Source, **options) -> dict[str, bytes]:
    options = {"directory": None, "download": False, "verify": True, "progress": False} | options
    return _files.contents(source, options.pop("directory"), lambda path: path in DATA, own=bool, **options)[0]


# --- the order --------------------------------------------------------------------------------------------------------


def test_explicit_path_then_variable_then_cache(source, monkeypatch, tmp_path):
    put(tmp_path / "cache/qbsbp/toy")
    assert locate(source, DATA).origin == "cache"
    put(tmp_path / "data/toy")
    monkeypatch.setenv("QBSBP_DATA", str(tmp_path / "data"))
    assert locate(source, DATA).origin == "QBSBP_DATA"
    mine = put(tmp_path / "mine")
    place = locate(source, DATA, mine)
    assert (place.origin, place.directory) == ("explicit path", mine)
    assert place.files == {path: mine / path for path in DATA}


def test_an_explicit_path_without_the_files_is_an_error_though_others_have_them(source, monkeypatch, tmp_path):
    put(tmp_path / "data/toy")
    monkeypatch.setenv("QBSBP_DATA", str(tmp_path / "data"))
    mine = put(tmp_path / "mine", leave_out="data/two.csv")
    with pytest.raises(
        FileNotFoundError, match=r"mine has 2 of 3 files, without data/two.csv. Expected .* Complete it"
    ):
        locate(source, DATA, mine)


@pytest.mark.parametrize("variable", [True, False], ids=["variable", "directory"])
def test_a_directory_that_is_none_is_an_error(source, monkeypatch, tmp_path, variable):
    put(tmp_path / "cache/qbsbp/toy")
    (tmp_path / "file").write_text("not a directory")
    for wrong, state in ((tmp_path / "absent", "does not exist"), (tmp_path / "file", "is a file")):
        if variable:
            monkeypatch.setenv("QBSBP_DATA", str(wrong))
        with pytest.raises(FileNotFoundError, match=f"expected an existing directory and got .*{state}"):
            locate(source, DATA, None if variable else wrong)


def caught_when_not_found(source: Source, directory: Path | None = None) -> type[Exception]:
    with pytest.raises(FileNotFoundError) as caught:
        locate(source, DATA, directory)
    return caught.type


def test_only_data_that_nobody_misplaced_may_be_replaced_by_a_stand_in(source, monkeypatch, tmp_path):
    """A chapter catches DataNotFound; a named place that is wrong must stop it instead."""
    assert caught_when_not_found(source) is DataNotFound
    (tmp_path / "data/nab").mkdir(parents=True)
    monkeypatch.setenv("QBSBP_DATA", str(tmp_path / "data"))
    assert caught_when_not_found(source) is DataNotFound  # other datasets, not this one
    part = put(tmp_path / "data/toy", leave_out="data/two.csv")
    for wrong in ("data", "data/toy", "absent"):  # holds it in part; one level too deep; does not exist
        monkeypatch.setenv("QBSBP_DATA", str(tmp_path / wrong))
        assert caught_when_not_found(source) is FileNotFoundError
    assert caught_when_not_found(source, tmp_path / "absent") is FileNotFoundError
    assert caught_when_not_found(source, part) is FileNotFoundError


def test_a_variable_that_cannot_be_meant_is_named(source, monkeypatch, tmp_path):
    put(tmp_path / "data/toy", leave_out="data/two.csv")
    for wrong, message in (
        ("data", r"QBSBP_DATA holds Toy in part: complete .*data/toy\."),
        ("data/toy", r"QBSBP_DATA holds no dataset: expected .* ultimate_track, got '.*data/toy'\. Correct it"),
    ):
        monkeypatch.setenv("QBSBP_DATA", str(tmp_path / wrong))
        with pytest.raises(FileNotFoundError, match=message):
            locate(source, DATA)


def test_the_cache_completes_a_directory_without_the_dataset(source, monkeypatch, tmp_path):
    put(tmp_path / "cache/qbsbp/toy")
    (tmp_path / "data/nab").mkdir(parents=True)
    monkeypatch.setenv("QBSBP_DATA", str(tmp_path / "data"))
    assert locate(source, DATA).origin == "cache"
    put(tmp_path / "data/toy", leave_out="data/two.csv")
    assert locate(source, DATA).origin == "cache"


def test_when_nothing_is_found_all_four_places_are_named(source, monkeypatch, tmp_path):
    put(tmp_path / "cache/qbsbp/toy", leave_out="data/one.csv")
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("QBSBP_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError) as caught:
        locate(source, DATA)
    message = str(caught.value)
    for part in (
        "1. explicit path: none given",
        f"2. QBSBP_DATA: {tmp_path / 'data/toy'} does not exist",
        f"3. cache: {tmp_path / 'cache/qbsbp/toy'} has 2 of 3 files, without data/one.csv",
        "4. download of 0 MB from http://127.0.0.1:9/: not asked for (download=False)",
        "pass download=True, or run `qbsbp data fetch toy` once; or set QBSBP_DATA to",
    ):
        assert part in message
    monkeypatch.delenv("QBSBP_DATA")
    with pytest.raises(FileNotFoundError, match=r"2. QBSBP_DATA: not set"):
        locate(source, DATA)


@pytest.mark.parametrize("xz", [True, False], ids=["xz", "plain"])
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "tree"])
def test_stored_in_any_form_the_content_is_the_published_one(source, tmp_path, xz, flat):
    read = read_all(source, directory=put(tmp_path / "mine", xz=xz, flat=flat))
    assert read == {Path(path).name: CONTENT[path] for path in DATA}


@pytest.mark.parametrize(
    "options",
    [{"verify": False}, {"verify": False, "download": True, "directory": "."}, {"download": True, "directory": "."}],
)
def test_wishes_that_exclude_each_other_are_refused(source, options):
    with pytest.raises(ValueError, match=r"expected .*[Dd]rop"):
        read_all(source, **options)


# --- the check --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda text: text[:-5], "truncated"),
        (lambda text: text.replace(b"3", b"7", 1), "altered"),
        (lambda text: text + b"1,1\n", "altered"),
        (lambda text: b"", "truncated"),
    ],
    ids=["cut", "one digit", "longer", "empty"],
)
@pytest.mark.parametrize("xz", [True, False], ids=["xz", "plain"])
def test_other_content_is_refused_with_what_was_expected_and_found(source, tmp_path, spoil, fault, xz):
    mine, wrong, text = put(tmp_path / "mine"), spoil(CONTENT["data/two.csv"]), CONTENT["data/two.csv"]
    file = mine / "data/two.csv"
    file.unlink()
    if xz:
        (mine / "data/two.csv.xz").write_bytes(lzma.compress(wrong))
    else:
        file.write_bytes(wrong)
    with pytest.raises(ValueError, match=f"the file is {fault}. Delete it and get it again") as caught:
        read_all(source, directory=mine)
    for content in (text, wrong):
        assert f"{len(content)} bytes with sha256 {hashlib.sha256(content).hexdigest()}" in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-9], lambda packed: b"no xz at all"], ids=["cut", "not xz"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_broken_archive_is_refused(source, tmp_path, spoil, verify):
    mine = put(tmp_path / "mine", xz=True)
    packed = mine / "data/two.csv.xz"
    packed.write_bytes(spoil(packed.read_bytes()))
    with pytest.raises(ValueError, match=r"two.csv.xz: expected .* cannot be uncompressed .* truncated or altered"):
        read_all(source, directory=mine, verify=verify)


def test_unverified_files_are_read_as_they_are(source, tmp_path):
    mine = put(tmp_path / "mine")
    (mine / "data/two.csv").write_bytes(b"mine")
    assert read_all(source, directory=mine, verify=False)["two.csv"] == b"mine"


def test_the_checksum_that_git_gives_will_do():
    """`printf 'what is up, doc?' | git hash-object --stdin`, from the book Pro Git, chapter 10.2."""
    file = Published("doc", None, "", "bd9dbf5aae1a3862dd1526723246b20206e5fc37")
    assert file.checksum == "git blob sha1 bd9dbf5aae1a3862dd1526723246b20206e5fc37"
    assert file.checksum_of(b"what is up, doc?") == file.checksum
    assert file.checksum_of(b"what is up, doc!") != file.checksum


# --- the download -----------------------------------------------------------------------------------------------------


class Handler(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self):
        Handler.asked.append(self.path.lstrip("/"))
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def published(tmp_path):
    """A publisher on this machine: its folder, and a source that points to it."""
    Handler.asked.clear()
    folder = put(tmp_path / "published")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, make_source(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


def cached(tmp_path) -> set[str]:
    cache = tmp_path / "cache/qbsbp/toy"
    return {path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()}


def test_a_download_is_verified_complete_and_done_once(published, tmp_path, capsys):
    _, source = published
    assert read_all(source, download=True) == {Path(path).name: CONTENT[path] for path in DATA}
    assert cached(tmp_path) == set(CONTENT)  # the licence too, and nothing half-way
    assert sorted(Handler.asked) == sorted(CONTENT)
    assert locate(source, DATA, download=True).origin == "cache"
    _files.fetch(source, progress=False)
    assert len(Handler.asked) == len(CONTENT)
    assert capsys.readouterr() == ("", "")


def test_a_download_shows_its_progress(published, capsys):
    _files.fetch(published[1])
    assert f"{len(CONTENT)}/{len(CONTENT)}" in capsys.readouterr().err


def test_an_interrupted_download_goes_on_where_it_stopped(published, tmp_path):
    folder, source = published
    (folder / "data/two.csv").rename(folder / "elsewhere")
    with pytest.raises(
        ConnectionError, match=r"data/two.csv could not be downloaded .* 2 of 4 files are in .* call again"
    ):
        _files.fetch(source, progress=False)
    assert cached(tmp_path) == {"LICENSE.md", "data/one.csv"}
    (folder / "elsewhere").rename(folder / "data/two.csv")
    Handler.asked.clear()
    _files.fetch(source, progress=False)
    assert Handler.asked == ["data/two.csv", "data/three.csv"]
    assert cached(tmp_path) == set(CONTENT)


def test_a_spoiled_file_of_the_cache_is_fetched_again(published, tmp_path):
    _, source = published
    _files.fetch(source, progress=False)
    spoiled = tmp_path / "cache/qbsbp/toy/data/one.csv"
    spoiled.write_bytes(b"spoiled")
    with pytest.raises(ValueError, match=r"one.csv: expected .*fetch toy"):
        read_all(source)
    _files.fetch(source, progress=False)
    assert spoiled.read_bytes() == CONTENT["data/one.csv"]


def test_what_arrives_changed_is_refused_and_leaves_nothing(published, tmp_path):
    folder, source = published
    (folder / "data/one.csv").write_bytes(b"an error page")
    with pytest.raises(ValueError, match=r"http://\S+/data/one.csv: expected 400 bytes with .* Nothing was kept"):
        _files.fetch(source, progress=False)
    assert cached(tmp_path) == {"LICENSE.md"}


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "xz"])
def test_a_full_disk_leaves_nothing_half_written_and_says_what_is_needed(published, tmp_path, monkeypatch, compressed):
    """The disk fills while the second file arrives: in the middle of the download, or of its compressed form."""
    source = dataclasses.replace(published[1], compressed=compressed)
    vars(source)["files"] = published[1].files
    first = Path(next(iter(CONTENT)))
    with monkeypatch.context() as patch:
        if compressed:
            packed = lzma.compress

            def compress(content, **options):
                return packed(content, **options) if content == CONTENT[str(first)] else full()

            patch.setattr(_files.lzma, "compress", compress)
        else:
            arriving = pooch.HTTPDownloader.__call__

            def download(self, url, output, *rest):
                if url.endswith(str(first)):
                    return arriving(self, url, output, *rest)
                Path(output).write_bytes(b"half of")
                full()

            patch.setattr(pooch.HTTPDownloader, "__call__", download)
        with pytest.raises(OSError, match=r"Toy: \S+ could not be written to .* \(ENOSPC: No space left") as caught:
            _files.fetch(source, progress=False)
    assert caught.value.errno == errno.ENOSPC
    assert not isinstance(caught.value, ConnectionError)
    megabytes = sum(len(text) for path, text in CONTENT.items() if path != str(first)) / 1e6
    for part in (
        "nothing of it was kept",
        f"The 3 files still to come need at most {megabytes:,.1f} MB. ",
        f"1 of 4 files are in {tmp_path / 'cache/qbsbp/toy'}",
        "Make room there, or make it writable, and call again, which goes on from there; or set QBSBP_DATA",
    ):
        assert part in str(caught.value)
    ending = ".xz" if compressed else ""
    assert cached(tmp_path) == {f"{first}{ending}"}
    _files.fetch(source, progress=False)
    assert cached(tmp_path) == {f"{path}{ending}" for path in CONTENT}


def test_a_cache_that_cannot_be_made_is_said(published, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r"Toy: LICENSE.md could not be written to .* \(ENOTDIR: "):
        _files.fetch(published[1], progress=False)


def test_room_for_files_of_unknown_size_is_said():
    files = [Published("a", 2_500_000, "0"), Published("b", None, "", "0"), Published("c", None, "", "0")]
    expected = "The 1 files still to come need at most 2.5 MB, and 2 more whose size is not known"
    assert _files._room(files) == expected


def test_offline_is_said(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionError, match=r"Toy: .* could not be downloaded .*0 of 4 files .* Check the network"):
        locate(make_source(f"http://127.0.0.1:{port}/"), DATA, download=True, progress=False)
    assert cached(tmp_path) == set()


# --- the manifests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", datasets.SOURCES.values(), ids=datasets.SOURCES)
def test_a_manifest_has_a_checksum_for_each_file_and_the_licence_if_there_is_one(source):
    assert len({file.path for file in source.files}) == len(source.files)
    licensed = any(file.path.startswith("LICENSE") for file in source.files)
    assert licensed != source.licence.startswith("none stated")
    for file in source.files:
        assert file.size is None or file.size > 0
        if file.sha256:
            assert (len(bytes.fromhex(file.sha256)), file.git_blob_sha1) == (32, "")
        else:
            assert len(bytes.fromhex(file.git_blob_sha1)) == 20


def test_fetch_by_name_goes_to_that_source(monkeypatch):
    asked = []
    monkeypatch.setattr(_files, "fetch", lambda source, count, progress: asked.append((source, count, progress)))
    datasets.fetch("nab", progress=False)
    datasets.fetch("ultimate_track")
    datasets.fetch("ngs_highlights", files=20)
    assert asked == [(nab.SOURCE, None, False), (ultimate_track.SOURCE, None, True), (ngs_highlights.SOURCE, 20, True)]
    with pytest.raises(ValueError, match=r"name: expected one of ultimate_track, nab, .*, came 'nfl'"):
        datasets.fetch("nfl")
    with pytest.raises(ValueError, match=r"files: expected None, since all are needed, came 20"):
        datasets.fetch("nab", files=20)
    for files in (0, 413):
        with pytest.raises(ValueError, match=rf"files: expected 1 to 412, or None for all, came {files}"):
            datasets.fetch("ngs_highlights", files=files)
