"""The passer's mind: he reads his receivers in turn and throws as soon as one is worth more than his threshold.

The threshold falls with time and with pressure, and a rusher who gets a hand on him may end it all. The later, the
sooner he leaves the pocket before one who comes near; where only a first down counts, he runs if it is within reach.
So time to throw, target, depth, sacks, scrambles and throwaways come out of what happens on the field. Chapter: meeting
the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_synth.call import DEFENCE, ELIGIBLE, LONGEST, PASSER, WIDTH, Plan
from data_synth.motion import NEVER, ONE, WIND_UP, ZERO, Sight, State, scaled, typed, unit
from data_synth.outcome import PASS, SACK, SCRAMBLE, THROWAWAY, break_on_ball, flight_time

__all__ = ["Mind", "make_up", "decide"]

PRESSURE, PRESSURE_AT_RELEASE = typed(1.5, 2.0)  # yards to the nearest defender that count as pressure
THRESHOLD, THRESHOLD_FALL, THRESHOLD_FLOOR = 5.95, 1.64, 1.37  # yards, yards/s, yards
LATE_FROM, LATE_FALL = 3.8, 0.85  # s after the snap from which it falls below that floor too, yards/s
# Yards to the nearest defender, yards over which he hurries more and more, yards that his threshold falls by.
HURRY_FROM, HURRY_OVER, HURRY_FALL = typed(4.57, 2.64, 1.72)
HOT_SECONDS = typed(0.528)  # s by which a fully hurried passer is ahead of his reads
# What a throw is worth: odds of a completion (constant, a yard of separation, a yard of the throw); yards of a catch at
# the line, what depth adds at most, over how many yards; what a first down adds where only that counts.
CHANCE = (*typed(0.38, 0.61, to=float), typed(-0.164))
GAIN = typed(2.75, 11.5, 12.9)
FARTHEST = typed(54.0)  # yards that a passer throws at most
FIRST_DOWN = 2.5
TASTE = 0.25  # yards that a yard of depth beyond the eighth is worth more to a passer with a taste for it
AWAY_POCKET, AWAY_OUTSIDE, AWAY_FROM = 0.031, 0.055, 2.6  # chance in a step to throw it away; yards to a defender
ESCAPE, ESCAPE_FROM = typed(0.0709, 3.3)  # chance in a step to leave the pocket; yards to a defender
ESCAPE_LATE = typed(0.6)  # what each second since the first read adds to that chance, as a share of it
RUN_POCKET, RUN_OUTSIDE = typed(0.0175, 0.048)  # chance in a step to run
# That chance is multiplied by so much where a first down matters not, where only it counts, if within so many yards.
RUN_ANYWAY, RUN_FIRST, RUN_REACH = 0.45, 3.8, 6.0
HANDS, HANDS_STEPS = typed(1.15), 2  # yards at which a rusher has his hands on the passer, steps until that is the end
SLIP, SLIP_SECONDS = 0.4, 0.9  # chance to slip away then, s that it takes the rusher
MOBILE_SLIP, MOBILE_ESCAPE, MOBILE_RUN = 0.35, 0.4, 0.5  # what a standard deviation of mobility adds to the chances
EARLIEST = 0.7  # s after the snap of the first read
NOBODY = -99.0  # worth of a receiver who is not there to be thrown to


@dataclass
class Mind:
    """A plan in the form that the passer's decisions need, worked out once; every array has one row a play."""

    line: np.ndarray  # (n,) x of the line of scrimmage
    ball: np.ndarray  # (n,) y of the ball before the snap
    need: np.ndarray  # (n,) yards to a first down, or to the goal line
    first_down: np.ndarray  # (n,) yards that a first down adds
    taste: np.ndarray  # (n,) yards that a yard of depth is worth more
    bias: np.ndarray  # (n, 5) yards
    looks_at: np.ndarray  # (n, 5) s of reading after which the passer has seen a receiver
    screen: np.ndarray  # (n,) entity, -1 for none
    ready: np.ndarray  # (n,) s
    threshold: np.ndarray  # (n,) yards, at first
    fall: np.ndarray  # (n,) yards/s of the threshold
    slip: np.ndarray  # (n,) chance to slip away from hands
    escape: np.ndarray  # (n,) factor on the chance to leave the pocket
    tempting: np.ndarray  # (n,) factors on the chance to run: what it would bring
    mobile: np.ndarray  # (n,) and whether he can


