"""Plays as a network reads them. Chapter: from plays to tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["PlayTensors", "as_index", "whole_frames"]


@dataclass(frozen=True)
class PlayTensors:
    """Plays as a network reads them.

    Args:
        x: Features of the frames, shape (plays, channels, time), zero where a play is over: padding is on the right.
        lengths: Real frames of each play, shape (plays,), from 1 to time.
        static: Facts of each play, shape (plays, features).
        y: Outcome of each play, shape (plays,), in the layout's unit of length.
        group: Game of each play, shape (plays,); splits and intervals go by it.
        bounds: Least and greatest possible outcome of each play, shape (plays, 2), in the unit of y: what would go
            further is recorded as the bound, as a gain is that reaches the goal line. None where outcomes know no
            bound and are not rounded; with bounds they are whole numbers.

    Raises:
        ValueError: Shapes do not agree, lengths are no integers, or an outcome lies outside its bounds.
    """

    x: Tensor
    lengths: Tensor
    static: Tensor
    y: Tensor
    group: Tensor
    bounds: Tensor | None = None

    def __post_init__(self) -> None:
        plays = self.y.shape[0] if self.y.ndim else 0
        for name, dims in (("x", 3), ("lengths", 1), ("static", 2), ("y", 1), ("group", 1), ("bounds", 2)):
            tensor = getattr(self, name)
            if name == "bounds" and tensor is None:
                continue
            if tensor.ndim != dims or tensor.shape[0] != plays or (name == "bounds" and tensor.shape[1] != 2):
                raise ValueError(
                    f"{name}: expected {dims} dimensions with {plays} plays first, as y has"
                    f"{', and a lower and an upper bound of each' if name == 'bounds' else ''}, came shape "
                    f"{tuple(tensor.shape)}."
                )
        if self.lengths.is_floating_point() or self.lengths.is_complex():
            raise ValueError(f"lengths: expected integers, came {self.lengths.dtype}. Convert with .long().")
        if self.bounds is not None and not self.bounds.is_meta:
            outside = (self.y < self.bounds[:, 0]) | (self.y > self.bounds[:, 1])
            if bool(outside.any()):
                play = int(outside.nonzero()[0])
                low, high = self.bounds[play].tolist()
                raise ValueError(
                    f"y: expected outcomes within their bounds, but y[{play}] is {float(self.y[play]):g} and bounds"
                    f"[{play}] are {low:g} and {high:g}. Correct the yards or the yards to goal."
                )

    def _tensors(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in vars(self).items() if tensor is not None}

    def __len__(self) -> int:
        return self.y.shape[0]

    @property
    def channels(self) -> int:
        """Features of a frame."""
        return self.x.shape[1]

    def __getitem__(self, index: Tensor | np.ndarray | slice | Sequence[int]) -> PlayTensors:
        """The plays that an index tensor, a mask or a slice picks; a single number would not be plays."""
        index = as_index(index)
        return PlayTensors(**{name: tensor[index] for name, tensor in self._tensors().items()})

    def to(self, device: torch.device | str) -> PlayTensors:
        """The same plays on a device."""
        return PlayTensors(**{name: tensor.to(device) for name, tensor in self._tensors().items()})

    @staticmethod
    def concat(parts: Sequence[PlayTensors]) -> PlayTensors:
        """Several sets of plays as one; the shorter ones are padded to the longest time.

        Raises:
            ValueError: There are no parts, or some have bounds and some have none.
        """
        if not parts:
            raise ValueError("parts: expected at least one set of plays, came none.")
        bounded = [part.bounds is not None for part in parts]
        if any(bounded) != all(bounded):
            raise ValueError("parts: expected plays that all have bounds, or none that has; they cannot be mixed.")
        time = max(part.x.shape[2] for part in parts)
        padded = [torch.nn.functional.pad(part.x, (0, time - part.x.shape[2])) for part in parts]
        names = ("lengths", "static", "y", "group", *(("bounds",) if bounded[0] else ()))
        return PlayTensors(x=torch.cat(padded), **{n: torch.cat([getattr(part, n) for part in parts]) for n in names})


def as_index(index: Tensor | np.ndarray | slice | Sequence[int]) -> Tensor | slice:
    """What picks plays, as a tensor or a slice; a ValueError for a single number."""
    if isinstance(index, slice):
        return index
    if np.ndim(index) == 0:
        number = int(index)
        raise ValueError(f"index: expected a slice, a tensor of indices or a mask, came {number}. Use [[{number}]].")
    if isinstance(index, Tensor):
        return index
    # a copy: pandas hands out arrays that torch warns of
    return torch.from_numpy(np.array(index, dtype=None if len(index) else np.int64))


def whole_frames(name: str, seconds: float, rate: int) -> int:
    """Frames in `seconds` at `rate` a second; a ValueError that names the argument unless they are whole and some."""
    frames = round(seconds * rate)
    if frames < 1 or abs(frames - seconds * rate) > 1e-6:
        raise ValueError(f"{name}: expected a positive multiple of 1/{rate} s, came {seconds!r} s.")
    return frames
