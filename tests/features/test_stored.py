"""Features on disk are those of `passing_plays`, made once, by whichever process, and whole or not there."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from qbsbp.datasets import big_data_bowl, synthetic
from qbsbp.features import PASSING_STATIC_FEATURES, PlayTensors, StoredPlays, passing_plays, passing_season, stored
from qbsbp.schema import Quirk, Report, Tracking
from qbsbp.tracking import prepare
from tests.features import stored_run
from tests.features.cases import same, tensors
from tests.features.elsewhere import WAIT, Gate, wait_for
from tests.football_cases import LAYOUTS, TinySeason, without_quirks, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seasons(tmp_path_factory) -> dict[str, Path]:
    """One season in every layout, free of quirks; not to be changed."""
    base = tmp_path_factory.mktemp("seasons")
    with pytest.MonkeyPatch.context() as patch:
        without_quirks(patch)
        for layout in LAYOUTS:
            write(TinySeason(), base / layout, layout, progress=False)
    return {layout: base / layout for layout in LAYOUTS}


@pytest.fixture(scope="module")
def season(seasons) -> Path:
    return seasons["parquet"]


@pytest.fixture
def own(season, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(season, tmp_path / "season"))


@pytest.fixture(scope="module")
def plays(season, tmp_path_factory) -> StoredPlays:
    return make(season, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def no_reading(monkeypatch):
    """Readers that fail."""

    def read(*_, **__):
        raise AssertionError("the season was read again")

    for reader in (synthetic, big_data_bowl):
        monkeypatch.setattr(reader, "read", read)


def make(season: Path, cache: Path, **options) -> StoredPlays:
    return passing_season(season, cache=cache, progress=False, **options)


def in_memory(season: Path, *, dropbacks: bool = False, **options) -> tuple[PlayTensors, pd.DataFrame]:
    """The same features without the disk."""
    reader = synthetic if (season / "plays.parquet").exists() else big_data_bowl
    read = reader.read(season, progress=False)
    passes = read.plays["outcome"].isin(["complete", "incomplete", "interception"]) | dropbacks
    rows = read.frames.merge(read.plays.loc[passes, ["game_id", "play_id"]], on=["game_id", "play_id"])
    rows = rows.astype(read.frames.dtypes.to_dict())
    return passing_plays(prepare(Tracking(read.plays[passes], rows, read.layout, read.report)), **options)


def folders(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def equal(a: StoredPlays, b: StoredPlays) -> bool:
    return same(a[:], b[:]) and a.index.equals(b.index) and a.report == b.report


# --- what is in them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"dropbacks": True}, {"use_target": False}, {"past": 1.0}], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_stored_plays_are_those_of_passing_plays(seasons, tmp_path, layout, options):
    found = make(seasons[layout], tmp_path, **options)
    expected, index = in_memory(seasons[layout], **options)
    assert len(found) == len(expected) == (28 if options.get("dropbacks") else 22)
    assert found.channels == expected.channels == 176
    assert same(found[:], expected)
    for name, tensor in tensors(expected).items():
        assert tensors(found[:])[name].dtype == tensor.dtype, name
    pd.testing.assert_frame_equal(found.index, index.reset_index(drop=True), check_dtype=False, check_categorical=False)
    assert found.index["frames"].dtype == index["frames"].dtype


def test_every_layout_gives_the_same_features(seasons, tmp_path):
    first, *others = (make(seasons[layout], tmp_path) for layout in LAYOUTS)
    keys = ["game_id", "play_id", "passer_id", "target_id", "outcome", "yards_gained", "touchdown", "week", "frames"]
    for other in others:
        assert same(other[:], first[:])
        pd.testing.assert_frame_equal(other.index[keys], first.index[keys], check_dtype=False, check_categorical=False)


def test_the_report_adds_up_the_weeks(season, plays, tmp_path):
    read = synthetic.read(season, progress=False)
    assert plays.report.source == read.report.source
    for name in ("plays", "frames", "plays_turned"):
        assert plays.report[name] == read.report[name]
    assert plays.report["plays_no_pass"] == 6
    known = plays.static[:, list(PASSING_STATIC_FEATURES).index("target_known")] > 0
    assert plays.report["targets_by_rule"] == int((~known).sum()) == int((plays.index["target_id"] == 0).sum()) > 0
    assert plays.report["frames_in_play"] == int(plays.index["frames"].sum())
    every = make(season, tmp_path, dropbacks=True)
    assert "plays_no_pass" not in str(every.report)
    assert set(every.index["outcome"]) - set(plays.index["outcome"]) == {"sack", "scramble"}


@pytest.mark.parametrize("weeks", [[1], [2], [2, 1], (1, 1), range(2, 3)], ids=str)
def test_weeks_are_chosen_and_come_in_order(season, plays, tmp_path, weeks):
    some = make(season, tmp_path, weeks=weeks)
    chosen = plays.index["week"].isin(list(weeks)).to_numpy()
    assert same(some[:], plays[chosen])
    assert some.index["week"].is_monotonic_increasing
    assert len(folders(tmp_path)) == len(set(weeks))


def test_a_week_without_passes_has_no_plays(tmp_path):
    tiny = TinySeason()
    second = tiny.plays["week"] == 2
    tiny.plays.loc[second, ["outcome", "yards_gained", "touchdown", "target_id"]] = "sack", 0, False, 0
    write(tiny, tmp_path / "season", progress=False)
    found = make(tmp_path / "season", tmp_path / "cache")
    assert set(found.index["week"]) == {1}
    assert len(make(tmp_path / "season", tmp_path / "cache", weeks=[2])) == 0
    assert make(tmp_path / "season", tmp_path / "cache", weeks=[2])[:].x.shape == (0, 176, 1)


# --- picked, joined, on disk ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (slice(None), [*range(22)]),
        (slice(3, 11), [*range(3, 11)]),
        (slice(1, None, 4), [1, 5, 9, 13, 17, 21]),
        (slice(0, 0), []),
        (torch.tensor([5, 0, 0, 21]), [5, 0, 0, 21]),
        (torch.tensor([-1, 2]), [21, 2]),
        (torch.arange(22) % 7 == 1, [1, 8, 15]),
        (torch.tensor([], dtype=torch.long), []),
        (np.array([7, 3], dtype=np.int32), [7, 3]),
        (np.arange(22) > 18, [19, 20, 21]),
        ([4], [4]),
        ([], []),
        (range(2, 9, 3), [2, 5, 8]),
    ],
    ids=str,
)
def test_an_index_picks_what_it_picks_in_memory(season, plays, index, rows):
    expected, table = in_memory(season)
    picked = plays[index]
    assert isinstance(picked, PlayTensors)
    assert same(picked, expected[index]) and same(picked, expected[rows])
    assert picked.x.shape[2] == int(picked.lengths.max() if rows else 1)  # no longer than the longest
    assert picked.x.is_contiguous()
    some = plays.subset(index)
    assert isinstance(some, StoredPlays) and len(some) == len(rows)
    assert same(some[:], picked)
    assert some.index["play_id"].tolist() == table["play_id"].iloc[rows].tolist()
    assert same(some.subset(slice(None, None, 2))[:], expected[rows[::2]])


@pytest.mark.parametrize("number", [3, np.int64(3), torch.tensor(3)], ids=["int", "numpy", "torch"])
def test_a_single_number_picks_no_plays(plays, number):
    for pick in (plays.__getitem__, plays.subset):
        with pytest.raises(ValueError, match=r"index: expected a slice, .* came 3\. Use \[\[3\]\]"):
            pick(number)


def test_concat_undoes_splitting(plays):
    parts = [plays.subset(slice(0, 5)), plays.subset(slice(5, 6)), plays.subset(slice(6, None))]
    whole = StoredPlays.concat(parts)
    assert same(whole[:], plays[:])
    assert same(whole[[21, 5, 0]], plays[[21, 5, 0]])
    pd.testing.assert_frame_equal(whole.index, plays.index)
    other_way = StoredPlays.concat(parts[::-1])
    assert same(other_way[:], plays[[*range(6, 22), 5, *range(5)]])
    with pytest.raises(ValueError, match="parts: expected at least one set of plays, came none"):
        StoredPlays.concat([])


def test_frames_stay_on_disk_and_what_is_picked_is_a_copy(plays):
    assert all(isinstance(frames, np.memmap) and frames.dtype == np.float32 for frames in plays.frames)
    assert sum(len(frames) for frames in plays.frames) == int(plays.lengths.sum())
    assert all(isinstance(frames, np.memmap) for frames in plays.subset([3, 1]).frames)
    before = plays[:3].x.clone()
    picked = plays[:3]
    picked.x.fill_(7.0)
    assert torch.equal(plays[:3].x, before)
    with pytest.raises(ValueError, match="read-only"):
        plays.frames[0][0, 0] = 7.0


# --- made once --------------------------------------------------------------------------------------------------------


def test_a_second_call_reads_nothing_anew(season, plays, tmp_path, no_reading):
    with pytest.raises(AssertionError, match="read again"):
        make(season, tmp_path)
    cache = Path(plays.frames[0].filename).parents[1]
    assert equal(make(season, cache), plays)
    assert equal(make(season, str(cache)), plays)


def test_only_the_missing_weeks_are_made(season, plays, tmp_path, monkeypatch):
    first = make(season, tmp_path, weeks=[1])
    asked, read = [], synthetic.read
    monkeypatch.setattr(synthetic, "read", lambda *args, **kw: asked.append(kw["weeks"]) or read(*args, **kw))
    assert equal(make(season, tmp_path), plays)
    assert asked == [[2]]
    assert len(first) < len(plays)


@pytest.mark.parametrize(
    "options", [{"past": 2.0}, {"use_target": False}, {"dropbacks": True}, {"verify": False}], ids=str
)
def test_other_settings_are_kept_beside(season, plays, tmp_path, options):
    make(season, tmp_path)
    before = folders(tmp_path)
    make(season, tmp_path, **options)
    assert len(folders(tmp_path)) == 4 and set(before) < set(folders(tmp_path))
    assert equal(make(season, tmp_path), plays)


def test_another_season_under_the_same_name_is_another_season(own, plays, tmp_path):
    cache = tmp_path / "cache"
    assert same(make(own, cache)[:], plays[:])
    shutil.rmtree(own)
    write(TinySeason(seed=6), own, progress=False)
    changed = make(own, cache)
    assert len(folders(cache)) == 4
    assert not torch.equal(changed[:].x, plays[:].x)
    assert same(changed[:], in_memory(own)[0])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_changed_file_makes_its_weeks_anew(seasons, layout, tmp_path):
    reader = synthetic if layout == "parquet" else big_data_bowl
    folder = Path(shutil.copytree(seasons[layout], tmp_path / "season"))
    files = reader.files_of_weeks(folder)
    assert sorted(files) == [1, 2] and set(files[1]) - set(files[2]) != set() != set(files[1]) & set(files[2])
    key = {week: stored._key(folder, files[week], {}) for week in files}
    assert key[1] != key[2]
    for name in {*files[1], *files[2]}:
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(before[:-1] + bytes([before[-1] ^ 1]))  # of the same size
        os.utime(folder / name, ns=(0, 0))
        for week in files:
            assert (stored._key(folder, files[week], {}) != key[week]) == (name in files[week]), name
        (folder / name).write_bytes(before)
    assert {week: stored._key(folder, files[week], {}) for week in files} == key


@pytest.mark.parametrize("room", ["schema.py", "tracking.py", "datasets/synthetic.py", "features/passing.py"])
def test_changed_code_makes_features_anew(season, tmp_path, monkeypatch, room):
    """Every module between the files and the features counts, and no other."""
    now = stored._code.__wrapped__()
    package = Path(shutil.copytree(ROOT / "qbsbp", tmp_path / "qbsbp", ignore=shutil.ignore_patterns("__pycache__")))
    for name in ("schema", "tracking"):
        monkeypatch.setattr(stored, name, SimpleNamespace(__file__=str(package / f"{name}.py")))
    rooms = {name: SimpleNamespace(__file__=str(package / name / "__init__.py")) for name in ("datasets", "features")}
    monkeypatch.setattr(stored, "qbsbp", SimpleNamespace(**rooms))
    assert stored._code.__wrapped__() == now
    (package / "model.py").write_text("# changed\n")
    assert stored._code.__wrapped__() == now
    (package / room).write_text((package / room).read_text() + "# changed\n")
    assert stored._code.__wrapped__() != now
    key = stored._key(season, synthetic.files_of_weeks(season)[1], {})
    monkeypatch.setattr(stored, "_code", lambda: b"other")
    assert stored._key(season, synthetic.files_of_weeks(season)[1], {}) != key


def test_what_was_made_unverified_is_not_handed_to_who_insists_on_it(seasons, tmp_path):
    folder = Path(shutil.copytree(seasons["big_data_bowl_2025"], tmp_path / "season"))
    path = folder / "tracking_week_1.csv"
    before = path.read_bytes()
    after = before.replace(b".25,", b".26,")
    assert len(after) == len(before) and after != before
    path.write_bytes(after)
    assert len(make(folder, tmp_path / "cache", verify=False)) == 22
    with pytest.raises(ValueError, match=r"tracking_week_1\.csv: expected sha256"):
        make(folder, tmp_path / "cache")


def test_the_users_cache_is_the_default(season, plays, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert equal(passing_season(season, progress=False), plays)
    assert len(folders(stored._default_cache())) == 2
    assert stored._default_cache().is_relative_to(tmp_path)


def test_progress_is_shown_or_not(season, tmp_path, capsys):
    make(season, tmp_path)
    assert capsys.readouterr() == ("", "")
    passing_season(season, cache=tmp_path)
    assert "parquet: features: 100%" in capsys.readouterr().err


# --- in other processes -----------------------------------------------------------------------------------------------


def assert_same_files(one: Path, other: Path) -> None:
    assert folders(one) == folders(other)
    for name in folders(one):
        for file in folders(one / name):
            assert (one / name / file).read_bytes() == (other / name / file).read_bytes(), f"{name}/{file}"


def test_two_processes_make_what_one_does(seasons, tmp_path):
    # spawned, as torch has threads that a fork would break
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for layout in LAYOUTS:
            alone = make(seasons[layout], tmp_path / "alone")
            shared = make(seasons[layout], tmp_path / "shared", executor=pool)
            assert equal(shared, alone)
            assert_same_files(tmp_path / "alone", tmp_path / "shared")
        # an error there is the caller's
        spoilt = Path(shutil.copytree(seasons["parquet"], tmp_path / "season"))
        path = spoilt / "frames" / "week=2" / "part-0.parquet"
        path.write_bytes(b"?" * path.stat().st_size)
        with pytest.raises(ValueError, match=r"part-0\.parquet: expected sha256"):
            make(spoilt, tmp_path / "cache", executor=pool)


def test_a_cluster_makes_what_one_process_does_and_a_lost_worker_loses_nothing(season, plays, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    gate = tmp_path / "gate"
    gate.mkdir()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
        ThreadPoolExecutor(1) as beside,
    ):
        shared = beside.submit(make, season, tmp_path / "shared", executor=Gate(executor, gate))
        wait_for(lambda: shared.done() or {"1.pid", "2.pid"} <= set(folders(gate)))
        assert not shared.done(), shared.exception()
        at_work = {int((gate / f"{week}.pid").read_text()) for week in (1, 2)}
        assert os.getpid() not in at_work and len(at_work) == 2
        os.kill(int((gate / "1.pid").read_text()), signal.SIGKILL)
        (gate / "open").touch()
        assert equal(shared.result(timeout=WAIT), plays)
        # and without an accident
        assert equal(make(season, tmp_path / "again", executor=executor), plays)
    cache = Path(plays.frames[0].filename).parents[1]
    for name in ("shared", "again"):
        assert_same_files(cache, tmp_path / name)


def test_two_writers_of_one_week_are_harmless(season, plays, tmp_path, monkeypatch):
    """Both find the week missing, make it, and put it in its place at the same moment; the second finds it there."""
    together, replace, came = threading.Barrier(2, timeout=WAIT), os.replace, []

    def both(source, target):
        together.wait()
        came.append(target)
        replace(source, target)

    monkeypatch.setattr(stored.os, "replace", both)
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda _: make(season, tmp_path), range(2)))
    assert len(came) == 4 and len(set(came)) == 2
    assert all(equal(result, plays) for result in results)
    assert [name for name in folders(tmp_path) if name.startswith(".")] == []


# --- whole or not there -----------------------------------------------------------------------------------------------


def test_a_kill_between_two_files_leaves_nothing_that_is_taken_for_whole(season, plays, tmp_path, monkeypatch):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, stored_run.__file__, str(season), str(tmp_path)]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    hidden, first = folders(tmp_path)
    assert hidden.startswith(".parquet-week-02-") and first.startswith("parquet-week-01-")
    assert folders(tmp_path / hidden) == ["frames.npy", "static.npy"]
    asked, read = [], synthetic.read
    monkeypatch.setattr(synthetic, "read", lambda *args, **kw: asked.append(kw["weeks"]) or read(*args, **kw))
    assert equal(make(season, tmp_path), plays)
    assert asked == [[2]]  # the first week was whole, and is not made again


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def short(*_, **__):
    raise OSError("1024 requested and 512 written")  # as numpy.ndarray.tofile says it, without a number


def over_quota(*_, **__):
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


FULL = [
    (np, "save", full),
    (np, "save", short),
    (np, "save", over_quota),
    (pd.DataFrame, "to_parquet", full),
    (stored.shutil, "disk_usage", lambda path: SimpleNamespace(total=10**9, used=10**9 - 1000, free=1000)),
    (Path, "write_text", full),
]


@pytest.mark.parametrize(("where", "what", "fails"), FULL, ids=[f"{what}-{fails.__name__}" for _, what, fails in FULL])
def test_a_full_disk_is_named_and_nothing_is_left(season, plays, tmp_path, monkeypatch, where, what, fails):
    with monkeypatch.context() as patch:
        patch.setattr(where, what, fails)
        with pytest.raises(OSError) as error:
            make(season, tmp_path)
    assert error.value.errno == errno.ENOSPC
    said = str(error.value)
    assert str(tmp_path / "parquet-week-01-") in said
    assert "expected room for 0 MB" not in said and "MB of features and the disk is full" in said
    assert "nothing half-written was left. Make room, or name another `cache`" in said
    assert folders(tmp_path) == []
    assert equal(make(season, tmp_path), plays)  # once there is room


def test_a_disk_that_may_not_be_written_to_is_no_full_one(season, tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(np, "save", forbidden)
    with pytest.raises(PermissionError):
        make(season, tmp_path)
    assert folders(tmp_path) == []


def test_others_may_read_what_one_has_made(season, tmp_path):
    """Its rights are those of any new folder: machines and users share a cache."""
    make(season, tmp_path, weeks=[1])
    (tmp_path / "plain").mkdir()
    made, plain = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in folders(tmp_path))
    assert made == plain


# --- no season --------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_season_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"directory: expected an existing directory"):
        make(tmp_path / "none", tmp_path / "cache")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.csv").write_text("x")
    message = r"directory: expected a season, .*empty has neither the Parquet files .* nor the week files .* Name the"
    with pytest.raises(FileNotFoundError, match=message):
        make(tmp_path / "empty", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("weeks", [[3], [1, 3], []], ids=str)
def test_a_week_that_is_not_there_is_refused_before_anything_is_made(season, tmp_path, weeks):
    came = "3" if weeks else "none"
    with pytest.raises(ValueError, match=rf"weeks: expected some of 1, 2, which .* has, came {came}\. Choose among"):
        make(season, tmp_path / "cache", weeks=weeks)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("layout", "name"), [("parquet", "plays.parquet"), ("big_data_bowl_2023", "games.csv")])
def test_a_missing_table_is_named(seasons, layout, name, tmp_path):
    folder = Path(shutil.copytree(seasons[layout], tmp_path / "season"))
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"season: expected .*, and {name} is missing\. Put it there"):
        make(folder, tmp_path / "cache")


# --- reports ----------------------------------------------------------------------------------------------------------


def test_reports_are_kept_as_they_are(season, tmp_path):
    made = make(season, tmp_path, weeks=[1])
    again = make(season, tmp_path, weeks=[1])
    assert isinstance(again.report, Report) and all(isinstance(quirk, Quirk) for quirk in again.report)
    assert again.report == made.report
    assert dataclasses.asdict(again.report) == dataclasses.asdict(made.report)
