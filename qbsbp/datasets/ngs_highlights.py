"""NGS highlights: passes of the NFL's seasons 2017 to 2019, 22 players and the ball, collected by Adam Sonty.

**No licence was stated, and the NFL regards this data as its own.** The files may be fetched from the publisher for
your own use; neither they nor a table with a row a play made from them belongs in a package, a built book or a
repository. Players are named in the files; no name is kept here, only the league's numbers.

**The plays were chosen because of their outcome**: a mean gain of 35 yards, two of three a touchdown, hardly an
incompletion, no sack. They teach format, timing and movement, and nothing about how many yards a pass gains: whoever
fits a model to them must say so. Chapter: meeting the data.

What one has to know about these files, each measured on them and counted in the report:

* `frame` counts the rows of one player or of the ball and differs between them in some files: rows meet by `time`.
* A moment with two tags has all its rows twice. One is kept, with the tag that matters more.
* The snap is tagged `ball_snap` or, where the ball went to no quarterback, `snap_direct`; the release `pass_forward` or
  `pass_shovel`. Where a pass backwards was tagged too, the last of the tags is the release.
* Before the snap and after the play, players or the ball lack rows at some times. From snap to release nobody does, or
  the file is refused. Kept is the longest run of complete frames around: from the frame after the last hole before the
  snap to the frame before the first one after the release.
* The text of a play that was reviewed tells it twice. Only what follows the last "REVERSED." counts.
* `yardlineSide` is empty at midfield; `absoluteYardlineNumber` never is and is what the line of scrimmage comes from.
* In one play the picture stands still for some tenths of a second, again and again, while the players run, who then
  jump by yards to catch up. `qbsbp.tracking.repair_holes` finds it.
* Two plays were published under the names of both teams, with identical content. One of each is kept.

Passer and target come from the text ("A.Passer pass deep right to B.Target"), whose names are looked up among the
eleven of the offence. Where not exactly one player fits, the passer is the player, linemen apart, nearest the ball 0.4
s before the release (the tag of the release often comes when the ball has passed the linemen already), and there is no
target. In the 311 files at hand every passer and target was found by name; the rule by place agrees with 310 of the
passers.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from qbsbp import schema
from qbsbp.datasets import _files
from qbsbp.schema import EVENTS, FOOTBALL, Quirk, Rejected, Report, Tracking

__all__ = ["SOURCE", "COLUMNS", "read", "outcome"]

SOURCE = _files.Source(
    name="ngs_highlights",
    title="NGS highlights",
    address="https://raw.githubusercontent.com/asonty/ngs_highlights/190df5caa12ec799b2c7579e16f62bdf1d203082/",
    licence="none stated: own use only, never to be passed on, in whole or play by play",
    cite="Sonty (2020), github.com/asonty/ngs_highlights",
    partial=True,
    compressed=True,
)
PLAY_COLUMNS = (
    "gameId", "playId", "playType", "season", "seasonType", "week", "preSnapHomeScore", "preSnapVisitorScore",
    "playDirection", "quarter", "gameClock", "down", "yardsToGo", "yardline", "yardlineSide", "yardlineNumber",
    "absoluteYardlineNumber", "playDescription",
)  # fmt: skip
"""Columns that say the same in every row of a file."""
COLUMNS = (
    *PLAY_COLUMNS[:-1], "possessionFlag", "homeTeamFlag", "teamAbbr", "frame", "displayName", "esbId", "gsisId",
    "jerseyNumber", "nflId", "position", "positionGroup", "time", "x", "y", "s", "o", "dir", "event", "playDescription",
)  # fmt: skip
"""Columns of a published file."""

ENTITIES = FOOTBALL.entities
GROUPS = {"SPEC": "other"} | {group: group for group in ("QB", "RB", "WR", "TE", "OL", "DL", "LB", "DB")}
SNAP, RELEASE = ("ball_snap", "snap_direct"), ("pass_forward", "pass_shovel")
FILE_NAME = re.compile(r"(\d{4})_([A-Z]+)_(\d+)_(\d+)\.tsv")
NAME = r"(?:\d+-)?([A-Z][A-Za-z']*)\.\s?((?:St\. )?[A-Z][A-Za-z'\-]+)"
PASSER = re.compile(NAME + r"(?: (?:Jr|Sr|II|III|IV|V)\b\.?)? (?:shovel )?pass\b")
TARGET = re.compile(r"\bpass(?: [a-z]+)*? (?:to|intended for) " + NAME)
YARDS = re.compile(r"for (?:(-?\d+) yards?|no gain)")
LOOK_BACK = 4  # frames before the release in which the ball is still in the passer's hand
MALFORMED = ("raise", "set aside")


def read(
    directory: str | os.PathLike[str] | None = None,
    *,
    download: bool = False,
    plays: int | None = None,
    malformed: str = "raise",
    verify: bool = True,
    progress: bool = True,
) -> Tracking:
    """Read NGS highlight plays into the two tables of `qbsbp.schema`, in yards and 10 frames a second.

    Files are looked for in `directory`, or else in QBSBP_DATA, in the cache, and, with `download`, at the publisher's.
    A place that has `plays` files, or any where the number is left out, is enough. The 412 files have 0.9 GB and take
    25 MB in the cache, where they are kept compressed. A download that stopped goes on where it stopped.

    Args:
        directory: A folder with the published tree or the bare files `<season>_<team>_<gameId>_<playId>.tsv`, plain or
            .xz.
        download: Whether to fetch `plays` files, or all, into the user's cache if no place has them.
        plays: How many plays to read, the first by file name of those at hand; None for all.
        malformed: What to do with a file that breaks the format: "raise", or "set aside": leave it out and name it in
            `report.rejected_table()`, with the message that it would have been refused with.
        verify: Whether to insist on the published checksums. False only together with `directory`: then every file
            there whose name has the published form is read, which is the way to read files of your own in this format.
        progress: Whether to show a bar while downloading and reading.

    Returns:
        Plays, frames, layout and report. Every play has been turned to the right. `acceleration` is made, since none is
        published: 10 abs(s(f) - s(f - 1)) yard/s², of the past alone; missing for the ball and in a first frame.

    Raises:
        DataNotFound: No place has the files, a FileNotFoundError; the message says where was looked and what to do.
        FileNotFoundError: A directory that was named is none or lacks files.
        ConnectionError: A download was asked for and failed.
        ValueError: An argument is out of range; a file is truncated or altered, or breaks the format, or all that were
            read do. The message gives file, line, column and value.
    """
    from tqdm import tqdm

    if plays is not None and plays < 1:
        raise ValueError(f"plays: expected at least 1, or None for all, came {plays}.")
    if malformed not in MALFORMED:
        raise ValueError(f"malformed: expected one of {', '.join(MALFORMED)}, came {malformed!r}.")
    stored, found = _stored(directory, plays, download=download, verify=verify, progress=progress)

    published = {PurePosixPath(file.path).name: file for file in SOURCE.files}
    parsed, rejected, seen, repeated = [], [], {}, 0
    counts: Counter[str] = Counter()
    for name, path in tqdm(stored.items(), desc=f"{SOURCE.title}: reading", unit="file", disable=not progress):
        game_id, play_id = key = tuple(map(int, FILE_NAME.fullmatch(name).groups()[2:]))
        try:
            content = _files.read_bytes(SOURCE, published[name], path) if verify else _files.uncompressed(path)
            digest = hashlib.sha256(content).digest()
            if key in seen:
                if seen[key] != digest:
                    raise ValueError(
                        f"{name}: expected play {play_id} of game {game_id} once, or twice with identical content, and "
                        "it differs from an earlier file of this play. Drop one of the two."
                    )
                repeated += 1
                continue
            play, frames, met = _parse(content, name)
        except ValueError as error:
            if malformed == "raise":
                raise
            rejected.append(Rejected(name, game_id, play_id, "files_set_aside", str(error)))
        else:
            seen[key] = digest
            parsed.append((play, frames))
            counts.update(met)
    if not parsed:
        reasons = "\n  ".join(play.detail for play in rejected)
        raise ValueError(f"{SOURCE.title}: expected at least one file in order, and all are set aside:\n  {reasons}")

    parsed.sort(key=lambda one: (one[0]["game_id"], one[0]["play_id"]))
    table = pd.DataFrame([play for play, _ in parsed])
    frames = pd.concat([frames for _, frames in parsed], ignore_index=True)
    schema.check(table, frames, FOOTBALL)
    report = Report(f"NGS highlights, chosen for their outcome; yards, 10 frames a second; {found}")
    report = report.add(Quirk("files", len(stored), "read"))
    report = report.reject({"files_set_aside": "malformed: left out"}, *rejected).add(
        Quirk("files_repeated", repeated, "a play under its other team's name, with identical content: dropped"),
        Quirk("plays", len(table), "kept"),
        *(Quirk(name, counts[name], handled) for name, handled in QUIRKS.items()),
    )
    return Tracking(table, frames, FOOTBALL, report)


QUIRKS = {
    "plays_turned": "went left, turned by half a turn",
    "rows": "read",
    "rows_repeated": "of a moment with several tags: one kept, with the tag that matters more",
    "rows_repeated_in_play": "of these, from snap to release",
    "files_rows_repeated": "with such rows",
    "files_counter_differs": "`frame` differs between rows of one time, from snap to release: matched by time",
    "files_snap_direct": "tagged snap_direct instead of ball_snap: taken as the snap",
    "files_shovel": "tagged pass_shovel instead of pass_forward: taken as the release",
    "files_two_releases": "with two releases, the first a pass backwards: the last taken",
    "files_yardline_empty": "without yardlineSide or yardlineNumber: absoluteYardlineNumber taken",
    "files_text_reversed": "reviewed and reversed: only the text after the last REVERSED. taken",
    "files_ball_missing": "without the ball at some times before the snap or after the release",
    "files_players_missing": "with some of the 22 players at some such times, not all",
    "files_players_gone": "with the ball alone at some such times",
    "frames": "moments kept",
    "frames_cut": "moments dropped, incomplete or beyond one that is",
    "passers_by_place": "not named by the text: nearest the ball 0.4 s before the release",
    "passers_elsewhere": "named by the text, and another player is nearest the ball: the text taken",
    "passers_no_quarterback": "of another position",
    "targets_unknown": "no one player fits the text: target_id 0",
    "tags_other": "tags with no place in the schema's list: other",
}
"""What the report counts, in its order, and what is done about it."""


def outcome(text: str) -> tuple[str, int]:
    """What became of a pass by its official text, and the yards it gained.

    Only what follows the last "REVERSED." counts. Then an interception and an incompletion gain 0, and a completion
    the first "for N yards", "for N yard" or "for no gain".

    Args:
        text: The column `playDescription`.

    Returns:
        "complete", "incomplete" or "interception", and yards.

    Raises:
        ValueError: The text speaks of none of these.
    """
    last = text.rpartition("REVERSED.")[2]
    if "INTERCEPTED" in last:
        return "interception", 0
    if "incomplete" in last:
        return "incomplete", 0
    gain = YARDS.search(last)
    if gain is None:
        raise ValueError(
            f"column 'playDescription', value {text!r}: expected INTERCEPTED, incomplete, or a gain as in 'for 7 yards'"
            f"{' after the last REVERSED.' if last != text else ''}. Drop the file, or correct the text."
        )
    return "complete", int(gain[1] or 0)


def _stored(
    directory: str | os.PathLike[str] | None, plays: int | None, *, download: bool, verify: bool, progress: bool
) -> tuple[dict[str, Path], str]:
    """The files to read by name, and in words where they are; with `plays`, the first that many distinct ones."""
    if verify:
        paths = [file.path for file in SOURCE.files]
        if plays is not None:
            paths = _distinct(paths)
            if plays > len(paths):
                raise ValueError(f"plays: expected at most the {len(paths)} that were published, came {plays}.")
        place = _files.locate(SOURCE, paths, directory, count=plays, download=download, progress=progress)
        stored = {PurePosixPath(path).name: file for path, file in place.files.items()}
        return dict(list(stored.items())[:plays]), f"files from {place.origin}, checksums verified"
    if directory is None or download:
        raise ValueError(
            f"verify=False: expected with it a directory of your own and no download, came directory={directory!r} and "
            f"download={download}. Published files are always verified; drop verify=False or name the directory."
        )
    stored = _files.own_files(SOURCE, directory, lambda name: FILE_NAME.fullmatch(name) is not None)
    names = sorted(stored) if plays is None else _distinct(sorted(stored))
    stored = {name: stored[name] for name in names}
    if len(stored) < (plays or 1):
        raise FileNotFoundError(
            f"{os.fspath(directory)}: expected at least {plays or 1} files named <season>_<team>_<gameId>_<playId>.tsv "
            f"or .tsv.xz there or under play_data, and found {len(stored)}. Correct the directory."
        )
    return dict(list(stored.items())[:plays]), "files from explicit path, checksums not verified"


def _distinct(paths: list[str]) -> list[str]:
    """The first path of each play."""
    first: dict[tuple[str, ...], str] = {}
    for path in paths:
        first.setdefault(FILE_NAME.fullmatch(PurePosixPath(path).name).groups()[2:], path)
    return list(first.values())


def _parse(content: bytes, name: str) -> tuple[dict, pd.DataFrame, Counter[str]]:
    """One file: its row of the plays, its frames, and how often each quirk was met."""
    rows = _files.table(content, name, COLUMNS, tabs=True)
    met = Counter(rows=len(rows))
    facts = _facts(rows, name, met)
    rows = rows.drop(columns=[*PLAY_COLUMNS, "teamAbbr", "homeTeamFlag", "esbId", "gsisId", "jerseyNumber"])
    ball = (rows["displayName"] == "ball").to_numpy()
    rows["id"] = _ids(rows, name, ball)
    for column, limits in (("x", "x"), ("y", "y"), ("s", "speed"), ("o", "orientation"), ("dir", "direction")):
        which = rows[~ball] if column in ("o", "dir") else rows
        values, limits = _files.numbers(which, name, column), FOOTBALL.frames[limits]
        _files.refuse(which, name, column, ~values.between(limits.low, limits.high), limits.expected)
        rows[column] = values  # NaN for the ball where it has none
    roster = _roster(rows, name, ball)

    # Rows meet by time, in steps of 0.1 s from the file's first.
    time = pd.to_datetime(rows["time"], format="%Y-%m-%d %H:%M:%S.%f", errors="coerce")
    _files.refuse(rows, name, "time", time.isna(), "a time as in 2018-01-15 01:06:52.000")
    tenths = (time - time.min()).dt.total_seconds().to_numpy() * 10
    rows["step"] = np.round(tenths).astype(int)
    _files.refuse(rows, name, "time", np.abs(tenths - rows["step"]) > 1e-6, "steps of 0.1 s from the file's first time")
    _files.refuse(rows, name, "time", rows["step"] > 6000, "no more than ten minutes in a file")

    snap, release = _moments(rows, name, met)
    counter = rows.loc[rows["step"].between(snap, release)].groupby("step")["frame"]
    met["files_counter_differs"] = int((counter.min() != counter.max()).any())
    rows, tags = _one_row_each(rows, name, snap, release, met)
    grid, present = _grid(rows, roster)
    first, last = _complete_run(present, roster, snap, release, time.min(), name, met)
    event = _events(tags, len(present), snap, release, met)

    speed = grid["s"]
    grid["acceleration"] = np.abs(np.diff(speed, axis=0, prepend=np.nan * speed[:1])) * FOOTBALL.frames_per_second
    grid["acceleration"][:, 0] = np.nan  # of the ball, thrown and caught within a tenth, it means nothing
    if facts["play_direction"] == "left":
        met["plays_turned"] = 1
        grid["x"], grid["y"] = FOOTBALL.field_length - grid["x"], FOOTBALL.field_width - grid["y"]
        grid["o"], grid["dir"] = (grid["o"] + 180) % 360, (grid["dir"] + 180) % 360
    facts |= _who(facts.pop("text"), roster, grid, release, met)
    facts |= {
        "snap_frame": snap - first + 1,
        "release_frame": release - first + 1,
        "play_action": bool((event[snap : release + 1] == EVENTS.index("play_action")).any()),
        "offence_personnel": _personnel(roster, "offence", ("RB", "TE", "WR")),
        "defence_personnel": _personnel(roster, "defence", ("DL", "LB", "DB")),
        "file": name,
    }
    kept = slice(first, last + 1)
    steps = last - first + 1
    frames = pd.DataFrame(
        {
            "game_id": facts["game_id"],
            "play_id": facts["play_id"],
            "frame_id": np.repeat(np.arange(1, steps + 1), ENTITIES),
            "player_id": np.tile(roster.index.to_numpy(), steps),
            "side": _category(np.tile(roster["side"], steps), FOOTBALL.frames["side"].values),
            "position": _category(np.tile(roster["position"], steps), FOOTBALL.frames["position"].values),
            "x": grid["x"][kept].ravel(),
            "y": grid["y"][kept].ravel(),
            "speed": grid["s"][kept].ravel(),
            "acceleration": grid["acceleration"][kept].ravel(),
            "direction": grid["dir"][kept].ravel(),
            "orientation": grid["o"][kept].ravel(),
            "event": pd.Categorical.from_codes(np.repeat(event[kept], ENTITIES), categories=EVENTS),
        }
    )
    met["frames"] = steps
    return facts, frames, met


def _facts(rows: pd.DataFrame, name: str, met: Counter[str]) -> dict:
    """What holds for the play as a whole, checked; the text is still with it."""
    for column in PLAY_COLUMNS:
        first = rows[column].iloc[0]
        same = rows[column].isna() if pd.isna(first) else rows[column] == first
        _files.refuse(rows, name, column, ~same, f"the value of the file's first row, {first!r}, in every row")
    whole = (
        "gameId", "playId", "season", "week", "preSnapHomeScore", "preSnapVisitorScore", "quarter", "down", "yardsToGo",
        "absoluteYardlineNumber",
    )  # fmt: skip
    start = rows[:1]
    value = {column: int(_files.numbers(start, name, column, whole=True).iloc[0]) for column in whole}
    season, _, game, play = FILE_NAME.fullmatch(name).groups()
    for column, named in (("season", season), ("gameId", game), ("playId", play)):
        _files.refuse(start, name, column, [value[column] != int(named)], f"{int(named)}, as in the file's name")
    kind, direction = rows["playType"].iloc[0], rows["playDirection"].iloc[0]
    _files.refuse(start, name, "playType", [kind != "play_type_pass"], "play_type_pass")
    _files.refuse(start, name, "playDirection", [direction not in ("left", "right")], "left or right")
    clock = re.fullmatch(r"(\d\d):([0-5]\d)", str(rows["gameClock"].iloc[0]))
    _files.refuse(start, name, "gameClock", [clock is None], "minutes and seconds as in 04:32")
    text = str(rows["playDescription"].iloc[0])
    try:
        result, yards = outcome(text)
    except ValueError as error:
        raise ValueError(f"{name}, {error}") from error
    line = value["absoluteYardlineNumber"]
    line = int(FOOTBALL.field_length) - line if direction == "left" else line
    to_goal = int(FOOTBALL.goal_line) - line
    if not yards <= to_goal:
        raise ValueError(
            f"{name}, column 'playDescription': expected a gain of at most the {to_goal} yards to the goal line, came "
            f"{yards}. Correct the text or absoluteYardlineNumber."
        )
    team = {
        flag: rows.loc[rows["possessionFlag"] == flag, ["teamAbbr", "homeTeamFlag"]].drop_duplicates()
        for flag in (1, 0)
    }
    for flag, teams in team.items():
        if len(teams) != 1 or teams.isna().any(axis=None):
            raise ValueError(
                f"{name}, columns 'teamAbbr' and 'homeTeamFlag': expected one team with possessionFlag {flag}, came "
                f"{teams.to_dict('records')}. Correct the rows."
            )
    lead = value["preSnapHomeScore"] - value["preSnapVisitorScore"]
    met["files_yardline_empty"] = int(rows[["yardlineSide", "yardlineNumber"]].iloc[0].isna().any())
    met["files_text_reversed"] = int("REVERSED." in text)
    facts = {
        "game_id": value["gameId"],
        "play_id": value["playId"],
        "season": value["season"],
        "week": value["week"],
        "offence_team": team[1]["teamAbbr"].iloc[0],
        "defence_team": team[0]["teamAbbr"].iloc[0],
        "quarter": value["quarter"],
        "clock": 60.0 * int(clock[1]) + int(clock[2]),
        "down": value["down"],
        "yards_to_go": value["yardsToGo"],
        "line_of_scrimmage": float(line),
        "yards_to_goal": to_goal,
        "score_difference": lead if team[1]["homeTeamFlag"].iloc[0] == 1 else -lead,
        "play_direction": direction,
        "outcome": result,
        "yards_gained": yards,
        "touchdown": result == "complete" and yards == to_goal and "TOUCHDOWN" in text.rpartition("REVERSED.")[2],
        "text": text,
    }
    for column, own in zip(("week", "quarter", "down", "yardsToGo"), ("week", "quarter", "down", "yards_to_go")):
        limits = FOOTBALL.plays[own]
        _files.refuse(start, name, column, [not limits.low <= facts[own] <= limits.high], limits.expected)
    limits = FOOTBALL.plays["yards_to_goal"]
    wrong = not limits.low <= to_goal <= limits.high
    _files.refuse(start, name, "absoluteYardlineNumber", [wrong], "an integer from 11 to 109")
    return facts


def _ids(rows: pd.DataFrame, name: str, ball: np.ndarray) -> np.ndarray:
    if not ball.any():
        raise ValueError(f"{name}, column 'displayName': expected rows of the ball, named ball, and found none.")
    ids = np.zeros(len(rows), dtype="int64")
    ids[~ball] = _files.numbers(rows[~ball], name, "nflId", whole=True)
    _files.refuse(rows, name, "nflId", (ids < 1) & ~ball, "a positive number for every player")
    return ids


def _roster(rows: pd.DataFrame, name: str, ball: np.ndarray) -> pd.DataFrame:
    """The ball and the 22 players by id: `side`, `position` and, for the time of reading, `name`."""
    players = rows[~ball]
    _files.refuse(players, name, "possessionFlag", ~players["possessionFlag"].isin([0, 1]), "0 or 1 for every player")
    group = players["positionGroup"]
    _files.refuse(players, name, "positionGroup", ~group.isin(GROUPS), f"one of {', '.join(GROUPS)}")
    for column in ("possessionFlag", "positionGroup"):
        first = players.groupby("id")[column].transform("first")
        _files.refuse(players, name, column, players[column] != first, "the same for all rows of a player")
    roster = players.drop_duplicates("id").set_index("id")
    offence = roster["possessionFlag"] == 1
    if len(roster) != ENTITIES - 1 or offence.sum() != 11:
        raise ValueError(
            f"{name}, column 'nflId': expected 11 players with possession and 11 without, found {offence.sum()} and "
            f"{len(roster) - offence.sum()}. Complete the file or drop it."
        )
    roster = pd.DataFrame(
        {
            "side": np.where(offence, "offence", "defence"),
            "position": roster["positionGroup"].map(GROUPS),
            "name": roster["displayName"].astype(str),
        }
    )
    roster.loc[0] = ("ball", "ball", "ball")
    return roster.sort_index()


def _moments(rows: pd.DataFrame, name: str, met: Counter[str]) -> tuple[int, int]:
    """Steps of the snap and of the release."""
    snaps = np.unique(rows.loc[rows["event"].isin(SNAP), "step"])
    releases = np.unique(rows.loc[rows["event"].isin(RELEASE), "step"])
    if len(snaps) != 1:
        raise ValueError(
            f"{name}, column 'event': expected one moment tagged {' or '.join(SNAP)}, found {len(snaps)}. Correct the "
            "tags or drop the file."
        )
    if not len(releases) or releases[-1] <= snaps[0]:
        raise ValueError(
            f"{name}, column 'event': expected a moment tagged {' or '.join(RELEASE)} after the snap, found "
            f"{len(releases)} in the file and none there. Correct the tags or drop the file."
        )
    snap, release = int(snaps[0]), int(releases[-1])
    met["files_snap_direct"] = int((rows["event"] == SNAP[1]).any())
    met["files_shovel"] = int((rows.loc[rows["step"] == release, "event"] == RELEASE[1]).any())
    met["files_two_releases"] = int(len(releases) > 1)
    return snap, release


def _one_row_each(
    rows: pd.DataFrame, name: str, snap: int, release: int, met: Counter[str]
) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    """The first row of each player and moment, and every tag with its step; repetitions may differ in the tag alone."""
    key = ["step", "id"]
    repeated = rows.duplicated(key)
    if repeated.any():
        several = rows[rows.duplicated(key, keep=False)]
        for column in ("x", "y", "s", "o", "dir"):
            first = several.groupby(key)[column].transform("first")
            differs = (several[column] != first) & several[column].notna()
            _files.refuse(several, name, column, differs, "the same in all rows of one player at one time")
        met["files_rows_repeated"] = 1
        met["rows_repeated"] = int(repeated.sum())
        met["rows_repeated_in_play"] = int((repeated & rows["step"].between(snap, release) & (rows["id"] > 0)).sum())
    tags = rows.loc[rows["event"].notna(), ["step", "event"]].drop_duplicates()
    return rows[~repeated], list(tags.itertuples(index=False, name=None))


def _grid(rows: pd.DataFrame, roster: pd.DataFrame) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns as arrays (steps, entities) in the order of `roster`, NaN where there is no row; and where there is."""
    shape = (int(rows["step"].max()) + 1, ENTITIES)
    at = (rows["step"].to_numpy(), np.searchsorted(roster.index.to_numpy(), rows["id"].to_numpy()))
    present = np.zeros(shape, dtype=bool)
    present[at] = True
    grid = {}
    for column in ("x", "y", "s", "o", "dir"):
        grid[column] = np.full(shape, np.nan)
        grid[column][at] = rows[column].to_numpy()
    return grid, present


