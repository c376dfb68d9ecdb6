"""Windows of ultimate: what is in them, and that nothing of the future or of the flight is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from qbsbp.datasets.ultimate_track import throws
from qbsbp.features import PLAYER_FEATURES, STATIC_FEATURES, ultimate_windows
from qbsbp.schema import ULTIMATE
from qbsbp.tracking import order_players, prepare
from tests.features.cases import same
from tests.ultimate_cases import needs_real_data, real, simulated, with_frames

# --- windows: what is in them -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prepared():
    return prepare(simulated())


@pytest.fixture(scope="module")
def windows(prepared):
    return ultimate_windows(prepared, stride=1 / 15)


def test_a_window_is_taken_wherever_the_disc_is_held_and_the_outcome_is_on_record(prepared, windows):
    plays, index = windows
    disc = prepared.frames.iloc[14::15].set_index(["game_id", "play_id", "frame_id"])
    expected, outcome = [], []
    for key, row in disc.iterrows():
        later = (*key[:2], key[2] + 30)
        if row["disc_state"] == "held" and later in disc.index and disc.loc[later, "disc_state"] != "unrecorded":
            expected.append(key)
            outcome.append(disc.loc[later, "x"] - row["x"])
    assert list(index[["game_id", "play_id", "frame_id"]].itertuples(index=False, name=None)) == expected
    np.testing.assert_allclose(plays.y, outcome, atol=1e-5)
    assert torch.equal(plays.group, torch.tensor(index["game_id"].to_numpy()))


def test_a_window_holds_the_last_two_seconds_padded_on_the_right(windows):
    plays, index = windows
    assert plays.x.shape == (len(index), 14 * 8, 30)
    np.testing.assert_array_equal(plays.lengths, np.minimum(index["frame_id"], 30))
    padding = torch.arange(30) >= plays.lengths[:, None]
    assert (plays.x.transpose(1, 2)[padding] == 0).all()
    assert set(plays.lengths.tolist()) == set(range(1, 31))
    assert all(torch.isfinite(tensor).all() for tensor in (plays.x, plays.static, plays.y))


def test_every_number_of_a_window_is_what_it_says(prepared, windows):
    plays, index = windows
    tables = dict(list(prepared.frames.groupby(["game_id", "play_id"])))
    caught = throws(simulated())
    rng = np.random.default_rng(0)
    for w in [0, 1, 2, *rng.integers(0, len(index), 25)]:
        row = index.iloc[w]
        game, play, t = int(row["game_id"]), int(row["play_id"]), int(row["frame_id"])
        frames = tables[game, play].set_index(["frame_id", "player_id"])
        now = frames.loc[t]
        holder = int(now.index[now["holds_disc"]][0])
        x0, y0 = now.loc[holder, ["x", "y"]]
        assert (row["holder_id"], row["disc_x"], row["disc_y"]) == (holder, x0, y0)

        side = now["side"].to_numpy()
        columns = order_players(
            now[["x", "y"]].to_numpy()[None], np.flatnonzero(side == "offence"), np.flatnonzero(side == "defence"),
            np.array([holder - 1]),
        )[0]  # fmt: skip
        length = int(plays.lengths[w])
        x = plays.x[w].reshape(14, 8, 30)
        for f in {0, length // 2, length - 1}:
            moment = frames.loc[t - length + 1 + f]
            for slot in (0, 1, 6, 7, 13):
                player = moment.iloc[columns[slot]]
                opponents = moment[moment["side"] == ("defence" if slot < 7 else "offence")]
                expected = {
                    "ahead": player["x"] - x0,
                    "across": player["y"] - y0,
                    "separation": np.hypot(opponents["x"] - player["x"], opponents["y"] - player["y"]).min(),
                    "holds_disc": float(player["holds_disc"]),
                }
                for k, (name, (scale, _)) in enumerate(PLAYER_FEATURES.items()):
                    value = expected.get(name, player.get(name))
                    value = 0.0 if np.isnan(value) else value
                    assert x[slot, k, f].item() * scale == pytest.approx(value, abs=2e-4), name

        earlier = caught.query(f"game_id == {game} and play_id == {play} and completed and catch_frame <= {t}")
        mates = now[now["side"] == "offence"]
        facts = {
            "to_end_zone": 76 - x0,
            "off_centre": y0 - 18.5,
            "to_sideline": min(y0, 37 - y0),
            "held": (t - (earlier["catch_frame"].max() if len(earlier) else 1)) / 15,
            "played": (t - 1) / 15,
            "throws": len(earlier),
            "marker": np.hypot(now["x"] - x0, now["y"] - y0)[now["side"] == "defence"].min(),
            "players_ahead": (mates["x"] > x0).sum(),
        }
        for k, (name, (scale, _)) in enumerate(STATIC_FEATURES.items()):
            assert plays.static[w, k].item() * scale == pytest.approx(facts[name], abs=1e-4), name


def test_scaled_features_are_of_order_one(windows):
    plays, _ = windows
    spread = plays.x[plays.lengths == 30].reshape(-1, 14, 8, 30).std(dim=(0, 1, 3))
    assert spread[:7].min() > 0.1
    assert plays.x.abs().max() < 20
    assert plays.static.abs().max() < 10


def test_a_stride_takes_some_of_the_windows(prepared, windows):
    every, index = windows
    some, chosen = ultimate_windows(prepared, stride=0.4)
    on_grid = ((index["frame_id"] - 1) % 6 == 0).to_numpy()
    assert same(some, every[on_grid])
    assert chosen.equals(index[on_grid].reset_index(drop=True))


def test_past_and_ahead_are_seconds(prepared, windows):
    plays, index = ultimate_windows(prepared, past=1.0, ahead=1.0, stride=1 / 15)
    assert plays.x.shape[2] == 15
    joined = index.reset_index().merge(windows[1].reset_index(), on=["game_id", "play_id", "frame_id"])
    full = joined[joined["frame_id"] >= 30]
    assert len(full) > 100
    short, long = plays[full["index_x"]].x, windows[0][full["index_y"]].x
    assert torch.equal(short, long[:, :, 15:])


def test_names_of_players_do_not_matter(prepared, windows):
    """Renaming players within a play leaves every window as it is: slots have a meaning, ids have none."""
    frames = prepared.frames.copy()
    names = np.random.default_rng(1).permutation(14)
    columns = np.append(names, 14)
    rows = np.arange(len(frames)).reshape(-1, 15)[:, columns].ravel()
    renamed = frames.iloc[rows].reset_index(drop=True).assign(player_id=frames["player_id"])
    plays, _ = ultimate_windows(with_frames(prepared, renamed), stride=1 / 15)
    assert same(plays, windows[0])


# --- windows: what is not in them -------------------------------------------------------------------------------------


def disturbed(tracking, cut: int, seed: int):
    """Every position after frame `cut`, and the disc wherever it flies, thrown about."""
    rng = np.random.default_rng(seed)
    frames = tracking.frames.copy()
    later = (frames["frame_id"] > cut).to_numpy()
    flies = ((frames["side"] == "disc") & (frames["disc_state"] == "flight")).to_numpy()
    for name, high in (("x", 94.0), ("y", 37.0)):
        frames.loc[later | flies, name] = rng.uniform(0, high, (later | flies).sum())
    return with_frames(tracking, frames)


@pytest.mark.parametrize("cut", [1, 2, 10, 30, 31, 60, 150])
def test_nothing_after_the_window_and_no_disc_in_flight_changes_its_features(windows, cut):
    plays, index = windows
    changed, same_index = ultimate_windows(prepare(disturbed(simulated(), cut, cut)), stride=1 / 15)
    keys = ["game_id", "play_id", "frame_id"]
    assert same_index[keys].equals(index[keys])
    until = torch.tensor((index["frame_id"] <= cut).to_numpy())
    assert until.any()
    for name in ("x", "static", "lengths"):
        assert torch.equal(getattr(changed[until], name), getattr(plays[until], name)), name
    after = ~until
    assert not torch.equal(changed.x[after], plays.x[after])  # the disturbance was one


def test_a_hold_that_goes_on_or_ends_later_changes_no_feature(windows):
    """The flags of later frames are out of reach too: cut a play after its outcome, and its windows stay."""
    tracking = simulated()
    plays, index = windows
    frames = tracking.frames[tracking.frames["frame_id"] <= 100]
    cut, cut_index = ultimate_windows(prepare(with_frames(tracking, frames)), stride=1 / 15)
    kept = torch.tensor((index["frame_id"] <= 70).to_numpy())
    assert same(cut, plays[kept])
    assert cut_index.equals(index[kept.numpy()].reset_index(drop=True))


@needs_real_data
def test_nothing_of_the_future_is_in_the_real_windows():
    plays, index = ultimate_windows(prepare(real()))
    changed, _ = ultimate_windows(prepare(disturbed(real(), 100, 1)))
    until = torch.tensor((index["frame_id"] <= 100).to_numpy())
    assert torch.equal(changed.x[until], plays.x[until])
    assert torch.equal(changed.static[until], plays.static[until])


# --- the rest ---------------------------------------------------------------------------------------------------------


@needs_real_data
def test_the_real_windows():
    plays, index = ultimate_windows(prepare(real()))
    assert dict(index.groupby("game_id").size()) == {1: 725, 2: 1182, 3: 1445, 4: 625}
    assert plays.y.mean().item() == pytest.approx(2.38, abs=0.01)
    assert plays.y.std().item() == pytest.approx(4.53, abs=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"past": 0.0}, r"past: expected a positive multiple of 1/15 s, came 0.0 s"),
        ({"ahead": -2.0}, r"ahead: expected a positive multiple"),
        ({"stride": 0.1}, r"stride: expected a positive multiple of 1/15 s, came 0.1 s"),
    ],
)
def test_times_that_are_no_frames_are_refused(prepared, options, message):
    with pytest.raises(ValueError, match=message):
        ultimate_windows(prepared, **options)


def test_what_is_not_prepared_ultimate_is_refused(prepared):
    with pytest.raises(ValueError, match=r"tracking: expected velocities, .*Pass qbsbp.tracking.prepare\(tracking\)"):
        ultimate_windows(simulated())
    other = dataclasses.replace(prepared, layout=dataclasses.replace(ULTIMATE, name="football"))
    with pytest.raises(ValueError, match="tracking: expected the layout 'ultimate', came 'football'"):
        ultimate_windows(other)


def test_plays_too_short_for_an_outcome_have_no_windows(prepared):
    plays, index = ultimate_windows(prepared, ahead=200.0)
    assert len(plays) == len(index) == 0
    assert plays.x.shape == (0, 14 * 8, 30)
