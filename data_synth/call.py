"""Before the snap: the situation, who the players are, and what each of them is to do in a dropback.

Everything that a dropback draws once is drawn here, for N plays at once; `data_synth.motion` and `data_synth.passer`
then play it out. Chapter: meeting the data.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from data_synth import routes
from data_synth.formation import EMPTY, NORMAL, PASSING, SHORT, Defence, Offence, pick
from qbsbp.schema import FOOTBALL

__all__ = ["Situation", "Matchup", "Plan", "down_kind", "make_plan", "DT", "SNAP", "STEPS", "LONGEST", "WIDTH"]

DT = 1 / FOOTBALL.frames_per_second  # s
SNAP = 5  # frames before the snap
LONGEST = 9.0  # s after the snap; a passer who still has the ball throws it away
STEPS = SNAP + round(LONGEST / DT) + 1  # frames of the longest dropback, up to its release
WIDTH = FOOTBALL.field_width
PASSER, LINE, BLOCKERS, ELIGIBLE, DEFENCE = (0, slice(1, 6), slice(1, 11), slice(6, 11), slice(11, 22))

# --- bodies: one number for each of QB RB WR TE OL DL LB DB, tuned to the calibration file of real plays ------------

TOP_SPEED = np.array([7.6, 8.3, 8.9, 7.5, 4.8, 6.6, 7.9, 9.1])  # yards/s
FASTEST = 10.4  # yards/s
ACCELERATION = np.array([6.6, 8.4, 7.8, 7.6, 7.2, 8.2, 8.6, 8.2])  # yards/s², never quite reached
SPEED_SPREAD, ACCELERATION_SPREAD = 0.06, 0.28  # between players, logarithmic
RESPONSE = np.array([0.36, 0.38, 0.68, 0.66, 0.28, 0.3, 0.58, 0.8])  # s in which a wish becomes acceleration
WANDER = np.array([0.9, 1.1, 0.85, 1.3, 0.65, 1.6, 0.85, 0.32])  # yards/s, slow noise of the wish
JOLT = np.array([0.27, 0.24, 0.3, 0.34, 0.5, 0.46, 0.38, 0.25])  # 1/s, quick noise of the acceleration per yard/s
JOLT_SPREAD = 0.35
# Seconds after the tag of the snap at which a player starts.
START = np.array([0.0, 0.06, 0.05, 0.06, -0.27, -0.32, -0.02, 0.08])
START_SPREAD = np.array([0.11, 0.16, 0.12, 0.14, 0.14, 0.14, 0.25, 0.3])
# Before the snap some stand still and others shuffle; in a share of the plays a receiver is in motion.
STILL = np.array([0.42, 0.55, 0.4, 0.4, 0.3, 0.1, 0.12, 0.09])  # share
CREEP = np.array([0.05, 0.04, 0.04, 0.06, 0.02, 0.06, 0.16, 0.22])  # yards/s
CREEP_SPREAD, FASTEST_CREEP = 1.1, 3.0  # logarithmic; yards/s
MOTION_SHARE, MOTION_SPEED = 0.12, (1.0, 6.5)  # yards/s
# The torso: always off by a stance, turned away by a twist two seconds after the snap, and swinging.
STANCE, STANCE_SPREAD = 0.18, 0.75  # radians
TWIST = np.array([0.2, 0.3, 0.15, 0.4, 1.0, 0.75, 0.5, 0.2])  # radians
SWAY = np.array([1.2, 1.4, 1.75, 1.5, 0.92, 1.8, 1.35, 1.15])  # radians/s^1.5
SWAY_SPREAD = 0.65
# The tracking system smooths velocities: share of the news in a frame. Linemen are smoothed more, and much more in the
# older part of the real plays.
NEWS = np.array([0.8, 0.8, 0.82, 0.8, 0.6, 0.6, 0.8, 0.82])
OLD_NEWS, OLD_SHARE = np.array([0.8, 0.8, 0.82, 0.76, 0.3, 0.3, 0.78, 0.82]), 0.38

# --- the call --------------------------------------------------------------------------------------------------------

# Chances of the concepts (screen, quick, dropback, deep, goal line) on a normal, a passing and a short-yardage down.
_CONCEPT_CDF = np.cumsum(
    [[0.10, 0.28, 0.48, 0.14, 0.0], [0.07, 0.18, 0.60, 0.15, 0.0], [0.06, 0.45, 0.38, 0.11, 0.0]], axis=1
)
GOAL_LINE, NO_DEEP = 8, 22  # yards to the goal from which on routes of the goal line are run, and no deep ones
PLAY_ACTION_SHARE = np.array([0.30, 0.06, 0.30])  # by kind of down
PLAY_ACTION_UNDER, PLAY_ACTION_SHOTGUN = 2.0, 0.8  # factors on that share
ROLLOUT_SHARE, ROLLOUT_RIGHT, ROLLOUT_YARDS = 0.3, 0.65, 9.0  # of play-action passes; yards to the side
# Seconds after the snap at which the passer is ready to throw, by concept, and what adds to them.
READY = np.array([1.15, 1.25, 1.8, 2.1, 1.3])
READY_SHIFT, READY_UNDER, READY_PLAY_ACTION, READY_SPREAD = -0.06, 0.15, 0.35, 0.22
DROP = np.array([5.4, 5.7, 7.4, 8.0, 6.0])  # yards behind the line of scrimmage, by concept
DROP_PLAY_ACTION, DROP_SPREAD = 0.9, 0.7
DROP_SPEED, DROP_SPEED_UNDER, ROLLOUT_SPEED = 2.7, 4.4, 5.6  # yards/s

# --- routes and reads ------------------------------------------------------------------------------------------------

ROUTE_LENGTH, ROUTE_SPREAD = 0.92, 0.09  # of the depths of the route tree: their mean, their spread (logarithmic)
BEND, CURL = 0.23, 0.12  # radians a leg; radians/s
BEYOND_GOAL, DEEPEST_BREAK = 8.0, 15.0  # yards of the end zone a route uses; yards that routes need before they break
CHIP_SHARE, CHIP_SECONDS = 0.5, 0.9  # of tight ends who block before they go out; s at most
PRESS_SECONDS, PRESS_SPREAD, PRESS_SKILL = 0.18, 0.14, 0.04  # s that a press costs; a standard deviation of receivers
APPEAL_NOISE = 0.54  # reads
MISJUDGED, READ_SECONDS = 2.4, 0.562  # yards by which a passer misjudges a receiver's worth, s a read takes
HASTE_SPREAD = 0.6  # of the fall of his threshold, logarithmic
DECISION_CALM = 0.5  # yards
DECISION_JUDGED, DECISION_READ = 0.25, 0.05  # what a standard deviation of decision takes off both, logarithmic

# --- protection and rush ---------------------------------------------------------------------------------------------

# Yards/s of the steps back, from left to right tackle; backs and ends who stay in hardly move.
PASS_SET = np.array([-2.7 + 0.6j, -1.9, -2.0, -1.9, -2.7 - 0.6j, -0.5, -0.5, -0.5, -0.5, -0.5])
DRIVE, DRIVE_SPREAD, DRIVE_SKILL = 3.0, 0.33, 0.07  # yards/s of a rusher who is being blocked
RUSH_SPEED, RUSH_SPREAD = 5.9, 0.12  # yards/s of a free one
WIN_SECONDS, WIN_SPREAD = 3.78, 0.26  # s after the snap at which a singly blocked rusher is past his man
WIN_EDGE, WIN_INSIDE, WIN_DOUBLED = 0.95, 1.1, 1.35  # factors
BLITZ, PICK_UP_SHARE = 6, 0.75  # rushers from which on backs stay in to block, and how many of them do
WIN_SKILL = 0.11  # a standard deviation of protection against rush

# --- coverage --------------------------------------------------------------------------------------------------------

LAG_SECONDS, LAG_SPREAD = 0.1, 0.7  # s by which a defender perceives the motion of his man too late
CUSHION, CUSHION_SPREAD = 0.0, 0.8  # yards that he stays deeper than his man
SHADE, SHADE_SPREAD = 0.6, 0.5  # yards that he stays inside of him
REACH, REACH_DEEP = 42.0, 110.0  # yd², of an underneath and of a deep zone
READ_STEP, READ_STEP_DEEP, READ_STEP_PLAY_ACTION = 0.6, 0.15, 0.4  # share of steps towards the line at the snap
# A standard deviation of coverage against receivers: logarithmic, on lag, response and closing.
CONTEST_LAG, CONTEST_RESPONSE, CONTEST_GRIP = 0.30, 0.13, 0.13


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


@dataclass
class Plan:
    """What was called and who the players are; every array has one row a play."""

    play: np.ndarray  # number of the play
    line: np.ndarray  # x of the line of scrimmage
    ball: np.ndarray
    under_centre: np.ndarray
    need: np.ndarray  # yards to a first down, or to the goal line
    urgent: np.ndarray  # 0-1: how much only a first down counts
    position: np.ndarray  # (n, 22)
    top_speed: np.ndarray  # (n, 22)
    acceleration: np.ndarray  # (n, 22)
    response: np.ndarray  # (n, 22)
    wander: np.ndarray  # (n, 22)
    jolt: np.ndarray  # (n, 22) noise of the acceleration, 1/s
    news: np.ndarray  # (n, 22) share of the news in a recorded velocity
    start: np.ndarray  # (n, 22)
    creep: np.ndarray  # (n, 22) complex
    sway: np.ndarray  # (n, 22) rad/s^1.5, restlessness of the torso
    twist: np.ndarray  # (n, 22) radians by which he has turned away 2 s after the snap
    stance: np.ndarray  # (n, 22) radians by which the torso is always off
    blocking: np.ndarray  # (n, 10) entities 1-10: protects the passer
    block_man: np.ndarray  # (n, 10) entity of the rusher he blocks
    pass_set: np.ndarray  # (n, 10) complex velocity with which he steps back before his man is there
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
    calm: np.ndarray  # yards by which a good decider's threshold is lower, as he imagines less into his receivers
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
    reach: np.ndarray  # (n, 11) 1/yd²: how fast a zone defender stops caring for receivers away from his landmark
    grip: np.ndarray  # (n, 11) how hard he closes on receivers, 1 on average
    read_step: np.ndarray  # (n, 11) how much he steps up at the snap before he drops


def down_kind(s: Situation) -> np.ndarray:
    """NORMAL, PASSING or SHORT (N,): what the defence expects."""
    late = (s.quarter == 4) & (s.clock < 240) & (s.score_difference < 0)
    passing = ((s.down >= 3) & (s.yards_to_go >= 4)) | ((s.down == 2) & (s.yards_to_go >= 12)) | late
    short = ((s.yards_to_go <= 2) | (s.yards_to_goal <= 3)) & ~late
    return np.select([short, passing], [SHORT, PASSING], NORMAL)


def make_plan(
    situation: Situation, matchup: Matchup, offence: Offence, defence: Defence, kind: np.ndarray, rng
) -> tuple[Plan, np.ndarray, np.ndarray]:
    """Draw players and calls of plays that are lined up.

    Args:
        situation: Where and when.
        matchup: How good the teams are.
        offence: The offence as lined up.
        defence: The defence as lined up.
        kind: Of down (N,), from `down_kind`.
        rng: Source of randomness.

    Returns:
        The plan; the routes (N, 5), codes into `data_synth.routes.ROUTE_NAMES`; and the velocities that they ask for
        in every step after the snap (steps, N, 5), complex. All numbers are in single precision.
    """
    n = len(kind)
    position = np.concatenate([offence.position, defence.position], axis=1)
    concept = _concept(situation, kind, rng)
    chance = PLAY_ACTION_SHARE[kind] * np.where(offence.under_centre, PLAY_ACTION_UNDER, PLAY_ACTION_SHOTGUN)
    play_action = (rng.random(n) < chance) & (concept != routes.SCREEN) & (offence.formation != EMPTY)
    contest = (matchup.coverage - matchup.receivers)[:, None]

    bodies = _bodies(position, offence, matchup, contest, rng)
    route = pick(routes.SHARES_CDF[concept[:, None], offence.kind], rng.random((n, 5)))
    stays = (offence.kind == routes.BACK) & (defence.rusher.sum(axis=1) >= BLITZ)[:, None]
    route = np.where(stays & (rng.random((n, 5)) < PICK_UP_SHARE), routes.BLOCK, route)
    jobs = {
        **_reads(matchup, offence, route, concept, rng),
        **_passer(situation, matchup, offence, concept, play_action, rng),
        **_line(matchup, offence, defence, route, rng),
        **_coverage(offence, defence, contest, play_action, rng),
    }
    plan = Plan(
        play=np.arange(n),
        line=110.0 - situation.yards_to_goal,
        ball=offence.ball,
        under_centre=offence.under_centre,
        need=np.minimum(situation.yards_to_go, situation.yards_to_goal),
        urgent=np.select([situation.down == 4, situation.down == 3], [1.0, 0.6], 0.1),
        position=position,
        play_action=play_action,
        **bodies,
        **jobs,
    )
    paths = _paths(situation, matchup, offence, defence, route, bodies["top_speed"], rng)
    return single(plan), route, paths.astype(np.complex64)


def single(data):
    """The same record with all its numbers in single precision, which halves the time of every step."""
    to = {np.dtype(np.float64): np.float32, np.dtype(np.complex128): np.complex64}
    arrays = {field.name: getattr(data, field.name) for field in fields(data)}
    return type(data)(**{name: array.astype(to.get(array.dtype, array.dtype)) for name, array in arrays.items()})


def _concept(situation: Situation, kind, rng):
    concept = pick(_CONCEPT_CDF[kind], rng.random(len(kind)))
    near = (situation.yards_to_goal <= GOAL_LINE) & (concept != routes.SCREEN)
    short = (situation.yards_to_goal < NO_DEEP) & (concept == routes.DEEP)
    return np.select([near, short], [routes.GOAL_LINE, routes.DROPBACK], concept)


def _spread(spread: float, shape, rng):
    """Factors with median 1, lognormal."""
    return np.exp(spread * rng.standard_normal(shape))


def _bodies(position, offence: Offence, matchup: Matchup, contest, rng) -> dict[str, np.ndarray]:
    """What the players' bodies can and do, (N, 22) each."""
    shape = position.shape
    top_speed = TOP_SPEED[position] * _spread(SPEED_SPREAD, shape, rng)
    top_speed[:, PASSER] *= np.exp(SPEED_SPREAD * matchup.passer_mobility)
    response = RESPONSE[position]
    response[:, DEFENCE] *= np.exp(-CONTEST_RESPONSE * contest)
    old = rng.random((len(position), 1)) < OLD_SHARE
    news = np.where(old, OLD_NEWS[position], NEWS[position]) * _spread(0.05, shape, rng)
    return dict(
        top_speed=np.minimum(top_speed, FASTEST),
        acceleration=ACCELERATION[position] * _spread(ACCELERATION_SPREAD, shape, rng),
        response=response,
        wander=WANDER[position],
        jolt=JOLT[position] * _spread(JOLT_SPREAD, shape, rng),
        news=np.clip(news, 0.15, 1.0),
        start=START[position] + START_SPREAD[position] * rng.standard_normal(shape) * _spread(0.35, shape, rng),
        creep=_creep(position, offence, rng),
        sway=SWAY[position] * _spread(SWAY_SPREAD, shape, rng),
        twist=TWIST[position] * rng.standard_normal(shape),
        stance=STANCE * rng.standard_normal(shape) * _spread(STANCE_SPREAD, shape, rng),
    )


