"""NFL Big Data Bowl: tracking of all dropbacks, in the layout of the contests of 2023 and of 2025.

**The NFL's files are on Kaggle** (competitions nfl-big-data-bowl-2023 and nfl-big-data-bowl-2025), for whoever has an
account there and accepts the contest's rules, which forbid passing them on. So nothing is downloaded here: name the
directory where they lie. `data_synth` writes seasons in both layouts; this reader was built against those and against
public descriptions and public code, not against the NFL's files, which were not at hand. It insists on the columns that
it needs, wherever they stand, and on no other. Chapter: meeting the data.

2023: games, plays, players, pffScoutingData, week1, week2, ... (.csv), 8,557 dropbacks of 2021, from five frames before
the snap to five after the pass. 2025: player_play and tracking_week_1, ... in their stead, all plays of nine weeks of
2022 from the huddle on, of which the dropbacks are read.

What one has to know about these files, each counted in the report:

* Plays go to either side. Those that went left are turned: x to 120 - x, y to 160/3 - y, angles by 180 degrees, and
  `absoluteYardlineNumber` with them.
* Snap and pass are tagged by an annotator (ball_snap, pass_forward) and by a machine (autoevent_ballsnap,
  autoevent_passforward), which may differ by some frames. The annotator's counts; the machine's where it stands alone.
* Rows come twice, or are missing. Repetitions are dropped. Up to five missing rows of a player are filled on a straight
  line between those around and flagged `repaired`; where a play's ends are missing it is cut. A row without a place, or
  with a value that cannot be, is taken for a missing one; only where more than one row in a hundred of a file has such
  a value is the file refused, since then a unit or a column is another, and what looks credible in it is wrong as well.
* Kept are five frames before the snap to five after the release, as the files of 2023 have them.
* In 2023 nobody is marked as the target: he is looked up by the name that the text of the play gives. In 2025 the
  personnel is not told and is counted from the positions.
* An interception counts 0 yards, a touchdown ends at the goal line. The yards are those before penalties; where the
  text of the play says otherwise (a fumble's return, mostly) that is counted and the column taken.
* The release of a sack is its tag qb_sack or qb_strip_sack, that of a scramble its tag run.

Set aside, with a row each in `report.rejected_table()`: plays that a penalty annulled, spikes, plays without a snap, or
without a release after it, of a team that does not play in their game, with other than eleven men a side, without one
passer among them, or with a longer hole between snap and release.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from tqdm import tqdm

from qbsbp import schema
from qbsbp.datasets import _files, _season
from qbsbp.schema import EVENTS, FOOTBALL, Quirk, Rejected, Report, Tracking

__all__ = ["BEYOND", "FILL", "MARGIN", "files_of_weeks", "read"]

MARGIN = 5
"""Frames kept before the snap and after the release."""
FILL = 5
"""Most rows of one player in a row that are filled."""
BEYOND = 0.01
"""Share of a file's rows that may have a value beyond the schema's ranges."""

RESULTS = {"C": "complete", "I": "incomplete", "IN": "interception", "S": "sack", "R": "scramble"}
GROUPS = {
    **dict.fromkeys(("QB",), "QB"),
    **dict.fromkeys(("RB", "FB", "HB"), "RB"),
    **dict.fromkeys(("WR",), "WR"),
    **dict.fromkeys(("TE",), "TE"),
    **dict.fromkeys(("T", "G", "C", "OL", "OT", "OG"), "OL"),
    **dict.fromkeys(("DE", "DT", "NT", "DL"), "DL"),
    **dict.fromkeys(("OLB", "ILB", "MLB", "LB"), "LB"),
    **dict.fromkeys(("CB", "FS", "SS", "DB", "S", "SAF"), "DB"),
}
"""Group of each position of players.csv; others, as a punter who throws, are "other"."""
POSITIONS = FOOTBALL.frames["position"].values
SIDES = FOOTBALL.frames["side"].values
SNAPS = ("ball_snap", "snap_direct", "autoevent_ballsnap")
RELEASES = {
    "pass": ("pass_forward", "pass_shovel", "autoevent_passforward"),
    "sack": ("qb_sack", "qb_strip_sack"),
    "scramble": ("run",),
}
"""Tags of snap and release, the better one first."""
MACHINE = "autoevent_"
TURNED = {"x": FOOTBALL.field_length, "y": FOOTBALL.field_width}
"""What x and y of a play that went left are taken from."""
MEASURED = {"x": "x", "y": "y", "s": "speed", "a": "acceleration", "dir": "direction", "o": "orientation"}
ENTITIES = FOOTBALL.entities
YARDS = re.compile(r"\bfor (?:(-?\d+) yards?|no gain)")
SUFFIX = re.compile(r" (?:Jr|Sr|II|III|IV|V)\.?$")
TARGET = re.compile(r"\bpass(?: [a-z]+)*? (?:to|intended for) (?:\d+-)?")


@dataclass(frozen=True)
class _Edition:
    """What differs between the two contests: file names, and the names and kinds of the columns that are read."""

    year: int
    tracking: re.Pattern[str]
    scouting_file: str
    team: str
    position: str
    yards: str
    plays: dict[str, str]
    scouting: dict[str, str]


_PLAYS = {
    **dict.fromkeys(("gameId", "playId", "quarter", "yardsToGo", "absoluteYardlineNumber"), "integer"),
    **dict.fromkeys(("preSnapHomeScore", "preSnapVisitorScore", "down"), "integer"),
    **dict.fromkeys(("playDescription", "possessionTeam", "defensiveTeam", "gameClock", "passResult"), "text"),
    **dict.fromkeys(("offenseFormation", "pff_passCoverage"), "text"),
}
_EDITIONS = (
    _Edition(
        year=2023,
        tracking=re.compile(r"week(\d+)\.csv"),
        scouting_file="pffScoutingData.csv",
        team="team",
        position="officialPosition",
        yards="prePenaltyPlayResult",
        plays=_PLAYS
        | {"prePenaltyPlayResult": "number", "pff_playAction": "text", "personnelO": "text", "personnelD": "text"},
        scouting={"gameId": "integer", "playId": "integer", "nflId": "integer", "pff_role": "text"},
    ),
    _Edition(
        year=2025,
        tracking=re.compile(r"tracking_week_(\d+)\.csv"),
        scouting_file="player_play.csv",
        team="club",
        position="position",
        yards="prePenaltyYardsGained",
        plays=_PLAYS
        | {"prePenaltyYardsGained": "number", "playAction": "text", "passLength": "number"}
        | dict.fromkeys(("playNullifiedByPenalty", "qbSpike"), "text"),
        scouting={"gameId": "integer", "playId": "integer", "nflId": "integer"}
        | dict.fromkeys(("hadDropback", "wasTargettedReceiver", "wasInitialPassRusher"), "number"),
    ),
)
_GAMES = {
    **dict.fromkeys(("gameId", "season", "week"), "integer"),
    **dict.fromkeys(("homeTeamAbbr", "visitorTeamAbbr"), "text"),
}
_KINDS = {
    "integer": pa.float64(),
    "number": pa.float64(),
    "text": pa.string(),
    "word": pa.dictionary(pa.int32(), pa.string()),  # text of few kinds
}
_LAYOUTS = tuple(f"big_data_bowl_{edition.year}" for edition in _EDITIONS)
_KAGGLE = (
    "A directory that data_synth wrote was not finished: write it again. For files of your own, as those from Kaggle, "
    "pass verify=False"
)


def read(
    directory: str | os.PathLike[str],
    *,
    weeks: Iterable[int] | None = None,
    verify: bool = True,
    progress: bool = True,
) -> Tracking:
    """Read the dropbacks of a Big Data Bowl directory; which of the two layouts it has is seen from its files.

    Args:
        directory: The folder with the CSV files, as unpacked from Kaggle or written by `data_synth`.
        weeks: Which weeks, all when None. A week takes about 0.5 GB while it is read; of the NFL's of 2025,
            which begin at the huddle, six times that.
        verify: Whether to insist on the manifest that `data_synth` writes and on its checksums. The NFL's directories
            have none: False for those.
        progress: Whether to show a bar.

    Returns:
        Plays, frames (turned to the right, cut, repaired), layout and report, which names every play that was set aside
        with its reason. `target_id` is 0 where no target is known; `air_yards` is missing in 2023; `return_yards` comes
        from the text of the play.

    Raises:
        FileNotFoundError: The directory is none, or lacks a file.
        ValueError: The manifest is missing or disagrees; a week is not there; a file breaks the format (the message
            gives file, line, column and value); or no play is left.
    """
    folder = _files.existing_folder(Path(directory), "directory")
    edition, tracking = _edition(folder)
    wanted = _season.chosen_weeks(weeks, sorted(tracking), folder)
    tables = ["games.csv", "plays.csv", "players.csv", edition.scouting_file]
    absent = [name for name in tables if not (folder / name).is_file()]
    if absent:
        raise FileNotFoundError(
            f"{folder}: expected {', '.join(tables)} beside the files of tracking, and {', '.join(absent)} is missing. "
            f"Put it there."
        )
    if verify:
        _season.check_manifest(folder, [*tables, *(tracking[week] for week in wanted)], _LAYOUTS, advice=_KAGGLE)

    met: Counter[str] = Counter()
    rejected: list[Rejected] = []
    plays = _plays(folder, edition, wanted, met, rejected)
    roster = _roster(folder, edition)
    kept, parts = [], []
    for week in tqdm(wanted, desc=folder.name, unit="week", disable=not progress):
        of_week = plays[plays["week"] == week].reset_index(drop=True)
        of_week, frames = _week(folder / tracking[week], edition, of_week, roster, met, rejected)
        if len(of_week):
            schema.check(of_week, frames, FOOTBALL)
            kept.append(of_week)
            parts.append(frames)
    if not kept:
        raise ValueError(
            f"{folder}: expected dropbacks with tracking in the weeks {', '.join(map(str, wanted))}, and none is left: "
            f"{dict(Counter(play.reason for play in rejected))}, {met['plays_no_dropback']} no dropbacks. Check that "
            f"plays.csv and the files of tracking belong together."
        )
    plays, frames = pd.concat(kept, ignore_index=True), pd.concat(parts, ignore_index=True)
    met["plays"], met["frames"] = len(plays), len(frames) // ENTITIES
    met["plays_turned"] = int((plays["play_direction"] == "left").sum())
    rejected.sort(key=lambda play: (play.game_id, play.play_id))
    report = Report(f"Big Data Bowl {edition.year}, yards, 10 frames a second, from {folder}").add(
        *(Quirk(name, met[name], handled) for name, handled in QUIRKS.items())
    )
    return Tracking(plays, frames, FOOTBALL, report.reject(REASONS, *rejected))


def files_of_weeks(directory: str | os.PathLike[str]) -> dict[int, tuple[str, ...]]:
    """The files that each week of a season is read from, relative to its folder; none where it is of another layout."""
    folder = _files.existing_folder(Path(directory), "directory")
    try:
        edition, tracking = _edition(folder)
    except FileNotFoundError:
        return {}
    tables = ("games.csv", "plays.csv", "players.csv", edition.scouting_file)
    return {week: (*tables, name) for week, name in sorted(tracking.items())}


REASONS = {
    "plays_annulled": "by a penalty: set aside",
    "plays_spiked": "set aside",
    "plays_unlike": "an entry beyond the schema's ranges, as the down of a try for two points: set aside",
    "plays_unknown_team": "of a team that is not one of the two of its game: set aside",
    "plays_untracked": "without rows of tracking: set aside",
    "plays_no_snap": "without a tag of the snap: set aside",
    "plays_no_release": "without a tag of the release after the snap: set aside",
    "plays_no_passer": "no one passer is marked, or he is not of the offence: set aside",
    "plays_other_men": "not eleven men a side and a ball: set aside",
    "plays_broken": "a hole of more than five frames, or at an end that reaches the snap or the release: set aside",
}
"""Why a play is set aside: the first of these that holds."""

QUIRKS = {
    "plays": "kept",
    "plays_turned": "went left, turned by half a turn",
    "plays_no_dropback": "with another passResult than C, I, IN, S, R, as runs have: not read",
    **REASONS,
    "plays_repaired": "with rows that were filled",
    "plays_cut": "an end is missing: cut to where all rows are",
    "snaps_by_machine": "only autoevent_ballsnap: taken as the snap",
    "releases_by_machine": "only autoevent_passforward: taken as the release",
    "tags_by_machine": "other tags of the machine's: dropped",
    "tags_other": "tags with no place in the schema's list: other",
    "targets_unknown": "of passes, nobody of the offence is known to be it: target_id 0",
    "yards_unlike_text": "the text of the play says other yards: the column taken",
    "rows": "of tracking, read",
    "rows_other_plays": "of plays that are not kept",
    "rows_outside": "earlier than five frames before the snap or later than five after the release: dropped",
    "rows_repeated": "dropped",
    "rows_unplaced": "x or y missing or not finite: taken for missing rows",
    "rows_beyond": "a value beyond the schema's ranges: taken for missing rows",
    "rows_filled": "on a straight line, and flagged repaired",
    "frames": "moments kept",
}
"""What the report counts, in its order, and what is done about it."""


def _edition(folder: Path) -> tuple[_Edition, dict[int, str]]:
    """Which contest's files these are, and the tracking file of each week."""
    for edition in _EDITIONS:
        matches = [edition.tracking.fullmatch(path.name) for path in folder.iterdir()]
        found = {int(match[1]): match[0] for match in matches if match}
        if found:
            return edition, found
    raise FileNotFoundError(
        f"{folder}: expected week1.csv, ... (the contest of 2023) or tracking_week_1.csv, ... (2025), and found "
        f"neither. Name the directory that has them. The NFL's are at "
        f"https://www.kaggle.com/competitions/nfl-big-data-bowl-2023 and -2025; "
        f"`python -m data_synth --layout big_data_bowl_2023 --out DIRECTORY` writes synthetic ones."
    )


