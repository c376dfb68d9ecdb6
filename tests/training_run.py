"""A small run of training; python tests/training_run.py DIRECTORY HOW makes one that kills itself or is shared."""

import dataclasses
import os
import signal
import sys

import torch

from qbsbp import training
from qbsbp.features import PlayTensors
from qbsbp.model import ModelConfig
from qbsbp.training import TrainConfig

# dropout makes the weights depend on the state of the generator in every epoch
MODEL = ModelConfig(3, static_features=2, channels=(8, 8), dropout=0.2, hidden=(8,), law="normal", scale=3.0)
TRAINING = TrainConfig(epochs=6, batch_size=32, learning_rate=5e-3, seed=11, patience=None)


def make_plays(n, seed, time=15):
    """Outcomes that depend on the last frame and on a static feature, with a spread that depends on another."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, time, generator=g)
    lengths = torch.randint(5, time + 1, (n,), generator=g)
    static = torch.randn(n, 2, generator=g)
    last = x[torch.arange(n), :, lengths - 1]
    mean, spread = 5 + 2 * last[:, 0] + static[:, 0], (0.5 * static[:, 1]).exp()
    y = mean + spread * torch.randn(n, generator=g)
    return PlayTensors(x=x, lengths=lengths, static=static, y=y, group=torch.arange(n) % 5)


def run(directory=None, **options):
    plays, validation = make_plays(200, seed=1), make_plays(100, seed=2)
    return training.train(MODEL, plays, validation, TRAINING, directory=directory, progress=False, **options)


def kill_at_call(function, number):
    """`function`, except that its `number`-th call kills this process as `kill -9` does."""
    calls = 0

    def wrapped(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return wrapped


if __name__ == "__main__":
    directory, how = sys.argv[1:]
    if how == "within an epoch":  # 7 batches in each: the third epoch's fourth
        PlayTensors.__getitem__ = kill_at_call(PlayTensors.__getitem__, 2 * 8 + 4)
    elif how == "while writing":  # config.json; in each epoch model.safetensors (when better), last.pt, history.csv
        os.replace = kill_at_call(os.replace, 6)
    elif how == "shared":  # by the processes of torchrun; dropout is not the same for one process and two
        MODEL = dataclasses.replace(MODEL, dropout=0.0)
    run(directory)
