"""Do the intervals of `qbsbp.extremes` hold the truth as often as they say?

    OMP_NUM_THREADS=1 python -m benchmarks.extremes --record benchmarks/recorded

Excesses of generalized Pareto laws, 200 at a time, exact and as whole numbers cut at a limit, 500 times each; share of
the 95 % profile-likelihood intervals that hold the true shape and the true level of one in 100 exceedances. Beside it
the interval in which the share itself should lie, if the intervals are right, in 95 % of such benchmarks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from qbsbp.extremes import fit_gpd, whole_excesses

BETA, COUNT, PERIOD = 9.0, 200, 100.0


def once(xi: float, whole: bool, rng: np.random.Generator) -> tuple[bool, bool]:
    """Whether the intervals of one sample hold the true shape and the true return level."""
    z = stats.genpareto.rvs(xi, scale=BETA, size=COUNT, random_state=rng)
    if whole:
        limit = np.rint(rng.uniform(10, 80, COUNT))
        yards = np.minimum(np.ceil(z), limit)  # with the threshold at 1/2: a whole yard is half a yard on either side
        fit = fit_gpd(*whole_excesses(np.append(yards, 0), 0.5, np.append(limit, 99)))
    else:
        fit = fit_gpd(z)
    shape = fit.xi_interval()
    level = fit.return_level(PERIOD, rate=1.0)
    truth = stats.genpareto.isf(1 / PERIOD, xi, scale=BETA)
    return shape.lower <= xi <= shape.upper, level.lower <= truth <= level.upper


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--record", type=Path, metavar="DIRECTORY", help="write the table there, as CSV")
    args = parser.parse_args()
    repeats, rows = args.repeats, []
    low, high = stats.binom.ppf([0.025, 0.975], repeats, 0.95) / repeats
    print(f"| excesses | shape | holds the shape | holds the level | {low:.1%} to {high:.1%} expected |")
    print("|---|---|---|---|---|")
    for whole in (False, True):
        for xi in (-0.2, 0.0, 0.3):
            rng = np.random.default_rng(6)
            shape, level = np.mean([once(xi, whole, rng) for _ in range(repeats)], axis=0)
            inside = all(low <= share <= high for share in (shape, level))
            kind = "whole, cut" if whole else "exact"
            rows.append({"excesses": kind, "xi": xi, "shape": shape, "level": level, "from": low, "to": high})
            print(f"| {kind} | {xi} | {shape:.1%} | {level:.1%} | {'inside' if inside else 'OUTSIDE'} |", flush=True)
    if args.record:
        pd.DataFrame(rows).round(4).to_csv(args.record / "extremes.csv", index=False)


if __name__ == "__main__":
    main()
