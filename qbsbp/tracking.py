"""From what a reader returns to tracks one may learn from: jumps repaired, velocities from the past alone, players in
order.

Every rule here is causal: what it says of frame t depends on frames up to t only. Chapter: real tracking data.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from qbsbp.schema import Quirk, Tracking

__all__ = ["MAX_SPEED", "prepare", "repair_jumps", "add_velocities", "order_players"]

MAX_SPEED = 12.0
"""Speed that no player reaches, m/s. The fastest sprint on record peaked at 12.4; in Ultimate Track 99.99 % of the
player frames are below 8.7."""

ACCELERATION_FRAMES = 3
"""Frames over which a velocity is compared for the acceleration: over one alone, rounding to 0.01 m makes 1.6 m/s² of
noise."""


def prepare(tracking: Tracking) -> Tracking:
    """Repair jumps and add velocities: `add_velocities(repair_jumps(tracking))`."""
    return add_velocities(repair_jumps(tracking))


def repair_jumps(tracking: Tracking, *, max_speed: float = MAX_SPEED) -> Tracking:
    """Replace player positions that no player could have reached.

    Position p(f) is kept if its distance to the last kept position p(g), g < f, is at most `max_speed` times the time
    between them; otherwise the player is left at p(g). The first frame of a play is taken as it is. Where the holder
    was moved, the disc moves too.

    Args:
        tracking: Tracks in metres, as a reader of `qbsbp.datasets` returns them.
        max_speed: Fastest credible player, m/s.

    Returns:
        The same plays with the column `repaired`, and the counts `jumps`, `repaired_rows` and `repaired_plays`. Plays
        that have the column come back as they are.

    Raises:
        ValueError: The tracks are not in metres, or `max_speed` is not positive.
    """
    if tracking.layout.length_unit != "metre":
        raise ValueError(
            f"tracking: expected lengths in metres, came {tracking.layout.length_unit}s. Give `max_speed` its unit."
        )
    if not max_speed > 0:
        raise ValueError(f"max_speed: expected a positive speed in m/s, came {max_speed!r}.")
    if "repaired" in tracking.frames.columns:
        return tracking
    entities, reach = tracking.layout.entities, max_speed / tracking.layout.frames_per_second
    frames = tracking.frames
    place = frames[["x", "y"]].to_numpy().reshape(-1, entities, 2).copy()
    first = _opens(tracking)
    step = np.hypot(*np.moveaxis(np.diff(place, axis=0, prepend=place[:1]), -1, 0))
    step[first] = 0.0
    player = ~(frames["side"] == "disc").to_numpy().reshape(-1, entities)
    jumps = (step > reach) & player
    repaired = np.zeros(step.shape, dtype=bool)

    bounds = np.append(np.flatnonzero(first), len(first))
    for start, stop in pairwise(bounds):
        for column in np.flatnonzero(jumps[start:stop].any(axis=0)):  # almost every track has none
            kept = start
            for f in range(start + 1, stop):
                if np.hypot(*(place[f, column] - place[kept, column])) <= reach * (f - kept):
                    kept = f
                else:
                    place[f, column], repaired[f, column] = place[kept, column], True

    holding = frames["holds_disc"].to_numpy().reshape(-1, entities)
    moved = np.flatnonzero((holding & repaired).any(axis=1))
    disc = np.argmin(player[moved], axis=1)
    place[moved, disc] = place[moved, holding[moved].argmax(axis=1)]
    repaired[moved, disc] = True

    frames = frames.assign(x=place[..., 0].ravel(), y=place[..., 1].ravel(), repaired=repaired.ravel())
    plays_hit = frames.loc[frames["repaired"], ["game_id", "play_id"]].drop_duplicates()
    return Tracking(
        tracking.plays,
        frames,
        tracking.layout,
        tracking.report.add(
            Quirk("jumps", int(jumps.sum()), f"steps of a player faster than {max_speed:g} m/s"),
            Quirk("repaired_rows", int(repaired.sum()), "positions left at the last credible one"),
            Quirk("repaired_plays", len(plays_hit), "with such a position"),
        ),
    )


def add_velocities(tracking: Tracking) -> Tracking:
    """Velocity and acceleration of every player by differences that look back only.

    With n frames a second and g the last frame before f whose position was not repaired, f - 1 almost always,

        v(f) = n (p(f) - p(g)) / (f - g),    a(f) = n (v(f) - v(f - k)) / k,    k = min(3, f - 2),

    so v is missing (NaN) in a play's first frame and a in its first two. They are missing as well where a position was
    repaired, and the disc has neither: while held it moves with its holder, and in flight its rows are drawn from where
    it will be caught.

    Args:
        tracking: Tracks with x and y.

    Returns:
        The same plays with `velocity_x`, `velocity_y` (length/s), `acceleration_x` and `acceleration_y` (length/s²).
    """
    entities, rate = tracking.layout.entities, tracking.layout.frames_per_second
    frames = tracking.frames
    place = frames[["x", "y"]].to_numpy().reshape(-1, entities, 2)
    repaired = frames.get("repaired", pd.Series(False, frames.index)).to_numpy().reshape(-1, entities)
    moment = np.arange(len(place))
    age = moment - np.maximum.accumulate(np.where(_opens(tracking), moment, 0))  # frames since the play's first
    kept = np.maximum.accumulate(np.where(repaired, 0, moment[:, None]), axis=0)  # a play's first frame always is
    before = np.concatenate([kept[:1], kept[:-1]])
    since = np.maximum(moment[:, None] - before, 1)
    velocity = rate * np.diff(place, axis=0, prepend=place[:1]) / since[..., None]  # a repaired p(f - 1) is p(g)
    velocity[age < 1] = np.nan
    velocity[repaired] = np.nan
    lag = np.clip(age - 1, 1, ACCELERATION_FRAMES)
    acceleration = rate * (velocity - velocity[np.maximum(moment - lag, 0)]) / lag[:, None, None]
    acceleration[age < 2] = np.nan
    disc = (frames["side"] == "disc").to_numpy().reshape(-1, entities)
    velocity[disc] = acceleration[disc] = np.nan
    return Tracking(
        tracking.plays,
        frames.assign(
            velocity_x=velocity[..., 0].ravel(),
            velocity_y=velocity[..., 1].ravel(),
            acceleration_x=acceleration[..., 0].ravel(),
            acceleration_y=acceleration[..., 1].ravel(),
        ),
        tracking.layout,
        tracking.report.add(Quirk("velocities", int((~disc).sum()), "made from x and y by backward differences")),
    )


def order_players(place: np.ndarray, offence: np.ndarray, defence: np.ndarray, holder: np.ndarray) -> np.ndarray:
    """Give the players of each moment an order with a meaning.

    First the holder, then the rest of the team by distance to the holder, nearest first; then the defence in the same
    order, each defender in the slot of the player they mark. Who marks whom is the pairing of the two teams with the
    least total distance, so each defender has one player and each player one defender. Ties go to the smaller column.

    Args:
        place: Positions at the moment, shape (moments, players, 2).
        offence: Columns of the offence, shape (m,).
        defence: Columns of the defence, shape (m,).
        holder: Column of the holder at each moment, shape (moments,); one of `offence`.

    Returns:
        Columns in order, shape (moments, 2 m).
    """
    attackers, defenders = place[:, offence], place[:, defence]  # (moments, m, 2)
    own = place[np.arange(len(place)), holder][:, None]  # (moments, 1, 2)
    distance = np.hypot(*np.moveaxis(attackers - own, -1, 0))
    distance[np.asarray(offence) == np.asarray(holder)[:, None]] = -1.0  # first even if another stands on the same spot
    rank = np.argsort(distance, axis=1, kind="stable")
    gap = np.hypot(*np.moveaxis(attackers[:, :, None] - defenders[:, None], -1, 0))  # (moments, m, m)
    marker = np.array([linear_sum_assignment(one)[1] for one in gap], dtype=int).reshape(-1, len(offence))
    return np.concatenate(
        [np.asarray(offence)[rank], np.asarray(defence)[np.take_along_axis(marker, rank, axis=1)]], axis=1
    )


def _opens(tracking: Tracking) -> np.ndarray:
    """Whether each frame is the first of its play, shape (frames,)."""
    play: pd.DataFrame = tracking.frames[["game_id", "play_id"]].iloc[:: tracking.layout.entities]
    return play.ne(play.shift()).any(axis=1).to_numpy()
