"""How players move, as numbers: plays become arrays, arrays become summaries, and a classifier looks for the fake.

    moves = unpack(plays, frames)            # tables of qbsbp.schema.FOOTBALL, snap to release and 0.5 s beyond
    pocket(moves)                            # one row a play: timing, pressure, depth, separation
    kinematics(moves)                        # one row a player and play: speed, acceleration, turning, orientation
    two_sample(real, synthetic, seed=0)      # area under the ROC curve, plays kept whole in the folds

Everything here is computed in the same way from real and from synthetic tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

GROUPS = ("QB", "RB", "WR", "TE", "OL", "DL", "LB", "DB")
AFTER = 5  # frames kept after the release
RATE = 10.0  # frames a second
TIMES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
NEAR_RELEASE, NEAR_BEFORE, NEAR_HIT = 2.0, 1.5, 1.0  # yards, the distances that count as pressure and as a hit
HIT_FRAMES = 2


@dataclass(frozen=True)
class Moves:
    """The 22 players of N plays, frame 0 the snap, NaN beyond a play's last frame.

    `x`, `y` in yards, `speed` in yd/s, `direction` and `orientation` in degrees clockwise from +y: each (N, T, 22).
    `release` (N,) index of the release frame; `offence` (N, 22) bool; `position` (N, 22) text; `passer` (N,) index of a
    player; `snap_x`, `snap_y` (N,) place of the ball at the snap; `key` game_id, play_id.
    """

    x: np.ndarray
    y: np.ndarray
    speed: np.ndarray
    direction: np.ndarray
    orientation: np.ndarray
    release: np.ndarray
    offence: np.ndarray
    position: np.ndarray
    passer: np.ndarray
    snap_x: np.ndarray
    snap_y: np.ndarray
    key: pd.DataFrame

    def __len__(self) -> int:
        return len(self.release)

    def alive(self, after: int = 0) -> np.ndarray:
        """Frames from snap to release (and `after` more), (N, T) bool."""
        return np.arange(self.x.shape[1])[None] <= self.release[:, None] + after

    def chunks(self, size: int) -> Iterator[Moves]:
        """The same plays, `size` at a time, each cut to its own longest play."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def __getitem__(self, rows: slice | np.ndarray) -> Moves:
        frames = int(self.release[rows].max()) + AFTER + 1
        tracks = {k: getattr(self, k)[rows, :frames] for k in ("x", "y", "speed", "direction", "orientation")}
        rest = {k: getattr(self, k)[rows] for k in ("release", "offence", "position", "passer", "snap_x", "snap_y")}
        return Moves(**tracks, **rest, key=self.key.iloc[rows].reset_index(drop=True))


def unpack(plays: pd.DataFrame, frames: pd.DataFrame) -> Moves:
    """Arrays of the players from snap to release, and of the frames after it where all 22 are there."""
    key = ["game_id", "play_id"]
    plays = plays.reset_index(drop=True)
    index = pd.MultiIndex.from_frame(plays[key])
    play = index.get_indexer(pd.MultiIndex.from_arrays([frames["game_id"], frames["play_id"]]))
    time = frames["frame_id"].to_numpy() - plays["snap_frame"].to_numpy()[play]
    release = (plays["release_frame"] - plays["snap_frame"]).to_numpy()
    player_id = frames["player_id"].to_numpy()
    keep = (play >= 0) & (time >= 0) & (time <= release[play] + AFTER)

    ball = keep & (player_id == 0) & (time == 0)
    snap_x, snap_y = np.full((2, len(plays)), np.nan)
    snap_x[play[ball]] = frames["x"].to_numpy()[ball]
    snap_y[play[ball]] = frames["y"].to_numpy()[ball]

    rows = np.flatnonzero(keep & (player_id > 0))
    rows = rows[np.lexsort((player_id[rows], time[rows], play[rows]))]
    moment = play[rows] * 1000 + time[rows]
    starts = np.flatnonzero(np.r_[True, moment[1:] != moment[:-1]])
    counts = np.diff(np.r_[starts, len(rows)])
    short = (counts != 22) & (time[rows[starts]] <= release[play[rows[starts]]])
    if short.any():
        at = rows[starts[np.flatnonzero(short)[0]]]
        raise ValueError(f"frames: play {play[at]} has not 22 players at frame {time[at]} after the snap")
    rows = rows[np.repeat(counts == 22, counts)].reshape(-1, 22)
    n, t = play[rows[:, 0]], time[rows[:, 0]]
    players = player_id[rows]
    first = rows[t == 0]
    if len(first) != len(plays) or (players != player_id[first][n]).any():
        raise ValueError("frames: every play must have the same 22 players from the snap on")
    position = frames["position"].astype(str).to_numpy()[first]
    offence = (frames["side"] == "offence").to_numpy()[first]
    passer = (player_id[first] == plays["passer_id"].to_numpy()[:, None]).argmax(1)
    tracks = {}
    for name in ("x", "y", "speed", "direction", "orientation"):
        array = np.full((len(plays), int(release.max()) + AFTER + 1, 22), np.nan, np.float32)
        array[n, t] = frames[name].to_numpy(np.float32)[rows]
        tracks[name] = array
    return Moves(
        **tracks,
        release=release,
        offence=offence,
        position=position,
        passer=passer,
        snap_x=snap_x,
        snap_y=snap_y,
        key=plays[key],
    )


