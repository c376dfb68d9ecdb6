"""How 22 players move in a step of a tenth of a second: what each would like to do, and what a body makes of it.

Every player has a velocity that he would like to have, by his job; bodies answer with inertia, torsos turn with a lag.
Places and velocities are complex numbers x + iy in yards and yards/s, arrays have one row a play. Chapter: meeting
the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from data_synth.call import BLOCKERS, DEFENCE, DT, ELIGIBLE, PASSER, SNAP, WIDTH, Plan, single
from data_synth.formation import Defence, Offence

__all__ = ["State", "Orders", "Sight", "keep", "first_frame", "give_orders", "look", "move", "torsos"]
__all__ += ["NEVER", "WIND_UP", "ZERO", "ONE", "typed", "scaled", "unit"]

NEVER = 10**6  # a step that does not come
WIND_UP = 3  # steps from the decision to throw to the release


def typed(*numbers: float, to: type = np.float32) -> list[np.ndarray] | np.ndarray:
    """Each number as an array without axes (one number: that array).

    An operation of a small array with a Python number takes twice the time, as the number is converted anew.
    """
    arrays = [np.array(number, dtype=to) for number in numbers]
    return arrays if len(arrays) > 1 else arrays[0]


ZERO, ONE, TINY = typed(0.0, 1.0, 1e-6)

# --- bodies ----------------------------------------------------------------------------------------------------------
INERTIA = 0.17  # s in which acceleration follows
LAZY, FORCE = typed(0.65, 0.15)  # answer to a small shortfall of velocity; what it grows by with each yard/s of it
WANDER_SECONDS = 1.0
JOLT_FROM, JOLT_UP_TO = typed(0.02, 2.0)  # yards/s of speed that the quick noise grows with
LOOK_AHEAD = typed(0.8)  # s, to stay inside the field
NEAR_CORNER, FAR_CORNER = (np.tile(np.array(xy, dtype=np.float32), 22) for xy in ((1.0, 1.0), (118.8, WIDTH - 1.0)))
TURN_SECONDS = 0.25  # of a torso
SWAY_STIFFNESS, SWAY_DAMPING = typed(6.0, 3.5)  # 1/s², 1/s
SWAY_START = 0.1  # radians
# What a step of a tenth of a second takes of a rate: factors of velocities and accelerations, and of real numbers.
STEP, HALF_STEP, FOLLOWS, LASTS, TURNS = typed(
    DT, 0.5 * DT, DT / INERTIA, 1 - DT / WANDER_SECONDS, DT / TURN_SECONDS, to=np.complex64
)
REAL_STEP = typed(DT)

# --- passer ----------------------------------------------------------------------------------------------------------
SNAP_SECONDS = 0.1  # s until a passer in the shotgun moves
DROP_GAIN, DROP_IN_POCKET = typed(2.2, 0.6, to=np.complex64)  # 1/s; share of that in the pocket
SLIDE, SLIDE_IN_DROP = typed(3.8, 0.4, to=np.complex64)  # yards/s away from a defender; share of that during the drop
STEP_UP, STEP_UP_PRESSED, STEP_UP_YARDS = typed(0.6, 2.0, 2.0)  # yards/s forward in the pocket; of a defender near
POCKET_SPEED, RUN_SHARE = typed(3.4, 0.85)  # yards/s; share of the top speed outside the pocket
FLEE = 5.2  # yards/s away from a defender outside the pocket
SLIDE_YARDS, FLEE_YARDS, NEAREST = typed(2.6, 3.2, 0.3)  # over how many yards he slides and flees, from how many on

# --- lines -----------------------------------------------------------------------------------------------------------
FORWARD = np.array([0.2] * 5 + [3.0] * 5, dtype=np.float32)  # yards/s at which blockers step forward to meet their man
BLOCK_FROM, BLOCK_OVER = typed(3.4, 2.0)  # yards from his man at which a blocker starts to stay with him, over how many
BLOCK_GAIN, BLOCK_LEAST = typed(1.5, 0.25)  # 1/s; share of it where his man is far off
BLOCK_FOLLOW = typed(0.9, to=np.complex64)  # share of his man's velocity
# Yards from the passer at which a blocked rusher is stopped, over which he is slowed; share of his speed that is left.
ANCHOR, ANCHOR_OVER, ANCHOR_LEAST = typed(2.25, 2.8, 0.05)
ARM, ARM_GAIN, ARM_REACH = typed(0.85, 2.5, 2.0)  # yards between a rusher and his blocker; 1/s; yards it reaches
ARC, ARC_YARDS = typed(2.2, 6.0)  # yards to the outside that an edge rusher aims at, from so many yards away
STUNNED, FREE = typed(0.5, 0.5)  # yards/s of a rusher who missed; share of the passer's velocity in a free one's wish

# --- coverage --------------------------------------------------------------------------------------------------------
MAN_GAIN, RETREAT = typed(1.9, -2.0)  # 1/s; yards/s at which a defender comes up to his man at most
CONTACT, CONTACT_GAIN = typed(0.9, 4.0)  # yards inside of which a defender gives way; 1/s
# Share of his man's velocity: where they touch (then cut to 1), yards over which it falls by 1, and at least.
NEAR, NEAR_YARDS, NEAR_LEAST = typed(1.7, 6.0, 0.1)
ZONE_SHARE, ZONE_GAIN, ZONE_HALF = typed(0.955, 1.7, 0.1)  # of the way to a threat at most; 1/s; threat for half of it
ZONE_AHEAD = typed(0.4, to=np.complex64)  # s that a zone defender looks ahead
ZONE_MATCH, ZONE_LEAST = typed(0.9, 1e-9)  # share of a threat's velocity that he matches; of all weights
DEEP_CUSHION, DEEP_THREAT = typed(1.8, 0.03)  # yards; threat from which a deep defender stays behind a receiver
READ_SECONDS, READ_SPEED = 0.562, 1.5  # s and yards/s of the steps towards the line


@dataclass
class State:
    """What has happened so far; every array has one row a play."""

    place: np.ndarray  # (n, 22) complex
    velocity: np.ndarray
    pull: np.ndarray  # (n, 22) acceleration
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


@dataclass
class Orders:
    """A plan in the form that the steps need, worked out once; every array has one row a play.

    Factors of velocities are complex though their imaginary parts are zero: a product of mixed types takes thrice the
    time in a small batch.
    """

    block_man: np.ndarray  # (n, 10) entity whom he blocks
    partner: np.ndarray  # (n, 11) entity by whom he is blocked or whom he covers; 0 for none
    blocks: np.ndarray  # (n, 5) of the eligible
    runs: np.ndarray  # (n, 5) of the eligible: has a route
    rusher: np.ndarray  # (n, 11)
    arm: np.ndarray  # (n, 11) yards from his blocker at which a rusher is held up, 0 if nobody blocks him
    zone: np.ndarray  # (n, 11)
    limit: np.ndarray  # (n, 22) yards/s that a wish is capped at, inf for who needs no cap; of the passer, any
    top_speed: np.ndarray  # (n, 22)
    acceleration: np.ndarray  # (n, 22)
    response: np.ndarray  # (n, 22)
    start: np.ndarray  # (n, 22)
    creep: np.ndarray  # (n, 22) complex
    jolt: np.ndarray  # (n, 22)
    wander: np.ndarray  # (n, 22) complex, what a step's noise adds to the drift
    news: np.ndarray  # (n, 22) complex
    kick: np.ndarray  # (n, 22) what a step's noise adds to the rate of the sway
    under_centre: np.ndarray  # (n,)
    drop: np.ndarray  # (n,) complex
    drop_speed: np.ndarray  # (n,)
    ready: np.ndarray  # (n,)
    turn: np.ndarray  # (n,) -i for a right-handed passer, i for a left-handed one
    sideways: np.ndarray  # (n,)
    pass_set: np.ndarray  # (n, 10) complex
    win: np.ndarray  # (n, 11) s up to which a rusher is held, -inf if nobody blocks him
    drive: np.ndarray  # (n, 11)
    rush_speed: np.ndarray  # (n, 11)
    arc: np.ndarray  # (n, 11) complex yards to the side of the passer that a rusher aims at
    cushion: np.ndarray  # (n, 11) complex
    grip: np.ndarray  # (n, 11) complex 1/s, towards the place that a man defender wants to have
    zone_grip: np.ndarray  # (n, 11) complex 1/s, towards that of a zone defender
    perceives: np.ndarray  # (n, 11) complex share of the news about his man in a step
    landmark: np.ndarray  # (n, 11) complex
    fade: np.ndarray  # (n, 11) -1/yd² by which a threat fades away from the landmark
    deep: np.ndarray  # (n, 11)
    read_step: np.ndarray  # (n, 11) 0 but for zone defenders
    moving: np.ndarray  # (n, 11) complex weight of a defender's velocity in where he looks
    look_back: np.ndarray  # (n, 5)
    squared: np.ndarray  # (n, 5) complex
    stance: np.ndarray  # (n, 22)
    twist: np.ndarray  # (n, 22)
    # The same among all players, and among all defenders, of all plays.
    blocked_of_all: np.ndarray = field(init=False)
    blocked_of_defence: np.ndarray = field(init=False)
    partner_of_all: np.ndarray = field(init=False)
    # The second from which on all have started, and up to which no passer is ready; with a step to spare.
    last_start: float = field(init=False)
    first_ready: float = field(init=False)

    def __post_init__(self):
        row = np.arange(len(self.partner))[:, None]
        self.blocked_of_all = self.block_man + 22 * row
        self.blocked_of_defence = self.block_man - 11 + 11 * row
        self.partner_of_all = self.partner + 22 * row
        self.last_start = float(self.start.max()) + DT
        self.first_ready = float(self.ready.min()) - DT


@dataclass
class Sight:
    """From every defender to the passer."""

    ahead: np.ndarray  # (n, 11) complex
    gap: np.ndarray  # (n, 11) yards
    nearest: np.ndarray  # (n,) yards


def keep(data, rows):
    """The same record for the plays in `rows`."""
    return type(data)(*(getattr(data, each.name).take(rows, axis=0) for each in fields(data) if each.init))


def first_frame(plan: Plan, offence: Offence, defence: Defence, rng: np.random.Generator) -> State:
    """Where everybody is half a second before the snap, so that all are lined up at the snap."""
    n = len(plan.play)
    zeros = np.zeros((n, 22), dtype=complex)
    state = State(
        place=np.concatenate([offence.place, defence.place], axis=1) - plan.creep * SNAP * DT,
        velocity=plan.creep.copy(),
        pull=zeros,
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


def give_orders(plan: Plan) -> Orders:
    """What the steps need of a plan."""
    blocks = plan.blocking[:, 5:]
    limit = np.full(plan.top_speed.shape, np.inf, dtype=np.float32)
    limit[:, BLOCKERS] = 0.8 * plan.top_speed[:, BLOCKERS]
    limit[:, ELIGIBLE][~blocks] = np.inf
    share = np.where(plan.zone, np.where(plan.deep, np.float32(0.88), np.float32(0.75)), np.float32(1.0))
    limit[:, DEFENCE] = np.where(plan.rusher, np.inf, share * plan.top_speed[:, DEFENCE])
    return Orders(
        block_man=plan.block_man,
        partner=np.where(plan.rusher, plan.blocker, plan.mark),
        blocks=blocks,
        runs=~blocks,
        rusher=plan.rusher,
        arm=np.where(plan.blocker > 0, ARM_REACH, ZERO),
        zone=plan.zone,
        limit=limit,
        top_speed=plan.top_speed,
        acceleration=plan.acceleration,
        response=plan.response,
        start=plan.start,
        creep=plan.creep,
        jolt=plan.jolt,
        wander=(plan.wander * (DT / WANDER_SECONDS) ** 0.5).astype(np.complex64),
        news=plan.news.astype(np.complex64),
        kick=plan.sway * DT**0.5,
        under_centre=plan.under_centre,
        drop=plan.drop,
        drop_speed=plan.drop_speed,
        ready=plan.ready,
        turn=-1j * plan.hand,
        sideways=plan.sideways,
        pass_set=plan.pass_set,
        win=np.where(plan.blocker > 0, plan.win, -np.inf),
        drive=plan.drive,
        rush_speed=plan.rush_speed,
        arc=(1j * ARC * plan.edge).astype(np.complex64),
        cushion=plan.cushion,
        grip=(MAN_GAIN * plan.grip).astype(np.complex64),
        zone_grip=(ZONE_GAIN * plan.grip).astype(np.complex64),
        perceives=np.minimum(DT / plan.lag, 1.0).astype(np.complex64),
        landmark=plan.landmark,
        fade=-plan.reach,
        deep=plan.deep,
        read_step=plan.read_step * plan.zone,
        moving=np.where(plan.rusher, 0.2, 0.45).astype(np.complex64),
        look_back=plan.look_back,
        squared=plan.squared.astype(np.complex64),
        stance=plan.stance,
        twist=plan.twist,
    )


def look(place: np.ndarray) -> Sight:
    """Where the passer is, seen from the defence."""
    ahead = place[:, :1] - place[:, DEFENCE]
    gap = np.abs(ahead)
    return Sight(ahead, gap, gap.min(1))


def scaled(vector: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The vectors times real factors, made complex at once: a product of mixed types converts piece by piece."""
    return vector * factor.astype(vector.dtype)


