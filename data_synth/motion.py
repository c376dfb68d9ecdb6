"""How 22 players move in a step of a tenth of a second: what each would like to do, and what a body makes of it.

Every player has a velocity that he would like to have, by his job; bodies answer with inertia, torsos turn with a lag.
Places and velocities are complex numbers x + iy in yards and yards/s, arrays have one row a play. Chapter: meeting
the data.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from data_synth.call import BLOCKERS, DEFENCE, DT, ELIGIBLE, LINE, PASSER, SNAP, WIDTH, Plan, single
from data_synth.formation import Defence, Offence

__all__ = ["State", "NEVER", "keep", "first_frame", "move", "torso", "unit"]

NEVER = 10**6  # a step that does not come

# --- bodies ----------------------------------------------------------------------------------------------------------
INERTIA = 0.17  # s in which acceleration follows
LAZY, FORCE = 0.65, 0.15  # answer to a small shortfall of velocity; what it grows by with each yard/s of shortfall
WANDER_SECONDS = 1.0
JOLT_FROM, JOLT_UP_TO = 0.02, 2.0  # yards/s of speed that the quick noise grows with
LOOK_AHEAD = 0.8  # s, to stay inside the field
TURN_SECONDS = 0.25  # of a torso
SWAY_STIFFNESS, SWAY_DAMPING, SWAY_START = 6.0, 3.5, 0.1  # 1/s², 1/s, radians

# --- passer ----------------------------------------------------------------------------------------------------------
DROP_GAIN, SNAP_SECONDS = 2.2, 0.1  # 1/s; s until a passer in the shotgun moves
SLIDE, SLIDE_YARDS = 3.8, 2.6  # yards/s away from a defender, over how many yards
SLIDE_IN_DROP = 0.4  # share of that during the drop
STEP_UP, STEP_UP_PRESSED = 0.6, 2.0  # yards/s forward in the pocket
POCKET_SPEED, RUN_SHARE = 3.4, 0.85  # yards/s; share of the top speed outside the pocket
FLEE, FLEE_YARDS = 5.2, 3.2  # yards/s away from a defender outside the pocket, over how many yards

# --- lines -----------------------------------------------------------------------------------------------------------
FORWARD = np.array([0.2] * 5 + [3.0] * 5, dtype=np.float32)  # yards/s at which blockers step forward to meet their man
BLOCK_GAIN, BLOCK_FROM, BLOCK_FULL = 1.5, 3.4, 1.4  # 1/s; yards from his man at which a blocker starts to stay with him
ANCHOR = (2.25, 2.8)  # yards from the passer at which a blocked rusher is stopped, over which he is slowed
ARM = 0.85  # yards between a rusher and the man who holds him up
ARC = 2.2  # yards to the outside that an edge rusher aims at from six yards away

# --- coverage --------------------------------------------------------------------------------------------------------
MAN_GAIN, RETREAT = 1.9, -2.0  # 1/s; yards/s at which a defender comes up to his man at most
CONTACT = 0.9  # yards inside of which a defender gives way
ZONE_SHARE, ZONE_GAIN, ZONE_HALF = 0.955, 1.7, 0.1  # of the way to a threat at most; 1/s; threat that gives half of it
ZONE_AHEAD, ZONE_MATCH = 0.4, 0.9  # s that a zone defender looks ahead; share of a threat's velocity that he matches
DEEP_CUSHION, DEEP_THREAT = 1.8, 0.03  # yards; threat from which a deep defender stays behind a receiver
READ_SECONDS, READ_SPEED = 0.562, 1.5  # s and yards/s of the steps towards the line


@dataclass
class State:
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
    held: np.ndarray  # (n,) steps that a defender has had a hand on the passer
    wound_up: np.ndarray  # (n,) step of the release once decided, else NEVER
    target: np.ndarray  # (n,) entity, -1 for none
    ended: np.ndarray  # (n,) -1 while going on
    release: np.ndarray  # (n,) step, -1 while going on
    pressure: np.ndarray  # (n,) s, NaN before
    catch: np.ndarray  # (n,) complex: where the ball is thrown to


def keep(data, rows):
    """The same record for some of its plays."""
    return replace(data, **{field.name: getattr(data, field.name)[rows] for field in fields(data)})


def first_frame(plan: Plan, offence: Offence, defence: Defence, rng: np.random.Generator) -> State:
    """Where everybody is half a second before the snap, so that all are lined up at the snap."""
    n = len(plan.play)
    zeros = np.zeros((n, 22), dtype=complex)
    state = State(
        place=np.concatenate([offence.place, defence.place], axis=1) - plan.creep * SNAP * DT,
        velocity=plan.creep.copy(),
        pull=zeros,
        facing=zeros + np.where(np.arange(22) < 11, 1.0, -1.0),
        drift=zeros,
        seen=plan.creep.copy(),
        sway=SWAY_START * rng.standard_normal((n, 22)),
        sway_rate=np.zeros((n, 22)),
        perceived=np.zeros((n, 11), dtype=complex),
        stunned=np.zeros((n, 11)),
        escape=np.zeros(n, dtype=complex),
        running=np.zeros(n, dtype=bool),
        held=np.zeros(n, dtype=int),
        wound_up=np.full(n, NEVER),
        target=np.full(n, -1),
        ended=np.full(n, -1),
        release=np.full(n, -1),
        pressure=np.full(n, np.nan),
        catch=offence.ball + 20.0,
    )
    return single(state)


def unit(vector: np.ndarray) -> np.ndarray:
    """Vectors of length one; zero stays zero."""
    return vector * (1 / np.maximum(np.abs(vector), 1e-6))  # times, as complex division is five times as slow


def _capped(vector, limit):
    """The vectors, none longer than `limit`."""
    return vector * np.minimum(1.0, limit / np.maximum(np.abs(vector), 1e-6))


def move(plan: Plan, state: State, ahead: np.ndarray, running: np.ndarray, step: int, rng: np.random.Generator) -> None:
    """Advance by one step. Changes `state`.

    Args:
        plan: What was called.
        state: What has happened so far.
        ahead: From each defender to the passer (n, 11), complex.
        running: Velocities that the receivers' routes ask for (n, 5), complex.
        step: Number of the frame that the step starts from.
        rng: Source of randomness.
    """
    t = (step - SNAP) * DT
    n = len(plan.play)
    noise = rng.standard_normal((2, n, 44), dtype=np.float32).view(np.complex64)
    short = _wishes(plan, state, ahead, running, t) - state.velocity
    # Small shortfalls are answered lazily, large ones with force, and none beyond the limit of the body.
    pull = short * ((LAZY + FORCE * np.abs(short)) / plan.response)
    pull *= 1 / np.sqrt(1.0 + (np.abs(pull) / plan.acceleration) ** 2)
    pull += plan.jolt * np.minimum(np.abs(state.velocity) + JOLT_FROM, JOLT_UP_TO) * noise[1]
    state.pull = state.pull + (pull - state.pull) * (DT / INERTIA)
    before = state.velocity
    state.velocity = _capped(before + state.pull * DT, plan.top_speed)
    state.seen = state.seen + plan.news * (state.velocity - state.seen)
    state.facing = _face(plan, state, ahead, t)
    state.place = state.place + (0.5 * DT) * (before + state.velocity)
    fade = DT / WANDER_SECONDS
    state.drift = state.drift * (1 - fade) + plan.wander * (fade**0.5) * noise[0]
    swing = SWAY_STIFFNESS * state.sway + SWAY_DAMPING * state.sway_rate
    kick = plan.sway * (DT**0.5) * rng.standard_normal((n, 22), dtype=np.float32)
    state.sway_rate = state.sway_rate - swing * DT + kick
    state.sway = state.sway + state.sway_rate * DT


def _wishes(plan: Plan, state: State, ahead, running, t: float):
    """Velocity (n, 22) that each player would like to have."""
    place = state.place
    gap = np.abs(ahead)
    block = _blockers(plan, state)
    wish = np.empty_like(place)
    wish[:, PASSER] = _passer(plan, state, ahead, gap, t)
    wish[:, LINE] = block[:, :5]
    wish[:, ELIGIBLE] = np.where(plan.blocking[:, 5:], block[:, 5:], running)
    rest = np.where(plan.rusher, _rushers(plan, state, ahead, gap, t), _man(plan, state))
    wish[:, DEFENCE] = np.where(plan.zone, _zone(plan, state, t), rest)
    wish = np.where(t < plan.start, plan.creep, wish + state.drift)
    # Nobody wishes to leave the field.
    wish.imag = np.clip(wish.imag, (1.0 - place.imag) / LOOK_AHEAD, (WIDTH - 1.0 - place.imag) / LOOK_AHEAD)
    wish.real = np.clip(wish.real, (1.0 - place.real) / LOOK_AHEAD, (118.8 - place.real) / LOOK_AHEAD)
    return wish


def _passer(plan: Plan, state: State, ahead, gap, t: float):
    """Drops back, slides and steps up in the pocket, or runs where he has decided to."""
    moves = t > np.where(plan.under_centre, 0.0, SNAP_SECONDS)
    dropping = _capped(DROP_GAIN * (plan.drop - state.place[:, PASSER]), plan.drop_speed) * moves
    slide = SLIDE * _away(ahead, gap, SLIDE_YARDS)
    forward = STEP_UP + STEP_UP_PRESSED * np.exp(-gap.min(1) / 2.0)
    pocket = _capped(0.6 * dropping + slide + forward, POCKET_SPEED)
    wish = np.where(t < plan.ready, dropping + SLIDE_IN_DROP * slide, pocket)
    top = plan.top_speed[:, PASSER]
    free = _capped(RUN_SHARE * top * state.escape + FLEE * _away(ahead, gap, FLEE_YARDS), 0.9 * top)
    return np.where(state.escape != 0, free, wish)


def _away(ahead, gap, yards: float):
    """Sum (n,) of the unit vectors from the defenders to the passer, each weighted exp(-(gap / yards)²)."""
    return (ahead * (np.exp(-((gap / yards) ** 2)) / np.maximum(gap, 0.3))).sum(1)


def _blockers(plan: Plan, state: State):
    """Stay between their man and the passer, and go with him once he is there."""
    rows = np.arange(len(plan.play))[:, None]
    here, man = state.place[:, BLOCKERS], state.place[rows, plan.block_man]
    spot = man + unit(state.place[:, :1] - man)
    engaged = np.clip((BLOCK_FROM - np.abs(man - here)) / (BLOCK_FROM - BLOCK_FULL), 0.0, 1.0)
    follow = plan.pass_set + engaged * (state.velocity[rows, plan.block_man] - plan.pass_set)
    correction = BLOCK_GAIN * np.maximum(engaged, 0.25) * (spot - here)
    correction.real = np.minimum(correction.real, FORWARD)
    return _capped(0.9 * follow + correction, 0.8 * plan.top_speed[:, BLOCKERS])


def _rushers(plan: Plan, state: State, ahead, gap, t: float):
    """Come for the passer, the outer ones on an arc; held up as long as their man holds."""
    rows = np.arange(len(plan.play))[:, None]
    blocked = plan.blocker > 0
    held = blocked & (t < plan.win)
    aim = ahead + 1j * ARC * plan.edge * np.minimum(gap / 6.0, 1.0)
    speed = np.where(held, plan.drive * np.clip((gap - ANCHOR[0]) / ANCHOR[1], 0.05, 1.0), plan.rush_speed)
    speed = np.where(state.stunned > t, np.float32(0.5), speed)
    wish = speed * unit(aim) + np.where(held, np.float32(0.0), np.float32(0.5)) * state.velocity[:, :1]
    # Bodies do not pass through each other: no closer than an arm to the blocker.
    between = state.place[rows, plan.blocker] - state.place[:, DEFENCE]
    apart = np.maximum(np.abs(between), 1e-6)
    toward = between * (1 / apart)
    closing = ((wish - state.velocity[rows, plan.blocker]) * toward.conj()).real
    excess = np.maximum(closing - 2.5 * (apart - ARM), 0.0) * (blocked & (apart < 2.0))
    return wish - excess * toward


def _man(plan: Plan, state: State):
    """Follow a man with a lag, the more the nearer he is; wait for one who is still far off."""
    rows = np.arange(len(plan.play))[:, None]
    news = state.velocity[rows, plan.mark] - state.perceived
    state.perceived = state.perceived + news * np.minimum(DT / plan.lag, 1.0)
    gap = state.place[rows, plan.mark] - state.place[:, DEFENCE]
    apart = np.abs(gap)
    close = MAN_GAIN * plan.grip * (gap + plan.cushion)
    close.real = np.maximum(close.real, RETREAT)
    close -= 4.0 * np.maximum(CONTACT - apart, 0.0) * unit(gap)
    near = np.clip(1.7 - apart / 6.0, 0.1, 1.0)
    return _capped(near * state.perceived + close, plan.top_speed[:, DEFENCE])


def _zone(plan: Plan, state: State, t: float):
    """Drop to a landmark and from there to the receiver who threatens the zone most; deep ones stay behind him."""
    receivers, velocity = (v[:, ELIGIBLE].T[:, :, None] for v in (state.place, state.velocity))  # (5, n, 1)
    seen = receivers + ZONE_AHEAD * velocity
    off = seen - plan.landmark
    threat = np.exp(-(off.real**2 + off.imag**2) * plan.reach)  # (5, n, 11)
    most = threat.max(0)
    share = ZONE_SHARE * most / (most + ZONE_HALF)
    weight = threat * threat
    weight /= np.maximum(weight.sum(0), 1e-9)
    spot = plan.landmark + share * (weight * off).sum(0)
    beyond = ((receivers.real + DEEP_CUSHION) * (threat > DEEP_THREAT)).max(0)
    spot.real = np.where(plan.deep, np.maximum(spot.real, beyond), spot.real)
    wish = ZONE_GAIN * plan.grip * (spot - state.place[:, DEFENCE]) + ZONE_MATCH * share * (weight * velocity).sum(0)
    limit = np.where(plan.deep, np.float32(0.88), np.float32(0.75)) * plan.top_speed[:, DEFENCE]
    step = plan.read_step * np.clip((plan.start[:, DEFENCE] + (READ_SECONDS - t)) * 4, 0.0, 1.0)
    return _capped(wish, limit) * (1 - step) - READ_SPEED * step


def _face(plan: Plan, state: State, ahead, t: float):
    """Unit vectors of the torsos: between the way of motion and what each has to look at, turned with a lag."""
    place, velocity = state.place, state.velocity
    rows = np.arange(len(plan.play))[:, None]
    look = np.empty_like(place)
    # A passer stands sideways from his drop on and opens up to his target when he throws.
    if t > 0.3:
        throwing = state.wound_up < NEVER
        aim = np.where(throwing & (state.target >= 0), unit(state.catch - place[:, PASSER]), 1.0)
        sideways = np.where(throwing, np.float32(0.35), plan.sideways * min((t - 0.3) / 0.9, 1.0))
        look[:, PASSER] = aim * np.exp(-1j * plan.hand * sideways)
    else:
        look[:, PASSER] = 1.0
    # Blockers look at their man, receivers where they run and, later, back at the passer.
    look[:, BLOCKERS] = 0.5 + 2.0 * unit(place[rows, plan.block_man] - place[:, BLOCKERS]) * (t > 0)
    back = plan.look_back * min(max(t - 0.8, 0.0) / 1.5, 1.0)
    free = velocity[:, ELIGIBLE] + back * unit(place[:, :1] - place[:, ELIGIBLE]) + plan.squared
    look[:, ELIGIBLE] = np.where(plan.blocking[:, 5:], look[:, ELIGIBLE], free)
    # Defenders look ahead and at the passer, those in coverage also where they run.
    moving = np.where(plan.rusher, np.float32(0.2), np.float32(0.45)) * velocity[:, DEFENCE]
    look[:, DEFENCE] = 1.5 * unit(ahead) + moving - (1.6 - min(max(t - 0.8, 0.0), 1.0))
    return unit(state.facing + (unit(look) - state.facing) * (DT / TURN_SECONDS))


def torso(plan: Plan, state: State, t: float) -> np.ndarray:
    """Where the torsos point (n, 22), unit vectors: where they mean to, with stance, twist and sway."""
    off = plan.stance + state.sway + min(max(t, 0.0) / 2.0, 1.0) * plan.twist
    return state.facing * np.exp(1j * off)