def _distances(moves: Moves) -> np.ndarray:
    """Distance between every two opponents in yards, (N, T, 22, 22), inf between team-mates."""
    d = np.hypot(moves.x[..., :, None] - moves.x[..., None, :], moves.y[..., :, None] - moves.y[..., None, :])
    same = moves.offence[:, :, None] == moves.offence[:, None, :]
    return np.where(same[:, None], np.float32(np.inf), d)


def pocket(moves: Moves) -> pd.DataFrame:
    """One row a play, in the order of `moves`, times in seconds after the snap and lengths in yards.

    `time` of the release; `pressured`, `first_pressure` and `pressurers` by distance: a defender is closer to the
    passer than 1.5 yd before the release or than 2 yd at it; `hit`: one is closer than 1 yd within 0.2 s after the
    release; `depth` of the passer behind the ball's place at the snap, `passer_speed` and `nearest` defender at the
    release; `nearest_1s` to `nearest_4s` that many seconds after the snap, NaN once the dropback is over; `rushers`:
    defenders who cross the ball's place before the release; `separation_0` to `separation_4` and `eligible_0` to
    `eligible_4`: of backs, tight ends and receivers at the release, and their positions.
    """
    return pd.concat([_pocket(chunk) for chunk in moves.chunks(500)], ignore_index=True)


def _pocket(moves: Moves) -> pd.DataFrame:
    n = np.arange(len(moves))
    at = moves.release
    passer_x, passer_y = (v[n, :, moves.passer] for v in (moves.x, moves.y))  # (N, T)
    distance = np.hypot(moves.x - passer_x[..., None], moves.y - passer_y[..., None])
    distance = np.where(moves.offence[:, None], np.inf, distance)  # (N, T, 22), to defenders only
    nearest = distance.min(-1, initial=np.inf, where=np.isfinite(distance))
    before, held = moves.alive(-1), moves.alive()
    closed = (distance < NEAR_BEFORE) & before[..., None]
    closed[n, at] |= distance[n, at] < NEAR_RELEASE
    by_frame = closed.any(-1)
    pressured = by_frame.any(1)
    after = moves.alive(HIT_FRAMES) & ~before
    behind = (moves.x < moves.snap_x[:, None, None]) & held[..., None] & ~moves.offence[:, None]
    out = {
        **{k: moves.key[k].to_numpy() for k in moves.key},
        "time": at / RATE,
        "pressured": pressured,
        "first_pressure": np.where(pressured, by_frame.argmax(1) / RATE, np.nan),
        "pressurers": closed.any(1).sum(1),
        "hit": ((nearest < NEAR_HIT) & after).any(1),
        "depth": moves.snap_x - passer_x[n, at],
        "passer_speed": moves.speed[n, at, moves.passer],
        "nearest": nearest[n, at],
        "rushers": behind.any(1).sum(1),
    }
    for second in (1, 2, 3, 4):
        frame = int(second * RATE)
        lasts = at >= frame
        value = nearest[:, min(frame, nearest.shape[1] - 1)]
        out[f"nearest_{second}s"] = np.where(lasts, value, np.nan)
    d = np.hypot(
        moves.x[n, at][:, :, None] - moves.x[n, at][:, None, :], moves.y[n, at][:, :, None] - moves.y[n, at][:, None, :]
    )
    separation = np.where(moves.offence[:, None, :], np.inf, d).min(-1)  # (N, 22)
    eligible = moves.offence & np.isin(moves.position, ("RB", "WR", "TE"))
    order = np.argsort(~eligible, axis=1, kind="stable")[:, :5]
    for i in range(5):
        there = eligible[n, order[:, i]]
        out[f"separation_{i}"] = np.where(there, separation[n, order[:, i]], np.nan)
        out[f"eligible_{i}"] = np.where(there, moves.position[n, order[:, i]], "")
    return pd.DataFrame(out)


