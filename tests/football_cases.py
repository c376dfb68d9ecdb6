"""A season small enough to see through, with every kind of dropback in it, as `data_synth.write` wants a season; and
the files of the Big Data Bowl that are made of it, to be spoiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_synth import big_data_bowl as layouts
from data_synth.write import LAYOUTS, write
from qbsbp.datasets import big_data_bowl
from qbsbp.schema import EVENTS, FOOTBALL, Tracking

ROLES = ["QB", *["OL"] * 5, "RB", "TE", *["WR"] * 3, *["DL"] * 4, *["LB"] * 2, *["DB"] * 5]
TEAMS = ("ASH", "BRK", "CLO", "ELM")
FIRST = [letters.title() for letters in ("abe", "bo", "cy", "dan", "ed", "flo", "gus", "hal", "ike", "jo", "kit")]
FIRST += [f"{letters}a" for letters in FIRST]
CASES = [
    # outcome, yards to goal, gain, touchdown, air yards, return, target (number in the team), release tag
    ("complete", 75, 12, False, 5.0, 0, 8, "pass_forward"),
    ("complete", 50, 0, False, -2.0, 0, 6, "pass_forward"),
    ("complete", 20, 20, True, 20.0, 0, 9, "pass_forward"),
    ("complete", 99, 1, False, 1.0, 0, 10, "pass_forward"),
    ("incomplete", 33, 0, False, 28.0, 0, 10, "pass_forward"),
    ("incomplete", 33, 0, False, 17.0, 0, 0, "pass_forward"),
    ("interception", 60, 0, False, 22.0, 14, 8, "pass_forward"),
    ("interception", 60, 0, False, 22.0, -3, 8, "pass_forward"),
    ("interception", 30, 0, False, 34.0, 0, 9, "pass_forward"),
    ("interception", 30, 0, False, 34.0, 17, 9, "pass_forward"),
    ("interception", 80, 0, False, 4.0, 24, 7, "pass_forward"),
    ("sack", 45, -7, False, np.nan, 0, 0, "qb_sack"),
    ("scramble", 11, 4, False, np.nan, 0, 0, "run"),
    ("scramble", 1, 1, True, np.nan, 0, 0, "run"),
]


@dataclass(frozen=True)
class TinyConfig:
    teams: int = 4


@dataclass
class TinySeason:
    """Two weeks, two games each, every case of `CASES` once to either side. Tracks are noise in whole hundredths."""

    seed: int = 5
    season: int = 2026
    config: TinyConfig = TinyConfig()
    parts: dict[int, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.weeks = [1, 2]
        self.players = pd.DataFrame(
            {
                "player_id": 10_000 + 100 * team + number,
                "name": f"{FIRST[number]} {name.title()}{'son' if number % 2 else 'man'}",
                "position": role,
                "team": name,
                "jersey_number": number + 1,
                "height": 70 + number % 9,
                "weight": 200 + number,
                "birth_date": f"1999-0{1 + number % 9}-11",
                "college": "Some State",
            }
            for team, name in enumerate(TEAMS)
            for number, role in enumerate(ROLES)
        )
        # namesakes among the receivers: Jo and John of one family
        self.players.loc[self.players["jersey_number"].isin([9, 10]), "name"] = ["Jo Ray", "John Ray"] * len(TEAMS)
        self.games = pd.DataFrame(
            [
                (2026091300, 2026, 1, "2026-09-13", "13:00:00", "ASH", "BRK", 20, 17),
                (2026091301, 2026, 1, "2026-09-13", "20:20:00", "CLO", "ELM", 3, 9),
                (2026110800, 2026, 2, "2026-11-08", "13:00:00", "BRK", "CLO", 0, 0),
                (2026110801, 2026, 2, "2026-11-08", "16:25:00", "ELM", "ASH", 10, 13),
            ],
            columns=[
                "game_id",
                "season",
                "week",
                "date",
                "time",
                "home_team",
                "away_team",
                "home_points",
                "away_points",
            ],
        )
        rows, parts = [], {1: [], 2: []}
        for number, case in enumerate(CASES * 2):
            game = self.games.iloc[number % 4]
            row, frames = _play(rng, number, case, game, left=number < len(CASES))
            rows.append(row)
            parts[int(game["week"])].append(frames)
        self.plays = pd.DataFrame(rows).sort_values(["game_id", "play_id"], ignore_index=True)
        self.play_by_play = self.plays[["game_id", "play_id"]].assign(offence_points=7, defence_points=10, kind="pass")
        self.plays["score_difference"] = -3
        key = ["game_id", "play_id", "frame_id", "player_id"]
        self.parts = {
            week: pd.concat(part).sort_values(key, ignore_index=True).astype(_categories())
            for week, part in parts.items()
        }
        self.truth = self.plays[["game_id", "play_id"]].assign(depth=rng.normal(size=len(self.plays)))
        self.skills = pd.DataFrame({"passer_id": [10_000, 10_100], "accuracy": [0.1, -1 / 3]})
        self.standings = self.strengths = self.starters = pd.DataFrame({"team": TEAMS})

    def week_frames(self, week: int) -> pd.DataFrame:
        return self.parts[week].copy()

    @property
    def frames(self) -> pd.DataFrame:
        return pd.concat([self.parts[week] for week in self.weeks], ignore_index=True)


def _play(
    rng: np.random.Generator, number: int, case: tuple, game: pd.Series, *, left: bool
) -> tuple[dict, pd.DataFrame]:
    outcome, to_goal, gain, touchdown, air, back, target, tag = case
    teams = [game["home_team"], game["away_team"]]
    offence, defence = teams if number % 3 else teams[::-1]
    attack, defend = (10_000 + 100 * TEAMS.index(team) for team in (offence, defence))
    length = int(rng.integers(24, 40))
    snap, release = 6, length - 5
    ids = np.array([0, *(attack + np.arange(11)), *(defend + np.arange(11, 22))])
    order = np.argsort(ids)
    side = np.array(["ball", *["offence"] * 11, *["defence"] * 11])[order]
    position = np.array(["ball", *ROLES])[order]
    # an evenly moving crowd, so that filling a hole on a straight line is exact to the rounding
    start = rng.integers(-800, 800, (23, 2)) + np.array([100 * (110 - to_goal), 2667])
    step = rng.integers(-20, 20, (23, 2))
    place = start + step * np.arange(length)[:, None, None]
    angle = rng.integers(0, 36_000, (1, 23, 2)) + rng.integers(-30, 30, (23, 2)) * np.arange(length)[:, None, None]
    x, y, turn = place[..., 0] / 100, place[..., 1] / 100, (angle % 36_000) / 100
    if left:  # as the file has it, then turned, as the readers do
        x, y = 120 - np.round(120 - x, 2), FOOTBALL.field_width - np.round(FOOTBALL.field_width - y, 2)
        turn = (turn + 180) % 360
    turn[:, 0] = np.nan
    event = np.full(length, "none", dtype=object)
    event[[snap - 1, release - 1]] = "ball_snap", tag
    if outcome == "complete":
        event[length - 2] = "pass_arrived"

    def moment(values):
        return np.repeat(values, 23)

    frames = pd.DataFrame(
        {
            "game_id": game["game_id"],
            "play_id": 50 + 20 * number,
            "frame_id": moment(np.arange(1, length + 1)),
            "player_id": np.tile(ids[order], length),
            "side": np.tile(side, length),
            "position": np.tile(position, length),
            "x": x[:, order].ravel().astype(np.float32),
            "y": y[:, order].ravel().astype(np.float32),
            "speed": np.float32(np.hypot(*step.T)[order][None].repeat(length, 0).round(2).ravel() / 10),
            "acceleration": np.tile(np.float32(np.round(rng.random(23), 2)), length),
            "direction": turn[:, order, 0].ravel().astype(np.float32),
            "orientation": turn[:, order, 1].ravel().astype(np.float32),
            "event": moment(event),
            "repaired": False,
        }
    )
    frames["speed"] = frames["speed"].round(2)
    return {
        "game_id": int(game["game_id"]),
        "play_id": 50 + 20 * number,
        "season": 2026,
        "week": int(game["week"]),
        "offence_team": offence,
        "defence_team": defence,
        "quarter": 1 + number // 8,
        "clock": float(900 - 110 * (number % 8)),
        "down": 1 + number % 4,
        "yards_to_go": min(10, to_goal),
        "line_of_scrimmage": 110.0 - to_goal,
        "yards_to_goal": to_goal,
        "score_difference": 0,
        "play_direction": "left" if left else "right",
        "passer_id": attack,
        "target_id": attack + target if target else 0,
        "snap_frame": snap,
        "release_frame": release,
        "outcome": outcome,
        "yards_gained": gain,
        "touchdown": touchdown,
        "air_yards": air,
        "return_yards": back,
        "play_action": bool(number % 2),
        "formation": ["SHOTGUN", "SINGLEBACK"][number % 2],
        "offence_personnel": "1 RB, 1 TE, 3 WR",
        "defence_personnel": "4 DL, 2 LB, 5 DB",
        "coverage": ["Cover-3", "Cover-1"][number % 2],
        "pass_rushers": 4 + number % 2,
    }, frames


def _categories() -> dict[str, pd.CategoricalDtype]:
    columns = FOOTBALL.frames
    values = {name: columns[name].values for name in ("side", "position")} | {"event": EVENTS}
    return {name: pd.CategoricalDtype(list(kinds)) for name, kinds in values.items()}


def without_quirks(monkeypatch) -> None:
    """Write files that need no repair."""
    for name in layouts.QUIRKS:
        monkeypatch.setitem(layouts.QUIRKS, name, 0.0)


def with_many_quirks(monkeypatch) -> None:
    """Disturb about every other play."""
    for name in layouts.QUIRKS:
        monkeypatch.setitem(layouts.QUIRKS, name, 0.5)


# --- files of the Big Data Bowl ---------------------------------------------------------------------------------------

TRACKING = {2023: "week1.csv", 2025: "tracking_week_1.csv"}
SCOUTING = {2023: "pffScoutingData.csv", 2025: "player_play.csv"}
NONE = {2023: "None", 2025: "NA"}
SNAP = 6  # frame of every play of `TinySeason`


def write_bowls(base: Path) -> dict[int, Path]:
    """A folder of each year, without quirks."""
    with pytest.MonkeyPatch.context() as patch:
        without_quirks(patch)
        for year in TRACKING:
            write(TinySeason(), base / str(year), f"big_data_bowl_{year}", progress=False)
    return {year: base / str(year) for year in TRACKING}


def read_bowl(folder: Path, **options) -> Tracking:
    return big_data_bowl.read(folder, **{"verify": False, "progress": False, **options})


def change(path: Path, edit: Callable[[pd.DataFrame], pd.DataFrame | None]) -> None:
    """Rewrite a CSV file, every entry as the text it is."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    edited = edit(rows)
    (rows if edited is None else edited).to_csv(path, index=False)


