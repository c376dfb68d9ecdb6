"""Ultimate Track: ultimate, 14 players and the disc filmed by drone, 64 possessions of four games.

Published under the MIT licence by S. Iwashita, N. Ding and K. Fujii, "Evaluating Movement Initiation Timing in Ultimate
Frisbee via Temporal Counterfactuals", 2025, arXiv:2508.17611; players are anonymous. Chapter: real tracking data.

What one has to know about these files, each measured on them and counted in the report:

* The published velocity is the mean of five backward differences centred on its frame, so it looks two frames ahead,
  and so does the acceleration made from it. Neither is read: `qbsbp.tracking.prepare` makes both from the past alone.
* 29 files begin with a frame 0 of players in pixels, which is dropped.
* From release to catch the disc is drawn along a straight line to where it will be caught. Those rows give the answer
  away and are marked `flight`: an outcome may use them, an input may not.
* 35 possessions end in a throw whose end is not recorded. In 18 of them the disc simply stays where it was released, so
  these rows are no outcome either and are marked `unrecorded`.
* At the end of two possessions some players jump by several metres. The jumps over the last three frames have the sizes
  1/5, 1/4 and 1/3 of one and the same step: positions were published as centred means over five frames, fewer at the
  end, and one wrong last frame went into three. So even a published *position* knows two frames (0.13 s) of the future,
  which no reader can undo.
"""

from __future__ import annotations

import os
import re

import numpy as np
import pandas as pd

from qbsbp import schema
from qbsbp.datasets import _files
from qbsbp.schema import ULTIMATE, Quirk, Report, Tracking

__all__ = ["SOURCE", "COLUMNS", "read", "throws"]

SOURCE = _files.Source(
    name="ultimate_track",
    title="Ultimate Track",
    address="https://raw.githubusercontent.com/shunsuke-iwashita/VTCS/0ce5552a757ec12eab2a7dfdc58b2a47d5a6e121/",
    licence="MIT",
    cite="Iwashita, Ding and Fujii (2025), arXiv:2508.17611",
)
COLUMNS = ("frame", "id", "class", "x", "y", "vx", "vy", "ax", "ay", "closest", "holder")
"""Columns of a published file. vx, vy, ax, ay and closest are checked and not used."""

DISC = 15
SIDES = {"offense": "offence", "defense": "defence", "disc": "disc"}
FILE_NAME = re.compile(r"(\d+)_(\d+)_(\d+)\.csv")


def read(
    directory: str | os.PathLike[str] | None = None,
    *,
    download: bool = False,
    verify: bool = True,
    progress: bool = True,
) -> Tracking:
    """Read Ultimate Track into the two tables of `qbsbp.schema`, in metres and 15 frames a second.

    Files are looked for in `directory`, or else in QBSBP_DATA, in the cache, and, with `download`, at the publisher's.

    Args:
        directory: A folder with the published tree or the bare files `<game>_<point>_<possession>.csv`, plain or .xz.
        download: Whether to fetch the files (15 MB) into the user's cache if no place has them.
        verify: Whether to insist on the published checksums. False only together with `directory`: then every file
            there whose name has the published form is read, which is the way to read files of your own in this format.
        progress: Whether to show a bar while downloading.

    Returns:
        Plays, frames (positions only; `qbsbp.tracking.prepare` adds velocities), layout and report. `game_id` is the
        first number of the file's name, `play_id` is 100 times the second plus the third.

    Raises:
        DataNotFound: No place has the files, a FileNotFoundError; the message says where was looked and what to do.
        FileNotFoundError: A directory that was named is none or lacks files.
        ConnectionError: A download was asked for and failed.
        ValueError: A file is truncated or altered, or breaks the format; the message gives file, line, column and
            value.
    """
    contents, found = _files.contents(
        SOURCE,
        directory,
        lambda path: path.endswith(".csv"),
        own=lambda name: FILE_NAME.fullmatch(name) is not None,
        download=download,
        verify=verify,
        progress=progress,
    )
    if not contents:
        raise FileNotFoundError(
            f"{os.fspath(directory)}: expected files named <game>_<point>_<possession>.csv or .csv.xz there or under "
            f"data/input/UltimateTrack, and found none. Correct the directory."
        )
    report = Report(f"Ultimate Track, metres, 15 frames a second; {found}")
    possessions = [_parse(content, name) for name, content in contents.items()]
    possessions.sort(key=lambda p: (p["game_id"].iloc[0], p["play_id"].iloc[0]))
    rows = pd.concat(possessions, ignore_index=True)
    frames, quirks = _clean(rows)
    plays = _plays(frames, rows)
    schema.check(plays, frames, ULTIMATE)
    tracking = Tracking(plays, frames, ULTIMATE, report.add(Quirk("files", len(contents), "read"), *quirks))
    return Tracking(plays, frames, ULTIMATE, tracking.report.add(*_throw_quirks(tracking)))


