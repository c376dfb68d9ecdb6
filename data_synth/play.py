"""Dropbacks that never happened: 22 players and a ball, from half a second before the snap to the end.

N plays run at once through one loop over tenths of a second. In each step every player has a velocity that he would
like to have, by his job: the passer drops, slides in the pocket, escapes or runs; linemen stay between their man and
the passer; receivers run routes; rushers come, are held up and win; defenders follow a man or keep a zone. Wishes are
answered with the inertia of a body (limits on speed, acceleration and its change). Meanwhile the passer reads his
receivers in turn and throws as soon as one is worth more than his threshold, which falls with time and pressure; so
time to throw, target, depth, sacks, scrambles and throwaways come out of what happens on the field.
`data_synth.sensor` then records what a tracking system would. Places and velocities are complex numbers x + iy, in
yards and yards/s: x along the field, the offence moving to larger x; y across it, 0 at the offence's right hand.

Entities: 0 passer, 1-5 offensive line from left to right, 6-10 eligible receivers, 11-21 defence, 22 ball. Chapter:
meeting the data.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from data_synth import routes, sensor
from data_synth.formation import (
    COVERAGES,
    DEFENCE_PERSONNEL,
    FORMATIONS,
    NORMAL,
    OFFENCE_PERSONNEL,
    PASSING,
    POSITIONS,
    SHORT,
    Defence,
    Offence,
    line_up_defence,
    line_up_offence,
    pick,
)
from data_synth.outcome import break_on_ball, flight_time
from qbsbp.schema import EVENTS, FOOTBALL

__all__ = [
    "Situation",
    "Matchup",
    "Tracks",
    "simulate",
    "POSITIONS",
    "FORMATIONS",
    "OFFENCE_PERSONNEL",
    "DEFENCE_PERSONNEL",
    "COVERAGES",
    "ENDS",
    "PASS",
    "THROWAWAY",
    "SACK",
    "SCRAMBLE",
    "AFTER_RELEASE",
    "SNAP",
]

DT = 1 / FOOTBALL.frames_per_second  # s
SNAP = 5  # frames before the snap
AFTER_RELEASE = 5  # frames after the release
LONGEST = 9.0  # s after the snap; a passer who still has the ball throws it away
STEPS = SNAP + round(LONGEST / DT) + 1  # frames of the longest dropback, up to its release
ENDS = ("pass", "throwaway", "sack", "scramble")
PASS, THROWAWAY, SACK, SCRAMBLE = range(len(ENDS))
WIDTH = FOOTBALL.field_width
PASSER, LINE, ELIGIBLE, OFFENCE, DEFENCE = 0, slice(1, 6), slice(6, 11), slice(0, 11), slice(11, 22)

# --- bodies, by position (QB RB WR TE OL DL LB DB) ---------------------------------------------------------------
TOP_SPEED = np.array([7.6, 8.3, 8.9, 8.1, 4.8, 6.6, 7.9, 9.1])  # yards/s
ACCELERATION = np.array([6.6, 8.4, 7.8, 7.6, 7.2, 8.2, 8.6, 8.2])  # yards/s²
SPREAD_SPEED, SPREAD_ACCELERATION = 0.06, 0.28
RESPONSE = np.array([0.36, 0.38, 0.68, 0.66, 0.28, 0.3, 0.58, 0.8])  # s in which a wish becomes acceleration
INERTIA = 0.17  # s in which acceleration follows
WANDER_SPEED = np.array([0.9, 1.1, 0.85, 1.3, 0.65, 1.6, 0.85, 0.32])  # yards/s, noise of the wish
# Noise of the acceleration at 1 yard/s; it grows with the speed up to 2 yards/s.
JOLT = np.array([0.27, 0.24, 0.3, 0.34, 0.5, 0.46, 0.38, 0.25])
WANDER_SECONDS = 1.0
# Seconds after the tag of the snap at which each position starts: mean, standard deviation.
START = np.array([0.0, 0.06, 0.05, 0.06, -0.27, -0.32, -0.02, 0.08])
START_SPREAD = np.array([0.11, 0.16, 0.12, 0.14, 0.14, 0.14, 0.25, 0.3])
# The tracking system smooths velocities: share of the news in each frame. Linemen are smoothed more, and much more in
# the older part of the plays.
FILTER = np.array([0.8, 0.8, 0.82, 0.8, 0.6, 0.6, 0.8, 0.82])
FILTER_OLD, OLD_SHARE = np.array([0.8, 0.8, 0.82, 0.76, 0.3, 0.3, 0.78, 0.82]), 0.38
# The torso: a constant error of each player and play, and a damped swing about where he means to look.
TURN_SECONDS = 0.25
STANCE = 0.18  # radians
TWIST = np.array([0.2, 0.3, 0.15, 0.4, 1.0, 0.75, 0.5, 0.2])  # radians, two seconds after the snap
SWAY_STIFFNESS, SWAY_DAMPING, SWAY_START = 6.0, 3.5, 0.1  # 1/s², 1/s, rad
SWAY_NOISE = np.array([1.2, 1.4, 1.75, 1.5, 0.92, 1.8, 1.35, 1.15])  # rad/s^1.5
CREEP = np.array([0.05, 0.04, 0.04, 0.06, 0.02, 0.06, 0.16, 0.22])
STILL = np.array([0.42, 0.55, 0.4, 0.4, 0.3, 0.1, 0.12, 0.09])  # share who stand still before the snap
MOTION_SHARE = 0.12  # yards/s before the snap


@dataclass(frozen=True)
class Situation:
    """Where and when N dropbacks start.

    Args:
        yards_to_goal: 1 to 99, shape (N,).
        down: 1 to 4.
        yards_to_go: To a first down, 1 to 99.
        quarter: 1 to 9, 5 and on overtime.
        clock: Seconds left of the quarter, 0 to 900.
        score_difference: Points of the offence less those of the defence, -100 to 100.

    Raises:
        ValueError: If a shape differs or an entry lies outside its range.
    """

    yards_to_goal: np.ndarray
    down: np.ndarray
    yards_to_go: np.ndarray
    quarter: np.ndarray
    clock: np.ndarray
    score_difference: np.ndarray

    def __post_init__(self):
        _check_fields(self, {c.name: (c.low, c.high) for c in FOOTBALL.plays.columns})


@dataclass(frozen=True)
class Matchup:
    """How good the two teams are in N dropbacks, in standard deviations of the league; 0 is average, -10 to 10.

    Args:
        passer_decision: Finds the better open man and feels the rush, shape (N,).
        passer_depth: Taste for deep throws.
        passer_mobility: Escapes and runs.
        receivers: Win separation.
        protection: Holds off the rush.
        rush: Gets to the passer.
        coverage: Denies separation.

    Raises:
        ValueError: If a shape differs or an entry lies outside its range.
    """

    passer_decision: np.ndarray
    passer_depth: np.ndarray
    passer_mobility: np.ndarray
    receivers: np.ndarray
    protection: np.ndarray
    rush: np.ndarray
    coverage: np.ndarray

    def __post_init__(self):
        _check_fields(self, {f.name: (-10, 10) for f in fields(self)})

    @classmethod
    def average(cls, n: int) -> Matchup:
        """N dropbacks of average teams."""
        return cls(*(np.zeros(n) for _ in fields(cls)))


def _check_fields(data: Situation | Matchup, limits: dict[str, tuple[float, float]]) -> None:
    shape = np.shape(getattr(data, fields(data)[0].name))
    for field in fields(data):
        values = np.asarray(getattr(data, field.name), dtype=float)
        if values.ndim != 1 or values.shape != shape:
            raise ValueError(
                f"{field.name} has shape {values.shape}: expected one entry a play, shape (N,), as all fields have; "
                f"{fields(data)[0].name} has {shape}."
            )
        low, high = limits[field.name]
        wrong = ~((values >= low) & (values <= high))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{field.name}[{row}]={values[row]:g}: expected a number in [{low:g}, {high:g}]. {int(wrong.sum())} of "
                f"{len(values)} entries break this."
            )
        object.__setattr__(data, field.name, values)


@dataclass(frozen=True)
class Tracks:
    """N dropbacks as recorded, and what is known about them.

    Args:
        values: float32 (N, T, 23, 6): x, y, speed, acceleration, direction, orientation as recorded, turned so that the
            offence moves to larger x. NaN beyond a play's last frame; the ball's two angles are NaN.
        left: bool (N,), whether the offence moved to the left in the file.
        lengths: (N,) frames of each play.
        snap: (N,) index of the frame of the snap.
        release: (N,) index of the frame in which the pass leaves the hand, the passer goes down, or the runner crosses
            the line; `AFTER_RELEASE` frames follow.
        position: int8 (N, 23), codes into POSITIONS.
        ended: int8 (N,), codes into ENDS.
        target: (N,) entity of the intended receiver, -1 without one.
        events: int8 (N, T), codes into `qbsbp.schema.EVENTS`.
        formation, offence_personnel, defence_personnel, coverage: int8 (N,), codes into FORMATIONS, OFFENCE_PERSONNEL,
            DEFENCE_PERSONNEL, COVERAGES.
        pass_rushers: (N,) defenders sent after the passer.
        play_action: bool (N,).
        routes: int8 (N, 5), codes into `data_synth.routes.ROUTE_NAMES` for entities 6-10.
        throwaway_air_yards: (N,) yards from the line to where a THROWAWAY lands, NaN for others.
        first_pressure: (N,) seconds from the snap until a defender is within 1.5 yards of the passer (2 at the
            release), NaN if that never happens.
    """

    values: np.ndarray
    left: np.ndarray
    lengths: np.ndarray
    snap: np.ndarray
    release: np.ndarray
    position: np.ndarray
    ended: np.ndarray
    target: np.ndarray
    events: np.ndarray
    formation: np.ndarray
    offence_personnel: np.ndarray
    defence_personnel: np.ndarray
    coverage: np.ndarray
    pass_rushers: np.ndarray
    play_action: np.ndarray
    routes: np.ndarray
    throwaway_air_yards: np.ndarray
    first_pressure: np.ndarray


# --- the call --------------------------------------------------------------------------------------------------------

# Chances of the concepts (screen, quick, dropback, deep, goal line) on a normal, a passing and a short-yardage down.
_CONCEPT_CDF = np.cumsum(
    np.array(
        [
            [0.1, 0.28, 0.48, 0.14, 0.0],
            [0.07, 0.18, 0.60, 0.15, 0.0],
            [0.06, 0.45, 0.38, 0.11, 0.0],
        ]
    ),
    axis=1,
)
PLAY_ACTION_SHARE = np.array([0.30, 0.06, 0.30])  # by kind of down, of dropbacks that are no screens
# Seconds after the snap at which the passer is ready to throw: mean by concept; under centre and play action add.
READY = np.array([1.15, 1.25, 1.8, 2.1, 1.3])
READY_SHIFT = 0.0434
READY_UNDER, READY_PLAY_ACTION, READY_SPREAD = 0.15, 0.35, 0.22
DROP = np.array([5.6, 5.9, 7.6, 8.2, 6.2])  # yards behind the line of scrimmage, by concept
ROLLOUT_SHARE = 0.3  # of play-action dropbacks


@dataclass
class _Plan:
    """What was called and who the players are; every array has one row a play."""

    play: np.ndarray  # number of the play
    line: np.ndarray  # x of the line of scrimmage
    ball: np.ndarray
    under_centre: np.ndarray
    need: np.ndarray  # yards to a first down, or to the goal line
    coverage: np.ndarray  # (n, 1) standard deviations: a better defence sees threats earlier and runs with them
    decision: np.ndarray  # standard deviations: a better passer reads faster and is content sooner
    urgent: np.ndarray  # 0-1: how much only a first down counts
    position: np.ndarray  # (n, 22)
    top_speed: np.ndarray  # (n, 22)
    acceleration: np.ndarray  # (n, 22)
    response: np.ndarray  # (n, 22)
    wander: np.ndarray  # (n, 22)
    jolt: np.ndarray  # (n, 22) noise of the acceleration, 1/s
    filtering: np.ndarray  # (n, 22) share of the news in a recorded velocity
    start: np.ndarray  # (n, 22)
    creep: np.ndarray  # (n, 22) complex
    sway: np.ndarray  # (n, 22) rad/s^1.5, restlessness of the torso
    twist: np.ndarray  # (n, 22) radians by which he has turned away 2 s after the snap
    stance: np.ndarray  # (n, 22) radians by which the torso is always off
    blocking: np.ndarray  # (n, 10) entities 1-10: protects the passer
    block_man: np.ndarray  # (n, 10) entity of the rusher he blocks
    pass_set: np.ndarray  # (n, 10) complex velocity with which he steps back before his man is there
    route: np.ndarray  # (n, steps, 5) complex velocities
    reads: np.ndarray  # (n, 5) order in which the passer looks; large for never
    bias: np.ndarray  # (n, 5) what the passer wrongly adds to a receiver's worth, yards
    screen: np.ndarray  # (n,) entity of the receiver of a screen, -1 if none
    play_action: np.ndarray
    drop: np.ndarray  # complex spot the passer drops to
    drop_speed: np.ndarray
    ready: np.ndarray  # s
    read_seconds: np.ndarray
    hand: np.ndarray  # +1 throws with the right
    sideways: np.ndarray  # radians by which he stands sideways
    squared: np.ndarray  # (n, 5) how much a receiver keeps his shoulders to the line of scrimmage
    look_back: np.ndarray  # (n, 5) how much a receiver turns to the passer
    haste: np.ndarray  # how fast his threshold falls, 1 on average
    depth_taste: np.ndarray
    mobility: np.ndarray
    rusher: np.ndarray  # (n, 11)
    blocker: np.ndarray  # (n, 11) entity, 0 if none
    win: np.ndarray  # (n, 11) s after the snap at which a blocked rusher is past his man
    drive: np.ndarray  # (n, 11) yards/s of a blocked rusher
    edge: np.ndarray  # (n, 11)
    rush_speed: np.ndarray  # (n, 11)
    man: np.ndarray  # (n, 11) covers a man
    mark: np.ndarray  # (n, 11) entity of that man
    cushion: np.ndarray  # (n, 11) complex offset that he keeps from his man
    lag: np.ndarray  # (n, 11) s by which he perceives late
    zone: np.ndarray  # (n, 11)
    landmark: np.ndarray  # (n, 11) complex
    deep: np.ndarray  # (n, 11)
    read_step: np.ndarray  # (n, 11) how much he steps up at the snap before he drops


@dataclass
class _State:
    """What has happened so far; every array has one row a play."""

    place: np.ndarray  # (n, 22) complex
    velocity: np.ndarray
    pull: np.ndarray  # (n, 22) acceleration
    facing: np.ndarray  # (n, 22) unit vectors
    drift: np.ndarray  # (n, 22) noise of the wish
    seen: np.ndarray  # (n, 22) velocity as the tracking system has it
    sway: np.ndarray  # (n, 22) radians by which the torso is off, and its rate
    sway_rate: np.ndarray
    perceived: np.ndarray  # (n, 11) velocity that a man defender believes his man to have
    stunned: np.ndarray  # (n, 11) s until which a rusher who missed is out of the play
    escape: np.ndarray  # (n,) complex direction of a passer who left the pocket, 0 before
    running: np.ndarray  # (n,) committed to run
    grip: np.ndarray  # (n,) steps that a defender has had a hand on the passer
    wound_up: np.ndarray  # (n,) step of the release once decided, else a large number
    target: np.ndarray  # (n,)
    ended: np.ndarray  # (n,) -1 while going on
    release: np.ndarray  # (n,) step, -1 while going on
    pressure: np.ndarray  # (n,) s, NaN before
    catch: np.ndarray  # (n,) complex: where the ball is thrown to


def _keep(data, rows):
    """The same record for some of its plays."""
    return replace(data, **{field.name: getattr(data, field.name)[rows] for field in fields(data)})


NEVER = 10**6


def simulate(situation: Situation, matchup: Matchup, rng: np.random.Generator) -> Tracks:
    """Play N dropbacks.

    Args:
        situation: Where and when each starts, fields of shape (N,).
        matchup: How good the teams are, fields of shape (N,).
        rng: Source of randomness; the same state gives the same plays.

    Returns:
        The recorded tracks.

    Raises:
        ValueError: If `situation` and `matchup` have different numbers of plays.
    """
    n = len(situation.down)
    if len(matchup.rush) != n:
        raise ValueError(f"matchup has {len(matchup.rush)} plays: expected {n}, as situation has.")
    line = 110.0 - situation.yards_to_goal
    down_kind = _down_kind(situation)
    offence = line_up_offence(line, down_kind, rng)
    defence = line_up_defence(offence, line, rng)
    plan, route = _plan(situation, matchup, offence, defence, down_kind, rng)
    state = _at_first_frame(plan, offence, defence, rng)
    rows, frames, ends = _run(plan, state, rng)
    return _tracks(rows, frames, ends, plan, offence, defence, route, rng)


def _down_kind(s: Situation) -> np.ndarray:
    late = (s.quarter == 4) & (s.clock < 240) & (s.score_difference < 0)
    passing = ((s.down >= 3) & (s.yards_to_go >= 4)) | ((s.down == 2) & (s.yards_to_go >= 12)) | late
    short = ((s.yards_to_go <= 2) | (s.yards_to_goal <= 3)) & ~late
    return np.select([short, passing], [SHORT, PASSING], NORMAL)


def _plan(situation, matchup, offence: Offence, defence: Defence, down_kind, rng) -> tuple[_Plan, np.ndarray]:
    """Draw calls and players for plays that are lined up; also the routes (N, 5)."""
    n = len(down_kind)
    plays = np.arange(n)[:, None]
    line = 110.0 - situation.yards_to_goal
    position = np.concatenate([offence.position, defence.position], axis=1)

    concept = pick(_CONCEPT_CDF[down_kind], rng.random(n))
    concept = np.where((situation.yards_to_goal <= 8) & (concept != routes.SCREEN), routes.GOAL_LINE, concept)
    concept = np.where((situation.yards_to_goal < 22) & (concept == routes.DEEP), routes.DROPBACK, concept)
    under = offence.under_centre
    chance = PLAY_ACTION_SHARE[down_kind] * np.where(under, 2.0, 0.8) * np.where(offence.formation == 1, 0.0, 1.0)
    play_action = (rng.random(n) < chance) & (concept != routes.SCREEN)
    rollout = play_action & (rng.random(n) < ROLLOUT_SHARE)
    roll_side = np.where(rng.random(n) < 0.65, -1.0, 1.0)  # to the right more often

    top_speed = TOP_SPEED[position] * np.exp(SPREAD_SPEED * rng.normal(size=(n, 22)))
    top_speed[:, PASSER] *= np.exp(0.06 * matchup.passer_mobility)
    top_speed[:, ELIGIBLE] *= np.exp(0.03 * matchup.receivers)[:, None]
    top_speed[:, DEFENCE] *= np.exp(0.04 * matchup.coverage)[:, None]
    top_speed = np.minimum(top_speed, 10.4)
    acceleration = ACCELERATION[position] * np.exp(SPREAD_ACCELERATION * rng.normal(size=(n, 22)))

    receivers = offence.place[:, ELIGIBLE]
    route = pick(routes.SHARES_CDF[concept[:, None], offence.kind], rng.random((n, 5)))
    screen = _screen(route, concept, offence.kind, rng)
    lateral = receivers.imag - offence.ball.imag[:, None]
    side = np.where(np.abs(lateral) > 1.0, np.sign(lateral), np.where(rng.random((n, 5)) < 0.5, 1.0, -1.0))
    room = situation.yards_to_goal[:, None] + 8.0
    depth_scale = np.minimum(np.exp(0.09 * rng.normal(size=(n, 5))), room / 15.0)
    pressed = np.zeros((n, 22), dtype=bool)
    pressed[plays, np.where(defence.press, defence.mark, 0)] = True
    chipping = (offence.kind == routes.TIGHT) & (rng.random((n, 5)) < 0.35)
    hold = chipping * 0.5 * rng.random((n, 5)) + pressed[:, ELIGIBLE] * np.maximum(
        rng.normal(0.18, 0.14, (n, 5)) - 0.04 * matchup.receivers[:, None], 0
    )
    bend = 0.23 * rng.normal(size=(n, 5, routes.MOST_LEGS))
    curl = 0.12 * rng.normal(size=(n, 5))
    velocity = routes.route_velocity(
        route, side, top_speed[:, ELIGIBLE], depth_scale, hold, bend, curl, STEPS - SNAP, DT
    )

    blocking, block_man, blocker = _protection(offence, defence, route)
    doubled = ((block_man[:, :5, None] == np.arange(11, 22)) & blocking[:, :5, None]).sum(1) > 1
    edge = defence.edge
    win = _win_seconds(matchup, edge, doubled, rng)

    appeal = routes.APPEAL[route] + 0.9 * rng.gumbel(size=(n, 5)) * 0.6
    readable = (route != routes.BLOCK) & (appeal > -2)
    reads = np.argsort(np.argsort(-appeal, axis=1), axis=1)
    reads = np.where(readable, reads, 99)
    ready = READY_SHIFT + READY[concept] + READY_UNDER * under + READY_PLAY_ACTION * play_action
    ready = ready + READY_SPREAD * rng.normal(size=n)
    drop_depth = DROP[concept] + 0.9 * play_action + 0.7 * rng.normal(size=n)
    drop_y = np.where(rollout, roll_side * 9.0, 0.4 * rng.normal(size=n))
    drop = (line - drop_depth) + 1j * np.clip(offence.ball.imag + drop_y, 5.0, WIDTH - 5.0)
    drop.real = np.maximum(drop.real, 2.0)
    drop_speed = np.where(rollout, 5.6, np.where(under, 4.4, 2.7)) * np.exp(0.08 * rng.normal(size=n))

    contest = 0.4 * (matchup.coverage - matchup.receivers)[:, None]
    lag = LAG_SECONDS * np.exp(0.35 * rng.normal(size=(n, 11)) - contest)
    mark = np.maximum(defence.mark, 0)
    inside = np.sign(offence.ball.imag[:, None] - np.take_along_axis(offence.place, np.minimum(mark, 10), 1).imag)
    cushion = (CUSHION * np.exp(-0.4 * contest) + 0.8 * rng.normal(size=(n, 11))) + 1j * inside * (
        0.6 + 0.5 * rng.normal(size=(n, 11))
    )
    creep = _creep(position, offence, rng)

    plan = _Plan(
        play=np.arange(n),
        line=line,
        ball=offence.ball,
        under_centre=under,
        need=np.minimum(situation.yards_to_go, situation.yards_to_goal),
        decision=matchup.passer_decision,
        coverage=matchup.coverage[:, None],
        urgent=np.select([situation.down == 4, situation.down == 3], [1.0, 0.6], 0.1),
        position=position,
        top_speed=top_speed,
        acceleration=acceleration,
        response=RESPONSE[position],
        wander=WANDER_SPEED[position],
        jolt=JOLT[position] * np.exp(0.35 * rng.normal(size=(n, 22))),
        filtering=_filtering(position, rng),
        start=START[position]
        + START_SPREAD[position] * rng.normal(size=(n, 22)) * np.exp(0.35 * rng.normal(size=(n, 22))),
        creep=creep,
        sway=SWAY_NOISE[position] * np.exp(0.65 * rng.normal(size=(n, 22))),
        twist=TWIST[position] * rng.normal(size=(n, 22)),
        stance=STANCE * rng.normal(size=(n, 22)) * np.exp(0.75 * rng.normal(size=(n, 22))),
        blocking=blocking,
        block_man=block_man,
        pass_set=PASS_SET * (1 + 0.2 * rng.normal(size=(n, 10))) + 0.3j * rng.normal(size=(n, 10)),
        route=np.ascontiguousarray(np.moveaxis(velocity, 0, 1)),
        reads=reads,
        bias=MISJUDGED * np.exp(-0.15 * matchup.passer_decision[:, None]) * rng.normal(size=(n, 5)),
        screen=screen,
        play_action=play_action,
        drop=drop,
        drop_speed=drop_speed,
        ready=ready,
        read_seconds=READ_SECONDS * np.exp(0.15 * rng.normal(size=n) - 0.1 * matchup.passer_decision),
        hand=np.where(rng.random(n) < 0.92, 1.0, -1.0),
        sideways=1.15 + 0.25 * rng.normal(size=n) + np.where(offence.under_centre | play_action, 0.5, 0.0),
        squared=np.array([1.0, 1.0, 2.2, 3.0])[offence.kind],
        look_back=3.0 * rng.exponential(size=(n, 5)),
        haste=np.exp(HASTE_SPREAD * rng.normal(size=n)),
        depth_taste=matchup.passer_depth,
        mobility=matchup.passer_mobility,
        rusher=defence.rusher,
        blocker=blocker,
        win=win,
        drive=DRIVE * np.exp(0.33 * rng.normal(size=(n, 11)) + 0.08 * (matchup.rush - matchup.protection)[:, None]),
        edge=edge,
        rush_speed=5.9 * np.exp(0.12 * rng.normal(size=(n, 11))),
        man=defence.mark >= 0,
        mark=mark,
        cushion=cushion,
        lag=lag,
        zone=~defence.rusher & (defence.mark < 0),
        landmark=np.where(np.isnan(defence.landmark), 0, defence.landmark),
        deep=defence.deep,
        read_step=np.where(defence.deep, 0.15, 0.6) * rng.random((n, 11)) + 0.4 * play_action[:, None],
    )
    return plan, route


def _creep(position, offence: Offence, rng):
    """Velocities before the snap (N, 22): most stand, some shuffle, and now and then a receiver is in motion."""
    n = len(position)
    creep = CREEP[position] * rng.normal(size=(n, 22, 2)).view(complex)[..., 0] * np.exp(1.1 * rng.normal(size=(n, 22)))
    creep = np.where(rng.random((n, 22)) < STILL[position], 0.0, _capped(creep, 3.0))
    mover = rng.integers(6, 11, n)
    rows = np.arange(n)
    lateral = (offence.place[rows, mover] - offence.ball).imag
    moves = (rng.random(n) < MOTION_SHARE) & (np.abs(lateral) > 4.0)
    across = -1j * np.sign(lateral) * rng.uniform(1.0, 6.5, n)
    creep[rows, mover] = np.where(moves, across, creep[rows, mover])
    return creep


def _filtering(position, rng):
    old = rng.random((len(position), 1)) < OLD_SHARE
    news = np.where(old, FILTER_OLD[position], FILTER[position])
    return np.clip(news * np.exp(0.05 * rng.normal(size=position.shape)), 0.15, 1.0)


def _screen(route, concept, kind, rng):
    """Entity of a screen's receiver, -1 for other plays. Where nobody drew a screen route, the play is none."""
    chance = np.where(routes.IS_SCREEN[route], rng.random(route.shape), -1.0)
    return np.where((concept == routes.SCREEN) & (chance.max(1) >= 0), 6 + np.argmax(chance, axis=1), -1)


