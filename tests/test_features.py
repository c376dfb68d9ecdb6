"""Play tensors, and windows of ultimate: what is in them, and that nothing of the future or of the flight is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from qbsbp.datasets import ngs_highlights
from qbsbp.datasets.ultimate_track import throws
from qbsbp.features import (
    PASSING_PLAYER_FEATURES,
    PASSING_SLOTS,
    PASSING_STATIC_FEATURES,
    PLAYER_FEATURES,
    STATIC_FEATURES,
    PlayTensors,
    passing_plays,
    ultimate_windows,
)
from qbsbp.model import ModelConfig
from qbsbp.schema import ULTIMATE
from qbsbp.tracking import add_velocities, order_players, pair_defenders, prepare
from qbsbp.training import TrainConfig, train
from tests.highlight_cases import TEXT, highlights, ngs_rows, synthetic, write_ngs
from tests.ultimate_cases import needs_real_data, real, simulated, with_frames

# --- play tensors -----------------------------------------------------------------------------------------------------


def make(plays: int = 5, time: int = 4, seed: int = 0) -> PlayTensors:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, time + 1, (plays,), generator=generator)
    x = torch.randn(plays, 3, time, generator=generator) * (torch.arange(time) < lengths[:, None])[:, None]
    return PlayTensors(
        x, lengths, torch.randn(plays, 2, generator=generator), torch.arange(plays) * 1.0, torch.arange(plays) % 2
    )


def same(a: PlayTensors, b: PlayTensors) -> bool:
    return all(torch.equal(tensor, vars(b)[name]) for name, tensor in vars(a).items())


def test_indexing_picks_plays():
    plays = make()
    for index in (
        torch.tensor([3, 0, 0]), torch.tensor([True, False, True, False, False]), slice(1, 4), [4, 2],
        np.array([1]), np.array([False] * 4 + [True]), torch.tensor([], dtype=torch.long), slice(0, 0),
    ):  # fmt: skip
        picked = plays[index]
        rows = torch.arange(5)[index if isinstance(index, slice) else torch.as_tensor(index)]
        assert len(picked) == len(rows)
        assert torch.equal(picked.y, rows * 1.0)
        for name, tensor in vars(picked).items():
            assert torch.equal(tensor, vars(plays)[name][rows])
    with pytest.raises(ValueError, match=r"index: expected a slice, .* came 3. Use \[3:4\]"):
        plays[3]


def test_concat_pads_the_shorter_and_undoes_splitting():
    plays = make(6)
    assert same(PlayTensors.concat([plays[:2], plays[2:]]), plays)
    both = PlayTensors.concat([make(2, 3), make(3, 7)])
    assert both.x.shape == (5, 3, 7)
    assert torch.equal(both.x[:2, :, :3], make(2, 3).x)
    assert (both.x[:2, :, 3:] == 0).all()
    with pytest.raises(ValueError, match="parts: expected at least one"):
        PlayTensors.concat([])


def test_to_moves_every_tensor():
    moved = make().to("meta")
    assert {tensor.device.type for tensor in vars(moved).values()} == {"meta"}
    assert same(make().to("cpu"), make())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(5, 3)}, r"x: expected 3 dimensions with 5 plays first, as y has, came shape \(5, 3\)"),
        ({"lengths": torch.ones(4, dtype=torch.long)}, r"lengths: expected 1 dimensions with 5 plays"),
        ({"static": torch.zeros(5)}, r"static: expected 2 dimensions"),
        ({"y": torch.zeros(5, 1)}, r"y: expected 1 dimensions"),
        ({"group": torch.zeros(6)}, r"group: expected 1 dimensions with 5 plays"),
        ({"lengths": torch.tensor([1.0, 1, 1, 1, 1])}, r"lengths: expected integers, came torch.float32"),
    ],
)
def test_shapes_that_do_not_agree_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(make(), **change)


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


# --- passing plays: what is in them -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def season_plays():
    """A synthetic season, prepared."""
    return prepare(synthetic())


@pytest.fixture(scope="module")
def passes(season_plays):
    return passing_plays(season_plays)


@pytest.fixture(scope="module")
def hand_made(tmp_path_factory):
    """Three hand-made plays in the format of the NGS highlights, prepared; one went left, one has no known target."""
    plays = (
        ngs_rows(playId=1),
        ngs_rows(playId=2, direction="left"),
        ngs_rows(playId=3, text=TEXT.replace("T.O'Target", "N.Nobody")),
    )
    folder = write_ngs(tmp_path_factory.mktemp("ngs"), *plays)
    return prepare(ngs_highlights.read(folder, verify=False, progress=False))


def test_a_play_has_its_outcome_its_game_and_its_keys(season_plays, passes):
    plays, index = passes
    table = season_plays.plays
    assert plays.x.shape[:2] == (len(table), 176)
    assert torch.equal(plays.y, torch.tensor(table["yards_gained"].to_numpy(np.float32)))
    assert torch.equal(plays.group, torch.tensor(table["game_id"].to_numpy(np.int64)))
    keys = ["game_id", "play_id", "passer_id", "target_id", "outcome", "yards_to_goal", "touchdown"]
    pd.testing.assert_frame_equal(index[keys], table[keys])
    assert (index["frames"] == table["release_frame"]).all()
    np.testing.assert_array_equal(plays.lengths, np.minimum(index["frames"], 40))
    padding = torch.arange(plays.x.shape[2]) >= plays.lengths[:, None]
    assert padding.any()
    assert (plays.x.transpose(1, 2)[padding] == 0).all()
    assert all(torch.isfinite(tensor).all() for tensor in (plays.x, plays.static, plays.y))


def slots_of(frames: pd.DataFrame, play: pd.Series, target: int) -> list[int]:
    """Players in the order of the slots, worked out one by one from the rows of one play."""
    snap, release = (frames[frames["frame_id"] == f].set_index("player_id") for f in (1, frames["frame_id"].max()))
    offence = [p for p in release.index if release.loc[p, "side"] == "offence"]
    defence = [p for p in release.index if release.loc[p, "side"] == "defence"]
    passer = play["passer_id"]
    rest = [p for p in offence if p not in (passer, target)]
    inside = sorted(rest, key=lambda p: (snap.loc[p, "position"] != "OL", abs(snap.loc[p, "y"] - snap.loc[0, "y"])))
    line = sorted(inside[:5], key=lambda p: -snap.loc[p, "y"])
    own = release.loc[passer]

    def turn(p):
        way = np.degrees(np.arctan2(release.loc[p, "x"] - own["x"], release.loc[p, "y"] - own["y"]))
        return abs((way - own["orientation"] + 180) % 360 - 180)

    attack = [passer, *([target] if target else []), *sorted(inside[5:], key=turn), *line]
    marker = pair_defenders(*(release.loc[team, ["x", "y"]].to_numpy(float)[None] for team in (attack, defence)))[0]
    return attack + [defence[i] for i in marker]


@pytest.mark.parametrize("use_target", [True, False])
@pytest.mark.parametrize("source", ["season", "hand made"])
def test_every_number_of_a_play_is_what_it_says(season_plays, hand_made, source, use_target):
    tracking = {"season": season_plays, "hand made": hand_made}[source]
    plays, index = passing_plays(tracking, use_target=use_target)
    tables = dict(list(tracking.frames.groupby(["game_id", "play_id"])))
    rng = np.random.default_rng(1)
    for w in sorted(rng.permutation(len(index))[:20]):
        row = tracking.plays.iloc[w]
        frames = tables[row["game_id"], row["play_id"]]
        target = row["target_id"] if use_target else 0
        slots = slots_of(frames, row, target)
        assert len(set(slots)) == 22
        count, length = int(row["release_frame"]), int(plays.lengths[w])
        x = plays.x[w].reshape(22, 8, -1)
        grid = frames.set_index(["frame_id", "player_id"])
        for f in {0, length // 2, length - 1}:
            moment = grid.loc[count - length + 1 + f]
            for slot, player in enumerate(slots):
                at = moment.loc[player]
                expected = {
                    "ahead": at["x"] - row["line_of_scrimmage"],
                    "across": at["y"] - 160 / 6,
                    "orientation_x": np.sin(np.radians(at["orientation"])),
                    "orientation_y": np.cos(np.radians(at["orientation"])),
                }
                for k, (name, (scale, _)) in enumerate(PASSING_PLAYER_FEATURES.items()):
                    value = expected.get(name, at.get(name))
                    assert x[slot, k, f].item() * scale == pytest.approx(value, abs=5e-4), (name, slot)
        last = grid.loc[count]
        defenders = last.loc[slots[11:], ["x", "y"]].to_numpy(float)
        nearest = [np.hypot(*(last.loc[p, ["x", "y"]].to_numpy(float) - defenders).T).min() for p in slots[:2]]
        facts = row[list(PASSING_STATIC_FEATURES)[:6]].to_dict() | {
            "held": (count - 1) / 10,
            "pressure": nearest[0],
            "separation": nearest[1],
            "depth": last.loc[slots[1], "x"] - row["line_of_scrimmage"],
            "target_known": float(target > 0),
        }
        for k, (name, (scale, _)) in enumerate(PASSING_STATIC_FEATURES.items()):
            assert plays.static[w, k].item() * scale == pytest.approx(facts[name], abs=5e-4), name


def test_a_play_that_went_left_is_the_same_play(hand_made):
    plays, _ = passing_plays(hand_made)
    right, left = (plays.x[i].reshape(22, 8, -1) for i in (0, 1))
    places, velocities = [0, 1, 6, 7], [2, 3, 4, 5]
    torch.testing.assert_close(left[:, places], right[:, places], atol=2e-3, rtol=0)  # of the files, in hundredths
    torch.testing.assert_close(left[:, velocities], right[:, velocities], atol=0.2, rtol=0)  # 10 times as much and more
    torch.testing.assert_close(plays.static[1], plays.static[0], atol=0.01, rtol=0)


def test_scaled_features_of_passes_are_of_order_one(passes):
    plays, _ = passes
    real = (torch.arange(plays.x.shape[2]) < plays.lengths[:, None])[:, None].expand(-1, 22, -1)
    for k, name in enumerate(PASSING_PLAYER_FEATURES):
        assert 0.1 < plays.x.reshape(len(plays), 22, 8, -1)[:, :, k][real].std() < 2, name
    assert plays.x.abs().max() < 20
    assert plays.static.abs().max() < 15


def test_past_keeps_the_last_frames(season_plays, passes):
    plays, index = passing_plays(season_plays, past=1.0)
    long, _ = passes
    assert plays.x.shape[2] == 10
    for w in range(0, len(index), 17):
        n, m = int(plays.lengths[w]), int(long.lengths[w])
        assert torch.equal(plays.x[w, :, :n], long.x[w, :, m - n : m])
    assert torch.equal(plays.static, long.static)


def test_ids_and_the_order_of_the_tables_do_not_matter(season_plays, passes):
    """Other ids, and so another order of the rows of a frame, leave every play as it is."""
    rng = np.random.default_rng(2)
    old = np.unique(season_plays.frames["player_id"])
    new = dict(zip(old, np.append(0, 1 + rng.permutation(len(old) - 1))))
    frames = season_plays.frames.assign(player_id=season_plays.frames["player_id"].map(new))
    frames = frames.sort_values(["game_id", "play_id", "frame_id", "player_id"], ignore_index=True)
    table = season_plays.plays.assign(
        passer_id=season_plays.plays["passer_id"].map(new), target_id=season_plays.plays["target_id"].map(new)
    ).sample(frac=1, random_state=0)
    plays, index = passing_plays(dataclasses.replace(season_plays, plays=table, frames=frames))
    assert same(plays, passes[0])
    assert index["play_id"].equals(passes[1]["play_id"])


def test_without_the_target_who_it_was_is_of_no_account(season_plays):
    without, _ = passing_plays(season_plays, use_target=False)
    unknown = dataclasses.replace(season_plays, plays=season_plays.plays.assign(target_id=0))
    assert same(passing_plays(unknown)[0], without)
    assert (without.static[:, list(PASSING_STATIC_FEATURES).index("target_known")] == 0).all()


def test_names_of_the_slots():
    assert len(PASSING_SLOTS) == 11
    assert PASSING_SLOTS[:3] == ("passer", "target", "receiver 2")


# --- passing plays: what is not in them -------------------------------------------------------------------------------


AFTERWARDS = {
    "outcome": "incomplete", "yards_gained": -3, "touchdown": True, "air_yards": 55.5, "return_yards": 44,
    "play_action": True, "formation": "EMPTY", "offence_personnel": "", "defence_personnel": "", "coverage": "",
    "pass_rushers": 11,
}  # fmt: skip


def spoiled(tracking, seed: int = 0):
    """All rows after the release thrown about, and all columns that are known, or written down, only afterwards."""
    rng = np.random.default_rng(seed)
    key = ["game_id", "play_id"]
    release = tracking.frames[key].merge(tracking.plays[[*key, "release_frame"]], on=key)["release_frame"]
    later = tracking.frames["frame_id"].to_numpy() > release.to_numpy()
    frames = tracking.frames.copy()
    for name, high in (
        ("x", 120),
        ("y", 53),
        ("speed", 10),
        ("acceleration", 9),
        ("direction", 360),
        ("orientation", 360),
    ):
        frames.loc[later, name] = rng.uniform(0, high, later.sum()).astype(frames[name].dtype)
    frames["event"] = frames["event"].astype(object)
    frames.loc[later, "event"] = "pass_outcome_touchdown"
    known = {name: value for name, value in AFTERWARDS.items() if name in tracking.plays.columns}
    return dataclasses.replace(tracking, plays=tracking.plays.assign(**known), frames=frames), int(later.sum())


def test_nothing_after_the_release_is_in_a_play(passes):
    changed, later = spoiled(synthetic())
    assert later > 20_000
    plays, index = passing_plays(prepare(changed))
    assert torch.equal(plays.static, passes[0].static)
    assert torch.equal(plays.x, passes[0].x)
    assert torch.equal(plays.lengths, passes[0].lengths)
    assert (plays.y == -3).all()
    assert (index["outcome"] == "incomplete").all()


def test_what_comes_before_the_release_is_in_a_play(passes):
    tracking = synthetic()
    release = tracking.plays["release_frame"].iloc[0]
    frames = tracking.frames.copy()
    first = (frames["play_id"] == tracking.plays["play_id"].iloc[0]) & (frames["game_id"] == frames["game_id"].iloc[0])
    row = np.flatnonzero(first & (frames["frame_id"] == release))[4]
    frames.loc[row, "x"] += 1.0
    plays, _ = passing_plays(prepare(with_frames(tracking, frames)))
    assert not torch.equal(plays.x[0], passes[0].x[0])
    assert torch.equal(plays.x[1:], passes[0].x[1:])


@needs_real_data
def test_the_real_highlights_as_plays():
    plays, index = passing_plays(prepare(highlights()))
    assert plays.x.shape == (309, 176, 40)
    assert plays.y.mean().item() == pytest.approx(35, abs=1)  # chosen for their outcome
    assert (index["frames"] - 1).mean() / 10 == pytest.approx(3.23, abs=0.01)
    changed, _ = passing_plays(prepare(spoiled(highlights())[0]))
    assert torch.equal(changed.x, plays.x)
    assert torch.equal(changed.static, plays.static)


# --- passing plays: the rest ------------------------------------------------------------------------------------------


def test_no_plays_are_no_plays(season_plays):
    empty = dataclasses.replace(season_plays, plays=season_plays.plays[:0], frames=season_plays.frames[:0])
    plays, index = passing_plays(empty)
    assert len(plays) == len(index) == 0
    assert plays.x.shape[1] == 176
    assert plays.static.shape[1] == len(PASSING_STATIC_FEATURES)


def test_football_that_is_not_prepared_is_refused(season_plays):
    with pytest.raises(ValueError, match="tracking: expected the layout 'football', came 'ultimate'"):
        passing_plays(simulated())
    with pytest.raises(ValueError, match=r"tracking: expected the columns velocity_x, .* Pass qbsbp.tracking.prepare"):
        passing_plays(synthetic())
    with pytest.raises(ValueError, match=r"expected the columns orientation, .* must have been recorded"):
        passing_plays(with_frames(season_plays, season_plays.frames.drop(columns="orientation")))
    with pytest.raises(
        ValueError, match=r"expected frames from snap to release only, and play \(\d+, \d+\) has others"
    ):
        passing_plays(add_velocities(synthetic()))
    with pytest.raises(ValueError, match=r"past: expected a positive multiple of 1/10 s, came 0.25 s"):
        passing_plays(season_plays, past=0.25)


def test_plays_without_their_players_are_refused(season_plays):
    plays, frames = season_plays.plays, season_plays.frames
    name = rf"\({plays['game_id'].iloc[4]}, {plays['play_id'].iloc[4]}\)"
    for column, unless in (("passer_id", ""), ("target_id", ", or 0")):
        other = plays.copy()
        other.loc[4, column] = 7
        message = rf"plays, play {name}, column '{column}', value 7: expected a player of the offence .*{unless}\."
        with pytest.raises(ValueError, match=message):
            passing_plays(dataclasses.replace(season_plays, plays=other))
    mine = (frames["game_id"] == plays["game_id"].iloc[4]) & (frames["play_id"] == plays["play_id"].iloc[4])
    someone = frames.loc[mine, "player_id"].iloc[9]
    traitor = frames.copy()
    traitor.loc[mine & (frames["player_id"] == someone), "side"] = "ball"
    with pytest.raises(
        ValueError, match=rf"play {name}, column 'side': expected 11 offence, 11 defence and 1 ball, came"
    ):
        passing_plays(with_frames(season_plays, traitor))
    replaced = frames.copy()
    replaced.loc[mine & (frames["player_id"] == someone) & (frames["frame_id"] == 5), "player_id"] = someone + 1
    with pytest.raises(ValueError, match=rf"play {name}, frame 5, column 'player_id': expected the same 23 as in the"):
        passing_plays(with_frames(season_plays, replaced))


# --- one model for all of them ----------------------------------------------------------------------------------------


def learn(plays: PlayTensors, games: int) -> pd.DataFrame:
    """The same few steps for any plays: the last games are the validation set."""
    held_out = torch.isin(plays.group, plays.group.unique()[-games:])
    config = ModelConfig(
        in_channels=plays.x.shape[1], static_features=plays.static.shape[1], channels=(8,) * 4, hidden=(16,),
        bin_edges=np.linspace(-10.5, 40.5, 52), scale=5.0,
    )  # fmt: skip
    training = TrainConfig(epochs=3, batch_size=32, learning_rate=3e-3)
    result = train(config, plays[~held_out], plays[held_out], training, progress=False)
    law = result.model.predict(plays[held_out])
    assert law.batch_shape == (int(held_out.sum()),)
    assert torch.isfinite(law.mean).all()
    return result.history


def test_one_model_code_serves_synthetic_seasons_highlights_and_ultimate(tmp_path):
    season = passing_plays(prepare(synthetic()))[0]
    rows = [ngs_rows(gameId=2018090900 + game, playId=play, text=TEXT.replace("37", str(4 * play + game)))
            for game in range(3) for play in range(1, 5)]  # fmt: skip
    read = ngs_highlights.read(write_ngs(tmp_path, *rows), verify=False, progress=False)
    hand_made = passing_plays(prepare(read))[0]
    ultimate = ultimate_windows(prepare(simulated()))[0]
    for plays in (season, hand_made, ultimate):
        history = learn(plays, games=1)
        assert np.isfinite(history[["train_loss", "validation_score"]].to_numpy()).all()
        assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]


@needs_real_data
def test_one_model_code_serves_the_real_files():
    for plays, games in ((passing_plays(prepare(highlights()))[0], 30), (ultimate_windows(prepare(real()))[0], 1)):
        history = learn(plays, games)
        assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
