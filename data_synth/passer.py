"""The passer's mind: he reads his receivers in turn and throws as soon as one is worth more than his threshold.

The threshold falls with time and with pressure, and a rusher who gets a hand on him may end it all. The later, the
sooner he leaves the pocket before one who comes near; where only a first down counts, he runs if it is within reach.
So time to throw, target, depth, sacks, scrambles and throwaways come out of what happens on the field. Chapter: meeting
the data.
"""

from __future__ import annotations

import numpy as np

from data_synth.call import DEFENCE, ELIGIBLE, LONGEST, PASSER, WIDTH, Plan
from data_synth.motion import NEVER, State, unit
from data_synth.outcome import PASS, SACK, SCRAMBLE, THROWAWAY, break_on_ball, flight_time

__all__ = ["decide"]


PRESSURE, PRESSURE_AT_RELEASE = 1.5, 2.0  # yards to the nearest defender that count as pressure
WIND_UP = 3  # steps from the decision to the release
THRESHOLD, THRESHOLD_FALL, THRESHOLD_FLOOR = 5.95, 1.64, 1.37  # yards, yards/s, yards
LATE_FROM, LATE_FALL = 3.8, 0.85  # s after the snap from which it falls below that floor too, yards/s
HURRY_FROM, HURRY_OVER, HURRY_FALL = 4.57, 2.64, 1.72  # yards to the nearest defender, yards, yards of the threshold
HOT_SECONDS = 0.528  # s by which a fully hurried passer is ahead of his reads
# What a throw is worth: odds of a completion (constant, a yard of separation, a yard of the throw); yards of a catch at
# the line, what depth adds at most, over how many yards; what a first down adds where only that counts.
CHANCE = (0.38, 0.61, -0.164)
GAIN = (2.75, 11.5, 12.9)
FARTHEST = 54.0  # yards that a passer throws at most
FIRST_DOWN = 2.5
TASTE = 0.25  # yards that a yard of depth beyond the eighth is worth more to a passer with a taste for it
AWAY_POCKET, AWAY_OUTSIDE, AWAY_FROM = 0.031, 0.055, 2.6  # chance in a step to throw it away; yards to a defender
ESCAPE, ESCAPE_FROM = 0.0709, 3.3  # chance in a step to leave the pocket; yards to a defender
ESCAPE_LATE = 0.6  # what each second since the first read adds to that chance, as a share of it
RUN_POCKET, RUN_OUTSIDE = 0.0175, 0.048  # chance in a step to run
# That chance is multiplied by so much where a first down matters not, where only it counts, if within so many yards.
RUN_ANYWAY, RUN_FIRST, RUN_REACH = 0.45, 3.8, 6.0
HANDS, HANDS_STEPS = 1.15, 2  # yards at which a rusher has his hands on the passer, steps until that ends the play
SLIP, SLIP_SECONDS = 0.4, 0.9  # chance to slip away then, s that it takes the rusher
MOBILE_SLIP, MOBILE_ESCAPE, MOBILE_RUN = 0.35, 0.4, 0.5  # what a standard deviation of mobility adds to the chances
EARLIEST = 0.7  # s after the snap of the first read
NOBODY = -99.0  # worth of a receiver who is not there to be thrown to


def decide(plan: Plan, state: State, ahead: np.ndarray, step: int, t: float, rng: np.random.Generator) -> None:
    """Let the passers throw, leave the pocket, run or go down in this step. Changes `state`.

    Args:
        plan: What was called.
        state: What has happened so far.
        ahead: From each defender to the passer (n, 11), complex.
        step: Number of the frame.
        t: Seconds since the snap.
        rng: Source of randomness.
    """
    uniform = rng.random((4, len(plan.play)))
    gaps = np.abs(ahead)
    nearest = gaps.min(1)
    going = state.release < 0
    waiting = going & (state.wound_up == NEVER)
    pressed = going & (nearest < PRESSURE)

    out = going & (state.wound_up == step)
    if out.any():
        _end(state, out, np.where(state.target >= 0, PASS, THROWAWAY), step)
        pressed |= out & (nearest < PRESSURE_AT_RELEASE)
    state.pressure = np.where(np.isnan(state.pressure) & pressed, np.float32(t), state.pressure)

    state.held = np.where(waiting & (nearest < HANDS), state.held + 1, 0)
    if (state.held >= HANDS_STEPS).any():
        waiting &= ~_caught(plan, state, gaps, step, t, uniform[0])
    if t < EARLIEST:
        return
    hurried = np.clip((HURRY_FROM - nearest) / HURRY_OVER, 0.0, 1.0)
    since = t - plan.ready + HOT_SECONDS * hurried
    waiting &= ~_throw(plan, state, waiting, nearest, hurried, since, step, t, uniform[1])
    _leave(plan, state, waiting, ahead, nearest, hurried, since, uniform[2:])
    crossed = waiting & (state.place[:, PASSER].real > plan.line)
    if crossed.any():
        _end(state, crossed, SCRAMBLE, step)


def _end(state: State, which, how, step: int) -> None:
    state.ended = np.where(which, how, state.ended)
    state.release = np.where(which, step, state.release)


def _caught(plan: Plan, state: State, gaps, step: int, t: float, uniform):
    """Passers with a hand on them go down or slip away; returns who went down (n,)."""
    caught = state.held >= HANDS_STEPS
    slips = caught & (uniform < SLIP * np.exp(MOBILE_SLIP * plan.mobility))
    _end(state, caught & ~slips, SACK, step)
    state.stunned = np.where(slips[:, None] & (gaps < HANDS + 0.5), np.float32(t + SLIP_SECONDS), state.stunned)
    state.held = np.where(slips, 0, state.held)
    return caught & ~slips