def put(path: Path, row: int, column: str, value: str) -> None:
    def edit(rows):
        rows.loc[row, column] = value

    change(path, edit)


def first_play(folder: Path, year: int, rows: pd.DataFrame, *, outcome: str = "C") -> np.ndarray:
    """Rows of tracking of the first play of week 1 with this result."""
    plays = pd.read_csv(folder / "plays.csv", dtype=str)
    plays = plays[plays["passResult"] == outcome].merge(rows[["gameId", "playId"]].drop_duplicates())
    return ((rows["gameId"] == plays["gameId"].iloc[0]) & (rows["playId"] == plays["playId"].iloc[0])).to_numpy()


def edit_play(folder: Path, year: int, edit: Callable[[pd.DataFrame], pd.DataFrame], *, outcome: str = "C") -> None:
    """Rewrite the rows of one play; frameId is a number while at it."""

    def both(rows):
        mine = first_play(folder, year, rows, outcome=outcome)
        part = rows[mine].assign(frameId=rows.loc[mine, "frameId"].astype(int))
        return pd.concat([rows[~mine], edit(part)])

    change(folder / TRACKING[year], both)


def renamed(before: str, after: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows.replace({"event": {before: after}})


__all__ = [
    "CASES",
    "LAYOUTS",
    "NONE",
    "SCOUTING",
    "SNAP",
    "TRACKING",
    "TinySeason",
    "change",
    "edit_play",
    "first_play",
    "put",
    "read_bowl",
    "renamed",
    "with_many_quirks",
    "without_quirks",
    "write",
    "write_bowls",
]