def _protection(offence: Offence, defence: Defence, route):
    """Who blocks whom: (N, 10) blocking, (N, 10) entity blocked, (N, 11) main blocker of each rusher (0 for none)."""
    n = len(route)
    plays = np.arange(n)[:, None]
    blocking = np.concatenate([np.ones((n, 5), bool), route == routes.BLOCK], axis=1)
    far = np.where(defence.rusher, 0.0, 1e3)[:, None, :]
    gap = np.abs(offence.place[:, 1:, None] - defence.place[:, None, :]) + far  # (N, 10, 11)
    # A back or end who stays in takes a rusher whom nobody has, if there is one.
    free = defence.rusher & (defence.blocker < 0)
    gap[:, 5:] -= np.where(free, 50.0, 0.0)[:, None, :]
    block_man = 11 + np.argmin(gap, axis=2)
    blocker = np.maximum(defence.blocker, 0)
    for entity in range(6, 11):
        his = block_man[:, entity - 1] - 11
        takes = blocking[:, entity - 1] & (blocker[plays[:, 0], his] == 0)
        blocker[plays[takes, 0], his[takes]] = entity
    rows, defender = np.nonzero(defence.rusher & (defence.blocker > 0))
    block_man[rows, defence.blocker[rows, defender] - 1] = 11 + defender
    return blocking, block_man, blocker


