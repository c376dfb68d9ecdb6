"""The loop learns, keeps the best epoch, resumes bit for bit and says what is wrong."""

import dataclasses
import functools
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributions import Normal

from qbsbp.distributions import Rounded
from qbsbp.features import PASSING_STATIC_FEATURES, PlayTensors, StoredPlays, passing_season
from qbsbp.likelihood import composite, nll, recorded_nll
from qbsbp.model import ModelConfig, PassingModel
from qbsbp.tcn import TCN
from qbsbp.training import TrainConfig, _batches, load_model, train
from tests import training_run
from tests.football_cases import TinySeason, write
from tests.training_run import MODEL, TRAINING, make_plays, run


def same_weights(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_the_conditional_law():
    plays, validation = make_plays(3000, seed=1), make_plays(2000, seed=2)
    config = dataclasses.replace(MODEL, channels=(16, 16), hidden=(32,), dropout=0.0)
    result = train(config, plays, validation, TrainConfig(epochs=12, learning_rate=4e-3), progress=False)
    last = validation.x[torch.arange(2000), :, validation.lengths - 1]
    truth = Normal(5 + 2 * last[:, 0] + validation.static[:, 0], (0.5 * validation.static[:, 1]).exp())
    entropy = -truth.log_prob(validation.y).mean().item()
    climatology = -Normal(plays.y.mean(), plays.y.std()).log_prob(validation.y).mean().item()
    reached = result.history.validation_loss.min()
    # at least 80 % of the way from climatology to the truth, and not beyond it
    assert entropy < reached < entropy + 0.2 * (climatology - entropy)


def test_the_result_is_the_best_epoch():
    plays, validation = make_plays(200, seed=1), make_plays(100, seed=2)
    result = train(MODEL, plays, validation, dataclasses.replace(TRAINING, epochs=20), progress=False)
    columns = ["epoch", "learning_rate", "train_loss", "validation_loss", "validation_score", "seconds"]
    assert list(result.history.columns) == columns
    assert result.history.epoch.tolist() == list(range(1, 21))
    assert result.best_epoch == result.history.epoch[result.history.validation_loss.argmin()]
    law = result.model.predict(validation)
    assert -law.log_prob(validation.y).mean().item() == pytest.approx(result.history.validation_loss.min(), abs=1e-5)
    assert not result.model.training


def test_it_stops_early():
    """On pure noise nothing is to be learned: the validation loss soon rises."""
    g = torch.Generator().manual_seed(0)
    plays, validation = make_plays(60, seed=1), make_plays(60, seed=2)
    plays, validation = (dataclasses.replace(p, y=torch.randn(60, generator=g)) for p in (plays, validation))
    config = dataclasses.replace(TRAINING, epochs=200, learning_rate=2e-2, patience=4)
    result = train(MODEL, plays, validation, config, progress=False)
    assert len(result.history) == result.best_epoch + 4 < 200


def test_the_same_seed_gives_the_same_weights_and_another_one_others():
    first, second = run(), run()
    assert same_weights(first.model, second.model)
    drop = ["seconds"]
    assert first.history.drop(columns=drop).equals(second.history.drop(columns=drop))
    other = train(MODEL, make_plays(200, 1), make_plays(100, 2), dataclasses.replace(TRAINING, seed=12), progress=False)
    assert not same_weights(first.model, other.model)


def test_the_callers_generators_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first = run()
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert before[2] == random.getstate()
    torch.manual_seed(999)  # and they have no influence
    assert same_weights(first.model, run().model)


@pytest.mark.parametrize("when", ["within an epoch", "while writing"])
def test_a_killed_run_resumes_bit_for_bit(when, tmp_path):
    environment = os.environ | {"QBSBP_DEVICE": "cpu", "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, training_run.__file__, str(tmp_path), when]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    epochs_done = len(torch.load(tmp_path / "last.pt", weights_only=True)["history"])
    assert 1 <= epochs_done < TRAINING.epochs
    assert (tmp_path / "last.pt.part").exists() == (when == "while writing")

    resumed, uninterrupted = run(tmp_path, resume=True), run()
    assert same_weights(resumed.model, uninterrupted.model)
    assert resumed.best_epoch == uninterrupted.best_epoch
    columns = ["epoch", "learning_rate", "train_loss", "validation_loss", "validation_score"]
    assert resumed.history[columns].equals(uninterrupted.history[columns])
    assert same_weights(load_model(tmp_path), uninterrupted.model)


@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("auto", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="would take the GPUs"))],
)
def test_two_processes_learn_what_one_does(tmp_path, device):
    environment = os.environ | {"QBSBP_DEVICE": device, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment["OMP_NUM_THREADS"] = "1"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*torchrun, training_run.__file__, str(tmp_path), "shared"]
    shared = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert shared.returncode == 0, shared.stderr
    plays, validation = make_plays(200, seed=1), make_plays(100, seed=2)
    alone = train(dataclasses.replace(MODEL, dropout=0.0), plays, validation, TRAINING, progress=False)
    history = pd.DataFrame(torch.load(tmp_path / "last.pt", weights_only=True)["history"])
    columns = ["learning_rate", "train_loss", "validation_score"]
    np.testing.assert_allclose(history[columns], alone.history[columns], rtol=1e-5)
    for name, value in load_model(tmp_path).state_dict().items():
        torch.testing.assert_close(value, alone.model.state_dict()[name], rtol=1e-3, atol=1e-5)


