"""From tables to tensors: what a network is given of a play, and the outcome it is asked about.

Chapter: real tracking data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qbsbp.schema import Layout, Tracking
from qbsbp.tracking import order_players, pair_defenders

__all__ = [
    "PlayTensors",
    "ultimate_windows",
    "PLAYER_FEATURES",
    "STATIC_FEATURES",
    "passing_plays",
    "PASSING_PLAYER_FEATURES",
    "PASSING_STATIC_FEATURES",
    "PASSING_SLOTS",
]

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

PASSING_PLAYER_FEATURES = {
    "ahead": (10.0, "yards beyond the line of scrimmage, along x"),
    "across": (10.0, "yards from the middle of the field, along y"),
    "velocity_x": (4.0, "yard/s"),
    "velocity_y": (4.0, "yard/s"),
    "acceleration_x": (4.0, "yard/s²"),
    "acceleration_y": (4.0, "yard/s²"),
    "orientation_x": (1.0, "sine of the orientation: 1 where the torso faces along x"),
    "orientation_y": (1.0, "cosine of the orientation: 1 where the torso faces along y"),
}
"""Eight features of a football player at a frame: what each is divided by, and its meaning and unit."""

PASSING_STATIC_FEATURES = {
    "down": (2.0, "1 to 4"),
    "yards_to_go": (10.0, "yards to a first down"),
    "yards_to_goal": (50.0, "yards to the goal line, where a gain ends"),
    "quarter": (2.0, "1 to 4, 5 and on overtime"),
    "clock": (450.0, "seconds left of the quarter at the snap"),
    "score_difference": (10.0, "points of the offence less those of the defence"),
    "held": (3.0, "seconds from snap to release"),
    "pressure": (3.0, "yards from the passer to the nearest defender at the release"),
    "separation": (3.0, "yards from the player in slot 1 to the nearest defender at the release"),
    "depth": (10.0, "yards from the line of scrimmage to the player in slot 1 at the release"),
    "target_known": (1.0, "1 if slot 1 is the recorded target, 0 if it is the first by rule"),
}
"""Facts of a football play at its release: what each is divided by, and its meaning and unit."""

PASSING_SLOTS = (
    "passer",
    "target",
    *(f"receiver {i}" for i in range(2, 6)),
    *(f"line {i}" for i in range(1, 6)),
)
"""Meaning of the slots 0 to 10, the offence; slot 11 + i is the defender who marks the player in slot i."""


@dataclass(frozen=True)
class PlayTensors:
    """Plays as a network reads them.

    Args:
        x: Features of the frames, shape (plays, channels, time), zero where a play is over: padding is on the right.
        lengths: Real frames of each play, shape (plays,), from 1 to time.
        static: Facts of each play, shape (plays, features).
        y: Outcome of each play, shape (plays,), in the layout's unit of length.
        group: Game of each play, shape (plays,); splits and intervals go by it.

    Raises:
        ValueError: Shapes do not agree, or lengths are no integers.
    """

    x: Tensor
    lengths: Tensor
    static: Tensor
    y: Tensor
    group: Tensor

    def __post_init__(self) -> None:
        plays = self.y.shape[0] if self.y.ndim else 0
        for name, dims in (("x", 3), ("lengths", 1), ("static", 2), ("y", 1), ("group", 1)):
            tensor = getattr(self, name)
            if tensor.ndim != dims or tensor.shape[0] != plays:
                raise ValueError(
                    f"{name}: expected {dims} dimensions with {plays} plays first, as y has, came shape "
                    f"{tuple(tensor.shape)}."
                )

        if self.lengths.is_floating_point() or self.lengths.is_complex():
            raise ValueError(f"lengths: expected integers, came {self.lengths.dtype}. Convert with .long().")

    def __len__(self) -> int:
        return self.y.shape[0]

    def __getitem__(self, index: Tensor | np.ndarray | slice | Sequence[int]) -> PlayTensors:
        """The plays that an index tensor, a mask or a slice picks; a single number would not be plays."""
        if isinstance(index, int):
            raise ValueError(
                f"index: expected a slice, a tensor of indices or a mask, came {index}. Use [{index}:{index + 1}]."
            )
        if not isinstance(index, slice | Tensor):  # a copy: pandas hands out arrays that torch warns of
            index = torch.from_numpy(np.array(index, dtype=None if len(index) else np.int64))
        return PlayTensors(**{name: tensor[index] for name, tensor in vars(self).items()})

    def to(self, device: torch.device | str) -> PlayTensors:
        """The same plays on a device."""
        return replace(self, **{name: tensor.to(device) for name, tensor in vars(self).items()})

    @staticmethod
    def concat(parts: Sequence[PlayTensors]) -> PlayTensors:
        """Several sets of plays as one; the shorter ones are padded to the longest time."""
        if not parts:
            raise ValueError("parts: expected at least one set of plays, came none.")
        time = max(part.x.shape[2] for part in parts)
        padded = [torch.nn.functional.pad(part.x, (0, time - part.x.shape[2])) for part in parts]
        rest = {
            name: torch.cat([getattr(part, name) for part in parts]) for name in ("lengths", "static", "y", "group")
        }
        return PlayTensors(x=torch.cat(padded), **rest)


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
        _whole_frames(*item, rate) for item in (("past", past), ("ahead", ahead), ("stride", stride))
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


def _whole_frames(name: str, seconds: float, rate: int) -> int:
    frames = round(seconds * rate)
    if frames < 1 or abs(frames - seconds * rate) > 1e-6:
        raise ValueError(f"{name}: expected a positive multiple of 1/{rate} s, came {seconds!r} s.")
    return frames


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


def passing_plays(
    tracking: Tracking, *, past: float = 4.0, use_target: bool = True
) -> tuple[PlayTensors, pd.DataFrame]:
    """Football plays from snap to release, and the yards they gained.

    Channel 8 s + k of `x` is feature k of `PASSING_PLAYER_FEATURES` for the player in slot s, 176 in all. A player
    keeps his slot through the play. The slots are:

    * 0: the passer.
    * 1: the recorded target. Without one, or without `use_target`, the first of the other receivers by the next rule.
    * up to 5: the other receivers, by the angle between the way the passer's torso faces at the release and the way
      from him to them, least first. In the NGS highlights this rule finds the target first in 43 of 100 passes and
      among the first two in 75; the most open receiver was it in 21.
    * 6 to 10: the line from the offence's left to its right at the snap: of the others the five that play there,
      players of the group OL before others, then those nearest the ball's y at the snap.
    * 11 to 21: slot 11 + i has the defender who marks the player in slot i: the pairing with the least total distance
      at the release, `qbsbp.tracking.pair_defenders`.

    What is in `x` and `static` depends on the frames up to the release and on what was known before the snap, with one
    exception: who the target was is what somebody wrote down after the play. With `use_target` the question is what a
    pass *to him* will gain, and a recorded target also tells that a pass was thrown to somebody; `use_target=False`
    asks what the play will gain as it stands at the release, without any of that.

    Args:
        tracking: Prepared plays of the layout "football", see `qbsbp.tracking.prepare`.
        past: Seconds before the release that are kept; of longer plays the first frames are left out.
        use_target: Whether slot 1 is the recorded target.

    Returns:
        The plays in the order of the frames, with `y` = `yards_gained` and `group` = `game_id`, and a table with a row
        a play: `game_id`, `play_id`, `passer_id`, `target_id`, `outcome`, `yards_to_goal` and `touchdown` of the table
        of plays, and `frames`, their number from snap to release.

    Raises:
        ValueError: The layout is another; the tracks are not prepared; `past` is not a positive number of frames; or a
            play has not 11 players of each side and a ball, the same in all its frames, with its passer and target
            among the offence.
    """
    layout = tracking.layout
    if layout.name != "football":
        raise ValueError(f"tracking: expected the layout 'football', came {layout.name!r}.")
    n_past = _whole_frames("past", past, layout.frames_per_second)
    entities, frames = layout.entities, tracking.frames
    count, plays = _prepared_plays(tracking)
    n = len(count)
    start = np.cumsum(count) - count  # the snap of each play, in frames
    release = start + count - 1

    def grid(name: str) -> np.ndarray:  # (frames, entities)
        return frames[name].to_numpy().reshape(-1, entities)

    x, y = grid("x"), grid("y")
    order, known = _passing_order(tracking, plays, start, release, x, y, use_target)  # (plays, 22), (plays,)

    # Row of the frame table for each play, slot and time; beyond a play's last frame its last one, blanked below.
    lengths = np.minimum(count, n_past)
    time = int(lengths.max(initial=1))
    frame = (release - lengths + 1)[:, None] + np.minimum(np.arange(time), lengths[:, None] - 1)  # (plays, time)
    rows = frame[:, None, :] * entities + order[:, :, None]  # (plays, 22, time)
    real = (np.arange(time) < lengths[:, None])[:, None]  # (plays, 1, time)
    line = plays["line_of_scrimmage"].to_numpy()[:, None, None]

    slots = order.shape[1]
    features = np.empty((n, slots, len(PASSING_PLAYER_FEATURES), time), dtype=np.float32)
    for k, (name, (scale, _)) in enumerate(PASSING_PLAYER_FEATURES.items()):
        if name == "ahead":
            value = x.ravel()[rows] - line
        elif name == "across":
            value = y.ravel()[rows] - layout.field_width / 2
        elif name.startswith("orientation"):
            angle = np.radians(frames["orientation"].to_numpy()[rows])
            value = np.sin(angle) if name.endswith("x") else np.cos(angle)
        else:
            value = frames[name].to_numpy()[rows]
        features[:, :, k] = np.where(real, np.nan_to_num(value, nan=0.0) / scale, 0.0)

    gap = _separation(x[release], y[release], order)  # (plays, 11)
    first = np.take_along_axis(x[release], order[:, 1:2], axis=1)[:, 0]
    facts = {name: plays[name].to_numpy() for name in list(PASSING_STATIC_FEATURES)[:6]} | {
        "held": (count - 1) / layout.frames_per_second,
        "pressure": gap[:, 0],
        "separation": gap[:, 1],
        "depth": first - plays["line_of_scrimmage"].to_numpy(),
        "target_known": known,
    }
    static = np.stack([facts[name] / scale for name, (scale, _) in PASSING_STATIC_FEATURES.items()], axis=1)
    keys = ["game_id", "play_id", "passer_id", "target_id", "outcome", "yards_to_goal", "touchdown"]
    return PlayTensors(
        x=torch.from_numpy(features.reshape(n, slots * len(PASSING_PLAYER_FEATURES), time)),
        lengths=torch.from_numpy(lengths.astype(np.int64)),
        static=torch.from_numpy(static.astype(np.float32)),
        y=torch.from_numpy(np.array(plays["yards_gained"], dtype=np.float32)),
        group=torch.from_numpy(np.array(plays["game_id"], dtype=np.int64)),
    ), plays[keys].assign(frames=count)


def _prepared_plays(tracking: Tracking) -> tuple[np.ndarray, pd.DataFrame]:
    """Frames of each play, shape (plays,), and the table of plays in the order of the frames; or a ValueError."""
    entities, frames = tracking.layout.entities, tracking.frames
    missing = [name for name in (*list(PASSING_PLAYER_FEATURES)[2:6], "orientation") if name not in frames.columns]
    if missing:
        raise ValueError(
            f"tracking: expected the columns {', '.join(missing)}, and the frames lack them. Pass "
            "qbsbp.tracking.prepare(tracking), which makes velocities; an orientation must have been recorded."
        )
    key = frames[["game_id", "play_id"]].iloc[::entities]
    opens = np.flatnonzero(key.ne(key.shift()).any(axis=1).to_numpy())
    count = np.diff(np.append(opens, len(key)))
    row = pd.MultiIndex.from_frame(tracking.plays[["game_id", "play_id"]]).get_indexer(
        pd.MultiIndex.from_frame(key.iloc[opens])
    )
    plays = tracking.plays.iloc[row].reset_index(drop=True)
    uncut = (plays["snap_frame"] != 1).to_numpy() | (plays["release_frame"].to_numpy() != count)
    if uncut.any():
        at = int(np.argmax(uncut))
        raise ValueError(
            f"tracking: expected frames from snap to release only, and play {_name(plays, at)} has others. Pass "
            "qbsbp.tracking.prepare(tracking)."
        )
    player = frames["player_id"].to_numpy().reshape(-1, entities)
    changed = (player != np.repeat(player[opens], count, axis=0)).any(axis=1)
    if changed.any():
        at = int(np.argmax(changed))
        play = int(np.searchsorted(opens, at, side="right")) - 1
        raise ValueError(
            f"frames, play {_name(plays, play)}, frame {at - opens[play] + 1}, column 'player_id': expected the same "
            f"{entities} as in the play's first frame. Drop the play."
        )
    return count, plays


def _passing_order(
    tracking: Tracking, plays: pd.DataFrame, snap: np.ndarray, release: np.ndarray, x: np.ndarray, y: np.ndarray,
    use_target: bool,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Columns in the order of the slots, shape (plays, 22), and whether slot 1 is the recorded target, (plays,)."""
    frames, entities = tracking.frames, tracking.layout.entities
    cells = (snap[:, None] * entities + np.arange(entities)).ravel()  # rows of each play's first frame
    shape = (len(snap), entities)

    def first(name: str) -> np.ndarray:
        return frames[name].iloc[cells].to_numpy().reshape(shape)

    player = first("player_id")
    side = pd.Categorical(first("side").ravel(), categories=tracking.layout.frames["side"].values).codes.reshape(shape)
    members = np.stack([(side == team).sum(axis=1) for team in range(3)], axis=1)
    wrong = (members != [11, 11, 1]).any(axis=1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"frames, play {_name(plays, at)}, column 'side': expected 11 offence, 11 defence and 1 ball, came "
            f"{', '.join(map(str, members[at]))}. Drop the play."
        )
    by_side = np.argsort(side, axis=1, kind="stable")
    offence, defence, ball = by_side[:, :11], by_side[:, 11:22], by_side[:, 22:]
    passer = _column_of(plays, "passer_id", player, offence)
    target = _column_of(plays, "target_id", player, offence)
    if not use_target:
        target = np.full_like(target, -1)

    def at(values: np.ndarray, frame: np.ndarray) -> np.ndarray:  # of the offence, (plays, 11)
        return np.take_along_axis(values[frame], offence, axis=1)

    is_passer, is_target = offence == passer[:, None], offence == target[:, None]
    lineman = np.take_along_axis(first("position") == "OL", offence, axis=1)
    wide = np.abs(at(y, snap) - np.take_along_axis(y[snap], ball, axis=1))
    # Five of the nine or ten others are the line; 1000 yards put linemen first and passer and target last.
    rank = np.argsort(np.argsort(wide + 1000 * ~lineman + 1e6 * (is_passer | is_target), axis=1, kind="stable"), axis=1)
    is_line = rank < 5

    own = np.argmax(is_passer, axis=1)[:, None]
    ahead, across = (place - np.take_along_axis(place, own, axis=1) for place in (at(x, release), at(y, release)))
    orientation = frames["orientation"].to_numpy().reshape(-1, entities)
    facing = np.radians(np.take_along_axis(at(orientation, release), own, axis=1))
    turn = np.abs((np.arctan2(ahead, across) - facing + np.pi) % (2 * np.pi) - np.pi)  # angles clockwise from +y
    within = np.where(is_line, 200 - at(y, snap), np.nan_to_num(turn, nan=np.pi))
    group = np.select([is_passer, is_target, ~is_line], [0, 1, 2], 3)
    slot = np.argsort(1000 * group + within, axis=1, kind="stable")
    attack = np.take_along_axis(offence, slot, axis=1)

    place = np.stack([x[release], y[release]], axis=-1)  # (plays, entities, 2)
    marker = pair_defenders(*(np.take_along_axis(place, team[:, :, None], axis=1) for team in (attack, defence)))
    return np.concatenate([attack, np.take_along_axis(defence, marker, axis=1)], axis=1), target >= 0


