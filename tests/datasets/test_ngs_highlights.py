"""The reader of the NGS highlights: what is in a file comes back, every quirk is met and counted, faults are shown."""

from __future__ import annotations

import hashlib
import http.server
import lzma
import os
import re
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qbsbp import schema
from qbsbp.datasets import _files, ngs_highlights
from qbsbp.datasets._files import DataNotFound, Published
from qbsbp.datasets.ngs_highlights import QUIRKS, SOURCE, outcome, read
from qbsbp.schema import FOOTBALL
from tests.highlight_cases import (
    LINE,
    OFFENCE,
    RELEASE,
    SNAP,
    STEPS,
    TEXT,
    TO_GOAL,
    highlights,
    needs_highlights,
    ngs_name,
    ngs_rows,
    ngs_text,
    player_id,
    write_ngs,
)  # fmt: skip

KEY = ["game_id", "play_id"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return ngs_rows()


def parse(directory: Path, *plays: pd.DataFrame, **options):
    return read(write_ngs(directory, *plays), verify=False, progress=False, **options)


# --- what comes back --------------------------------------------------------------------------------------------------


def test_every_cell_of_a_file_comes_back_under_its_name(rows, tmp_path):
    tracking = parse(tmp_path, rows)
    assert tracking.layout is FOOTBALL
    schema.check(tracking.plays, tracking.frames, FOOTBALL)
    assert tracking.plays.iloc[0].to_dict() == {
        "game_id": 2018090901, "play_id": 55, "season": 2018, "week": 1, "offence_team": "LEF", "defence_team": "RIG",
        "quarter": 2, "clock": 272.0, "down": 3, "yards_to_go": 8, "line_of_scrimmage": float(LINE),
        "yards_to_goal": TO_GOAL, "score_difference": -3, "play_direction": "right", "outcome": "complete",
        "yards_gained": 37, "touchdown": False, "passer_id": player_id("Pat Passer"),
        "target_id": player_id("Tom O'Target Jr."), "snap_frame": SNAP + 1, "release_frame": RELEASE + 1,
        "play_action": True, "offence_personnel": "1 RB, 1 TE, 3 WR", "defence_personnel": "4 DL, 2 LB, 5 DB",
        "file": "2018_LEF_2018090901_55.tsv",
    }  # fmt: skip
    frames = tracking.frames
    assert len(frames) == STEPS * 23
    assert "Passer" not in frames.to_csv() + tracking.plays.drop(columns="file").to_csv()  # names are not kept
    written = rows.assign(player_id=rows["nflId"].fillna(0).astype(int), frame_id=rows["frame"] + 1)
    both = frames.merge(written, on=["frame_id", "player_id"], suffixes=("", "_file"), validate="one_to_one")
    assert len(both) == len(frames)
    for ours, theirs in (("x", "x_file"), ("y", "y_file"), ("speed", "s"), ("orientation", "o"), ("direction", "dir")):
        np.testing.assert_array_equal(both[ours], both[theirs], err_msg=ours)
    assert (both["position"].astype(str) == both["positionGroup"].fillna("ball")).all()
    side = both["possessionFlag"].map({1: "offence", 0: "defence"}).fillna("ball")
    assert (both["side"].astype(str) == side).all()
    event = frames.iloc[::23]["event"].astype(str).to_numpy()
    assert dict(enumerate(event)) == dict.fromkeys(range(STEPS), "none") | {
        2: "other", SNAP: "ball_snap", SNAP + 4: "play_action", RELEASE: "pass_forward", STEPS - 1: "other",
    }  # fmt: skip


def test_acceleration_is_the_change_of_speed_since_the_moment_before(rows, tmp_path):
    frames = parse(tmp_path, rows).frames
    grid = {name: frames[name].to_numpy().reshape(-1, 23) for name in ("speed", "acceleration")}
    assert np.isnan(grid["acceleration"][:, 0]).all()
    assert np.isnan(grid["acceleration"][0]).all()
    change = 10 * np.abs(grid["speed"][1:, 1:] - grid["speed"][:-1, 1:])
    np.testing.assert_allclose(grid["acceleration"][1:, 1:], change, atol=1e-9)
    assert change.max() > 3


def test_a_play_to_the_left_is_turned(rows, tmp_path):
    right = parse(tmp_path / "right", rows)
    left = parse(tmp_path / "left", ngs_rows(direction="left"))
    assert left.report["plays_turned"] == 1
    assert right.report["plays_turned"] == 0
    pd.testing.assert_frame_equal(left.plays.drop(columns="play_direction"), right.plays.drop(columns="play_direction"))
    assert left.plays["play_direction"].tolist() == ["left"]
    pd.testing.assert_frame_equal(left.frames, right.frames, check_exact=False, rtol=0, atol=0.0101)


def test_plays_are_sorted_whatever_their_files_are_called(rows, tmp_path):
    keys = ((2019, 2018090902, 7), (2018, 2018090903, 9), (2018, 2018090902, 8))
    plays = [ngs_rows(season=season, gameId=game, playId=play) for season, game, play in keys]
    tracking = parse(tmp_path, *plays)
    assert tracking.plays[KEY].to_numpy().tolist() == [[2018090902, 7], [2018090902, 8], [2018090903, 9]]
    assert tracking.plays["season"].tolist() == [2019, 2018, 2018]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, ("complete", 37)),
        ("P.Passer pass deep left to T.Target for 1 yard, TOUCHDOWN.", ("complete", 1)),
        ("P.Passer pass short left to T.Target to RIG 40 for -4 yards (B.Back).", ("complete", -4)),
        ("P.Passer pass short left to T.Target to RIG 40 for no gain (B.Back).", ("complete", 0)),
        ("P.Passer pass to T.Target for 5 yards. Lateral to W.Wide for 20 yards.", ("complete", 5)),
        ("P.Passer pass incomplete deep left to T.Target.", ("incomplete", 0)),
        ("P.Passer pass intended for T.Target INTERCEPTED by B.Back at RIG 3. B.Back for 97 yards, TOUCHDOWN.",
         ("interception", 0)),
        ("P.Passer pass incomplete to T.Target. The play was REVERSED. P.Passer pass to T.Target for 9 yards.",
         ("complete", 9)),
        ("P.Passer pass to T.Target for 60 yards, TOUCHDOWN. The play was REVERSED. P.Passer pass to T.Target for 12 "
         "yards. The play was REVERSED. P.Passer pass incomplete to T.Target.", ("incomplete", 0)),
    ],
)  # fmt: skip
def test_yards_come_from_the_last_telling_of_the_text(text, expected):
    assert outcome(text) == expected