def throws(tracking: Tracking) -> pd.DataFrame:
    """Throws, one a row.

    A hold is a run of frames with one holder; the throw is released in its last frame and caught in the first frame of
    the next hold. The hold that a possession ends in, if it does, ends in no throw.

    Args:
        tracking: What `read` returns.

    Returns:
        Columns `game_id`, `play_id`, `throw` (from 1), `thrower_id`, `receiver_id`, `hold_first_frame`,
        `release_frame`, `catch_frame`, `release_x`, `release_y` (metres), `gain` (metres, disc x at the catch minus
        disc x at the release) and `completed`. Without a recorded end, `receiver_id`, `catch_frame` and `gain` are
        missing.
    """
    entities, frames = tracking.layout.entities, tracking.frames
    disc = frames.iloc[entities - 1 :: entities]
    play = disc[["game_id", "play_id"]].to_numpy()
    frame, x, y = disc["frame_id"].to_numpy(), disc["x"].to_numpy(), disc["y"].to_numpy()
    holding = frames["holds_disc"].to_numpy().reshape(-1, entities)
    holder = np.where(holding.any(axis=1), holding.argmax(axis=1) + 1, 0)

    opens = np.append(True, (play[1:] != play[:-1]).any(axis=1))  # a new play starts in this frame
    starts = np.flatnonzero(opens | np.append(True, holder[1:] != holder[:-1]))
    ends = np.append(starts[1:], len(holder)) - 1
    starts, ends = starts[holder[starts] > 0], ends[holder[starts] > 0]  # holds only
    closes = np.append(opens[1:], True)[ends]  # held when the possession ends: no throw
    follows = np.append((play[starts[1:]] == play[ends[:-1]]).all(axis=1), False)  # the next hold is of the same play
    catch = np.append(starts[1:], 0)

    table = pd.DataFrame(
        {
            "game_id": play[ends, 0],
            "play_id": play[ends, 1],
            "throw": 0,
            "thrower_id": holder[ends],
            "receiver_id": pd.array(np.where(follows, holder[catch], 0), dtype="Int64"),
            "hold_first_frame": frame[starts],
            "release_frame": frame[ends],
            "catch_frame": pd.array(np.where(follows, frame[catch], 0), dtype="Int64"),
            "release_x": x[ends],
            "release_y": y[ends],
            "gain": np.where(follows, np.round(x[catch] - x[ends], 2), np.nan),
            "completed": follows,
        }
    )
    table.loc[~follows, ["receiver_id", "catch_frame"]] = pd.NA
    table = table[follows | ~closes].reset_index(drop=True)
    table["throw"] = table.groupby(["game_id", "play_id"]).cumcount() + 1
    return table


def _parse(content: bytes, name: str) -> pd.DataFrame:
    """Rows of one file, every cell checked, with `line` (of the file), `game_id`, `play_id` and `file` added."""
    game, point, possession = map(int, FILE_NAME.fullmatch(name).groups())
    if possession > 99:
        raise ValueError(
            f"{name}: expected a possession from 0 to 99 as the name's third number, came {possession}. Rename it."
        )
    rows = _files.table(content, name, COLUMNS)
    for column in COLUMNS:
        if column == "class":
            _files.refuse(rows, name, column, ~rows[column].isin(SIDES), "one of offense, defense, disc")
        elif column == "holder":
            _files.refuse(rows, name, column, ~rows[column].isin([True, False, "True", "False"]), "True or False")
            rows[column] = rows[column].isin([True, "True"])
        else:
            rows[column] = _files.numbers(rows, name, column, whole=column in ("frame", "id", "closest"))
    _files.refuse(rows, name, "frame", rows["frame"] < 0, "a frame from 0")
    rows["game_id"], rows["play_id"], rows["file"] = game, 100 * point + possession, name
    _check_possession(rows[rows["frame"] > 0], name)
    return rows


def _check_possession(rows: pd.DataFrame, name: str) -> None:
    """Raise unless every frame from 1 on has 7 of the offence, 7 of the defence and the disc, once each."""
    if rows.empty:
        raise ValueError(f"{name}: expected frames from 1 on and found only frame 0. Drop the file.")
    _files.refuse(rows, name, "id", ~rows["id"].between(1, DISC), "an id from 1 to 14 for a player, 15 for the disc")
    repeated = rows.duplicated(["frame", "id"])
    _files.refuse(rows, name, "id", repeated, "each id once in a frame; drop the repetition")
    present = np.unique(rows["frame"])
    expected = np.arange(1, len(present) + 1)
    if (present != expected).any():
        at = int(expected[np.argmax(present != expected)])
        raise ValueError(
            f"{name}: expected frames 1, 2, 3, ... without a gap, and frame {at} is missing (the file goes on to "
            f"{present[-1]}). Fill the gap, or cut the possession there into two files."
        )
    counts = rows.groupby(["frame", "class"]).size().unstack(fill_value=0).reindex(columns=list(SIDES), fill_value=0)
    wrong = (counts != [7, 7, 1]).any(axis=1)
    if wrong.any():
        frame = wrong.idxmax()
        missing = sorted(set(range(1, DISC + 1)) - set(rows.loc[rows["frame"] == frame, "id"]))
        line = int(rows.loc[rows["frame"] == frame, "line"].iloc[0])
        raise ValueError(
            f"{name}, line {line}, column 'class', frame {frame}: expected 7 offense, 7 defense and 1 disc, and found "
            + ", ".join(f"{counts.loc[frame, side]} {side}" for side in SIDES)
            + f" (absent ids: {', '.join(map(str, missing)) or 'none'}). {int(wrong.sum())} of {len(wrong)} frames are "
            "so. Complete the frames or drop the possession."
        )
    _files.refuse(
        rows,
        name,
        "class",
        (rows["class"] == "disc") != (rows["id"] == DISC),
        "the disc, and only the disc, with id 15",
    )
    first = rows.groupby("id")["class"].transform("first")
    _files.refuse(rows, name, "class", rows["class"] != first, "one class for one id in the whole file")
    _files.refuse(
        rows, name, "holder", rows["holder"] & (rows["class"] != "offense"), "False for all but a player of the offense"
    )
    holders = rows.groupby("frame")["holder"].transform("sum")
    _files.refuse(rows, name, "holder", rows["holder"] & (holders > 1), "one holder at most in a frame")