def unit(vector: np.ndarray) -> np.ndarray:
    """Vectors of length one; zero stays zero."""
    return scaled(vector, np.reciprocal(np.maximum(np.abs(vector), TINY)))  # complex division is five times as slow


def _capped(vector, limit):
    """The vectors, none longer than `limit`."""
    return scaled(vector, np.minimum(limit / np.maximum(np.abs(vector), TINY), ONE))


def move(orders: Orders, state: State, sight: Sight, running: np.ndarray, step: int, rng: np.random.Generator) -> None:
    """Advance by one step. Changes `state`.

    Args:
        orders: What was called.
        state: What has happened so far.
        sight: Where the passer is.
        running: Velocities that the receivers' routes ask for (n, 5), complex.
        step: Number of the frame that the step starts from.
        rng: Source of randomness.
    """
    t = (step - SNAP) * DT
    before = state.velocity
    noise = rng.standard_normal((5, len(before), 22), dtype=np.float32)
    slow, quick = noise[:4].reshape(2, -1, 44).view(np.complex64)
    short = _wishes(orders, state, sight, running, t) - before
    # Small shortfalls are answered lazily, large ones with force, and none beyond the limit of the body.
    pull = scaled(short, (LAZY + FORCE * np.abs(short)) / orders.response)
    pull = scaled(pull, np.reciprocal(np.sqrt(ONE + (np.abs(pull) / orders.acceleration) ** 2)))
    pull += scaled(quick, orders.jolt * np.minimum(np.abs(before) + JOLT_FROM, JOLT_UP_TO))
    state.pull = state.pull + (pull - state.pull) * FOLLOWS
    state.velocity = _capped(before + state.pull * STEP, orders.top_speed)
    state.seen = state.seen + orders.news * (state.velocity - state.seen)
    state.place = state.place + HALF_STEP * (before + state.velocity)
    state.drift = state.drift * LASTS + orders.wander * slow
    swing = SWAY_STIFFNESS * state.sway + SWAY_DAMPING * state.sway_rate
    state.sway_rate = state.sway_rate - swing * REAL_STEP + orders.kick * noise[4]
    state.sway = state.sway + state.sway_rate * REAL_STEP


