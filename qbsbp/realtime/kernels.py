"""What is computed of a single play, compiled by Numba.

`qbsbp.tracking` and `qbsbp.features.passing` say what it is, for any number of plays at once. For one play each of
their operations on arrays costs a microsecond or more, however little there is to compute, and there are hundreds. Here
the same is written in loops; `tests/test_realtime.py` holds the two together on every play. The first call compiles,
some seconds in all, and the result is kept on disk.
"""

from __future__ import annotations

from math import exp, log1p, sqrt

import numpy as np

try:
    from numba import njit
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("qbsbp.realtime needs numba: pip install 'qbsbp[realtime]'", name="numba") from error

from qbsbp.features.passing import BALL_SPEED, FAR, PASSING_PLAYER_FEATURES, PASSING_STATIC_FEATURES
from qbsbp.schema import FOOTBALL
from qbsbp.tracking import ACCELERATION_FRAMES, MAX_SPEED, METRES

__all__ = [
    "FACTS",
    "REACH",
    "STILL",
    "line_up",
    "move",
    "player_features",
    "rank",
    "static_features",
    "tensor",
    "within",
]

RATE = FOOTBALL.frames_per_second
REACH = MAX_SPEED / METRES[FOOTBALL.length_unit] / RATE
"""Yards that a player can go between two frames."""
STILL = 0.1
"""Yards of a last step after which a frame without any is a frozen one."""
FACTS = tuple(PASSING_STATIC_FEATURES)[:9]
"""The static features that places and velocities do not tell; the others follow in their order."""

HALF = FOOTBALL.field_width / 2
PLAYER_SCALES = np.array([scale for scale, _ in PASSING_PLAYER_FEATURES.values()])
STATIC_SCALES = np.array([scale for scale, _ in PASSING_STATIC_FEATURES.values()])
PLAYERS = 22


@njit(cache=True)
def within(x, y, low, high):
    """Places (F, E, 2) from x and y, shape (F, E) each, of the wider type, and whether all lie within the bounds."""
    place = np.empty((*x.shape, 2), dtype=(x[:1, :1] + y[:1, :1]).dtype)
    inside = True
    for f in range(x.shape[0]):
        for e in range(x.shape[1]):
            place[f, e, 0], place[f, e, 1] = x[f, e], y[f, e]
            inside &= low[0] <= x[f, e] <= high[0] and low[1] <= y[f, e] <= high[1]  # NaN is not
    return place, inside


@njit(cache=True)
def move(place, last, latest, count, last_step, ball, rate):
    """Velocities and accelerations of the next frames of a play in which nobody has to be held.

    Args:
        place: Yards on the field, shape (F, E, 2).
        last: The same of the frame before, shape (E, 2); not read where `count` is 0.
        latest: Velocities of the latest frames, shape (up to `ACCELERATION_FRAMES`, E, 2).
        count: Frames before these.
        last_step: Farthest that a player went in the last step that was one, yards.
        ball: Column of the ball.
        rate: Frames a second, shape (1,), of the type of `place`.

    Returns:
        Whether nobody has to be held; if so, velocities in yards a second and accelerations in yards a second squared,
        NaN where unknown, both (F, E, 2) in float64; the latest velocities, and the last step.
    """
    frames, entities = place.shape[0], place.shape[1]
    velocity, acceleration = np.empty((frames, entities, 2)), np.empty((frames, entities, 2))
    past = len(latest)
    for f in range(frames):
        far = 0.0
        for e in range(entities):
            square = 0.0
            for axis in range(2):
                if f > 0:
                    step = place[f, e, axis] - place[f - 1, e, axis]
                elif count > 0:
                    step = place[f, e, axis] - last[e, axis]
                else:
                    step = place[f, e, axis] - place[f, e, axis]
                velocity[f, e, axis] = rate[0] * step
                if e != ball:
                    far = max(far, abs(step))
                    square += np.float64(step) * np.float64(step)
            if square > REACH * REACH:
                return False, velocity, acceleration, latest, last_step
        if far == 0.0 and last_step > STILL:  # a frame without a step after a long one is frozen
            return False, velocity, acceleration, latest, last_step
        if far > 0.0:
            last_step = far
        if count + f == 0:
            velocity[f] = np.nan
        lag = min(max(count + f - 1, 1), ACCELERATION_FRAMES)
        for e in range(entities):
            for axis in range(2):
                if count + f < 2:
                    acceleration[f, e, axis] = np.nan
                else:
                    earlier = velocity[f - lag, e, axis] if f >= lag else latest[past + f - lag, e, axis]
                    acceleration[f, e, axis] = RATE * (velocity[f, e, axis] - earlier) / lag
        velocity[f, ball] = acceleration[f, ball] = np.nan
    newest = np.empty((min(past + frames, ACCELERATION_FRAMES), entities, 2))
    for i in range(len(newest)):
        f = frames - len(newest) + i
        newest[i] = velocity[f] if f >= 0 else latest[past + f]
    return True, velocity, acceleration, newest, last_step