def _creep(position, offence: Offence, rng):
    """Velocities before the snap (N, 22): most stand, some shuffle, and now and then a receiver is in motion."""
    n = len(position)
    aimless = rng.standard_normal((n, 44)).view(complex)
    creep = CREEP[position] * aimless * _spread(CREEP_SPREAD, position.shape, rng)
    creep = creep * np.minimum(1.0, FASTEST_CREEP / np.maximum(np.abs(creep), 1e-6))
    creep = np.where(rng.random(position.shape) < STILL[position], 0.0, creep)
    mover, rows = rng.integers(6, 11, n), np.arange(n)
    lateral = (offence.place[rows, mover] - offence.ball).imag
    moves = (rng.random(n) < MOTION_SHARE) & (np.abs(lateral) > 4.0)
    creep[rows, mover] = np.where(moves, -1j * np.sign(lateral) * rng.uniform(*MOTION_SPEED, n), creep[rows, mover])
    return creep


def _paths(situation, matchup, offence: Offence, defence: Defence, route, top_speed, rng):
    """The receivers' routes as velocities (steps, N, 5)."""
    n = len(route)
    lateral = offence.place[:, ELIGIBLE].imag - offence.ball.imag[:, None]
    side = np.where(np.abs(lateral) > 1.0, np.sign(lateral), np.where(rng.random((n, 5)) < 0.5, 1.0, -1.0))
    room = (situation.yards_to_goal[:, None] + BEYOND_GOAL) / DEEPEST_BREAK
    pressed = ((defence.mark[..., None] == np.arange(6, 11)) & defence.press[..., None]).any(axis=1)
    costs = PRESS_SECONDS + PRESS_SPREAD * rng.standard_normal((n, 5)) - PRESS_SKILL * matchup.receivers[:, None]
    chips = (offence.kind == routes.TIGHT) & (rng.random((n, 5)) < CHIP_SHARE)
    return routes.route_velocity(
        route,
        side,
        top_speed[:, ELIGIBLE],
        np.minimum(ROUTE_LENGTH * _spread(ROUTE_SPREAD, (n, 5), rng), room),
        chips * CHIP_SECONDS * rng.random((n, 5)) + pressed * np.maximum(costs, 0.0),
        BEND * rng.standard_normal((n, 5, routes.MOST_LEGS)),
        CURL * rng.standard_normal((n, 5)),
        STEPS - SNAP,
        DT,
    )