def _complete_run(
    present: np.ndarray, roster: pd.DataFrame, snap: int, release: int, start: pd.Timestamp, name: str,
    met: Counter[str],
) -> tuple[int, int]:  # fmt: skip
    """First and last step of the run of complete frames that holds snap and release."""
    holes = np.flatnonzero(~present.all(axis=1))
    inside = holes[(holes >= snap) & (holes <= release)]
    if len(inside):
        step = int(inside[0])
        who = ", ".join("the ball" if one == 0 else str(one) for one in roster.index[~present[step]])
        raise ValueError(
            f"{name}, time {start + pd.Timedelta(100 * step, 'ms')}: expected 22 players and the ball at every 0.1 s "
            f"from snap to release, and this moment lacks {who} ({len(inside)} of {release - snap + 1} moments lack "
            "somebody). Complete the file or drop it."
        )
    before, after = holes[holes < snap], holes[holes > release]
    first = int(before[-1]) + 1 if len(before) else 0
    last = int(after[0]) - 1 if len(after) else len(present) - 1
    met["files_ball_missing"] = int((~present[:, 0]).any())
    players = present[:, 1:].sum(axis=1)
    met["files_players_missing"] = int(((players > 0) & (players < ENTITIES - 1)).any())
    met["files_players_gone"] = int((present[:, 0] & (players == 0)).any())
    met["frames_cut"] = len(present) - (last - first + 1)
    return first, last