def _wishes(orders: Orders, state: State, sight: Sight, running, t: float):
    """Velocity (n, 22) that each player would like to have."""
    place, velocity = state.place, state.velocity
    # Copies of the defence's part, as operations on a part of an array take twice the time.
    here, toward_passer = place[:, DEFENCE].copy(), scaled(sight.ahead, np.reciprocal(np.maximum(sight.gap, TINY)))
    way, partner = place.take(orders.partner_of_all) - here, velocity.take(orders.partner_of_all)
    apart = np.maximum(np.abs(way), TINY)
    toward = scaled(way, np.reciprocal(apart))

    wish, limit = np.empty_like(place), orders.limit.copy()
    wish[:, PASSER], limit[:, PASSER] = _passer(orders, state, sight, t)
    wish[:, BLOCKERS] = _blockers(orders, state, toward_passer)
    wish[:, ELIGIBLE] = np.where(orders.blocks, wish[:, ELIGIBLE], running)
    rushers = _rushers(orders, state, sight, partner, apart, toward, t)
    rest = np.where(orders.rusher, rushers, _man(orders, state, way, partner, apart, toward))
    wish[:, DEFENCE] = np.where(orders.zone, _zone(orders, state, here), rest)
    wish = _capped(wish, limit)
    if t < orders.last_start + READ_SECONDS:
        step = np.minimum(np.maximum((orders.start[:, DEFENCE] + (READ_SECONDS - t)) * 4, ZERO), ONE) * orders.read_step
        wish[:, DEFENCE] = scaled(wish[:, DEFENCE], ONE - step) - READ_SPEED * step
    wish += state.drift
    if t < orders.last_start:
        wish = np.where(t < orders.start, orders.creep, wish)
    # Nobody wishes to leave the field.
    spot, there = place.view(np.float32), wish.view(np.float32)  # (n, 44): x and y in turn
    np.maximum(there, (NEAR_CORNER - spot) / LOOK_AHEAD, out=there)
    np.minimum(there, (FAR_CORNER - spot) / LOOK_AHEAD, out=there)
    return wish


