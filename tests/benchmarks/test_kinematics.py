"""`benchmarks.kinematics` on plays made of straight lines, and the search for the fake on samples that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import kinematics

SNAP, RELEASE, LAST = 3, 23, 26  # frames; the pass leaves 2.0 s after the snap
POSITIONS = ["QB", "OL", "OL", "OL", "OL", "OL", "WR", "WR", "WR", "TE", "RB"] + ["DL"] * 4 + ["LB"] * 2 + ["DB"] * 5


def tables(rusher_speed: float = 2.5, release: int = RELEASE) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One play. The passer (7) stands 5 yards behind the ball; one rusher (12) runs straight at him from 6 yards away;
    receiver 18 runs at 6 yd/s along the field, his defender (23) 2 yards beside him; everyone else stands far off."""
    plays = pd.DataFrame(
        {"game_id": [9], "play_id": [4], "snap_frame": [SNAP], "release_frame": [release], "passer_id": [7]}
    )
    ids = np.arange(1, 23)
    ids[0], ids[6] = 7, 1  # the passer is not the first in the order of identities
    rows = []
    for frame in range(1, LAST + 1):
        t = max(frame - SNAP, 0) / 10
        for i, (player, position) in enumerate(zip(ids, POSITIONS)):
            x, y, speed, direction, orientation = 60.0 + (i > 10) * 1.5, 2.0 * i, 0.0, 0.0, 90.0
            if i == 0:
                x, y = 55.0, 26.0
            elif i == 11:
                x, y, speed, direction = max(61.0 - rusher_speed * t, 55.0), 26.0, rusher_speed * (t > 0), 270.0
            elif i == 6:
                x, y, speed, direction = 60.0 + 6 * t, 50.0, 6.0 * (t > 0), 90.0
            elif i == 21:
                x, y, speed, direction = 60.0 + 6 * t, 52.0, 6.0 * (t > 0), 90.0
            side = "offence" if i < 11 else "defence"
            rows.append((9, 4, frame, player, side, position, x, y, speed, direction, orientation))
        rows.append((9, 4, frame, 0, "ball", "ball", 60.0, 26.0, 0.0, np.nan, np.nan))
    names = ["game_id", "play_id", "frame_id", "player_id", "side", "position", "x", "y", "speed", "direction"]
    return plays, pd.DataFrame(rows, columns=[*names, "orientation"])


def test_the_pocket_is_timed_by_distance():
    plays, frames = tables()  # the rusher is 6 - 2.5 t yards away: 1.5 after 1.8 s, 1.0 at the release, 0.5 at 2.2 s
    row = kinematics.pocket(kinematics.unpack(plays, frames)).iloc[0]
    assert row["time"] == 2.0 and row["depth"] == 5.0
    assert row["pressured"] and row["first_pressure"] == pytest.approx(1.9)  # the first frame closer than 1.5 yards
    assert row["pressurers"] == 1 and row["rushers"] == 1
    assert row["nearest"] == pytest.approx(1.0) and row["nearest_1s"] == pytest.approx(3.5)
    assert row["nearest_2s"] == pytest.approx(1.0) and np.isnan(row["nearest_3s"])
    assert row["hit"]


def test_a_slow_rusher_presses_nobody():
    plays, frames = tables(rusher_speed=1.9)  # 2.2 yards away at the release
    row = kinematics.pocket(kinematics.unpack(plays, frames)).iloc[0]
    assert not row["pressured"] and np.isnan(row["first_pressure"]) and not row["hit"]


def test_closer_than_two_yards_counts_at_the_release_only():
    plays, frames = tables(rusher_speed=2.1)  # 1.8 yards away at the release
    row = kinematics.pocket(kinematics.unpack(plays, frames)).iloc[0]
    assert row["pressured"] and row["first_pressure"] == 2.0 and not row["hit"]
    later = kinematics.pocket(kinematics.unpack(*tables(rusher_speed=2.1, release=RELEASE - 1))).iloc[0]
    assert not later["pressured"]  # 2.01 yards away


def test_separation_of_every_eligible_at_the_release():
    row = kinematics.pocket(kinematics.unpack(*tables())).iloc[0]
    found = {row[f"eligible_{i}"]: row[f"separation_{i}"] for i in range(5)}
    assert sorted(row[f"eligible_{i}"] for i in range(5)) == ["RB", "TE", "WR", "WR", "WR"]
    assert 2.0 in [pytest.approx(row[f"separation_{i}"]) for i in range(5) if row[f"eligible_{i}"] == "WR"]
    assert all(np.isfinite(v) for v in found.values())


