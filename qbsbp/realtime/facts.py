"""The line-up and the static features of a single play, in plain numbers.

`qbsbp.features.passing` says what they are, `line_up` and `static_features`, for any number of plays at once. For one
they take a third of a millisecond, since each of their two hundred operations on arrays costs as much for one number as
for a thousand. Here the same is written for numbers; `tests/test_realtime.py` holds the two together on every play.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from qbsbp.features.passing import BALL_SPEED, FAR, PASSING_STATIC_FEATURES
from qbsbp.schema import FOOTBALL
from qbsbp.tracking import pair_defenders

__all__ = ["line_up_one", "static_features_of_one"]

SCALES = np.array([scale for scale, _ in PASSING_STATIC_FEATURES.values()])
HALF = FOOTBALL.field_width / 2


def line_up_one(
    place: NDArray,
    offence: Sequence[int],
    defence: Sequence[int],
    ball: int,
    linemen: Sequence[bool],
    passer: int,
    target: int,
) -> tuple[NDArray, float]:
    """`line_up` of one play.

    Args:
        place: Places at the snap, yards on the field, shape (23, 2).
        offence: Columns of the eleven.
        defence: Columns of the other eleven.
        ball: Column of the ball.
        linemen: Whether each of the offence is of the group OL.
        passer: His column.
        target: His column.

    Returns:
        Column of the player in each slot, shape (22,), and 1 where the target lines up on the left, else -1.
    """
    across = place[:, 1].tolist()
    centre = across[ball]
    side = 1.0 if across[target] >= centre else -1.0
    others = [(not lineman, abs(across[k] - centre), k) for k, lineman in zip(offence, linemen)]
    others = [one for one in others if one[2] != passer and one[2] != target]
    others.sort(key=lambda one: one[:2])
    line, wide = ([k for _, _, k in part] for part in (others[:5], others[5:]))
    for part in (line, wide):  # ties stay in the order of the columns
        part.sort(key=lambda k: (-side * across[k], offence.index(k)))
    attack = [passer, target, *wide, *line]
    marker = pair_defenders(place[None, attack], place[None, defence])[0].tolist()
    return np.array(attack + [defence[k] for k in marker]), side


def static_features_of_one(
    x: Sequence[float], y: Sequence[float], vx: Sequence[float], vy: Sequence[float], facts: Mapping[str, float]
) -> NDArray:
    """`static_features` of one play.

    Args:
        x: Yards beyond the line of scrimmage, of the players in slots 0 to 21.
        y: Yards from the middle to the target's side.
        vx: Velocities along x, yards a second, 0 where unknown.
        vy: Velocities along y.
        facts: What these do not tell, by name: down to held.

    Returns:
        Shape (1, features), float32.
    """
    to_goal = facts["yards_to_goal"]
    px, py, tx, ty = x[0], y[0], x[1], y[1]
    pvx, pvy, tvx, tvy = vx[0], vy[0], vx[1], vy[1]

    catch_x, catch_y = tx, ty
    for _ in range(8):
        time = sqrt((catch_x - px) ** 2 + (catch_y - py) ** 2) / BALL_SPEED
        catch_x, catch_y = tx + tvx * time, ty + tvy * time
    catch_x = min(max(catch_x, to_goal - 109.0), to_goal + 9.0)
    catch_y = min(max(catch_y, -HALF), HALF)
    away_x, away_y = catch_x - px, catch_y - py
    throw = sqrt(away_x * away_x + away_y * away_y)
    flight = throw / BALL_SPEED
    ball_x, ball_y = away_x / max(flight, 1e-6), away_y / max(flight, 1e-6)

    pressure = separation = lane = float("inf")
    closing = 0.0
    covering = crowd = beyond = in_front = 0
    room = FAR
    gaps = []
    for k in range(11, 22):
        dx, dy, dvx, dvy = x[k], y[k], vx[k], vy[k]
        rush_x, rush_y = dx - px, dy - py
        near = sqrt(rush_x * rush_x + rush_y * rush_y)
        if near < pressure:
            pressure = near
            closing = (dvx - pvx) * rush_x + (dvy - pvy) * rush_y
        near = sqrt((dx - tx) ** 2 + (dy - ty) ** 2)
        separation = min(separation, near)
        covering += near < 2.0
        gap_x, gap_y = dx + dvx * flight - catch_x, dy + dvy * flight - catch_y
        gap = sqrt(gap_x * gap_x + gap_y * gap_y)
        gaps.append((gap, gap_x, gap_y))
        crowd += gap < 4.0
        if gap_x > 0:
            beyond += 1
            in_front += abs(gap_y) < 10.0
            room = min(room, gap)
        drift_x, drift_y = dvx - ball_x, dvy - ball_y
        moment = -(rush_x * drift_x + rush_y * drift_y) / max(drift_x * drift_x + drift_y * drift_y, 1e-9)
        moment = min(max(moment, flight / 2), flight)
        lane = min(lane, sqrt((rush_x + drift_x * moment) ** 2 + (rush_y + drift_y * moment) ** 2))
    gaps.sort()
    (gap_1, ahead_1, across_1), (gap_2, ahead_2, across_2), (gap_3, *_), (gap_4, *_) = gaps[:4]

    values = {
        **facts,
        "passer_depth": -px,
        "passer_speed": sqrt(pvx * pvx + pvy * pvy),
        "pressure": pressure,
        "closing": -closing / max(pressure, 0.01),
        "depth": tx,
        "target_velocity_x": tvx,
        "target_velocity_y": tvy,
        "separation": separation,
        "covering": covering,
        "catch_depth": catch_x,
        "catch_across": catch_y,
        "catch_sideline": HALF - abs(catch_y),
        "throw": throw,
        "gap_1": gap_1,
        "gap_2": gap_2,
        "gap_3": gap_3,
        "gap_4": gap_4,
        "gap_1_ahead": ahead_1,
        "gap_1_across": across_1,
        "gap_2_ahead": ahead_2,
        "gap_2_across": across_2,
        "crowd": crowd,
        "beyond": beyond,
        "in_front": in_front,
        "room": room,
        "lane": lane,
    }
    columns = np.array([[values[name] for name in PASSING_STATIC_FEATURES]])
    return (columns / SCALES).astype(np.float32)