# --- plays ------------------------------------------------------------------------------------------------------------


def _plays(
    folder: Path, edition: _Edition, weeks: list[int], met: Counter[str], rejected: list[Rejected]
) -> pd.DataFrame:
    """The schema's columns as far as they need no tracking, and `text`; one row a dropback, sorted by key."""
    path = folder / "games.csv"
    games = _read(path, _GAMES)
    _refuse(path, "gameId", games.duplicated("gameId"), games, "every game once")
    for column in ("season", "week"):
        limits = FOOTBALL.plays[column]
        _refuse(path, column, ~games[column].between(limits.low, limits.high), games, limits.expected)
    for column in ("homeTeamAbbr", "visitorTeamAbbr"):
        _refuse(path, column, games[column].isna(), games, "text")
    path = folder / "plays.csv"
    rows = _read(path, edition.plays)
    _refuse(path, "gameId", ~rows["gameId"].isin(games["gameId"]), rows, "a game that games.csv has")
    _refuse(path, "playId", rows.duplicated(["gameId", "playId"]), rows, "every play of a game once")
    if edition.year == 2023:  # all plays are dropbacks
        _refuse(path, "passResult", ~rows["passResult"].isin(RESULTS), rows, f"one of {', '.join(RESULTS)}")
    rows = rows.join(games.set_index("gameId"), on="gameId")
    rows = rows[rows["week"].isin(weeks)]

    keep = rows["passResult"].isin(RESULTS)
    met["plays_no_dropback"] = int((~keep).sum())
    rows = rows[keep]
    if edition.year == 2025:
        sieve = _Sieve(path, rows[["gameId", "playId"]], rejected)
        sieve.drop("plays_annulled", rows["playNullifiedByPenalty"] == "Y")
        sieve.drop("plays_spiked", _true(rows["qbSpike"]))
        rows = rows[sieve.sound]
    for column in ("quarter", "down", "yardsToGo", "absoluteYardlineNumber", "preSnapHomeScore", "preSnapVisitorScore"):
        _refuse(path, column, rows[column].isna(), rows, "an integer")
    for column in ("playDescription", "possessionTeam", "defensiveTeam", "gameClock"):
        _refuse(path, column, rows[column].isna(), rows, "text")
    yards = edition.yards
    _refuse(path, yards, rows[yards].isna() | (rows[yards] != rows[yards].round()), rows, "an integer")
    rows = rows[_in_order(path, edition, rows, rejected)].sort_values(["gameId", "playId"], ignore_index=True)

    outcome = rows["passResult"].map(RESULTS)
    text = pd.Series([told.rpartition("REVERSED.")[2] for told in rows["playDescription"]], rows.index, dtype="str")
    gained = rows[yards].where(outcome != "interception", 0).astype("int64")
    met["yards_unlike_text"] = int((gained != [_yards(last) for last in text]).sum())
    at_home = rows["possessionTeam"] == rows["homeTeamAbbr"]
    ahead = rows["preSnapHomeScore"] - rows["preSnapVisitorScore"]
    action = rows["pff_playAction" if edition.year == 2023 else "playAction"]
    integers = {name: rows[name].astype("int64") for name in ("gameId", "playId", "season", "week", "quarter", "down")}
    return pd.DataFrame(
        {
            "game_id": integers["gameId"],
            "play_id": integers["playId"],
            "season": integers["season"],
            "week": integers["week"],
            "offence_team": rows["possessionTeam"],
            "defence_team": rows["defensiveTeam"],
            "quarter": integers["quarter"],
            "clock": _clock(path, rows),
            "down": integers["down"],
            "yards_to_go": rows["yardsToGo"].astype("int64"),
            "line_of_scrimmage": rows["absoluteYardlineNumber"],  # turned once the direction is known
            "score_difference": ahead.where(at_home, -ahead).astype("int64"),
            "outcome": pd.Categorical(outcome, categories=FOOTBALL.plays["outcome"].values),
            "yards_gained": gained,
            "touchdown": outcome.isin(["complete", "scramble"]) & text.str.contains("TOUCHDOWN"),
            "air_yards": rows["passLength"] if edition.year == 2025 else np.nan,
            "return_yards": [
                _return(last) if what == "interception" else 0 for what, last in zip(outcome, text, strict=True)
            ],
            "play_action": _true(action),
            "formation": rows["offenseFormation"].fillna(""),
            "offence_personnel": rows["personnelO"].fillna("") if edition.year == 2023 else "",
            "defence_personnel": rows["personnelD"].fillna("") if edition.year == 2023 else "",
            "coverage": rows["pff_passCoverage"].fillna(""),
            "text": text,
        }
    ).pipe(_with_scouting, folder, edition)


