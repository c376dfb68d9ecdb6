"""What a tracking system makes of motion: places to the hundredth of a yard, filtered speeds, angles with small errors.

Chapter: meeting the data.
"""

from __future__ import annotations

import numpy as np

from qbsbp.schema import FOOTBALL

__all__ = ["record"]

WIDTH = FOOTBALL.field_width
ANGLE_NOISE = 1.0  # degrees of the direction of motion at 1 yard/s, in inverse proportion to the speed
ORIENTATION_NOISE = 0.5  # degrees
# Yards, by position (QB RB WR TE OL DL LB DB ball), and the spread between players (logarithmic).
PLACE_NOISE = np.array([0.0022, 0.0024, 0.0022, 0.0026, 0.0032, 0.004, 0.0024, 0.0022, 0.002])
PLACE_SPREAD = 0.55
# Yards/s of a recorded speed for each yard of noise in the place; linemen's speeds are smoothed.
SPEED_NOISE = np.array([4.0, 4.0, 5.0, 4.5, 1.2, 1.2, 4.5, 5.0, 0.0])


def record(place, velocity, facing, position, play, frame, left, rng: np.random.Generator) -> np.ndarray:
    """Recorded values of players and ball.

    Args:
        place: Complex (rows, 23), the ball last. Rows are ordered by frame.
        velocity: Complex (rows, 22).
        facing: Complex unit vectors (rows, 22).
        position: Codes of the players' positions and the ball's (plays, 23).
        play: Number of the play of each row.
        frame: Frame of each row.
        left: Whether the row's play went to the left in the file, which decides how y is rounded.
        rng: Source of randomness.

    Returns:
        float32 (rows, 23, 6): x, y, speed, acceleration, direction, orientation.
    """
    rows = len(play)
    n_plays = play.max() + 1
    # Row of the same play one frame earlier (itself in the first frame).
    index = np.full((frame.max() + 2, n_plays), -1)
    index[frame + 1, play] = np.arange(rows)
    before = index[frame, play]
    before = np.where(before < 0, np.arange(rows), before)

    ball = (place[:, -1] - place[before, -1]) * FOOTBALL.frames_per_second
    velocity = np.concatenate([velocity, ball[:, None]], axis=1).astype(np.complex64)
    speed = np.abs(velocity)

    amount = PLACE_NOISE[position] * np.exp(PLACE_SPREAD * rng.standard_normal(position.shape))
    amount = amount[play].astype(np.float32) * np.minimum(speed, 1.0)
    noise = rng.standard_normal((2, rows, 23), dtype=np.float32)
    x, y = place.real + amount * noise[0], place.imag + amount * noise[1]
    faster = SPEED_NOISE[position].astype(np.float32)[play] * amount * rng.standard_normal((rows, 23), dtype=np.float32)
    velocity *= 1 + faster / np.maximum(speed, 1e-3)
    change = np.abs(velocity - velocity[before]) * FOOTBALL.frames_per_second
    speed = np.abs(velocity)
    off = rng.standard_normal((2, rows, 22), dtype=np.float32)
    angle_noise = ANGLE_NOISE / np.maximum(speed[:, :-1], 0.1)

    values = np.full((rows, 23, 6), np.nan, dtype=np.float32)
    values[..., 0] = _hundredths(x)
    values[..., 1] = np.where(left[:, None], WIDTH - _hundredths(WIDTH - y), _hundredths(y))
    values[..., 2] = _hundredths(speed)
    values[..., 3] = _hundredths(change)
    values[:, :-1, 4] = _angle(velocity[:, :-1], angle_noise * off[0])
    values[:, :-1, 5] = _angle(facing, ORIENTATION_NOISE * off[1])
    return values


def _hundredths(values):
    return np.rint(values * 100) / 100


def _angle(vector, off):
    """Degrees clockwise from +y, in hundredths from 0 to 359.99, of complex vectors that are `off` degrees wrong."""
    angle = np.rint((np.degrees(np.arctan2(vector.real, vector.imag)) + off) * 100)
    angle = np.where(angle < 0, angle + 36000, angle)
    return np.where(angle >= 36000, angle - 36000, angle) / 100
