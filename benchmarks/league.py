"""Time and memory of making synthetic seasons, and how both grow with the number of plays.

    OMP_NUM_THREADS=1 python -m benchmarks.league            # up to three full seasons, more than 50,000 dropbacks
    OMP_NUM_THREADS=1 python -m benchmarks.league --quick    # up to a quarter of one season

Each case is a process of its own, so that its peak of resident memory is its own. It makes the seasons one after the
other, as `make_league` yields them, asks each for the frames of every week, one week at a time, and lets both go. Time
starts after the imports; on a shared machine the processor's seconds say more than the clock's. `--files` writes each
season as Parquet too, to a folder that is deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = (  # teams, weeks, seasons, clock speed
    (6, 1, 1, 1),
    (32, 1, 1, 6.5),
    (16, 2, 1, 1),
    (32, 4, 1, 1),
    (32, 17, 1, 1),
    (32, 17, 2, 1),
    (32, 17, 3, 1),
)
SMALL, LARGE = CASES[1], CASES[-1]
SMALL_SECONDS, LARGE_PLAYS, LARGE_SECONDS, LARGE_MEMORY = 2.0, 50_000, 120.0, 2048  # what the project asks of itself


def peak_memory() -> float:
    """Peak resident memory of this process so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024**2)


def make(teams: int, weeks: int, seasons: int, clock_speed: float, *, seed: int, files: bool) -> dict[str, float]:
    """Make one case in this process; what it cost."""
    from data_synth.league import LeagueConfig, make_league

    if files:
        from data_synth.write import write

    before, processor = peak_memory(), time.process_time()
    playing = tables = writing = 0.0
    plays = frames = 0
    config = LeagueConfig(teams=teams, weeks=weeks, seasons=seasons, clock_speed=clock_speed)
    league = make_league(config, seed=seed)
    start = time.perf_counter()
    for season in league:
        playing += time.perf_counter() - start
        plays += len(season.plays)
        start = time.perf_counter()
        for week in season.weeks:
            frames += len(season.week_frames(week))
        tables += time.perf_counter() - start
        if files:
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                write(season, Path(folder) / "season", layout="parquet", progress=False)
            writing += time.perf_counter() - start
        del season
        start = time.perf_counter()
    return {
        "plays": plays,
        "frames": frames,
        "playing": playing,
        "tables": tables,
        "writing": writing,
        "processor": time.process_time() - processor,
        "import_memory": before,
        "memory": peak_memory(),
    }


def run(case: tuple[int, int, int, float], *, seed: int, files: bool) -> dict[str, float]:
    """`make` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.league", "--case", *map(str, case), "--seed", str(seed)]
    done = subprocess.run([*command, *(["--files"] if files else [])], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="nothing longer than four weeks")
    parser.add_argument("--files", action="store_true", help="write each season as Parquet too")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each case shorter than a season; median time")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    parser.add_argument("--case", type=float, nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(make(*map(int, args.case[:3]), args.case[3], seed=args.seed, files=args.files)))
        return

    print(f"{os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}, seed {args.seed}")
    head = (
        "teams",
        "weeks",
        "seasons",
        "clock",
        "plays",
        "frames",
        "playing",
        "tables",
        *(["files"] if args.files else []),
    )
    print(
        ("{:>10}" * len(head)).format(*head) + f"{'processor':>11}{'s/1,000':>9}{'peak MiB':>10}{'of it imports':>15}"
    )
    results = []
    for case in CASES:
        short = case[1] < 17
        if args.quick and not short:
            continue
        runs = [run(case, seed=args.seed, files=args.files) for _ in range(args.repeats if short else 1)]
        best = runs[0] | {
            k: statistics.median(r[k] for r in runs) for k in ("playing", "tables", "writing", "processor", "memory")
        }
        total = best["playing"] + best["tables"] + best["writing"]
        cells = [*case, f"{best['plays']:,}", f"{best['frames'] // 23:,}", f"{best['playing']:.1f}"]
        cells += [f"{best['tables']:.1f}", *([f"{best['writing']:.1f}"] if args.files else [])]
        line = ("{:>10}" * len(cells)).format(
            *cells
        ) + f"{best['processor']:11.1f}{1000 * total / best['plays']:9.2f}{best['memory']:10.0f}"
        print(line + f"{best['import_memory']:15.0f}", flush=True)
        named = dict(zip(("teams", "weeks", "seasons", "clock_speed"), case))
        results.append({**named, "seconds": total, **best})
        if case == SMALL:
            met = "met" if total <= SMALL_SECONDS else "MISSED"
            print(f"  asked: {SMALL_SECONDS:g} s for a season of 200 plays: {met}, {total:.2f} s for {best['plays']}")
        if case == LARGE:
            share = LARGE_PLAYS / best["plays"]
            met = "met" if total * share <= LARGE_SECONDS and best["memory"] <= LARGE_MEMORY else "MISSED"
            print(
                f"  asked: {LARGE_SECONDS:g} s and {LARGE_MEMORY} MiB for {LARGE_PLAYS:,} plays: {met}, "
                f"{total * share:.0f} s in proportion and {best['memory']:.0f} MiB"
            )
    if args.json:
        args.json.write_text(json.dumps({"seed": args.seed, "files": args.files, "cases": results}, indent=1))


if __name__ == "__main__":
    main()
