"""From what a reader returns to tracks one may learn from: jumps repaired, velocities from the past alone, plays cut
from snap to release, players in order, and plays without credible tracks set aside.

Every rule here is causal: what it says of frame t depends on frames up to t only. Chapter: real tracking data.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from qbsbp import schema
from qbsbp.schema import Quirk, Rejected, Tracking

__all__ = [
    "MAX_SPEED",
    "MAX_MOVED",
    "prepare",
    "repair_jumps",
    "repair_holes",
    "add_velocities",
    "cut",
    "nearest_opponent",
    "order_players",
    "pair_defenders",
]

MAX_SPEED = 12.0
"""Speed that no player reaches, m/s, which is 13.1 yard/s. The fastest sprint on record peaked at 12.4 m/s. In Ultimate
Track 99.99 % of the player frames are below 8.7 m/s; from snap to release of the NGS highlights all are below 9.5."""

MAX_MOVED = 0.2
"""Share of the frames from snap to release in which a football player may be somewhere out of his reach."""

METRES = {"metre": 1.0, "yard": 0.9144}
"""Metres of a layout's unit of length."""

ACCELERATION_FRAMES = 3
"""Frames over which a velocity is compared for the acceleration: over one alone, rounding to 0.01 m makes 1.6 m/s² of
noise."""


REASONS = {
    "plays_no_moments": "no snap, then release, among the frames: set aside",
    "plays_beyond_goal": "a gain that does not end between the goal lines: set aside",
    "plays_out_of_reach": f"some player out of reach in over {MAX_MOVED:.0%} of the frames to the release: set aside",
}
"""Why `prepare` sets a football play aside."""


def prepare(tracking: Tracking) -> Tracking:
    """Make tracks ready for `qbsbp.features`, whatever the sport.

    Ultimate: `repair_jumps`, then `add_velocities`. Football: `repair_holes`, `repair_jumps`, `add_velocities`, `cut`,
    with three kinds of plays set aside and named in `report.rejected_table()`: those whose snap and release are not
    among their frames in this order, those whose gain passes a goal line, and those in which `repair_jumps` moved one
    player in more than `MAX_MOVED` of the frames from snap to release, so that nobody knows where he was. Where
    velocities are there they are kept, since those of the snap cannot be made again from a play that was cut.

    Raises:
        SchemaError: The tables do not fit together or a place is missing; the row is shown, see `qbsbp.schema.check`.
        ValueError: All plays would be set aside.
    """
    _check_whole(tracking)
    prepared = "velocity_x" in tracking.frames.columns
    if tracking.layout.name != "football":
        return tracking if prepared else add_velocities(repair_jumps(tracking))
    _, count, snap, release = _moments(tracking)
    wrong = (snap < 1) | (release < snap) | (release > count)
    tracking = _set_aside(tracking, "plays_no_moments", wrong, "snap {}, release {}, {} frames", snap, release, count)
    row = _moments(tracking)[0]
    gain, to_goal = (tracking.plays[name].to_numpy()[row] for name in ("yards_gained", "yards_to_goal"))
    wrong = (gain > to_goal) | (gain < to_goal - 100)
    tracking = _set_aside(tracking, "plays_beyond_goal", wrong, "a gain of {}, {} yards to goal", gain, to_goal)
    if not prepared:
        held = repair_holes(tracking)
        repaired = repair_jumps(held)
        share = _share_moved(held, repaired)
        wrong = share > MAX_MOVED
        repaired = _set_aside(repaired, "plays_out_of_reach", wrong, "{:.0%} of one player's frames", share)
        tracking = add_velocities(repaired)
    return cut(tracking)