def test_a_text_without_an_outcome_is_refused():
    with pytest.raises(ValueError, match=r"value 'P.Passer pass to T.Target.': expected INTERCEPTED, incomplete, or a"):
        outcome("P.Passer pass to T.Target.")
    with pytest.raises(ValueError, match=r"after the last REVERSED\."):
        outcome("Pass for 9 yards. The play was REVERSED. Nothing.")


def test_a_touchdown_is_a_gain_of_all_the_yards(tmp_path):
    texts = {
        1: f"P.Passer pass deep to T.O'Target for {TO_GOAL} yards, TOUCHDOWN.",
        2: "P.Passer pass deep to T.O'Target for 20 yards, FUMBLES, recovered by S.Slot for 50 yards, TOUCHDOWN.",
        3: "P.Passer pass deep intended for T.O'Target INTERCEPTED by B.Back. B.Back for 80 yards, TOUCHDOWN.",
    }
    plays = parse(tmp_path, *(ngs_rows(playId=play, text=text) for play, text in texts.items())).plays
    assert plays["touchdown"].tolist() == [True, False, False]
    assert plays["yards_gained"].tolist() == [TO_GOAL, 20, 0]


# --- quirks -----------------------------------------------------------------------------------------------------------


def at(rows: pd.DataFrame, *steps: int, ball: bool | None = None) -> pd.Series:
    where = rows["frame"].isin(steps)
    return where if ball is None else where & ((rows["displayName"] == "ball") == ball)


def twice(rows, step, tag, times=2):
    """All rows of one moment again, once for each further tag."""
    return pd.concat([rows, *(rows[at(rows, step)].assign(event=tag) for _ in range(times - 1))], ignore_index=True)


def tagged(rows, **tags):
    """The rows with other tags in place of some."""
    return rows.assign(event=rows["event"].map(lambda tag: tags.get(tag, tag)))