def _wrap(angle: np.ndarray) -> np.ndarray:
    """Degrees to [-180, 180)."""
    return (angle + 180) % 360 - 180


FEATURES = {
    "top_speed": "top speed, yd/s",
    "speed_0.5s": "speed 0.5 s after the snap, yd/s",
    "speed_1.0s": "speed 1 s after the snap, yd/s",
    "speed_1.5s": "speed 1.5 s after the snap, yd/s",
    "speed_2.0s": "speed 2 s after the snap, yd/s",
    "speed_release": "speed at the release, yd/s",
    "mean_speed": "mean speed, yd/s",
    "speed_snap": "speed at the snap, yd/s",
    "peak_acceleration": "greatest gain of speed, yd/s²",
    "peak_braking": "greatest loss of speed, yd/s²",
    "peak_vector_acceleration": "greatest change of velocity, yd/s²",
    "mean_vector_acceleration": "mean change of velocity, yd/s²",
    "jerk": "mean change of acceleration (of speed), yd/s³",
    "speed_changes": "sign changes of the acceleration per second",
    "path": "length of the path, yd",
    "straightness": "straight distance over length of the path",
    "downfield": "displacement along the field, yd",
    "sideways": "displacement across the field, absolute, yd",
    "turning": "mean turn rate while faster than 1 yd/s, degree/s",
    "peak_turning": "95% quantile of the same",
    "torso_to_motion": "mean angle between torso and motion while faster than 1 yd/s, degree",
    "torso_turning": "mean turn rate of the torso, degree/s",
    "torso_jitter": "mean change of that rate from frame to frame, degree/s",
    "torso_snap": "angle of the torso to the field's long axis at the snap, degree",
    "torso_release": "the same at the release",
    "speed_gap": "mean gap between published speed and differenced position, yd/s",
    "direction_gap": "mean gap between published and differenced direction while faster than 2 yd/s, degree",
    "roughness": "root mean square third difference of position, yd",
}
SENSOR = ("jerk", "speed_changes", "torso_jitter", "speed_gap", "direction_gap", "roughness")
TORSO = ("torso_to_motion", "torso_turning", "torso_snap", "torso_release")
MOVEMENT = tuple(name for name in FEATURES if name not in (*SENSOR, *TORSO))
PLACES = {
    "depth_snap": "distance along the field from the ball's place at the snap, yd",
    "width_snap": "distance across the field from the ball at the snap, yd",
    "opponent_snap": "nearest opponent at the snap, yd",
    "opponent_least": "nearest opponent at any time, yd",
    "opponent_release": "nearest opponent at the release, yd",
}