# Yards/s of the steps back, from left to right tackle; backs and ends who stay in hardly move.
ANCHOR = (2.12, 2.8)  # yards from the passer at which a blocked rusher is stopped, over which he is slowed
FORWARD = np.array([0.2] * 5 + [3.0] * 5)  # yards/s towards his man
DRIVE = 3.0  # yards/s of a rusher who is being blocked
PASS_SET = np.array([-2.7 + 0.6j, -1.9, -2.0, -1.9, -2.7 - 0.6j, -0.5, -0.5, -0.5, -0.5, -0.5])
ARM = 0.85  # yards between a rusher and the man who holds him up
WIN_SECONDS = 5.3  # median time after the snap at which a singly blocked rusher is past his man
WIN_SPREAD = 0.26


def _win_seconds(matchup: Matchup, edge, doubled, rng):
    shift = 0.11 * (matchup.protection - matchup.rush)[:, None]
    factor = np.where(edge != 0, 0.95, 1.1) * np.where(doubled, 1.35, 1.0)
    return WIN_SECONDS * factor * np.exp(shift + WIN_SPREAD * rng.normal(size=edge.shape))


def _at_first_frame(plan: _Plan, offence: Offence, defence: Defence, rng) -> _State:
    n = len(plan.play)
    place = np.concatenate([offence.place, defence.place], axis=1)
    facing = np.where(np.arange(22) < 11, 1.0 + 0j, -1.0 + 0j) * np.ones((n, 1))
    zeros = np.zeros((n, 22), dtype=complex)
    return _State(
        place=place - plan.creep * SNAP * DT,
        velocity=plan.creep.copy(),
        pull=zeros,
        facing=facing,
        drift=zeros,
        seen=plan.creep.copy(),
        sway=SWAY_START * rng.normal(size=(n, 22)),
        sway_rate=np.zeros((n, 22)),
        perceived=np.zeros((n, 11), dtype=complex),
        stunned=np.zeros((n, 11)),
        escape=np.zeros(n, dtype=complex),
        running=np.zeros(n, dtype=bool),
        grip=np.zeros(n, dtype=int),
        wound_up=np.full(n, NEVER),
        target=np.full(n, -1),
        ended=np.full(n, -1),
        release=np.full(n, -1),
        pressure=np.full(n, np.nan),
        catch=offence.ball + 20.0,
    )