def repair_jumps(tracking: Tracking, *, max_speed: float = MAX_SPEED) -> Tracking:
    """Replace player positions that no player could have reached.

    Position p(f) is kept if its distance to the last kept position p(g), g < f, is at most `max_speed` times the time
    between them; otherwise the player is left at p(g). The first frame of a play is taken as it is. Rows that are
    flagged as `repaired` already are never kept ones. Where the holder was moved, the disc moves too; a football stays.

    In the 309 NGS highlight plays 37 rows of 23 plays are moved, all before the snap or after the release.

    Args:
        tracking: Tracks as a reader of `qbsbp.datasets` returns them, those of football after `repair_holes`.
        max_speed: Fastest credible player, m/s, whatever the tracks' unit.

    Returns:
        The same plays with the column `repaired`, and the counts `jumps`, `repaired_rows` and `repaired_plays`.

    Raises:
        ValueError: `max_speed` is not positive.
    """
    if not max_speed > 0:
        raise ValueError(f"max_speed: expected a positive speed in m/s, came {max_speed!r}.")
    layout, frames = tracking.layout, tracking.frames
    entities = layout.entities
    reach = max_speed / METRES[layout.length_unit] / layout.frames_per_second
    first = _opens(tracking)
    flagged = _flagged(tracking) & ~first[:, None]
    player = ~frames["side"].isin(["disc", "ball"]).to_numpy().reshape(-1, entities)
    x, y = (frames[name].to_numpy(copy=True).reshape(-1, entities) for name in ("x", "y"))
    before = _previous(_last_measured(flagged))
    gone = np.hypot(*(place - np.take_along_axis(place, before, axis=0) for place in (x, y)))
    since = np.arange(len(first))[:, None] - before
    jumps = (gone > reach * since) & player & ~flagged & ~first[:, None]

    repaired = flagged.copy()
    starts = np.flatnonzero(first)
    stops = np.append(starts[1:], len(first))
    moment, column = np.nonzero(jumps)
    play = np.searchsorted(starts, moment, side="right") - 1
    for number, at in set(zip(play.tolist(), column.tolist())):  # almost every track has none
        kept = starts[number]
        for f in range(starts[number] + 1, stops[number]):
            reached = np.hypot(x[f, at] - x[kept, at], y[f, at] - y[kept, at]) <= reach * (f - kept)
            if reached and not flagged[f, at]:
                kept = f
            else:
                x[f, at], y[f, at], repaired[f, at] = x[kept, at], y[kept, at], True

    if "holds_disc" in frames.columns:
        holding = frames["holds_disc"].to_numpy().reshape(-1, entities)
        moved = np.flatnonzero((holding & repaired).any(axis=1))
        disc, holder = np.argmin(player[moved], axis=1), holding[moved].argmax(axis=1)
        x[moved, disc], y[moved, disc], repaired[moved, disc] = x[moved, holder], y[moved, holder], True

    moved = repaired & ~flagged
    hit = frames[["game_id", "play_id"]].iloc[np.flatnonzero(moved.any(axis=1)) * entities].drop_duplicates()
    return Tracking(
        tracking.plays,
        frames.assign(x=x.ravel(), y=y.ravel(), repaired=(repaired | _flagged(tracking)).ravel()),
        layout,
        tracking.report.add(
            Quirk("jumps", int(jumps.sum()), f"steps of a player faster than {max_speed:g} m/s"),
            Quirk("repaired_rows", int(moved.sum()), "positions left at the last credible one"),
            Quirk("repaired_plays", len(hit), "with such a position"),
        ),
    )


def repair_holes(tracking: Tracking) -> Tracking:
    """Leave football players where they were last recorded while nothing is recorded of them.

    That is the case in rows that a reader filled in and flagged as `repaired`, on a straight line to the next record as
    a rule, which looks ahead; and in frozen frames. A frame is frozen if no player is anywhere else than in the frame
    before, to the hundredth of a yard, although in the last step that was one some player moved by more than 0.1 yard
    along x or y. One of the 309 NGS highlight plays has such frames, four of them between snap and release, and after
    those eight players jump by two yards to catch up. A play's first frame is taken as it is.

    Args:
        tracking: Football plays, whether or not they have the column `repaired`.

    Returns:
        The same plays with frozen frames flagged as `repaired` too, all rows so flagged with the measurements of the
        player's last row that is not, and the counts `frozen_frames`, `frozen_plays` and `held_rows`.

    Raises:
        ValueError: The layout is another.
    """
    if tracking.layout.name != "football":
        raise ValueError(f"tracking: expected the layout 'football', came {tracking.layout.name!r}.")
    entities, frames = tracking.layout.entities, tracking.frames
    first = _opens(tracking)
    player = (frames["side"] != "ball").to_numpy().reshape(-1, entities)
    farthest = np.zeros(len(first))
    for name in ("x", "y"):
        place = frames[name].to_numpy().reshape(-1, entities)
        step = np.abs(np.diff(place, axis=0, prepend=place[:1]))
        np.maximum(farthest, np.where(player, step, 0).max(axis=1, initial=0), out=farthest)
    farthest[first] = 0.0
    moment = np.arange(len(first))
    moved = np.maximum.accumulate(np.where(first | (farthest > 0), moment, 0))  # the last step that was one
    frozen = (moved < moment) & (farthest[moved] > 0.1)
    repaired = np.repeat(frozen, entities).reshape(-1, entities) | _flagged(tracking)

    holes = repaired & ~first[:, None]
    kept = _last_measured(holes)
    rows = np.flatnonzero(holes)
    last = (kept * entities + np.arange(entities)).ravel()[rows]
    columns = {"repaired": repaired.ravel()}
    for name in ("x", "y", "speed", "acceleration", "direction", "orientation"):
        if len(rows) and name in frames.columns:
            columns[name] = frames[name].to_numpy(copy=True)
            columns[name][rows] = columns[name][last]
    hit = frames[["game_id", "play_id"]].iloc[np.flatnonzero(frozen) * entities].drop_duplicates()
    return Tracking(
        tracking.plays,
        frames.assign(**columns),
        tracking.layout,
        tracking.report.add(
            Quirk("frozen_frames", int(frozen.sum()), "no player moved though they ran: no velocity made from them"),
            Quirk("frozen_plays", len(hit), "with such a frame"),
            Quirk("held_rows", len(rows), "of such frames or filled by the reader: the last recorded place taken"),
        ),
    )


