"""One play from raw frames to what the network reads: who is where at the snap, and the frames since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from qbsbp.features.passing import LAST_WEEK, PASSING_PLAYER_FEATURES, Teams, receivers
from qbsbp.realtime import kernels
from qbsbp.realtime.law import YardsLaw
from qbsbp.realtime.motion import Motion, Moved
from qbsbp.schema import FOOTBALL, Tracking

if TYPE_CHECKING:
    from qbsbp.realtime.scorer import Scorer

__all__ = ["Play", "Situation", "Tracks", "raw_plays"]

ENTITIES, RATE = FOOTBALL.entities, FOOTBALL.frames_per_second
LEAST, MOST = np.array([(FOOTBALL.frames[axis].low, FOOTBALL.frames[axis].high) for axis in "xy"]).T
SIDES = ("offence", "defence", "ball")
HALVES = {np.dtype(kind): np.array([FOOTBALL.field_width / 2], dtype=kind) for kind in (np.float32, np.float64)}
TARGET_KNOWN, HELD = (kernels.FACTS.index(name) for name in ("target_known", "held"))
FACTS = {
    **{name: FOOTBALL.plays[name] for name in ("down", "yards_to_go", "yards_to_goal", "quarter", "clock")},
    **{name: FOOTBALL.plays[name] for name in ("score_difference", "week", "line_of_scrimmage")},
}


@dataclass(frozen=True)
class Situation:
    """What is known of a play before the ball is thrown; entries as in the tables of `qbsbp.schema.FOOTBALL`.

    Args:
        player_id: The 22 players and the ball, in the order of the frames' columns, shape (23,); 0 is the ball.
        side: "offence", "defence" or "ball" of each, shape (23,).
        position: Group of positions of each, shape (23,); "OL" is what matters.
        passer_id: Who throws.
        down: 1 to 4.
        yards_to_go: Yards to a first down.
        yards_to_goal: Yards to the goal line, which cut the gains.
        quarter: 1 to 4, 5 and on overtime.
        clock: Seconds left of the quarter at the snap.
        score_difference: Points of the offence less those of the defence.
        week: Week of the season.
        line_of_scrimmage: x of the snap in yards.
        target_id: Whom the pass is for; 0 where that is not known: then the receiver whom the passer faces.

    Raises:
        ValueError: Not 11 players of each side and a ball, an id twice, a passer or target who is not of the offence,
            or a number out of its range.
    """

    player_id: ArrayLike
    side: ArrayLike
    position: ArrayLike
    passer_id: int
    down: int
    yards_to_go: int
    yards_to_goal: int
    quarter: int
    clock: float
    score_difference: int
    week: int
    line_of_scrimmage: float
    target_id: int = 0

    def __post_init__(self) -> None:
        for name in ("player_id", "side", "position"):
            values = np.asarray(getattr(self, name))
            object.__setattr__(self, name, values)
            if values.shape != (ENTITIES,):
                raise ValueError(
                    f"{name}: expected {ENTITIES} entries, 22 players and the ball, came shape {values.shape}. "
                    "Leave out who is not on the field, and wait for who is missing."
                )
        sides, ids = self.side.tolist(), self.player_id.tolist()
        members = [sides.count(side) for side in SIDES]
        if members != [11, 11, 1]:
            raise ValueError(
                f"side: expected 11 offence, 11 defence and 1 ball, came {', '.join(map(str, members))}. Correct the "
                "sides, or leave the play out."
            )
        if len(set(ids)) != ENTITIES:
            twice = next(player for player in ids if ids.count(player) > 1)
            raise ValueError(f"player_id: expected {ENTITIES} different ids, came {twice} twice. Correct it.")
        for name, column in FACTS.items():
            value = getattr(self, name)
            if not column.low <= value <= column.high:  # NaN is neither
                raise ValueError(f"{name}: expected {column.expected}, came {value!r}. Correct it.")
        self.column_of("passer_id", self.passer_id)
        if self.target_id:
            self.column_of("target_id", self.target_id)

    def column_of(self, name: str, player_id: int) -> int:
        """Column of a passer or target; a ValueError that names the argument if he is not of the offence."""
        ids, sides = self.player_id.tolist(), self.side.tolist()
        eligible = {player: column for column, (player, side) in enumerate(zip(ids, sides)) if side == "offence"}
        if name == "target_id":
            eligible.pop(self.passer_id, None)
        if player_id not in eligible:
            raise ValueError(
                f"{name}: expected a player of the offence{' who is not the passer' * (name == 'target_id')}, one of "
                f"{', '.join(map(str, sorted(eligible)))}, came {player_id}. Correct it"
                f"{', or give 0 where no target is known' * (name == 'target_id')}."
            )
        return eligible[player_id]


class Tracks(NamedTuple):
    """Raw frames of a play, earliest first, as a reader of `qbsbp.datasets` has them.

    Args:
        frame_id: Number of each frame, each one more than that before, shape (F,).
        x: Yards along the field, shape (F, 23).
        y: Yards across it.
        orientation: Degrees, NaN where unknown.
        repaired: Whether a row fills a hole, or None where none does.
    """

    frame_id: NDArray
    x: NDArray
    y: NDArray
    orientation: NDArray
    repaired: NDArray | None


class RawPlay(NamedTuple):
    """A play of the tables: what to open it with, and its frames up to the release."""

    game_id: int
    play_id: int
    situation: Situation
    tracks: Tracks
    snap_frame: int
    yards_gained: int


def raw_plays(tracking: Tracking) -> Iterator[RawPlay]:
    """The plays of two tables, one after the other, each as a feed would have brought it until the release.

    Args:
        tracking: Football plays as a reader of `qbsbp.datasets` returns them, not prepared.
    """
    frames = tracking.frames
    columns = {name: frames[name].to_numpy().reshape(-1, ENTITIES) for name in ("player_id", "x", "y", "orientation")}
    side, position = (frames[name].astype(str).to_numpy().reshape(-1, ENTITIES) for name in ("side", "position"))
    repaired = frames["repaired"].to_numpy().reshape(-1, ENTITIES) if "repaired" in frames.columns else None
    key = frames[["game_id", "play_id", "frame_id"]].iloc[::ENTITIES].reset_index(drop=True)
    rows = {(row.game_id, row.play_id): row for row in tracking.plays.itertuples(index=False)}
    for of, part in key.groupby(["game_id", "play_id"], sort=False):
        row, first = rows[of], part.index[0]
        here = slice(first, first + row.release_frame)
        names = ("passer_id", "target_id", *FACTS)
        yield RawPlay(
            *of,
            Situation(
                columns["player_id"][first],
                side[first],
                position[first],
                **{name: getattr(row, name) for name in names},
            ),
            Tracks(
                key["frame_id"].to_numpy()[here],
                *(columns[name][here] for name in ("x", "y", "orientation")),
                None if repaired is None else repaired[here],
            ),
            row.snap_frame,
            row.yards_gained,
        )


class Play:
    """One play as it unfolds; made by `Scorer.play`.

    Args:
        scorer: What turns features into laws.
        situation: What is known before the throw.
    """

    def __init__(self, scorer: Scorer, situation: Situation) -> None:
        self.situation, self._scorer, self._binding = situation, scorer, scorer.binding()
        sides, positions = situation.side.tolist(), situation.position.tolist()
        offence, defence, (self._ball,) = ([k for k, name in enumerate(sides) if name == side] for side in SIDES)
        self._offence, self._defence = np.array(offence), np.array(defence)
        self._lineman = np.array([positions[k] == "OL" for k in offence])
        self._passer = situation.column_of("passer_id", situation.passer_id)
        self._target = None  # his column
        if situation.target_id and scorer.use_target:
            self._target = situation.column_of("target_id", situation.target_id)
        self._motion = Motion(self._ball)
        self._jumps = np.zeros(ENTITIES, dtype=int)  # frames since the snap in which a player was held
        self._frame_id: int | None = None
        self._frames = 0  # since the snap, that of the snap included
        self._at_snap: NDArray | None = None  # where everybody stood
        self._lineups: dict[int, tuple[NDArray, float]] = {}
        self._receivers: list[int] = []  # their columns, once somebody asks
        self._line = float(situation.line_of_scrimmage)
        known = {name: getattr(situation, name) for name in list(FACTS)[:6]}
        known["weeks_left"] = max(LAST_WEEK - situation.week, 0)
        self._facts = np.array([float(known.get(name, 0.0)) for name in kernels.FACTS])
        self._bounds = np.array([situation.yards_to_goal - 100.0]), np.array([float(situation.yards_to_goal)])
        # the features of the last frames, seen from a target on the left; twice the room, so that they seldom move
        self._features = np.empty((ENTITIES, len(PASSING_PLAYER_FEATURES), 2 * scorer.past_frames), dtype=np.float32)
        self._end = 0

    def push(self, tracks: Tracks, *, snap_frame: int | None = None) -> YardsLaw | None:
        """Take in the next frame, or several at once, and say what a pass released in the last would gain.

        Frames from before the snap count too, since velocities look back; the law is None until the snap. A frame costs
        the same however long the play is. All at once or one at a time comes to the same.

        Args:
            tracks: The next frames, columns in the order of `situation.player_id`.
            snap_frame: Number of the frame of the snap, with the frames that it is among.

        Returns:
            The law of the yards of this one play, or None before the snap.

        Raises:
            ValueError: A frame has not 23 entries or comes out of order, a place is not finite or far off the field, or
                the snap is not among these frames or comes a second time. The play is then as it was before.
        """
        place, orientation, repaired, first, snap = self._check(tracks, snap_frame)
        moved = self._motion.extend(place, orientation, repaired)
        self._frame_id = first + len(place) - 1
        if snap is not None:
            self._at_snap = moved.place[snap]
            moved = moved.frames(slice(snap, None))
        if self._at_snap is None:
            return None
        self._frames += len(moved.place)
        if moved.jumped is not None:
            self._jumps += moved.jumped.sum(axis=0)
        self._now = moved.place[-1], moved.velocity[-1], moved.orientation[-1]
        self._keep(moved)
        return self.law()

    @property
    def out_of_reach(self) -> float:
        """Share of the frames since the snap in which one player was out of reach, of the worst player.

        Above `qbsbp.tracking.MAX_MOVED` nobody knows where he was: `prepare` sets such a play aside, and so should you.
        """
        return int(self._jumps.max()) / max(self._frames, 1)

    def law(self, target_id: int | None = None) -> YardsLaw:
        """What a pass released now would gain, thrown to somebody else than the situation says if you wish.

        Args:
            target_id: One of the offence but the passer; None for the target of the situation.

        Raises:
            ValueError: The snap has not been, or the target is not among the eligible.
        """
        return self._scorer.laws_unchecked(self._binding, *self.tensors(target_id), *self._bounds)

    def tensors(self, target_id: int | None = None) -> tuple[NDArray, NDArray, NDArray]:
        """What the network reads of the play as it stands: x (1, channels, time), lengths (1,), static (1, features).

        They are those of `qbsbp.features.passing_plays` for a release in the last frame.
        """
        if self._at_snap is None:
            raise ValueError("law: the ball has not been snapped; push the frame of the snap with snap_frame first.")
        (order, side), known = self._line_up(target_id)
        n = min(self._frames, self._scorer.past_frames)
        x = kernels.tensor(self._features[..., self._end - n : self._end], order, side)
        self._facts[TARGET_KNOWN], self._facts[HELD] = known, (self._frames - 1) / RATE
        place, velocity, _ = self._now
        return (
            x,
            np.array([n]),
            kernels.static_features(place, velocity, order, self._line, HALVES[place.dtype], side, self._facts),
        )

    def _line_up(self, target_id: int | None) -> tuple[tuple[NDArray, float], bool]:
        """Who is in which slot and from which side, and whether a target is known; worked out once for every target."""
        target = self._target if target_id is None else self.situation.column_of("target_id", target_id)
        known = target is not None
        if target is None:
            target = self._faced()
        if target not in self._lineups:
            attack, gap, side = kernels.line_up(
                self._at_snap, self._offence, self._defence, self._ball, self._lineman, self._passer, target
            )
            marker = self._defence[linear_sum_assignment(gap)[1]]  # as in `qbsbp.tracking.pair_defenders`
            self._lineups[target] = np.concatenate([attack, marker]), side
        return self._lineups[target], known

    def _faced(self) -> int:
        """Column of the receiver nearest to the way the passer's torso faces, as in `passing_plays`."""
        if not self._receivers:
            teams = Teams(
                self.situation.player_id[None],
                self._offence[None],
                self._defence[None],
                np.array([self._ball]),
                self._lineman[None],
            )
            among = receivers(self._at_snap[None], teams, np.array([self._passer]))[0]
            self._receivers = self._offence[among].tolist()
        place, _, orientation = self._now
        passer = self._passer
        own, angle = place[passer], np.radians(orientation[passer])
        if np.isnan(angle):
            return self._receivers[0]
        away = (place[self._receivers] - own).tolist()
        along, across = float(np.sin(angle)), float(np.cos(angle))
        cosines = [(x * along + y * across) / max(sqrt(x * x + y * y), 1e-9) for x, y in away]
        return self._receivers[cosines.index(max(cosines))]

    def _keep(self, moved: Moved) -> None:
        """Add the features of some frames to those kept, seen from a target on the left."""
        room, past = self._features.shape[-1], self._scorer.past_frames
        if len(moved.place) > past:
            moved = moved.frames(slice(-past, None))
        n = len(moved.place)
        if self._end + n > room:
            self._features[..., : past - n] = self._features[..., self._end - (past - n) : self._end]
            self._end = past - n
        angle, half = np.radians(moved.orientation), HALVES[moved.place.dtype]
        kernels.player_features(
            *moved[:3], np.sin(angle), np.cos(angle), self._line, half, self._features[..., self._end : self._end + n]
        )
        self._end += n

    def _check(
        self, tracks: Tracks, snap_frame: int | None
    ) -> tuple[NDArray, NDArray, NDArray | None, int, int | None]:
        """Places, orientations and repairs of the frames, number of the first, and which is the snap; or an error."""
        number = np.asarray(tracks.frame_id)
        number = number if number.ndim else number[None]
        if not len(number):
            raise ValueError("frame_id: expected at least one frame, came none. Push the next one.")
        first = number[0] if self._frame_id is None else self._frame_id + 1
        if number[0] != first or (len(number) > 1 and (np.diff(number) != 1).any()):
            at = int(np.argmax(number != np.arange(first, first + len(number))))
            raise ValueError(
                f"frame_id: expected {first + at}, came {number[at]}. Frames come one after the other; push those that "
                "are missing first, with repaired=True where nothing was recorded, and none twice."
            )
        x, y, angle = _rows(tracks.x), _rows(tracks.y), _rows(tracks.orientation)
        repaired = None if tracks.repaired is None else _rows(tracks.repaired)
        shape = (len(number), ENTITIES)
        if not (x.shape == y.shape == angle.shape == shape and (repaired is None or repaired.shape == shape)):
            given = zip(Tracks._fields[1:], (x, y, angle, repaired))
            name, came = next((n, part.shape) for n, part in given if part is not None and part.shape != shape)
            raise ValueError(
                f"{name}, frame {number[0]}: expected {len(number)} x {ENTITIES} entries, a row a frame with 22 "
                f"players and the ball as in situation.player_id, came shape {came}. Push whole frames."
            )
        if not (x.dtype in HALVES and y.dtype in HALVES):
            x, y = x.astype(np.float64), y.astype(np.float64)
        place, inside = kernels.within(x, y, LEAST, MOST)
        if not inside:
            frame, entity, axis = np.argwhere(~((place >= LEAST) & (place <= MOST)))[0]
            raise ValueError(
                f"{'xy'[axis]}, frame {number[frame]}, player {self.situation.player_id[entity]}: expected "
                f"{FOOTBALL.frames['xy'[axis]].expected}, came {place[frame, entity, axis]:g}. Correct it, or push the "
                "last place with repaired=True."
            )
        if snap_frame is None:
            return place, angle, repaired, int(first), None
        snap = int(snap_frame - number[0])
        if self._at_snap is not None or not 0 <= snap < len(number):
            raise ValueError(
                f"snap_frame: expected one of the frames pushed with it, {number[0]} to {number[-1]}, and once a play, "
                f"came {snap_frame}{' after another' * (self._at_snap is not None)}. Correct it."
            )
        return place, angle, repaired, int(first), snap


def _rows(values: ArrayLike) -> NDArray:
    """One row a frame, also of the numbers of a single one; contiguous, for any other layout would be compiled anew."""
    values = np.ascontiguousarray(values)
    return values if values.ndim > 1 else values[None]
