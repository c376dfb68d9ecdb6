"""What the tests of features share."""

from __future__ import annotations

import dataclasses

import pandas as pd
import torch

from qbsbp.features import PlayTensors
from qbsbp.schema import Tracking


def make(plays: int = 5, time: int = 4, seed: int = 0, bounds: bool = False) -> PlayTensors:
    """Generic plays of 3 channels, 2 static features and outcomes 0, 1, ..."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, time + 1, (plays,), generator=generator)
    x = torch.randn(plays, 3, time, generator=generator) * (torch.arange(time) < lengths[:, None])[:, None]
    y = torch.arange(plays) * 1.0
    return PlayTensors(
        x,
        lengths,
        torch.randn(plays, 2, generator=generator),
        y,
        torch.arange(plays) % 2,
        torch.stack([y - 3, y + 5], dim=1) if bounds else None,
    )


def tensors(plays: PlayTensors) -> dict[str, torch.Tensor]:
    """The tensors that the plays have, by name."""
    return {name: tensor for name, tensor in vars(plays).items() if tensor is not None}


def same(a: PlayTensors, b: PlayTensors) -> bool:
    """Whether two sets of plays are equal to the last bit; how far they are padded does not matter."""
    a, b = tensors(a), tensors(b)
    time = min(a["x"].shape[2], b["x"].shape[2])
    if any((one["x"][..., time:] != 0).any() for one in (a, b)):
        return False
    a["x"], b["x"] = a["x"][..., :time], b["x"][..., :time]
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def with_plays(tracking: Tracking, plays: pd.DataFrame) -> Tracking:
    return dataclasses.replace(tracking, plays=plays)
