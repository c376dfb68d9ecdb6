"""The two tables that every reader returns, as data: their columns, units, ranges and keys, and the check of a pair.

`plays` has one row a play, `frames` one row for each player (and the disc or ball) at each moment of a play. What
differs between sports, the unit of length and the frame rate above all, is a `Layout` that travels with the tables
inside `Tracking`, so that no number is ever read in the wrong unit. Chapter: real tracking data.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

__all__ = [
    "Column",
    "Table",
    "Layout",
    "FOOTBALL",
    "ULTIMATE",
    "Quirk",
    "Rejected",
    "Report",
    "Tracking",
    "SchemaError",
    "check",
    "check_table",
]

KINDS = ("integer", "number", "boolean", "category", "text")


class SchemaError(ValueError):
    """A table breaks its schema. The message gives table, row, column, value, what was expected and what to do."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: Name of the column.
        kind: "integer", "number", "boolean", "category" or "text".
        meaning: What one entry says.
        unit: Unit of a number, "" where it has none.
        low: Least value allowed (integers and numbers).
        high: Greatest value allowed (integers and numbers).
        values: The categories allowed (category).
        derived: Whether a later step computes the column: then it may be absent, and NaN where its past is too short.
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    values: tuple[str, ...] = ()
    derived: bool = False

    @property
    def expected(self) -> str:
        """What an entry must be, in words."""
        if self.kind == "category":
            return "one of " + ", ".join(self.values)
        if self.kind in ("boolean", "text"):
            return {"boolean": "True or False", "text": "text"}[self.kind]
        article = "an integer" if self.kind == "integer" else "a number"
        unit = f" {self.unit}" if self.unit else ""
        if math.isinf(self.low) and math.isinf(self.high):
            return article + (f" in{unit}" if unit else "")
        if math.isinf(self.high):
            return f"{article} of at least {self.low:g}{unit}"
        return f"{article} from {self.low:g} to {self.high:g}{unit}"


@dataclass(frozen=True)
class Table:
    """A table: its name, its columns in order, and the columns that together name a row."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"the table '{self.name}' has no column '{name}'; it has {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, derived ones included."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Layout:
    """Units and shape of one sport's tables.

    Args:
        name: Name of the sport.
        length_unit: Unit of every length, "metre" or "yard"; speeds are in it per second.
        frames_per_second: Frame rate of the frame table.
        field_length: Length of the field along x with both end zones, in `length_unit`. The offence moves to larger x.
        field_width: Width of the field along y, in `length_unit`.
        end_zone_depth: Depth of an end zone, in `length_unit`.
        entities: Rows of one frame: the players and the disc or ball.
        plays: The table of plays.
        frames: The table of frames.
    """

    name: str
    length_unit: str
    frames_per_second: int
    field_length: float
    field_width: float
    end_zone_depth: float
    entities: int
    plays: Table
    frames: Table

    @property
    def goal_line(self) -> float:
        """x of the line that the offence attacks, in `length_unit`."""
        return self.field_length - self.end_zone_depth


_KEYS = (
    Column("game_id", "integer", "game; the unit of every split", low=0),
    Column("play_id", "integer", "play, unique within its game only", low=0),
)

ULTIMATE = Layout(
    name="ultimate",
    length_unit="metre",
    frames_per_second=15,
    field_length=94.0,
    field_width=37.0,
    end_zone_depth=18.0,
    entities=15,
    plays=Table(
        "plays",
        (
            *_KEYS,
            Column("file", "text", "file that the possession was read from"),
            Column("frames", "integer", "frames of the possession", low=1),
            Column("throws", "integer", "throws whose end is recorded", low=0),
        ),
        key=("game_id", "play_id"),
    ),
    frames=Table(
        "frames",
        (
            *_KEYS,
            Column("frame_id", "integer", "moment, from 1, 15 a second", low=1),
            Column(
                "player_id",
                "integer",
                "1 to 14 players, 15 the disc; the same person within one play only",
                low=1,
                high=15,
            ),
            Column("side", "category", "which team", values=("offence", "defence", "disc")),
            Column("x", "number", "place along the field; the offence moves to larger x", "metre", -15, 109),
            Column("y", "number", "place across the field", "metre", -15, 52),
            Column("holds_disc", "boolean", "whether this player holds the disc"),
            Column(
                "disc_state",
                "category",
                "the disc is held; in flight from a release to a recorded catch, its rows interpolated from where it "
                "was caught; or thrown with no end on record, its rows worthless. The same for all rows of a frame",
                values=("held", "flight", "unrecorded"),
            ),
            Column("repaired", "boolean", "whether x and y replace an impossible jump", derived=True),
            Column("velocity_x", "number", "along x, from the past only", "metre/s", -60, 60, derived=True),
            Column("velocity_y", "number", "along y, from the past only", "metre/s", -60, 60, derived=True),
            Column("acceleration_x", "number", "along x, from the past only", "metre/s²", -900, 900, derived=True),
            Column("acceleration_y", "number", "along y, from the past only", "metre/s²", -900, 900, derived=True),
        ),
        key=("game_id", "play_id", "frame_id", "player_id"),
    ),
)
"""Ultimate: 7 against 7 and a disc, metres, 15 frames a second, field 94 m by 37 m.

