"""Repaired places, velocities and accelerations of the players of one play, as its frames come in.

The rules are those of `qbsbp.tracking`: `repair_holes`, `repair_jumps` and `add_velocities`, which look back only and
so can be followed frame by frame. A block of frames in which nothing is to be repaired takes one pass over all of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qbsbp.schema import FOOTBALL
from qbsbp.tracking import ACCELERATION_FRAMES, MAX_SPEED, METRES

__all__ = ["Motion", "Moved"]

RATE = FOOTBALL.frames_per_second
REACH = MAX_SPEED / METRES[FOOTBALL.length_unit] / RATE  # yards between two frames
STILL = 0.1  # yards of a last step after which a frame without any is a frozen one


class Moved(NamedTuple):
    """What some frames say once repaired; F frames, 23 entities.

    Args:
        place: Yards on the field, shape (F, 23, 2).
        velocity: Yards a second, NaN where unknown, the same shape.
        acceleration: Yards a second squared, NaN where unknown, the same shape.
        orientation: Degrees, shape (F, 23).
        jumped: Whether a player was out of reach, and held, shape (F, 23).
    """

    place: NDArray
    velocity: NDArray
    acceleration: NDArray
    orientation: NDArray
    jumped: NDArray


class Motion:
    """The memory of one play: where everybody was last, and the latest velocities.

    Args:
        ball: Column of the ball among the 23 entities.
    """

    def __init__(self, ball: int) -> None:
        self.ball = ball
        self.player = np.arange(FOOTBALL.entities) != ball
        self.count = 0  # frames so far
        self.last_step = 0.0  # farthest that a player went in the last step that was one
        self.latest = np.empty((0, FOOTBALL.entities, 2))  # velocities of the last frames
        self.place = self.raw = self.orientation = np.empty(0)  # of the last frame: once repaired, and as they came
        self.kept: NDArray | None = None  # frame in which each was last measured; None where that is the last for all

    def extend(self, place: NDArray, orientation: NDArray, repaired: NDArray | None = None) -> Moved:
        """Take the next frames in.

        Args:
            place: Yards on the field, float32 or float64, shape (F, 23, 2).
            orientation: Degrees, shape (F, 23).
            repaired: Whether a row is not a measurement but filled in, shape (F, 23); None for none.
        """
        quick = self._quickly(place, orientation) if repaired is None or not repaired.any() else None
        if quick is not None:
            return quick
        if repaired is None:
            repaired = np.zeros(orientation.shape, dtype=bool)
        return Moved(*map(np.stack, zip(*map(self._step, place, orientation, repaired))))

    def _quickly(self, place: NDArray, orientation: NDArray) -> Moved | None:
        """The frames where all are measured, one after the other; None, and nothing changed, where one has to be held.

        From the frame before on, a step of at most REACH along both of x and y, and REACH together, is a credible one.
        """
        if self.kept is not None:
            return None
        frames, count = len(place), self.count
        before = np.empty_like(place)
        before[0], before[1:] = self.place if count else place[0], place[:-1]
        step = place - before
        size = np.abs(step)
        size[:, self.ball] = 0.0
        farthest = size.max(axis=(1, 2)).tolist()
        if max(farthest) > REACH / 2**0.5 and (np.hypot(size[..., 0], size[..., 1]) > REACH).any():
            return None
        last_step = self.last_step
        for far in farthest:  # a frame without a step after one of more than STILL is frozen
            if far == 0 and last_step > STILL:
                return None
            last_step = far or last_step
        velocity = (RATE * step).astype(np.float64)
        if not count:
            velocity[0] = np.nan
        past = len(self.latest)
        known = np.concatenate([self.latest, velocity])  # known[past + i] is frame i of the block
        if count > ACCELERATION_FRAMES:
            lag = ACCELERATION_FRAMES
            acceleration = RATE * (velocity - known[past - lag : past - lag + frames]) / lag
        else:
            age = np.arange(count, count + frames)
            lags = np.clip(age - 1, 1, ACCELERATION_FRAMES)
            earlier = known[np.maximum(past + np.arange(frames) - lags, 0)]
            acceleration = RATE * (velocity - earlier) / lags[:, None, None]
            acceleration[age < 2] = np.nan
        velocity[:, self.ball] = acceleration[:, self.ball] = np.nan
        self.count, self.last_step, self.latest = count + frames, last_step, known[-ACCELERATION_FRAMES:]
        self.place = self.raw = place[-1]
        self.orientation = orientation[-1]
        return Moved(place, velocity, acceleration, orientation, np.zeros(orientation.shape, dtype=bool))

    def _step(self, place: NDArray, orientation: NDArray, repaired: NDArray) -> Moved:
        """One frame, whatever has to be held; all of its shapes without the first dimension."""
        frame = self.count
        if frame == 0:
            self.place, self.raw, self.orientation = place, place, orientation
            repaired = np.zeros_like(repaired)  # there is nothing to hold a first row at
        step = float(np.abs(place - self.raw)[self.player].max())
        frozen = step == 0 and self.last_step > STILL
        if step > 0:
            self.last_step = step
        hole = repaired | frozen
        kept = np.full(FOOTBALL.entities, max(frame - 1, 0)) if self.kept is None else self.kept
        since = np.maximum(frame - kept, 1)
        gone = place - self.place
        jumped = (np.hypot(gone[:, 0], gone[:, 1]) > REACH * since) & self.player & ~hole
        held = hole | jumped
        velocity = RATE * gone / since[:, None]
        velocity[held] = np.nan
        if frame == 0:
            velocity[:] = np.nan
        lag = min(max(frame - 1, 1), ACCELERATION_FRAMES)
        acceleration = np.full_like(velocity, np.nan)
        if frame >= 2:
            acceleration = RATE * (velocity - self.latest[-lag]) / lag
        velocity[self.ball] = acceleration[self.ball] = np.nan
        self.raw = place
        self.place = np.where(held[:, None], self.place, place)
        self.orientation = np.where(hole, self.orientation, orientation)
        self.kept = np.where(held, kept, frame) if held.any() else None
        self.latest = np.concatenate([self.latest, velocity[None]])[-ACCELERATION_FRAMES:]
        self.count += 1
        return Moved(self.place, velocity, acceleration, self.orientation, jumped)
