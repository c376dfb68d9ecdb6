"""Laws of whole yards as bins: yard k is the bin from k - 1/2 to k + 1/2."""

from __future__ import annotations

import torch
from numpy.typing import NDArray

from ..distributions import Binned

__all__ = ["EDGES", "YARDS", "law_of_mass"]

YARDS = torch.arange(-99, 100)
"""What a play can gain, from goal line to goal line."""
EDGES = torch.arange(-99.5, 100.0)


def law_of_mass(mass: NDArray) -> Binned:
    """The laws with these probabilities of `YARDS`, shape (plays, 199), as float64; rows need not sum to 1."""
    mass = torch.as_tensor(mass, dtype=torch.float64)
    return Binned(EDGES.double(), mass.log(), validate_args=False)
