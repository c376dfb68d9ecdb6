"""Windows of ultimate: the last seconds of all players, and what the disc gains over the next ones.

Chapter: real tracking data (book/ch09_ultimate.md).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from qbsbp.features.tensors import PlayTensors, whole_frames
from qbsbp.schema import Layout, Tracking
from qbsbp.tracking import order_players

__all__ = ["PLAYER_FEATURES", "STATIC_FEATURES", "ultimate_windows"]

PLAYER_FEATURES = {
    "ahead": (10.0, "metres from the disc along x, towards the end zone"),
    "across": (10.0, "metres from the disc along y"),
    "velocity_x": (3.0, "m/s"),
    "velocity_y": (3.0, "m/s"),
    "acceleration_x": (3.0, "m/s²"),
    "acceleration_y": (3.0, "m/s²"),
    "separation": (3.0, "metres to the nearest opponent"),
    "holds_disc": (1.0, "1 while the player holds the disc, else 0"),
}
"""Eight features of a player at a frame: what each is divided by, and its meaning and unit. The scales are round
numbers near each feature's spread, fixed beforehand: nothing is fitted to data, so no split can leak through them."""

STATIC_FEATURES = {
    "to_end_zone": (30.0, "metres from the disc to the goal line"),
    "off_centre": (10.0, "metres from the disc to the middle of the field, along y"),
    "to_sideline": (10.0, "metres from the disc to the nearer sideline"),
    "held": (3.0, "seconds the holder has had the disc"),
    "played": (20.0, "seconds since the possession's first frame"),
    "throws": (5.0, "throws completed so far in the possession"),
    "marker": (3.0, "metres from the holder to the nearest defender"),
    "players_ahead": (3.0, "team-mates nearer to the end zone than the disc"),
}
"""Facts of the moment the question is asked: what each is divided by, and its meaning and unit."""


def ultimate_windows(
    tracking: Tracking, *, past: float = 2.0, ahead: float = 2.0, stride: float = 0.2
) -> tuple[PlayTensors, pd.DataFrame]:
    """Windows of ultimate: the last seconds of all players, and the metres the disc gains over the next ones.

    A window ends at a frame t in which the disc is held, and its outcome is y = disc x(t + ahead) - disc x(t). It is
    taken only if the frame t + ahead is in the possession and the disc's place there is on record: held, or on its way
    to a recorded catch. So y is conditional on the offence still having the disc, or being about to catch it: throws
    that were lost do not appear, since the data do not say where they went.

    The features of a window depend on where the players were and who held the disc in its own frames, and on the number
    of throws before: on nothing after t, and on no row of the disc in flight, since those are drawn from the catch to
    come. Positions are relative to the disc at t. Channel 8 s + k of `x` is feature k of `PLAYER_FEATURES` for the
    player in slot s; slots are ordered at t by `qbsbp.tracking.order_players` (holder, team-mates by distance, then
    the defence in the order of the players they mark) and keep their players through the window. A velocity or
    acceleration whose past is too short is 0.

    Args:
        tracking: Prepared plays of the layout "ultimate", see `qbsbp.tracking.prepare`.
        past: Seconds of a window; at the start of a possession it is shorter.
        ahead: Seconds to the outcome.
        stride: Seconds from one window to the next in a possession. Windows that overlap are not independent.

    Returns:
        The windows, and a table with one row a window: `game_id`, `play_id`, `frame_id` (t), `holder_id`, `disc_x` and
        `disc_y` (metres).

    Raises:
        ValueError: The layout is another, the tracks are not prepared, or a time is not a positive number of frames.
    """
    if tracking.layout.name != "ultimate":
        raise ValueError(f"tracking: expected the layout 'ultimate', came {tracking.layout.name!r}.")
    if "velocity_x" not in tracking.frames.columns:
        raise ValueError(
            "tracking: expected velocities, and the frames have none. Pass qbsbp.tracking.prepare(tracking)."
        )
    rate = tracking.layout.frames_per_second
    n_past, n_ahead, n_stride = (
        whole_frames(*item, rate) for item in (("past", past), ("ahead", ahead), ("stride", stride))
    )

    parts, rows = [], []
    for (game, play), frames in tracking.frames.groupby(["game_id", "play_id"], sort=True):
        windows, index = _play_windows(frames, tracking.layout, n_past, n_ahead, n_stride)
        parts.append(windows | {"group": np.full(len(index), game)})
        index.insert(0, "game_id", game)
        index.insert(1, "play_id", play)
        rows.append(index)
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    tensors = PlayTensors(
        **{name: torch.as_tensor(arrays[name], dtype=torch.float32) for name in ("x", "static", "y")},
        **{name: torch.as_tensor(arrays[name], dtype=torch.int64) for name in ("lengths", "group")},
    )
    return tensors, pd.concat(rows, ignore_index=True)