# --- coverage ------------------------------------------------------------------------------------------------------
LAG_SECONDS = 0.148  # by which a defender perceives the motion of his man too late
CUSHION, MAN_GAIN = 0.263, 1.8  # yards that he stays deeper than his man, 1/s
ZONE_SHARE, ZONE_GAIN = 0.97, 1.0  # of the way to a threat that a zone defender takes at most, 1/s

# --- the loop --------------------------------------------------------------------------------------------------------


def _run(plan: _Plan, state: _State, rng):
    """Step all plays until each is over.

    Returns:
        Play numbers of the recorded rows, one array a step; places, velocities and facings of those rows (rows, 22);
        and the final states by play.
    """
    rows, frames, done = [], [], []
    for step in range(STEPS + AFTER_RELEASE):
        t = (step - SNAP) * DT
        rows.append(plan.play)
        frames.append(
            (
                state.place,
                state.seen,
                state.facing * np.exp(1j * (plan.stance + state.sway + min(max(t, 0.0) / 2.0, 1.0) * plan.twist)),
            )
        )
        if t >= 0:
            _decide(plan, state, step, t, rng)
        over = (state.release >= 0) & (step >= state.release + AFTER_RELEASE)
        if over.any():
            done.append((plan.play[over], _keep(state, over)))
            if over.all():
                break
            plan, state = _keep(plan, ~over), _keep(state, ~over)
        _move(plan, state, _wishes(plan, state, step, t), t, rng)
    order = np.argsort(np.concatenate([play for play, _ in done]))
    ends = replace(
        done[0][1],
        **{f.name: np.concatenate([getattr(s, f.name) for _, s in done])[order] for f in fields(_State)},
    )
    return rows, frames, ends


