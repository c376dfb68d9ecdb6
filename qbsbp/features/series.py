"""A time series as tensors: the recent past of each step is a play of one channel. Chapter: time-varying tails."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from .tensors import PlayTensors

__all__ = ["series_windows"]


def series_windows(
    values: ArrayLike, *, inputs: ArrayLike | None = None, context: int = 100, block: int = 100
) -> PlayTensors:
    """One window for each step that has a whole past: the `context` values before it, and the value itself as `y`.

    The step that is asked for is never in its own window, so a forecast from it is one step ahead.

    Args:
        values: The series, shape (n,), n > context.
        inputs: What the windows hold in place of the values, shape (n,) or (n, channels): their logarithms, the hour.
        context: Values of the past in a window, at least 1.
        block: Steps that follow one another share a group, so that `qbsbp.evaluation.group_bootstrap` resamples blocks
            of this length and keeps what neighbours have in common.

    Returns:
        n - context windows with x of shape (windows, channels, context), float32, and without static features.

    Raises:
        ValueError: The series is not one-dimensional, not finite (the first such step is named) or too short, or the
            inputs do not have a row for each value.
    """
    values = np.asarray(values, dtype=np.float64)
    inputs = values if inputs is None else np.asarray(inputs, dtype=np.float64)
    if values.ndim != 1 or inputs.ndim not in (1, 2) or len(inputs) != len(values):
        raise ValueError(
            f"values, inputs: expected shapes (n,) and (n, channels), came {values.shape}, {inputs.shape}."
        )
    inputs = inputs.reshape(len(values), -1)
    for name, numbers in (("values", values), ("inputs", inputs)):
        if not np.isfinite(numbers).all():
            step = int(np.argmin(np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1)))
            raise ValueError(f"{name}: expected finite numbers, and {name}[{step}] is {numbers[step]}. Fill the gap.")
    if context < 1 or block < 1 or len(values) <= context:
        raise ValueError(
            f"values, context, block: expected more values than context, and both at least 1; came {len(values)} "
            f"values, context={context}, block={block}."
        )
    past = torch.from_numpy(inputs.astype(np.float32)).unfold(0, context, 1)[:-1]  # (windows, channels, context)
    windows = len(past)
    return PlayTensors(
        x=past.contiguous(),
        lengths=torch.full((windows,), context),
        static=torch.zeros(windows, 0),
        y=torch.from_numpy(values[context:].astype(np.float32)),
        group=torch.arange(windows) // block,
    )