def make_up(plan: Plan) -> Mind:
    """What the passers' decisions need of a plan."""
    within = 0.5 + 0.5 * np.tanh(0.5 * (RUN_REACH - plan.need))
    return Mind(
        line=plan.line,
        ball=plan.ball.imag,
        need=plan.need,
        first_down=FIRST_DOWN * plan.urgent,
        taste=TASTE * plan.depth_taste,
        bias=plan.bias,
        looks_at=plan.reads * plan.read_seconds[:, None],
        screen=plan.screen,
        ready=plan.ready,
        threshold=THRESHOLD - plan.calm,
        fall=THRESHOLD_FALL * plan.haste,
        slip=SLIP * np.exp(MOBILE_SLIP * plan.mobility),
        escape=np.exp(MOBILE_ESCAPE * plan.mobility),
        tempting=RUN_ANYWAY * (1.0 - plan.urgent) + RUN_FIRST * plan.urgent * within,
        mobile=np.exp(MOBILE_RUN * plan.mobility),
    )


def decide(mind: Mind, state: State, sight: Sight, step: int, t: float, rng: np.random.Generator) -> None:
    """Let the passers throw, leave the pocket, run or go down in this step. Changes `state`.

    Args:
        mind: What was called.
        state: What has happened so far.
        sight: Where the passer is.
        step: Number of the frame.
        t: Seconds since the snap.
        rng: Source of randomness.
    """
    uniform = rng.random((4, len(mind.line)))  # in every step, so that who needs none changes nobody's chances
    nearest = sight.nearest
    going = state.release < 0
    waiting = going & (state.wound_up == NEVER)
    pressed = going & (nearest < PRESSURE)

    out = going & (state.wound_up == step)
    if np.count_nonzero(out):
        _end(state, out, np.where(state.target >= 0, PASS, THROWAWAY), step)
        pressed |= out & (nearest < PRESSURE_AT_RELEASE)
    if np.count_nonzero(pressed):
        state.pressure = np.where(np.isnan(state.pressure) & pressed, np.float32(t), state.pressure)

    state.held = np.where(waiting & (nearest < HANDS), state.held + 1, 0)
    caught = state.held >= HANDS_STEPS
    if np.count_nonzero(caught):
        waiting &= ~_caught(mind, state, caught, sight.gap, step, t, uniform[0])
    if t < EARLIEST or not np.count_nonzero(waiting):
        return
    hurried = np.minimum(np.maximum((HURRY_FROM - nearest) / HURRY_OVER, ZERO), ONE)
    since = t - mind.ready + HOT_SECONDS * hurried
    looking = waiting & (since > ZERO)
    if np.count_nonzero(looking):
        acts = _throw(mind, state, looking, nearest, hurried, since, step, t, uniform[1])
        waiting &= ~acts
        _leave(mind, state, looking & ~acts, sight, hurried, since, uniform[2:])
    crossed = waiting & (state.place[:, PASSER].real > mind.line)
    if np.count_nonzero(crossed):
        _end(state, crossed, SCRAMBLE, step)


def _end(state: State, which, how, step: int) -> None:
    state.ended = np.where(which, how, state.ended)
    state.release = np.where(which, step, state.release)


def _caught(mind: Mind, state: State, caught, gaps, step: int, t: float, uniform):
    """Passers with a hand on them go down or slip away; returns who went down (n,)."""
    slips = caught & (uniform < mind.slip)
    _end(state, caught & ~slips, SACK, step)
    state.stunned = np.where(slips[:, None] & (gaps < HANDS + 0.5), np.float32(t + SLIP_SECONDS), state.stunned)
    state.held = np.where(slips, 0, state.held)
    return caught & ~slips


def _throw(mind: Mind, state: State, looking, nearest, hurried, since, step: int, t: float, uniform):
    """Passers who see somebody worth it, or who must get rid of the ball, wind up; returns who did (n,)."""
    stays = looking & ~state.running
    throws = _aim(mind, state, np.flatnonzero(stays), hurried, since, t)
    outside = np.abs(state.place[:, PASSER].imag - mind.ball) > 6.0
    in_trouble = (nearest < AWAY_FROM) & (uniform < np.where(outside, AWAY_OUTSIDE, AWAY_POCKET)) & (since > 0.8)
    away = in_trouble & stays
    if t > LONGEST - 0.5:
        away = looking
    acts = throws | away
    if np.count_nonzero(acts):
        state.wound_up = np.where(acts, step + WIND_UP, state.wound_up)
    return acts