def _reads(matchup: Matchup, offence: Offence, route, concept, rng):
    """The order in which the passer looks at his receivers, what he makes of them, and how they look at him."""
    n = len(route)
    appeal = routes.APPEAL[route] + APPEAL_NOISE * rng.gumbel(size=(n, 5))
    reads = np.argsort(np.argsort(-appeal, axis=1), axis=1)
    # The receiver of a screen is known beforehand; where nobody drew a screen route, the play is none.
    lot = np.where(routes.IS_SCREEN[route], rng.random((n, 5)), -1.0)
    is_screen = (concept == routes.SCREEN) & (lot.max(axis=1) >= 0)
    judged = np.exp(-DECISION_JUDGED * matchup.passer_decision)[:, None]
    return dict(
        reads=np.where((route != routes.BLOCK) & (appeal > -2), reads, 99),
        bias=MISJUDGED * judged * rng.standard_normal((n, 5)),
        screen=np.where(is_screen, 6 + np.argmax(lot, axis=1), -1),
        squared=np.array([1.0, 1.0, 2.2, 3.0])[offence.kind],
        look_back=3.0 * rng.exponential(size=(n, 5)),
    )


def _passer(situation, matchup, offence: Offence, concept, play_action, rng):
    """Drop, timing and temper of the passer."""
    n = len(concept)
    under = offence.under_centre
    rollout = play_action & (rng.random(n) < ROLLOUT_SHARE)
    side = np.where(rng.random(n) < ROLLOUT_RIGHT, -1.0, 1.0)
    depth = DROP[concept] + DROP_PLAY_ACTION * play_action + DROP_SPREAD * rng.standard_normal(n)
    y = offence.ball.imag + np.where(rollout, side * ROLLOUT_YARDS, 0.4 * rng.standard_normal(n))
    x = np.maximum(110.0 - situation.yards_to_goal - depth, 2.0)
    speed = np.where(rollout, ROLLOUT_SPEED, np.where(under, DROP_SPEED_UNDER, DROP_SPEED))
    ready = READY_SHIFT + READY[concept] + READY_UNDER * under + READY_PLAY_ACTION * play_action
    return dict(
        drop=x + 1j * np.clip(y, 5.0, WIDTH - 5.0),
        drop_speed=speed * _spread(0.08, n, rng),
        ready=ready + READY_SPREAD * rng.standard_normal(n),
        read_seconds=READ_SECONDS * np.exp(-DECISION_READ * matchup.passer_decision) * _spread(0.15, n, rng),
        hand=np.where(rng.random(n) < 0.92, 1.0, -1.0),
        sideways=1.15 + 0.25 * rng.standard_normal(n) + np.where(under | play_action, 0.5, 0.0),
        haste=_spread(HASTE_SPREAD, n, rng),
        calm=DECISION_CALM * matchup.passer_decision,
        depth_taste=matchup.passer_depth,
        mobility=matchup.passer_mobility,
    )