def test_unpack_does_not_depend_on_the_order_of_rows_and_refuses_missing_players():
    plays, frames = tables()
    shuffled = frames.sample(frac=1, random_state=1)
    one, two = kinematics.unpack(plays, frames), kinematics.unpack(plays, shuffled)
    assert np.array_equal(one.x, two.x, equal_nan=True) and np.array_equal(one.position, two.position)
    assert one.snap_x.tolist() == [60.0] and one.position[0, one.passer[0]] == "QB"
    assert one.x.shape == (1, 26, 22)  # snap to release, and room for half a second
    gone = frames[~((frames["frame_id"] == 10) & (frames["player_id"] == 5))]
    with pytest.raises(ValueError, match="has not 22 players at frame 7 after the snap"):
        kinematics.unpack(plays, gone)


def test_kinematics_of_a_straight_run():
    table = kinematics.kinematics(kinematics.unpack(*tables()))
    assert len(table) == 22
    runner = table[(table["group"] == "WR") & (table["top_speed"] > 1)].iloc[0]
    assert runner["top_speed"] == 6 and runner["speed_release"] == 6
    assert runner["path"] == pytest.approx(12, abs=1e-4) and runner["straightness"] == pytest.approx(1)
    assert runner["downfield"] == pytest.approx(12, abs=1e-4) and runner["sideways"] == 0
    assert runner["turning"] == 0 and runner["torso_to_motion"] == 0 and runner["torso_turning"] == 0
    assert runner["peak_tangential"] == pytest.approx(60)  # the one step from rest to 6 yd/s in a tenth of a second
    assert runner["speed_1.0s"] == 6 and np.isnan(runner["speed_2.5s"])
    assert runner["opponent_release"] == pytest.approx(2)
    assert runner["width_snap"] == pytest.approx(24) and runner["depth_snap"] == 0
    still = table[table["group"] == "OL"]
    assert (still["path"] == 0).all() and still["turning"].isna().all()


def test_matching_takes_each_play_once_and_the_closest():
    real = np.array([[1.0], [1.0], [3.0]])
    synthetic = np.array([[9.0], [1.1], [2.9], [0.8], [5.0]])
    rows = kinematics.matched(real, synthetic, (0.1,), seed=0)
    assert sorted(rows[:2]) == [1, 3] and rows[2] == 2
    with pytest.raises(ValueError, match="needs at least 3 synthetic plays and got 2"):
        kinematics.matched(real, synthetic[:2], (0.1,), seed=0)


def test_auc_counts_pairs():
    score, label = np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True])
    assert kinematics.auc(score, label) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def players(shift: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"play": np.repeat(np.arange(60), 22), "group": np.tile(POSITIONS, 60)})
    table["top_speed"] = rng.normal(size=len(table)) + shift
    table["path"] = rng.normal(size=len(table))
    return table


def test_two_samples_of_one_law_cannot_be_told_apart_and_a_shift_is_named():
    features = ("path", "top_speed")
    same = kinematics.two_sample(players(0, 1), players(0, 2), features, seed=0, repeats=100)
    assert same.low < 0.5 < same.high and same.high - same.low < 0.12
    other = kinematics.two_sample(players(0, 1), players(1.5, 2), features, seed=0, repeats=100)
    # two normals 1.5 apart: P(one > other) = Phi(1.5 / sqrt 2) = 0.856
    assert 0.80 < other.auc < 0.87 and other.low < other.auc < other.high
    assert other.features["feature"].iloc[0] == "top_speed"
    assert other.features["alone"].iloc[0] == pytest.approx(0.856, abs=0.02)


def test_a_play_stays_whole_in_the_folds():
    # Every play has its own mean: a classifier that had seen the play would know its label.
    rng = np.random.default_rng(5)
    a, b = players(0, 1), players(0, 2)
    for table in (a, b):
        table["path"] = 0.01 * rng.normal(size=len(table)) + np.repeat(rng.normal(size=60), 22)
    assert kinematics.two_sample(a, b, ("path",), seed=0, repeats=0).auc == pytest.approx(0.5, abs=0.12)