@njit(cache=True)
def player_features(place, velocity, acceleration, sine, cosine, line, half, out):
    """The features of some frames, seen from a target on the left, into `out`, shape (E, 8, F).

    Args:
        place: Yards on the field, shape (F, E, 2).
        velocity: Yards a second, NaN where unknown, the same shape.
        acceleration: Yards a second squared, NaN where unknown, the same shape.
        sine: Of the orientations, shape (F, E).
        cosine: The same.
        line: x of the line of scrimmage.
        half: Half the width of the field, shape (1,), of the type of `place`.
        out: Where to write them.
    """
    for f in range(place.shape[0]):
        for e in range(place.shape[1]):
            values = (
                np.float64(place[f, e, 0]) - line,
                np.float64(place[f, e, 1] - half[0]),
                velocity[f, e, 0],
                velocity[f, e, 1],
                acceleration[f, e, 0],
                acceleration[f, e, 1],
                np.float64(sine[f, e]),
                np.float64(cosine[f, e]),
            )
            for k in range(8):
                value = values[k] / PLAYER_SCALES[k]
                out[e, k, f] = 0.0 if np.isnan(value) else value


@njit(cache=True)
def tensor(features, order, side):
    """What the network reads of the frames: shape (1, 176, F), the players of `features` (E, 8, F) in their slots."""
    (_, each, frames), slots = features.shape, len(order)
    x = np.empty((1, slots * each, frames), dtype=np.float32)
    for slot in range(slots):
        for k in range(each):
            sign = np.float32(side if k % 2 else 1.0)  # every other feature is a part across the field
            for f in range(frames):
                x[0, slot * each + k, f] = features[order[slot], k, f] * sign
    return x


