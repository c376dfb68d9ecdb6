"""Simulated ultimate: the published format to the byte, bodies that obey physics, the statistics of the real games."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from data_synth.ultimate import make_possessions, write_ultimate_track
from qbsbp.datasets import ultimate_track
from qbsbp.features import ultimate_windows
from qbsbp.schema import ULTIMATE
from qbsbp.tracking import MAX_SPEED, prepare
from tests.ultimate_cases import needs_real_data, possessions, real, simulated

N, SEED = 8, 3


# --- the format -------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    written = {
        name: write_ultimate_track(tmp_path / name, 4, seed=seed) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    }
    content = {name: [path.read_bytes() for path in paths] for name, paths in written.items()}
    assert [path.name for path in written["a"]] == ["1_1_1.csv", "2_1_1.csv", "3_1_1.csv", "4_1_1.csv"]
    assert content["a"] == content["b"]
    assert not set(content["a"]) & set(content["c"])
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        *(p.name for p in written["a"]),
        "SIMULATED.txt",
    ]


def test_a_longer_league_begins_with_the_shorter_one():
    longer, shorter = possessions(N, SEED), make_possessions(3, seed=SEED)
    for name, rows in shorter.files.items():
        pd.testing.assert_frame_equal(rows, longer.files[name])
    assert len(shorter.throws) < len(longer.throws)


def test_the_columns_their_types_and_rounding_are_the_published_ones(tmp_path):
    (path,) = write_ultimate_track(tmp_path, 1, seed=0)
    lines = path.read_text().splitlines()
    assert tuple(lines[0].split(",")) == ultimate_track.COLUMNS
    assert "-0.0," not in lines[1]
    rows = pd.read_csv(path)
    kinds = {name: dtype.kind for name, dtype in rows.dtypes.items() if name != "class"}
    assert kinds == dict.fromkeys("xy", "f") | dict.fromkeys(["vx", "vy", "ax", "ay"], "f") | dict.fromkeys(
        ["frame", "id", "closest"], "i"
    ) | {"holder": "b"}
    numbers = rows[["x", "y", "vx", "vy", "ax", "ay"]]
    np.testing.assert_array_equal(numbers, numbers.round(2))


def test_velocity_acceleration_and_closest_follow_the_publishers_rules():
    for rows in possessions(N, SEED).files.values():
        x, y, vx, ax = (rows.pivot(index="frame", columns="id", values=name) for name in ("x", "y", "vx", "ax"))
        np.testing.assert_allclose(vx[5:-2], (x.diff() * 15).rolling(5, center=True).mean()[5:-2], atol=0.006)
        np.testing.assert_allclose(ax[1:], (vx.diff() * 15)[1:], atol=0.16)  # a difference of rounded velocities
        side = rows["class"].to_numpy()[:15]
        closest = rows["closest"].to_numpy().reshape(-1, 15)
        assert (closest[:, 14] == 0).all()
        gap = np.hypot(
            x.to_numpy()[:, :, None] - x.to_numpy()[:, None], y.to_numpy()[:, :, None] - y.to_numpy()[:, None]
        )
        for own, other in (("offense", "defense"), ("defense", "offense")):
            ours, theirs = np.flatnonzero(side == own), np.flatnonzero(side == other)
            nearest = gap[:, ours[:, None], theirs].min(axis=2)
            named = np.take_along_axis(gap[:, ours], closest[:, ours, None] - 1, axis=2)[..., 0]
            np.testing.assert_allclose(named, nearest)
            assert np.isin(closest[:, ours] - 1, theirs).all()


@pytest.mark.parametrize(
    ("n", "seed", "name"), [(0, 1, "n_possessions"), (2.0, 1, "n_possessions"), (1, -1, "seed"), (True, 1, "n")]
)
def test_wrong_arguments_are_refused(n, seed, name):
    with pytest.raises(ValueError, match=f"{name}.*: expected an integer of at least"):
        make_possessions(n, seed=seed)


# --- the bodies and the disc ------------------------------------------------------------------------------------------


def test_players_run_no_faster_than_people_and_stay_near_the_field():
    tracking = prepare(simulated(N, SEED))
    assert tracking.report["jumps"] == 0
    frames = tracking.frames[tracking.frames["side"] != "disc"]
    speed = np.hypot(frames["velocity_x"], frames["velocity_y"])
    acceleration = np.hypot(frames["acceleration_x"], frames["acceleration_y"])
    assert speed.max() < 8.5 < MAX_SPEED
    assert speed.quantile(0.99) > 6
    assert acceleration.quantile(0.99) < 11
    assert frames["x"].between(-3, ULTIMATE.field_length + 3).all()
    assert frames["y"].between(-3, ULTIMATE.field_width + 3).all()


def test_the_disc_is_with_its_holder_and_flies_straight_at_constant_speed():
    result, speeds = possessions(N, SEED), []
    for name, rows in result.files.items():
        x, y = (rows[c].to_numpy().reshape(-1, 15) for c in ("x", "y"))
        place = np.stack([x, y], axis=-1)
        holding = rows["holder"].to_numpy().reshape(-1, 15)
        held = holding.any(axis=1)
        np.testing.assert_array_equal(place[held, 14], place[held, holding[held].argmax(axis=1)])
        for throw in result.throws[(result.throws["file"] == name) & result.throws["completed"]].itertuples():
            flight = place[throw.release_frame - 1 : throw.catch_frame, 14]
            steps = np.diff(flight, axis=0)
            np.testing.assert_allclose(steps, np.broadcast_to(steps.mean(axis=0), steps.shape), atol=0.011)
            speeds.append(np.hypot(*steps.mean(axis=0)) * 15)
    assert 5 < np.quantile(speeds, 0.1) < np.quantile(speeds, 0.9) < 15


# --- the statistics ---------------------------------------------------------------------------------------------------

# Bands that hold the real 252 completed throws and 64 possessions and must hold the simulated ones.
BANDS = {
    "throws per possession": (3.5, 6.0),
    "share completed": (0.83, 0.92),
    "mean gain": (5.4, 7.4),
    "sd of gain": (6.4, 9.4),
    "skewness of gain": (1.2, 3.2),
    "share of gains over 20 m": (0.02, 0.07),
    "share of gains below 0": (0.12, 0.24),
    "median hold, s": (2.2, 3.4),
    "median flight, s": (0.7, 1.1),
    "seconds per possession": (15.0, 25.0),
    "99 % quantile of speed": (6.0, 7.2),
    "median distance to the nearest opponent": (1.4, 2.2),
    "mean of y": (1.7, 3.0),
    "sd of y": (3.6, 5.0),
    "share of y within 0.5 m of 0": (0.33, 0.55),
}


def statistics(tracking) -> dict[str, float]:
    table, prepared = ultimate_track.throws(tracking), prepare(tracking)
    plays, _ = ultimate_windows(prepared)
    caught = table[table["completed"]]
    frames = prepared.frames[prepared.frames["side"] != "disc"]
    separation = plays.x.reshape(len(plays), 14, 8, -1)[torch.arange(len(plays)), 1:7, 6, plays.lengths - 1] * 3.0
    return {
        "throws per possession": len(table) / len(tracking.plays),
        "share completed": table["completed"].mean(),
        "mean gain": caught["gain"].mean(),
        "sd of gain": caught["gain"].std(),
        "skewness of gain": caught["gain"].skew(),
        "share of gains over 20 m": (caught["gain"] > 20).mean(),
        "share of gains below 0": (caught["gain"] < 0).mean(),
        "median hold, s": (table["release_frame"] - table["hold_first_frame"] + 1).median() / 15,
        "median flight, s": float((caught["catch_frame"] - caught["release_frame"]).median()) / 15,
        "seconds per possession": tracking.plays["frames"].mean() / 15,
        "99 % quantile of speed": np.hypot(frames["velocity_x"], frames["velocity_y"]).quantile(0.99),
        "median distance to the nearest opponent": separation.median().item(),
        "mean of y": plays.y.mean().item(),
        "sd of y": plays.y.std().item(),
        "share of y within 0.5 m of 0": (plays.y.abs() < 0.5).float().mean().item(),
    }


def outside(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if not BANDS[name][0] <= value <= BANDS[name][1]}


def test_the_simulated_games_keep_to_the_bands_of_the_real_ones():
    assert outside(statistics(simulated(128, 7))) == {}


@needs_real_data
def test_the_real_games_keep_to_the_same_bands():
    assert outside(statistics(real())) == {}


def test_the_tracks_tell_something_of_the_outcome():
    """A ridge regression on the last frame and the static facts beats the mean in every game held out."""
    plays, _ = ultimate_windows(prepare(simulated(128, 7)))
    last = plays.x[torch.arange(len(plays)), :, plays.lengths - 1]
    features, y = torch.cat([last, plays.static], dim=1).double().numpy(), plays.y.double().numpy()
    skill = []
    for game in range(1, 5):
        held_out = (plays.group == game).numpy()
        z = (features - features[~held_out].mean(axis=0)) / (features[~held_out].std(axis=0) + 1e-9)
        mean = y[~held_out].mean()
        gram = z[~held_out].T @ z[~held_out] + 300.0 * np.eye(z.shape[1])
        predicted = mean + z[held_out] @ np.linalg.solve(gram, z[~held_out].T @ (y[~held_out] - mean))
        skill.append(1 - ((y[held_out] - predicted) ** 2).mean() / ((y[held_out] - mean) ** 2).mean())
    assert min(skill) > 0.02, skill
    assert np.mean(skill) > 0.05, skill
