"""Dropbacks that never happened: 22 players and a ball, from half a second before the snap to the end.

N plays run at once through one loop over tenths of a second. In each step every player has a velocity that he would
like to have, by his job: the passer drops, slides in the pocket, escapes or runs; linemen stay between their man and
the passer; receivers run routes; rushers come, are held up and win; defenders follow a man or keep a zone. Wishes are
answered with the inertia of a body (limits on speed, acceleration and its change). Meanwhile the passer reads his
receivers in turn and throws as soon as one is worth more than his threshold, which falls with time and pressure; so
time to throw, target, depth, sacks, scrambles and throwaways come out of what happens on the field.

`data_synth.formation` and `data_synth.call` draw what is settled before the snap, `data_synth.motion` moves everybody
by a step, `data_synth.passer` decides, and `data_synth.sensor` records what a tracking system would. Places and
velocities are complex numbers x + iy, in yards and yards/s: x along the field, the offence moving to larger x; y
across it, 0 at the offence's right hand.

Entities: 0 passer, 1-5 offensive line from left to right, 6-10 eligible receivers, 11-21 defence, 22 ball. Chapter:
meeting the data.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from data_synth import sensor
from data_synth.call import DT, PASSER, SNAP, STEPS, WIDTH, Matchup, Plan, Situation, down_kind, make_plan
from data_synth.formation import (
    COVERAGES,
    DEFENCE_PERSONNEL,
    FORMATIONS,
    OFFENCE_PERSONNEL,
    POSITIONS,
    Defence,
    Offence,
    line_up_defence,
    line_up_offence,
)
from data_synth.motion import State, first_frame, give_orders, keep, look, move, torsos
from data_synth.outcome import PASS, THROWAWAY, flight_time
from data_synth.passer import decide, make_up
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
    "AFTER_RELEASE",
    "SNAP",
]

AFTER_RELEASE = 5  # frames after the release
IN_MOTION = 1.0  # yards/s across the field, of a receiver in motion before the snap
FAKE = 7  # frames after the snap, of the tag of a faked hand-off


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
        ended: int8 (N,), codes into `data_synth.outcome.ENDED`.
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


def simulate(situation: Situation, matchup: Matchup, rng: np.random.Generator) -> Tracks:
    """Play N dropbacks.

    Args:
        situation: Where and when each starts, fields of shape (N,).
        matchup: How good the teams are, fields of shape (N,).
        rng: Source of randomness; the same state gives the same plays.

    Returns:
        The recorded tracks.

    Raises:
        ValueError: If `situation` and `matchup` have different numbers of plays, or there is none.
    """
    n = len(situation.down)
    if n == 0 or len(matchup.rush) != n:
        raise ValueError(f"matchup has {len(matchup.rush)} plays: expected {max(n, 1)}, as situation has, at least 1.")
    line = 110.0 - situation.yards_to_goal
    kind = down_kind(situation)
    offence = line_up_offence(line, kind, rng)
    defence = line_up_defence(offence, line, rng)
    plan, route, paths = make_plan(situation, matchup, offence, defence, kind, rng)
    rows, frames, ends = _run(plan, first_frame(plan, offence, defence, rng), paths, rng)
    return _tracks(rows, frames, ends, plan, offence, defence, route, rng)


def _run(plan: Plan, state: State, paths, rng):
    """Step all plays until each is over.

    Returns:
        Play numbers of the recorded rows, one array a step; places, velocities, recorded velocities and sways of those
        rows (rows, 22); and the final states by play.
    """
    orders, mind, play = give_orders(plan), make_up(plan), plan.play
    rows, frames, done = [], [], []
    for step in range(STEPS + AFTER_RELEASE):
        t = (step - SNAP) * DT
        rows.append(play)
        frames.append((state.place, state.velocity, state.seen, state.sway))
        sight = look(state.place)
        if t >= 0:
            decide(mind, state, sight, step, t, rng)
        over = (state.release >= 0) & (step >= state.release + AFTER_RELEASE)
        if np.count_nonzero(over):
            ended, on = np.flatnonzero(over), np.flatnonzero(~over)
            done.append((play[ended], keep(state, ended)))
            if not len(on):
                break
            orders, mind, state, sight, play = *(keep(data, on) for data in (orders, mind, state, sight)), play[on]
        move(orders, state, sight, paths[min(max(step - SNAP, 0), len(paths) - 1)].take(play, axis=0), step, rng)
    order = np.argsort(np.concatenate([play for play, _ in done]))
    names = [field.name for field in fields(State)]
    ends = {name: np.concatenate([getattr(state, name) for _, state in done])[order] for name in names}
    return rows, frames, State(**ends)


def _tracks(rows, frames, ends: State, plan: Plan, offence: Offence, defence: Defence, route, rng) -> Tracks:
    n = len(plan.play)
    lengths = ends.release + AFTER_RELEASE + 1
    left = rng.random(n) < 0.5
    longest = int(lengths.max())
    play = np.concatenate(rows)
    frame = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    place, velocity, seen, sway = (np.concatenate(parts) for parts in zip(*frames))
    facing = torsos(give_orders(plan), ends, play, frame, place, velocity, sway)
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
    values[play, frame] = sensor.record(everyone, seen, facing, position, play, frame, left[play], rng)
    events = np.zeros((n, longest), dtype=np.int8)
    events[:, SNAP] = EVENTS.index("ball_snap")
    events[plan.play_action, SNAP + FAKE] = EVENTS.index("play_action")
    in_motion = (np.abs(plan.creep[:, 6:11].imag) >= IN_MOTION).any(axis=1)
    events[in_motion, 0] = EVENTS.index("man_in_motion")
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
        first_pressure=np.round(ends.pressure.astype(float), 1),
    )


def _passer_end(ends: State, place, play, frame):
    """Where the passer is at the release (N,)."""
    at_release = frame == ends.release[play]
    end = np.empty(len(ends.release), dtype=complex)
    end[play[at_release]] = place[at_release, PASSER]
    return end


def _ball(plan: Plan, ends: State, passer, play, frame, passer_end, catch):
    """The ball (rows,): on the ground, snapped, held, thrown."""
    t = (frame - SNAP) * DT
    snapped = np.clip(t / np.where(plan.under_centre, 0.2, 0.5)[play], 0.0, 1.0)
    held = plan.ball[play] + snapped * (passer + 0.25 - plan.ball[play])
    thrown = (frame > ends.release[play]) & np.isin(ends.ended, (PASS, THROWAWAY))[play]
    way = np.where(thrown, catch[play] - passer_end[play], 1.0)
    distance = np.maximum(np.abs(way), 1e-6)
    share = np.minimum((frame - ends.release[play]) * DT / flight_time(distance), 1.0)
    return np.where(thrown, passer_end[play] + share * way, held)