def _unit(vector):
    return vector / np.maximum(np.abs(vector), 1e-6)


def _capped(vector, limit):
    """The vectors, none longer than `limit`."""
    return vector * np.minimum(1.0, limit / np.maximum(np.abs(vector), 1e-6))


def _wishes(plan: _Plan, state: _State, step: int, t: float):
    """Velocity (n, 22) that each player would like to have."""
    place = state.place
    wish = np.empty_like(place)
    passer = place[:, :1]
    wish[:, PASSER] = _passer(plan, state, t)
    wish[:, ELIGIBLE] = plan.route[:, min(max(step - SNAP, 0), plan.route.shape[1] - 1)]
    block = _blockers(plan, state, passer)
    wish[:, LINE] = block[:, :5]
    wish[:, ELIGIBLE] = np.where(plan.blocking[:, 5:], block[:, 5:], wish[:, ELIGIBLE])
    defence = np.where(plan.rusher, _rush(plan, state, passer, t), _man(plan, state))
    wish[:, DEFENCE] = np.where(plan.zone, _zone(plan, state, t), defence)
    wish = np.where(t < plan.start, plan.creep, wish + state.drift)
    # Nobody wishes to leave the field.
    wish.imag = np.clip(wish.imag, (1.0 - place.imag) / 0.8, (WIDTH - 1.0 - place.imag) / 0.8)
    wish.real = np.clip(wish.real, (1.0 - place.real) / 0.8, (118.8 - place.real) / 0.8)
    return wish


