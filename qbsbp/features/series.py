"""A time series as tensors: the recent past of each step is a play of one channel. Chapter: time-varying tails."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from .tensors import PlayTensors

__all__ = ["series_edges", "series_windows"]


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


def series_edges(values: ArrayLike, bins: int = 100, *, even: float = 0.3, whole: bool = False) -> tuple[float, ...]:
    """Edges of bins from the least to the greatest value, most of them where most values are.

    The edges are the quantiles, at even levels, of a law that is uniform between the ends with probability `even` and
    else the values' own: fine in the bulk, and never wider than the range over `even` times the number of bins.

    Args:
        values: The values of training, shape (n,).
        bins: How many; with `whole` there may be fewer, since edges that fall together are one.
        even: The uniform law's share, in (0, 1]; 1 gives bins of one width.
        whole: Put the edges halfway between whole numbers, for counts.

    Raises:
        ValueError: The values are all the same, or `even` is out of its range.
    """
    values = np.sort(np.asarray(values, dtype=np.float64))
    if not 0 < even <= 1 or values.size < 2 or values[0] == values[-1]:
        raise ValueError(f"values, even: expected values that differ and a share in (0, 1], came even={even!r}.")
    x = np.unique(np.concatenate([values, np.linspace(values[0], values[-1], 10 * bins + 1)]))
    level = (1 - even) * np.searchsorted(values, x, side="right") / len(values)
    level += even * (x - values[0]) / (values[-1] - values[0])
    edges = np.interp(np.linspace(level[0], 1, bins + 1), level, x)
    edges[0], edges[-1] = values[0], values[-1]
    if whole:
        edges = np.unique(np.concatenate([[values[0] - 0.5], np.floor(edges) + 0.5]))
    return tuple(float(edge) for edge in np.unique(edges))
