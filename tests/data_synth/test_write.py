"""Seasons on disk come back as the same two tables, are whole or not there, and are the same bytes every time."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from data_synth import __main__ as command
from data_synth import write as writing
from data_synth.big_data_bowl import LAYOUTS as BIG_DATA_BOWL
from data_synth.league import LeagueConfig, make_season
from data_synth.write import LAYOUTS, write
from qbsbp.datasets import big_data_bowl, synthetic
from qbsbp.schema import FOOTBALL, Tracking
from tests.football_cases import TinySeason, with_many_quirks, without_quirks

MEASURED = ["x", "y", "speed", "acceleration", "direction", "orientation"]


@pytest.fixture(scope="module")
def season() -> TinySeason:
    return TinySeason()


def read(directory, **options) -> Tracking:
    reader = big_data_bowl if (directory / "plays.csv").exists() else synthetic
    return reader.read(directory, progress=False, **options)


def files_of(directory) -> dict[str, bytes]:
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def assert_same_plays(expected: pd.DataFrame, found: pd.DataFrame, *, but: tuple[str, ...] = ()) -> None:
    expected = expected.sort_values(["game_id", "play_id"], ignore_index=True)
    for name in expected.columns.difference(but):
        left, right = expected[name].astype(object), found[name].astype(object)
        same = (left == right) | (left.isna() & right.isna())
        assert same.all(), f"{name}: {left[~same].tolist()} became {right[~same].tolist()}"


def assert_same_frames(expected: pd.DataFrame, found: pd.DataFrame) -> None:
    """Every entry is the same to the last bit, but those of filled rows."""
    recorded = ~found["repaired"].to_numpy()
    for name in expected.columns.difference(["repaired"]):
        left, right = expected[name], found[name]
        if name in MEASURED:
            assert right.dtype == np.float32
            same = (left == right) | (left.isna() & right.isna())
            assert same[recorded].all(), name
        else:
            assert (left.astype(object) == right.astype(object)).all(), name


# --- there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_season_comes_back_as_the_same_two_tables(season, tmp_path, layout, monkeypatch):
    with_many_quirks(monkeypatch)
    write(season, tmp_path / "season", layout, progress=False)
    tracking = read(tmp_path / "season")
    # the files of 2023 do not tell how far a pass flew
    assert_same_plays(season.plays, tracking.plays, but=("air_yards",) if layout.endswith("2023") else ())
    assert_same_frames(season.frames, tracking.frames)
    assert tracking.layout is FOOTBALL
    if layout == "parquet":
        assert not tracking.frames["repaired"].any()
    else:
        report = tracking.report
        for quirk in ("rows_repeated", "rows_filled", "snaps_by_machine", "releases_by_machine", "tags_by_machine"):
            assert report[quirk] > 0, quirk
        assert report["plays"] == len(season.plays)
        assert report["plays_turned"] == (season.plays["play_direction"] == "left").sum()
        assert report["rows_filled"] == tracking.frames["repaired"].sum()
        assert report["rows"] == len(season.frames) + report["rows_repeated"] - report["rows_filled"]
        assert sum(report[name] for name in ("plays_broken", "plays_cut", "yards_unlike_text", "rows_outside")) == 0


@pytest.mark.parametrize("layout", BIG_DATA_BOWL)
def test_filled_rows_are_near_those_that_are_missing(season, tmp_path, layout, monkeypatch):
    with_many_quirks(monkeypatch)
    write(season, tmp_path / "season", layout, progress=False)
    found, expected = read(tmp_path / "season").frames, season.frames
    filled = found["repaired"].to_numpy()
    assert filled.any()
    # the players of this season move evenly, so that only the rounding of the files is left
    for name in ("x", "y"):
        assert np.abs(found[name] - expected[name])[filled].max() < 0.011
    for name in ("direction", "orientation"):
        wrong = (found[name] - expected[name] + 180) % 360 - 180
        assert np.abs(wrong[filled]).max() < 0.011


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_season_of_the_league_comes_back(tmp_path, layout):
    season = make_season(LeagueConfig(teams=2, weeks=1, clock_speed=3), seed=11)
    write(season, tmp_path / "season", layout, progress=False)
    tracking = read(tmp_path / "season")
    assert_same_plays(season.plays, tracking.plays, but=("air_yards",) if layout.endswith("2023") else ())
    assert_same_frames(season.week_frames(1), tracking.frames)
    truth = synthetic.truth(tmp_path / "season")
    pd.testing.assert_frame_equal(truth, season.truth.reset_index(drop=True), check_dtype=False)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_week_is_read_alone(season, tmp_path, layout):
    write(season, tmp_path / "season", layout, progress=False)
    tracking = read(tmp_path / "season", weeks=[2])
    assert set(tracking.plays["week"]) == {2}
    assert_same_frames(season.week_frames(2), tracking.frames)
    with pytest.raises(ValueError, match=r"weeks: expected some of 1, 2, which .* has, came 3"):
        read(tmp_path / "season", weeks=[2, 3])


# --- the same bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_season_gives_the_same_bytes(tmp_path, layout):
    for name in ("one", "two"):
        write(TinySeason(), tmp_path / name, layout, progress=False)
    write(TinySeason(seed=6), tmp_path / "other", layout, progress=False)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert files_of(tmp_path / "one") != files_of(tmp_path / "other")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_manifest_names_every_file_with_size_and_checksum(season, tmp_path, layout):
    written = write(season, tmp_path / "season", layout, progress=False)
    files = files_of(tmp_path / "season")
    manifest = json.loads(files["manifest.json"])
    assert (manifest["layout"], manifest["season"], manifest["seed"]) == (layout, 2026, 5)
    assert {entry["path"]: (entry["bytes"], entry["sha256"]) for entry in manifest["files"]} == {
        name: (len(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
        if name != "manifest.json"
    }
    assert (written.files, written.bytes) == (len(files), sum(map(len, files.values())))
    assert str(tmp_path / "season") in str(written)


# --- whole or not there -----------------------------------------------------------------------------------------------


class Interrupted(TinySeason):
    """Fails in the second week."""

    error: BaseException = KeyboardInterrupt()

    def week_frames(self, week):
        if week == 2:
            raise self.error
        return super().week_frames(week)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_interrupted_write_leaves_nothing(tmp_path, layout):
    with pytest.raises(KeyboardInterrupt):
        write(Interrupted(), tmp_path / "season", layout, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 1_000, 100_000])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_full_disk_leaves_nothing_and_is_said(season, tmp_path, layout, room, monkeypatch):
    left = [room]

    class Disk(writing._Counted):
        def write(self, data):
            left[0] -= len(data)
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(writing, "_Counted", Disk)
    with pytest.raises(OSError, match=r"season could not be written \(ENOSPC: .*nothing was left") as error:
        write(season, tmp_path / "season", layout, progress=False)
    assert error.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_at_the_manifest_leaves_nothing(season, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "_manifest", full)
    with pytest.raises(OSError, match="nothing was left"):
        write(season, tmp_path / "season", progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder_without_its_manifest_is_refused(season, tmp_path, layout):
    """What a killed write leaves behind: all files but the manifest, which comes last."""
    write(season, tmp_path / "season", layout, progress=False)
    (tmp_path / "season" / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"expected a manifest\.json, which is written last, and found none"):
        read(tmp_path / "season")
    with pytest.raises(ValueError, match=r"expected a manifest\.json"):
        synthetic.truth(tmp_path / "season")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "as manifest.json says, and found"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), "the file was altered"),
        (lambda path: path.unlink(), "found no file"),
    ],
    ids=["cut short", "altered", "gone"],
)
def test_a_file_that_the_manifest_disagrees_with_is_refused(season, tmp_path, layout, fault, said):
    write(season, tmp_path / "season", layout, progress=False)
    plays = next(path for path in (tmp_path / "season").glob("plays.*"))
    fault(plays)
    with pytest.raises(ValueError, match=re.escape(said)):
        synthetic.truth(tmp_path / "season") if said == "found no file" else read(tmp_path / "season")


def test_a_manifest_that_is_none_is_refused(season, tmp_path):
    write(season, tmp_path / "season", progress=False)
    (tmp_path / "season" / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=r"manifest\.json: expected JSON with layout and files"):
        synthetic.read(tmp_path / "season")


def test_a_layout_of_another_reader_is_refused(season, tmp_path):
    write(season, tmp_path / "season", "big_data_bowl_2023", progress=False)
    with pytest.raises(ValueError, match=r"expected the layout parquet, .* qbsbp\.datasets\.big_data_bowl"):
        synthetic.read(tmp_path / "season")


def test_nothing_is_overwritten(season, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    for name, what in (("file", "is a file"), ("full", "is a folder with files in it")):
        with pytest.raises(FileExistsError, match=what):
            write(season, tmp_path / name, progress=False)
    assert files_of(tmp_path) == {"file": b"mine", "full/mine": b"mine"}
    (tmp_path / "empty").mkdir()
    write(season, tmp_path / "empty", progress=False)
    write(season, tmp_path / "new" / "parents" / "season", progress=False)
    assert (tmp_path / "empty" / "plays.parquet").exists()


def test_an_unknown_layout_is_refused(season, tmp_path):
    with pytest.raises(ValueError, match=r"layout: expected one of parquet, big_data_bowl_2023, .*, came 'csv'"):
        write(season, tmp_path / "season", "csv")
    assert list(tmp_path.iterdir()) == []


# --- the layouts ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[2023, 2025])
def bowl(request, season, tmp_path_factory):
    """Year, and every table as text."""
    year = request.param
    directory = tmp_path_factory.mktemp("bowl") / "season"
    write(season, directory, f"big_data_bowl_{year}", progress=False)
    tables = {path.name: pd.read_csv(path, dtype=str, keep_default_na=False) for path in directory.glob("*.csv")}
    return year, tables


def test_files_and_columns_are_those_of_the_contest(bowl):
    year, tables = bowl
    layout = BIG_DATA_BOWL[f"big_data_bowl_{year}"]
    named = {layout.tracking_name.format(week=week): layout.tracking for week in (1, 2)}
    named |= {"games.csv": layout.games, "plays.csv": layout.plays, "players.csv": layout.players}
    named[layout.scouting_name] = layout.scouting
    assert {name: tuple(table.columns) for name, table in tables.items()} == named
    counts = {"games.csv": {2023: 7, 2025: 9}, "plays.csv": {2023: 32, 2025: 50}, "players.csv": {2023: 7, 2025: 7}}
    counts |= {"pffScoutingData.csv": {2023: 15}, "player_play.csv": {2025: 50}}
    counts |= {"week1.csv": {2023: 16}, "tracking_week_1.csv": {2025: 18}}
    assert {name: len(table.columns) for name, table in tables.items() if name in counts} == {
        name: of[year] for name, of in counts.items() if year in of
    }


def test_conventions_are_those_of_the_contest(bowl):
    year, tables = bowl
    tracking = pd.concat([tables[name] for name in tables if "week" in name])
    ball = tracking["nflId"] == "NA"
    team = tracking["team" if year == 2023 else "club"]
    assert (ball == (team == "football")).all()
    assert (tracking.loc[ball, ["o", "dir", "jerseyNumber"]] == "NA").all(axis=None)
    assert not (tracking.loc[~ball, ["o", "dir", "jerseyNumber"]] == "NA").any(axis=None)
    assert tracking["x"].str.fullmatch(r"-?\d+(\.\d{1,2})?").all()
    assert set(tracking["playDirection"]) == {"left", "right"}
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d00" if year == 2023 else r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.[1-9])?"
    assert tracking["time"].str.fullmatch(form).all()
    assert (tracking["event"] == ("None" if year == 2023 else "NA")).mean() > 0.9
    assert tables["players.csv"]["height"].str.fullmatch(r"[56]-\d\d?").all()
    assert tables["games.csv"]["gameDate"].iloc[0] == ("09/13/2026" if year == 2023 else "9/13/2026")
    plays = tables["plays.csv"]
    assert plays["gameClock"].str.fullmatch(r"\d\d:\d\d").all()
    assert set(plays["passResult"]) == {"C", "I", "IN", "S", "R"}
    midfield = plays["yardlineNumber"] == "50"
    assert midfield.any()
    assert ((plays["yardlineSide"] == "NA") == midfield).all()
    if year == 2025:
        kinds = tracking.groupby(["gameId", "playId", "frameId"])["frameType"].first()
        assert Counter(kinds)["SNAP"] == len(plays)
        assert set(kinds) == {"BEFORE_SNAP", "SNAP", "AFTER_SNAP"}


def test_times_are_utc_and_run_on(bowl):
    _, tables = bowl
    for name in (name for name in tables if "week" in name):
        rows = tables[name].astype({"gameId": int, "playId": int, "frameId": int})
        time = pd.to_datetime(rows["time"], format="ISO8601")
        moments = rows.assign(time=time).groupby(["gameId", "playId", "frameId"])["time"].agg(["min", "max"])
        assert (moments["min"] == moments["max"]).all()  # all rows of a moment agree
        step = moments["min"].groupby(["gameId", "playId"]).diff().dropna()
        assert (step == pd.Timedelta("100ms")).all()
    start = pd.to_datetime(tables[next(name for name in tables if name.endswith("1.csv"))]["time"], format="ISO8601")
    assert start.min() >= pd.Timestamp("2026-09-13 17:00:00")  # kick-off at 13:00 Eastern summer time
    start = pd.to_datetime(tables[next(name for name in tables if name.endswith("2.csv"))]["time"], format="ISO8601")
    assert start.min() >= pd.Timestamp("2026-11-08 18:00:00")  # and in winter time


def test_rows_come_by_play_and_player_with_the_ball_last(bowl):
    _, tables = bowl
    for name in (name for name in tables if "week" in name):
        rows = tables[name]
        key = rows[["gameId", "playId", "nflId", "frameId"]].replace({"nflId": {"NA": "99999"}}).astype(int)
        assert key.equals(key.sort_values(list(key.columns), kind="stable"))


def test_snap_and_release_always_have_all_rows(season, tmp_path, monkeypatch):
    with_many_quirks(monkeypatch)
    write(season, tmp_path / "season", "big_data_bowl_2023", progress=False)
    rows = pd.concat([pd.read_csv(tmp_path / "season" / f"week{week}.csv") for week in (1, 2)])
    count = rows.groupby(["gameId", "playId", "frameId"]).size()
    for play in season.plays.itertuples():
        here = count.loc[play.game_id, play.play_id]
        assert (here.loc[[1, play.snap_frame, play.release_frame, len(here)]] == 23).all()
        assert set(here) <= {20, 21, 22, 23, 45, 46}


def test_files_without_quirks_have_every_row_once(season, tmp_path, monkeypatch):
    without_quirks(monkeypatch)
    write(season, tmp_path / "season", "big_data_bowl_2025", progress=False)
    report = read(tmp_path / "season").report
    assert report["rows"] == len(season.frames)
    for quirk in ("rows_repeated", "rows_filled", "snaps_by_machine", "releases_by_machine", "tags_by_machine"):
        assert report[quirk] == 0


def test_roles_add_up(bowl, season):
    year, tables = bowl
    plays = season.plays.set_index(["game_id", "play_id"])
    if year == 2023:
        rows = tables["pffScoutingData.csv"].astype({"gameId": int, "playId": int, "nflId": int})
        roles = rows.groupby(["gameId", "playId"])["pff_role"].value_counts().unstack(fill_value=0)
        assert (roles["Pass"] == 1).all()
        assert (roles["Pass Block"] == 5).all()
        assert (roles["Pass Route"] == 5).all()
        assert (roles["Pass Rush"] == plays["pass_rushers"]).all()
        lined = rows.groupby(["gameId", "playId"])["pff_positionLinedUp"].agg(set)
        assert all({"LT", "LG", "C", "RG", "RT", "QB"} <= names for names in lined)
    else:
        rows = tables["player_play.csv"].astype({"gameId": int, "playId": int, "nflId": int})
        sums = rows[["hadDropback", "wasTargettedReceiver", "passingYards", "receivingYards"]].astype(int)
        sums = sums.groupby([rows["gameId"], rows["playId"]]).sum()
        assert (sums["hadDropback"] == 1).all()
        assert (sums["wasTargettedReceiver"] == (plays["target_id"] > 0)).all()
        assert (sums["passingYards"] == sums["receivingYards"]).all()
        assert (sums["passingYards"] == plays["yards_gained"].where(plays["outcome"] == "complete", 0)).all()


def test_a_clock_with_fractions_is_refused_where_the_files_have_none(tmp_path):
    season = TinySeason()
    season.plays.loc[3, "clock"] += 0.5
    with pytest.raises(ValueError, match=r"column 'clock', value \d+\.5: expected whole seconds"):
        write(season, tmp_path / "season", "big_data_bowl_2023", progress=False)


def test_a_player_without_a_name_is_refused(tmp_path):
    season = TinySeason()
    season.players = season.players[season.players["player_id"] != 10_003]
    with pytest.raises(ValueError, match="player_id 10003 is missing"):
        write(season, tmp_path / "season", "big_data_bowl_2023", progress=False)


def test_tables_that_do_not_meet_are_refused(tmp_path):
    season = TinySeason()
    season.plays = season.plays.iloc[1:].reset_index(drop=True)
    with pytest.raises(ValueError, match=r"week_frames\(1\): expected the \d+ plays"):
        write(season, tmp_path / "season", "big_data_bowl_2025", progress=False)


# --- the command line -------------------------------------------------------------------------------------------------


def test_the_command_writes_and_says_where_and_how_large(tmp_path, capsys):
    out = tmp_path / "season"
    arguments = ["--teams", "2", "--weeks", "1", "--seed", "4", "--layout", "big_data_bowl_2025", "--out", str(out)]
    assert command.main([*arguments, "--quiet"]) == 0
    shown = capsys.readouterr()
    size = sum(map(len, files_of(out).values()))
    assert f"{out} (big_data_bowl_2025, {len(files_of(out))} files, {size / 1e6:,.1f} MB)" in shown.out
    assert shown.err == ""
    first = files_of(out)
    shutil.rmtree(out)
    assert command.main(arguments) == 0
    assert "week/s" in capsys.readouterr().err  # the bars
    assert files_of(out) == first


def test_the_command_writes_several_seasons_each_in_its_folder(tmp_path, capsys):
    assert command.main(["--teams", "2", "--weeks", "1", "--seasons", "2", "--out", str(tmp_path), "--quiet"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026", "2027"]
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_command_answers_mistakes_without_a_traceback(tmp_path, capsys):
    (tmp_path / "mine").write_text("mine")
    for arguments, said in (
        (["--out", str(tmp_path / "mine")], "is a file"),
        (["--out", str(tmp_path / "season"), "--teams", "7"], "teams=7: expected an even integer"),
        (["--out", str(tmp_path / "season"), "--seed", "-1", "--teams", "2"], "seed=-1"),
        (["--out", str(tmp_path / "mine" / "season"), "--teams", "2", "--weeks", "1", "--quiet"], "not be written"),
    ):
        assert command.main(arguments) == 1
        shown = capsys.readouterr().err
        assert said in shown
        assert "Traceback" not in shown
    with pytest.raises(SystemExit) as end:
        command.main(["--out", str(tmp_path / "season"), "--layout", "csv"])
    assert end.value.code == 2
    assert "invalid choice: 'csv'" in capsys.readouterr().err


def test_the_command_can_be_interrupted(tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "write", interrupted)
    assert command.main(["--teams", "2", "--weeks", "1", "--out", str(tmp_path / "season"), "--quiet"]) == 130
    assert "interrupted" in capsys.readouterr().err