def _throw(plan: Plan, state: State, waiting, nearest, hurried, since, step: int, t: float, uniform):
    """Passers who see somebody worth it, or who must get rid of the ball, wind up; returns who did (n,)."""
    best, value, catch = _read(plan, state, waiting, since)
    threshold = THRESHOLD - plan.calm - THRESHOLD_FALL * plan.haste * since - HURRY_FALL * hurried
    threshold = np.maximum(threshold, THRESHOLD_FLOOR) - LATE_FALL * max(t - LATE_FROM, 0.0)
    open_enough = (value > threshold) | (plan.screen >= 0)
    throws = waiting & (since > 0) & open_enough & ~state.running
    outside = np.abs(state.place[:, PASSER].imag - plan.ball.imag) > 6.0
    in_trouble = (nearest < AWAY_FROM) & (uniform < np.where(outside, AWAY_OUTSIDE, AWAY_POCKET)) & (since > 0.8)
    away = waiting & ~throws & ((in_trouble & ~state.running) | (t > LONGEST - 0.5))
    acts = throws | away
    if acts.any():
        state.wound_up = np.where(acts, step + WIND_UP, state.wound_up)
        state.target = np.where(throws, best, state.target)
        state.catch = np.where(throws, catch, state.catch)
    return acts


def _read(plan: Plan, state: State, waiting, since):
    """Best receiver among those read so far: entity, worth in yards, place of the catch, each (n,)."""
    n = len(plan.play)
    best, value, place = np.full(n, 6), np.full(n, NOBODY), state.catch.copy()
    rows = np.flatnonzero(waiting & (since > 0) & ~state.running)
    if len(rows):
        worth, catch = _worth(plan, state, rows)
        read = plan.reads[rows] * plan.read_seconds[rows, None] <= since[rows, None]
        worth = np.where(read, worth + plan.bias[rows], NOBODY)
        choice = np.where(plan.screen[rows] >= 0, plan.screen[rows] - 6, np.argmax(worth, axis=1))
        each = np.arange(len(rows))
        best[rows], value[rows], place[rows] = (6 + choice, worth[each, choice], catch[each, choice])
    return best, value, place


def _worth(plan: Plan, state: State, rows):
    """What a throw to each receiver is worth to the passer, in yards, and where it would be caught (rows, 5).

    Chance of a completion times the yards that it gains. The chance is logistic in the separation that the receiver
    will have and in the length of the throw; yards grow with depth, ever more slowly.
    """
    here = state.place[rows, :1]
    receivers, velocity = state.place[rows, ELIGIBLE], state.velocity[rows, ELIGIBLE]
    seconds = flight_time(np.abs(receivers - here))
    seconds = flight_time(np.abs(receivers + velocity * seconds - here)).astype(np.float32)
    catch = receivers + velocity * seconds
    catch.imag = np.clip(catch.imag, 0.5, WIDTH - 0.5)
    others, running = (v[rows, DEFENCE].T[:, :, None] for v in (state.place, state.velocity))  # (11, rows, 1)
    separation = np.abs(others + running * seconds - catch).min(0) * break_on_ball(seconds)
    air = catch.real - plan.line[rows, None]
    odds = CHANCE[0] + CHANCE[1] * np.minimum(separation, 4.5) + CHANCE[2] * np.abs(catch - here)
    gain = np.where(air < 0, 4.0 + 0.6 * air, GAIN[0] + GAIN[1] * (1 - np.exp(-np.maximum(air, 0.0) / GAIN[2])))
    gain = gain + TASTE * plan.depth_taste[rows, None] * (air - 8)
    gain = gain + FIRST_DOWN * plan.urgent[rows, None] * (air >= plan.need[rows, None])
    possible = (catch.real < 119.0) & (np.abs(catch - here) < FARTHEST)
    return np.where(possible, gain / (1 + np.exp(-odds)), NOBODY), catch


def _leave(plan: Plan, state: State, waiting, ahead, nearest, hurried, since, uniform) -> None:
    """Out of the pocket to the side with more room; and on the run, along the widest lane."""
    flees = waiting & (state.escape == 0) & (nearest < ESCAPE_FROM) & (since > 0)
    late = 1.0 + ESCAPE_LATE * np.maximum(since, 0.0)
    flees &= uniform[0] < ESCAPE * late * np.exp(MOBILE_ESCAPE * plan.mobility)
    if flees.any():
        push = (ahead.imag * np.exp(-np.abs(ahead) / 2.0)).sum(1)
        aside = unit(0.22 + 1j * np.where(push >= 0, 1.0, -1.0))
        state.escape = np.where(flees, aside, state.escape).astype(state.escape.dtype)
    runs = waiting & ~state.running & (since > 0.7)
    chance = np.where(state.escape != 0, RUN_OUTSIDE, RUN_POCKET * hurried)
    within = 0.5 + 0.5 * np.tanh(0.5 * (RUN_REACH - plan.need))
    tempting = RUN_ANYWAY * (1.0 - plan.urgent) + RUN_FIRST * plan.urgent * within
    runs &= uniform[1] < chance * tempting * np.exp(MOBILE_RUN * plan.mobility)
    if runs.any():
        state.escape[runs] = _lane(ahead[runs])
        state.running = state.running | runs


def _lane(ahead):
    """The way upfield (n,), of five, that keeps farthest from the defenders four yards on."""
    ways = np.exp(1j * np.radians([-60.0, -30.0, 0.0, 30.0, 60.0]))
    room = np.minimum(np.abs(ahead[:, None] + 4.0 * ways[:, None]).min(2), 6.0)
    return ways[np.argmax(room, axis=1)]
