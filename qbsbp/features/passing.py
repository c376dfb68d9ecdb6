r"""Football plays from snap to release as a network reads them, and the yards they gained.

Everything is seen from the play itself: along the field from the line of scrimmage, across it from its middle, and so
reflected that the target (slot 1) lines up on the left of the ball: a play and its mirror image are one. The functions
that make features take arrays of any number of plays, so that a season at a time (`passing_plays`) and a frame at a
time (`qbsbp.realtime`) are the same code. Chapter: from plays to tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from qbsbp.features.tensors import PlayTensors, whole_frames
from qbsbp.schema import FOOTBALL, Tracking
from qbsbp.tracking import pair_defenders

__all__ = [
    "PASSING_PLAYER_FEATURES",
    "PASSING_SLOTS",
    "PASSING_STATIC_FEATURES",
    "BALL_SPEED",
    "Lineup",
    "line_up",
    "passing_plays",
    "player_features",
    "static_features",
]

PASSING_PLAYER_FEATURES = {
    "ahead": (10.0, "yards beyond the line of scrimmage, along x"),
    "across": (10.0, "yards from the middle of the field, along y, to the target's side"),
    "velocity_x": (4.0, "yard/s"),
    "velocity_y": (4.0, "yard/s, to the target's side"),
    "acceleration_x": (4.0, "yard/s²"),
    "acceleration_y": (4.0, "yard/s², to the target's side"),
    "orientation_x": (1.0, "sine of the orientation: 1 where the torso faces along x"),
    "orientation_y": (1.0, "cosine of the orientation: 1 where the torso faces to the target's side"),
}
"""Eight features of a football player at a frame: what each is divided by, and its meaning and unit."""

BALL_SPEED = 20.0
"""Yards a second that a pass is taken to fly, for where it would meet the target (NGS and highlights: 19 to 20)."""

PASSING_STATIC_FEATURES = {
    "down": (2.0, "1 to 4"),
    "yards_to_go": (10.0, "yards to a first down"),
    "yards_to_goal": (50.0, "yards to the goal line, where a gain ends"),
    "quarter": (2.0, "1 to 4, 5 and on overtime"),
    "clock": (450.0, "seconds left of the quarter at the snap"),
    "score_difference": (10.0, "points of the offence less those of the defence"),
    "weeks_left": (9.0, "weeks of the season after this one, of 18; 0 in the play-offs"),
    "target_known": (1.0, "1 if slot 1 is the recorded target, 0 if it is the first by rule"),
    "held": (3.0, "seconds from snap to release"),
    "passer_depth": (5.0, "yards from the passer back to the line of scrimmage"),
    "passer_speed": (3.0, "yard/s of the passer"),
    "pressure": (3.0, "yards from the passer to the nearest defender"),
    "closing": (3.0, "yard/s at which that defender comes nearer"),
    "depth": (10.0, "yards from the line of scrimmage to the target"),
    "target_velocity_x": (4.0, "yard/s of the target along x"),
    "target_velocity_y": (4.0, "yard/s of the target to his side"),
    "separation": (3.0, "yards from the target to the nearest defender"),
    "covering": (1.0, "defenders within two yards of the target"),
    "catch_depth": (10.0, "yards from the line of scrimmage to the projected catch"),
    "catch_across": (10.0, "yards from the middle of the field to the projected catch, to the target's side"),
    "catch_sideline": (10.0, "yards from the projected catch to the nearer sideline"),
    "throw": (20.0, "yards from the passer to the projected catch"),
    "gap_1": (3.0, "yards from the projected catch to the defender nearest to it on arrival"),
    "gap_2": (5.0, "yards to the second nearest"),
    "gap_3": (10.0, "yards to the third nearest"),
    "gap_4": (10.0, "yards to the fourth nearest"),
    "gap_1_ahead": (5.0, "yards by which the nearest stands nearer to the goal line than the projected catch"),
    "gap_1_across": (5.0, "yards by which he stands to the target's side of it"),
    "gap_2_ahead": (5.0, "the same of the second nearest"),
    "gap_2_across": (5.0, "the same of the second nearest"),
    "crowd": (1.0, "defenders within four yards of the projected catch on arrival"),
    "beyond": (4.0, "defenders farther ahead than the projected catch on arrival, in the end zone or before it"),
    "in_front": (2.0, "of these, within ten yards across"),
    "room": (10.0, "yards to the nearest of them, at most 25"),
    "lane": (3.0, "yards by which the nearest defender misses the ball over the second half of its way"),
}
"""Facts of a football play at its release: what each is divided by, and its meaning and unit.