def _play_windows(
    frames: pd.DataFrame, layout: Layout, n_past: int, n_ahead: int, n_stride: int
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    entities, rate = layout.entities, layout.frames_per_second
    wanted = ("frame_id", "player_id", "x", "y", "holds_disc", *list(PLAYER_FEATURES)[2:6])
    grid = {name: frames[name].to_numpy().reshape(-1, entities) for name in wanted}  # each (frames, entities)
    side = frames["side"].astype(str).to_numpy()[:entities]
    offence, defence = np.flatnonzero(side == "offence"), np.flatnonzero(side == "defence")
    place = np.stack([grid["x"], grid["y"]], axis=-1)  # (frames, entities, 2)
    state = frames["disc_state"].astype(str).to_numpy()[::entities]
    holding = grid["holds_disc"]

    # The moments t at which the question is asked.
    n = len(place)
    t = np.arange(0, n - n_ahead, n_stride)
    t = t[(state[t] == "held") & (state[t + n_ahead] != "unrecorded")]
    holder = holding[t].argmax(axis=1)
    disc = place[t, holder]  # (windows, 2): the holder's own place, so that no row of the disc is an input
    order = order_players(place[t], offence, defence, holder)  # (windows, 14)

    gap = np.hypot(*np.moveaxis(place[:, offence, None] - place[:, None, defence], -1, 0))  # (frames, 7, 7)
    separation = np.zeros((n, entities))
    separation[:, offence], separation[:, defence] = gap.min(axis=2), gap.min(axis=1)

    # (windows, time): the frames of each window, first to last, and which of them are real.
    start = np.maximum(t - n_past + 1, 0)
    when = start[:, None] + np.arange(n_past)
    real = when <= t[:, None]
    when = np.where(real, when, t[:, None])
    pick = (when[:, :, None], order[:, None, :])  # (windows, time, 14)
    values = [
        place[..., 0][pick] - disc[:, None, None, 0],
        place[..., 1][pick] - disc[:, None, None, 1],
        *(np.nan_to_num(grid[name][pick], nan=0.0) for name in list(PLAYER_FEATURES)[2:6]),
        separation[pick],
        holding[pick].astype(float),
    ]
    scaled = [value / scale for value, (scale, _) in zip(values, PLAYER_FEATURES.values(), strict=True)]
    x = np.stack(scaled, axis=-1) * real[:, :, None, None]  # (windows, time, 14, 8)
    x = (
        x.reshape(len(t), n_past, x.shape[2] * x.shape[3]).transpose(0, 2, 1).astype(np.float32)
    )  # (windows, channels, time)

    column = np.where(holding.any(axis=1), holding.argmax(axis=1), -1)
    new_hold = (column >= 0) & (column != np.append(-1, column[:-1]))
    hold_start = np.maximum.accumulate(np.where(new_hold, np.arange(n), 0))
    facts = [
        layout.goal_line - disc[:, 0],
        disc[:, 1] - layout.field_width / 2,
        np.minimum(disc[:, 1], layout.field_width - disc[:, 1]),
        (t - hold_start[t]) / rate,
        t / rate,
        np.cumsum(new_hold)[t] - 1,
        separation[t, holder],
        (place[t][:, offence, 0] > disc[:, None, 0]).sum(axis=1),
    ]
    static = np.stack([f / scale for f, (scale, _) in zip(facts, STATIC_FEATURES.values(), strict=True)], axis=1)
    y = place[t + n_ahead, entities - 1, 0] - disc[:, 0]
    index = pd.DataFrame(
        {
            "frame_id": grid["frame_id"][t, 0].astype(int),
            "holder_id": grid["player_id"][t, holder].astype(int),
            "disc_x": disc[:, 0],
            "disc_y": disc[:, 1],
        }
    )
    return {"x": x, "lengths": real.sum(axis=1), "static": static, "y": y}, index
