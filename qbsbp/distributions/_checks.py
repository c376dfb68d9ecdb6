"""Checks and small contracts shared by the three distributions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

__all__ = ["as_value", "check_floating", "expand_instance", "first_offender"]


def first_offender(name: str, value: Tensor, good: Tensor, expected: str) -> None:
    """Raise a ValueError that shows the first element of `value` where `good` is False.

    Args:
        name: The argument as the caller wrote it.
        value: Its value, any shape.
        good: Boolean, same shape as `value`.
        expected: What every element has to be, completing "expected ...".
    """
    if bool(good.all()):
        return
    where = tuple(int(i) for i in (~good).nonzero()[0])
    came = value[where].item()
    place = f"{name}[{', '.join(map(str, where))}]" if where else name
    raise ValueError(
        f"{name}: expected {expected}, but {place} is {came:g} ({int((~good).sum())} such of {good.numel()})"
    )


def check_floating(**tensors: Tensor) -> None:
    """Raise a ValueError unless all tensors are of one floating dtype and on one device."""
    first_name, first = next(iter(tensors.items()))
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise ValueError(f"{name}: expected a floating dtype such as float32, got {tensor.dtype}; call .float()")
        if tensor.dtype != first.dtype or tensor.device != first.device:
            raise ValueError(
                f"{name}: expected the dtype and device of {first_name} ({first.dtype}, {first.device}), "
                f"got {tensor.dtype}, {tensor.device}; call .to({first_name})"
            )


def as_value(value: Tensor | float, like: Tensor) -> Tensor:
    """`value` as a tensor of the parameters' dtype and device; numbers and integer tensors are converted."""
    if isinstance(value, Tensor) and value.dtype == like.dtype and value.device == like.device:
        return value
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


def expand_instance(
    law: Distribution, batch_shape: torch.Size, instance: Distribution | None, names: tuple[str, ...]
) -> Distribution:
    """`torch.distributions` expand: a new instance of the same law, `names` expanded as views, nothing checked
    again."""
    new = law._get_checked_instance(type(law), instance)
    batch_shape = torch.Size(batch_shape)
    for name in names:
        parameter = getattr(law, name)
        trailing = parameter.shape[len(law.batch_shape) :]
        setattr(new, name, parameter.expand(batch_shape + trailing))
    Distribution.__init__(new, batch_shape, validate_args=False)
    new._validate_args = law._validate_args
    return new