def test_resuming_a_finished_run_trains_nothing_and_returns_it(tmp_path):
    first = run(tmp_path)
    again = run(tmp_path, resume=True)
    assert same_weights(first.model, again.model)
    assert first.history.equals(again.history)  # the seconds too: nothing was run


def test_resuming_begins_a_run_where_there_is_none(tmp_path):
    assert same_weights(run(tmp_path / "new", resume=True).model, run().model)


def test_a_run_is_kept_with_its_configuration(tmp_path):
    result = run(tmp_path)
    fields = json.loads((tmp_path / "config.json").read_text())
    assert ModelConfig.from_json(json.dumps(fields["model"])) == MODEL
    assert TrainConfig.from_json(json.dumps(fields["training"])) == TRAINING
    assert fields["objective"] == "nll"
    kept = ["config.json", "history.csv", "last.pt", "model.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
    loaded, plays = load_model(tmp_path), make_plays(20, seed=3)
    assert not loaded.training and loaded.config == MODEL
    assert torch.equal(loaded.predict(plays).mean, result.model.predict(plays).mean)


def test_a_run_is_not_overwritten(tmp_path):
    run(tmp_path)
    with pytest.raises(FileExistsError, match=r"holds a run already; continue it with resume=True"):
        run(tmp_path)


def test_resuming_with_something_else_names_it(tmp_path):
    run(tmp_path)
    plays, validation = make_plays(200, seed=1), make_plays(100, seed=2)
    for arguments, message in (
        ((dataclasses.replace(MODEL, kernel_size=2), plays, validation, TRAINING), "kernel_size was 3 and is now 2"),
        (
            (MODEL, plays, validation, dataclasses.replace(TRAINING, learning_rate=0.1, epochs=9)),
            "epochs was 6 and is now 9; learning_rate was 0.005 and is now 0.1",
        ),
        ((MODEL, plays[:-1], validation, TRAINING), "train_plays are not the same plays"),
        ((MODEL, plays, dataclasses.replace(validation, y=validation.y + 1), TRAINING), "validation_plays are not"),
    ):
        with pytest.raises(ValueError, match=message):
            train(*arguments, directory=tmp_path, resume=True, progress=False)
    with pytest.raises(ValueError, match=r"objective was 'nll' and is now .*absolute_error"):
        run(tmp_path, resume=True, objective=absolute_error)


def test_a_partial_objective_is_known_again(tmp_path):
    by = {width: functools.partial(absolute_error_in, unit=width) for width in (1.0, 3.0)}
    run(tmp_path, objective=by[3.0])
    saved = json.loads((tmp_path / "config.json").read_text())["objective"]
    assert saved.endswith("absolute_error_in with () {'unit': 3.0}")
    run(tmp_path, objective=functools.partial(absolute_error_in, unit=3.0), resume=True)
    with pytest.raises(ValueError, match=r"objective was .*3\.0.* and is now .*1\.0"):
        run(tmp_path, objective=by[1.0], resume=True)


def absolute_error_in(law, y, unit):
    return (law.mean - y).abs() / unit


def test_the_criterion_chooses_the_epoch():
    plays, validation = make_plays(300, seed=1), make_plays(100, seed=2)
    spliced = ModelConfig(3, 2, (8, 8), hidden=(8,), bin_edges=range(-6, 17), scale=2.0)
    config = dataclasses.replace(TRAINING, epochs=10, learning_rate=2e-2)
    result = train(spliced, plays, validation, config, progress=False)
    law = result.model.predict(validation)
    for column, score in (("validation_loss", composite), ("validation_score", nll)):
        in_best = result.history[column][result.best_epoch - 1]
        assert score(law, validation.y).mean().item() == pytest.approx(in_best, abs=1e-4)
    assert result.history.validation_score.argmin() == result.best_epoch - 1
    by_error = train(spliced, plays, validation, config, criterion=absolute_error, progress=False)
    assert by_error.history.validation_loss.equals(result.history.validation_loss)
    error = (by_error.model.predict(validation).mean - validation.y).abs().mean().item()
    assert error == pytest.approx(by_error.history.validation_score.min(), abs=1e-4)
    with pytest.raises(ValueError, match=r"criterion: expected a function .* got 'accuracy'"):
        train(spliced, plays, validation, config, criterion="accuracy", progress=False)


def absolute_error(law, y):
    return (law.mean - y).abs()


def test_any_function_may_be_the_objective():
    result = run(objective=absolute_error)
    losses = (result.model.predict(make_plays(100, seed=2)).mean - make_plays(100, seed=2).y).abs()
    assert losses.mean().item() == pytest.approx(result.history.validation_loss.min(), abs=1e-5)


def test_weight_decay_shrinks_norms_and_matrices_only():
    plays, validation = make_plays(64, seed=1), make_plays(10, seed=2)
    # with no gradient to speak of, only decay moves a weight: each step multiplies it by 1 - rate * decay
    config = TrainConfig(epochs=1, batch_size=64, learning_rate=0.1, warmup=0.0, weight_decay=1.0)
    result = train(MODEL, plays, validation, config, objective=lambda law, y: 0 * law.mean, progress=False)
    torch.manual_seed(config.seed)
    start = PassingModel(MODEL)
    start.initialise_from(plays)
    for (name, before), after in zip(start.named_parameters(), result.model.parameters()):
        decayed = name.endswith((".weight", "original0"))
        torch.testing.assert_close(after, before * (0.9 if decayed else 1.0), msg=name)


# --- batches ----------------------------------------------------------------------------------------------------------


def batches_of(lengths, epoch=1, processes=1, **changes):
    """The shares of every process, batch by batch."""
    config = dataclasses.replace(TrainConfig(), **changes)
    shares = []
    for process in range(processes):
        accelerator = SimpleNamespace(process_index=process, num_processes=processes)
        shares.append(_batches(lengths, config, epoch, accelerator))
    return list(zip(*shares, strict=True))


@pytest.mark.parametrize("plays", [1, 31, 32, 33, 101, 1000, 3137])
@pytest.mark.parametrize("batch_size", [1, 32, 4096])
def test_batches_cover_every_play_once_and_are_of_nearly_equal_size(plays, batch_size):
    lengths = torch.randint(1, 41, (plays,), generator=torch.Generator().manual_seed(plays))
    batches = [share for (share,) in batches_of(lengths, batch_size=batch_size)]
    assert sorted(torch.cat([index for index, _ in batches]).tolist()) == list(range(plays))
    sizes = [size for _, size in batches]
    assert sizes == [len(index) for index, _ in batches]
    assert len(sizes) == math.ceil(plays / batch_size)
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= batch_size


def test_plays_of_a_batch_are_of_similar_length():
    """Each is computed as long as its longest play: little of that is padding, where at random a third would be."""
    lengths = torch.randint(10, 41, (5000,), generator=torch.Generator().manual_seed(1))

    def computed(batches):
        return sum(len(index) * int(lengths[index].max()) for index in batches)

    batches = [index for ((index, _),) in batches_of(lengths, batch_size=64)]
    assert computed(batches) < 1.1 * lengths.sum()
    assert computed(torch.randperm(5000).split(64)) > 1.4 * lengths.sum()
    # not so similar that the company of a play would be the same again and again
    again = [index for ((index, _),) in batches_of(lengths, epoch=2, batch_size=64)]
    company = {int(play): set(index.tolist()) for index in batches for play in index}
    shared = [len(company[int(play)] & set(index.tolist())) / len(index) for index in again for play in index[:1]]
    assert np.mean(shared) < 0.2
    # nor do long plays come late: batches are in any order
    mean = torch.tensor([lengths[index].float().mean() for index in batches])
    assert abs(np.corrcoef(np.arange(len(mean)), mean)[0, 1]) < 0.4


def test_the_order_follows_from_seed_epoch_and_lengths_alone():
    lengths = torch.arange(1, 301) % 37 + 1
    first = batches_of(lengths, epoch=3, seed=5)
    torch.rand(7)
    for other, same in ((batches_of(lengths, 3, seed=5), True), (batches_of(lengths, 4, seed=5), False),
                        (batches_of(lengths, 3, seed=6), False)):  # fmt: skip
        assert all(torch.equal(a[0], b[0]) for (a,), (b,) in zip(first, other, strict=True)) == same


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_each_batch(processes):
    lengths = torch.randint(1, 41, (101,), generator=torch.Generator().manual_seed(2))
    alone = batches_of(lengths, batch_size=32)
    for shares, ((whole, size),) in zip(batches_of(lengths, processes=processes, batch_size=32), alone, strict=True):
        assert [share_size for _, share_size in shares] == [size] * processes
        together = torch.cat([index for index, _ in shares])
        assert sorted(together.tolist()) == sorted(whole.tolist())
        assert max(map(len, (index for index, _ in shares))) - min(map(len, (index for index, _ in shares))) <= 1


def test_an_epoch_reads_every_play_once():
    seen, sizes = [], []

    class Counted(PlayTensors):
        def __getitem__(self, index):
            if self.group[0] == -1:
                seen.extend(index.tolist())
                sizes.append(len(index))
            return super().__getitem__(index)

    plays = make_plays(101, seed=1)
    counted = Counted(**(vars(plays) | {"group": torch.full((101,), -1)}))
    train(MODEL, counted, make_plays(10, 2), TrainConfig(epochs=2, batch_size=32), progress=False)
    # before the first epoch everything is looked at twice: whether it is finite, and for means and spreads
    assert sizes[:2] == [101, 101]
    first, second = seen[202:303], seen[303:]
    assert sorted(first) == sorted(second) == list(range(101)) and first != second
    assert sorted(sizes[2:6]) == [25, 25, 25, 26]


# --- plays on disk, and plays with bounds -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The dropbacks of a tiny season, on disk."""
    folder = tmp_path_factory.mktemp("stored")
    write(TinySeason(), folder / "season", progress=False)
    return passing_season(folder / "season", cache=folder / "cache", dropbacks=True, progress=False)


FOOTBALL_MODEL = ModelConfig(
    176, static_features=len(PASSING_STATIC_FEATURES), channels=(4, 4), hidden=(8,), static_bins=3, dropout=0.1,
    bin_edges=np.arange(-10.5, 31), scale=4.0,
)  # fmt: skip
FEW_STEPS = TrainConfig(epochs=3, batch_size=8, learning_rate=5e-3, patience=None)


@pytest.mark.parametrize("objective", ["composite", "recorded_nll"])
def test_plays_on_disk_teach_what_the_same_plays_in_memory_do(stored, objective, tmp_path):
    in_memory = stored[:]
    assert isinstance(stored, StoredPlays) and isinstance(in_memory, PlayTensors)
    held_out = np.arange(len(stored)) % 4 == 0
    results = []
    for plays, validation in (
        (stored.subset(~held_out), stored.subset(held_out)),
        (in_memory[~held_out], in_memory[held_out]),
    ):
        results.append(train(FOOTBALL_MODEL, plays, validation, FEW_STEPS, objective=objective, progress=False))
    assert same_weights(*(result.model for result in results))
    columns = ["epoch", "learning_rate", "train_loss", "validation_loss", "validation_score"]
    assert results[0].history[columns].equals(results[1].history[columns])
    # and one is taken for the other where a run is resumed
    train(FOOTBALL_MODEL, stored, stored, FEW_STEPS, objective=objective, directory=tmp_path, progress=False)
    again = train(
        FOOTBALL_MODEL,
        in_memory,
        stored,
        FEW_STEPS,
        objective=objective,
        directory=tmp_path,
        resume=True,
        progress=False,
    )
    assert len(again.history) == 3
    a, b = (again.model.predict(plays) for plays in (stored, in_memory))
    assert torch.equal(a.logits, b.logits)


def test_an_objective_that_asks_for_bounds_gets_those_of_the_plays():
    plays, validation = bounded(make_plays(60, seed=1)), bounded(make_plays(40, seed=2))
    given = []

    def asking(law, y, bounds):
        given.append((y, bounds))
        return recorded_nll(law, y, bounds)

    config = dataclasses.replace(TRAINING, epochs=1)
    result = train(MODEL, plays, validation, config, objective=asking, progress=False)
    # the training plays in two batches; the validation plays twice, since the objective is the criterion as well
    assert [len(y) for y, _ in given] == [30, 30, 40, 40]
    for y, bounds in given:
        assert bounds.shape == (len(y), 2) and (bounds[:, 0] == y.round() - 4).all()
    by_name = train(MODEL, plays, validation, config, objective="recorded_nll", progress=False)
    assert same_weights(result.model, by_name.model)
    law = result.model.predict(validation)
    expected = -Rounded(law, *validation.bounds.unbind(1)).log_prob(validation.y).mean().item()
    assert result.history.validation_loss[0] == pytest.approx(expected, abs=1e-5)


def bounded(plays):
    """Whole outcomes, each with bounds of its own."""
    y = plays.y.round()
    return dataclasses.replace(plays, y=y, bounds=torch.stack([y - 4, y + torch.arange(len(y)) % 3], dim=1))


def test_plays_without_the_bounds_that_are_asked_for_are_refused_before_anything_is_written(tmp_path):
    plays, validation = make_plays(60, seed=1), make_plays(40, seed=2)
    for given, which in (((plays, bounded(validation)), "train"), ((bounded(plays), validation), "validation")):
        message = rf"objective: recorded_nll .*asks for bounds, and {which}_plays have none; give plays with bounds"
        message = message.replace("recorded_nll .*", r"qbsbp\.likelihood\.recorded_nll ")
        with pytest.raises(ValueError, match=message):
            train(MODEL, *given, TRAINING, objective="recorded_nll", directory=tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match=r"criterion: .*recorded_nll asks for bounds, and validation_plays have none"):
        train(MODEL, bounded(plays), validation, TRAINING, criterion="recorded_nll", progress=False)
    assert not (tmp_path / "run").exists()
    # the training plays need none for a criterion
    config = dataclasses.replace(TRAINING, epochs=1)
    train(MODEL, plays, bounded(validation), config, criterion="recorded_nll", progress=False)


def test_another_trunk_is_trained_kept_and_loaded(tmp_path):
    plays, validation = make_plays(80, seed=1), make_plays(40, seed=2)
    config = dataclasses.replace(TRAINING, epochs=2)
    result = train(MODEL, plays, validation, config, trunk=MeanOverTime, directory=tmp_path, progress=False)
    assert isinstance(result.model.trunk, MeanOverTime)
    before = MeanOverTime().linear.weight
    assert not torch.equal(result.model.trunk.linear.weight, before)
    loaded = load_model(tmp_path, trunk=MeanOverTime)
    assert same_weights(loaded, result.model)
    with pytest.raises(ValueError, match=r"model\.safetensors: expected the weights .* or for another trunk"):
        load_model(tmp_path)


class MeanOverTime(nn.Module):
    width = 5

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, self.width)

    def forward(self, x, lengths):
        real = torch.arange(x.shape[2]) < lengths[:, None]
        return self.linear((x * real[:, None]).sum(2) / lengths[:, None])