def _in_order(path: Path, edition: _Edition, rows: pd.DataFrame, rejected: list[Rejected]) -> np.ndarray:
    """Which plays are within the schema's ranges and of the two teams of their game; the others are rejected."""
    ranged = {"quarter": "quarter", "down": "down", "yardsToGo": "yards_to_go", edition.yards: "yards_gained"}
    if edition.year == 2025:
        ranged["passLength"] = "air_yards"
    limits = {column: (FOOTBALL.plays[name].low, FOOTBALL.plays[name].high) for column, name in ranged.items()}
    limits |= {"absoluteYardlineNumber": (11, 109), "preSnapHomeScore": (0, 100), "preSnapVisitorScore": (0, 100)}
    sieve = _Sieve(path, rows[["gameId", "playId"]], rejected)
    for column, (low, high) in limits.items():
        entry = rows[column].to_numpy()
        sieve.drop("plays_unlike", (entry < low) | (entry > high), column + " {:g}", entry)
    ours, theirs, home, away = (
        rows[name].to_numpy() for name in ("possessionTeam", "defensiveTeam", "homeTeamAbbr", "visitorTeamAbbr")
    )
    known = ((ours == home) & (theirs == away)) | ((ours == away) & (theirs == home))
    sieve.drop("plays_unknown_team", ~known, "{} against {} in a game of {} and {}", ours, theirs, home, away)
    return sieve.sound