@njit(cache=True)
def line_up(place, offence, defence, ball, lineman, passer, target):
    """Who of the offence is in which slot, and how far each of the defence is from each of them at the snap.

    Args:
        place: Yards on the field at the snap, shape (E, 2).
        offence: Columns of the eleven.
        defence: Columns of the other eleven.
        ball: Column of the ball.
        lineman: Whether each of the offence is of the group OL.
        passer: His column.
        target: His column.

    Returns:
        Columns of slots 0 to 10, shape (11,); distances, shape (11, 11); and 1 where the target lines up on the left,
        else -1.
    """
    centre = np.float64(place[ball, 1])
    side = 1.0 if place[target, 1] >= centre else -1.0
    rest, n = np.empty(9, dtype=np.int64), 0  # places among the offence, those for the line first
    for i in range(11):
        if offence[i] == passer or offence[i] == target:
            continue
        j = n  # an insertion sort leaves ties in the order of the columns
        while j > 0:
            other = rest[j - 1]
            near = abs(np.float64(place[offence[i], 1]) - centre)
            theirs = abs(np.float64(place[offence[other], 1]) - centre)
            if lineman[i] == lineman[other]:
                if near >= theirs:
                    break
            elif lineman[other]:
                break
            rest[j] = other
            j -= 1
        rest[j] = i
        n += 1
    attack = np.empty(11, dtype=np.int64)
    attack[0], attack[1] = passer, target
    for start, stop, slot in ((0, 5, 6), (5, 9, 2)):  # the line, and the other receivers
        for k in range(start, stop):
            one, j = rest[k], k
            while j > start:
                other = rest[j - 1]
                mine, theirs = -side * place[offence[one], 1], -side * place[offence[other], 1]
                if mine > theirs or (mine == theirs and one > other):
                    break
                rest[j] = other
                j -= 1
            rest[j] = one
        for k in range(start, stop):
            attack[slot + k - start] = offence[rest[k]]
    gap = np.empty((11, 11))
    for i in range(11):
        for j in range(11):
            dx = place[attack[i], 0] - place[defence[j], 0]
            dy = place[attack[i], 1] - place[defence[j], 1]
            gap[i, j] = sqrt(np.float64(dx) * np.float64(dx) + np.float64(dy) * np.float64(dy))
    return attack, gap, side


@njit(cache=True)
def static_features(place, velocity, order, line, half, side, facts):
    """The static features of a play as it stands, shape (1, features), float32.

    Args:
        place: Yards on the field in the last frame, shape (E, 2).
        velocity: Yards a second, NaN where unknown, shape (E, 2).
        order: Column of the player in each slot, shape (22,).
        line: x of the line of scrimmage.
        half: Half the width of the field, shape (1,), of the type of `place`.
        side: 1 where the target lines up on the left, else -1.
        facts: `FACTS`, in that order, shape (9,).
    """
    x, y, vx, vy = np.empty(PLAYERS), np.empty(PLAYERS), np.empty(PLAYERS), np.empty(PLAYERS)
    for slot in range(PLAYERS):
        e = order[slot]
        x[slot], y[slot] = np.float64(place[e, 0]) - line, side * np.float64(place[e, 1] - half[0])
        vx[slot] = 0.0 if np.isnan(velocity[e, 0]) else velocity[e, 0]
        vy[slot] = 0.0 if np.isnan(velocity[e, 1]) else side * velocity[e, 1]
    to_goal = facts[2]

    catch_x, catch_y = x[1], y[1]
    for _ in range(8):
        time = sqrt((catch_x - x[0]) ** 2 + (catch_y - y[0]) ** 2) / BALL_SPEED
        catch_x, catch_y = x[1] + vx[1] * time, y[1] + vy[1] * time
    catch_x = min(max(catch_x, to_goal - 109.0), to_goal + 9.0)
    catch_y = min(max(catch_y, -HALF), HALF)
    away_x, away_y = catch_x - x[0], catch_y - y[0]
    throw = sqrt(away_x * away_x + away_y * away_y)
    flight = throw / BALL_SPEED
    ball_x, ball_y = away_x / max(flight, 1e-6), away_y / max(flight, 1e-6)

    pressure = separation = lane = np.inf
    closing = 0.0
    covering = crowd = beyond = in_front = 0
    room = FAR
    nearest, ahead, across = np.full(4, np.inf), np.zeros(4), np.zeros(4)
    for k in range(11, PLAYERS):
        rush_x, rush_y = x[k] - x[0], y[k] - y[0]
        near = sqrt(rush_x * rush_x + rush_y * rush_y)
        if near < pressure:
            pressure = near
            closing = (vx[k] - vx[0]) * rush_x + (vy[k] - vy[0]) * rush_y
        near = sqrt((x[k] - x[1]) ** 2 + (y[k] - y[1]) ** 2)
        separation = min(separation, near)
        covering += near < 2.0
        gap_x, gap_y = x[k] + vx[k] * flight - catch_x, y[k] + vy[k] * flight - catch_y
        gap = sqrt(gap_x * gap_x + gap_y * gap_y)
        j = 4  # his place among the four nearest
        while j > 0 and gap < nearest[j - 1]:
            j -= 1
            if j < 3:
                nearest[j + 1], ahead[j + 1], across[j + 1] = nearest[j], ahead[j], across[j]
        if j < 4:
            nearest[j], ahead[j], across[j] = gap, gap_x, gap_y
        crowd += gap < 4.0
        if gap_x > 0:
            beyond += 1
            in_front += abs(gap_y) < 10.0
            room = min(room, gap)
        drift_x, drift_y = vx[k] - ball_x, vy[k] - ball_y
        moment = -(rush_x * drift_x + rush_y * drift_y) / max(drift_x * drift_x + drift_y * drift_y, 1e-9)
        moment = min(max(moment, flight / 2), flight)
        lane = min(lane, sqrt((rush_x + drift_x * moment) ** 2 + (rush_y + drift_y * moment) ** 2))

    geometry = (
        -x[0],
        sqrt(vx[0] * vx[0] + vy[0] * vy[0]),
        pressure,
        -closing / max(pressure, 0.01),
        x[1],
        vx[1],
        vy[1],
        separation,
        np.float64(covering),
        catch_x,
        catch_y,
        HALF - abs(catch_y),
        throw,
        nearest[0],
        nearest[1],
        nearest[2],
        nearest[3],
        ahead[0],
        across[0],
        ahead[1],
        across[1],
        np.float64(crowd),
        np.float64(beyond),
        np.float64(in_front),
        room,
        lane,
    )
    out = np.empty((1, len(STATIC_SCALES)), dtype=np.float32)
    for k in range(len(facts)):
        out[0, k] = facts[k] / STATIC_SCALES[k]
    for k in range(len(geometry)):
        out[0, len(facts) + k] = geometry[k] / STATIC_SCALES[len(facts) + k]
    return out