The projected catch is where a ball of `BALL_SPEED` meets the target if he runs on as he does, kept on the field, and
"on arrival" means the defenders having run on until then: geometry of the release frame, not what came after it.
"""
FACTS = tuple(PASSING_STATIC_FEATURES)[:8]

PASSING_SLOTS = (
    "passer",
    "target",
    *(f"receiver {i}" for i in range(2, 6)),
    *(f"line {i}" for i in range(1, 6)),
)
"""Meaning of the slots 0 to 10, the offence; slot 11 + i is the defender opposite the player in slot i."""

Vectors = Sequence[NDArray]  # the part along the field and the part across it

LAST_WEEK = 18
FAR = 25.0  # yards; what `room` says where nobody is ahead
_PLAYER_SCALES = [scale for scale, _ in PASSING_PLAYER_FEATURES.values()]
_STATIC_SCALES = np.array([scale for scale, _ in PASSING_STATIC_FEATURES.values()])


def passing_plays(
    tracking: Tracking, *, past: float = 4.0, use_target: bool = True
) -> tuple[PlayTensors, pd.DataFrame]:
    """Football plays from snap to release, and the yards they gained.

    Channel 8 s + k of `x` is feature k of `PASSING_PLAYER_FEATURES` for the player in slot s, 176 in all. Who is in
    which slot is settled at the snap (`line_up`), so that a player keeps his slot through the play and a frame never
    changes those before it; only where slot 1 goes by the rule below is it the release that decides who is in it.
    `static` has `PASSING_STATIC_FEATURES` of the release frame.

    What is in `x` and `static` depends on the frames up to the release and on what was known before the snap, with one
    exception: who the target was is what somebody wrote down after the play. With `use_target` the question is what a
    pass *to him* will gain, and a recorded target also tells that a pass was thrown to somebody; `use_target=False`
    asks what the play will gain as it stands at the release, without any of that. Slot 1 then is the receiver nearest
    to the way the passer's torso faces at the release, as it is where no target is recorded: in the NGS highlights this
    rule finds the target in 44 of 100 passes (135 of 309); the most open receiver was it in 21 (65).

    Args:
        tracking: Prepared plays of the layout "football", see `qbsbp.tracking.prepare`.
        past: Seconds before the release that are kept; of longer plays the first frames are left out.
        use_target: Whether slot 1 is the recorded target.

    Returns:
        The plays in the order of the frames, with `y` = `yards_gained`, `group` = `game_id` and `bounds` from the own
        goal line to the other, and the table of plays in that order, with `frames`, their number from snap to release.

    Raises:
        ValueError: The layout is another; the tracks are not prepared; `past` is not a positive number of frames; a
            play has not 11 players of each side and a ball, the same in all its frames, with its passer and target
            among the offence; or a gain passes the goal line.
    """
    layout = tracking.layout
    if layout.name != "football":
        raise ValueError(f"tracking: expected the layout 'football', came {layout.name!r}.")
    n_past = whole_frames("past", past, layout.frames_per_second)
    entities, frames = layout.entities, tracking.frames
    count, plays = _prepared_plays(tracking)
    n = len(count)
    start = np.cumsum(count) - count  # the snap of each play, in frames
    release = start + count - 1

    def grid(name: str) -> NDArray:  # (frames, entities)
        return frames[name].to_numpy().reshape(-1, entities)

    kinds = ("", "velocity_", "acceleration_")
    place, velocity, acceleration = ((grid(f"{kind}x"), grid(f"{kind}y")) for kind in kinds)
    angle = np.radians(grid("orientation"))
    facing = np.sin(angle), np.cos(angle)
    at_snap, at_release = (np.stack([values[moment] for values in place], axis=-1) for moment in (start, release))
    teams = _teams(tracking, plays, start)
    passer = _column_of(plays, "passer_id", teams.player, teams.offence)
    target = _column_of(plays, "target_id", teams.player, teams.offence) if use_target else np.full(n, -1)
    known = target >= 0
    by_rule = _faced(at_snap, at_release, np.stack([values[release] for values in facing], axis=-1), teams, passer)
    lineup = line_up(at_snap, teams, passer, np.where(known, target, by_rule))

    # Cells of the frame table for each play, time and slot; beyond a play's last frame its last one, blanked below.
    lengths = np.minimum(count, n_past)
    time = int(lengths.max(initial=1))
    moment = np.arange(time)
    frame = (release - lengths + 1)[:, None] + np.minimum(moment, lengths[:, None] - 1)  # (plays, time)
    line = plays["line_of_scrimmage"].to_numpy(dtype=float)
    view = lineup.view(line, of=np.repeat(np.arange(n), count))
    features = player_features(view.place(place), *(view.turn(v) for v in (velocity, acceleration, facing)))
    x = features[frame[:, :, None], lineup.order[:, None, :]]  # (plays, time, 22, 8)
    x *= (moment < lengths[:, None])[:, :, None, None]

    last = release[:, None], lineup.order
    view = lineup.view(line, of=np.arange(n))
    facts = {name: plays[name].to_numpy(dtype=float) for name in FACTS[:6]}
    facts["weeks_left"] = np.maximum(LAST_WEEK - plays["week"].to_numpy(dtype=float), 0.0)
    facts["target_known"] = known.astype(float)
    facts["held"] = (count - 1) / layout.frames_per_second
    static = static_features(
        np.stack(view.place([values[last] for values in place]), axis=-1),
        np.stack(view.turn([values[last] for values in velocity]), axis=-1),
        facts,
    )

    to_goal = plays["yards_to_goal"].to_numpy(dtype=np.float32)
    gained = plays["yards_gained"].to_numpy(dtype=np.float32)
    _check_gains(plays, gained, to_goal)
    return PlayTensors(
        x=torch.from_numpy(x.reshape(n, time, 22 * len(PASSING_PLAYER_FEATURES)).transpose(0, 2, 1).copy()),
        lengths=torch.from_numpy(lengths.astype(np.int64)),
        static=torch.from_numpy(static),
        y=torch.from_numpy(gained),
        group=torch.from_numpy(np.array(plays["game_id"], dtype=np.int64)),
        bounds=torch.from_numpy(np.stack([to_goal - 100, to_goal], axis=1)),
    ), plays.assign(frames=count)


# --- who stands where -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Teams:
    """Who the entities of P plays are; E = 23 columns of a frame.

    Args:
        player: Ids, shape (P, E).
        offence: Columns of the offence, shape (P, 11).
        defence: Columns of the defence, shape (P, 11).
        ball: Column of the ball, shape (P,).
        lineman: Whether each of the offence is of the group OL, shape (P, 11).
    """

    player: NDArray
    offence: NDArray
    defence: NDArray
    ball: NDArray
    lineman: NDArray


@dataclass(frozen=True)
class Lineup:
    """Who is in which slot in P plays, and from which side each is seen.

    Args:
        order: Column of the player in each slot, shape (P, 22).
        side: 1 where the target lines up on the left of the ball, or right behind it, else -1: what turns a play to its
            mirror image, shape (P,).
    """

    order: NDArray
    side: NDArray

    def view(self, line: NDArray, of: NDArray) -> View:
        """The plays' own view of arrays (rows, players), row i being one of play `of[i]`.

        Args:
            line: x of the line of scrimmage of each play, yards, shape (P,).
            of: Number of the play of each row, shape (rows,).
        """
        return View(line[of][:, None], self.side[of][:, None])


@dataclass(frozen=True)
class View:
    """What turns the field's coordinates into a play's own: from the line, from the middle, to the target's side."""

    line: NDArray
    side: NDArray

    def place(self, values: Vectors) -> tuple[NDArray, NDArray]:
        """x and y on the field as yards beyond the line, and from the middle to the target's side."""
        x, y = values
        return x - self.line, self.side * (y - FOOTBALL.field_width / 2)

    def turn(self, values: Vectors) -> tuple[NDArray, NDArray]:
        """The two parts of vectors, the one across the field towards the target's side."""
        x, y = values
        return x, self.side * y


