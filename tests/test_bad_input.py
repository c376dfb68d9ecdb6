"""Bad input, from files to prepared tracks: a fault is repaired and counted, or its play is set aside and named with
the reason, or the file is refused with a message that says where and what to do. Nothing is dropped in silence.

Each case spoils one dropback, or one table, of a small sound season in the files of the Big Data Bowl. What the other
readers do with faulty files is in tests/datasets; too little disk is in tests/datasets/test_files.py and
tests/data_synth/test_write.py.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qbsbp import schema
from qbsbp.datasets import big_data_bowl
from qbsbp.schema import FOOTBALL, Rejected, SchemaError, Tracking
from qbsbp.tracking import MAX_MOVED, REASONS, add_velocities, cut, prepare, repair_holes, repair_jumps
from tests.football_cases import (
    SCOUTING,
    SNAP,
    TRACKING,
    change,
    edit_play,
    first_play,
    put,
    read_bowl,
    renamed,
    write_bowls,
)

KEY = ["game_id", "play_id"]
YARDS = {2023: "prePenaltyPlayResult", 2025: "prePenaltyYardsGained"}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[int, Path]:
    return write_bowls(tmp_path_factory.mktemp("bowl"))


@pytest.fixture(scope="module")
def sound(written) -> dict[int, Tracking]:
    """What is read of week 1 of the files as they are; not to be changed."""
    return {year: read_bowl(folder, weeks=[1]) for year, folder in written.items()}


@pytest.fixture(params=list(TRACKING))
def year(request) -> int:
    return request.param


@pytest.fixture
def folder(written, year, tmp_path) -> Path:
    """A copy to spoil."""
    shutil.copytree(written[year], tmp_path / "bowl")
    return tmp_path / "bowl"


def of(rows: pd.DataFrame, key: tuple[int, int]) -> pd.Series:
    """Which rows are of a play."""
    return (rows["game_id"] == key[0]) & (rows["play_id"] == key[1])


def one_track(frames: pd.DataFrame, key: tuple[int, int]) -> pd.Series:
    """Which rows are of one player of a play."""
    mine = of(frames, key)
    return mine & (frames["player_id"] == frames.loc[mine, "player_id"].iloc[5])


Spoil = Callable[[Path, int, str], None]  # folder, year, result of the dropback to spoil
Rows = Callable[[pd.DataFrame], pd.DataFrame]


def key_of(folder: Path, year: int, outcome: str) -> tuple[int, int]:
    """Game and number of the dropback that is spoiled."""
    rows = pd.read_csv(folder / TRACKING[year], dtype=str, keep_default_na=False)
    first = rows[first_play(folder, year, rows, outcome=outcome)].iloc[0]
    return int(first["gameId"]), int(first["playId"])


def tracks(edit: Rows) -> Spoil:
    """Change the rows of tracking of the dropback; frameId is a number."""
    return lambda folder, year, outcome: edit_play(folder, year, edit, outcome=outcome)


def table(name: str | dict[int, str], edit: Callable[[pd.DataFrame, int], None]) -> Spoil:
    """Change the rows of another table that belong to the dropback, all of one where it has no plays; in place."""

    def spoil(folder, year, outcome):
        game, play = key_of(folder, year, outcome)

        def mine(rows):
            part = rows[(rows["gameId"] == str(game)) & (rows["playId"] == str(play))].copy()
            edit(part, year)
            rows.loc[part.index] = part

        change(folder / (name if isinstance(name, str) else name[year]), mine)

    return spoil


def plays(column: str | dict[int, str], value: str) -> Spoil:
    """Put a value into a column of plays.csv."""

    def edit(rows, year):
        rows[column if isinstance(column, str) else column[year]] = value

    return table("plays.csv", edit)


def one_man(rows: pd.DataFrame, *frames: int) -> pd.Series:
    """The rows of the first player of the file, in some frames or in all."""
    mine = rows["nflId"] == rows["nflId"].iloc[0]
    return mine & rows["frameId"].isin(frames) if frames else mine


def cells(column: str, value: str, *frames: int) -> Spoil:
    """Put a value into some frames of one player."""
    return tracks(lambda rows: rows.assign(**{column: rows[column].mask(one_man(rows, *frames), value)}))


def moved(yards: float, *frames: int) -> Spoil:
    """Move one player along x in some frames."""

    def edit(rows):
        x = rows["x"].astype(float) + yards * one_man(rows, *frames)
        return rows.assign(x=x.map("{:.2f}".format))

    return tracks(edit)


def tag_at(frame: int, tag: str) -> Rows:
    """The tag at another frame than where it is."""

    def edit(rows):
        nothing = rows["event"].iloc[0]
        rows = rows.assign(event=rows["event"].replace(tag, nothing))
        return rows.assign(event=rows["event"].mask(rows["frameId"] == frame, tag))

    return edit


def defends(rows: pd.DataFrame) -> pd.Series:
    """Who is of the defence: 11 and on in his team."""
    return rows["nflId"].astype(int) % 100 >= 11


def role(mark: bool) -> Spoil:
    """Mark nobody as the passer, or a man of the defence instead of him."""

    def edit(rows, year):
        column, yes, no = ("pff_role", "Pass", "Pass Block") if year == 2023 else ("hadDropback", "1", "0")
        rows[column] = rows[column].replace(yes, no)
        if mark:
            rows.loc[rows.index[defends(rows)][0], column] = yes

    return table(SCOUTING, edit)


def no_target(folder: Path, year: int, outcome: str) -> None:
    if year == 2023:
        plays("playDescription", "(1:00) A.Ashson pass short left to N.Nobody for 12 yards.")(folder, year, outcome)
    else:
        table(SCOUTING, lambda rows, year: rows.__setitem__("wasTargettedReceiver", "0"))(folder, year, outcome)


def target_of_the_defence(folder: Path, year: int, outcome: str) -> None:
    def mark(rows, year):
        rows.loc[rows.index[defends(rows)][0], "wasTargettedReceiver"] = "1"

    no_target(folder, year, outcome)
    if year == 2025:  # in 2023 he is looked up among the offence
        table(SCOUTING, mark)(folder, year, outcome)


# --- repaired and counted ---------------------------------------------------------------------------------------------

REPAIRED: dict[str, tuple[Spoil, dict[str, int]]] = {
    # fault: how it is made, and what the report counts more than for the sound season
    "x missing": (cells("x", "NA", 9), {"rows_unplaced": 1, "rows_filled": 1}),
    "y missing in five frames": (cells("y", "NA", 8, 9, 10, 11, 12), {"rows_unplaced": 5, "rows_filled": 5}),
    "x infinite": (cells("x", "inf", 9), {"rows_unplaced": 1, "rows_filled": 1}),
    "y no number": (cells("y", "nan", 9), {"rows_unplaced": 1, "rows_filled": 1}),
    "x off the field": (cells("x", "-500", 9), {"rows_beyond": 1, "rows_filled": 1}),
    "y off the field": (cells("y", "99.5", 9), {"rows_beyond": 1, "rows_filled": 1}),
    "y off the field once turned": (cells("y", "84.5", 9), {"rows_beyond": 1, "rows_filled": 1}),
    "negative speed": (cells("s", "-1", 9), {"rows_beyond": 1, "rows_filled": 1}),
    "infinite speed": (cells("s", "inf", 9), {"rows_beyond": 1, "rows_filled": 1}),
    "angle of 400 degrees": (cells("o", "400", 9), {"rows_beyond": 1, "rows_filled": 1}),
    "first frame without a place": (cells("x", "NA", 1), {"rows_unplaced": 1, "plays_cut": 1}),
    "all rows of a frame twice": (
        tracks(lambda rows: pd.concat([rows, rows[rows["frameId"] == 9]])), {"rows_repeated": 23}
    ),
    "all rows of five frames missing": (
        tracks(lambda rows: rows[~rows["frameId"].between(8, 12)]), {"rows_filled": 5 * 23}
    ),
    "one player's row missing": (tracks(lambda rows: rows[~one_man(rows, 9)]), {"rows_filled": 1}),
    "only the machine's snap": (tracks(renamed("ball_snap", "autoevent_ballsnap")), {"snaps_by_machine": 1}),
    "only the machine's release": (
        tracks(renamed("pass_forward", "autoevent_passforward")), {"releases_by_machine": 1}
    ),
    "no target": (no_target, {"targets_unknown": 1}),
    "target of the defence": (target_of_the_defence, {"targets_unknown": 1}),
}  # fmt: skip


@pytest.mark.parametrize("fault", REPAIRED)
def test_a_small_fault_is_repaired_and_counted(folder, year, sound, fault):
    spoil, more = REPAIRED[fault]
    spoil(folder, year, "C")
    tracking, whole = read_bowl(folder, weeks=[1]), sound[year]
    schema.check(tracking.plays, tracking.frames, FOOTBALL)
    counted = {name: tracking.report[name] - whole.report[name] for name in more}
    assert counted == more
    assert tracking.report["rows_unplaced"] + tracking.report["rows_beyond"] == sum(
        more.get(name, 0) for name in ("rows_unplaced", "rows_beyond")
    )
    assert tracking.report.rejected == ()
    pd.testing.assert_frame_equal(tracking.plays[KEY], whole.plays[KEY])
    assert tracking.frames["repaired"].sum() == more.get("rows_filled", 0)
    # what was recorded is as it was, and who moves evenly is put back where he was, to the rounding
    name = [*KEY, "frame_id", "player_id"]
    if "plays_cut" not in more:
        both = tracking.frames.merge(whole.frames, on=name, suffixes=("", "_sound"), validate="one_to_one")
        assert len(both) == len(whole.frames)
        for column in ("x", "y"):
            apart = (both[column] - both[f"{column}_sound"]).abs()
            assert apart[~both["repaired"]].max() == 0
            assert apart.max() < 0.011
    done = prepare(tracking)
    assert len(done.plays) == len(whole.plays)
    assert np.isfinite(done.frames[["x", "y"]].to_numpy()).all()


def test_no_target_is_0(folder, year):
    no_target(folder, year, "C")
    key = key_of(folder, year, "C")
    targets = read_bowl(folder, weeks=[1]).plays.set_index(KEY)["target_id"]
    assert targets[key] == 0


@pytest.mark.parametrize(("frames", "jumps"), [((10,), 2), ((10, 11), 2), ((SNAP + 1,), 2)])
def test_a_place_out_of_reach_is_held_at_the_last_credible_one(folder, year, sound, frames, jumps):
    moved(8.0, *frames)(folder, year, "C")
    key, tracking = key_of(folder, year, "C"), read_bowl(folder, weeks=[1])
    done, whole = prepare(tracking), prepare(sound[year])
    assert [done.report[name] for name in ("jumps", "repaired_rows", "repaired_plays")] == [jumps, len(frames), 1]
    assert done.report.rejected == ()
    held = done.frames[done.frames["repaired"]]
    assert list(held["frame_id"]) == [frame - SNAP + 1 for frame in frames]  # counted from the snap
    assert of(held, key).all()
    track = done.frames[of(done.frames, key) & (done.frames["player_id"] == held["player_id"].iloc[0])]
    before = track[track["frame_id"] == held["frame_id"].iloc[0] - 1]
    for column in ("x", "y"):
        assert (held[column] == before[column].iloc[0]).all()
    assert held["velocity_x"].isna().all()
    speed = np.hypot(done.frames["velocity_x"], done.frames["velocity_y"])
    assert speed.max() < 13.2
    others = ~done.frames.index.isin(track.index)
    pd.testing.assert_frame_equal(done.frames[others], whole.frames[others])


# --- set aside with the reason ----------------------------------------------------------------------------------------

REJECTED: dict[str, tuple[Spoil, str, str, str]] = {
    # fault: how it is made, result of the dropback, reason, detail
    "no tag of the snap": (tracks(renamed("ball_snap", "huddle")), "C", "plays_no_snap", ""),
    "no tag of the release": (
        tracks(renamed("pass_forward", "pass_tipped")), "I", "plays_no_release",
        r"ball_snap in frame 6, pass_tipped in frame \d\d",
    ),
    "no tag of the sack": (tracks(renamed("qb_sack", "fumble")), "S", "plays_no_release", "ball_snap in .*fumble .*"),
    "no tag of the run": (tracks(renamed("run", "handoff")), "R", "plays_no_release", "ball_snap in .*handoff .*"),
    "release before the snap": (
        tracks(tag_at(3, "pass_forward")), "I", "plays_no_release", "pass_forward in frame 3, ball_snap in frame 6"
    ),
    "release at the snap": (tracks(tag_at(SNAP, "pass_forward")), "I", "plays_no_snap", ""),
    "21 players": (
        tracks(lambda rows: rows[~one_man(rows)]), "C", "plays_other_men", "1[01] of the offence, 1[01] of .*, 1 balls"
    ),
    "23 players": (
        tracks(lambda rows: pd.concat([rows, rows[one_man(rows)].assign(nflId="99999")])), "C", "plays_other_men",
        "1[12] of the offence, 1[12] of the defence, 1 balls",
    ),
    "no ball": (
        tracks(lambda rows: rows[rows["nflId"] != "NA"]), "C", "plays_other_men", "11 of .*, 11 of .*, 0 balls"
    ),
    "no rows of tracking": (tracks(lambda rows: rows[:0]), "C", "plays_untracked", ""),
    "a row missing in six frames": (
        tracks(lambda rows: rows[~one_man(rows, *range(8, 14))]), "C", "plays_broken",
        r"everybody is there from frame (1 to 7|14 to \d\d); snap 6, release \d\d",
    ),
    "no place in six frames": (cells("x", "NA", *range(8, 14)), "C", "plays_broken", "everybody is there from .*"),
    "no place at all": (cells("y", "inf"), "C", "plays_broken", r"everybody .* in no frame; snap 6, release \d\d"),
    "off the field throughout": (cells("x", "160"), "C", "plays_broken", "everybody is there in no frame; .*"),
    "all rows of six frames missing": (
        tracks(lambda rows: rows[~rows["frameId"].between(8, 13)]), "C", "plays_broken", "everybody is there from .*"
    ),
    "no row before the snap is past": (
        tracks(lambda rows: rows[~one_man(rows, *range(1, SNAP + 1))]), "C", "plays_broken",
        r"everybody is there from frame 7 to \d\d; snap 6, .*"
    ),
    "unknown offence": (plays("possessionTeam", "XYZ"), "C", "plays_unknown_team", "XYZ against ... in a game of .*"),
    "unknown defence": (plays("defensiveTeam", "XYZ"), "C", "plays_unknown_team", "... against XYZ in a game of .*"),
    "offence and defence of one team": (
        table("plays.csv", lambda rows, year: rows.__setitem__("defensiveTeam", rows["possessionTeam"])), "C",
        "plays_unknown_team", r"(\w+) against \1 in a game of .*",
    ),
    "a player of an unknown team": (
        tracks(lambda rows: rows.assign(**{team(rows): rows[team(rows)].mask(one_man(rows), "XYZ")})), "C",
        "plays_unknown_team", "a man of XYZ",
    ),
    "a row of an unknown team": (
        tracks(lambda rows: rows.assign(**{team(rows): rows[team(rows)].mask(one_man(rows, 9), "XYZ")})), "C",
        "plays_unknown_team", "a man of XYZ",
    ),
    "a row of the other team": (
        tracks(lambda rows: rows.assign(**{team(rows): rows[team(rows)].mask(one_man(rows, 9), other_team(rows))})),
        "C", "plays_other_men", "1[12] of the offence, 1[12] of the defence, 1 balls",
    ),
    "nobody is the passer": (role(mark=False), "C", "plays_no_passer", ""),
    "a passer of the defence": (role(mark=True), "C", "plays_no_passer", r"\d{5} is not of the offence"),
    "twelfth quarter": (plays("quarter", "12"), "C", "plays_unlike", "quarter 12"),
    "no down": (plays("down", "0"), "C", "plays_unlike", "down 0"),
    "150 yards": (plays(YARDS, "150"), "C", "plays_unlike", "prePenalty.* 150"),
    "line of scrimmage in the end zone": (
        plays("absoluteYardlineNumber", "5"), "C", "plays_unlike", "absoluteYardlineNumber 5"
    ),
    "a score of 2,000": (plays("preSnapHomeScore", "2000"), "C", "plays_unlike", "preSnapHomeScore 2000"),
}  # fmt: skip


def team(rows: pd.DataFrame) -> str:
    return "team" if "team" in rows.columns else "club"


def other_team(rows: pd.DataFrame) -> str:
    """Not the team of the first player of the file."""
    return next(name for name in rows[team(rows)] if name not in (rows[team(rows)].iloc[0], "football"))


@pytest.mark.parametrize("fault", REJECTED)
def test_a_play_beyond_repair_is_set_aside_and_named(folder, year, sound, fault):
    spoil, outcome, reason, detail = REJECTED[fault]
    key = key_of(folder, year, outcome)
    spoil(folder, year, outcome)
    tracking, whole = read_bowl(folder, weeks=[1]), sound[year]
    rejected = tracking.report.rejected_table()
    assert list(rejected.columns) == ["file", "game_id", "play_id", "reason", "detail"]
    assert rejected[[*KEY, "reason"]].to_numpy().tolist() == [[*key, reason]]
    of_plays = reason == "plays_unlike" or "in a game" in detail
    assert rejected["file"].item() == ("plays.csv" if of_plays else TRACKING[year])
    assert pd.Series(rejected["detail"]).str.fullmatch(detail).all(), rejected["detail"].item()
    assert counts(tracking) == {**dict.fromkeys(big_data_bowl.REASONS, 0), reason: 1}
    # and nothing happened to the others
    for name in ("plays", "frames"):
        expected = getattr(whole, name)
        pd.testing.assert_frame_equal(getattr(tracking, name), expected[~of(expected, key)].reset_index(drop=True))
    assert len(prepare(tracking).plays) == len(whole.plays) - 1


def counts(tracking: Tracking) -> dict[str, int]:
    return {reason: tracking.report[reason] for reason in big_data_bowl.REASONS}


def test_what_2025_annuls_or_spikes_is_named(written, sound, tmp_path):
    folder = shutil.copytree(written[2025], tmp_path / "bowl")
    plays("playNullifiedByPenalty", "Y")(folder, 2025, "C")
    plays("qbSpike", "TRUE")(folder, 2025, "I")
    report = read_bowl(folder, weeks=[1]).report
    expected = {key_of(folder, 2025, "C"): "plays_annulled", key_of(folder, 2025, "I"): "plays_spiked"}
    table = report.rejected_table()
    assert dict(zip(table[KEY].itertuples(index=False, name=None), table["reason"])) == expected
    assert (table["file"] == "plays.csv").all()


def test_many_faults_at_once_are_all_accounted_for(folder, year, sound):
    """Every play of plays.csv is among the plays, or named; the counts are those of the table, a play once."""
    REJECTED["unknown offence"][0](folder, year, "C")
    REJECTED["21 players"][0](folder, year, "C")  # the same play: the first reason counts
    REJECTED["release before the snap"][0](folder, year, "I")
    REJECTED["no place at all"][0](folder, year, "IN")
    REJECTED["no down"][0](folder, year, "S")
    moved(30.0, *range(9, 18))(folder, year, "R")
    tracking = prepare(read_bowl(folder, weeks=[1]))
    table = tracking.report.rejected_table()
    expected = {
        key_of(folder, year, "C"): "plays_unknown_team",
        key_of(folder, year, "I"): "plays_no_release",
        key_of(folder, year, "IN"): "plays_broken",
        key_of(folder, year, "S"): "plays_unlike",
        key_of(folder, year, "R"): "plays_out_of_reach",
    }
    assert dict(zip(table[KEY].itertuples(index=False, name=None), table["reason"])) == expected
    assert not table.duplicated(KEY).any()
    for reason in (*big_data_bowl.REASONS, *REASONS):
        assert tracking.report[reason] == (table["reason"] == reason).sum()
    named = set(table[KEY].itertuples(index=False, name=None))
    kept = set(tracking.plays[KEY].itertuples(index=False, name=None))
    assert not named & kept
    assert named | kept == set(sound[year].plays[KEY].itertuples(index=False, name=None))
    assert "pass_forward in frame 3" not in str(tracking.report)  # the report in print shows counts alone


# --- refused ----------------------------------------------------------------------------------------------------------

TABLES = ("games", "plays", "players", "scouting", "tracking")
NEEDED = {
    "games": "visitorTeamAbbr", "plays": "possessionTeam", "players": "nflId", "scouting": "nflId", "tracking": "y"
}  # fmt: skip
NUMBERS = {"games": "week", "plays": "down", "players": "nflId", "scouting": "playId", "tracking": "x"}


def path_of(folder: Path, year: int, name: str) -> Path:
    return folder / ({"scouting": SCOUTING, "tracking": TRACKING}.get(name, {}).get(year) or f"{name}.csv")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_without_a_column_is_refused(folder, year, name):
    path = path_of(folder, year, name)
    change(path, lambda rows: rows.drop(columns=NEEDED[name]))
    message = rf"{path.name}, line 1: expected the columns .*missing are {NEEDED[name]}\. Correct the header"
    with pytest.raises(ValueError, match=message):
        read_bowl(folder, weeks=[1])


@pytest.mark.parametrize("name", TABLES)
def test_text_where_a_number_belongs_is_refused(folder, year, name):
    path, column = path_of(folder, year, name), NUMBERS[name]
    put(path, 1, column, "many")
    message = rf"{path.name}, line 3, column '{column}', value 'many': expected a number\. 1 of \d+ rows .*correct"
    with pytest.raises(ValueError, match=message):
        read_bowl(folder, weeks=[1])


def test_values_beyond_the_field_in_many_rows_are_another_unit(folder, year):
    """One such row is a fault of the sensor; hundreds are metres for yards, or another column."""
    path = folder / TRACKING[year]
    change(path, lambda rows: rows.assign(y=rows["y"].mask(np.arange(len(rows)) % 50 == 0, "91.44")))
    message = (
        rf"{path.name}, line 2, column 'y', value 91.44: expected a number from -30 to 85 yard; where more than 1% of "
        r"the rows have another, it is another unit or column\. \d+ of \d+ rows break this"
    )
    with pytest.raises(ValueError, match=message):
        read_bowl(folder, weeks=[1])


def test_a_season_of_which_nothing_is_left_is_refused_with_the_reasons(folder, year):
    change(folder / TRACKING[year], renamed("ball_snap", "huddle"))
    with pytest.raises(ValueError, match=r"expected dropbacks .* and none is left: {'plays_no_snap': 14}, 0 no"):
        read_bowl(folder, weeks=[1])


# --- tables of one's own, prepared ------------------------------------------------------------------------------------


def with_moments(tracking: Tracking, row: int, snap: int, release: int) -> Tracking:
    plays = tracking.plays.copy()
    plays.loc[row, ["snap_frame", "release_frame"]] = [snap, release]
    return dataclasses.replace(tracking, plays=plays)


@pytest.mark.parametrize(("snap", "release"), [(0, 20), (20, 10), (6, 10_000)])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_play_without_a_snap_and_then_a_release_is_set_aside(sound, snap, release, shuffled):
    tracking = with_moments(sound[2023], 3, snap, release)
    bad = tracking.plays.iloc[3]
    if shuffled:  # the table of plays may be in another order than the frames
        tracking = dataclasses.replace(tracking, plays=tracking.plays[::-1].reset_index(drop=True))
    done = prepare(tracking)
    key = (bad["game_id"], bad["play_id"])
    length = of(sound[2023].frames, key).sum() // 23
    detail = f"snap {snap}, release {release}, {length} frames"
    assert done.report.rejected == (Rejected(bad["file"], bad["game_id"], bad["play_id"], "plays_no_moments", detail),)
    assert done.report["plays_no_moments"] == 1
    whole = prepare(sound[2023])
    pd.testing.assert_frame_equal(done.frames, whole.frames[~of(whole.frames, key)].reset_index(drop=True))
    assert set(done.plays["play_id"]) == set(whole.plays["play_id"]) - {bad["play_id"]}
    schema.check(done.plays, done.frames, FOOTBALL)
    assert prepare(done).report.rejected == done.report.rejected  # once more changes nothing
    assert prepare(done).report["plays_no_moments"] == 1


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("end", ["their goal line", "the own goal line"])
def test_a_play_whose_gain_passes_a_goal_line_is_set_aside(sound, end, more):
    plays = sound[2023].plays.copy()
    play, to_goal = plays.iloc[4], int(plays["yards_to_goal"].iloc[4])
    gain = to_goal + more if end == "their goal line" else to_goal - 100 - more
    plays.loc[plays.index[4], "yards_gained"] = gain
    done = prepare(dataclasses.replace(sound[2023], plays=plays))
    detail = f"a gain of {gain}, {to_goal} yards to goal"
    expected = (Rejected(play["file"], play["game_id"], play["play_id"], "plays_beyond_goal", detail),)
    assert done.report.rejected == expected * more
    assert done.report["plays_beyond_goal"] == more
    assert len(done.plays) == len(plays) - more


@pytest.mark.parametrize("more", [0, 1])
def test_a_play_whose_player_is_out_of_reach_too_long_is_set_aside(sound, more):
    """Whoever jumps away for good is held back until he could have run there."""
    tracking = sound[2023]
    moments = tracking.plays["release_frame"] - tracking.plays["snap_frame"] + 1
    row = np.flatnonzero(moments % round(1 / MAX_MOVED) == 0)[0]  # so that the share can be just that
    play, between = tracking.plays.iloc[row], moments[row]
    held = round(MAX_MOVED * between) + more
    frames = tracking.frames.copy()
    mine = one_track(frames, (play["game_id"], play["play_id"]))
    frames.loc[mine & frames["frame_id"].between(SNAP + 2, SNAP + 1 + held), "y"] += np.float32(25.0)
    done = prepare(dataclasses.replace(tracking, frames=frames))
    assert done.report["repaired_rows"] == held
    assert done.report["plays_out_of_reach"] == more
    assert len(done.plays) == len(tracking.plays) - more
    share = f"{held / between:.0%} of one player's frames"
    expected = (Rejected(play["file"], play["game_id"], play["play_id"], "plays_out_of_reach", share),)
    assert done.report.rejected == expected * more


def test_out_of_reach_before_the_snap_or_after_the_release_is_no_reason(sound):
    tracking = sound[2023]
    play = tracking.plays.iloc[2]
    frames = tracking.frames.copy()
    outside = (frames["frame_id"] > 1) & ~frames["frame_id"].between(play["snap_frame"] - 1, play["release_frame"])
    away = of(frames, (play["game_id"], play["play_id"])) & outside
    frames.loc[away, "x"] += np.float32(20.0)
    done = prepare(dataclasses.replace(tracking, frames=frames))
    assert done.report["repaired_rows"] == away.sum() // 23 * 22  # everybody but the ball
    assert done.report.rejected == ()


def test_who_reappears_after_a_hole_is_measured_by_the_time_that_has_passed(sound):
    """Five frames unseen, then six yards on: 10 yard/s, which is credible; from the filled row it would be 60."""
    tracking = sound[2023]
    frames = tracking.frames.copy()
    mine = one_track(frames, tuple(tracking.plays[KEY].iloc[2]))
    frames.loc[mine & frames["frame_id"].between(8, 12), "repaired"] = True
    frames.loc[mine & (frames["frame_id"] >= 8), "x"] += np.float32(6.0)
    done = repair_jumps(repair_holes(dataclasses.replace(tracking, frames=frames)))
    assert done.report["jumps"] == 0
    later = frames.assign(x=frames["x"] + np.float32(20.0) * (mine & (frames["frame_id"] == 16)))
    done = repair_jumps(repair_holes(dataclasses.replace(tracking, frames=later)))
    assert (done.report["jumps"], done.report["repaired_rows"]) == (2, 1)  # there and back, and nothing more
    seen = dataclasses.replace(tracking, frames=frames.assign(repaired=False))
    assert repair_jumps(repair_holes(seen)).report["jumps"] == 1


def test_a_hole_after_a_place_out_of_reach_is_held_where_the_player_was_before(sound):
    tracking = sound[2023]
    frames = tracking.frames.copy()
    mine = one_track(frames, tuple(tracking.plays[KEY].iloc[2]))
    frames.loc[mine & (frames["frame_id"] == 8), "x"] += np.float32(20.0)
    frames.loc[mine & frames["frame_id"].isin([9, 10]), "repaired"] = True
    done = repair_jumps(repair_holes(dataclasses.replace(tracking, frames=frames)))
    track = done.frames[mine].set_index("frame_id")
    assert (track.loc[[8, 9, 10], "x"] == track.loc[7, "x"]).all()
    assert track["repaired"].sum() == 3
    assert done.report["repaired_rows"] == 1
    velocity = add_velocities(done).frames[mine].set_index("frame_id")["velocity_x"]
    assert velocity.loc[[8, 9, 10]].isna().all()
    assert velocity[11] == pytest.approx((track.loc[11, "x"] - track.loc[7, "x"]) * 10 / 4, abs=1e-4)


def test_when_no_play_is_left_the_reasons_are_told(sound):
    plays = sound[2023].plays
    backwards = plays.assign(snap_frame=plays["release_frame"], release_frame=plays["snap_frame"])
    message = r"all are set aside: {'plays_no_moments': 14}\. The last, play \d+ of game \d+, has snap \d+, release 6, "
    with pytest.raises(ValueError, match=message):
        prepare(dataclasses.replace(sound[2023], plays=backwards))


def test_one_football_play_is_refused_by_cut_and_set_aside_by_prepare(sound):
    tracking = with_moments(sound[2023], 3, 20, 10)
    with pytest.raises(ValueError, match="values 20 and 10: expected 1 <= snap_frame"):
        cut(tracking)
    assert len(prepare(tracking).plays) == len(tracking.plays) - 1


def spoiled(tracking: Tracking, change: Callable[[pd.DataFrame, pd.DataFrame], tuple]) -> Tracking:
    plays, frames = change(tracking.plays.copy(), tracking.frames.copy())
    return dataclasses.replace(tracking, plays=plays, frames=frames)


def cell(column: str, value: float) -> Callable:
    def change(plays, frames):
        frames.loc[40, column] = value
        return plays, frames

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cell("x", np.nan), r"frames, row 40, column 'x', value .*nan.*: expected a number from -30"),
        (cell("y", np.inf), r"frames, row 40, column 'y', value .*inf.*: expected a number from -30"),
        (lambda p, f: (p, f.drop(index=30)), r"frames, row 23, column 'player_id', value 22 rows .*expected 23 rows"),
        (
            lambda p, f: (p, f.drop(index=[30, *range(46, 68)])),
            r"frames, row 23, column 'player_id', value 22 rows .*expected 23 rows",
        ),
        (lambda p, f: (p[1:], f), r"frames, row 0, .*expected a play that the table 'plays' has too"),
        (lambda p, f: (p, f[f["play_id"] != p["play_id"][0]]), r"plays, row 0, .*that the table 'frames' has too"),
    ],
)
def test_tables_that_prepare_would_misread_are_refused(sound, change, message):
    with pytest.raises(SchemaError, match=message):
        prepare(spoiled(sound[2023], change))