def _passer(orders: Orders, state: State, sight: Sight, t: float):
    """Drops back, slides and steps up in the pocket, or runs where he has decided to; and how fast at most."""
    dropping = _capped(DROP_GAIN * (orders.drop - state.place[:, PASSER]), orders.drop_speed)
    if t <= SNAP_SECONDS:
        dropping = dropping * (t > np.where(orders.under_centre, 0.0, SNAP_SECONDS))
    slide = SLIDE * _away(sight, SLIDE_YARDS)
    wish, limit = dropping + SLIDE_IN_DROP * slide, np.inf
    if t > orders.first_ready:
        early = t < orders.ready
        forward = STEP_UP + STEP_UP_PRESSED * np.exp(-sight.nearest / STEP_UP_YARDS)
        wish = np.where(early, wish, DROP_IN_POCKET * dropping + slide + forward)
        limit = np.where(early, np.inf, POCKET_SPEED)
    fled = state.escape != 0
    if np.count_nonzero(fled):
        top = orders.top_speed[:, PASSER]
        free = RUN_SHARE * top * state.escape + FLEE * _away(sight, FLEE_YARDS)
        wish, limit = np.where(fled, free, wish), np.where(fled, 0.9 * top, limit)
    return wish, limit


def _away(sight: Sight, yards: np.ndarray):
    """Sum (n,) of the unit vectors from the defenders to the passer, each weighted exp(-(gap / yards)²)."""
    weight = np.exp(-((sight.gap / yards) ** 2)) / np.maximum(sight.gap, NEAREST)
    return scaled(sight.ahead, weight).sum(1)