def _aim(mind: Mind, state: State, rows, hurried, since, t: float):
    """Of the passers in `rows`, those who see somebody worth it choose target and place; returns who did (n,)."""
    throws = np.zeros(len(since), dtype=bool)
    if len(rows):
        worth, catch = _worth(mind, state, rows)
        hurried, since, screen = hurried[rows], since[rows], mind.screen[rows]
        worth = np.where(mind.looks_at[rows] <= since[:, None], worth + mind.bias[rows], NOBODY)
        choice = np.where(screen >= 0, screen - 6, worth.argmax(1))
        each = np.arange(len(rows))
        threshold = mind.threshold[rows] - mind.fall[rows] * since - HURRY_FALL * hurried
        threshold = np.maximum(threshold, THRESHOLD_FLOOR) - LATE_FALL * max(t - LATE_FROM, 0.0)
        chosen = (worth[each, choice] > threshold) | (screen >= 0)
        if np.count_nonzero(chosen):
            throws[rows] = chosen
            state.target[throws] = 6 + choice[chosen]
            state.catch[throws] = catch[each, choice][chosen]
    return throws


def _worth(mind: Mind, state: State, rows):
    """What a throw to each receiver is worth to the passer, in yards, and where it would be caught (rows, 5).

    Chance of a completion times the yards that it gains. The chance is logistic in the separation that the receiver
    will have and in the length of the throw; yards grow with depth, ever more slowly.
    """
    place, velocity = state.place.take(rows, axis=0), state.velocity.take(rows, axis=0)
    here, receivers, running = place[:, :1], place[:, ELIGIBLE].copy(), velocity[:, ELIGIBLE].copy()
    seconds = flight_time(np.abs(receivers - here))
    seconds = flight_time(np.abs(receivers + running * seconds - here)).astype(np.float32)
    catch = receivers + scaled(running, seconds)
    catch.imag = np.minimum(np.maximum(catch.imag, 0.5), WIDTH - 0.5)
    others, chasing = (v[:, DEFENCE].T[:, :, None] for v in (place, velocity))  # (11, rows, 1)
    separation = np.abs(others + scaled(chasing, seconds) - catch).min(0) * break_on_ball(seconds)
    length, deep = np.abs(catch - here), catch.real.copy()
    air = deep - mind.line[rows, None]
    odds = CHANCE[0] + CHANCE[1] * np.minimum(separation, 4.5) + CHANCE[2] * length
    gain = np.where(air < ZERO, 4.0 + 0.6 * air, GAIN[0] + GAIN[1] * (ONE - np.exp(-np.maximum(air, ZERO) / GAIN[2])))
    gain = gain + mind.taste[rows, None] * (air - 8)
    gain = gain + mind.first_down[rows, None] * (air >= mind.need[rows, None])
    possible = (deep < 119.0) & (length < FARTHEST)
    return np.where(possible, gain / (1 + np.exp(-odds)), NOBODY), catch


def _leave(mind: Mind, state: State, looking, sight: Sight, hurried, since, uniform) -> None:
    """Out of the pocket to the side with more room; and on the run, along the widest lane."""
    fled = state.escape != 0
    flees = looking & ~fled & (sight.nearest < ESCAPE_FROM)
    flees &= uniform[0] < ESCAPE * (ONE + ESCAPE_LATE * np.maximum(since, ZERO)) * mind.escape
    if np.count_nonzero(flees):
        push = (sight.ahead.imag * np.exp(-sight.gap / 2.0)).sum(1)
        aside = unit(0.22 + 1j * np.where(push >= 0, 1.0, -1.0))
        state.escape = np.where(flees, aside, state.escape).astype(state.escape.dtype)
        fled = fled | flees
    runs = looking & ~state.running & (since > 0.7)
    chance = np.where(fled, RUN_OUTSIDE, RUN_POCKET * hurried)
    runs &= uniform[1] < chance * mind.tempting * mind.mobile
    if np.count_nonzero(runs):
        state.escape[runs] = _lane(sight.ahead[runs])
        state.running = state.running | runs


def _lane(ahead):
    """The way upfield (n,), of five, that keeps farthest from the defenders four yards on."""
    ways = np.exp(1j * np.radians([-60.0, -30.0, 0.0, 30.0, 60.0]))
    room = np.minimum(np.abs(ahead[:, None] + 4.0 * ways[:, None]).min(2), 6.0)
    return ways[np.argmax(room, axis=1)]