# --- what goes wrong --------------------------------------------------------------------------------------------------


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_model(path, **changes):
    fields = json.loads(path.read_text())
    fields["model"] |= changes
    path.write_text(json.dumps(fields))


SPOILT = [
    ("config.json", cut_short, r"JSONDecodeError"),
    ("config.json", lambda path: path.write_bytes(b"\xff\xfe\x00junk"), r"UnicodeDecodeError"),
    ("config.json", lambda path: path.write_text("[1, 2]"), r"TypeError"),
    ("config.json", lambda path: path.write_text('{"training": {}}'), r"KeyError: 'model'"),
    ("config.json", lambda path: change_model(path, depth=4), r"ModelConfig: has no field depth; it has in_channels"),
    ("config.json", lambda path: path.write_text('{"model": {}}'), r"TypeError: .*in_channels"),
    ("config.json", lambda path: change_model(path, law="cauchy"), r"law: expected one of .*, got 'cauchy'"),
    ("config.json", lambda path: change_model(path, channels="wide"), r"ValueError"),
    ("model.safetensors", cut_short, r"SafetensorError"),
    ("model.safetensors", lambda path: path.write_bytes(b""), r"SafetensorError"),
    ("model.safetensors", lambda path: path.write_bytes(b"garbage" * 300), r"SafetensorError"),
    ("model.safetensors", lambda path: save_file({"other": torch.zeros(2)}, path), r"Missing key\(s\) in state_dict"),
    (
        "model.safetensors",
        lambda path: save_file({n: t for n, t in list(load_file(path).items())[1:]}, path),
        r"Missing key\(s\) in state_dict",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run; not to be changed."""
    folder = tmp_path_factory.mktemp("kept")
    run(folder)
    return folder


@pytest.mark.parametrize(("file", "spoil", "found"), SPOILT, ids=[f"{i}-{file}" for i, (file, *_) in enumerate(SPOILT)])
def test_a_run_that_cannot_be_read_is_an_error_that_says_what_to_do(kept, tmp_path, file, spoil, found):
    shutil.copytree(kept, tmp_path / "run")
    spoil(tmp_path / "run" / file)
    with pytest.raises(ValueError) as error:
        load_model(tmp_path / "run")
    said = str(error.value)
    expected = "the configuration of a run" if file == "config.json" else "the weights of the model that config.json"
    assert said.startswith(f"{tmp_path / 'run' / file}: expected {expected}"), said
    assert re.search(found, said), said
    assert "cut short, or written by another version of qbsbp or for another trunk: read it with the version" in said
    assert "\n" not in said and len(said) < 900
    assert load_model(kept).config == MODEL


def test_weights_of_other_shapes_are_named(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "run")
    change_model(tmp_path / "run" / "config.json", kernel_size=2)
    message = r"model\.safetensors: .* size mismatch for trunk\.blocks.*\[8, 3, 3\].*cut short"
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "run")


@pytest.mark.parametrize("file", ["last.pt", "config.json"])
@pytest.mark.parametrize("spoil", [cut_short, lambda path: path.write_bytes(b"garbage" * 300)], ids=["cut", "garbage"])
def test_a_run_that_cannot_be_read_is_not_resumed(kept, tmp_path, file, spoil):
    shutil.copytree(kept, tmp_path / "run")
    spoil(tmp_path / "run" / file)
    with pytest.raises(ValueError, match=rf"{file.replace('.', '[.]')}: expected the .* It was cut short"):
        run(tmp_path / "run", resume=True)


def test_a_run_of_a_version_with_fewer_settings_is_not_resumed(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    fields = json.loads(path.read_text())
    del fields["criterion"], fields["model"]["hidden_dropout"], fields["training"]["mixed_precision"]
    path.write_text(json.dumps(fields))
    with pytest.raises(
        ValueError, match="mixed_precision was None and is now 'no'; criterion was None and is now 'nll'"
    ):
        run(tmp_path / "run", resume=True)


def test_a_batch_too_large_for_the_device_says_how_large_it_was(monkeypatch):
    plays = dataclasses.replace(make_plays(100, seed=1), lengths=torch.full((100,), 13))

    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(TCN, "forward", full)
    message = (
        r"batch_size: the memory of cpu is too small for a step of 25 plays, the longest of 13 frames; lower "
        r"batch_size, which is 32\. \(CUDA out of memory\. Tried to allocate 2\.00 GiB\.\)"
    )
    with pytest.raises(torch.cuda.OutOfMemoryError, match=message):
        train(MODEL, plays, plays, TRAINING, progress=False)
    assert issubclass(torch.cuda.OutOfMemoryError, RuntimeError)


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_mixed_precision_learns_too():
    config = dataclasses.replace(TRAINING, mixed_precision="bf16")
    result = train(MODEL, make_plays(400, 1), make_plays(200, 2), config, progress=False)
    assert result.history.validation_loss.min() < result.history.validation_loss[0]
    assert all(parameter.dtype == torch.float32 for parameter in result.model.parameters())


def test_progress_is_shown_or_not(capsys):
    plays = make_plays(40, seed=1)
    config = dataclasses.replace(TRAINING, epochs=1)
    train(MODEL, plays, plays, config, progress=False)
    assert capsys.readouterr() == ("", "")
    train(MODEL, plays, plays, config, progress=True)
    assert "validation=" in capsys.readouterr().err


def test_no_plays_is_an_error():
    plays = make_plays(10, seed=1)
    with pytest.raises(ValueError, match="train_plays: expected at least one play, got none"):
        train(MODEL, plays[:0], plays, progress=False)
    with pytest.raises(ValueError, match="validation_plays: expected at least one play, got none"):
        train(MODEL, plays, plays[:0], progress=False)


def test_values_that_are_not_finite_are_found_before_training():
    plays = make_plays(10, seed=1)
    x = plays.x.clone()
    x[4, 2, 1] = float("nan")
    with pytest.raises(ValueError, match=r"train_plays\.x: .* x\[4, 2, 1\] \(the first .*\) is nan\. Drop or repair"):
        train(MODEL, dataclasses.replace(plays, x=x), plays, progress=False)
    y = plays.y.clone()
    y[3] = float("inf")
    with pytest.raises(ValueError, match=r"validation_plays\.y: .* y\[3\] .* is inf"):
        train(MODEL, plays, dataclasses.replace(plays, y=y), progress=False)
    x = plays.x.clone()
    x[0, :, plays.lengths[0] :] = float("nan")  # padding may hold anything
    train(MODEL, dataclasses.replace(plays, x=x), plays, dataclasses.replace(TRAINING, epochs=1), progress=False)


def test_a_loss_that_is_not_finite_says_where():
    plays = make_plays(100, seed=1)
    worst = int(plays.y.argmax())

    def breaks_at_the_largest(law, y):
        return torch.where(y == plays.y.max(), float("inf"), -law.log_prob(y))

    message = rf"not finite in epoch 1, batch [1-4], .*: 1 of \d+ losses: play {worst} \(y = {plays.y.max().item():g}\)"
    with pytest.raises(FloatingPointError, match=message):
        train(MODEL, plays, plays, TRAINING, objective=breaks_at_the_largest, progress=False)
    with pytest.raises(FloatingPointError, match="validation_plays: the score was not finite in any epoch"):
        train(
            MODEL,
            plays[plays.y < plays.y.max()],
            plays,
            dataclasses.replace(TRAINING, epochs=2),
            objective=breaks_at_the_largest,
            progress=False,
        )


@pytest.mark.parametrize(
    "change, message",
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"learning_rate": float("nan")}, "learning_rate: expected a number > 0, got nan"),
        ({"weight_decay": -1.0}, "weight_decay: expected a number >= 0"),
        ({"gradient_clip": 0.0}, "gradient_clip: expected a number > 0"),
        ({"warmup": 1.0}, r"warmup: expected a share of all steps in \[0, 1\)"),
        ({"patience": 0}, "patience: expected at least 1 epoch, or None"),
        ({"seed": -1}, "seed: expected an integer >= 0"),
        ({"mixed_precision": "fp8"}, 'mixed_precision: expected "no" or "bf16", got \'fp8\''),
    ],
)
def test_wrong_configurations_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**change)


def test_wrong_settings_are_named(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"objective: expected a function .* or one of .*nll.*, got 'likelihood'"):
        run(objective="likelihood")
    with pytest.raises(ValueError, match="directory: resume=True needs the directory"):
        run(resume=True)
    with pytest.raises(FileNotFoundError, match=r"has no config\.json; train with directory"):
        load_model(tmp_path)
    monkeypatch.setenv("QBSBP_DEVICE", "gpu")
    with pytest.raises(ValueError, match="QBSBP_DEVICE: expected cpu, cuda, mps or auto, got 'gpu'"):
        run()


def test_a_device_that_is_not_there_is_an_error(monkeypatch):
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    monkeypatch.setenv("QBSBP_DEVICE", missing)
    with pytest.raises(ValueError, match=f"QBSBP_DEVICE: expected {missing}, but Accelerate runs on"):
        run()