def add_velocities(tracking: Tracking) -> Tracking:
    """Velocity and acceleration of every player by differences that look back only.

    With n frames a second and g the last frame before f whose position was not repaired, f - 1 almost always,

        v(f) = n (p(f) - p(g)) / (f - g),    a(f) = n (v(f) - v(f - k)) / k,    k = min(3, f - 2),

    so v is missing (NaN) in a play's first frame and a in its first two. They are missing as well where a position was
    repaired, and the disc or ball has neither: while held it moves with its holder, and a disc's rows in flight are
    drawn from where it will be caught.

    Football files publish a speed and a direction too, and they are not used here. Regressed on the steps around its
    frame, the velocity that they make in the NGS highlights has a third of its weight on the two steps *after* it, so
    at the release it knows a little of what comes; it hardly helps to tell the next step (rms error 0.239 instead of
    0.242 yard/s); and not every publication has it. What differences cost is rounding to 0.01: 0.04 yard/s of velocity
    and 0.2 yard/s² of acceleration.

    Args:
        tracking: Tracks with x and y.

    Returns:
        The same plays with `velocity_x`, `velocity_y` (length/s), `acceleration_x` and `acceleration_y` (length/s²).
    """
    entities, rate = tracking.layout.entities, tracking.layout.frames_per_second
    frames = tracking.frames
    place = frames[["x", "y"]].to_numpy().reshape(-1, entities, 2)
    repaired = _flagged(tracking)
    moment = np.arange(len(place))
    first = _opens(tracking)
    age = moment - np.maximum.accumulate(np.where(first, moment, 0))  # frames since the play's first
    before = _previous(_last_measured(repaired & ~first[:, None]))
    since = np.maximum(moment[:, None] - before, 1)
    velocity = rate * np.diff(place, axis=0, prepend=place[:1]) / since[..., None]  # a repaired p(f - 1) is p(g)
    velocity[age < 1] = np.nan
    velocity[repaired] = np.nan
    lag = np.clip(age - 1, 1, ACCELERATION_FRAMES)
    acceleration = rate * (velocity - velocity[np.maximum(moment - lag, 0)]) / lag[:, None, None]
    acceleration[age < 2] = np.nan
    disc = frames["side"].isin(["disc", "ball"]).to_numpy().reshape(-1, entities)
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