def _column_of(plays: pd.DataFrame, name: str, player: np.ndarray, offence: np.ndarray) -> np.ndarray:
    """Column of the passer or target among the entities, -1 where the id is 0; a ValueError if not of the offence."""
    wanted = plays[name].to_numpy()
    found = np.take_along_axis(player, offence, axis=1) == wanted[:, None]
    lost = ~found.any(axis=1) & (wanted != 0)
    if lost.any():
        at = int(np.argmax(lost))
        raise ValueError(
            f"plays, play {_name(plays, at)}, column '{name}', value {wanted[at]}: expected a player of the offence in "
            f"the frames{', or 0' if name == 'target_id' else ''}. Correct it or drop the play."
        )
    return np.where(wanted != 0, np.take_along_axis(offence, found.argmax(axis=1)[:, None], axis=1)[:, 0], -1)


def _separation(x: np.ndarray, y: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Yards from each player of the offence to the nearest defender, in the order of the slots, shape (plays, 11)."""
    x, y = (np.take_along_axis(place, order, axis=1) for place in (x, y))
    return np.hypot(x[:, :11, None] - x[:, None, 11:], y[:, :11, None] - y[:, None, 11:]).min(axis=2)


def _name(plays: pd.DataFrame, row: int) -> str:
    return f"({plays['game_id'].iloc[row]}, {plays['play_id'].iloc[row]})"