def kinematics(moves: Moves) -> pd.DataFrame:
    """One row a player and play, from snap to release: `FEATURES`, `PLACES`, `group`, `peak_tangential`, and at `TIMES`
    `speed_0.5s` to `speed_3.0s` and the nearest opponent, `opponent_0.5s` to `opponent_3.0s` (NaN once the pass is
    away). `play` is the index of the play in `moves`."""
    parts = []
    for number, chunk in enumerate(moves.chunks(250)):
        part = _kinematics(chunk)
        part["play"] += 250 * number
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _nanmean(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean over axis 1 of the entries `where`, NaN where there are none."""
    count = where.sum(1)
    total = np.where(where, values, 0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _kinematics(moves: Moves) -> pd.DataFrame:
    n = np.arange(len(moves))
    at = moves.release
    held = np.repeat(moves.alive()[..., None], 22, axis=2)  # (N, T, 22)
    x, y, speed = (np.where(held, v, np.nan) for v in (moves.x, moves.y, moves.speed))
    angle = np.radians(moves.direction)
    velocity = np.stack([speed * np.sin(angle), speed * np.cos(angle)])  # (2, N, T, 22)
    step = held[:, 1:]
    tangential = np.diff(speed, axis=1) * RATE
    vector = np.hypot(*np.diff(velocity, axis=2)) * RATE
    jerk = np.abs(np.diff(tangential, axis=1)) * RATE
    dx, dy = np.diff(x, axis=1), np.diff(y, axis=1)
    moved = np.hypot(dx, dy)
    path = np.where(step, moved, 0).sum(1)
    straight = np.hypot(x[n, at] - x[:, 0], y[n, at] - y[:, 0])
    moving = step & (speed[:, 1:] > 1) & (speed[:, :-1] > 1)
    turn = np.abs(_wrap(np.diff(moves.direction, axis=1))) * RATE
    torso = _wrap(np.diff(moves.orientation, axis=1)) * RATE
    side = moves.offence[:, None, :]
    faces = np.abs(_wrap(moves.orientation - np.where(side, 90, 270)))  # degree off the way to the opponents
    heading = np.degrees(np.arctan2(dx, dy))
    mid = (moved * RATE > 2) & step & (speed[:, 1:] > 2)
    mean_speed_step = (speed[:, 1:] + speed[:, :-1]) / 2
    mean_direction = moves.direction[:, :-1] + _wrap(np.diff(moves.direction, axis=1)) / 2
    third = np.stack([np.diff(v, 3, axis=1) for v in (x, y)])
    opponent = _distances(moves).min(-1)  # (N, T, 22)

    def highest(values: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(values), -np.inf, values).max(1)

    out = {
        "top_speed": highest(speed),
        "speed_release": speed[n, at],
        "mean_speed": _nanmean(speed, held),
        "speed_snap": speed[:, 0],
        "peak_acceleration": highest(tangential),
        "peak_braking": highest(-tangential),
        "peak_vector_acceleration": highest(vector),
        "mean_vector_acceleration": _nanmean(vector, step),
        "jerk": _nanmean(jerk, held[:, 2:]),
        "speed_changes": _nanmean(
            (np.sign(tangential[:, 1:]) * np.sign(tangential[:, :-1]) < 0).astype(float) * RATE, held[:, 2:]
        ),
        "path": path,
        "straightness": straight / np.maximum(path, 0.1),
        "downfield": x[n, at] - x[:, 0],
        "sideways": np.abs(y[n, at] - y[:, 0]),
        "turning": _nanmean(turn, moving),
        "torso_to_motion": _nanmean(np.abs(_wrap(moves.orientation - moves.direction)), held & (speed > 1)),
        "torso_turning": _nanmean(np.abs(torso), step),
        "torso_jitter": _nanmean(np.abs(np.diff(torso, axis=1)), held[:, 2:]),
        "torso_snap": faces[:, 0],
        "torso_release": faces[n, at],
        "speed_gap": _nanmean(np.abs(mean_speed_step - moved * RATE), step),
        "direction_gap": _nanmean(np.abs(_wrap(mean_direction - heading)), mid),
        "roughness": np.sqrt(_nanmean((third**2).sum(0), held[:, 3:])),
        "depth_snap": np.abs(x[:, 0] - moves.snap_x[:, None]),
        "width_snap": np.abs(y[:, 0] - moves.snap_y[:, None]),
        "opponent_snap": opponent[:, 0],
        "opponent_least": np.where(held, opponent, np.inf).min(1),
        "opponent_release": opponent[n, at],
        "peak_tangential": highest(np.abs(tangential)),
    }
    turning = np.where(moving, turn, np.nan)
    some = moving.any(1)
    out["peak_turning"] = np.full(some.shape, np.nan)
    out["peak_turning"][some] = np.nanquantile(np.moveaxis(turning, 1, 2)[some], 0.95, axis=-1)
    for time in TIMES:
        frame = min(int(time * RATE), speed.shape[1] - 1)
        out[f"speed_{time}s"] = np.where((at >= time * RATE)[:, None], speed[:, frame], np.nan)
        out[f"opponent_{time}s"] = np.where((at >= time * RATE)[:, None], opponent[:, frame], np.nan)
    table = pd.DataFrame({name: value.ravel() for name, value in out.items()})
    table["group"] = moves.position.ravel()
    table["offence"] = moves.offence.ravel()
    table["play"] = np.repeat(n, 22)
    return table


def matched(real: np.ndarray, synthetic: np.ndarray, widths: tuple[float, ...], *, seed: int) -> np.ndarray:
    """Indices of synthetic plays, as many as real ones, that agree with them in every column to within `widths`.

    Args:
        real: What to match on, one row a real play, (R, k).
        synthetic: The same of the synthetic plays, (S, k).
        widths: Scale of each column: each real play in turn takes the closest synthetic play still free.
        seed: Order in which real plays choose.

    Returns:
        Indices into `synthetic`, (R,), the i-th for the i-th real play.
    """
    if len(synthetic) < len(real):
        raise ValueError(f"matching needs at least {len(real)} synthetic plays and got {len(synthetic)}: make more")
    rng = np.random.default_rng(seed)
    free = rng.permutation(len(synthetic))
    scaled = synthetic[free] / np.asarray(widths)
    taken = np.zeros(len(free), bool)
    chosen = np.empty(len(real), int)
    for i in rng.permutation(len(real)):
        distance = np.abs(scaled - real[i] / np.asarray(widths)).sum(1)
        distance[taken] = np.inf
        j = int(distance.argmin())
        taken[j] = True
        chosen[i] = free[j]
    return chosen


def auc(score: np.ndarray, label: np.ndarray) -> float:
    """Area under the ROC curve: P(score of a 1 > score of a 0) + P(equal) / 2."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    ones = label.sum()
    return float((ranks[label].sum() - ones * (ones + 1) / 2) / (ones * (len(label) - ones)))


@dataclass(frozen=True)
class TwoSample:
    """Outcome of a classifier two-sample test: `auc` with a 95% interval by play, and what gives the fakes away.

    `features` has one row a feature, the most telling first: `drop` of the AUC when the feature is shuffled among the
    held-out plays, `alone` the AUC of the feature by itself (above 0.5: synthetic is larger), medians of both samples.
    """

    auc: float
    low: float
    high: float
    features: pd.DataFrame


def two_sample(
    real: pd.DataFrame, synthetic: pd.DataFrame, features: tuple[str, ...], *, seed: int, repeats: int = 200
) -> TwoSample:
    """Can gradient boosting tell real from synthetic players? Folds keep plays whole.

    Args:
        real: Output of `kinematics` on real plays.
        synthetic: Output of `kinematics` on synthetic plays.
        features: Columns to use; with more than one position group in the tables, the group is used too.
        seed: Folds, boosting, shuffles and bootstrap.
        repeats: Bootstrap samples of plays for the interval; 0 leaves it NaN.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    both = pd.concat([real, synthetic], ignore_index=True)
    label = np.repeat([False, True], [len(real), len(synthetic)])
    play = both["play"].to_numpy() + np.where(label, both["play"].max() + 1, 0)
    values = both[list(features)].to_numpy(np.float64)
    group = both["group"].astype("category").cat.codes.to_numpy()
    columns = np.column_stack([values, group])
    rng = np.random.default_rng(seed)
    score = np.empty(len(both))
    shuffled = np.empty((len(features), len(both)))
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(columns, label, play):
        boosting = HistGradientBoostingClassifier(max_leaf_nodes=15, random_state=seed)
        boosting.fit(columns[train], label[train])
        score[test] = boosting.predict_proba(columns[test])[:, 1]
        for i in range(len(features)):
            shuffle = columns[test].copy()
            for g in np.unique(group[test]):
                rows = np.flatnonzero(group[test] == g)
                shuffle[rows, i] = shuffle[rng.permutation(rows), i]
            shuffled[i, test] = boosting.predict_proba(shuffle)[:, 1]
    value = auc(score, label)
    plays, index = np.unique(play, return_inverse=True)
    rows_of = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    draws = []
    for _ in range(repeats):
        rows = np.concatenate([rows_of[i] for i in rng.integers(len(plays), size=len(plays))])
        draws.append(auc(score[rows], label[rows]))
    low, high = np.quantile(draws, [0.025, 0.975]) if draws else (np.nan, np.nan)
    table = []
    for i, name in enumerate(features):
        there = np.isfinite(values[:, i])
        alone = auc(values[there, i], label[there])
        medians = np.nanmedian(values[~label, i]), np.nanmedian(values[label, i])
        table.append((name, value - auc(shuffled[i], label), alone, *medians))
    frame = pd.DataFrame(table, columns=["feature", "drop", "alone", "real", "synthetic"])
    return TwoSample(value, low, high, frame.sort_values("drop", ascending=False, ignore_index=True))
