"""The reader of Ultimate Track: simulated files come back as they were made; faults are counted or shown."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_synth.ultimate import write_ultimate_track
from qbsbp.datasets import _files, ultimate_track
from qbsbp.datasets.ultimate_track import COLUMNS, read, throws
from tests.ultimate_cases import needs_real_data, possessions, real, simulated, write

N, SEED = 8, 3


@pytest.fixture
def files() -> dict[str, pd.DataFrame]:
    return {name: rows.copy() for name, rows in possessions(N, SEED).files.items()}


# --- what is read -----------------------------------------------------------------------------------------------------


def test_the_tables_hold_what_the_files_hold(files):
    tracking = simulated(N, SEED)
    assert list(tracking.plays["file"]) == sorted(files)
    for play in tracking.plays.itertuples():
        rows = files[play.file]
        frames = tracking.frames.query(f"game_id == {play.game_id} and play_id == {play.play_id}")
        assert play.file == f"{play.game_id}_{play.play_id // 100}_{play.play_id % 100}.csv"
        assert play.frames == rows["frame"].max()
        for ours, theirs in (
            ("frame_id", "frame"),
            ("player_id", "id"),
            ("x", "x"),
            ("y", "y"),
            ("holds_disc", "holder"),
        ):
            np.testing.assert_array_equal(frames[ours], rows[theirs])
        assert [side[:5] for side in frames["side"]] == [c.replace("ns", "nc")[:5] for c in rows["class"]]
    assert tracking.layout.length_unit == "metre"
    assert tracking.layout.frames_per_second == 15
    assert "metres, 15 frames a second" in str(tracking.report)


def test_the_throws_are_those_that_were_made():
    made, found = possessions(N, SEED).throws, throws(simulated(N, SEED))
    found["file"] = [f"{g}_{p // 100}_{p % 100}.csv" for g, p in zip(found["game_id"], found["play_id"])]
    both = made.merge(found, on=["file", "throw"], how="outer", suffixes=("_made", "_found"))
    assert len(both) == len(made) == len(found) > 20
    assert 0 < made["completed"].sum() < len(made)
    for column in ("thrower_id", "release_frame", "completed", "gain"):
        np.testing.assert_array_equal(both[f"{column}_made"], both[f"{column}_found"])
    caught = both[both["completed_made"]]
    for column in ("receiver_id", "catch_frame"):
        np.testing.assert_array_equal(caught[f"{column}_made"], caught[f"{column}_found"].astype(int))
    assert (
        both.loc[~both["completed_made"], ["receiver_id_found", "catch_frame_found", "gain_found"]]
        .isna()
        .all(axis=None)
    )


def test_every_frame_says_whether_the_disc_is_held_in_flight_or_unrecorded():
    tracking = simulated(N, SEED)
    table = throws(tracking)
    for play in tracking.plays.itertuples():
        expected = np.full(play.frames + 1, "held", dtype=object)
        for throw in table.query(f"game_id == {play.game_id} and play_id == {play.play_id}").itertuples():
            if throw.completed:
                expected[throw.release_frame + 1 : throw.catch_frame] = "flight"
            else:
                expected[throw.release_frame + 1 :] = "unrecorded"
        frames = tracking.frames.query(f"game_id == {play.game_id} and play_id == {play.play_id}")
        assert list(frames["disc_state"]) == list(np.repeat(expected[1:], 15))
    counts = [tracking.report[f"frames_{state}"] for state in ("held", "flight", "unrecorded")]
    assert sum(counts) == tracking.report["frames"] == tracking.plays["frames"].sum()
    assert min(counts) > 0


def test_a_frame_zero_is_dropped_and_counted(files, tmp_path):
    for name in ("3_1_1.csv", "4_1_2.csv"):
        pixels = files[name].query("frame == 1 and id < 15").assign(frame=0, x=1500.0, y=800.0, holder=False)
        files[name] = pd.concat([pixels, files[name]])
    tracking = read(write(tmp_path, files), verify=False)
    assert (tracking.report["frame_zero_files"], tracking.report["frame_zero_rows"]) == (2, 28)
    pd.testing.assert_frame_equal(tracking.frames, simulated(N, SEED).frames)
    pd.testing.assert_frame_equal(tracking.plays, simulated(N, SEED).plays)


def test_published_velocities_are_not_used_but_counted(files, tmp_path):
    files["1_1_1.csv"].loc[:2, ["vx", "ax"]] = 8800.0
    tracking = read(write(tmp_path, files), verify=False)
    assert tracking.report["impossible_velocities"] == 3
    pd.testing.assert_frame_equal(tracking.frames, simulated(N, SEED).frames)


def test_the_order_of_the_rows_does_not_matter(files, tmp_path):
    shuffled = {name: rows.sample(frac=1.0, random_state=1) for name, rows in files.items()}
    pd.testing.assert_frame_equal(read(write(tmp_path, shuffled), verify=False).frames, simulated(N, SEED).frames)


def test_compressed_or_in_the_published_tree_the_files_are_the_same(files, tmp_path):
    tree = write(tmp_path / "data/input/UltimateTrack", files)
    for path in sorted(tree.iterdir())[::2]:
        path.with_name(path.name + ".xz").write_bytes(lzma.compress(path.read_bytes()))
        path.unlink()
    (tree / "notes.csv").write_text("not a possession")
    pd.testing.assert_frame_equal(read(tmp_path, verify=False).frames, simulated(N, SEED).frames)


def test_a_possession_that_is_never_held_and_one_that_starts_in_flight_are_read(files, tmp_path):
    first, second = files["1_1_1.csv"], files["2_1_1.csv"]
    first["holder"] = False
    second.loc[second["frame"] < 10, "holder"] = False
    tracking = read(write(tmp_path, {"1_1_1.csv": first, "2_1_1.csv": second}), verify=False)
    assert (tracking.frames.query("game_id == 1")["disc_state"] == "unrecorded").all()
    assert (tracking.frames.query("game_id == 2 and frame_id < 10")["disc_state"] == "unrecorded").all()
    assert set(throws(tracking)["game_id"]) == {2}
    assert tracking.plays["throws"].iloc[0] == 0


# --- what is refused --------------------------------------------------------------------------------------------------


def cell(column: str, line: int, value: object):
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.astype({column: object})
        rows.iloc[line - 2, rows.columns.get_loc(column)] = value
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cell("x", 33, "abc"), "1_1_1.csv, line 33, column 'x', value 'abc': expected a finite number. 1 of"),
        (cell("y", 33, None), "1_1_1.csv, line 33, column 'y', value nothing: expected a finite number"),
        (cell("vx", 33, "inf"), "1_1_1.csv, line 33, column 'vx', value .*inf.*: expected a finite number"),
        (cell("frame", 33, 2.5), r"1_1_1.csv, line 33, column 'frame', value 2\.5: expected an integer"),
        (cell("frame", 33, -1), "1_1_1.csv, line 33, column 'frame', value -1: expected a frame from 0"),
        (cell("id", 33, 16), "1_1_1.csv, line 33, column 'id', value 16: expected an id from 1 to 14"),
        (cell("class", 33, "referee"), "1_1_1.csv, line 33, column 'class', value 'referee': expected one of offense"),
        (cell("holder", 33, "maybe"), "1_1_1.csv, line 33, column 'holder', value 'maybe': expected True or False"),
        (cell("holder", 16, True), "1_1_1.csv, line 16, column 'holder', value True: expected False for all but"),
        (lambda rows: rows.rename(columns={"vx": "v"}), "1_1_1.csv, line 1: .* missing are vx, unknown are v. Correct"),
        (lambda rows: rows[list(COLUMNS[::-1])], "1_1_1.csv, line 1: expected the columns frame, id, .* in this order"),
        (lambda rows: rows[:0], "1_1_1.csv: expected rows and found only a header"),
        (lambda rows: rows.assign(frame=0), "1_1_1.csv: expected frames from 1 on and found only frame 0"),
        (lambda rows: rows[rows["id"] != 4], "1_1_1.csv, line 2, column 'class', frame 1: expected 7 .*absent ids: 4"),
        (lambda rows: rows.drop(index=40), "1_1_1.csv, line 32, .*frame 3: .*absent ids: 11.* 1 of .* frames are so"),
        (
            lambda rows: pd.concat([rows, rows[40:41]]),
            r"1_1_1.csv, line \d+, column 'id', value 11: expected each id once",
        ),
        (lambda rows: rows[rows["frame"] != 7], "1_1_1.csv: expected frames 1, 2, 3, .* frame 7 is missing"),
        (lambda rows: rows[rows["frame"] > 1], "1_1_1.csv: expected frames 1, 2, 3, .* frame 1 is missing"),
        (
            lambda rows: rows.assign(x=rows["x"].where(rows.index != 40, 900.0)),
            "frames, row 40, column 'x', value .*900.*: expected a number from -15 to 109 metre",
        ),
    ],
)
def test_a_fault_is_shown_with_file_line_column_and_value(files, tmp_path, change, message):
    files["1_1_1.csv"] = change(files["1_1_1.csv"])
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, files), verify=False)


def test_ids_keep_their_class(files, tmp_path):
    rows = files["1_1_1.csv"]
    late = rows["frame"] == 20
    a, b = (rows.index[late & (rows["class"] == side)][0] for side in ("offense", "defense"))
    rows.loc[[a, b], "class"] = ["defense", "offense"]
    with pytest.raises(ValueError, match=r"1_1_1.csv, line .*, column 'class', .*expected one class for one id"):
        read(write(tmp_path, files), verify=False)
    rows.loc[rows["id"] == 15, "id"] = 99
    rows.loc[rows["id"] == 1, "id"] = 15
    rows.loc[rows["id"] == 99, "id"] = 1
    with pytest.raises(ValueError, match=r"column 'class', value .*: expected the disc, and only the disc, with id 15"):
        read(write(tmp_path, files), verify=False)


def test_a_frame_has_one_holder(files, tmp_path):
    rows = files["1_1_1.csv"]
    rows.loc[(rows["frame"] == 1) & (rows["class"] == "offense"), "holder"] = True
    with pytest.raises(ValueError, match=r"column 'holder', value True: expected one holder at most in a frame. 7 of"):
        read(write(tmp_path, files), verify=False)


@pytest.mark.parametrize("text", ["", '"unclosed\n1,2', "frame,id\n1,2,3,4\n1,2\n", "\xff\xfe"])
def test_what_is_no_table_is_refused(files, tmp_path, text):
    write(tmp_path, files)
    (tmp_path / "1_1_1.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"1_1_1.csv.*: expected (comma-separated text with )?the columns frame, id"):
        read(tmp_path, verify=False)


def test_names_and_folders_that_do_not_fit_are_refused(files, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected files named <game>_<point>_<possession>.csv"):
        read(tmp_path, verify=False)
    with pytest.raises(FileNotFoundError, match=r"expected an existing directory"):
        read(tmp_path / "absent", verify=False)
    with pytest.raises(ValueError, match=r"verify=False: expected with it a directory of your own"):
        read(verify=False)
    with pytest.raises(ValueError, match=r"expected a possession from 0 to 99"):
        read(write(tmp_path, {"1_1_100.csv": files["1_1_1.csv"]}), verify=False)


def test_simulated_files_never_pass_for_the_published_ones(tmp_path, monkeypatch):
    write_ultimate_track(tmp_path, 1, seed=0)
    with pytest.raises(FileNotFoundError, match=r"1 of 64 files"):
        read(tmp_path)
    tree = tmp_path / "data/ultimate_track/data/input/UltimateTrack"
    tree.mkdir(parents=True)
    for file in ultimate_track.SOURCE.files:
        (tree / Path(file.path).name).write_bytes((tmp_path / "1_1_1.csv").read_bytes())
    monkeypatch.setenv("QBSBP_DATA", str(tmp_path / "data"))
    with pytest.raises(
        ValueError, match=r"1_1_1.csv: expected 135778 bytes with sha256 77889f85\w+, as Ultimate Track"
    ):
        read()


# --- the real files ---------------------------------------------------------------------------------------------------


@needs_real_data
def test_the_real_possessions_have_their_known_quirks():
    tracking = real()
    assert dict(tracking.plays.groupby("game_id").size()) == {1: 12, 2: 24, 3: 19, 4: 9}
    assert {quirk.name: quirk.count for quirk in tracking.report} == {
        "files": 64,
        "rows": 271_081,
        "frame_zero_files": 29,
        "frame_zero_rows": 29 * 14,
        "published_velocities": 18_045 * 15,
        "impossible_velocities": 1_247,
        "frames": 18_045,
        "frames_held": 13_405,
        "frames_flight": 3_505,
        "frames_unrecorded": 1_135,
        "throws": 287,
        "throws_completed": 252,
        "throws_unrecorded": 35,
        "throws_frozen": 18,
    }
    assert "files from QBSBP_DATA, checksums verified" in tracking.report.source


@needs_real_data
def test_the_real_throws_are_those_of_the_derived_table():
    expected = pd.read_csv(Path(os.environ["QBSBP_DATA"]) / "ultimate_track/throws.csv")
    found = throws(real())
    found["file"] = [f"{g}_{p // 100}_{p % 100}.csv" for g, p in zip(found["game_id"], found["play_id"])]
    both = expected.merge(found, on=["file", "throw"], how="outer", suffixes=("", "_found"))
    assert len(both) == len(expected) == len(found)
    for ours, theirs in (
        ("thrower_id_found", "thrower_id"), ("hold_first_frame_found", "hold_first_frame"), ("gain", "gain_m"),
        ("release_frame_found", "release_frame"), ("release_x_found", "release_x"), ("completed_found", "completed"),
    ):  # fmt: skip
        np.testing.assert_allclose(both[ours].astype(float), both[theirs].astype(float), atol=1e-9)
    caught = both[both["completed"]]
    np.testing.assert_array_equal(caught["receiver_id_found"].astype(int), caught["receiver_id"])
    np.testing.assert_array_equal(caught["catch_frame_found"].astype(int), caught["catch_frame"])


@needs_real_data
def test_the_published_velocity_is_a_mean_centred_on_its_frame():
    source = ultimate_track.SOURCE
    wanted = [file for file in source.files if "/1_" in file.path]
    place = _files.locate(source, [file.path for file in wanted])
    for file in wanted:
        rows = _files.table(_files.read_bytes(source, file, place.files[file.path]), file.path, COLUMNS)
        x, vx = (rows.pivot(index="frame", columns="id", values=name) for name in ("x", "vx"))
        backward = x.diff() * 15
        np.testing.assert_allclose(vx[5:-2], backward.rolling(5, center=True).mean()[5:-2], atol=0.035)
        assert (vx - backward.rolling(5).mean()).abs().max(axis=None) > 1  # the mean over the past alone is another


@needs_real_data
@pytest.mark.parametrize(("play_id", "players", "last_three"), [(114, [1, 2, 3, 5, 6], 0.08), (115, [7, 14], 0.08)])
def test_the_real_jumps_show_that_positions_are_means_centred_on_their_frame(play_id, players, last_three):
    frames = real().frames.query(f"game_id == 3 and play_id == {play_id}")
    place = frames.pivot(index="frame_id", columns="player_id", values="x")[players].to_numpy()
    drift = place[-4] - place[-5]  # where they would have been, had they gone on
    jump = place[-3:] - (place[-4] + drift * np.arange(1, 4)[:, None])
    step = jump * np.array([[5.0], [4.0], [3.0]])  # one wrong frame in a mean over 5, 4 and 3 frames
    np.testing.assert_allclose(step / step.mean(axis=0), 1.0, atol=last_three)