def counting_from(rows, offset):
    return rows.assign(frame=rows["frame"] + np.where(rows["displayName"] == "ball", offset, 0))


def without(rows, name, *steps):
    return rows[~(at(rows, *steps) & (rows["displayName"] == name))]


def renamed(rows, text):
    return rows.assign(playDescription=text)


CLEAN = dict.fromkeys(QUIRKS, 0) | {"rows": STEPS * 23, "frames": STEPS, "tags_other": 2}
PLAYER = OFFENCE[2][0]
CASES = {
    "nothing": (lambda rows: rows, {}),
    "two tags at one moment of the play": (
        lambda rows: twice(rows, SNAP + 4, "man_in_motion"),
        {"rows": STEPS * 23 + 23, "rows_repeated": 23, "rows_repeated_in_play": 22, "files_rows_repeated": 1},
    ),
    "three tags at one moment after the play": (
        lambda rows: twice(rows, STEPS - 1, "penalty_flag", 3),
        {"rows": STEPS * 23 + 46, "rows_repeated": 46, "files_rows_repeated": 1, "tags_other": 3},
    ),
    "counter differs": (lambda rows: counting_from(rows, 9), {"files_counter_differs": 1}),
    "snap_direct": (lambda rows: tagged(rows, ball_snap="snap_direct"), {"files_snap_direct": 1}),
    "shovel": (lambda rows: tagged(rows, pass_forward="pass_shovel"), {"files_shovel": 1}),
    "two releases": (
        lambda rows: tagged(rows, play_action="pass_forward"), {"files_two_releases": 1, "tags_other": 3}
    ),
    "midfield": (
        lambda rows: rows.assign(yardlineSide=np.nan, yardlineNumber=np.nan), {"files_yardline_empty": 1}
    ),
    "side empty": (lambda rows: rows.assign(yardlineSide=np.nan), {"files_yardline_empty": 1}),
    "reversed": (
        lambda rows: renamed(rows, f"T.End pass to R.Runner for 2 yards. REVERSED. {TEXT}"), {"files_text_reversed": 1}
    ),
    "ball missing before": (
        lambda rows: without(rows, "ball", 1), {"files_ball_missing": 1, "rows": STEPS * 23 - 1, "frames": STEPS - 2,
                                                "frames_cut": 2}
    ),
    "player missing after": (
        lambda rows: without(rows, PLAYER, 25, 27, 28),
        {"files_players_missing": 1, "rows": STEPS * 23 - 3, "frames": 25, "frames_cut": 5},
    ),
    "players gone after": (
        lambda rows: rows[~at(rows, STEPS - 1, ball=False)],
        {"files_players_gone": 1, "rows": STEPS * 23 - 22, "frames": STEPS - 1, "frames_cut": 1},
    ),
    "a moment without rows": (
        lambda rows: rows[~at(rows, 3)], {"rows": STEPS * 23 - 23, "frames": STEPS - 4, "frames_cut": 4,
                                          "files_ball_missing": 1}
    ),
    "another passer": (
        lambda rows: renamed(rows, TEXT.replace("P.Passer pass", "P.Passer hands to R.Runner. 4-R.Runner pass")),
        {"passers_elsewhere": 1, "passers_no_quarterback": 1},
    ),
    "passer not named": (
        lambda rows: renamed(rows, TEXT.replace("P.Passer", "N.Nobody")), {"passers_by_place": 1}
    ),
    "two of the passer's name": (
        lambda rows: rows.assign(displayName=rows["displayName"].replace("Walt Wide", "Paul Passer III")),
        {"passers_by_place": 1},
    ),
    "target not named": (
        lambda rows: renamed(rows, TEXT.replace("T.O'Target", "N.Nobody")), {"targets_unknown": 1}
    ),
    "kicker on the field": (
        lambda rows: rows.assign(positionGroup=rows["positionGroup"].replace("RB", "SPEC")), {}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_quirk_is_handled_and_counted(rows, tmp_path, case):
    change, expected = CASES[case]
    tracking = parse(tmp_path, change(rows))
    counted = {name: tracking.report[name] for name in QUIRKS}
    assert counted == CLEAN | expected
    schema.check(tracking.plays, tracking.frames, FOOTBALL)
    # What every one of them leaves alone: the frames from snap to release, to the digit.
    clean = parse(tmp_path / "clean", rows)
    columns = ["player_id", "side", "x", "y", "speed", "direction", "orientation"]
    pd.testing.assert_frame_equal(in_play(tracking)[columns], in_play(clean)[columns])


def in_play(tracking):
    play, frames = tracking.plays.iloc[0], tracking.frames
    return frames[frames["frame_id"].between(play["snap_frame"], play["release_frame"])].reset_index(drop=True)


def event_at(tracking, step: int) -> str:
    first = SNAP + 1 - tracking.plays["snap_frame"].iloc[0]  # steps dropped at the start
    return str(tracking.frames["event"].iloc[23 * (step - first)])


def test_of_two_tags_the_one_that_matters_more_is_kept(rows, tmp_path):
    for number, (step, tag, expected) in enumerate(
        [(SNAP, "man_in_motion", "ball_snap"), (RELEASE, "penalty_flag", "pass_forward"),
         (STEPS - 1, "pass_outcome_caught", "pass_outcome_caught"), (SNAP + 4, "shift", "play_action")]
    ):  # fmt: skip
        assert event_at(parse(tmp_path / str(number), twice(rows, step, tag)), step) == expected


def test_a_pass_backwards_is_no_release(rows, tmp_path):
    tracking = parse(tmp_path, tagged(rows, play_action="pass_forward"))
    assert event_at(tracking, SNAP + 4) == "other"
    assert tracking.plays["release_frame"].iloc[0] == RELEASE + 1
    assert not tracking.plays["play_action"].iloc[0]


def test_the_kept_run_is_the_longest_complete_one_around_the_play(rows, tmp_path):
    tracking = parse(tmp_path, without(without(rows, PLAYER, 0, 2, 26), "ball", 28))
    play = tracking.plays.iloc[0]
    assert (play["snap_frame"], play["release_frame"]) == (SNAP + 1 - 3, RELEASE + 1 - 3)
    assert tracking.frames["frame_id"].max() == 26 - 3


def test_passer_and_target_when_the_text_does_not_say(rows, tmp_path):
    other = renamed(rows, TEXT.replace("P.Passer pass", "P.Passer hands to R.Runner. 4-R.Runner pass"))
    assert parse(tmp_path / "other", other).plays["passer_id"].tolist() == [player_id("Rob Runner")]
    nobody = renamed(rows, TEXT.replace("P.Passer", "N.Nobody").replace("T.O'Target", "N.Nobody"))
    play = parse(tmp_path / "nobody", nobody).plays.iloc[0]
    assert (play["passer_id"], play["target_id"]) == (player_id("Pat Passer"), 0)


def test_a_play_under_both_teams_names_is_kept_once(rows, tmp_path):
    write_ngs(tmp_path, rows)
    (tmp_path / ngs_name(rows, "RIG")).write_bytes(ngs_text(rows))
    tracking = read(tmp_path, verify=False, progress=False)
    assert len(tracking.plays) == 1
    assert (tracking.report["files"], tracking.report["files_repeated"]) == (2, 1)
    assert read(tmp_path, verify=False, progress=False, plays=1).report["files"] == 1
    (tmp_path / ngs_name(rows, "RIG")).write_bytes(ngs_text(rows.assign(week=2)))
    with pytest.raises(ValueError, match=r"RIG_2018090901_55.tsv: expected play 55 of game 2018090901 once, or twice"):
        read(tmp_path, verify=False, progress=False)


# --- malformed --------------------------------------------------------------------------------------------------------


def cell(rows, column, value, row=40):
    changed = rows.astype({column: object})
    changed.iloc[row, changed.columns.get_loc(column)] = value
    return changed


def all_of(rows, **facts):
    return rows.assign(**facts)


MALFORMED = {
    "a column less": (lambda rows: rows.drop(columns="dir"), r"line 1: expected the columns .* missing are dir"),
    "a column more": (lambda rows: rows.assign(a=1.0), r"line 1: .* unknown are a"),
    "no rows": (lambda rows: rows[:0], r"expected rows and found only a header"),
    "x is a word": (lambda rows: cell(rows, "x", "here"), r"line 42, column 'x', value 'here': expected a finite"),
    "no speed": (lambda rows: cell(rows, "s", np.nan), r"line 42, column 's', value nothing: expected a finite"),
    "far away": (lambda rows: cell(rows, "y", 2200.0), r"column 'y', value 2200.0: expected a number from -30 to 85"),
    "no direction": (lambda rows: cell(rows, "dir", np.nan), r"column 'dir', value nothing"),
    "angle": (lambda rows: cell(rows, "o", 361.0), r"column 'o', value 361.0: expected a number from 0 to 360 degree"),
    "no id": (lambda rows: cell(rows, "nflId", np.nan), r"column 'nflId', value nothing: expected a finite number"),
    "id 0": (lambda rows: cell(rows, "nflId", 0.0), r"column 'nflId', value 0.0: expected a positive number"),
    "no time": (lambda rows: cell(rows, "time", "noon"), r"column 'time', value 'noon': expected a time as in"),
    "between times": (
        lambda rows: cell(rows, "time", "2018-09-10 01:02:04.430"),
        r"line 42, column 'time', .*expected steps of 0.1 s",
    ),
    "an hour later": (
        lambda rows: rows.assign(time=rows["time"].where(~at(rows, 29), "2018-09-10 02:02:06.300")),
        r"column 'time', .*expected no more than ten minutes in a file",
    ),
    "two plays": (lambda rows: cell(rows, "playId", 56), r"line 42, column 'playId', value 56: expected the value of"),
    "another game's name": (lambda rows: rows.assign(gameId=2018090902), r"'gameId', .*expected 2018090901, as in the"),
    "a run": (lambda rows: all_of(rows, playType="play_type_rush"), r"column 'playType', .*expected play_type_pass"),
    "no way": (lambda rows: all_of(rows, playDirection="up"), r"column 'playDirection', value 'up': expected left or"),
    "fifth down": (lambda rows: all_of(rows, down=5), r"column 'down', value 5: expected an integer from 1 to 4"),
    "nothing to go": (lambda rows: all_of(rows, yardsToGo=0), r"column 'yardsToGo', value 0: expected an integer from"),
    "clock": (lambda rows: all_of(rows, gameClock="4 min"), r"column 'gameClock', .*expected minutes and seconds"),
    "beyond": (lambda rows: all_of(rows, absoluteYardlineNumber=118), r"expected a gain of at most the -8 yards"),
    "in the end zone": (
        lambda rows: all_of(rows, absoluteYardlineNumber=9), r"'absoluteYardlineNumber', value 9: expected an integer"
    ),
    "no outcome": (lambda rows: renamed(rows, "P.Passer pass."), r"column 'playDescription', .*expected INTERCEPTED"),
    "too long a gain": (
        lambda rows: renamed(rows, "P.Passer pass to T.O'Target for 71 yards, TOUCHDOWN."),
        r"expected a gain of at most the 70 yards to the goal line, came 71",
    ),
    "no ball": (lambda rows: rows[rows["displayName"] != "ball"], r"expected rows of the ball, named ball"),
    "21 players": (lambda rows: rows[rows["displayName"] != PLAYER], r"11 players with possession .* found 10 and 11"),
    "12 of a side": (
        lambda rows: rows.assign(
            possessionFlag=rows["possessionFlag"].where(rows["displayName"] != PLAYER, 0.0),
            teamAbbr=rows["teamAbbr"].where(rows["displayName"] != PLAYER, "RIG"),
            homeTeamFlag=rows["homeTeamFlag"].where(rows["displayName"] != PLAYER, 0.0),
        ),
        r"11 without, found 10 and 12",
    ),
    "changes sides": (
        lambda rows: cell(cell(cell(rows, "possessionFlag", 0.0), "teamAbbr", "RIG"), "homeTeamFlag", 0.0),
        r"column 'possessionFlag', value 0.0: expected the same for all rows of a player",
    ),
    "a player of a third team": (
        lambda rows: rows.assign(teamAbbr=rows["teamAbbr"].where(rows["displayName"] != "Dan Down0", "XYZ")),
        r"expected one team with possessionFlag 0, came .*XYZ",
    ),
    "x infinite": (lambda rows: cell(rows, "x", np.inf), r"column 'x', value inf: expected a finite number"),
    "no x": (lambda rows: cell(rows, "x", np.nan), r"column 'x', value nothing: expected a finite number"),
    "two teams": (lambda rows: cell(rows, "teamAbbr", "LEG"), r"expected one team with possessionFlag 1, came .*LEG"),
    "position": (lambda rows: cell(rows, "positionGroup", "GK"), r"'positionGroup', value 'GK': expected one of"),
    "no snap": (lambda rows: tagged(rows, ball_snap=None), r"one moment tagged ball_snap or snap_direct, found 0"),
    "two snaps": (lambda rows: tagged(rows, line_set="ball_snap"), r"expected one moment tagged .*, found 2"),
    "no release": (lambda rows: tagged(rows, pass_forward="pass_arrived"), r"after the snap, found 0 in the file"),
    "release before snap": (
        lambda rows: tagged(rows, pass_forward=None, line_set="pass_forward"), r"after the snap, found 1 in the file"
    ),
    "a hole in the play": (
        lambda rows: without(rows, PLAYER, SNAP + 3, SNAP + 4),
        rf"01:02:04.300000: expected 22 .* lacks {player_id(PLAYER)} \(2 of 16 moments",
    ),
    "no ball at release": (lambda rows: without(rows, "ball", RELEASE), r"this moment lacks the ball"),
    "said twice and differently": (
        lambda rows: pd.concat([rows, rows[40:41].assign(x=50.0)], ignore_index=True),
        r"column 'x', .*expected the same in all rows of one player at one time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused_or_set_aside_with_its_reason(rows, tmp_path, case):
    change, message = MALFORMED[case]
    write_ngs(tmp_path, ngs_rows(playId=54), ngs_rows(playId=56))
    (tmp_path / ngs_name(rows)).write_bytes(ngs_text(change(rows)))
    with pytest.raises(ValueError, match=rf"(?s)^2018_LEF_2018090901_55\.tsv.*{message}"):
        read(tmp_path, verify=False, progress=False)
    tracking = read(tmp_path, verify=False, progress=False, malformed="set aside")
    assert tracking.plays["play_id"].tolist() == [54, 56]
    assert [tracking.report[name] for name in ("files", "files_set_aside", "plays")] == [3, 1, 2]
    (rejected,) = tracking.report.rejected
    named = ("2018_LEF_2018090901_55.tsv", 2018090901, 55, "files_set_aside")
    assert (rejected.file, rejected.game_id, rejected.play_id, rejected.reason) == named
    assert re.search(message, rejected.detail, re.DOTALL)
    assert rejected.detail not in str(tracking.report)
    (tmp_path / ngs_name(ngs_rows(playId=54))).unlink()
    (tmp_path / ngs_name(ngs_rows(playId=56))).unlink()
    with pytest.raises(ValueError, match=r"(?s)expected at least one file in order, and all are set aside:\n.*_55.tsv"):
        read(tmp_path, verify=False, progress=False, malformed="set aside")


def test_a_file_that_is_no_table_is_refused(rows, tmp_path):
    write_ngs(tmp_path, rows)
    for content in (b"", b"\xff\xfe\x00", b"a\tb\nc\td\te\n"):
        (tmp_path / ngs_name(rows)).write_bytes(content)
        with pytest.raises(ValueError, match=r"_55.tsv(, line 1)?: expected (tab-separated text with )?the columns"):
            read(tmp_path, verify=False, progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plays": 0}, r"plays: expected at least 1, or None for all, came 0"),
        ({"plays": 411}, r"plays: expected at most the 4\d\d that were published, came 411"),
        ({"malformed": "drop"}, r"malformed: expected one of raise, set aside, came 'drop'"),
        ({"verify": False}, r"verify=False: expected with it a directory"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        read(**({"progress": False} | options))


def test_a_directory_with_too_few_files_is_refused(rows, tmp_path):
    write_ngs(tmp_path, rows)
    with pytest.raises(FileNotFoundError, match=r"expected at least 2 files named .*, and found 1"):
        read(tmp_path, verify=False, plays=2, progress=False)
    with pytest.raises(FileNotFoundError, match=r"has 0 of 412 files, .*Expected at least 1 files of the published"):
        read(tmp_path, progress=False)


# --- the download -----------------------------------------------------------------------------------------------------


class Handler(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self):
        Handler.asked.append(Path(self.path).name)
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Four plays, one of them twice, at a publisher on this machine; of one only git's checksum is known."""
    monkeypatch.delenv("QBSBP_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    Handler.asked.clear()
    folder, files = tmp_path / "published/play_data", []
    folder.mkdir(parents=True)
    for play, team in ((51, "LEF"), (51, "RIG"), (52, "LEF"), (53, "LEF"), (54, "LEF")):
        rows = ngs_rows(playId=play)
        name, content = ngs_name(rows, team), ngs_text(rows)
        (folder / name).write_bytes(content)
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        known = play != 52
        files.append(
            Published(f"play_data/{name}", len(content) if known else None,
                      hashlib.sha256(content).hexdigest() if known else "", "" if known else git)
        )  # fmt: skip
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder.parent)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        source = _files.Source(
            name="ngs_highlights", title="NGS highlights", address=f"http://127.0.0.1:{server.server_port}/",
            licence="none", cite="nobody", partial=True, compressed=True,
        )  # fmt: skip
        vars(source)["files"] = tuple(files)
        monkeypatch.setattr(ngs_highlights, "SOURCE", source)
        yield folder
        server.shutdown()
        thread.join()


def cached(tmp_path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache/qbsbp/ngs_highlights").rglob("*") if path.is_file())


def test_the_chosen_number_of_plays_is_downloaded_and_kept_compressed(published, tmp_path):
    with pytest.raises(DataNotFound, match=r"fetch ngs_highlights` once, with `plays` or --files for a part of it"):
        read(progress=False)
    tracking = read(download=True, plays=2, progress=False)
    assert tracking.plays["play_id"].tolist() == [51, 52]  # two plays, not one under its two names
    assert Handler.asked == ["2018_LEF_2018090901_51.tsv", "2018_LEF_2018090901_52.tsv"]
    assert cached(tmp_path) == [f"{name}.xz" for name in Handler.asked]
    stored = tmp_path / "cache/qbsbp/ngs_highlights/play_data/2018_LEF_2018090901_52.tsv.xz"
    assert lzma.decompress(stored.read_bytes()) == (published / stored.stem).read_bytes()
    assert "files from download, checksums verified" in tracking.report.source

    Handler.asked.clear()
    for options, source in (({"plays": 2}, "cache"), ({}, "cache"), ({"plays": 1, "download": True}, "cache")):
        assert f"files from {source}" in read(progress=False, **options).report.source
    assert not Handler.asked
    more = read(download=True, plays=3, progress=False)
    assert more.plays["play_id"].tolist() == [51, 52, 53]
    assert Handler.asked == ["2018_LEF_2018090901_53.tsv"]
    assert len(read(download=True, progress=False).plays) == 4  # all, though the cache has some
    assert len(cached(tmp_path)) == 5


def test_an_interrupted_download_goes_on_where_it_stopped(published, tmp_path, capsys):
    (published / "2018_LEF_2018090901_53.tsv").rename(published / "elsewhere")
    with pytest.raises(ConnectionError, match=r"_53.tsv could not be downloaded .* 2 of 4 files are in .* call again"):
        read(download=True, plays=4, progress=False)
    assert len(cached(tmp_path)) == 2
    (published / "elsewhere").rename(published / "2018_LEF_2018090901_53.tsv")
    Handler.asked.clear()
    assert len(read(download=True, plays=4).plays) == 4
    assert Handler.asked == ["2018_LEF_2018090901_53.tsv", "2018_LEF_2018090901_54.tsv"]
    bars = capsys.readouterr().err
    assert "2/2" in bars  # of the download
    assert "4/4" in bars  # of the reading


@pytest.mark.parametrize(("play", "kind"), [(51, "sha256"), (52, "git blob sha1")])
def test_what_arrives_changed_is_refused_by_the_checksum_there_is(published, tmp_path, play, kind):
    file = published / f"2018_LEF_2018090901_{play}.tsv"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"_{play}.tsv: expected .*{kind} \w+, as NGS .* Nothing was kept"):
        read(download=True, plays=2, progress=False)
    assert not any(f"_{play}.tsv" in name for name in cached(tmp_path))


def test_a_spoiled_file_of_the_cache_is_refused_set_aside_and_fetched_again(published, tmp_path):
    read(download=True, plays=2, progress=False)
    spoiled = tmp_path / "cache/qbsbp/ngs_highlights/play_data/2018_LEF_2018090901_51.tsv.xz"
    for content, reason in ((b"spoiled", "cannot be uncompressed"), (lzma.compress(b"spoiled"), "is truncated")):
        spoiled.write_bytes(content)
        with pytest.raises(ValueError, match=rf"_51.tsv.xz: expected .*{reason}"):
            read(progress=False)
        tracking = read(progress=False, malformed="set aside")
        assert tracking.plays["play_id"].tolist() == [52]
        assert [(play.play_id, reason in play.detail) for play in tracking.report.rejected] == [(51, True)]
    Handler.asked.clear()
    _files.fetch(ngs_highlights.SOURCE, count=2, progress=False)
    assert Handler.asked == ["2018_LEF_2018090901_51.tsv"]
    assert read(progress=False, plays=2).plays["play_id"].tolist() == [51, 52]


# --- the published files ----------------------------------------------------------------------------------------------


def test_the_manifest_names_every_play_and_a_checksum_of_each():
    assert len(SOURCE.files) == 412
    assert all(len(file.sha256) == 64 or (file.size is None and len(file.git_blob_sha1) == 40) for file in SOURCE.files)
    assert sum(not file.sha256 for file in SOURCE.files) == 24
    assert "never to be passed on" in SOURCE.licence


@needs_highlights
def test_every_real_play_agrees_with_the_leagues_statistics():
    plays = highlights().plays
    assert len(plays) == 309
    table = pd.read_csv(Path(os.environ["QBSBP_DATA"]) / "ngs_highlights/pass_outcomes.csv")
    assert len(table) == 311
    result = table["result"].map({"C": "complete", "I": "incomplete", "IN": "interception"})
    both = table.assign(outcome=result).merge(plays, left_on=["gameId", "playId"], right_on=KEY, validate="many_to_one")
    assert len(both) == 311
    for ours, theirs in (
        ("yards_gained", "yards"), ("outcome_y", "outcome_x"), ("touchdown_y", "touchdown_x"), ("season_y", "season_x"),
        ("week_y", "week_x"), ("down_y", "down_x"), ("yards_to_go", "yardsToGo"),
        ("yards_to_goal_y", "yards_to_goal_x"), ("play_direction", "playDirection"), ("quarter_y", "quarter_x"),
    ):  # fmt: skip
        assert (both[ours] == both[theirs]).all(), ours
    assert (both["release_frame"] - both["snap_frame"] + 1 == both["n_steps"]).all()


@needs_highlights
def test_the_quirks_of_the_real_files_are_counted():
    report = highlights().report
    expected = {
        "files": 311, "files_repeated": 2, "files_set_aside": 0, "rows_repeated": 665, "files_rows_repeated": 30,
        "files_counter_differs": 14, "files_snap_direct": 1, "files_shovel": 0, "files_two_releases": 1,
        "files_yardline_empty": 4, "files_text_reversed": 4, "files_ball_missing": 9, "rows_repeated_in_play": 110,
        "passers_by_place": 0, "passers_elsewhere": 1, "targets_unknown": 0,
        "files_players_missing": 148,  # 150 of the 311 files, two of them the repeated ones
    }  # fmt: skip
    assert {name: report[name] for name in expected} == expected


@needs_highlights
def test_the_ball_is_near_the_line_at_the_real_snaps_and_with_the_passer_before_the_real_releases():
    tracking = highlights()
    plays, frames = tracking.plays, tracking.frames

    def place(frame, player):
        wanted = plays[KEY].assign(frame_id=frame, player_id=player)
        return wanted.merge(frames, on=["game_id", "play_id", "frame_id", "player_id"], validate="one_to_one")

    snap = place(plays["snap_frame"], 0)
    assert (snap["x"] - plays["line_of_scrimmage"]).abs().max() < 3.5
    before = plays["release_frame"] - 4
    ball, passer = place(before, 0), place(before, plays["passer_id"])
    gap = np.hypot(ball["x"] - passer["x"], ball["y"] - passer["y"])
    assert (gap < 2).mean() > 0.95
    assert (passer["x"] < plays["line_of_scrimmage"]).mean() > 0.97
