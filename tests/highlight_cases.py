"""Plays of football that tests share: hand-made files in the format of the NGS highlights, a small synthetic season,
and the real highlights where QBSBP_DATA has them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_synth.league import LeagueConfig, Season, make_season
from qbsbp.datasets import ngs_highlights
from qbsbp.schema import FOOTBALL, Report, Tracking
from qbsbp.tracking import prepare
from tests.ultimate_cases import needs_real_data

NEEDS_HIGHLIGHTS = (needs_real_data, pytest.mark.highlights)

STEPS, SNAP, RELEASE = 30, 6, 21  # moments of a hand-made file, and the steps of snap and release, from 0
LINE, TO_GOAL = 40, 70  # x of the line of scrimmage once the offence goes right; yards from there to the goal line
TEXT = "(4:32) (Shotgun) P.Passer pass short right to T.O'Target to LEF 33 for 37 yards (B.Back)."

# Name, position, group, place beyond the line of scrimmage and from the middle, velocity after the snap.
OFFENCE = [
    ("Pat Passer", "QB", "QB", (-5.0, 0.0), (-1.0, 0.2)),
    ("Tom O'Target Jr.", "WR", "WR", (-1.0, 18.0), (6.0, -1.0)),
    ("Walt Wide", "WR", "WR", (-1.0, -18.0), (5.0, 1.0)),
    ("Sam Slot", "WR", "WR", (-2.0, -9.0), (4.0, 2.0)),
    ("Ted End", "TE", "TE", (-1.0, 4.5), (3.0, 1.0)),
    ("Rob Runner", "RB", "RB", (-6.0, -2.0), (1.0, -3.0)),
    *((f"Len Line{i}", "T", "OL", (-1.0, 3.0 - 1.5 * i), (-0.5, 0.1)) for i in range(5)),
]
DEFENCE = [
    *((f"Dan Down{i}", "DE", "DL", (1.0, 3.0 - 2.0 * i), (-1.5, 0.1)) for i in range(4)),
    *((f"Luc Backer{i}", "ILB", "LB", (5.0, 2.0 - 4.0 * i), (0.5, 0.5)) for i in range(2)),
    *((f"Bob Back{i}", "CB", "DB", (8.0, 18.0 - 9.0 * i), (4.0, -0.5)) for i in range(5)),
]
FIRST_ID = 2500001  # of the passer; the others follow in the order above


def player_id(name: str) -> int:
    """nflId of a player of the hand-made files."""
    return FIRST_ID + [player[0] for player in OFFENCE + DEFENCE].index(name)


def ngs_rows(*, direction: str = "right", text: str = TEXT, **facts) -> pd.DataFrame:
    """Rows of a file of one play in the format of the NGS highlights: 22 players and the ball, 30 moments, no quirk.

    Args:
        direction: Way of the offence; "left" is the play of "right", turned.
        text: The official text.
        facts: Other columns that hold for the whole play, in place of those here.
    """
    step = np.arange(STEPS)
    since = np.maximum(step - SNAP, 0) / 10
    time = [f"2018-09-10 01:02:{(34 + k) // 10:02d}.{(34 + k) % 10}00" for k in step]
    tables = []
    middle = FOOTBALL.field_width / 2
    for number, (name, position, group, (ahead, across), (vx, vy)) in enumerate(OFFENCE + DEFENCE):
        # speeds up from standing, as v t^2 / 2 over a second, then goes on; a step back before the snap
        gone = np.where(since < 1, since**2 / 2, since - 0.5) - 0.003 * np.maximum(SNAP - step, 0)
        x, y = LINE + ahead + vx * gone, middle + across + vy * gone
        offence = number < len(OFFENCE)
        tables.append(
            pd.DataFrame(
                {
                    "possessionFlag": float(offence), "homeTeamFlag": float(offence),
                    "teamAbbr": "LEF" if offence else "RIG", "frame": step, "displayName": name,
                    "esbId": f"ESB{number}", "gsisId": f"00-{number:07d}", "jerseyNumber": float(number),
                    "nflId": float(FIRST_ID + number), "position": position, "positionGroup": group,
                    "time": time, "x": x, "y": y, "s": np.hypot(vx, vy) * np.minimum(since, 1.0),
                    "o": (90.0 if offence else 270.0) + 3.0 * np.sin(step + number),
                    "dir": np.degrees(np.arctan2(vx, vy)) % 360,
                }
            )
        )  # fmt: skip
    passer, target = tables[0], tables[1]
    flown = np.clip((step - RELEASE) / 8, 0, 1)
    ball = pd.DataFrame({"frame": step, "displayName": "ball", "time": time})
    for axis in ("x", "y"):
        held = np.where(step < SNAP, LINE if axis == "x" else middle, passer[axis])
        ball[axis] = held + flown * (target[axis].iloc[-1] - held)
    ball["s"] = np.where(flown > 0, 22.0, passer["s"])
    rows = pd.concat([*tables, ball], ignore_index=True)

    tag = {2: "line_set", SNAP: "ball_snap", SNAP + 4: "play_action", RELEASE: "pass_forward", STEPS - 1: "tackle"}
    rows["event"] = rows["frame"].map(tag)
    line = LINE
    if direction == "left":
        line = 120 - LINE
        rows["x"], rows["y"] = 120 - rows["x"], FOOTBALL.field_width - rows["y"]
        rows["o"], rows["dir"] = (rows["o"] + 180) % 360, (rows["dir"] + 180) % 360
    rows = rows.round({name: 2 for name in ("x", "y", "s", "o", "dir")})
    whole = {
        "gameId": 2018090901, "playId": 55, "playType": "play_type_pass", "season": 2018, "seasonType": "REG",
        "week": 1, "preSnapHomeScore": 14, "preSnapVisitorScore": 17, "playDirection": direction, "quarter": 2,
        "gameClock": "04:32", "down": 3, "yardsToGo": 8, "yardline": "LEF 30", "yardlineSide": "LEF",
        "yardlineNumber": 30, "absoluteYardlineNumber": line, "playDescription": text,
    }  # fmt: skip
    return rows.assign(**(whole | facts))[list(ngs_highlights.COLUMNS)]


def ngs_text(rows: pd.DataFrame) -> bytes:
    """The rows as a published file has them: tabs, nothing quoted, empty where missing."""
    cells = rows.astype(object).where(rows.notna(), "")
    lines = ["\t".join(rows.columns), *("\t".join(map(str, row)) for row in cells.itertuples(index=False))]
    return ("\n".join(lines) + "\n").encode()


def ngs_name(rows: pd.DataFrame, team: str = "LEF") -> str:
    """Name of the file of one play."""
    first = rows.iloc[0]
    return f"{first['season']}_{team}_{first['gameId']}_{first['playId']}.tsv"


def write_ngs(directory: Path, *plays: pd.DataFrame) -> Path:
    """Write one file a play."""
    directory.mkdir(parents=True, exist_ok=True)
    for rows in plays:
        (directory / ngs_name(rows)).write_bytes(ngs_text(rows))
    return directory


def needs_highlights(test):
    """Skip the test where the real highlights are not at hand."""
    for mark in NEEDS_HIGHLIGHTS:
        test = mark(test)
    return test


@functools.cache
def highlights() -> Tracking:
    """The real NGS highlights as the reader returns them; do not change them."""
    return ngs_highlights.read(progress=False)


@functools.cache
def prepared_highlights() -> Tracking:
    """They, prepared; do not change them."""
    return prepare(highlights())


@functools.cache
def season() -> Season:
    """Three games of a synthetic season; do not change it."""
    return make_season(LeagueConfig(teams=6, weeks=1), seed=3)


def synthetic() -> Tracking:
    """The plays of `season` as a reader would return them; do not change them."""
    return Tracking(season().plays, season().frames, FOOTBALL, Report("three synthetic games"))