def _blockers(orders: Orders, state: State, toward_passer):
    """Stay between their man and the passer, and go with him once he is there."""
    here, man = state.place[:, BLOCKERS].copy(), state.place.take(orders.blocked_of_all)
    spot = man + toward_passer.take(orders.blocked_of_defence)
    engaged = np.minimum(np.maximum((BLOCK_FROM - np.abs(man - here)) / BLOCK_OVER, ZERO), ONE)
    follow = orders.pass_set + scaled(state.velocity.take(orders.blocked_of_all) - orders.pass_set, engaged)
    correction = scaled(spot - here, BLOCK_GAIN * np.maximum(engaged, BLOCK_LEAST))
    correction.real = np.minimum(correction.real, FORWARD)
    return BLOCK_FOLLOW * follow + correction


def _rushers(orders: Orders, state: State, sight: Sight, partner, apart, toward, t: float):
    """Come for the passer, the outer ones on an arc; held up as long as their man holds."""
    held = t < orders.win
    aim = sight.ahead + scaled(orders.arc, np.minimum(sight.gap / ARC_YARDS, ONE))
    slowed = orders.drive * np.minimum(np.maximum((sight.gap - ANCHOR) / ANCHOR_OVER, ANCHOR_LEAST), ONE)
    speed = np.where(state.stunned > t, STUNNED, np.where(held, slowed, orders.rush_speed))
    wish = scaled(unit(aim), speed) + scaled(state.velocity[:, :1], np.where(held, ZERO, FREE))
    # Bodies do not pass through each other: no closer than an arm to the blocker.
    closing = ((wish - partner) * toward.conj()).real
    excess = np.where(apart < orders.arm, np.maximum(closing - ARM_GAIN * (apart - ARM), ZERO), ZERO)
    return wish - scaled(toward, excess)


def _man(orders: Orders, state: State, way, partner, apart, toward):
    """Follow a man with a lag, the more the nearer he is; wait for one who is still far off."""
    state.perceived = state.perceived + (partner - state.perceived) * orders.perceives
    close = orders.grip * (way + orders.cushion)
    close.real = np.maximum(close.real, RETREAT)
    close -= scaled(toward, CONTACT_GAIN * np.maximum(CONTACT - apart, ZERO))
    near = np.minimum(np.maximum(NEAR - apart / NEAR_YARDS, NEAR_LEAST), ONE)
    return scaled(state.perceived, near) + close