@njit(cache=True)
def _tail(excess, beta, xi):
    xi = xi if xi != 0 else 1e-12
    stretch = xi * excess / beta
    return 0.0 if stretch <= -1 else exp(-log1p(stretch) / xi)


@njit(cache=True)
def _threshold(below, edges, level):
    k = 0
    while below[k + 1] < level:  # the bin that reaches the level: a tie is on the left
        k += 1
    return edges[k] + (edges[k + 1] - edges[k]) * (level - below[k]) / (below[k + 1] - below[k])


@njit(cache=True)
def rank(edges, logits, xi, beta, masses, lower, upper, yards):
    """`YardsLaw.rank` of one play, all of float64 but the parameters of the law: logits (bins,), xi and beta (2,)."""
    bins = len(logits)
    highest = logits.max()
    below = np.empty(bins + 1)
    below[0] = 0.0
    for k in range(bins):
        below[k + 1] = below[k] + exp(np.float64(logits[k]) - np.float64(highest))
    for k in range(bins):
        below[k] /= below[bins]
    below[bins] = 1.0
    start, stop = _threshold(below, edges, masses[0]), _threshold(below, edges, 1 - masses[1])
    total = 0.0
    for half in (-0.5, 0.5):
        z = yards + half
        if half < 0 and yards <= lower:
            value = 0.0
        elif half > 0 and yards >= upper:
            value = 1.0
        elif z < start:
            value = masses[0] * _tail(start - z, np.float64(beta[0]), np.float64(xi[0]))
        elif z > stop:
            value = 1 - masses[1] * _tail(z - stop, np.float64(beta[1]), np.float64(xi[1]))
        else:
            k = 0
            while k < bins - 1 and edges[k + 1] <= z:
                k += 1
            value = below[k] + (below[k + 1] - below[k]) * (z - edges[k]) / (edges[k + 1] - edges[k])
        total += value
    return total / 2