def _clean(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Quirk]]:
    """The frame table from all rows, and what was met on the way."""
    zero = (rows["frame"] == 0).to_numpy()
    kept = rows[~zero].sort_values(["game_id", "play_id", "frame", "id"], kind="stable", ignore_index=True)
    side = pd.Categorical(kept["class"].map(SIDES), categories=list(SIDES.values()))
    frames = pd.DataFrame(
        {
            "game_id": kept["game_id"],
            "play_id": kept["play_id"],
            "frame_id": kept["frame"],
            "player_id": kept["id"],
            "side": side,
            "x": kept["x"],
            "y": kept["y"],
            "holds_disc": kept["holder"],
        }
    )
    state = _disc_state(frames)
    frames["disc_state"] = pd.Categorical.from_codes(
        np.repeat(state, DISC), categories=["held", "flight", "unrecorded"]
    )
    impossible = (np.hypot(kept["vx"], kept["vy"]) > 12) & (kept["class"] != "disc")
    return frames, [
        Quirk("rows", len(rows), "read"),
        Quirk("frame_zero_files", rows.loc[zero, "file"].nunique(), "begin with a frame 0 of players in pixels"),
        Quirk("frame_zero_rows", int(zero.sum()), "dropped with it"),
        Quirk("published_velocities", len(kept), "not used: they look two frames ahead"),
        Quirk("impossible_velocities", int(impossible.sum()), "of these, players above 12 m/s"),
        Quirk("frames", len(state), "kept"),
        Quirk("frames_held", int((state == 0).sum()), "the disc is held"),
        Quirk("frames_flight", int((state == 1).sum()), "disc drawn towards its catch: no input may use it"),
        Quirk(
            "frames_unrecorded", int((state == 2).sum()), "after a throw without recorded end: no outcome may use it"
        ),
    ]


def _disc_state(frames: pd.DataFrame) -> np.ndarray:
    """0 held, 1 in flight between two holds of one play, 2 unrecorded; one entry a frame."""
    held = frames["holds_disc"].to_numpy().reshape(-1, DISC).any(axis=1)
    play = frames[["game_id", "play_id"]].iloc[::DISC].to_numpy()
    opens = np.append(True, (play[1:] != play[:-1]).any(axis=1))
    group = np.cumsum(opens)
    before = pd.Series(held.astype(int)).groupby(group).cummax().to_numpy() > 0
    after = pd.Series(held[::-1].astype(int)).groupby(group[::-1]).cummax().to_numpy()[::-1] > 0
    return np.where(held, 0, np.where(before & after, 1, 2))


def _plays(frames: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    key = ["game_id", "play_id"]
    plays = rows.drop_duplicates(key)[[*key, "file"]].reset_index(drop=True)
    plays["frames"] = frames.groupby(key)["frame_id"].max().to_numpy()
    caught = throws(Tracking(plays, frames, ULTIMATE, Report("")))
    plays["throws"] = (
        caught.groupby(key)["completed"].sum().reindex(pd.MultiIndex.from_frame(plays[key])).fillna(0).to_numpy()
    )
    plays["throws"] = plays["throws"].astype("int64")
    return plays


def _throw_quirks(tracking: Tracking) -> list[Quirk]:
    table = throws(tracking)
    last = table[~table["completed"]]
    end = tracking.frames[tracking.frames["side"] == "disc"].groupby(["game_id", "play_id"])[["x", "y"]].last()
    end = end.loc[pd.MultiIndex.from_frame(last[["game_id", "play_id"]])]
    frozen = np.hypot(end["x"].to_numpy() - last["release_x"], end["y"].to_numpy() - last["release_y"]) < 1
    return [
        Quirk("throws", len(table), "released"),
        Quirk("throws_completed", int(table["completed"].sum()), "caught by a team-mate"),
        Quirk("throws_unrecorded", len(last), "the last of a possession, their end not recorded"),
        Quirk("throws_frozen", int(frozen.sum()), "of these, with a disc that stays where it was released"),
    ]