def _zone(orders: Orders, state: State, here):
    """Drop to a landmark and from there to the receiver who threatens the zone most; deep ones stay behind him."""
    receivers, velocity = (v[:, ELIGIBLE].T[:, :, None] for v in (state.place, state.velocity))  # (5, n, 1)
    off = receivers + ZONE_AHEAD * velocity - orders.landmark
    threat = np.exp((off.real**2 + off.imag**2) * orders.fade)  # (5, n, 11)
    most = threat.max(0)
    share = ZONE_SHARE * most / (most + ZONE_HALF)
    weight = threat * threat
    weight = (weight / np.maximum(weight.sum(0), ZONE_LEAST)).astype(np.complex64)
    spot = orders.landmark + scaled((weight * off).sum(0), share)
    beyond = ((receivers.real + DEEP_CUSHION) * (threat > DEEP_THREAT)).max(0)
    spot.real = np.where(orders.deep, np.maximum(spot.real, beyond), spot.real)
    return orders.zone_grip * (spot - here) + scaled((weight * velocity).sum(0), ZONE_MATCH * share)


def torsos(orders: Orders, ends: State, play, frame, place, velocity, sway) -> np.ndarray:
    """Where the torsos point, unit vectors: to what each has to look at, turned with a lag; with stance, twist, sway.

    Nobody moves otherwise because of where he looks, so this waits until all plays are over.

    Args:
        orders: What was called.
        ends: How the plays ended.
        play, frame: Of each recorded row (rows,); by frame, then by play.
        place, velocity, sway: Of those rows (rows, 22).

    Returns:
        Complex (rows, 22).
    """
    n, rows = len(ends.release), len(play)
    number = np.empty((frame[-1] + 1, n), dtype=int)
    number[frame, play] = np.arange(rows)
    before = number[frame[n:] - 1, play[n:]]  # rows of the same play a frame earlier
    gaze = unit(_gaze(orders, ends, play[n:], frame[n:] - 1, place[before], velocity[n:]))
    share = np.minimum(np.maximum((frame - SNAP) * DT, 0.0) / 2.0, 1.0).astype(np.float32)
    off = 1j * (orders.stance[play] + sway + share[:, None] * orders.twist[play])
    facing = np.ones((n, 22), dtype=np.complex64)
    facing[:, DEFENCE] = -1.0
    torso = np.empty_like(place)
    first = np.searchsorted(frame, np.arange(frame[-1] + 2))
    torso[:n] = facing * np.exp(off[:n])
    for start, end, last in zip(first[1:], first[2:], first):
        if end - start < len(facing):
            facing = facing[before[start - n : end - n] - last]
        facing = unit(facing + (gaze[start - n : end - n] - facing) * TURNS)
        torso[start:end] = facing * np.exp(off[start:end])
    return torso


def _gaze(orders: Orders, ends: State, play, step, place, velocity):
    """Between the way of motion and what each has to look at, in rows of step and play (rows, 22), of any length."""
    t = ((step - SNAP) * DT)[:, None]
    passer = place[:, :1]
    gaze = np.empty_like(place)
    # A passer stands sideways from his drop on and opens up to his target when he throws.
    throwing = step >= ends.wound_up[play] - WIND_UP
    turned = np.where(throwing, np.float32(0.35), orders.sideways[play] * _ramp(t[:, 0] - 0.3, 0.9))
    turned = np.exp(orders.turn[play] * turned)
    aim = np.where(throwing & (ends.target[play] >= 0), unit(ends.catch[play] - passer[:, 0]), 1.0)
    gaze[:, PASSER] = np.where(t[:, 0] > 0.3, aim * turned, 1.0)
    # Blockers look at their man, receivers where they run and, later, back at the passer.
    man = np.take_along_axis(place, orders.block_man[play], axis=1)
    gaze[:, BLOCKERS] = 0.5 + 2.0 * unit(man - place[:, BLOCKERS]) * (t > 0)
    back = orders.look_back[play] * _ramp(t - 0.8, 1.5)
    free = velocity[:, ELIGIBLE] + scaled(unit(passer - place[:, ELIGIBLE]), back) + orders.squared[play]
    np.copyto(gaze[:, ELIGIBLE], free, where=orders.runs[play])
    # Defenders look ahead and at the passer, those in coverage also where they run.
    moving = orders.moving[play] * velocity[:, DEFENCE]
    ahead = (1.6 - np.clip(t - 0.8, 0.0, 1.0)).astype(np.float32)
    gaze[:, DEFENCE] = 1.5 * unit(passer - place[:, DEFENCE]) + moving - ahead
    return gaze


def _ramp(seconds, length: float):
    """From 0 to 1 within `length` seconds, in single precision."""
    return np.minimum(np.maximum(seconds, 0.0) / length, 1.0).astype(np.float32)
