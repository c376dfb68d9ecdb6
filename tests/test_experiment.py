"""From a configuration file to a trained model with its card, in Python and on the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from data_synth.league import LeagueConfig, make_season
from data_synth.write import write
from qbsbp import cli
from qbsbp.evaluation import SCORES, recorded, score_plays
from qbsbp.experiment import load_config, load_plays, run, split_by_game
from qbsbp.features import PASSING_STATIC_FEATURES
from qbsbp.passing_score import leaderboard, score_season
from qbsbp.training import load_model

SMALL = """
[data]
seasons = ["season"]
[split]
test = 0.2
validation = 0.2
[model]
channels = [8, 8]
hidden = [16]
static_bins = 4
[training]
epochs = 2
batch_size = 64
patience = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a small season, a configuration, and a cache."""
    folder = tmp_path_factory.mktemp("experiment")
    write(make_season(LeagueConfig(teams=8, weeks=4), seed=5), folder / "season", progress=False)
    (folder / "run.toml").write_text(SMALL)
    return folder


@pytest.fixture(scope="module")
def finished(folder) -> Path:
    assert (
        cli.main(["train", str(folder / "run.toml"), "--out", str(folder / "run"), "--cache", str(folder / "c")]) == 0
    )
    return folder / "run"


def test_a_run_leaves_a_model_its_log_its_scores_its_picture_and_its_card(finished):
    assert {path.name for path in finished.iterdir()} == {
        "config.json", "data.json", "games.csv", "history.csv", "history.svg", "last.pt", "model.safetensors",
        "model_card.md", "test_scores.parquet",
    }  # fmt: skip
    history = pd.read_csv(finished / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert (finished / "history.svg").read_text().startswith("<?xml")


def test_the_scores_are_those_of_the_kept_model_on_the_games_held_out(folder, finished):
    config = load_config(folder / "run.toml")
    plays = load_plays(config, cache=folder / "c", progress=False)
    test = plays.subset(split_by_game(plays.group, **config.split).test)
    scores = pd.read_parquet(finished / "test_scores.parquet")
    assert scores[["game_id", "play_id"]].equals(test.index[["game_id", "play_id"]])
    again = score_plays(load_model(finished).predict(test), test, seed=config.split["seed"])
    pd.testing.assert_frame_equal(scores[list(again)], again)


@pytest.fixture(scope="module")
def scored(folder, finished) -> Path:
    season, out = str(folder / "season"), folder / "passes.parquet"
    arguments = ["score", season, "--model", str(finished), "--out", str(out), "--cache", str(folder / "c")]
    assert cli.main(arguments) == 0
    return out


def test_the_passes_of_a_season_are_ranked(folder, finished, scored):
    passes, plays = pd.read_parquet(scored), load_plays(load_config(folder / "run.toml"), cache=folder / "c")
    assert len(passes) == len(plays)
    assert passes["rank"].mean() == pytest.approx(0.5, abs=0.05)
    split = split_by_game(plays.group, test=0.2, validation=0.2, seed=0)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(passes["part"] == part, getattr(split, part))
    names = pd.read_csv(folder / "season/players.csv").set_index("player_id")["name"]
    assert passes["passer"].tolist() == names[passes["passer_id"]].tolist()


def test_games_that_the_model_has_not_met_are_new(folder, finished):
    write(make_season(LeagueConfig(teams=2, weeks=1, first_season=2030), seed=6), folder / "later", progress=False)
    passes = score_season(finished, folder / "later", cache=folder / "c", progress=False)
    assert (passes["part"] == "new").all()
    (folder / "bare").mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / "bare" / name).write_bytes((finished / name).read_bytes())
    with pytest.raises(FileNotFoundError, match=r"has no data\.json\. Train it again"):
        score_season(folder / "bare", folder / "later", cache=folder / "c", progress=False)


def test_a_passer_has_a_card(folder, scored, capsys):
    passes = pd.read_parquet(scored)
    passer = passes["passer"].value_counts().index[0]
    assert cli.main(["card", str(scored), passer, "--minimum", "10", "--picture", str(folder / "card.png")]) == 0
    assert (folder / "card.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["card", str(scored), passer[:-1], "--picture", str(folder / "none.png")]) == 1
    assert f"has no passer {passer[:-1]!r}; did you mean {passer}" in capsys.readouterr().err
    assert not (folder / "none.png").exists()


def test_a_leaderboard_is_printed_and_drawn(folder, scored, capsys):
    assert cli.main(["leaderboard", str(scored), "--minimum", "60", "--picture", str(folder / "board.svg")]) == 0
    printed = capsys.readouterr().out.splitlines()
    board = leaderboard(pd.read_parquet(scored), ["passer", "passer_id"], minimum=60, seed=0)
    placed = board[board["place"].notna()]
    assert 0 < len(placed) < len(board)
    assert [line.split()[0] for line in printed[1:-1]] == placed["place"].astype(str).tolist()
    assert placed["passer"].iloc[0] in printed[1]
    assert printed[-1] == f"{len(board) - len(placed)} more with fewer than 60 attempts have no place"
    assert "<svg" in (folder / "board.svg").read_text()
    assert cli.main(["leaderboard", str(scored), "--split", "depe"]) == 1
    assert "did you mean deep" in capsys.readouterr().err


def test_the_card_says_what_was_measured(folder, finished):
    card = (finished / "model_card.md").read_text()
    scores = pd.read_parquet(finished / "test_scores.parquet")
    row = next(line for line in card.splitlines() if line.startswith("| this model |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")][1:]
    for (column, statistic), cell in zip(SCORES.values(), cells, strict=True):
        assert cell.startswith(f"{statistic(scores[column].to_numpy()):.3f} [")
    parameters = sum(p.numel() for p in load_model(finished).parameters())
    assert f"{parameters:,} parameters, 2 epochs" in card
    plays = load_plays(load_config(folder / "run.toml"), cache=folder / "c", progress=False)
    assert f"{len(plays):,} passes of 16 games" in card
    assert "| test | 3 |" in card
    block = card.split("```json\n")[1].split("```")[0]
    assert json.loads(block)["training"]["objective"] == "recorded_nll"


def test_a_run_resumes_and_is_not_overwritten(folder, finished, capsys):
    config = load_config(folder / "run.toml")
    with pytest.raises(FileExistsError, match="holds a run already"):
        run(config, finished, cache=folder / "c", progress=False)
    before = (finished / "model.safetensors").read_bytes()
    run(config, finished, cache=folder / "c", resume=True, progress=False)
    assert (finished / "model.safetensors").read_bytes() == before
    arguments = ["train", str(folder / "run.toml"), "--out", str(finished), "--cache", str(folder / "c")]
    assert cli.main(arguments) == 1
    assert "holds a run already; continue it with resume=True" in capsys.readouterr().err


def test_the_model_knows_how_deep_the_throw_goes(finished, folder):
    """A pass thrown far, other things equal, may gain more: the law moves with a static feature."""
    plays = load_plays(load_config(folder / "run.toml"), cache=folder / "c", progress=False)
    model, some = load_model(finished), plays[:64]
    depth = list(PASSING_STATIC_FEATURES).index("catch_depth")
    far = some.static.clone()
    far[:, depth] += 3.0
    moved = model(some.x, some.lengths, far).icdf(torch.tensor(0.9))
    assert not torch.allclose(moved, model(some.x, some.lengths, some.static).icdf(torch.tensor(0.9)))


# --- the configuration ------------------------------------------------------------------------------------------------


def test_the_default_configuration_is_the_printed_one(capsys):
    assert cli.main(["config"]) == 0
    printed = tomllib.loads(capsys.readouterr().out)
    assert vars(load_config()) == printed


def test_bin_edges_are_half_yards_that_widen(folder):
    plays = load_plays(load_config(folder / "run.toml"), cache=folder / "c", progress=False)
    model = load_config().model_config(plays)
    edges = np.array(model.bin_edges)
    assert (edges[0], edges[-1]) == (-15.5, 99.5)
    np.testing.assert_array_equal(np.diff(edges), [1.0] * 60 + [5.0] * 11)
    assert model.in_channels == 176
    assert model.static_features == len(PASSING_STATIC_FEATURES)


def test_replace_changes_what_is_named_and_nothing_else():
    config = load_config()
    changed = config.replace(training={"epochs": 3}, model={"law": "normal", "bin_edges": ()})
    assert changed.training == config.training | {"epochs": 3}
    assert changed.model["law"] == "normal"
    assert config.model["law"] == "spliced_binned_pareto"
    assert changed.data == config.data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data", r"run.toml: expected TOML as in `qbsbp config`"),
        ("[date]\nseasons = []", r"expected the sections data, split, model, training, came \[date\]"),
        ("[training]\nepoch = 3", r"section \[training\]: there is no entry epoch; there are batch_size, epochs"),
        ("[model]\nin_channels = 3", r"section \[model\]: there is no entry in_channels"),
    ],
)
def test_a_wrong_file_is_refused_with_what_there_is(tmp_path, text, message, capsys):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / "run.toml")
    assert cli.main(["train", str(tmp_path / "run.toml"), "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err.startswith("qbsbp: ")
    assert not (tmp_path / "run").exists()


def test_no_seasons_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\[data\], seasons: expected folders of seasons, came none"):
        load_plays(load_config())


# --- the split --------------------------------------------------------------------------------------------------------


def test_a_split_is_of_whole_games_and_its_seed():
    group = np.repeat(np.arange(40), np.random.default_rng(0).integers(5, 60, 40))
    split = split_by_game(group, test=0.15, validation=0.1, seed=3)
    masks = np.stack([split.train, split.validation, split.test])
    assert (masks.sum(0) == 1).all()
    games = [set(group[mask]) for mask in masks]
    assert [len(part) for part in games] == [30, 4, 6]
    assert not games[0] & games[1] and not games[0] & games[2] and not games[1] & games[2]
    again = split_by_game(torch.tensor(group), test=0.15, validation=0.1, seed=3)
    other = split_by_game(group, test=0.15, validation=0.1, seed=4)
    assert (again.test == split.test).all()
    assert (other.test != split.test).any()


def test_a_split_that_leaves_a_part_empty_is_refused():
    with pytest.raises(ValueError, match=r"came 0.15 and 0.1 of 3 games"):
        split_by_game(np.array([1, 2, 3]), test=0.15, validation=0.1, seed=0)


# --- scores -----------------------------------------------------------------------------------------------------------


def test_scores_are_of_whole_yards_cut_at_the_goal_line(folder):
    plays = load_plays(load_config(folder / "run.toml"), cache=folder / "c", progress=False)[:200]
    law = torch.distributions.Normal(torch.full((200,), 6.0), torch.full((200,), 9.0))
    scores = score_plays(law, plays, seed=1)
    whole = recorded(law, plays)
    yards = torch.arange(-99, 100)
    mass = whole.mass(yards).double().numpy()
    below = mass.cumsum(1)
    y = plays.y.numpy().astype(int)
    row = np.arange(200)
    np.testing.assert_allclose(scores["nll"], -np.log(mass[row, y + 99]), rtol=2e-4)
    np.testing.assert_allclose(scores["crps"], ((below - (yards.numpy() >= y[:, None])) ** 2).sum(1), rtol=1e-3)
    median = yards.numpy()[(below >= 0.5).argmax(1)]
    np.testing.assert_allclose(scores["absolute_error"], np.abs(median - y))
    assert (scores["pit"] <= below[row, y + 99] + 1e-5).all()
    assert (scores["pit"] >= below[row, y + 99] - mass[row, y + 99] - 1e-5).all()
    assert scores["pit"].equals(score_plays(law, plays, seed=1)["pit"])
    assert not scores["pit"].equals(score_plays(law, plays, seed=2)["pit"])