def _passer(plan: _Plan, state: _State, t: float):
    here = state.place[:, PASSER]
    dropping = _capped(2.2 * (plan.drop - here), plan.drop_speed) * (t > np.where(plan.under_centre, 0.0, 0.1))
    away = here[:, None] - state.place[:, DEFENCE]
    gap = np.maximum(np.abs(away), 0.3)
    slide = 3.8 * (away / gap * np.exp(-((gap / 2.6) ** 2))).sum(1)
    pocket = _capped(dropping * 0.6 + slide + 0.6 + 2.0 * np.exp(-gap.min(1) / 2.0), 3.4)
    wish = np.where(t < plan.ready, dropping + 0.4 * slide, pocket)
    free = _capped(state.escape * plan.top_speed[:, PASSER] * 0.85 + 1.2 * slide, 0.9 * plan.top_speed[:, PASSER])
    return np.where(state.escape != 0, free, wish)


def _blockers(plan: _Plan, state: _State, passer):
    rows = np.arange(len(passer))[:, None]
    here = state.place[:, 1:11]
    man, man_velocity = state.place[rows, plan.block_man], state.velocity[rows, plan.block_man]
    spot = man + 1.0 * _unit(passer - man)
    engaged = np.clip(0.5 * (3.4 - np.abs(man - here)), 0.0, 1.0)
    follow = engaged * man_velocity + (1 - engaged) * plan.pass_set
    # A lineman does not step forward to meet his man; a back or end does.
    correction = 1.5 * (spot - here) * np.maximum(engaged, 0.25)
    correction.real = np.minimum(correction.real, FORWARD)
    return _capped(0.9 * follow + correction, 0.8 * plan.top_speed[:, 1:11])


def _rush(plan: _Plan, state: _State, passer, t: float):
    rows = np.arange(len(passer))[:, None]
    here = state.place[:, DEFENCE]
    ahead = passer - here
    distance = np.abs(ahead)
    between = state.place[rows, plan.blocker] - here
    apart = np.abs(between)
    held = (plan.blocker > 0) & (t < plan.win)
    aim = ahead + 1j * plan.edge * 2.2 * np.minimum(distance / 6.0, 1.0)
    anchored = plan.drive * np.clip((distance - ANCHOR[0]) / ANCHOR[1], 0.05, 1.0)
    speed = np.where(held, anchored, plan.rush_speed)
    speed = np.where(state.stunned > t, 0.5, speed)
    wish = speed * _unit(aim) + np.where(held, 0.0, 0.5) * state.velocity[:, :1]
    # Bodies do not pass through each other: no closer than an arm to the blocker.
    toward = between / np.maximum(apart, 1e-6)
    closing = ((wish - state.velocity[rows, plan.blocker]) * toward.conj()).real
    excess = np.maximum(closing - 2.5 * (apart - ARM), 0.0)
    return wish - np.where((plan.blocker > 0) & (apart < 2.0), excess, 0.0) * toward


def _man(plan: _Plan, state: _State):
    rows = np.arange(len(plan.play))[:, None]
    man = state.place[rows, plan.mark]
    state.perceived += (state.velocity[rows, plan.mark] - state.perceived) * np.minimum(DT / plan.lag, 1.0)
    gap = man - state.place[:, DEFENCE]
    near = np.clip(1.7 - np.abs(gap) / 6.0, 0.1, 1.0)
    close = MAN_GAIN * (gap + plan.cushion)
    close.real = np.maximum(close.real, -2.0)
    close = close - 4.0 * np.maximum(0.9 - np.abs(gap), 0.0) * _unit(gap)
    return _capped(near * state.perceived + close, plan.top_speed[:, DEFENCE])


def _zone(plan: _Plan, state: _State, t: float):
    here = state.place[:, DEFENCE]
    receivers, velocity = state.place[:, None, ELIGIBLE], state.velocity[:, None, ELIGIBLE]
    ahead = receivers + 0.4 * velocity
    near = np.exp(-(np.abs(ahead - plan.landmark[..., None]) ** 2) / np.where(plan.deep, 110.0, 42.0)[..., None])
    # The most threatening receiver counts for nearly all: squared weights.
    share = ZONE_SHARE * near.max(2) / (near.max(2) + 0.12 * np.exp(-0.35 * plan.coverage))
    near *= near
    weight = np.maximum(near.sum(2), 1e-9)
    threat = (near * ahead).sum(2) / weight
    motion = (near * velocity).sum(2) / weight * (1 + 0.1 * plan.coverage)
    spot = plan.landmark + share * (threat - plan.landmark)
    # A deep zone stays behind the deepest receiver in it.
    beyond = (receivers.real + 2.0) * (near > 0.03)
    spot.real = np.where(plan.deep, np.maximum(spot.real, beyond.max(2)), spot.real)
    wish = ZONE_GAIN * (spot - here) + 0.9 * share * motion
    step = plan.read_step * np.clip((plan.start + 0.55 - t)[:, DEFENCE] * 4, 0.0, 1.0)
    return _capped(wish, np.where(plan.deep, 0.88, 0.75) * plan.top_speed[:, DEFENCE]) * (1 - step) - 1.5 * step


def _move(plan: _Plan, state: _State, wish, t: float, rng) -> None:
    """Advance by one step: bodies answer to wishes with inertia."""
    n = len(plan.play)
    noise = rng.standard_normal((2, n, 44)).view(complex)
    short = wish - state.velocity
    # Small shortfalls are answered lazily, large ones with force.
    pull = short * (0.65 + 0.15 * np.abs(short)) / plan.response
    pull = pull / np.sqrt(1.0 + (np.abs(pull) / plan.acceleration) ** 2)
    pull = pull + plan.jolt * np.minimum(np.abs(state.velocity) + 0.02, 2.0) * noise[1]
    state.pull = state.pull + (pull - state.pull) * (DT / INERTIA)
    before = state.velocity
    state.velocity = _capped(before + state.pull * DT, plan.top_speed)
    state.seen = state.seen + plan.filtering * (state.velocity - state.seen)
    state.place = state.place + 0.5 * (before + state.velocity) * DT
    state.drift = state.drift * (1 - DT / WANDER_SECONDS) + plan.wander * np.sqrt(DT / WANDER_SECONDS) * noise[0]
    state.facing = _face(plan, state, t)
    swing = -SWAY_STIFFNESS * state.sway - SWAY_DAMPING * state.sway_rate
    state.sway_rate = state.sway_rate + swing * DT + plan.sway * np.sqrt(DT) * rng.standard_normal((n, 22))
    state.sway = state.sway + state.sway_rate * DT


