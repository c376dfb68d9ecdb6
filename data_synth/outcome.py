r"""What a dropback gains, as an exact conditional law given the tracks at release, for a passer of known skill.

`state` reads what matters from the recorded frame of the release, `law` turns it into probabilities in closed form, and
`OutcomeLaw` answers with them: probability of every yard, CDF, quantile, draw. Nothing else enters but the passer's
`Skill`. With :math:`\sigma(t) = 1 / (1 + e^{-t})`, all in yards:

*A pass* is complete with probability :math:`p = \sigma(\eta)`; if it is not, it is intercepted with probability
:math:`\sigma(\iota)`. Both predictors are in `completion_logit` and `interception_logit`.

*A completion* gains the integer `air_yards` of the catch and M yards after it, M the continuous Z rounded, so that
:math:`P(M = m) = F_Z(m + 1/2) - F_Z(m - 1/2)`. Z is a mixture: stopped at the catch (logistic) with weight w, or a
run R (`run_survival`: a Weibull body that turns into a generalized Pareto tail of shape 0.3),

.. math:: F_Z(z) = w\, \sigma((z - \mu) / s) + (1 - w) (1 - S_R(z)).

All gains at or beyond the goal line are the one outcome `yards_to_goal`, a touchdown; all at or behind the offence's
own goal line are the one outcome `yards_to_goal` - 100, a safety. A catch in the end zone is a touchdown.

*An interception* is returned 0 yards with probability `return_none` and otherwise a Weibull distance, rounded and
cut at the offence's goal line. *A throwaway* gains 0, *a sack* what the passer's place says, *a scramble* a run R from
where the passer is, cut like any gain. Chapter: what is true in the league.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qbsbp.schema import FOOTBALL

if TYPE_CHECKING:
    from data_synth.play import Situation, Tracks

__all__ = [
    "ENDED",
    "PASS",
    "THROWAWAY",
    "SACK",
    "SCRAMBLE",
    "OUTCOMES",
    "YARDS",
    "Coefficients",
    "State",
    "Skill",
    "OutcomeLaw",
    "Drawn",
    "flight_time",
    "break_on_ball",
    "state",
    "state_from_tracks",
    "state_from_tables",
    "completion_logit",
    "interception_logit",
    "run_survival",
    "law",
]

ENDED = ("pass", "throwaway", "sack", "scramble")
"""How a dropback ends; the code of each is its place, and has a name: PASS, THROWAWAY, SACK, SCRAMBLE."""
PASS, THROWAWAY, SACK, SCRAMBLE = range(4)

OUTCOMES = FOOTBALL.plays["outcome"].values
"""What becomes of it, as in the table of plays; the code of each is its place."""
COMPLETE, INCOMPLETE, INTERCEPTION, SACKED, SCRAMBLED = (
    OUTCOMES.index(name) for name in ("complete", "incomplete", "interception", "sack", "scramble")
)

YARDS = np.arange(-99, 100)
"""The yards that a dropback can gain: the columns of `OutcomeLaw.pmf`."""

WIDTH, GOAL_LINE = FOOTBALL.field_width, FOOTBALL.goal_line
X, Y, SPEED, DIRECTION = 0, 1, 2, 4  # channels of a frame
FAR = 25.0  # yards; what a distance to somebody says when nobody is there, and the most it says


@dataclass(frozen=True)
class Coefficients:
    """The numbers of the law. Logits unless a unit is given; tuned to the 2017 season (`benchmarks/realism.py`)."""

    # completion
    completion: float = -0.03  # at no separation, no distance, no pressure
    completion_separation: float = 5.02  # from a covered to a free receiver
    separation_scale: float = 1.64  # yards of separation at arrival that give 63 % of that
    completion_distance: float = -0.021  # per yard of flight: the ball is less exact and the defence has time
    completion_middle: float = -1.28  # beyond the underneath defenders, between two layers of the coverage
    middle_yards: float = 7.88  # air yards about which that sets in
    middle_width: float = 0.934  # yards over which it does
    completion_deep: float = -1.28  # deeper down the field, where it must be thrown over the coverage
    deep_yards: float = 20.1  # air yards about which that sets in
    deep_scale: float = 1.2  # yards over which it does
    completion_line: float = -2.22  # at the line of scrimmage: flat throws through the hands of the rush
    line_scale: float = 1.0  # yards around the line of which that holds
    completion_around: float = -0.157  # per defender around the catch point beyond the nearest
    completion_lane: float = -1.57  # with a defender in the way of the ball
    completion_pressure: float = -1.95  # with a defender on the passer
    completion_speed: float = -0.06  # per yard/s of the passer
    completion_sideline: float = -0.218  # at the sideline: feet must stay in
    sideline_scale: float = 2.0  # yards from the sideline over which that fades
    completion_goal: float = -1.85  # at the goal line: a short field is a crowded one
    goal_scale: float = 15.5  # yards to goal over which that fades
    completion_accuracy: float = 0.122  # per standard deviation of the passer's accuracy

    # interception of a pass that is not complete
    interception: float = -3.37
    interception_middle: float = 0.871  # beyond the underneath defenders, who look at the passer
    interception_separation: float = -0.501  # from a covered to a free receiver
    interception_around: float = 0.394  # per defender around the catch point beyond the nearest
    interception_lane: float = 0.211  # with a defender in the way of the ball
    interception_pressure: float = 0.171  # with a defender on the passer
    interception_accuracy: float = 0.0  # per standard deviation of the passer's accuracy
    interception_decision: float = -0.08  # per standard deviation of the passer's decisions

    # stopped at the catch, or a run
    stopped: float = -0.13
    stopped_separation: float = -2.23  # from a covered to a free receiver
    stopped_middle: float = 0.881  # for catches at middle depth, with defenders in front and behind
    middle_depth: float = 11.0  # yards, the centre of that
    middle_scale: float = 6.0  # yards around it
    stopped_line: float = -3.0  # behind the line of scrimmage: the catch is free
    line_fade: float = 2.0  # yards beyond the line over which that, and `run_line`, fade
    stopped_deep: float = 1.68  # far down the field: in a dive, with a defender alongside
    stopped_around: float = 0.997  # per defender around the catch point beyond the nearest
    stopped_accuracy: float = -0.115  # per standard deviation of accuracy: the ball is put where one can run with it
    stopped_place: float = 0.114  # yard, centre of the yards after a catch that was stopped
    stopped_scale: float = 0.218  # yard, their logistic scale
    run: float = 1.37  # log of the run's scale in yards
    run_separation: float = 0.15  # per unit of log(1 + separation at arrival)
    run_room: float = 0.008  # per yard to the nearest defender ahead
    run_ahead: float = -0.03  # per defender ahead
    run_line: float = 0.416  # behind the line of scrimmage, with blockers ahead
    run_deep: float = 1.3  # far down the field: nobody is left ahead
    long_yards: float = 26.0  # air yards about which that, and `stopped_deep`, set in
    long_width: float = 5.0  # yards over which they do
    run_behind: float = 0.086  # per yard of the catch behind the line, to be made up first
    run_speed: float = 0.02  # per yard/s of the target towards the goal
    run_accuracy: float = 0.028  # per standard deviation of accuracy
    run_shape: float = 1.31  # Weibull shape of a run after a catch down the field
    run_shape_screen: float = 0.218  # more behind the line: a screen with blockers ahead has a hump near 5 yards
    screen_scale: float = 1.0  # yards, how sharply the line divides the two

    # the tail of every run
    tail_mass: float = 0.367  # share of runs beyond the threshold
    xi: float = 0.3  # its generalized Pareto shape

    # a scramble
    scramble: float = 1.58  # log of the run's scale in yards
    scramble_room: float = 0.03  # per yard to the nearest defender ahead
    scramble_speed: float = 0.02  # per yard/s of the passer
    scramble_shape: float = 1.9

    # the return of an interception
    return_none: float = 0.153  # probability of none at all
    return_scale: float = 17.0  # yards
    return_shape: float = 0.579

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not np.isfinite(value):
                raise ValueError(f"{field.name}, value {value}: expected a finite number.")
            if field.name in ("tail_mass", "return_none") and not 0 < value < 1:
                raise ValueError(f"{field.name}, value {value}: expected a number between 0 and 1.")
            if (field.name == "xi" or field.name.endswith(_POSITIVE)) and not value > 0:
                raise ValueError(f"{field.name}, value {value}: expected a number above 0.")


_POSITIVE = ("_scale", "_shape", "_fade", "_width")


@dataclass(frozen=True)
class State:
    """What the law knows of dropbacks at release, N of each. Distances in yards, speeds in yards/s, times in seconds.

    The projected catch point is where the ball (`flight_time`) meets the target who runs on at the recorded velocity,
    kept on the field. The defenders run on at theirs, and `break_on_ball` shrinks their distance to it. Fields about a
    target are NaN where no pass was aimed at one. A distance to a defender is at most 25 yards, which it also is where
    there is none.

    Args:
        ended: Code into `ENDED`.
        yards_to_goal: From the line of scrimmage, 1 to 99.
        down: 1 to 4.
        yards_to_go: To a first down.
        passer_depth: Of the passer behind the line of scrimmage; negative beyond it.
        passer_speed: Of the passer.
        pressure: From the passer to the nearest defender.
        closing: Speed at which that defender comes nearer; negative if farther.
        passer_room: From the passer to the nearest defender ahead of him.
        air_yards: Line of scrimmage to the projected catch point.
        throw_distance: Passer to the projected catch point.
        flight_time: Of the ball over that distance.
        separation: From the target to the nearest defender, at release.
        arrival_separation: From the catch point to the nearest defender when the ball arrives.
        around: Defenders around the catch point at arrival, each counted as exp(-(distance / 4)²).
        ahead: Defenders between catch point and goal line at arrival, each counted as exp(-(lateral distance / 10)²).
        room: From the catch point to the nearest defender ahead of it at arrival.
        lane: Least distance of a defender to the ball on its way (beyond 40 % of it, up to 3 yards before the catch).
        sideline: Catch point to the nearer sideline.
        target_speed: Of the target towards the goal line.
    """

    ended: np.ndarray
    yards_to_goal: np.ndarray
    down: np.ndarray
    yards_to_go: np.ndarray
    passer_depth: np.ndarray
    passer_speed: np.ndarray
    pressure: np.ndarray
    closing: np.ndarray
    passer_room: np.ndarray
    air_yards: np.ndarray
    throw_distance: np.ndarray
    flight_time: np.ndarray
    separation: np.ndarray
    arrival_separation: np.ndarray
    around: np.ndarray
    ahead: np.ndarray
    room: np.ndarray
    lane: np.ndarray
    sideline: np.ndarray
    target_speed: np.ndarray

    def __post_init__(self) -> None:
        n = np.shape(self.ended)
        for name, low, high in _STATE_RANGES:
            values = _as_array(name, getattr(self, name), n)
            wanted = np.isin(self.ended, (PASS,)) if name in _OF_THE_TARGET else np.ones(n, dtype=bool)
            _in_range(name, values, low, high, wanted)
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.ended)

    def __getitem__(self, rows: np.ndarray | slice | int) -> State:
        """The state of some of the plays, chosen as rows of an array are; one integer gives a state of one play."""
        return State(**{field.name: _rows(getattr(self, field.name), rows) for field in fields(self)})

    def table(self) -> pd.DataFrame:
        """One row a play, one column a field."""
        return pd.DataFrame(asdict(self))

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> State:
        """The state that `table` made, exactly; further columns are not read."""
        return cls(**{field.name: table[field.name].to_numpy() for field in fields(cls)})


_OF_THE_TARGET = (
    "air_yards",
    "throw_distance",
    "flight_time",
    "separation",
    "arrival_separation",
    "around",
    "ahead",
    "room",
    "lane",
    "sideline",
    "target_speed",
)
_STATE_RANGES = (
    ("ended", 0, 3),
    ("yards_to_goal", 1, 99),
    ("down", 1, 4),
    ("yards_to_go", 1, 99),
    ("passer_depth", -110.0, 110.0),
    ("passer_speed", 0.0, 50.0),
    ("pressure", 0.0, FAR),
    ("closing", -100.0, 100.0),
    ("passer_room", 0.0, FAR),
    ("air_yards", -99.0, 109.0),
    ("throw_distance", 0.0, 150.0),
    ("flight_time", 0.0, 10.0),
    ("separation", 0.0, FAR),
    ("arrival_separation", 0.0, FAR),
    ("around", 0.0, 11.0),
    ("ahead", 0.0, 11.0),
    ("room", 0.0, FAR),
    ("lane", 0.0, FAR),
    ("sideline", 0.0, WIDTH / 2),
    ("target_speed", -50.0, 50.0),
)


@dataclass(frozen=True)
class Skill:
    """What the passer adds, N of each, in standard deviations between the passers of a league; 0 is average.

    Args:
        accuracy: More completions, fewer interceptions, and balls that one can run with.
        decision: Fewer interceptions. (Whom to throw to, and when, is the play's affair: `play.Matchup`.)
    """

    accuracy: np.ndarray
    decision: np.ndarray

    def __post_init__(self) -> None:
        for field in fields(self):
            values = _as_array(field.name, getattr(self, field.name), np.shape(self.accuracy)).astype(float)
            _in_range(field.name, values, -8.0, 8.0, np.ones(values.shape, dtype=bool))
            object.__setattr__(self, field.name, values)

    def __len__(self) -> int:
        return len(self.accuracy)

    def __getitem__(self, rows: np.ndarray | slice | int) -> Skill:
        return Skill(*(_rows(getattr(self, field.name), rows) for field in fields(self)))


# --- the state at release ---------------------------------------------------------------------------------------------


def flight_time(distance: np.ndarray) -> np.ndarray:
    """Seconds a pass is in the air over a horizontal `distance` in yards: 0.15 + distance / 21.

    That is 16 yards/s over 10 yards, 18 over 20 and 20 over 50: balls are lofted at either end and thrown hard between.
    """
    return 0.15 + np.asarray(distance, dtype=float) / 21.0


def break_on_ball(flight: np.ndarray) -> np.ndarray:
    """Share of a defender's way to the catch point left after `flight` seconds: (1 + 3 e^(-(flight - 0.3) / 0.8)) / 4.

    The way, that is, from where running on as at release would have brought the defender. The first 0.3 s change
    nothing: so long it takes to see where the ball goes. A quarter of the way is left for good, for the receiver sees
    the ball as well.
    """
    seen = np.maximum(np.asarray(flight, dtype=float) - 0.3, 0.0)
    return (1.0 + 3.0 * np.exp(-seen / 0.8)) / 4.0


def state(
    frame: np.ndarray,
    *,
    passer: np.ndarray,
    target: np.ndarray,
    defence: np.ndarray,
    ended: np.ndarray,
    yards_to_goal: np.ndarray,
    down: np.ndarray,
    yards_to_go: np.ndarray,
) -> State:
    """The state of N dropbacks from the frame of the release, the same for any order of the entities.

    Positions and speeds are first rounded to the recorded 0.01, so that float32 and float64 tables say the same.

    Args:
        frame: Recorded x, y, speed, acceleration, direction, orientation of E entities, standardised, shape (N, E, 6).
        passer: Entity that is the passer, shape (N,).
        target: Entity that is the intended receiver, -1 without one, shape (N,).
        defence: Whether an entity defends, shape (N, E).
        ended: Codes into `ENDED`, shape (N,).
        yards_to_goal: From the line of scrimmage, 1 to 99, shape (N,).
        down: 1 to 4, shape (N,).
        yards_to_go: To a first down, 1 to 99, shape (N,).

    Raises:
        ValueError: A shape is wrong, a number that is needed is missing or out of range, a pass has no target.
    """
    frame = np.asarray(frame)
    if frame.ndim != 3 or frame.shape[2] != 6:
        raise ValueError(f"frame: expected shape (plays, entities, 6), came {frame.shape}.")
    n, entities = frame.shape[:2]
    passer, target, ended = (
        _as_array(k, v, (n,)) for k, v in (("passer", passer), ("target", target), ("ended", ended))
    )
    defence = _as_array("defence", defence, (n, entities)).astype(bool)
    yards_to_goal = _as_array("yards_to_goal", yards_to_goal, (n,))
    everyone = np.ones(n, dtype=bool)
    _in_range("passer", passer, 0, entities - 1, everyone)
    _in_range("ended", ended, 0, len(ENDED) - 1, everyone)
    _in_range("yards_to_goal", yards_to_goal, 1, 99, everyone)
    aimed = ended == PASS
    _in_range("target", target, 0, entities - 1, aimed)

    row = np.arange(n)
    aim = np.where(aimed, target, passer)  # stands in where nothing was aimed at; masked at the end
    needed = defence.copy()
    needed[row, passer] = needed[row, aim] = True
    recorded = np.round(frame[..., [X, Y, SPEED, DIRECTION]].astype(float), 2)
    for k, (name, low, high) in enumerate((("x", -10, 130), ("y", -20, 75), ("speed", 0, 50), ("direction", 0, 360))):
        _in_range(f"frame, channel '{name}'", recorded[..., k], low, high, needed)
    place = np.where(needed[..., None], recorded[..., :2], 0.0)  # (N, E, 2)
    angle = np.radians(np.where(needed, recorded[..., 3], 0.0))
    velocity = np.where(needed, recorded[..., 2], 0.0)[..., None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)

    line = GOAL_LINE - yards_to_goal
    hand, hand_velocity = place[row, passer], velocity[row, passer]  # (N, 2)
    receiver, receiver_velocity = place[row, aim], velocity[row, aim]
    catch = receiver
    for _ in range(12):  # where ball and receiver meet; each round shrinks the error by speed / 21
        catch = receiver + receiver_velocity * flight_time(_norm(catch - hand))[:, None]
    catch = np.clip(catch, [1.0, 0.0], [119.0, WIDTH])  # nobody is thrown to off the field
    distance = _norm(catch - hand)
    flight = flight_time(distance)

    to_passer = place - hand[:, None]
    near = _norm(to_passer)
    nearest = np.argmin(np.where(defence, near, np.inf), axis=1)
    closing = -((velocity[row, nearest] - hand_velocity) * to_passer[row, nearest]).sum(axis=1)
    closing /= np.maximum(near[row, nearest], 0.01)

    gap = place + velocity * flight[:, None, None] - catch[:, None]  # (N, E, 2), of everybody running on
    gap *= break_on_ball(flight)[:, None, None]
    apart, before = _norm(gap), gap[..., 0] > 0
    around = np.exp(-((apart / 4.0) ** 2))
    ahead = np.where(before, np.exp(-((gap[..., 1] / 10.0) ** 2)), 0.0)

    of_target = {
        "air_yards": catch[:, 0] - line,
        "throw_distance": distance,
        "flight_time": flight,
        "separation": _least(_norm(place - receiver[:, None]), defence),
        "arrival_separation": _least(apart, defence),
        "around": _total(around, defence),
        "ahead": _total(ahead, defence),
        "room": _least(apart, defence & before),
        "lane": _least(_lane(place, velocity, hand, catch, distance, flight), defence),
        "sideline": np.minimum(catch[:, 1], WIDTH - catch[:, 1]),
        "target_speed": receiver_velocity[:, 0],
    }
    return State(
        ended=ended,
        yards_to_goal=yards_to_goal,
        down=_as_array("down", down, (n,)),
        yards_to_go=_as_array("yards_to_go", yards_to_go, (n,)),
        passer_depth=line - hand[:, 0],
        passer_speed=recorded[row, passer, 2],
        pressure=_least(near, defence),
        closing=closing,
        passer_room=_least(near, defence & (to_passer[..., 0] > 0)),
        **{name: np.where(aimed, values, np.nan) for name, values in of_target.items()},
    )


def state_from_tracks(tracks: Tracks, situation: Situation) -> State:
    """The state of simulated plays (`play.simulate`) from their frame of the release."""
    row = np.arange(len(tracks.release))
    defence = np.zeros(tracks.values.shape[2], dtype=bool)
    defence[11:22] = True
    return state(
        tracks.values[row, tracks.release],
        passer=np.zeros(len(row), dtype=int),
        target=tracks.target,
        defence=np.broadcast_to(defence, (len(row), len(defence))),
        ended=tracks.ended,
        yards_to_goal=situation.yards_to_goal,
        down=situation.down,
        yards_to_go=situation.yards_to_go,
    )


def state_from_tables(plays: pd.DataFrame, frames: pd.DataFrame) -> State:
    """The state of every play of two `qbsbp.schema.FOOTBALL` tables, in the order of `plays`.

    A pass without a target is a throwaway. Equal to what `state_from_tracks` says of the tracks behind the tables.

    Args:
        plays: Table of plays.
        frames: Table of frames with the columns speed and direction; other plays and frames in it are not read.

    Raises:
        ValueError: A play has not 23 rows in its release frame, or its passer or target is not among them.
    """
    keys = ["game_id", "play_id", "frame_id"]
    wanted = plays[["game_id", "play_id"]].assign(
        frame_id=plays["release_frame"].to_numpy(), play=np.arange(len(plays))
    )
    rows = frames.merge(wanted, on=keys, how="inner").sort_values(["play", "player_id"], kind="stable")
    entities = FOOTBALL.entities
    count = np.bincount(rows["play"], minlength=len(plays))
    if (count != entities).any():
        i = int(np.argmax(count != entities))
        raise ValueError(
            f"frames: expected {entities} rows in the release frame of every play, came {count[i]} in frame "
            f"{wanted['frame_id'].iloc[i]} of play ({wanted['game_id'].iloc[i]}, {wanted['play_id'].iloc[i]})."
        )
    shape = (len(plays), entities)
    player = rows["player_id"].to_numpy().reshape(shape)

    def entity(name: str, wanted: np.ndarray) -> np.ndarray:
        """Place of each play's player among its rows; -1 where nobody is asked for."""
        same = player == plays[name].to_numpy()[:, None]
        if not same[wanted].any(axis=1).all():
            i = int(np.argmax(wanted & ~same.any(axis=1)))
            raise ValueError(f"plays, row {i}, column '{name}', value {plays[name].iloc[i]}: no such player in frames.")
        return np.where(wanted, same.argmax(axis=1), -1)

    outcome = plays["outcome"].astype(str).to_numpy()
    thrown = ~np.isin(outcome, ("sack", "scramble"))
    aimed = thrown & (plays["target_id"].to_numpy() > 0)
    channels = ["x", "y", "speed", "acceleration", "direction", "orientation"]
    return state(
        rows[channels].to_numpy(dtype=float).reshape(*shape, 6),
        passer=entity("passer_id", np.ones(len(plays), dtype=bool)),
        target=entity("target_id", aimed),
        defence=(rows["side"] == "defence").to_numpy().reshape(shape),
        ended=np.select([aimed, thrown, outcome == "sack"], [PASS, THROWAWAY, SACK], SCRAMBLE),
        yards_to_goal=plays["yards_to_goal"].to_numpy(),
        down=plays["down"].to_numpy(),
        yards_to_go=plays["yards_to_go"].to_numpy(),
    )


def _lane(
    place: np.ndarray,
    velocity: np.ndarray,
    hand: np.ndarray,
    catch: np.ndarray,
    distance: np.ndarray,
    flight: np.ndarray,
) -> np.ndarray:
    """Distance of each entity to the ball when the ball is nearest to passing it, shape (N, E).

    The ball goes straight from hand to catch at constant speed; an entity that moves on at constant velocity is nearest
    to it at one moment, kept to the part of the flight where the ball is low enough: beyond 40 % of the way, where it
    has cleared the linemen, and 3 yards short of the catch, where `arrival_separation` takes over.
    """
    ball = (catch - hand) / flight[:, None]
    gap, drift = place - hand[:, None], velocity - ball[:, None]
    moment = -(gap * drift).sum(axis=-1) / np.maximum((drift**2).sum(axis=-1), 1e-9)
    first, last = 0.4 * flight, np.maximum(1.0 - 3.0 / np.maximum(distance, 3.0), 0.4) * flight
    moment = np.clip(moment, first[:, None], last[:, None])
    return _norm(gap + drift * moment[..., None])


def _norm(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(vector[..., 0] ** 2 + vector[..., 1] ** 2)


def _least(distance: np.ndarray, among: np.ndarray) -> np.ndarray:
    return np.minimum(np.where(among, distance, FAR).min(axis=1), FAR)


def _total(weight: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Sum in order of size, so that no order of the entities changes the last bit."""
    return np.sort(np.where(among, weight, 0.0), axis=1).sum(axis=1)


# --- the law ----------------------------------------------------------------------------------------------------------


def completion_logit(state: State, skill: Skill, c: Coefficients) -> np.ndarray:
    r"""The logit :math:`\eta` of a completion, shape (N,); NaN without a target.

    .. math::
        \eta = c + c_{sep} (1 - e^{-(d / \ell)^2}) + c_{dist} D + c_{mid} \sigma((a - a_{mid}) / \ell_{mid})
            + c_{deep} \sigma((a - a_{deep}) / \ell_{deep}) + c_{line} e^{-(a / \ell_{line})^2} + c_{around} n
            + c_{lane} e^{-g^2} + c_{press} e^{-(r / 2)^2} + c_{speed} v + c_{side} e^{-b / \ell_{side}}
            + c_{goal} e^{-t / \ell_{goal}} + c_{acc} \cdot accuracy

    d is the separation at arrival, D the distance of the throw, a the air yards, n the defenders around the catch point
    beyond the nearest, g the distance of a defender to the ball's way, r that of a defender to the passer 0.2 s after
    the release, v the passer's speed, b the way to the sideline, t the yards to goal.
    """
    return (
        c.completion
        + c.completion_separation * _openness(state, c)
        + c.completion_distance * state.throw_distance
        + c.completion_middle * _beyond(state, c)
        + c.completion_deep * _sigmoid((state.air_yards - c.deep_yards) / c.deep_scale)
        + c.completion_line * np.exp(-((state.air_yards / c.line_scale) ** 2))
        + c.completion_around * _others_around(state)
        + c.completion_lane * np.exp(-(state.lane**2))
        + c.completion_pressure * _pressed(state)
        + c.completion_speed * state.passer_speed
        + c.completion_sideline * np.exp(-state.sideline / c.sideline_scale)
        + c.completion_goal * np.exp(-state.yards_to_goal / c.goal_scale)
        + c.completion_accuracy * skill.accuracy
    )


def interception_logit(state: State, skill: Skill, c: Coefficients) -> np.ndarray:
    r"""The logit :math:`\iota` of an interception given no completion, shape (N,); NaN without a target.

    .. math::
        \iota = i + i_{sep} (1 - e^{-(d / \ell)^2}) + i_{mid} \sigma((a - a_{mid}) / \ell_{mid}) + i_{around} n
            + i_{lane} e^{-g^2} + i_{press} e^{-(r / 2)^2} + i_{acc} \cdot accuracy + i_{dec} \cdot decision

    with the letters of `completion_logit`.
    """
    return (
        c.interception
        + c.interception_separation * _openness(state, c)
        + c.interception_middle * _beyond(state, c)
        + c.interception_around * _others_around(state)
        + c.interception_lane * np.exp(-(state.lane**2))
        + c.interception_pressure * _pressed(state)
        + c.interception_accuracy * skill.accuracy
        + c.interception_decision * skill.decision
    )


def run_survival(z: np.ndarray, scale: np.ndarray, shape: np.ndarray, c: Coefficients) -> np.ndarray:
    r"""Probability that a run goes beyond z yards.

    .. math:: S_R(z) = \exp(-(\min(z, u) / \lambda)^k) \, (1 + \xi (z - u)_+ / \beta)^{-1 / \xi}

    for z > 0, else 1: a Weibull law of scale :math:`\lambda` and shape k up to the threshold u, where `tail_mass` q is
    left, :math:`u = \lambda (-\ln q)^{1/k}`, and beyond it exactly a generalized Pareto law of shape `xi`. Its scale
    :math:`\beta = u / (k (-\ln q))` is the Weibull law's survival over density at u, so the density is continuous.
    """
    h = -np.log(c.tail_mass)
    threshold = scale * h ** (1.0 / shape)
    beta = threshold / (shape * h)
    z = np.maximum(z, 0.0)
    body = np.exp(-((np.minimum(z, threshold) / scale) ** shape))
    return body * (1.0 + c.xi * np.maximum(z - threshold, 0.0) / beta) ** (-1.0 / c.xi)


def _run_quantile(survival: np.ndarray, scale: np.ndarray, shape: np.ndarray, c: Coefficients) -> np.ndarray:
    """The z at which `run_survival` is `survival`, in (0, 1]."""
    h = -np.log(c.tail_mass)
    threshold = scale * h ** (1.0 / shape)
    beta = threshold / (shape * h)
    body = scale * (-np.log(np.maximum(survival, c.tail_mass))) ** (1.0 / shape)
    return body + beta * ((np.minimum(survival, c.tail_mass) / c.tail_mass) ** -c.xi - 1.0) / c.xi


def law(state: State, skill: Skill | None = None, coefficients: Coefficients | None = None) -> OutcomeLaw:
    r"""The law of what each dropback gains.

    With the letters of `completion_logit`, :math:`f = \sigma((a - 26) / 5)` for a catch far down the field,
    :math:`l = e^{-a_+ / 2}` for one at or behind the line of scrimmage, m the defenders `ahead`, R the `room` and u the
    `target_speed`, the weight of being stopped at the catch and the scale and shape of the run after it are

    .. math::
        w &= \sigma(s + s_{sep} (1 - e^{-(d / \ell)^2}) + s_{mid} e^{-((a - 11) / 6)^2} + s_{line} l + s_{deep} f
            + s_{around} n + s_{acc} \cdot accuracy) \\
        \lambda &= \exp(r + r_{sep} \ln(1 + d) + r_{room} R + r_{ahead} m + r_{line} l + r_{deep} f + r_{behind} (-a)_+
            + r_{speed} u + r_{acc} \cdot accuracy) \\
        k &= k_0 + k_{screen} \sigma(-(a + 1))

    and :math:`\lambda = \exp(q + q_{room} R' + q_{speed} v)` for a scramble, R' the `passer_room`.

    Args:
        state: State at release of N dropbacks.
        skill: The passers' skill; the average passer's if left out.
        coefficients: The numbers of the law; the league's if left out.

    Raises:
        ValueError: `skill` has another length than `state`.
    """
    n = len(state)
    skill = Skill(np.zeros(n), np.zeros(n)) if skill is None else skill
    c = Coefficients() if coefficients is None else coefficients
    if len(skill) != n:
        raise ValueError(f"skill: expected {n} passers, one a play of the state, came {len(skill)}.")
    aimed, ran = state.ended == PASS, state.ended == SCRAMBLE
    calm = State(**{f.name: np.where(aimed, getattr(state, f.name), 1) for f in fields(state)})  # no NaN inside

    complete = np.where(aimed, _sigmoid(completion_logit(calm, skill, c)), 0.0)
    intercepted = np.where(aimed, (1.0 - complete) * _sigmoid(interception_logit(calm, skill, c)), 0.0)

    far = _sigmoid((calm.air_yards - c.long_yards) / c.long_width)
    line = np.exp(-np.maximum(calm.air_yards, 0.0) / c.line_fade)
    middle = np.exp(-(((calm.air_yards - c.middle_depth) / c.middle_scale) ** 2))
    stopped = _sigmoid(
        c.stopped
        + c.stopped_separation * _openness(calm, c)
        + c.stopped_middle * middle
        + c.stopped_line * line
        + c.stopped_deep * far
        + c.stopped_around * _others_around(calm)
        + c.stopped_accuracy * skill.accuracy
    )
    scale = np.exp(
        c.run
        + c.run_separation * np.log1p(calm.arrival_separation)
        + c.run_room * calm.room
        + c.run_ahead * calm.ahead
        + c.run_line * line
        + c.run_deep * far
        + c.run_behind * np.maximum(-calm.air_yards, 0.0)
        + c.run_speed * calm.target_speed
        + c.run_accuracy * skill.accuracy
    )
    shape = c.run_shape + c.run_shape_screen * _sigmoid(-(calm.air_yards + 1.0) / c.screen_scale)
    scramble_scale = np.exp(c.scramble + c.scramble_room * state.passer_room + c.scramble_speed * state.passer_speed)

    to_goal = state.yards_to_goal.astype(int)
    catch = _nearest(np.where(aimed, state.air_yards, 0.0))
    passer = _nearest(-state.passer_depth)
    # An interception in an end zone counts from the goal line, and there is at least one yard to return.
    spot = np.clip(catch, to_goal - 99, to_goal - 1)
    return OutcomeLaw(
        ended=state.ended.astype(int),
        yards_to_goal=to_goal,
        air_yards=np.where(aimed, np.minimum(catch, to_goal), np.nan),
        p_complete=complete,
        p_interception=intercepted,
        start=np.select([aimed, ran], [catch, np.maximum(passer, 0)], 0),
        gain_mass=np.where(ran, 1.0, complete),
        rest=np.where(state.ended == SACK, np.clip(passer, to_goal - 100, 0), 0),
        stopped=np.where(aimed, stopped, 0.0),
        run_scale=np.where(ran, scramble_scale, scale),
        run_shape=np.where(ran, c.scramble_shape, shape),
        return_limit=100 - to_goal + spot,
        coefficients=c,
    )


def _openness(state: State, c: Coefficients) -> np.ndarray:
    """From 0, covered, to 1, free: 1 - exp(-(separation at arrival / scale)²)."""
    return 1.0 - np.exp(-((state.arrival_separation / c.separation_scale) ** 2))


def _beyond(state: State, c: Coefficients) -> np.ndarray:
    """From 0 to 1 as the throw passes the underneath defenders: sigma((air yards - centre) / width)."""
    return _sigmoid((state.air_yards - c.middle_yards) / c.middle_width)


def _others_around(state: State) -> np.ndarray:
    """Defenders around the catch point beyond the nearest, each counted as exp(-(distance / 4)²)."""
    return np.maximum(state.around - np.exp(-((state.arrival_separation / 4.0) ** 2)), 0.0)


def _pressed(state: State) -> np.ndarray:
    """exp(-(r / 2)²), r the way of the nearest defender to the passer 0.2 s after the release if he keeps closing."""
    r = np.maximum(state.pressure - 0.2 * state.closing, 0.0)
    return np.exp(-((r / 2.0) ** 2))


@dataclass(frozen=True)
class Drawn:
    """Outcomes drawn from a law, N of each.

    Args:
        outcome: Code into `OUTCOMES`.
        yards_gained: By the play; 0 if incomplete or intercepted.
        air_yards: Line of scrimmage to the catch point, at most to the goal line; NaN without a target.
        return_yards: Of an interception, else 0.
        touchdown: Whether the offence scored.
        return_touchdown: Whether the defence scored with an interception.
    """

    outcome: np.ndarray
    yards_gained: np.ndarray
    air_yards: np.ndarray
    return_yards: np.ndarray
    touchdown: np.ndarray
    return_touchdown: np.ndarray


@dataclass(frozen=True)
class OutcomeLaw:
    """The laws of what N dropbacks gain; the formulas are in the module's docstring.

    With probability `gain_mass` a gain from `start` on, with `p_interception` a return, otherwise `rest` yards.

    Args:
        ended: Codes into `ENDED`.
        yards_to_goal: Where gains are cut.
        air_yards: Integer yards from the line of scrimmage to the catch, at most to the goal line as statistics are
            kept; NaN without a target.
        p_complete: Probability of a completion.
        p_interception: Probability of an interception.
        start: Yard from which a run or a catch goes on.
        gain_mass: Probability of a gain: of a completion, or 1 for a scramble.
        rest: Yards if there is neither gain nor interception: 0, or what a sack loses.
        stopped: Weight w of being stopped at the catch.
        run_scale: Scale of the run in yards.
        run_shape: Weibull shape of its body.
        return_limit: Yards at which the return of an interception is a touchdown.
        coefficients: The numbers that all plays share.
    """

    ended: np.ndarray
    yards_to_goal: np.ndarray
    air_yards: np.ndarray
    p_complete: np.ndarray
    p_interception: np.ndarray
    start: np.ndarray
    gain_mass: np.ndarray
    rest: np.ndarray
    stopped: np.ndarray
    run_scale: np.ndarray
    run_shape: np.ndarray
    return_limit: np.ndarray
    coefficients: Coefficients

    def __len__(self) -> int:
        return len(self.ended)

    def __getitem__(self, rows: np.ndarray | slice | int) -> OutcomeLaw:
        """The laws of some of the plays, chosen as rows of an array are; one integer gives the law of one play."""
        arrays = {f.name: _rows(getattr(self, f.name), rows) for f in fields(self) if f.name != "coefficients"}
        return OutcomeLaw(**arrays, coefficients=self.coefficients)

    @property
    def p_incomplete(self) -> np.ndarray:
        """Probability that a pass was thrown and nobody caught it, shape (N,)."""
        thrown = (self.ended == PASS) | (self.ended == THROWAWAY)
        return np.where(thrown, 1.0 - self.p_complete - self.p_interception, 0.0)

    @property
    def p_touchdown(self) -> np.ndarray:
        """Probability that the offence scores, shape (N,)."""
        return self.gain_mass * (1.0 - self._gain_cdf(self.yards_to_goal - 1))

    def cdf(self, y: np.ndarray, *, interceptions: str = "zero") -> np.ndarray:
        """Probability of at most y yards.

        Args:
            y: Yards, a number or shape (N,) or (N, K).
            interceptions: An interception counts "zero" yards, or minus its "return".

        Returns:
            Probabilities, shape (N,) or (N, K).
        """
        y = np.asarray(y, dtype=float)
        if np.isnan(y).any():
            raise ValueError(f"y: expected yards, came NaN at {_first(np.isnan(y))}.")
        y, own = self._align("y", np.clip(np.floor(y), -100, 100))
        returned = own.p_interception if _counts_return(interceptions) else 0.0
        rest = 1.0 - own.gain_mass - returned
        probability = own.gain_mass * own._gain_cdf(y) + rest * (y >= own.rest)
        probability = probability + returned * own._return_cdf(y)
        return np.where(y >= own.yards_to_goal, 1.0, probability)  # not 1 - 1e-16

    def pmf(self, *, interceptions: str = "zero") -> np.ndarray:
        """Probability of every yard in `YARDS`, shape (N, 199); each row sums to 1.

        Args:
            interceptions: An interception counts "zero" yards, or minus its "return".
        """
        _counts_return(interceptions)
        mass = np.empty((len(self), len(YARDS)))
        for first in range(0, len(self), 512):  # 512 rows at a time stay in the cache
            rows = slice(first, first + 512)
            part = self[rows]
            mass[rows] = np.diff(
                part.cdf(np.broadcast_to(YARDS, (len(part), len(YARDS))), interceptions=interceptions), prepend=0.0
            )
        return np.maximum(mass, 0.0)  # rounding may leave -1e-17

    def quantile(self, level: np.ndarray, *, interceptions: str = "zero") -> np.ndarray:
        """The fewest yards y with cdf(y) >= level, integers; at level 0 the fewest that are possible.

        Args:
            level: In [0, 1], a number or shape (N,) or (N, K).
            interceptions: An interception counts "zero" yards, or minus its "return".

        Raises:
            ValueError: A level is not in [0, 1].
        """
        level = np.asarray(level, dtype=float)
        _in_range("level", level, 0.0, 1.0, np.ones(level.shape, dtype=bool))
        level, _ = self._align("level", np.maximum(level, np.finfo(float).tiny))
        low, high = np.full(level.shape, -100), np.full(level.shape, 99)  # cdf(low) < level <= cdf(high)
        for _ in range(8):
            middle = (low + high) // 2
            reached = self.cdf(middle, interceptions=interceptions) >= level
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return high

    def mean(self, *, interceptions: str = "zero") -> np.ndarray:
        """Expected yards, shape (N,)."""
        return self.pmf(interceptions=interceptions) @ YARDS

    def draw(self, rng: np.random.Generator) -> Drawn:
        """One outcome of each play; four uniform numbers a play, whatever becomes of it."""
        c, (what, part, far, back) = self.coefficients, rng.random((4, len(self)))
        gained = what < self.gain_mass
        intercepted = ~gained & (what < self.gain_mass + self.p_interception)

        survival = 1.0 - far  # in (0, 1]
        with np.errstate(divide="ignore"):  # a level of exactly 0 is minus infinity, and cut
            stop = c.stopped_place + c.stopped_scale * (np.log(far) - np.log(survival))
        after = np.where(part < self.stopped, stop, _run_quantile(survival, self.run_scale, self.run_shape, c))
        after = np.clip(after, -300.0, 300.0)  # beyond any field, within the integers
        gain = np.clip(self.start + _nearest(after), self.yards_to_goal - 100, self.yards_to_goal)
        gain = np.where(self.start >= self.yards_to_goal, self.yards_to_goal, gain)
        distance = c.return_scale * (-np.log(1.0 - back)) ** (1.0 / c.return_shape)
        returned = np.where(part < c.return_none, 0, np.minimum(_nearest(distance), self.return_limit))
        returned = np.where(intercepted, returned, 0)
        yards = np.where(gained, gain, np.where(intercepted, 0, self.rest))
        fate = np.select([gained, intercepted], [COMPLETE, INTERCEPTION], INCOMPLETE)
        return Drawn(
            outcome=np.select([self.ended == SACK, self.ended == SCRAMBLE], [SACKED, SCRAMBLED], fate),
            yards_gained=yards,
            air_yards=self.air_yards.copy(),
            return_yards=returned,
            touchdown=gained & (yards >= self.yards_to_goal),
            return_touchdown=intercepted & (returned >= self.return_limit),
        )

    def _gain_cdf(self, y: np.ndarray) -> np.ndarray:
        """P(gain <= y) for integers y, given a gain."""
        c, z = self.coefficients, y - self.start + 0.5
        ran = 1.0 - run_survival(z, self.run_scale, self.run_shape, c)
        inside = self.stopped * _sigmoid((z - c.stopped_place) / c.stopped_scale) + (1.0 - self.stopped) * ran
        least = np.where(self.start >= self.yards_to_goal, self.yards_to_goal, self.yards_to_goal - 100)
        return np.where(y >= self.yards_to_goal, 1.0, np.where(y < least, 0.0, inside))

    def _return_cdf(self, y: np.ndarray) -> np.ndarray:
        """P(-return <= y) for integers y, given an interception."""
        c, back = self.coefficients, -y
        beyond = (1.0 - c.return_none) * np.exp(-((np.maximum(back - 0.5, 0.0) / c.return_scale) ** c.return_shape))
        return np.where(back <= 0, 1.0, np.where(back > self.return_limit, 0.0, beyond))

    def _align(self, name: str, values: np.ndarray) -> tuple[np.ndarray, OutcomeLaw]:
        """`values` of shape (N,) or (N, K), and the laws so shaped that they broadcast against them."""
        n = len(self)
        if values.ndim == 0:
            values = np.broadcast_to(values, (n,))
        if values.ndim > 2 or values.shape[0] != n:
            raise ValueError(f"{name}: expected a number or shape ({n},) or ({n}, K), came {values.shape}.")
        return values, self if values.ndim == 1 else self[:, None]


# --- small things -----------------------------------------------------------------------------------------------------


def _sigmoid(t: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * t))


def _nearest(yards: np.ndarray) -> np.ndarray:
    """The nearest integer; halves go up."""
    return np.floor(yards + 0.5).astype(int)


def _rows(values: np.ndarray, rows: object) -> np.ndarray:
    picked = values[rows]
    return picked if np.ndim(picked) else np.reshape(picked, (1,))


def _counts_return(interceptions: str) -> bool:
    if interceptions not in ("zero", "return"):
        raise ValueError(f'interceptions: expected "zero" or "return", came {interceptions!r}.')
    return interceptions == "return"


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _as_array(name: str, values: object, shape: tuple[int, ...]) -> np.ndarray:
    values = np.asarray(values)
    if values.shape != shape or values.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers of shape {shape}, came {values.dtype} of shape {values.shape}.")
    return values


def _in_range(name: str, values: np.ndarray, low: float, high: float, wanted: np.ndarray) -> None:
    """Raise at the first of the wanted values that is missing or not from low to high."""
    wrong = wanted & ~((values >= low) & (values <= high))
    if wrong.any():
        at = _first(wrong)
        raise ValueError(f"{name} at {at}, value {values[at]}: expected a number from {low:g} to {high:g}.")