def _line(matchup: Matchup, offence: Offence, defence: Defence, route, rng):
    """Who blocks whom, and for how long."""
    shape = defence.rusher.shape
    blocking, block_man, blocker = _protection(offence, defence, route)
    doubled = ((block_man[:, :5, None] == np.arange(11, 22)) & blocking[:, :5, None]).sum(1) > 1
    skill = (matchup.protection - matchup.rush)[:, None]
    factor = np.where(defence.edge != 0, WIN_EDGE, WIN_INSIDE) * np.where(doubled, WIN_DOUBLED, 1.0)
    step = 1 + 0.2 * rng.standard_normal(blocking.shape) + 0.3j / PASS_SET * rng.standard_normal(blocking.shape)
    return dict(
        blocking=blocking,
        block_man=block_man,
        pass_set=PASS_SET * step,
        rusher=defence.rusher,
        blocker=blocker,
        win=WIN_SECONDS * factor * np.exp(WIN_SKILL * skill) * _spread(WIN_SPREAD, shape, rng),
        drive=DRIVE * np.exp(-DRIVE_SKILL * skill) * _spread(DRIVE_SPREAD, shape, rng),
        edge=defence.edge,
        rush_speed=RUSH_SPEED * _spread(RUSH_SPREAD, shape, rng),
    )


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


