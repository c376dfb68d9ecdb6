"""How fast is the spliced law? Against GluonTS's, cross-entropy over the same logits, and a Normal, in one run.

    python benchmarks/law.py              # the tables of benchmarks/README.md, one thread
    python benchmarks/law.py --quick      # fewer rounds, for a first look

The problem: a batch of laws with 100 bins in float32, one outcome each, a tenth of them far out. Every timed call
constructs the law afresh, with its checks, as a training step does. All systems take turns inside each round, and what
is reported is the median over rounds of the ratio within a round, so that a machine whose speed drifts does not matter.
Memory is the growth of the process's peak over one call, in a process of its own, in units of the logits.

Needs GluonTS in an environment of its own (`pip install -e ".[bench]"`, without constraints.txt): it wants an older
pandas.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from qbsbp import SplicedBinnedPareto

LOW, HIGH, BINS, TAIL_MASS = -10.0, 40.0, 100, 0.05
BATCHES = (1, 256, 4096, 65536)
OPERATIONS = ("log_prob", "log_prob+backward", "cdf", "icdf", "crps", "crps+backward")
TAILS = ("lower_xi", "lower_beta", "upper_xi", "upper_beta")

# what the project promises: at least these speed-ups over GluonTS, at most these times cross-entropy and the logits'
# memory
SPEED_UP = {
    "log_prob": (4, 6, 15, 12),
    "log_prob+backward": (2.5, 3, 5.5, 6.5),
    "cdf": (3, 6, 20, 20),
    "icdf": (1.5, 2.5, 6, 6.5),
}
TIMES_CROSS_ENTROPY = {"log_prob": 6, "log_prob+backward": 5.5, "crps+backward": 12}
TIMES_LOGITS = {"log_prob": 2.6, "log_prob+backward": 3.5, "crps+backward": 6}


def factory(edges, logits, lower_mass, upper_mass, lower_xi, lower_beta, upper_xi, upper_beta):
    """Our law, with the argument order that other benchmarks of spliced laws use."""
    tails = (lower_xi, lower_beta, upper_xi, upper_beta)
    return SplicedBinnedPareto(edges, logits, *tails, lower_mass=lower_mass, upper_mass=upper_mass)


def gluonts_factory(edges, logits, lower_mass, upper_mass, lower_xi, lower_beta, upper_xi, upper_beta):
    from gluonts.torch.distributions import SplicedBinnedPareto as Theirs

    tails = (t.unsqueeze(-1) for t in (upper_xi, upper_beta, lower_xi, lower_beta))
    return Theirs(LOW, HIGH, logits, *tails, numb_bins=logits.shape[-1], tail_percentile_gen_pareto=lower_mass)


def problem(batch: int, seed: int = 0) -> dict[str, Tensor]:
    """Laws with a hump at 5 to 13 yards, moderately heavy tails, and one outcome each."""
    g = torch.Generator().manual_seed(seed)
    centre = 5 + 8 * torch.rand(batch, 1, generator=g)
    grid = torch.linspace(LOW, HIGH, BINS)
    y = centre[:, 0] + 6 * torch.randn(batch, generator=g)
    far = 25 * torch.sign(torch.randn(batch, generator=g))
    y = torch.where(torch.rand(batch, generator=g) < 0.1, y + far, y)
    data = {
        "edges": torch.linspace(LOW, HIGH, BINS + 1),
        "logits": -((grid - centre) ** 2) / 50 + 0.3 * torch.randn(batch, BINS, generator=g),
        "y": y,
        "level": torch.rand(batch, generator=g).clamp(1e-4, 1 - 1e-4),
        "bin": ((y - LOW) / (HIGH - LOW) * BINS).long().clamp(0, BINS - 1),
    }
    for name in TAILS:
        u = torch.rand(batch, generator=g)
        data[name] = 0.05 + 0.3 * u if name.endswith("xi") else 0.5 + 2 * u
    return data


def calls(make: Callable, data: dict[str, Tensor]) -> dict[str, Callable[[], None]]:
    """The timed calls on the laws of `make`; each builds them afresh."""
    learned = {name: data[name].clone().requires_grad_() for name in ("logits", *TAILS)}

    def build(p: dict[str, Tensor]):
        return make(data["edges"], p["logits"], TAIL_MASS, TAIL_MASS, *(p[name] for name in TAILS))

    def forward(method: str, argument: Tensor) -> Callable[[], None]:
        def call() -> None:
            with torch.no_grad():
                getattr(build(data), method)(argument)

        return call

    def backward(method: str, argument: Tensor) -> Callable[[], None]:
        def call() -> None:
            clear()
            getattr(build(learned), method)(argument).mean().backward()

        def clear() -> None:
            for p in learned.values():
                p.grad = None

        call.clear = clear
        return call

    return {
        "log_prob": forward("log_prob", data["y"]),
        "log_prob+backward": backward("log_prob", data["y"]),
        "cdf": forward("cdf", data["y"]),
        "icdf": forward("icdf", data["level"]),
        "crps": forward("crps", data["y"]),
        "crps+backward": backward("crps", data["y"]),
    }


def cross_entropy_calls(data: dict[str, Tensor]) -> dict[str, Callable[[], None]]:
    logits = data["logits"].clone().requires_grad_()

    def forward() -> None:
        with torch.no_grad():
            F.cross_entropy(data["logits"], data["bin"])

    def backward() -> None:
        logits.grad = None
        F.cross_entropy(logits, data["bin"]).backward()

    return {op: backward if op.endswith("backward") else forward for op in OPERATIONS}


def normal_calls(data: dict[str, Tensor]) -> dict[str, Callable[[], None]]:
    mean, sd = data["upper_xi"].clone().requires_grad_(), data["upper_beta"].clone().requires_grad_()

    def backward() -> None:
        mean.grad = sd.grad = None
        torch.distributions.Normal(mean, sd).log_prob(data["y"]).mean().backward()

    def fixed() -> torch.distributions.Normal:
        return torch.distributions.Normal(data["upper_xi"], data["upper_beta"])

    return {
        "log_prob": lambda: fixed().log_prob(data["y"]),
        "log_prob+backward": backward,
        "cdf": lambda: fixed().cdf(data["y"]),
        "icdf": lambda: fixed().icdf(data["level"]),
    }


def systems(data: dict[str, Tensor]) -> dict[str, dict[str, Callable[[], None]]]:
    theirs = calls(gluonts_factory, data)
    return {
        "ours": calls(factory, data),
        "cross-entropy": cross_entropy_calls(data),
        "GluonTS": {op: theirs[op] for op in SPEED_UP},
        "Normal": normal_calls(data),
    }


def seconds(call: Callable[[], None], repeats: int) -> float:
    """Of processor time, which on one thread is the time on the clock less what other processes took of it."""
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def race(contenders: dict[str, Callable[[], None]], rounds: int, slice_seconds: float) -> dict[str, list[float]]:
    """Seconds per call of each contender in each round; the order rotates."""
    repeats = {}
    for name, call in contenders.items():
        seconds(call, 2)
        repeats[name] = max(1, min(500, int(slice_seconds / seconds(call, 1))))
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    gc.disable()
    for r in range(rounds):
        for name in names[r % len(names) :] + names[: r % len(names)]:
            taken[name].append(seconds(contenders[name], repeats[name]))
    gc.enable()
    return taken


def ratio(numerator: list[float], denominator: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))


def mark(good: bool) -> str:
    return "" if good else " MISSED"


def time_table(rounds: int, slice_seconds: float) -> None:
    print(
        "| operation | B | ours, ms | speed-up over GluonTS (at least) | times cross-entropy (at most) | times Normal |"
    )
    print("|---|---|---|---|---|---|")
    for column, batch in enumerate(BATCHES):
        built = systems(problem(batch))
        for op in OPERATIONS:
            contenders = {name: ops[op] for name, ops in built.items() if op in ops}
            taken = race(contenders, rounds, slice_seconds)
            cells = [f"{statistics.median(taken['ours']) * 1e3:.3f}"]
            if op in SPEED_UP:
                speed_up, target = ratio(taken["GluonTS"], taken["ours"]), SPEED_UP[op][column]
                cells.append(f"{speed_up:.1f} ({target}){mark(speed_up >= target)}")
            else:
                cells.append("has none")
            times = ratio(taken["ours"], taken["cross-entropy"])
            if op in TIMES_CROSS_ENTROPY and batch >= 4096:
                cells.append(f"{times:.1f} ({TIMES_CROSS_ENTROPY[op]}){mark(times <= TIMES_CROSS_ENTROPY[op])}")
            else:
                cells.append(f"{times:.1f}")
            cells.append(f"{ratio(taken['ours'], taken['Normal']):.1f}" if "Normal" in taken else "has none")
            print(f"| `{op}` | {batch:,} | {' | '.join(cells)} |", flush=True)


def peak_growth(call: Callable[[], None]) -> int:
    """Bytes by which the peak of resident memory exceeds the memory resident before the call (Linux)."""

    def status(field: str) -> int:
        line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(field))
        return int(line.split()[1]) * 1024

    getattr(call, "clear", lambda: None)()
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to what is resident now
    before = status("VmRSS")
    call()
    return max(0, status("VmHWM") - before)


def memory_table() -> None:
    print("\n| operation | B | peak memory / logits (at most) |\n|---|---|---|")
    for op in TIMES_LOGITS:
        for batch in BATCHES[2:]:
            data = problem(batch)
            call = calls(factory, data)[op]
            call()
            growth = statistics.median(peak_growth(call) for _ in range(3)) / data["logits"].nbytes
            print(f"| `{op}` | {batch:,} | {growth:.1f} ({TIMES_LOGITS[op]}){mark(growth <= TIMES_LOGITS[op])} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 short rounds instead of 9")
    parser.add_argument("--memory", action="store_true", help="the memory table alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory:
        return memory_table()
    rounds, slice_seconds = (3, 0.02) if arguments.quick else (9, 0.05)
    time_table(rounds, slice_seconds)
    # a process of its own, in which freed memory goes back to the system at once
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    sys.stdout.flush()
    subprocess.run([sys.executable, __file__, "--memory"], env=os.environ | settings, check=True)
    return None


if __name__ == "__main__":
    main()