def cut(tracking: Tracking) -> Tracking:
    """The frames of football plays from snap to release, both included.

    What came before the snap and after the release is dropped, and `frame_id` counts from 1 at the snap. Velocities, if
    they are wanted, are made before, since they look back: those of the snap then come from the frames before it.

    Args:
        tracking: Football plays, as a reader of `qbsbp.datasets` returns them. Cut plays come back as they are.

    Returns:
        The same plays with `snap_frame` 1 and `release_frame` the number of frames, and the counts `frames_in_play`,
        `frames_before_snap` and `frames_after_release`.

    Raises:
        ValueError: The layout is another, or a play's release is not after its snap or beyond its last frame.
    """
    if tracking.layout.name != "football":
        raise ValueError(f"tracking: expected the layout 'football', came {tracking.layout.name!r}.")
    entities = tracking.layout.entities
    plays, frames = tracking.plays, tracking.frames
    row, count, snap, release = _moments(tracking)
    wrong = (snap < 1) | (release < snap) | (release > count)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"plays, row {row[at]}, columns 'snap_frame' and 'release_frame', values {snap[at]} and {release[at]}: "
            f"expected 1 <= snap_frame <= release_frame <= {count[at]}, the play's last frame. Correct them."
        )
    frame = frames["frame_id"].to_numpy().reshape(-1, entities)[:, 0]
    first, last = np.repeat(snap, count), np.repeat(release, count)
    before, after = int((frame < first).sum()), int((frame > last).sum())
    if before or after:
        inside = np.repeat((frame >= first) & (frame <= last), entities)
        frames = frames[inside].reset_index(drop=True)
        frames["frame_id"] -= np.repeat(snap - 1, (release - snap + 1) * entities)
        plays = plays.assign(snap_frame=1, release_frame=plays["release_frame"] - plays["snap_frame"] + 1)
    return Tracking(
        plays,
        frames,
        tracking.layout,
        tracking.report.add(
            Quirk("frames_in_play", len(frame) - before - after, "from snap to release, kept"),
            Quirk("frames_before_snap", before, "dropped"),
            Quirk("frames_after_release", after, "dropped"),
        ),
    )


def nearest_opponent(tracking: Tracking) -> pd.DataFrame:
    """How far everybody is from the nearest opponent, in every frame.

    For a receiver that is his separation, for the passer the pressure on him.

    Args:
        tracking: Tracks with x, y and side, of either sport.

    Returns:
        A table with the rows of `tracking.frames`: `separation`, in the layout's unit of length, and `opponent_id`, the
        player_id of that opponent, of two at the same distance the smaller one. The disc or ball has NaN and 0, and so
        has a player without opponents.
    """
    frames, entities = tracking.frames, tracking.layout.entities
    place = frames[["x", "y"]].to_numpy(dtype=float).reshape(-1, entities, 2)
    player = frames["player_id"].to_numpy().reshape(-1, entities)
    team = [(frames["side"] == name).to_numpy().reshape(-1, entities) for name in ("offence", "defence")]
    separation, opponent = np.full(player.shape, np.nan), np.zeros(player.shape, dtype="int64")
    for start in range(0, len(place), 2048):  # a full season at once would need gigabytes
        here = slice(start, start + 2048)
        offence, defence = (one[here] for one in team)
        opposed = (offence[:, :, None] & defence[:, None]) | (defence[:, :, None] & offence[:, None])
        gap = np.hypot(*np.moveaxis(place[here, :, None] - place[here, None], -1, 0))
        gap = np.where(opposed, gap, np.inf)
        nearest = gap.argmin(axis=2)
        least = np.take_along_axis(gap, nearest[..., None], axis=2)[..., 0]
        found = np.isfinite(least)
        separation[here][found] = least[found]
        opponent[here][found] = np.take_along_axis(player[here], nearest, axis=1)[found]
    return pd.DataFrame({"separation": separation.ravel(), "opponent_id": opponent.ravel()}, index=frames.index)


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
    marker = pair_defenders(attackers, defenders)
    return np.concatenate(
        [np.asarray(offence)[rank], np.asarray(defence)[np.take_along_axis(marker, rank, axis=1)]], axis=1
    )


def pair_defenders(attackers: np.ndarray, defenders: np.ndarray) -> np.ndarray:
    """Who marks whom: the pairing of two teams with the least total distance.

    Args:
        attackers: Positions, shape (moments, m, 2).
        defenders: Positions, shape (moments, m, 2).

    Returns:
        The defender of each attacker, from 0 to m - 1, shape (moments, m); each defender once a moment.
    """
    gap = np.hypot(*np.moveaxis(attackers[:, :, None] - defenders[:, None], -1, 0))  # (moments, m, m)
    return np.array([linear_sum_assignment(one)[1] for one in gap], dtype=int).reshape(-1, attackers.shape[1])


def _opens(tracking: Tracking) -> np.ndarray:
    """Whether each frame is the first of its play, shape (frames,)."""
    play: pd.DataFrame = tracking.frames[["game_id", "play_id"]].iloc[:: tracking.layout.entities]
    return play.ne(play.shift()).any(axis=1).to_numpy()