def line_up(place: NDArray, teams: Teams, passer: NDArray, target: NDArray) -> Lineup:
    """Give the players of P plays an order with a meaning, by where they stand at the snap.

    * 0: the passer. 1: the target.
    * 2 to 5: the other receivers, from the target's side of the field to the other.
    * 6 to 10: the line in the same direction: of the others the five that play there, players of the group OL before
      others, then those nearest the ball's y.
    * 11 to 21: slot 11 + i has the defender opposite the player in slot i: the pairing with the least total distance,
      `qbsbp.tracking.pair_defenders`.

    Args:
        place: Places of all entities at the snap, yards on the field, shape (P, E, 2).
        teams: Who they are.
        passer: His column, shape (P,).
        target: His column, shape (P,).
    """
    row = np.arange(len(passer))[:, None]
    across = place[row, teams.offence, 1]  # (P, 11)
    ball = place[row[:, 0], teams.ball, 1]
    is_passer, is_target = teams.offence == passer[:, None], teams.offence == target[:, None]
    side = np.where((across * is_target).sum(axis=1) >= ball, 1.0, -1.0)
    is_line = _is_line(across, ball, teams.lineman, ~(is_passer | is_target))
    group = np.select([is_passer, is_target, ~is_line], [0, 1, 2], 3)
    slot = np.argsort(1000 * group - side[:, None] * across, axis=1, kind="stable")
    attack = teams.offence[row, slot]
    marker = pair_defenders(place[row, attack], place[row, teams.defence])
    return Lineup(np.concatenate([attack, teams.defence[row, marker]], axis=1), side)


