"""What worker processes of the tests run: a week's features, once somebody has opened the gate."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path

WAIT = 90  # seconds; a busy machine is slow, and a test that hangs has a limit of its own


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.02)


def make_at_the_gate(make: Callable[[int], str], week: int, gate: str) -> str:
    """Say which process is at work on the week, wait for the gate to open, then do it."""
    part = Path(gate, f"{week}.{os.getpid()}.part")
    part.write_text(str(os.getpid()))
    part.rename(Path(gate, f"{week}.pid"))
    wait_for(Path(gate, "open").exists)
    return make(week)


class Gate(Executor):
    """An executor in front of another, whose tasks wait."""

    def __init__(self, inner: Executor, gate: Path) -> None:
        self.inner, self.gate = inner, gate

    def submit(self, make: Callable[[int], str], week: int) -> Future:
        return self.inner.submit(make_at_the_gate, make, week, str(self.gate))
