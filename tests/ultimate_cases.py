"""Plays of ultimate that tests share: simulated ones, and the real ones where QBSBP_DATA names them."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from data_synth.ultimate import make_possessions, write_ultimate_track
from qbsbp.datasets import ultimate_track
from qbsbp.schema import Tracking

needs_real_data = pytest.mark.skipif(
    not os.environ.get("QBSBP_DATA"), reason="QBSBP_DATA is not set: the real files are not at hand"
)


@functools.cache
def possessions(n: int, seed: int):
    return make_possessions(n, seed=seed)


@functools.cache
def simulated(n: int = 8, seed: int = 3) -> Tracking:
    """Simulated possessions as the reader returns them; do not change them."""
    with tempfile.TemporaryDirectory() as directory:
        write_ultimate_track(directory, n, seed=seed)
        return ultimate_track.read(directory, verify=False)


@functools.cache
def real() -> Tracking:
    """Ultimate Track as the reader returns it; do not change it."""
    return ultimate_track.read()


def write(directory: Path, files: dict[str, pd.DataFrame]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        rows.to_csv(directory / name, index=False)
    return directory


def with_frames(tracking: Tracking, frames: pd.DataFrame) -> Tracking:
    return Tracking(tracking.plays, frames, tracking.layout, tracking.report)