def _face(plan: _Plan, state: _State, t: float):
    """Unit vectors of the torsos: between the way of motion and what each has to look at, turned with a lag."""
    place, velocity = state.place, state.velocity
    rows = np.arange(len(plan.play))[:, None]
    look = np.empty_like(place)
    # A passer stands sideways from his drop on and opens up to his target when he throws.
    throwing = state.wound_up < NEVER
    aim = np.where(throwing & (state.target >= 0), _unit(state.catch - place[:, PASSER]), 1.0)
    sideways = np.where(throwing, 0.35, plan.sideways * min(max(t - 0.3, 0.0) / 0.9, 1.0))
    look[:, PASSER] = np.where(t > 0.3, aim * np.exp(-1j * plan.hand * sideways), 1.0)
    # Linemen look at their man, receivers where they run and, later, back at the passer.
    man = _unit(place[rows, plan.block_man] - place[:, 1:11])
    look[:, 1:11] = 0.5 + 2.0 * man * (t > 0)
    back = plan.look_back * min(max(t - 0.8, 0.0) / 1.5, 1.0)
    free = velocity[:, ELIGIBLE] + back * _unit(place[:, :1] - place[:, ELIGIBLE]) + plan.squared
    look[:, ELIGIBLE] = np.where(plan.blocking[:, 5:], look[:, ELIGIBLE], free)
    to_passer = _unit(place[:, :1] - place[:, DEFENCE])
    ahead = 1.6 - min(max(t - 0.8, 0.0), 1.0)
    look[:, DEFENCE] = 1.5 * to_passer - ahead + np.where(plan.rusher, 0.2, 0.45) * velocity[:, DEFENCE]
    return _unit(state.facing + (_unit(look) - state.facing) * (DT / TURN_SECONDS))


# --- the passer's mind -----------------------------------------------------------------------------------------------

WIND_UP = 3  # steps from the decision to the release
THRESHOLD, THRESHOLD_FALL, THRESHOLD_FLOOR = 6.92, 1.63, 1.25  # yards, yards/s, yards
HASTE_SPREAD = 0.66
MISJUDGED, READ_SECONDS = 2.89, 0.495  # yards by which he misjudges a receiver's worth, s a read takes
HURRY_FROM, HURRY_OVER, HURRY_FALL = 4.08, 2.68, 1.72  # yards to the nearest defender, yards, yards of the threshold
HOT_SECONDS = 0.591  # s by which a fully hurried passer is ahead of his reads
CHANCE = (0.57, 0.579, -0.118)  # odds of a completion: constant, a yard of separation, a yard of the throw
GAIN = (2.71, 10.4, 11.9)  # yards of a catch at the line, what depth adds at most, over how many yards
AWAY_POCKET, AWAY_OUTSIDE = 0.0613, 0.0351  # chance in a step to throw it away
ESCAPE, RUN_POCKET, RUN_OUTSIDE = 0.09, 0.0234, 0.0842  # chance in a step to leave the pocket, run from it, after it
REACH = 1.23  # yards at which a rusher has his hands on the passer


def _decide(plan: _Plan, state: _State, step: int, t: float, rng) -> None:
    """Let the passer throw, leave the pocket, run or go down in this step. Changes `state`."""
    n = len(plan.play)
    uniform = rng.random((n, 4))
    going = state.release < 0
    waiting = going & (state.wound_up == NEVER)
    here = state.place[:, PASSER]
    gaps = np.abs(state.place[:, DEFENCE] - here[:, None])
    nearest = gaps.min(1)
    state.pressure = np.where(np.isnan(state.pressure) & going & (nearest < 1.5), t, state.pressure)

    # Release of a pass decided on earlier.
    out = going & (state.wound_up == step)
    if out.any():
        state.ended = np.where(out, np.where(state.target >= 0, PASS, THROWAWAY), state.ended)
        state.release = np.where(out, step, state.release)
        state.pressure = np.where(np.isnan(state.pressure) & out & (nearest < 2.0), t, state.pressure)

    # A hand on the passer: he goes down or slips away.
    state.grip = np.where(waiting & (nearest < REACH), state.grip + 1, 0)
    caught = state.grip >= 2
    if caught.any():
        slips = caught & (uniform[:, 0] < 0.18 * np.exp(0.5 * plan.mobility))
        down = caught & ~slips
        state.ended, state.release = np.where(down, SACK, state.ended), np.where(down, step, state.release)
        state.stunned = np.where(slips[:, None] & (gaps < REACH + 0.5), t + 0.9, state.stunned)
        state.grip = np.where(slips, 0, state.grip)
        waiting &= ~down

    if t < 0.7:
        return
    hurried = np.clip((HURRY_FROM - nearest) / HURRY_OVER, 0.0, 1.0)
    since = t - plan.ready + HOT_SECONDS * hurried
    worth, catch = _worth(plan, state)
    seen = plan.reads * plan.read_seconds[:, None] <= since[:, None]
    worth = np.where(seen, worth + plan.bias, -99.0)
    best = np.where(plan.screen >= 0, plan.screen - 6, np.argmax(worth, axis=1))
    rows = np.arange(n)
    threshold = THRESHOLD - 0.15 * plan.decision - THRESHOLD_FALL * plan.haste * since - HURRY_FALL * hurried
    open_enough = (worth[rows, best] > np.maximum(threshold, THRESHOLD_FLOOR)) | (plan.screen >= 0)
    throws = waiting & (since > 0) & open_enough & ~state.running

    # Away with it: pressed and nobody open, or out of time.
    outside = np.abs(here.imag - plan.ball.imag) > 6.0
    pressed = (nearest < 2.6) & (uniform[:, 1] < np.where(outside, AWAY_OUTSIDE, AWAY_POCKET))
    away = waiting & ~throws & ((~state.running & (since > 0.8) & pressed) | (t > LONGEST - 0.5))
    acts = throws | away
    if acts.any():
        state.wound_up = np.where(acts, step + WIND_UP, state.wound_up)
        state.target = np.where(throws, 6 + best, state.target)
        state.catch = np.where(throws, catch[rows, best], state.catch)
        waiting &= ~acts

    # Out of the pocket, and on the run.
    flees = waiting & (state.escape == 0) & (nearest < 2.8) & (since > 0)
    flees &= uniform[:, 2] < ESCAPE * np.exp(0.2 * plan.mobility)
    if flees.any():
        aside = (here[:, None] - state.place[:, DEFENCE]).imag * np.exp(-gaps / 2.0)
        side = np.where(aside.sum(1) >= 0, 1.0, -1.0)
        state.escape = np.where(flees, _unit(0.15 + 1j * side), state.escape)
    runs = waiting & ~state.running & (since > 0.7)
    runs &= uniform[:, 3] < np.where(state.escape != 0, RUN_OUTSIDE, RUN_POCKET * hurried) * np.exp(
        0.25 * plan.mobility
    )
    if runs.any():
        state.escape[runs] = _lane(here[runs], state.place[runs, DEFENCE])
        state.running = state.running | runs
    crossed = waiting & (here.real > plan.line)
    if crossed.any():
        state.ended = np.where(crossed, SCRAMBLE, state.ended)
        state.release = np.where(crossed, step, state.release)