def _events(tags: list[tuple[int, str]], steps: int, snap: int, release: int, met: Counter[str]) -> np.ndarray:
    """One code into EVENTS a step. Of several tags the snap or release wins, then any of the list, then `other`."""
    other = EVENTS.index("other")
    event = np.zeros(steps, dtype=np.int8)
    for step, tag in tags:
        known = tag in EVENTS and tag not in (*SNAP, *RELEASE)
        met["tags_other"] += not known and step not in (snap, release)
        code = EVENTS.index(tag) if known else other
        if event[step] in (0, other):  # of two listed tags the first stays
            event[step] = code
    event[snap], event[release] = EVENTS.index("ball_snap"), EVENTS.index("pass_forward")
    return event


def _who(text: str, roster: pd.DataFrame, grid: dict[str, np.ndarray], release: int, met: Counter[str]) -> dict:
    """Passer and target."""
    last = text.rpartition("REVERSED.")[2]
    offence = roster[roster["side"] == "offence"]
    named, target = (_named(pattern.search(last), offence) for pattern in (PASSER, TARGET))
    step = max(release - LOOK_BACK, 0)
    gap = np.hypot(grid["x"][step] - grid["x"][step, 0], grid["y"][step] - grid["y"][step, 0])
    may = (roster["side"] == "offence") & (roster["position"] != "OL")
    nearest = int(roster.index[np.nanargmin(np.where(may, gap, np.inf))])
    passer = named or nearest
    met["passers_by_place"] = int(not named)
    met["passers_elsewhere"] = int(passer != nearest)
    met["passers_no_quarterback"] = int(roster.loc[passer, "position"] != "QB")
    met["targets_unknown"] = int(not target)
    return {"passer_id": passer, "target_id": target}


def _named(match: re.Match[str] | None, offence: pd.DataFrame) -> int:
    """The one player with the initial and the surname of the match; or 0."""
    if match is None:
        return 0
    initial, surname = match[1][0], _letters(match[2])
    split = offence["name"].str.partition(" ")
    fits = split[0].str.startswith(initial) & (split[2].map(_letters) == surname)
    return int(offence.index[fits][0]) if fits.sum() == 1 else 0


def _letters(surname: str) -> str:
    """A surname's letters alone, without Jr. and the like."""
    return re.sub(r"[^a-z]", "", re.sub(r" (Jr|Sr|II|III|IV|V)\.?$", "", surname).lower())


def _personnel(roster: pd.DataFrame, side: str, groups: tuple[str, ...]) -> str:
    """As in 1 RB, 1 TE, 3 WR."""
    count = roster.loc[roster["side"] == side, "position"].value_counts()
    return ", ".join(f"{count.get(group, 0)} {group}" for group in groups)


def _category(values: np.ndarray, categories: tuple[str, ...]) -> pd.Categorical:
    return pd.Categorical(values, categories=categories)