def _with_scouting(plays: pd.DataFrame, folder: Path, edition: _Edition) -> pd.DataFrame:
    """Passer (0 where not exactly one is marked), target (as far as marked) and number of rushers of each play."""
    path = folder / edition.scouting_file
    rows = _read(path, edition.scouting)
    _refuse(path, "nflId", rows.duplicated(["gameId", "playId", "nflId"]), rows, "every player of a play once")
    if edition.year == 2023:
        passes, rushes = rows["pff_role"] == "Pass", rows["pff_role"] == "Pass Rush"
        targeted = np.zeros(len(rows), dtype=bool)
    else:
        passes, rushes = rows["hadDropback"] == 1, rows["wasInitialPassRusher"] == 1
        targeted = (rows["wasTargettedReceiver"] == 1).to_numpy()
    key = pd.MultiIndex.from_frame(plays[["game_id", "play_id"]])

    def one(marked: pd.Series | np.ndarray) -> np.ndarray:
        """The one marked player of each play, 0 where there is none or more than one."""
        players = rows[marked].groupby(["gameId", "playId"])["nflId"].agg(["first", "size"]).reindex(key)
        return players["first"].where(players["size"] == 1, 0).astype("int64").to_numpy()

    rushers = rows[rushes].groupby(["gameId", "playId"]).size().reindex(key, fill_value=0).to_numpy()
    return plays.assign(passer_id=one(passes), target_id=one(targeted), pass_rushers=np.minimum(rushers, 11))


def _clock(path: Path, rows: pd.DataFrame) -> pd.Series:
    """Seconds left of the quarter, from MM:SS."""
    parts = rows["gameClock"].str.extract(r"^(\d{1,2}):(\d{2})(?::\d{2})?$").astype(float)
    seconds = 60 * parts[0] + parts[1]
    _refuse(path, "gameClock", ~seconds.between(0, 900), rows, "minutes and seconds as in 07:03, at most 15:00")
    return seconds


def _yards(text: str) -> int:
    """What the text of a play says that the offence gained."""
    if "INTERCEPTED" in text or "incomplete" in text:
        return 0
    gain = YARDS.search(text)
    return int(gain[1] or 0) if gain else 0


def _return(text: str) -> int:
    """What the text of a play says that an interception was returned."""
    gain = YARDS.search(text.partition("INTERCEPTED")[2])
    return int(gain[1] or 0) if gain else 0


def _true(entries: pd.Series) -> pd.Series:
    return entries.str.upper().isin(["TRUE", "1", "Y"])


def _roster(folder: Path, edition: _Edition) -> pd.DataFrame:
    """Group of positions and name of each player, by nflId."""
    path = folder / "players.csv"
    rows = _read(path, {"nflId": "integer", edition.position: "text", "displayName": "text"})
    _refuse(
        path, "nflId", rows.duplicated("nflId") | (rows["nflId"] < 1), rows, "every player once, by a number from 1"
    )
    group = rows[edition.position].map(GROUPS).fillna("other")
    return pd.DataFrame({"group": group, "name": rows["displayName"].fillna("")}).set_index(
        rows["nflId"].astype("int64")
    )


# --- tracking ---------------------------------------------------------------------------------------------------------