def _is_line(across: NDArray, ball: NDArray, lineman: NDArray, others: NDArray) -> NDArray:
    """The five of the offence who play on the line, shape (P, 11): of the `others`, linemen first, then the inmost."""
    outside = np.abs(across - ball[:, None]) + 1000 * ~lineman + 1e6 * ~others
    return np.argsort(np.argsort(outside, axis=1, kind="stable"), axis=1) < 5


def receivers(snap: NDArray, teams: Teams, passer: NDArray) -> NDArray:
    """Who of the offence is neither the passer nor on the line at the snap, shape (P, 11)."""
    others = teams.offence != passer[:, None]
    across = np.take_along_axis(snap[..., 1], teams.offence, axis=1)
    return others & ~_is_line(across, snap[np.arange(len(passer)), teams.ball, 1], teams.lineman, others)


def _faced(snap: NDArray, release: NDArray, facing: NDArray, teams: Teams, passer: NDArray) -> NDArray:
    """Column of the receiver nearest to the way the passer's torso faces at the release, shape (P,).

    Args:
        snap: Places of all entities at the snap, shape (P, E, 2).
        release: The same at the release.
        facing: Unit vectors of their torsos at the release, shape (P, E, 2).
        teams: Who they are.
        passer: His column, shape (P,).
    """
    row, receives = np.arange(len(passer)), receivers(snap, teams, passer)
    away = np.take_along_axis(release, teams.offence[..., None], axis=1) - release[row, passer][:, None]
    cosine = (away * facing[row, passer][:, None]).sum(axis=-1) / np.maximum(_length(away), 1e-9)
    cosine = np.where(receives, np.nan_to_num(cosine, nan=-1.0), -np.inf)
    return np.take_along_axis(teams.offence, cosine.argmax(axis=1)[:, None], axis=1)[:, 0]


# --- the features -----------------------------------------------------------------------------------------------------


def player_features(place: Vectors, velocity: Vectors, acceleration: Vectors, facing: Vectors) -> NDArray:
    """`PASSING_PLAYER_FEATURES`, scaled, of players in the play's own view (see `Lineup.view`).

    Args:
        place: The two parts of their places in yards, each of any one shape.
        velocity: Of their velocities, yards a second, NaN where unknown.
        acceleration: Of their accelerations, yards a second squared, NaN where unknown.
        facing: Of unit vectors along their torsos, NaN where unknown.

    Returns:
        That shape and (8,), float32; 0 where unknown.
    """
    features = np.empty((*np.shape(place[0]), len(PASSING_PLAYER_FEATURES)), dtype=np.float32)
    for k, values in enumerate((*place, *velocity, *acceleration, *facing)):
        np.divide(values, _PLAYER_SCALES[k], out=features[..., k], casting="same_kind")
    np.putmask(features, np.isnan(features), 0.0)
    return features


