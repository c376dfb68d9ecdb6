"""Plays as tensors: picked, joined, moved, refused; and one model reads those of every source."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from qbsbp.datasets import ngs_highlights
from qbsbp.features import PlayTensors, passing_plays, ultimate_windows
from qbsbp.features.tensors import whole_frames
from qbsbp.model import ModelConfig
from qbsbp.tracking import prepare
from qbsbp.training import TrainConfig, train
from tests.features.cases import make, same, tensors
from tests.highlight_cases import TEXT, needs_highlights, ngs_rows, prepared_highlights, synthetic, write_ngs
from tests.ultimate_cases import real, simulated

BOUNDED = pytest.mark.parametrize("bounds", [False, True], ids=["without bounds", "with bounds"])


# --- play tensors -----------------------------------------------------------------------------------------------------


@BOUNDED
@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (torch.tensor([3, 0, 0]), [3, 0, 0]),
        (torch.tensor([-1, 2]), [4, 2]),
        (torch.tensor([True, False, True, False, False]), [0, 2]),
        (torch.tensor([], dtype=torch.long), []),
        (slice(1, 4), [1, 2, 3]),
        (slice(None, None, 2), [0, 2, 4]),
        (slice(0, 0), []),
        ([4, 2], [4, 2]),
        ([True, False, False, False, True], [0, 4]),
        ([], []),
        (range(2, 5), [2, 3, 4]),
        (np.array([1]), [1]),
        (np.array([3, 0], dtype=np.int32), [3, 0]),
        (np.array([False] * 4 + [True]), [4]),
        (pd.Series([1, 5, 2, 3, 4]).gt(2).to_numpy(), [1, 3, 4]),  # a read-only array
    ],
)
def test_indexing_picks_plays(index, rows, bounds):
    plays = make(bounds=bounds)
    picked = plays[index]
    assert len(picked) == len(rows)
    assert tensors(picked).keys() == tensors(plays).keys()
    for name, tensor in tensors(picked).items():
        assert torch.equal(tensor, tensors(plays)[name][torch.tensor(rows, dtype=torch.long)]), name


@pytest.mark.parametrize("number", [3, np.int64(3), torch.tensor(3), np.array(3)], ids=["int", "numpy", "torch", "0-d"])
def test_a_single_number_picks_no_plays(number):
    with pytest.raises(ValueError, match=r"index: expected a slice, .* came 3\. Use \[\[3\]\]"):
        make()[number]
    assert len(make()[[3]]) == 1


@BOUNDED
def test_concat_pads_the_shorter_and_undoes_splitting(bounds):
    plays = make(6, bounds=bounds)
    assert same(PlayTensors.concat([plays[:2], plays[2:]]), plays)
    both = PlayTensors.concat([make(2, 3, bounds=bounds), make(3, 7, bounds=bounds)])
    assert both.x.shape == (5, 3, 7)
    assert torch.equal(both.x[:2, :, :3], make(2, 3).x)
    assert (both.x[:2, :, 3:] == 0).all()
    assert (both.bounds is None) == (not bounds)
    with pytest.raises(ValueError, match="parts: expected at least one"):
        PlayTensors.concat([])


def test_plays_with_and_without_bounds_are_not_mixed():
    with pytest.raises(ValueError, match="parts: expected plays that all have bounds, or none that has"):
        PlayTensors.concat([make(bounds=True), make()])


@BOUNDED
def test_to_moves_every_tensor(bounds):
    plays = make(bounds=bounds)
    moved = plays.to("meta")
    assert {tensor.device.type for tensor in tensors(moved).values()} == {"meta"}
    assert tensors(moved).keys() == tensors(plays).keys()
    assert same(plays.to("cpu"), plays)


def test_channels_are_those_of_a_frame():
    assert make().channels == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(5, 3)}, r"x: expected 3 dimensions with 5 plays first, as y has, came shape \(5, 3\)"),
        ({"lengths": torch.ones(4, dtype=torch.long)}, r"lengths: expected 1 dimensions with 5 plays"),
        ({"static": torch.zeros(5)}, r"static: expected 2 dimensions"),
        ({"y": torch.zeros(5, 1)}, r"y: expected 1 dimensions"),
        ({"y": torch.tensor(0.0)}, r"x: expected 3 dimensions with 0 plays"),
        ({"group": torch.zeros(6)}, r"group: expected 1 dimensions with 5 plays"),
        ({"lengths": torch.tensor([1.0, 1, 1, 1, 1])}, r"lengths: expected integers, came torch.float32"),
        (
            {"bounds": torch.zeros(5)},
            r"bounds: expected 2 dimensions with 5 plays first, as y has, and a lower and an upper bound of each, came "
            r"shape \(5,\)",
        ),
        ({"bounds": torch.zeros(5, 3)}, r"bounds: .* came shape \(5, 3\)"),
        ({"bounds": torch.zeros(4, 2)}, r"bounds: .* came shape \(4, 2\)"),
        (
            {"bounds": torch.tensor([[-9.0, 3.0]]).expand(5, 2)},
            r"y: expected outcomes within their bounds, but y\[4\] is 4 and bounds\[4\] are -9 and 3",
        ),
        ({"bounds": torch.tensor([[1.0, 9.0]]).expand(5, 2)}, r"y\[0\] is 0 and bounds\[0\] are 1 and 9\. Correct"),
    ],
)
def test_shapes_that_do_not_agree_and_outcomes_beyond_their_bounds_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(make(), **change)


def test_an_outcome_may_be_at_either_bound():
    y = torch.arange(5.0)
    plays = dataclasses.replace(make(), bounds=torch.stack([y, y + torch.tensor([1, 0, 3, 0, 2])], dim=1))
    assert len(plays) == 5


@pytest.mark.parametrize(("seconds", "rate", "frames"), [(4.0, 10, 40), (0.1, 10, 1), (1 / 15, 15, 1), (0.7, 10, 7)])
def test_seconds_are_whole_frames(seconds, rate, frames):
    assert whole_frames("past", seconds, rate) == frames


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.25, 0.04])
def test_seconds_that_are_no_frames_are_refused(seconds):
    with pytest.raises(ValueError, match=rf"ahead: expected a positive multiple of 1/10 s, came {seconds} s"):
        whole_frames("ahead", seconds, 10)


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


@needs_highlights
def test_one_model_code_serves_the_real_files():
    for plays, games in ((passing_plays(prepared_highlights())[0], 30), (ultimate_windows(prepare(real()))[0], 1)):
        history = learn(plays, games)
        assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