def _week(
    path: Path,
    edition: _Edition,
    plays: pd.DataFrame,
    roster: pd.DataFrame,
    met: Counter[str],
    rejected: list[Rejected],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plays and frames of one week: the plays of `plays` whose tracking is sound, every column filled."""
    rows = _read(
        path,
        {"gameId": "integer", "playId": "integer", "nflId": "number", "frameId": "integer"}
        | {edition.team: "word", "playDirection": "word", "event": "word"}
        | dict.fromkeys(MEASURED, "number"),
    )
    unplaced, beyond = _check_rows(path, edition, rows)
    met["rows"] += len(rows)
    if plays.empty:
        met["rows_other_plays"] += len(rows)
        return plays, pd.DataFrame()
    play, frame = _number_of(rows, plays), rows["frameId"].to_numpy().astype(np.int64)

    tagged = _tags(rows, play, frame)
    snap, release = _moments(tagged, plays)
    sieve = _Sieve(path, plays[["game_id", "play_id"]], rejected)
    sieve.drop("plays_untracked", np.bincount(play[play >= 0], minlength=len(plays)) == 0)
    sieve.drop("plays_no_snap", snap < 0)
    tags = [_tags_of(tagged, row) if frame < 0 else "" for row, frame in enumerate(release)]
    sieve.drop("plays_no_release", release < 0, "{}", tags)
    sieve.drop("plays_no_passer", plays["passer_id"] == 0)
    ours = (play >= 0) & sieve.sound[play]
    met["rows_other_plays"] += int((~ours).sum())
    near = ours & (frame >= snap[play] - MARGIN) & (frame <= release[play] + MARGIN)
    met["rows_outside"] += int((ours & ~near).sum())

    men = _Men.of(rows.loc[near, ["nflId", edition.team]].set_axis(["id", "team"], axis=1), play[near], plays)
    sieve.drop("plays_unknown_team", men.stranger != "", "a man of {}", men.stranger)
    sieve.drop("plays_other_men", ~men.eleven_a_side, "{} of the offence, {} of the defence, {} balls", *men.counts.T)
    passer = plays["passer_id"].to_numpy()
    sieve.drop("plays_no_passer", ~men.attacks(passer), "{} is not of the offence", passer)
    sound = sieve.sound
    if not sound.any():
        return plays[sound], pd.DataFrame()
    near &= sound[play]
    kept = np.flatnonzero(sound)  # from here on a play's number is its place among these
    number = np.cumsum(sound) - 1
    play, frame, rows, unplaced, beyond = number[play[near]], frame[near], rows[near], unplaced[near], beyond[near]
    plays, snap, release = plays.iloc[kept].reset_index(drop=True), snap[kept], release[kept]
    men = men.among(kept)
    met["rows_unplaced"] += int(unplaced.sum())
    met["rows_beyond"] += int((beyond & ~unplaced).sum())
    grid = _Grid.of(rows, play, frame, men.place(play, rows["nflId"]), ~(unplaced | beyond), len(plays), met)
    sieve = _Sieve(path, plays[["game_id", "play_id"]], rejected)
    spans = [f"from frame {low} to {high}" if low <= high else "in no frame" for low, high in zip(grid.low, grid.high)]
    broken = (grid.low > snap) | (grid.high < release)
    sieve.drop("plays_broken", broken, "everybody is there {}; snap {}, release {}", spans, snap, release)
    whole = sieve.sound
    met["plays_cut"] += int((((grid.low > grid.first) | (grid.high < grid.last)) & whole).sum())

    left = _went_left(path, rows, play, len(plays))
    tagged = tagged[sound[tagged["play"]]].assign(play=number[tagged.loc[sound[tagged["play"]], "play"]])
    tagged = tagged[whole[tagged["play"]]]
    for name, moment in (("snaps_by_machine", snap), ("releases_by_machine", release)):
        met[name] += _by_machine_alone(tagged, moment)
    event = _events(tagged, snap, release, _ending(plays), grid, met)
    plays = _finish(plays, edition, path.name, men, roster, left, met)
    plays["snap_frame"], plays["release_frame"] = snap - grid.low + 1, release - grid.low + 1
    frames = _frames(plays, grid, whole, men, roster, left, event)
    met["rows_filled"] += int(frames["repaired"].sum())
    met["plays_repaired"] += len(frames.loc[frames["repaired"], ["game_id", "play_id"]].drop_duplicates())
    return plays.loc[whole, [name for name in FOOTBALL.plays.names if name in plays]].reset_index(drop=True), frames


class _Sieve:
    """Sets plays of a table aside, each for the first reason that holds: it goes to `rejected`, the others are `sound`.

    Args:
        path: File that the reasons are found in.
        key: Game and number of each play.
        rejected: Where to note the plays.
    """

    def __init__(self, path: Path, key: pd.DataFrame, rejected: list[Rejected]):
        self.file, self.key, self.rejected = path.name, key.to_numpy().astype(np.int64), rejected
        self.sound = np.ones(len(key), dtype=bool)

    def drop(self, reason: str, wrong: np.ndarray | pd.Series, detail: str = "", *found: Sequence) -> None:
        """Set aside the plays that are wrong; `detail` has braces for what was `found`, one entry a play."""
        wrong = self.sound & np.asarray(wrong, dtype=bool)
        for row in np.flatnonzero(wrong):
            game_id, play_id = self.key[row].tolist()
            said = detail.format(*(entries[row] for entries in found))
            self.rejected.append(Rejected(self.file, game_id, play_id, reason, said))
        self.sound &= ~wrong


def _check_rows(path: Path, edition: _Edition, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Refuse a tracking file whose entries cannot be meant: the first wrong cell is shown.

    Returns:
        Which rows have no finite place, and which a value beyond the schema's ranges, turned or not.
    """
    for column in ("gameId", "playId", "frameId", "playDirection", edition.team):
        _refuse(path, column, rows[column].isna(), rows, "an entry")
    _refuse(path, "frameId", rows["frameId"] < 1, rows, "a frame from 1")
    direction = rows["playDirection"].isin(["left", "right"])
    _refuse(path, "playDirection", ~direction, rows, "left or right")
    ball = (rows[edition.team] == "football").to_numpy()
    _refuse(path, "nflId", rows["nflId"].isna().to_numpy() != ball, rows, "a number for a player and NA for the ball")
    beyond = np.zeros(len(rows), dtype=bool)
    for column, name in MEASURED.items():
        ranged, entry = FOOTBALL.frames[name], rows[column].to_numpy()
        wrong = (entry < ranged.low) | (entry > ranged.high)
        if column in TURNED:
            wrong |= (TURNED[column] - entry < ranged.low) | (TURNED[column] - entry > ranged.high)
        if wrong.mean() > BEYOND:
            why = f"where more than {BEYOND:.0%} of the rows have another, it is another unit or column"
            _refuse(path, column, wrong, rows, f"{ranged.expected}; {why}")
        beyond |= wrong
    return ~np.isfinite(rows[["x", "y"]].to_numpy()).all(axis=1), beyond


def _number_of(rows: pd.DataFrame, plays: pd.DataFrame) -> np.ndarray:
    """Row of `plays` (sorted by its key) for each row of tracking, -1 for none."""
    play_id = rows["playId"].to_numpy().astype(np.int64)
    shift = 1 + max(int(play_id.max(initial=0)), int(plays["play_id"].max()))
    key = rows["gameId"].to_numpy().astype(np.int64) * shift + play_id
    known = (plays["game_id"] * shift + plays["play_id"]).to_numpy()
    at = np.searchsorted(known, key).clip(max=len(known) - 1)
    return np.where(known[at] == key, at, -1)


def _went_left(path: Path, rows: pd.DataFrame, play: np.ndarray, n: int) -> np.ndarray:
    """Whether each play went left, which all its rows must agree on."""
    left = (rows["playDirection"] == "left").to_numpy()
    lefts, total = np.bincount(play[left], minlength=n), np.bincount(play, minlength=n)
    torn = (lefts > 0) & (lefts < total)
    _refuse(path, "playDirection", torn[play] & left, rows, "one direction for all rows of a play")
    return lefts > 0


# --- tags -------------------------------------------------------------------------------------------------------------


def _tags(rows: pd.DataFrame, play: np.ndarray, frame: np.ndarray) -> pd.DataFrame:
    """Every tag of every moment once: `play`, `frame`, `tag`."""
    tagged = rows["event"].notna().to_numpy() & (play >= 0)
    tag = rows.loc[tagged, "event"].astype(object).to_numpy()
    return pd.DataFrame({"play": play[tagged], "frame": frame[tagged], "tag": tag}).drop_duplicates(ignore_index=True)


def _moments(tagged: pd.DataFrame, plays: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Frame of snap and of release of each play, -1 where it has no tag of it. Of two passes the last is the one."""
    snap, release = np.full(len(plays), -1), np.full(len(plays), -1)
    for tag in reversed(SNAPS):
        frame = tagged[tagged["tag"] == tag].groupby("play")["frame"].min()
        snap[frame.index] = frame
    ending = _ending(plays)
    for kind, tags in RELEASES.items():
        later = tagged[(tagged["frame"] > snap[tagged["play"]]) & (ending[tagged["play"]] == kind)]
        for tag in reversed(tags):
            frame = later[later["tag"] == tag].groupby("play")["frame"].agg("max" if kind == "pass" else "min")
            release[frame.index] = frame
    return snap, np.where(snap < 0, -1, release)


def _tags_of(tagged: pd.DataFrame, play: int) -> str:
    """The tags of one play in words, in order of time."""
    of_play = tagged[tagged["play"] == play].sort_values("frame", kind="stable")
    return ", ".join(f"{tag} in frame {frame}" for tag, frame in zip(of_play["tag"], of_play["frame"], strict=True))


def _ending(plays: pd.DataFrame) -> np.ndarray:
    """How each dropback ended, a key of `RELEASES`."""
    outcome = plays["outcome"].astype(object)
    return outcome.where(outcome.isin(["sack", "scramble"]), "pass").to_numpy()


def _by_machine_alone(tagged: pd.DataFrame, moment: np.ndarray) -> int:
    """Plays whose moment has a tag of the machine's and no other."""
    there = tagged[tagged["frame"] == moment[tagged["play"]]]
    return int(there["tag"].str.startswith(MACHINE).groupby(there["play"]).all().sum())


def _events(
    tagged: pd.DataFrame, snap: np.ndarray, release: np.ndarray, ending: np.ndarray, grid: _Grid, met: Counter[str]
) -> np.ndarray:
    """Code into EVENTS of each moment of the grid. Of several tags the snap or release wins, then any of the list."""
    none, other = EVENTS.index("none"), EVENTS.index("other")
    play, frame, tag = (tagged[name].to_numpy() for name in ("play", "frame", "tag"))
    here = (frame >= grid.low[play]) & (frame <= grid.high[play])
    play, frame, tag = play[here], frame[here], tag[here]
    away = (frame != snap[play]) & (frame != release[play])
    machine = np.array([name.startswith(MACHINE) for name in tag], dtype=bool)
    ends = {*SNAPS, *(name for names in RELEASES.values() for name in names)} - {"run"}
    known = np.array([name in EVENTS and name not in ends for name in tag], dtype=bool)
    met["tags_by_machine"] += int((away & machine).sum())
    met["tags_other"] += int((away & ~machine & ~known).sum())
    event = np.full(len(grid.play), none, dtype=np.int8)
    at = grid.start[play] + frame - grid.first[play]
    for named in (~known & ~machine, known):
        code = [EVENTS.index(name) if is_known else other for name, is_known in zip(tag[named], known[named])]
        event[at[named][::-1]] = code[::-1]  # of two the first stays
    event[grid.start + snap - grid.first] = EVENTS.index("ball_snap")
    event[grid.start + release - grid.first] = [EVENTS.index(RELEASES[kind][0]) for kind in ending]
    return event


# --- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Men:
    """Who is in each of P plays, in order of id, the ball (0) first.

    `id` and `side` (a code into SIDES, -1 for neither team) have one entry a man, `start` the first of each play and,
    last, their number. `stranger` names a team of each play that is neither, "" where there is none.
    """

    id: np.ndarray
    side: np.ndarray
    start: np.ndarray
    stranger: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame, play: np.ndarray, plays: pd.DataFrame) -> _Men:
        """From some rows of tracking, with columns `id` and `team`, and the number of their play."""
        seen = pd.DataFrame({"play": play, "id": _ids(rows["id"]), "team": rows["team"].array})
        seen = seen.drop_duplicates().sort_values(["play", "id"])  # whoever changes teams counts twice
        of = seen["play"].to_numpy()
        team = seen["team"].astype(object).to_numpy()
        side = np.select(
            [
                seen["id"].to_numpy() == 0,
                team == plays["offence_team"].to_numpy(dtype=object)[of],
                team == plays["defence_team"].to_numpy(dtype=object)[of],
            ],
            [SIDES.index("ball"), SIDES.index("offence"), SIDES.index("defence")],
            -1,
        )
        stranger = np.full(len(plays), "", dtype=object)
        stranger[of[side < 0]] = team[side < 0]
        return cls(seen["id"].to_numpy(), side, np.searchsorted(of, np.arange(len(plays) + 1)), stranger)

    @property
    def _play(self) -> np.ndarray:
        """Number of the play of each man."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def counts(self) -> np.ndarray:
        """How many each play has of each of SIDES: (P, 3)."""
        counts = np.zeros((len(self.start) - 1, len(SIDES)), dtype=np.int64)
        ours = self.side >= 0
        np.add.at(counts, (self._play[ours], self.side[ours]), 1)
        return counts

    @property
    def eleven_a_side(self) -> np.ndarray:
        """Whether each play has eleven of either team and the ball: (P,)."""
        return (self.counts == [1 if side == "ball" else 11 for side in SIDES]).all(axis=1)

    def attacks(self, player: np.ndarray) -> np.ndarray:
        """Whether the offence of each play has this player, one a play: (P,)."""
        here = (self.id == player[self._play]) & (self.side == SIDES.index("offence"))
        return np.bincount(self._play[here], minlength=len(player)) > 0

    def among(self, plays: np.ndarray) -> _Men:
        """The men of some plays, all of which have eleven a side."""
        at = (self.start[plays][:, None] + np.arange(ENTITIES)).ravel()
        return _Men(self.id[at], self.side[at], ENTITIES * np.arange(len(plays) + 1), self.stranger[plays])

    def place(self, play: np.ndarray, player: pd.Series) -> np.ndarray:
        """Place among the 23 of its play of each of some rows."""
        shift = 1 + int(self.id.max(initial=0))
        key = np.repeat(np.arange(len(self.start) - 1), ENTITIES) * shift + self.id
        return np.searchsorted(key, play * shift + _ids(player)) - ENTITIES * play


@dataclass(frozen=True)
class _Grid:
    """Every row that P plays should have: F moments, 23 rows each.

    `first` and `last` (P,) are the frames of a play that any row is of, `low` and `high` those between which all rows
    are there or were filled; `start` (P,) is the first moment of a play, `play` and `frame` (F,) say whose it is;
    `values` (F, 23, 6) are `MEASURED` as in the file, and `filled` (F, 23) marks the rows that were not in it.
    """

    first: np.ndarray
    last: np.ndarray
    low: np.ndarray
    high: np.ndarray
    start: np.ndarray
    play: np.ndarray
    frame: np.ndarray
    values: np.ndarray
    filled: np.ndarray

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        play: np.ndarray,
        frame: np.ndarray,
        place: np.ndarray,
        sound: np.ndarray,
        n: int,
        met: Counter[str],
    ) -> _Grid:
        """From rows of tracking: the number of their play, their frame, their place among the 23, and which count."""
        first, last = np.full(n, np.iinfo(np.int64).max), np.full(n, -1)
        np.minimum.at(first, play, frame)
        np.maximum.at(last, play, frame)
        length = last - first + 1
        start = np.cumsum(length) - length
        slot = (start[play] + frame - first[play]) * ENTITIES + place
        row = np.full(int(length.sum()) * ENTITIES, -1)
        taken = np.zeros(len(row), dtype=bool)
        taken[slot] = True
        met["rows_repeated"] += len(slot) - int(taken.sum())
        counted = np.flatnonzero(sound)[::-1]
        row[slot[counted]] = counted  # of two the first stays
        there = row >= 0
        values = np.full((len(row), len(MEASURED)), np.nan)
        values[there] = rows[list(MEASURED)].to_numpy()[row[there]]
        values = values.reshape(-1, ENTITIES, len(MEASURED))
        there = there.reshape(-1, ENTITIES)
        low, high = first.copy(), last.copy()
        of = np.repeat(np.arange(n), length)
        for number, man in {(int(of[moment]), int(man)) for moment, man in np.argwhere(~there)}:
            moments = slice(start[number], start[number] + length[number])
            begin, end = _fill(values[moments, man], there[moments, man])
            low[number] = max(low[number], first[number] + begin)
            high[number] = min(high[number], first[number] + end)
        return cls(first, last, low, high, start, of, np.arange(len(of)) - start[of] + first[of], values, ~there)


def _fill(values: np.ndarray, there: np.ndarray) -> tuple[int, int]:
    """Fill the holes of one man's track in place; returns the first and last moment between which it is whole.

    A hole of more than `FILL` moments ends the track: the longer part counts. Without any row the last comes before the
    first.

    Args:
        values: `MEASURED`, shape (moments, 6); the last two are angles, in degrees.
        there: Which moments have a row, shape (moments,).
    """
    known = np.flatnonzero(there)
    if not len(known):
        return len(there), -1
    runs = np.split(known, np.flatnonzero(np.diff(known) > FILL + 1) + 1)
    run = max(runs, key=lambda run: run[-1] - run[0])
    missing = np.setdiff1d(np.arange(run[0], run[-1] + 1), run)
    for column in range(values.shape[1]):
        track = values[run, column]
        if column < 4:
            values[missing, column] = np.interp(missing, run, track)
        else:
            values[missing, column] = np.interp(missing, run, np.unwrap(track, period=360)) % 360
    return int(run[0]), int(run[-1])


def _ids(player: pd.Series) -> np.ndarray:
    return player.fillna(0).to_numpy().astype(np.int64)


# --- both tables ------------------------------------------------------------------------------------------------------


def _finish(
    plays: pd.DataFrame,
    edition: _Edition,
    file: str,
    men: _Men,
    roster: pd.DataFrame,
    left: np.ndarray,
    met: Counter[str],
) -> pd.DataFrame:
    """The columns that need to know who was on the field and which way it went."""
    line = plays["line_of_scrimmage"].to_numpy(dtype=float)
    line = np.where(left, FOOTBALL.field_length - line, line)
    to_goal = np.rint(FOOTBALL.goal_line - line).astype(np.int64)
    ids, side = men.id.reshape(-1, ENTITIES), men.side.reshape(-1, ENTITIES)
    attack = side == SIDES.index("offence")
    known = roster.reindex(men.id)
    if edition.year == 2023:
        names = known["name"].fillna("").to_numpy(dtype=object).reshape(-1, ENTITIES)
        plays["target_id"] = [
            _target(text, ids[row][attack[row]], names[row][attack[row]]) for row, text in enumerate(plays["text"])
        ]
    else:
        group = known["group"].fillna("other").to_numpy(dtype=object).reshape(-1, ENTITIES)
        plays["offence_personnel"] = _personnel(group, attack, ("RB", "TE", "WR"))
        plays["defence_personnel"] = _personnel(group, side == SIDES.index("defence"), ("DL", "LB", "DB"))
    passed = plays["outcome"].isin(["complete", "incomplete", "interception"])
    plays["target_id"] = plays["target_id"].where(passed & men.attacks(plays["target_id"].to_numpy()), 0)
    met["targets_unknown"] += int((passed & (plays["target_id"] == 0)).sum())
    return plays.assign(
        line_of_scrimmage=line,
        yards_to_goal=to_goal,
        yards_to_go=np.minimum(plays["yards_to_go"], to_goal),
        play_direction=pd.Categorical.from_codes((~left).astype(int), categories=["left", "right"]),
        touchdown=plays["touchdown"] & (plays["yards_gained"] == to_goal),
        file=file,
    )


def _target(text: str, ids: np.ndarray, names: np.ndarray) -> int:
    """Who of the offence was thrown to by the text of the play, as in "to J.Doe for 7 yards"; 0 if not one man fits.

    The text has the first letters of a player's first name, a point and his family name. The longest such name that
    the text goes on with counts, and among namesakes the one whose whole first name it is (Jo, not John).
    """
    match = TARGET.search(text)
    if match is None:
        return 0
    rest = text[match.end() :].replace(". ", ".")
    fits: list[tuple[tuple[int, bool], int]] = []
    for player, name in zip(ids, names, strict=True):
        first, _, last = SUFFIX.sub("", name).partition(" ")
        for letters in range(1, len(first) + 1):
            short = f"{first[:letters]}.{last}".replace(". ", ".")
            if last and rest.startswith(short) and not rest[len(short) :][:1].isalpha():
                fits.append(((len(short), letters == len(first)), int(player)))
    best = [player for fit, player in fits if fit == max(fits)[0]]
    return best[0] if len(best) == 1 else 0


def _personnel(group: np.ndarray, side: np.ndarray, groups: tuple[str, ...]) -> list[str]:
    """As in 1 RB, 1 TE, 3 WR, for each play."""
    counts = [((group == name) & side).sum(axis=1) for name in groups]
    return [", ".join(f"{n} {name}" for n, name in zip(of, groups, strict=True)) for of in np.transpose(counts)]


def _frames(
    plays: pd.DataFrame,
    grid: _Grid,
    whole: np.ndarray,
    men: _Men,
    roster: pd.DataFrame,
    left: np.ndarray,
    event: np.ndarray,
) -> pd.DataFrame:
    """The table of frames of the plays that are whole, turned to the right."""
    kept = whole[grid.play] & (grid.frame >= grid.low[grid.play]) & (grid.frame <= grid.high[grid.play])
    play = grid.play[kept]
    values = grid.values[kept]
    turned = left[play]
    values[turned, :, 0] = FOOTBALL.field_length - values[turned, :, 0]
    values[turned, :, 1] = FOOTBALL.field_width - values[turned, :, 1]
    values[turned, :, 4:] = (values[turned, :, 4:] + 180.0) % 360.0
    group = roster["group"].reindex(men.id).fillna("other").where(men.id > 0, "ball").to_numpy()
    code = pd.Categorical(group, categories=list(POSITIONS)).codes

    def of_moment(entries: np.ndarray) -> np.ndarray:
        return np.repeat(entries, ENTITIES)

    def of_man(entries: np.ndarray) -> np.ndarray:
        return entries.reshape(-1, ENTITIES)[play].ravel()

    return pd.DataFrame(
        {
            "game_id": of_moment(plays["game_id"].to_numpy()[play]),
            "play_id": of_moment(plays["play_id"].to_numpy()[play].astype(np.int32)),
            "frame_id": of_moment((grid.frame[kept] - grid.low[play] + 1).astype(np.int16)),
            "player_id": of_man(men.id.astype(np.int32)),
            "side": pd.Categorical.from_codes(of_man(men.side.astype(np.int8)), categories=list(SIDES)),
            "position": pd.Categorical.from_codes(of_man(code), categories=list(POSITIONS)),
            **{name: values[..., at].ravel().astype(np.float32) for at, name in enumerate(MEASURED.values())},
            "event": pd.Categorical.from_codes(of_moment(event[kept]), categories=list(EVENTS)),
            "repaired": grid.filled[kept].ravel(),
        },
        copy=False,
    )


# --- files ------------------------------------------------------------------------------------------------------------


def _read(path: Path, kinds: dict[str, str]) -> pd.DataFrame:
    """Some columns of a CSV file, NA, None and empty entries missing; whole numbers are checked and stay floats."""
    types = {name: _KINDS[kind] for name, kind in kinds.items()}
    nulls = ["NA", "None", "NaN", "nan", ""]
    options = {"include_columns": list(kinds), "null_values": nulls, "strings_can_be_null": True}
    try:
        with path.open("rb") as file:
            header = file.readline().decode("utf-8-sig").strip().replace('"', "").split(",")
        missing = [name for name in kinds if name not in header]
        if missing:
            raise ValueError(
                f"{path.name}, line 1: expected the columns {', '.join(kinds)}; missing are {', '.join(missing)}. "
                f"Correct the header."
            )
        table = pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(column_types=types, **options))
    except pa.ArrowInvalid as error:
        _locate(path, kinds, options)
        raise ValueError(f"{path.name}: expected comma-separated text, and {error}. Correct the file.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: expected text in UTF-8, and {error}. Correct the file.") from error
    rows = table.to_pandas()
    for name, kind in kinds.items():
        if kind == "integer":
            wrong = rows[name].notna() & ((rows[name] != rows[name].round()) | np.isinf(rows[name]))
            _refuse(path, name, wrong, rows, "an integer")
        elif kind == "word":
            rows[name] = rows[name].astype("category")
    return rows


def _locate(path: Path, kinds: dict[str, str], options: dict) -> None:
    """Raise with the line of the first entry that is no number; return if all are."""
    texts = pa.csv.ConvertOptions(column_types=dict.fromkeys(kinds, pa.string()), **options)
    try:
        rows = pa.csv.read_csv(path, convert_options=texts).to_pandas()
    except pa.ArrowInvalid:
        return  # not the entries but the shape of the file is wrong
    for name, kind in kinds.items():
        if kind in ("integer", "number"):
            number = pd.to_numeric(rows[name], errors="coerce")
            _refuse(path, name, number.isna() & rows[name].notna(), rows, "a number")


def _refuse(path: Path, column: str, wrong: pd.Series | np.ndarray, rows: pd.DataFrame, expected: str) -> None:
    """Raise a ValueError with file, line, column and value if any row is wrong; the index of `rows` counts from 0."""
    if np.any(wrong):
        _files.refuse(rows.assign(line=rows.index + 2), path.name, column, wrong, expected)
