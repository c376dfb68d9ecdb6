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

    velocity = np.concatenate([velocity, ((place[:, -1] - place[before, -1]) * FOOTBALL.frames_per_second)[:, None]], 1)
    amount = (PLACE_NOISE[position] * np.exp(PLACE_SPREAD * rng.standard_normal(position.shape)))[play]
    amount *= np.minimum(np.abs(velocity), 1.0)
    place = place + amount * rng.standard_normal((rows, 46)).view(complex)
    heading = velocity / np.maximum(np.abs(velocity), 1e-6)
    velocity = velocity + SPEED_NOISE[position][play] * amount * rng.standard_normal((rows, 23)) * heading
    change = (velocity - velocity[before]) * FOOTBALL.frames_per_second
    speed = np.abs(velocity)
    wrong = ANGLE_NOISE * rng.standard_normal((rows, 23)) / np.maximum(speed, 0.1)
    direction = np.degrees(np.arctan2(velocity.real, velocity.imag)) + wrong
    orientation = np.degrees(np.arctan2(facing.real, facing.imag)) + ORIENTATION_NOISE * rng.standard_normal((rows, 22))

    values = np.full((rows, 23, 6), np.nan, dtype=np.float32)
    values[..., 0] = np.round(place.real, 2)
    turned = left[:, None]
    values[..., 1] = np.where(turned, WIDTH - np.round(WIDTH - place.imag, 2), np.round(place.imag, 2))
    values[..., 2] = np.round(speed, 2)
    values[..., 3] = np.round(np.abs(change), 2)
    values[..., :-1, 4] = np.round(direction[:, :-1] % 360, 2)
    values[..., :-1, 5] = np.round(orientation % 360, 2)
    return values