The publisher of Ultimate Track states the field's size and no depth of the end zones; 18 m is the rule book's, and no
player throws from beyond x = 76.8 m there, as that depth demands.
"""


EVENTS = (
    "none",
    "ball_snap",
    "man_in_motion",
    "play_action",
    "pass_forward",
    "pass_arrived",
    "pass_outcome_caught",
    "pass_outcome_incomplete",
    "pass_outcome_interception",
    "pass_outcome_touchdown",
    "qb_sack",
    "run",
    "other",
)

FOOTBALL = Layout(
    name="football",
    length_unit="yard",
    frames_per_second=10,
    field_length=120.0,
    field_width=160 / 3,
    end_zone_depth=10.0,
    entities=23,
    plays=Table(
        "plays",
        (
            *_KEYS,
            Column("season", "integer", "year the season began", low=1920, high=2200),
            Column("week", "integer", "week of the season, the play-offs counted on", low=1, high=30),
            Column("offence_team", "text", "team with the ball"),
            Column("defence_team", "text", "the other team"),
            Column("quarter", "integer", "1 to 4, 5 and on overtime", low=1, high=9),
            Column("clock", "number", "left of the quarter at the snap", "s", 0, 900),
            Column("down", "integer", "try of the series", low=1, high=4),
            Column("yards_to_go", "integer", "to a first down, at most to the goal line", "yard", 1, 99),
            Column("line_of_scrimmage", "number", "x of the snap; the offence moves to larger x", "yard", 10, 110),
            Column(
                "yards_to_goal", "integer", "from the snap to the goal line: 110 - x, the cap of a gain", "yard", 1, 99
            ),
            Column(
                "score_difference", "integer", "points of the offence less those of the defence", low=-100, high=100
            ),
            Column("play_direction", "category", "way the offence went before it was turned", values=("left", "right")),
            Column("passer_id", "integer", "who threw, or was to", low=1),
            Column("target_id", "integer", "intended receiver; 0 where there was none, or none is recorded", low=0),
            Column("snap_frame", "integer", "frame_id of the snap", low=1),
            Column(
                "release_frame",
                "integer",
                "frame_id in which the pass leaves the hand; of a sack or scramble, in which the dropback ends",
                low=1,
            ),
            Column(
                "outcome",
                "category",
                "what became of the dropback",
                values=("complete", "incomplete", "interception", "sack", "scramble"),
            ),
            Column("yards_gained", "integer", "by the play, 0 if incomplete or intercepted", "yard", -99, 99),
            Column("touchdown", "boolean", "whether the offence scored: the gain is then cut at the goal line"),
            Column("air_yards", "number", "line of scrimmage to the catch point", "yard", -99, 110, derived=True),
            Column("return_yards", "integer", "of an interception, else 0", "yard", -30, 110, derived=True),
            Column("play_action", "boolean", "whether a hand-off was faked", derived=True),
            Column("formation", "text", "of the offence, as in SHOTGUN or EMPTY", derived=True),
            Column(
                "offence_personnel",
                "text",
                "running backs, tight ends, wide receivers, as in 1 RB, 1 TE, 3 WR",
                derived=True,
            ),
            Column("defence_personnel", "text", "line, linebackers, backs, as in 4 DL, 2 LB, 5 DB", derived=True),
            Column("coverage", "text", "as in Cover-3; of the defence, as called", derived=True),
            Column("pass_rushers", "integer", "defenders sent after the passer", low=0, high=11, derived=True),
            Column("file", "text", "file that the play was read from", derived=True),
        ),
        key=("game_id", "play_id"),
    ),
    frames=Table(
        "frames",
        (
            *_KEYS,
            Column("frame_id", "integer", "moment, from 1, 10 a second", low=1),
            Column("player_id", "integer", "the same person in every game; 0 is the ball", low=0),
            Column("side", "category", "which team", values=("offence", "defence", "ball")),
            Column(
                "position",
                "category",
                "group of positions",
                values=("QB", "RB", "WR", "TE", "OL", "DL", "LB", "DB", "other", "ball"),
            ),
            Column("x", "number", "place along the field; the offence moves to larger x", "yard", -30, 150),
            Column("y", "number", "place across the field, 0 at the right hand of the offence", "yard", -30, 85),
            Column("speed", "number", "as published", "yard/s", 0, 50, derived=True),
            Column(
                "acceleration",
                "number",
                "magnitude, as published; of a thrown ball up to 300",
                "yard/s²",
                0,
                400,
                derived=True,
            ),
            Column(
                "direction",
                "number",
                "of motion, clockwise from +y; missing for the ball",
                "degree",
                0,
                360,
                derived=True,
            ),
            Column(
                "orientation",
                "number",
                "of the torso, clockwise from +y; missing for the ball",
                "degree",
                0,
                360,
                derived=True,
            ),
            Column("event", "category", "tag of the moment, the same for all rows of a frame", values=EVENTS),
            Column("repaired", "boolean", "whether the row fills a hole", derived=True),
            Column("velocity_x", "number", "along x, from the past only", "yard/s", -100, 100, derived=True),
            Column("velocity_y", "number", "along y, from the past only", "yard/s", -100, 100, derived=True),
            Column("acceleration_x", "number", "along x, from the past only", "yard/s²", -900, 900, derived=True),
            Column("acceleration_y", "number", "along y, from the past only", "yard/s²", -900, 900, derived=True),
        ),
        key=("game_id", "play_id", "frame_id", "player_id"),
    ),
)
"""American football: 11 against 11 and a ball, yards, 10 frames a second, field 120 yd by 53 1/3 yd.