def _moments(tracking: Tracking) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each football play, in the order of the frames: its row in the table of plays, frames, snap and release."""
    entities, frames = tracking.layout.entities, tracking.frames
    starts = np.flatnonzero(_opens(tracking))
    count = np.diff(np.append(starts, len(frames) // entities))
    key = pd.MultiIndex.from_frame(tracking.plays[["game_id", "play_id"]])  # may be sorted differently
    row = key.get_indexer(pd.MultiIndex.from_frame(frames[["game_id", "play_id"]].iloc[starts * entities]))
    snap, release = (tracking.plays[name].to_numpy()[row] for name in ("snap_frame", "release_frame"))
    return row, count, snap, release


def _flagged(tracking: Tracking) -> np.ndarray:
    """Which rows are flagged as repaired, shape (frames, entities)."""
    frames = tracking.frames
    repaired = frames["repaired"].to_numpy() if "repaired" in frames.columns else np.zeros(len(frames), dtype=bool)
    return repaired.reshape(-1, tracking.layout.entities)


def _last_measured(held: np.ndarray) -> np.ndarray:
    """The last frame up to each, itself included, in which an entity is not held, shape (frames, entities)."""
    return np.maximum.accumulate(np.where(held, 0, np.arange(len(held))[:, None]), axis=0)


def _previous(entries: np.ndarray) -> np.ndarray:
    """The entry of the frame before; the very first keeps its own."""
    return np.concatenate([entries[:1], entries[:-1]])


def _share_moved(before: Tracking, after: Tracking) -> np.ndarray:
    """Share of the frames from snap to release in which a play's worst player was moved, in the order of the frames."""
    _, count, snap, release = _moments(after)
    start = np.cumsum(count) - count
    frame = np.arange(count.sum()) - np.repeat(start, count) + 1
    inside = (frame >= np.repeat(snap, count)) & (frame <= np.repeat(release, count))
    moved = _flagged(after) & ~_flagged(before) & inside[:, None]
    return np.add.reduceat(moved, start, axis=0, dtype=int).max(axis=1) / (release - snap + 1)


def _set_aside(tracking: Tracking, reason: str, wrong: np.ndarray, detail: str, *found: np.ndarray) -> Tracking:
    """The plays that are not wrong; the report names the others. All arrays are in the order of the frames."""
    plays, (row, count, _, _) = tracking.plays, _moments(tracking)
    files = plays["file"].to_numpy() if "file" in plays.columns else np.full(len(plays), "")
    rejected = []
    for at in np.flatnonzero(wrong):
        game_id, play_id = (int(plays[name].iloc[row[at]]) for name in ("game_id", "play_id"))
        said = detail.format(*(entries[at] for entries in found))
        rejected.append(Rejected(str(files[row[at]]), game_id, play_id, reason, said))
    report = tracking.report.reject({reason: REASONS[reason]}, *rejected)
    if not rejected:
        return replace(tracking, report=report)
    if wrong.all():
        counts = dict(Counter(play.reason for play in report.rejected))
        raise ValueError(
            f"tracking: expected a play to learn from, and all are set aside: {counts}. The last, play {play_id} of "
            f"game {game_id}, has {said}. Correct the tables."
        )
    kept = np.sort(row[~wrong])
    frames = tracking.frames[np.repeat(~wrong, count * tracking.layout.entities)]
    return Tracking(plays.iloc[kept].reset_index(drop=True), frames.reset_index(drop=True), tracking.layout, report)


def _check_whole(tracking: Tracking) -> None:
    """Refuse tables that the steps here would misread; a quick look, and the long one only to name the row."""
    layout, plays, frames = tracking.layout, tracking.plays, tracking.frames
    whole = len(frames) % layout.entities == 0
    if whole:
        frame = frames["frame_id"].to_numpy().reshape(-1, layout.entities)
        opens = frames[["game_id", "play_id"]].iloc[np.flatnonzero(_opens(tracking)) * layout.entities]
        whole = (frame == frame[:, :1]).all() and np.isfinite(frames[["x", "y"]].to_numpy()).all()
        whole = whole and set(plays[["game_id", "play_id"]].itertuples(index=False, name=None)) == set(
            opens.itertuples(index=False, name=None)
        )
    if not whole:
        schema.check(plays, frames, layout)
