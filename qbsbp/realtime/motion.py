"""Repaired places, velocities and accelerations of the players of one play, as its frames come in.

The rules are those of `qbsbp.tracking`: `repair_holes`, `repair_jumps` and `add_velocities`, which look back only and
so can be followed frame by frame. A block of frames in which nothing is to be repaired takes one pass over all of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qbsbp.realtime import kernels
from qbsbp.realtime.kernels import REACH, STILL
from qbsbp.schema import FOOTBALL
from qbsbp.tracking import ACCELERATION_FRAMES

__all__ = ["Motion", "Moved"]

RATE = FOOTBALL.frames_per_second
RATES = {np.dtype(kind): np.array([RATE], dtype=kind) for kind in (np.float32, np.float64)}


class Moved(NamedTuple):
    """What some frames say once repaired; F frames, 23 entities.

    Args:
        place: Yards on the field, shape (F, 23, 2).
        velocity: Yards a second, NaN where unknown, the same shape.
        acceleration: Yards a second squared, NaN where unknown, the same shape.
        orientation: Degrees, shape (F, 23).
        jumped: Whether a player was out of reach, and held, shape (F, 23); None where nobody was.
    """

    place: NDArray
    velocity: NDArray
    acceleration: NDArray
    orientation: NDArray
    jumped: NDArray | None

    def frames(self, which: slice) -> Moved:
        """Some of the frames."""
        return Moved(*(None if part is None else part[which] for part in self))


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
        """The frames where nobody has to be held, by `kernels.move`; None, and nothing changed, where somebody has."""
        if self.kept is not None:
            return None
        last = self.place if self.count else place[0]
        credible, velocity, acceleration, latest, last_step = kernels.move(
            place, last.astype(place.dtype, copy=False), self.latest, self.count, self.last_step, self.ball,
            RATES[place.dtype],
        )  # fmt: skip
        if not credible:
            return None
        self.count, self.last_step, self.latest = self.count + len(place), last_step, latest
        self.place = self.raw = place[-1]
        self.orientation = orientation[-1]
        return Moved(place, velocity, acceleration, orientation, None)

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