Every reader turns plays that went left by half a turn (x to 120 - x, y to 160/3 - y, angles by 180 degrees), so that
the offence always moves to larger x. Between `snap_frame` and `release_frame` every frame has all 23 rows.
"""


@dataclass(frozen=True)
class Quirk:
    """One thing about the files that a reader met: how often, and what it did about it."""

    name: str
    count: int | float
    handled: str


@dataclass(frozen=True)
class Rejected:
    """A play that was set aside, and why.

    Args:
        file: File that the reason was found in, "" where it is not known.
        game_id: Its game.
        play_id: Its number within the game.
        reason: The first reason that held, by the name under which the report counts it.
        detail: What was found there, "" where the reason says all.
    """

    file: str
    game_id: int
    play_id: int
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """What was found and done, in the order it happened, and which plays were set aside for it.

    `report["name"]` is a count, `table()` shows all of them, `rejected_table()` has one row for each play that was set
    aside. What is counted for a reason is the number of its plays in that table.
    """

    source: str
    quirks: tuple[Quirk, ...] = ()
    rejected: tuple[Rejected, ...] = ()

    def __getitem__(self, name: str) -> int | float:
        for quirk in self.quirks:
            if quirk.name == name:
                return quirk.count
        raise KeyError(f"the report has no '{name}'; it has {', '.join(quirk.name for quirk in self.quirks)}")

    def __iter__(self) -> Iterator[Quirk]:
        return iter(self.quirks)

    def add(self, *quirks: Quirk) -> Report:
        """The report with further entries; an entry of the same name takes the place of the old one."""
        named = {quirk.name: quirk for quirk in (*self.quirks, *quirks)}
        return replace(self, quirks=tuple(named.values()))

    @staticmethod
    def merge(reports: Sequence[Report]) -> Report:
        """The reports of several parts of one whole as one: counts of the same name are added up."""
        counts: dict[str, Quirk] = {}
        for quirk in (quirk for report in reports for quirk in report.quirks):
            before = counts[quirk.name].count if quirk.name in counts else 0
            counts[quirk.name] = replace(quirk, count=before + quirk.count)
        source = "; ".join(dict.fromkeys(report.source for report in reports))
        return Report(source, tuple(counts.values()), tuple(play for report in reports for play in report.rejected))

    def reject(self, reasons: dict[str, str], *plays: Rejected) -> Report:
        """The report with further plays set aside, and with an entry for each of `reasons` that counts its plays.

        Args:
            reasons: What was done, in words, by the name of the reason; a reason that held for no play counts 0.
            plays: The plays, each with one of `reasons`.

        Raises:
            ValueError: A play has another reason.
        """
        other = [play.reason for play in plays if play.reason not in reasons]
        if other:
            raise ValueError(f"plays: expected the reasons {', '.join(reasons)}, came {other[0]!r}. Add it to reasons.")
        rejected = (*self.rejected, *plays)
        count = Counter(play.reason for play in rejected)
        counted = self.add(*(Quirk(name, count[name], handled) for name, handled in reasons.items()))
        return replace(counted, rejected=rejected)

    def table(self) -> pd.DataFrame:
        """The entries as a table with columns `quirk`, `count` and `handled`."""
        return pd.DataFrame([(q.name, q.count, q.handled) for q in self.quirks], columns=["quirk", "count", "handled"])

    def rejected_table(self) -> pd.DataFrame:
        """The plays that were set aside: columns `file`, `game_id`, `play_id`, `reason` and `detail`."""
        return pd.DataFrame([vars(play) for play in self.rejected], columns=[f.name for f in fields(Rejected)])

    def __str__(self) -> str:
        width = max((len(quirk.name) for quirk in self.quirks), default=0)
        lines = [f"  {q.name:<{width}}  {q.count:>9,}  {q.handled}" for q in self.quirks]
        return "\n".join([self.source, *lines])


@dataclass(frozen=True)
class Tracking:
    """Tracked plays: the two tables, their layout (units, frame rate), and the report of what was done to them."""

    plays: pd.DataFrame
    frames: pd.DataFrame
    layout: Layout
    report: Report


def check(plays: pd.DataFrame, frames: pd.DataFrame, layout: Layout = ULTIMATE) -> None:
    """Raise unless both tables keep to their schema.

    Checked are columns, kinds of entries, missing entries, ranges, categories, keys; that both tables speak of the same
    plays; and that each play's frames run from 1 without a gap, sorted by key, each with `layout.entities` rows.

    Args:
        plays: The table of plays.
        frames: The table of frames.
        layout: Units and columns to check against.

    Raises:
        SchemaError: At the first row that breaks a rule, with table, row, column, value and what was expected.
    """
    check_table(layout.plays, plays)
    check_table(layout.frames, frames)
    _check_plays_meet(layout, plays, frames)
    _check_frames_run(layout, frames)


def check_table(table: Table, data: pd.DataFrame) -> None:
    """Raise a SchemaError unless one table has its columns and no others, each entry in its range, and every key once.

    Derived columns may be absent. Whether the two tables fit together is for `check` to say.
    """
    _check_columns(table, data)
    for column in table.columns:
        if column.name in data.columns:
            _check_entries(table, column, data[column.name])
    _check_key(table, data)


def _check_columns(table: Table, data: pd.DataFrame) -> None:
    missing = [column.name for column in table.columns if not column.derived and column.name not in data.columns]
    unknown = [str(name) for name in data.columns if name not in table.names]
    if missing or unknown:
        raise SchemaError(
            f"{table.name}: expected the columns {', '.join(table.names)}; missing are {', '.join(missing) or 'none'}, "
            f"unknown are {', '.join(unknown) or 'none'}. Rename or drop columns to match."
        )


def _check_entries(table: Table, column: Column, data: pd.Series) -> None:
    types = pd.api.types
    if not column.derived:
        _refuse(table, column, data, data.isna().to_numpy())
    if column.kind in ("integer", "number"):
        numbers = data
        if types.is_bool_dtype(data) or not types.is_numeric_dtype(data):
            numbers = pd.to_numeric(data.astype(object).where(data.notna(), None), errors="coerce")
            _refuse(table, column, data, numbers.isna().to_numpy() & data.notna().to_numpy())
            raise SchemaError(
                f"{table.name}, column '{column.name}', dtype {data.dtype}: expected {column.expected}, stored as a "
                f"number. Convert it with pandas.to_numeric."
            )
        values = numbers.to_numpy(dtype=float, na_value=np.nan)
        if column.kind == "integer" and not types.is_integer_dtype(data):
            _refuse(table, column, data, values != np.round(values))
            raise SchemaError(
                f"{table.name}, column '{column.name}', dtype {data.dtype}: expected {column.expected}, stored as "
                f"integers. Convert it with .astype('int64')."
            )
        _refuse(table, column, data, (values < column.low) | (values > column.high) | np.isinf(values))
    elif column.kind == "boolean":
        if not types.is_bool_dtype(data):
            _refuse(table, column, data, ~data.isin([True, False]).to_numpy())
            raise SchemaError(f"{table.name}, column '{column.name}', dtype {data.dtype}: expected dtype bool.")
    elif column.kind == "category":
        _refuse(table, column, data, ~data.isin(column.values).to_numpy())
    else:
        _refuse(table, column, data, np.array([not isinstance(entry, str) for entry in data], dtype=bool))


def _refuse(table: Table, column: Column, data: pd.Series, wrong: np.ndarray) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SchemaError(
            f"{table.name}, row {row}, column '{column.name}', value {data.iloc[row]!r}: expected {column.expected} "
            f"({column.meaning}). {int(wrong.sum())} of {len(data)} rows break this; correct or drop them."
        )


def _check_key(table: Table, data: pd.DataFrame) -> None:
    repeated = data.duplicated(list(table.key)).to_numpy()
    if repeated.any():
        row = int(np.argmax(repeated))
        value = ", ".join(f"{name} {data[name].iloc[row]}" for name in table.key)
        raise SchemaError(
            f"{table.name}, row {row}, columns ({', '.join(table.key)}), value ({value}): expected every key once, "
            f"{int(repeated.sum())} rows repeat an earlier one. Drop the repetitions."
        )


def _check_plays_meet(layout: Layout, plays: pd.DataFrame, frames: pd.DataFrame) -> None:
    key = list(layout.plays.key)
    named, seen = (pd.MultiIndex.from_frame(data[key]) for data in (plays, frames))
    for table, index, other, name in (
        (layout.frames, seen, named, layout.plays.name),
        (layout.plays, named, seen, layout.frames.name),
    ):
        alone = ~index.isin(other)
        if alone.any():
            row = int(np.argmax(alone))
            raise SchemaError(
                f"{table.name}, row {row}, columns ({', '.join(key)}), value {tuple(int(v) for v in index[row])}: "
                f"expected a play that the table '{name}' has too. Keep the same plays in both tables."
            )


def _check_frames_run(layout: Layout, frames: pd.DataFrame) -> None:
    table, entities = layout.frames, layout.entities
    keys = frames[list(table.key)].to_numpy()
    step = np.diff(keys, axis=0)
    first = np.argmax(step != 0, axis=1)  # the leftmost key that changes must grow
    falls = np.append(False, step[np.arange(len(step)), first] < 0)
    if falls.any():
        row = int(np.argmax(falls))
        raise SchemaError(
            f"{table.name}, row {row}, columns ({', '.join(table.key)}), value {tuple(map(int, keys[row]))}: expected "
            f"rows sorted by these columns. Sort with frames.sort_values({list(table.key)})."
        )
    play_starts = np.append(True, (step[:, :2] != 0).any(axis=1))
    frame_starts = play_starts | np.append(True, step[:, 2] != 0)
    starts = np.flatnonzero(frame_starts)
    rows = np.diff(np.append(starts, len(keys)))
    if (rows != entities).any():
        worst = int(np.argmax(rows != entities))
        row = int(starts[worst])
        raise SchemaError(
            f"{table.name}, row {row}, column 'player_id', value {int(rows[worst])} rows in frame {keys[row, 2]} of "
            f"play ({keys[row, 0]}, {keys[row, 1]}): expected {entities} rows, every player and the disc. Complete or "
            "drop it."
        )
    frame, opens = keys[starts, 2], play_starts[starts]
    wrong = np.where(opens, frame != 1, np.diff(frame, prepend=0) != 1)
    if wrong.any():
        row = int(starts[np.argmax(wrong)])
        raise SchemaError(
            f"{table.name}, row {row}, column 'frame_id', value {keys[row, 2]}: expected the frames of a play to run "
            f"from 1 without a gap. Fill the gap, or cut the play there and number its frames anew."
        )
