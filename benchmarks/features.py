"""Time and memory of turning a season's files into features, by number of plays and by layout.

    OMP_NUM_THREADS=1 python -m benchmarks.features --work DIRECTORY --record benchmarks/recorded/features.csv
    OMP_NUM_THREADS=1 python -m benchmarks.features --work DIRECTORY --record benchmarks/recorded/features.csv \
        --layout big_data_bowl_2023

The seasons are made in DIRECTORY where they are missing. Each row is a process of its own with an empty cache and two
workers, a week at a time. Seconds are by the clock, and processor seconds those of all three together, which another
program on the machine does not lengthen as much. Memory is the most that the process itself held, and twice the most
that a worker held. A published yardstick for such preprocessing: two hours on 96 cores for 50,000 plays. The project
asks for at most 60 s from Parquet and 5 minutes from CSV on two cores, 4 GB, and a time per play that does not grow
with their number.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from data_synth.league import LeagueConfig, make_league
from data_synth.write import LAYOUTS, write
from qbsbp.training import write_whole

WORKERS = 2
SEED = 2026


def seasons(work: Path, layout: str) -> list[Path]:
    config = LeagueConfig(seasons=3)
    folders = [work / layout / str(config.first_season + k) for k in range(config.seasons)]
    if not all(folder.is_dir() for folder in folders):
        for season, folder in zip(make_league(config, seed=SEED), folders, strict=True):
            if not folder.is_dir():
                write(season, folder, layout, progress=False)
    return folders


def once(folders: list[str], weeks: int) -> dict[str, float]:
    """Features of so many weeks of each season, in this process."""
    from qbsbp.features import passing_season  # the time to import torch is no part of it

    with tempfile.TemporaryDirectory() as cache, ProcessPoolExecutor(WORKERS) as executor:
        before = sum(executor.map(_import, range(WORKERS)))
        start, own_cpu = time.perf_counter(), time.process_time()
        made = [
            passing_season(
                folder, cache=cache, weeks=range(1, weeks + 1), dropbacks=True, executor=executor, progress=False
            )
            for folder in folders
        ]
        seconds, own_cpu = time.perf_counter() - start, time.process_time() - own_cpu
        disk = sum(path.stat().st_size for path in Path(cache).rglob("*") if path.is_file())
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "plays": sum(map(len, made)),
        "seconds": seconds,
        "cpu_seconds": own_cpu + workers.ru_utime + workers.ru_stime - before,
        "mib": (own.ru_maxrss + WORKERS * workers.ru_maxrss) / 1024,
        "disk_mb": disk / 1e6,
    }


def _import(_: int) -> float:
    """Import what a worker needs; its processor seconds until then."""
    import qbsbp.features  # noqa: F401

    time.sleep(0.5)  # so that each worker gets one
    return time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True, metavar="DIRECTORY", help="where the seasons are kept")
    parser.add_argument("--layout", choices=LAYOUTS, default="parquet")
    parser.add_argument("--record", type=Path, metavar="FILE", help="put the table into this CSV file, by layout")
    parser.add_argument("--once", nargs=2, metavar=("FOLDERS", "WEEKS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        print(json.dumps(once(json.loads(args.once[0]), int(args.once[1]))))
        return
    # in another process: the memory that its parent once held counts as that of a process that is started
    with ProcessPoolExecutor(1) as maker:
        folders = [str(folder) for folder in maker.submit(seasons, args.work, args.layout).result()]
    print(f"{args.layout}, {WORKERS} workers")
    print("| plays | seconds | processor seconds | ms a play | peak memory, MiB | features on disk, MB |")
    print("|---|---|---|---|---|---|")
    rows = []
    for chosen, weeks in ((folders[:1], 1), (folders[:1], 4), (folders[:1], 17), (folders, 17)):
        command = [sys.executable, "-m", "benchmarks.features", "--work", str(args.work)]
        command += ["--once", json.dumps(chosen), str(weeks)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append({"layout": args.layout, **row})
        print(
            f"| {row['plays']:,} | {row['seconds']:.1f} | {row['cpu_seconds']:.1f} | "
            f"{1000 * row['seconds'] / row['plays']:.2f} | "
            f"{row['mib']:,.0f} | {row['disk_mb']:,.0f} |",
            flush=True,
        )
    if args.record:
        table = pd.DataFrame(rows).round(2)
        if args.record.is_file():  # rows of other layouts stay
            kept = pd.read_csv(args.record)
            table = pd.concat([kept[kept["layout"] != args.layout], table])
        write_whole(args.record, lambda part: table.to_csv(part, index=False))


if __name__ == "__main__":
    main()