def _coverage(offence: Offence, defence: Defence, contest, play_action, rng):
    """Whom and where the others cover, and how tightly."""
    shape = defence.mark.shape
    mark = np.maximum(defence.mark, 0)
    inside = np.sign(offence.ball.imag[:, None] - np.take_along_axis(offence.place, np.minimum(mark, 10), 1).imag)
    deeper = CUSHION + CUSHION_SPREAD * rng.standard_normal(shape)
    step = np.where(defence.deep, READ_STEP_DEEP, READ_STEP) * rng.random(shape)
    return dict(
        man=defence.mark >= 0,
        mark=mark,
        cushion=deeper + 1j * inside * (SHADE + SHADE_SPREAD * rng.standard_normal(shape)),
        lag=LAG_SECONDS * np.exp(-CONTEST_LAG * contest) * _spread(LAG_SPREAD, shape, rng),
        zone=~defence.rusher & (defence.mark < 0),
        landmark=np.where(np.isnan(defence.landmark), 0, defence.landmark),
        deep=defence.deep,
        reach=1 / np.where(defence.deep, REACH_DEEP, REACH),
        grip=np.exp(CONTEST_GRIP * contest) * np.ones(shape),
        read_step=step + READ_STEP_PLAY_ACTION * play_action[:, None],
    )