def static_features(place: NDArray, velocity: NDArray, facts: dict[str, NDArray]) -> NDArray:
    """`PASSING_STATIC_FEATURES`, scaled, of P plays as they stand, as if the ball left the hand now.

    Args:
        place: Places of the players in their slots in the play's own view, yards, shape (P, 22, 2).
        velocity: Their velocities, yards a second, NaN where unknown, shape (P, 22, 2).
        facts: What `place` and `velocity` do not tell, by name: down to held.

    Returns:
        Shape (P, features), float32.
    """
    velocity = np.nan_to_num(velocity, nan=0.0)
    half, to_goal = FOOTBALL.field_width / 2, facts["yards_to_goal"]
    passer, target, defence = place[:, 0], place[:, 1], place[:, 11:]
    rush = defence - passer[:, None]
    near = _length(rush)  # (P, 11)
    row, nearest = np.arange(len(place)), near.argmin(axis=1)
    pressure = near[row, nearest]
    toward = ((velocity[row, 11 + nearest] - velocity[:, 0]) * rush[row, nearest]).sum(axis=1)

    # Where ball and target meet; each round shrinks the error by his speed over the ball's. Then kept on the field, a
    # yard inside its end lines: a jump of the tracks may be faster than the ball, and the rounds then run away.
    catch = target
    for _ in range(8):
        catch = target + velocity[:, 1] * (_length(catch - passer) / BALL_SPEED)[:, None]
    catch = np.stack([np.clip(catch[:, 0], to_goal - 109.0, to_goal + 9.0), np.clip(catch[:, 1], -half, half)], axis=1)
    throw = _length(catch - passer)
    flight = throw / BALL_SPEED
    on_arrival = defence + velocity[:, 11:] * flight[:, None, None] - catch[:, None]
    gap = _length(on_arrival)
    order = np.argsort(gap, axis=1)[:, :4]
    gaps = np.take_along_axis(gap, order, axis=1)
    first, second = on_arrival[row, order[:, 0]], on_arrival[row, order[:, 1]]
    covering = _length(defence - target[:, None])
    ahead = on_arrival[..., 0] > 0

    # A defender who runs on and a ball that flies straight are nearest at one moment of its way's second half.
    ball = (catch - passer) / np.maximum(flight, 1e-6)[:, None]
    drift = velocity[:, 11:] - ball[:, None]
    moment = -(rush * drift).sum(axis=-1) / np.maximum((drift * drift).sum(axis=-1), 1e-9)
    moment = np.clip(moment, flight[:, None] / 2, flight[:, None])
    lane = _length(rush + drift * moment[..., None]).min(axis=1)

    values = facts | {
        "passer_depth": -passer[:, 0],
        "passer_speed": _length(velocity[:, 0]),
        "pressure": pressure,
        "closing": -toward / np.maximum(pressure, 0.01),
        "depth": target[:, 0],
        "target_velocity_x": velocity[:, 1, 0],
        "target_velocity_y": velocity[:, 1, 1],
        "separation": covering.min(axis=1),
        "covering": (covering < 2.0).sum(axis=1),
        "catch_depth": catch[:, 0],
        "catch_across": catch[:, 1],
        "catch_sideline": half - np.abs(catch[:, 1]),
        "throw": throw,
        **{f"gap_{i + 1}": gaps[:, i] for i in range(4)},
        "gap_1_ahead": first[:, 0],
        "gap_1_across": first[:, 1],
        "gap_2_ahead": second[:, 0],
        "gap_2_across": second[:, 1],
        "crowd": (gap < 4.0).sum(axis=1),
        "beyond": ahead.sum(axis=1),
        "in_front": (ahead & (np.abs(on_arrival[..., 1]) < 10.0)).sum(axis=1),
        "room": np.minimum(np.where(ahead, gap, FAR).min(axis=1), FAR),
        "lane": lane,
    }
    columns = np.stack([values[name] for name in PASSING_STATIC_FEATURES], axis=1)
    return (columns / _STATIC_SCALES).astype(np.float32)


def _length(vector: NDArray) -> NDArray:
    return np.sqrt((vector * vector).sum(axis=-1))


# --- checks -----------------------------------------------------------------------------------------------------------


def _prepared_plays(tracking: Tracking) -> tuple[NDArray, pd.DataFrame]:
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


def _teams(tracking: Tracking, plays: pd.DataFrame, snap: NDArray) -> Teams:
    """Who the entities of each play are, from its first frame; or a ValueError."""
    frames, entities = tracking.frames, tracking.layout.entities
    cells = (snap[:, None] * entities + np.arange(entities)).ravel()
    shape = (len(snap), entities)

    def first(name: str) -> NDArray:
        return frames[name].iloc[cells].to_numpy().reshape(shape)

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
    offence = by_side[:, :11]
    lineman = np.take_along_axis(first("position") == "OL", offence, axis=1)
    return Teams(first("player_id"), offence, by_side[:, 11:22], by_side[:, 22], lineman)


def _column_of(plays: pd.DataFrame, name: str, player: NDArray, offence: NDArray) -> NDArray:
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


def _check_gains(plays: pd.DataFrame, gained: NDArray, to_goal: NDArray) -> None:
    wrong = (gained > to_goal) | (gained < to_goal - 100)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"plays, play {_name(plays, at)}, column 'yards_gained', value {gained[at]:g}: expected a gain between the "
            f"goal lines, {to_goal[at] - 100:g} to {to_goal[at]:g} yards from the snap. Correct it or drop the play."
        )


def _name(plays: pd.DataFrame, row: int) -> str:
    return f"({plays['game_id'].iloc[row]}, {plays['play_id'].iloc[row]})"