def _lane(here, defenders):
    """The way upfield (n,), of five, that keeps farthest from the defenders four yards on."""
    ways = np.exp(1j * np.radians([-60.0, -30.0, 0.0, 30.0, 60.0]))
    ahead = here[:, None] + 4.0 * ways
    room = np.minimum(np.abs(defenders[:, None] - ahead[..., None]).min(2), 6.0)
    return ways[np.argmax(room, axis=1)]


def _worth(plan: _Plan, state: _State):
    """What a throw to each receiver is worth to the passer, in yards, and where it would be caught (n, 5)."""
    here = state.place[:, :1]
    receivers, velocity = state.place[:, ELIGIBLE], state.velocity[:, ELIGIBLE]
    seconds = flight_time(np.abs(receivers - here))
    seconds = flight_time(np.abs(receivers + velocity * seconds - here))
    catch = receivers + velocity * seconds
    catch.imag = np.clip(catch.imag, 0.5, WIDTH - 0.5)
    later = state.place[:, None, DEFENCE] + state.velocity[:, None, DEFENCE] * seconds[..., None]
    separation = np.abs(later - catch[..., None]).min(2) * break_on_ball(seconds)
    air = catch.real - plan.line[:, None]
    odds = CHANCE[0] + CHANCE[1] * np.minimum(separation, 4.5) + CHANCE[2] * np.abs(catch - here)
    chance = 1 / (1 + np.exp(-odds))
    gain = np.where(air < 0, 4.0 + 0.6 * air, GAIN[0] + GAIN[1] * (1 - np.exp(-air / GAIN[2])))
    gain = (
        gain + plan.depth_taste[:, None] * 0.15 * (air - 8) + plan.urgent[:, None] * (air >= plan.need[:, None]) * 2.5
    )
    return np.where(catch.real < 119.0, chance * gain, -99.0), catch


# --- the record ------------------------------------------------------------------------------------------------------


def _tracks(rows, frames, ends: _State, plan: _Plan, offence: Offence, defence: Defence, route, rng) -> Tracks:
    n = len(plan.play)
    lengths = ends.release + AFTER_RELEASE + 1
    left = rng.random(n) < 0.5
    longest = int(lengths.max())
    play = np.concatenate(rows)
    frame = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    place, velocity, facing = (np.concatenate(parts) for parts in zip(*frames))
    throwaway = ends.ended == THROWAWAY
    passer_end = _passer_end(ends, place, play, frame)
    # A ball thrown away must reach the line of scrimmage, or it is a foul.
    beyond = np.minimum(plan.line + 1.0 + rng.exponential(6.0, n), FOOTBALL.field_length - 1.0)
    out_of_reach = beyond + 1j * (passer_end.imag + np.where(passer_end.imag > WIDTH / 2, 1, -1) * 25.0)
    catch = np.where(throwaway, out_of_reach, ends.catch)
    ball = _ball(plan, ends, place[:, PASSER], play, frame, passer_end, catch)
    values = np.full((n, longest, 23, 6), np.nan, dtype=np.float32)
    position = np.concatenate([plan.position, np.full((n, 1), POSITIONS.index("ball"))], axis=1).astype(np.int8)
    everyone = np.concatenate([place, ball[:, None]], axis=1)
    values[play, frame] = sensor.record(everyone, velocity, facing, position, play, frame, left[play], rng)
    events = np.zeros((n, longest), dtype=np.int8)
    events[:, SNAP] = EVENTS.index("ball_snap")
    events[plan.play_action, SNAP + 7] = EVENTS.index("play_action")
    tags = np.array([EVENTS.index(name) for name in ("pass_forward", "pass_forward", "qb_sack", "run")], dtype=np.int8)
    events[np.arange(n), ends.release] = tags[ends.ended]
    return Tracks(
        values=values,
        left=left,
        lengths=lengths,
        snap=np.full(n, SNAP),
        release=ends.release,
        position=position,
        ended=ends.ended.astype(np.int8),
        target=np.where(ends.ended == PASS, ends.target, -1),
        events=events,
        formation=offence.formation,
        offence_personnel=offence.personnel,
        defence_personnel=defence.personnel,
        coverage=defence.coverage,
        pass_rushers=defence.rusher.sum(1),
        play_action=plan.play_action,
        routes=route.astype(np.int8),
        throwaway_air_yards=np.where(throwaway, catch.real - plan.line, np.nan),
        first_pressure=ends.pressure,
    )


def _passer_end(ends: _State, place, play, frame):
    """Where the passer is at the release (N,)."""
    at_release = frame == ends.release[play]
    end = np.empty(len(ends.release), dtype=complex)
    end[play[at_release]] = place[at_release, PASSER]
    return end


def _ball(plan: _Plan, ends: _State, passer, play, frame, passer_end, catch):
    """The ball (rows,): on the ground, snapped, held, thrown."""
    t = (frame - SNAP) * DT
    snapped = np.clip(t / np.where(plan.under_centre, 0.2, 0.5)[play], 0.0, 1.0)
    held = plan.ball[play] + snapped * (passer + 0.25 - plan.ball[play])
    thrown = (frame > ends.release[play]) & np.isin(ends.ended, (PASS, THROWAWAY))[play]
    way = np.where(thrown, catch[play] - passer_end[play], 1.0)
    distance = np.maximum(np.abs(way), 1e-6)
    share = np.minimum((frame - ends.release[play]) * DT / flight_time(distance), 1.0)
    return np.where(thrown, passer_end[play] + share * way, held)
