"""The reader of the Big Data Bowl layouts shows faults to the cell, repairs and counts quirks, sets aside the rest.

That sound files come back exactly is in tests/data_synth/test_write.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_synth.write import write
from qbsbp.datasets import big_data_bowl
from tests.football_cases import (
    NONE,
    SCOUTING,
    SNAP,
    TRACKING,
    TinySeason,
    change,
    edit_play,
    put,
    renamed,
    write_bowls,
)
from tests.football_cases import read_bowl as read


@pytest.fixture(scope="module")
def season() -> TinySeason:
    return TinySeason()


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[int, Path]:
    """A folder of each year, without quirks; not to be changed."""
    return write_bowls(tmp_path_factory.mktemp("bowl"))


@pytest.fixture(params=list(TRACKING))
def year(request) -> int:
    return request.param


@pytest.fixture
def folder(written, year, tmp_path) -> Path:
    """A copy to spoil."""
    shutil.copytree(written[year], tmp_path / "bowl")
    return tmp_path / "bowl"


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "column", "value", "expected"),
    [
        ("tracking", "x", "abc", "a number"),
        ("tracking", "frameId", "0", "a frame from 1"),
        ("tracking", "frameId", "1.5", "an integer"),
        ("tracking", "playDirection", "up", "left or right"),
        ("tracking", "nflId", "NA", "a number for a player and NA for the ball"),
        ("tracking", "gameId", "inf", "an integer"),
        ("plays", "gameClock", "7.5", "minutes and seconds as in 07:03, at most 15:00"),
        ("plays", "gameClock", "15:01", "minutes and seconds as in 07:03, at most 15:00"),
        ("plays", "gameId", "1", "a game that games.csv has"),
        ("plays", "quarter", "NA", "an integer"),
        ("plays", "yardsToGo", "ten", "a number"),
        ("plays", "possessionTeam", "NA", "text"),
        ("games", "week", "one", "a number"),
        ("games", "week", "31", "an integer from 1 to 30"),
        ("games", "season", "26", "an integer from 1920 to 2200"),
        ("games", "visitorTeamAbbr", "NA", "text"),
        ("players", "nflId", "0", "every player once, by a number from 1"),
        ("scouting", "nflId", "x1", "a number"),
    ],
)
def test_a_wrong_entry_is_shown_with_file_line_column_and_value(folder, year, file, column, value, expected):
    name = {"tracking": TRACKING[year], "scouting": SCOUTING[year]}.get(file, f"{file}.csv")
    put(folder / name, 3, column, value)
    with pytest.raises(ValueError) as error:
        read(folder)
    said = str(error.value)
    assert f"{name}, line 5, column '{column}', value " in said
    assert f"expected {expected}" in said
    assert ("nothing" if value == "NA" else value) in said


@pytest.mark.parametrize(
    ("file", "column", "key"),
    [("games", "gameId", ["gameId"]), ("plays", "playId", ["gameId", "playId"]), ("players", "nflId", ["nflId"])],
)
def test_a_repeated_key_is_shown(folder, file, column, key):
    change(folder / f"{file}.csv", lambda rows: pd.concat([rows, rows.iloc[[1]]]))
    lines = len((folder / f"{file}.csv").read_text().splitlines())
    with pytest.raises(ValueError, match=rf"{file}\.csv, line {lines}, column '{column}', value \d+.*once"):
        read(folder)


def test_a_missing_column_is_named(folder, year, written):
    for name, column in ((TRACKING[year], "playDirection"), ("plays.csv", "gameClock"), ("games.csv", "week")):
        change(folder / name, lambda rows, column=column: rows.drop(columns=column))
        with pytest.raises(ValueError, match=rf"{name}, line 1: expected the columns .*missing are {column}\."):
            read(folder)
        shutil.copy(written[year] / name, folder / name)


def test_further_columns_and_another_order_do_no_harm(folder, year):
    expected = read(folder)
    for name in (TRACKING[year], "plays.csv", "games.csv", "players.csv", SCOUTING[year]):
        change(folder / name, lambda rows: rows.assign(more="1")[["more", *reversed(rows.columns)]])
    found = read(folder)
    pd.testing.assert_frame_equal(found.plays, expected.plays)
    pd.testing.assert_frame_equal(found.frames, expected.frames)


def test_a_line_that_is_cut_short_is_refused(folder, year):
    path = folder / TRACKING[year]
    path.write_text(path.read_text()[:-40])
    with pytest.raises(ValueError, match=rf"{path.name}: expected comma-separated text, and .*[Cc]olumns"):
        read(folder)


def test_a_play_that_goes_both_ways_is_refused(folder, year):
    change(folder / TRACKING[year], lambda rows: rows.assign(playDirection=["right", *["left"] * (len(rows) - 1)]))
    with pytest.raises(ValueError, match=r"column 'playDirection', value 'left': expected one direction"):
        read(folder)


def test_missing_files_are_named(folder, year):
    (folder / SCOUTING[year]).unlink()
    with pytest.raises(FileNotFoundError, match=f"{SCOUTING[year]} is missing"):
        read(folder)
    with pytest.raises(FileNotFoundError, match="expected an existing directory"):
        read(folder / "none")
    with pytest.raises(FileNotFoundError, match=r"expected week1\.csv, .* and found neither.*kaggle"):
        read(folder / "truth")


def test_a_folder_without_manifest_is_read_when_asked(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"found none\. .*as those from Kaggle, pass verify=False"):
        big_data_bowl.read(folder, progress=False)
    assert len(read(folder).plays) == 28


# --- quirks -----------------------------------------------------------------------------------------------------------


def test_holes_of_up_to_five_rows_are_filled(folder, year):
    whole = read(folder)

    def hole(rows):
        return rows[(rows["nflId"] != rows["nflId"].iloc[0]) | ~rows["frameId"].between(8, 12)]

    edit_play(folder, year, hole)
    tracking = read(folder)
    assert (tracking.report["rows_filled"], tracking.report["plays_repaired"]) == (5, 1)
    filled = tracking.frames["repaired"]
    assert filled.sum() == 5
    assert tracking.frames.loc[filled, "frame_id"].tolist() == [8, 9, 10, 11, 12]
    pd.testing.assert_frame_equal(tracking.frames[~filled], whole.frames[~filled])
    assert np.abs(tracking.frames["x"] - whole.frames["x"]).max() < 0.011  # who moves evenly is put where he was


def test_angles_are_filled_the_short_way_round(folder, year):
    def turn(rows):
        mine = rows["nflId"] == rows["nflId"].iloc[0]
        rows.loc[mine, "dir"] = ["350" if frame < 9 else "10" for frame in rows.loc[mine, "frameId"]]
        rows.loc[mine, "playDirection"] = rows["playDirection"].iloc[0]
        return rows[~mine | (rows["frameId"] != 9)]

    edit_play(folder, year, turn)
    tracking = read(folder)
    row = tracking.frames[tracking.frames["repaired"]].iloc[0]
    play = tracking.plays.set_index(["game_id", "play_id"]).loc[(row["game_id"], row["play_id"])]
    assert row["direction"] == (180.0 if play["play_direction"] == "left" else 0.0)


def test_a_play_is_cut_where_an_end_is_missing(folder, year):
    def ends(rows):
        mine = rows["nflId"] == rows["nflId"].iloc[0]
        return rows[~mine | rows["frameId"].between(3, rows["frameId"].max() - 1)]

    whole = read(folder)
    edit_play(folder, year, ends)
    tracking = read(folder)
    assert tracking.report["plays_cut"] == 1
    assert tracking.report["rows_filled"] == 0
    shorter = whole.plays["snap_frame"] != tracking.plays["snap_frame"]
    assert shorter.sum() == 1
    assert (tracking.plays.loc[shorter, "snap_frame"] == 4).all()
    assert (tracking.plays["release_frame"] - tracking.plays["snap_frame"]).equals(
        whole.plays["release_frame"] - whole.plays["snap_frame"]
    )
    assert tracking.report["frames"] == whole.report["frames"] - 3


def test_what_lies_far_from_snap_and_release_is_dropped(folder, year):
    whole = read(folder)

    def longer(rows):
        last = rows["frameId"].max()
        before = [rows[rows["frameId"] == 1].assign(frameId=frame, event=NONE[year]) for frame in (-2, -1, 0)]
        after = [rows[rows["frameId"] == last].assign(frameId=last + step, event=NONE[year]) for step in (1, 2)]
        grown = pd.concat([*before, rows, *after])
        return grown.assign(frameId=grown["frameId"] + 3)

    edit_play(folder, year, longer)
    tracking = read(folder)
    assert tracking.report["rows_outside"] == 5 * 23
    pd.testing.assert_frame_equal(tracking.plays, whole.plays)
    pd.testing.assert_frame_equal(tracking.frames, whole.frames)


def test_repeated_rows_are_dropped_and_the_better_of_two_tags_kept(folder, year):
    whole = read(folder)

    def twice(rows):
        extra = rows[rows["frameId"].isin([SNAP, 9])].assign(event="shift")
        return pd.concat([extra, rows])

    edit_play(folder, year, twice)
    tracking = read(folder)
    assert tracking.report["rows_repeated"] == 2 * 23
    assert tracking.report["tags_other"] == 1
    differs = tracking.frames["event"] != whole.frames["event"]
    assert differs.sum() == 23
    assert (tracking.frames.loc[differs, "event"] == "other").all()
    assert (tracking.frames.loc[differs, "frame_id"] == 9).all()


@pytest.mark.parametrize(
    ("edit", "outcome", "count"),
    [
        (renamed("ball_snap", "snap_direct"), "C", None),
        (renamed("ball_snap", "autoevent_ballsnap"), "C", "snaps_by_machine"),
        (renamed("pass_forward", "pass_shovel"), "I", None),
        (renamed("pass_forward", "autoevent_passforward"), "IN", "releases_by_machine"),
        (renamed("qb_sack", "qb_strip_sack"), "S", None),
    ],
)
def test_other_tags_of_snap_and_release_stand_in(folder, year, edit, outcome, count):
    whole = read(folder)
    edit_play(folder, year, edit, outcome=outcome)
    tracking = read(folder)
    pd.testing.assert_frame_equal(tracking.plays, whole.plays)
    pd.testing.assert_frame_equal(tracking.frames, whole.frames)
    if count:
        assert tracking.report[count] == 1


def test_of_two_passes_the_last_is_the_release(folder, year):
    whole = read(folder)

    def backwards(rows):
        rows.loc[rows["frameId"] == 8, "event"] = "pass_forward"
        return rows

    edit_play(folder, year, backwards)
    tracking = read(folder)
    pd.testing.assert_frame_equal(tracking.plays, whole.plays)
    assert tracking.report["tags_other"] == 1


def test_all_plays_of_2023_are_dropbacks(written, tmp_path):
    shutil.copytree(written[2023], tmp_path / "bowl")
    put(tmp_path / "bowl" / "plays.csv", 3, "passResult", "X")
    with pytest.raises(
        ValueError, match=r"plays\.csv, line 5, column 'passResult', value 'X': expected one of C, I, IN"
    ):
        read(tmp_path / "bowl")


def test_plays_without_a_dropback_or_annulled_are_not_read(folder, year, season):
    def edit(rows):
        rows.loc[0, "down"] = "0"
        if year == 2025:
            rows.loc[1, "passResult"] = "NA"
            rows.loc[2, "playNullifiedByPenalty"] = "Y"
            rows.loc[3, "qbSpike"] = "TRUE"

    change(folder / "plays.csv", edit)
    tracking = read(folder)
    names = ["plays_unlike"]
    if year == 2025:
        names += ["plays_no_dropback", "plays_annulled", "plays_spiked"]
    assert [tracking.report[name] for name in names] == [1] * len(names)
    assert len(tracking.plays) == len(season.plays) - len(names)
    assert tracking.report["rows_other_plays"] > 0


def test_no_play_left_is_refused(folder):
    change(folder / "plays.csv", lambda rows: rows.assign(down="0"))
    with pytest.raises(ValueError, match=r"expected dropbacks with tracking in the weeks 1, 2, and none is left"):
        read(folder)


def test_a_play_with_two_passers_is_set_aside(folder, year):
    def edit(rows):
        column, value = ("pff_role", "Pass") if year == 2023 else ("hadDropback", "1")
        rows.loc[:1, column] = value  # the first two men of the first play

    change(folder / SCOUTING[year], edit)
    assert read(folder).report["plays_no_passer"] == 1


def test_yards_that_the_text_contradicts_are_counted_and_the_column_taken(folder, year):
    column = "prePenaltyPlayResult" if year == 2023 else "prePenaltyYardsGained"
    expected = read(folder).plays["yards_gained"]
    change(folder / "plays.csv", lambda rows: rows.assign(**{column: ["-9", *rows[column][1:]]}))
    tracking = read(folder)
    assert tracking.report["yards_unlike_text"] == 1
    assert tracking.plays["yards_gained"].tolist() == [-9, *expected[1:]]


def test_players_of_unusual_positions_are_other(folder, year, season):
    name = "officialPosition" if year == 2023 else "position"
    change(folder / "players.csv", lambda rows: rows.assign(**{name: rows[name].replace("QB", "P")}))
    tracking = read(folder)
    passers = tracking.frames["player_id"].isin(season.plays["passer_id"])
    assert set(tracking.frames.loc[passers, "position"]) == {"other"}


# --- the text of a play -----------------------------------------------------------------------------------------------

IDS = np.array([1, 2, 3, 4])
NAMES = np.array(["Amon-Ra St. Brown", "Jo Ray", "John Ray", "Odell Beckham Jr."], dtype=object)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("(1:00) J.Goff pass short left to A.St. Brown to DET 40 for 9 yards (X.Y).", 1),
        ("(1:00) J.Goff pass incomplete deep middle to Jo.Ray.", 2),
        ("(1:00) J.Goff pass incomplete deep middle to Joh.Ray.", 3),
        ("(1:00) J.Goff pass incomplete deep middle to J.Ray.", 0),
        ("(1:00) J.Goff pass short right intended for O.Beckham Jr. INTERCEPTED by X.Y at DET 40.", 4),
        ("(1:00) 16-J.Goff pass short right to 13-O.Beckham Jr. ran ob at DET 40 for 9 yards.", 4),
        ("(1:00) J.Goff pass incomplete short right.", 0),
        ("(1:00) J.Goff pass incomplete short right to Z.Nobody.", 0),
        ("(1:00) J.Goff sacked at DET 40 for -9 yards (O.Beckham Jr.).", 0),
    ],
)
def test_the_target_is_found_by_his_name(text, target):
    assert big_data_bowl._target(text, IDS, NAMES) == target


@pytest.mark.parametrize(
    ("text", "gained", "returned"),
    [
        ("J.Goff pass short left to A.Bo to DET 40 for 9 yards (X.Y).", 9, 0),
        ("J.Goff pass short left to A.Bo to DET 40 for -1 yards (X.Y).", -1, 0),
        ("J.Goff pass short left to A.Bo to DET 40 for no gain (X.Y).", 0, 0),
        ("J.Goff pass incomplete deep left to A.Bo.", 0, 0),
        (
            "J.Goff pass deep left intended for A.Bo INTERCEPTED by X.Y at DET 9. X.Y to DET 20 for 11 yards (A.B).",
            0,
            11,
        ),
        ("J.Goff pass deep left intended for A.Bo INTERCEPTED by X.Y at DET 0. Touchback.", 0, 0),
        ("J.Goff kneels.", 0, 0),
    ],
)
def test_yards_of_the_text(text, gained, returned):
    assert big_data_bowl._yards(text) == gained
    assert big_data_bowl._return(text) == returned


# --- the files of each week -------------------------------------------------------------------------------------------


def test_files_of_weeks_are_those_that_a_week_is_read_from(folder, year):
    tables = ("games.csv", "plays.csv", "players.csv", SCOUTING[year])
    name = TRACKING[year]
    files = big_data_bowl.files_of_weeks(folder)
    assert files == {1: (*tables, name), 2: (*tables, name.replace("1", "2"))}
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in files[2]:
            path.unlink()
    alone = read(folder, weeks=[2])
    assert set(alone.plays["week"]) == {2}
    for name in files[2]:
        (folder / name).rename(folder / f"{name}.aside")
        with pytest.raises((FileNotFoundError, ValueError)):
            read(folder, weeks=[2])
        (folder / f"{name}.aside").rename(folder / name)


def test_a_folder_of_another_layout_has_no_files_of_weeks(tmp_path):
    write(TinySeason(), tmp_path / "season", progress=False)
    assert big_data_bowl.files_of_weeks(tmp_path / "season") == {}
    with pytest.raises(FileNotFoundError, match="expected an existing directory"):
        big_data_bowl.files_of_weeks(tmp_path / "none")
