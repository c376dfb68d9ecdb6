"""The full training on a GPU, end to end, and how much of the time the device is busy.

    OMP_NUM_THREADS=1 python -m benchmarks.gpu --work DIRECTORY --record benchmarks/recorded/gpu.csv

Data, split and configuration are those of `benchmarks.passing`, whose seasons and features in DIRECTORY are made where
they are missing. Each row is a process of its own: the whole training on the GPU as the configuration says, one epoch
of it with larger batches, and one epoch on one thread of the processor. Seconds are those of the epochs, without the
imports. Busy is the mean of what `nvidia-smi` says every fifth of a second: the share of the time in which some kernel
runs, however small.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch

from benchmarks.passing import SEASONS, load, network
from qbsbp.experiment import load_config
from qbsbp.training import write_whole

CASES = (("cuda", 128, None), ("cuda", 1024, 1), ("cpu", 128, 1))  # device, batch, epochs; None for all of them


def once(work: Path, device: str, batch: int, epochs: int | None) -> dict[str, object]:
    """Train in this process; what it took."""
    config = load_config().replace(training={"batch_size": batch, **({} if epochs is None else {"epochs": epochs})})
    data = load(work, config, SEASONS)
    row = {"device": device_name(device), "batch": batch, "plays": len(data.train)}
    watch = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "200"]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as seen:
        watcher = subprocess.Popen(watch, stdout=seen) if device == "cuda" else None
        network(config, Path(folder, "run"), data)
        if watcher is not None:
            watcher.terminate()
            watcher.wait()
            seen.seek(0)
            busy = [float(line) for line in seen.read().split()]
            row |= {"busy_percent": sum(busy) / len(busy), "gpu_mib": torch.cuda.max_memory_allocated() / 2**20}
        history = pd.read_csv(Path(folder, "run", "history.csv"))
    seconds = history["seconds"].sum()
    return row | {
        "epochs": len(history),
        "seconds": seconds,
        "plays_a_second": len(data.train) * len(history) / seconds,
    }


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()} processor, one thread"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True, metavar="DIRECTORY", help="that of benchmarks.passing")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the table to this CSV file too")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        print(json.dumps(once(args.work, *json.loads(args.once))))
        return
    if not torch.cuda.is_available() or shutil.which("nvidia-smi") is None:
        parser.error("expected a machine with an NVIDIA GPU and nvidia-smi, and PyTorch sees none. Run it on one.")
    print("| device | batch | epochs | seconds | plays a second | busy, % | GPU memory, MiB |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for case in CASES:
        command = [sys.executable, "-m", "benchmarks.gpu", "--work", str(args.work), "--once", json.dumps(case)]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"QBSBP_DEVICE": case[0]}
        )
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        print(
            f"| {row['device']} | {row['batch']:,} | {row['epochs']} | {row['seconds']:.1f} | "
            f"{row['plays_a_second']:,.0f} | {row.get('busy_percent', float('nan')):.0f} | "
            f"{row.get('gpu_mib', float('nan')):,.0f} |",
            flush=True,
        )
    if args.record:
        table = pd.DataFrame(rows).round(2)
        write_whole(args.record, lambda part: table.to_csv(part, index=False))


if __name__ == "__main__":
    main()
