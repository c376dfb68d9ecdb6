"""Extremes over time: the SBP paper's protocol, real counts of tweets, and what each system can do, measured.

    OMP_NUM_THREADS=1 python -m benchmarks.series --work DIRECTORY --table paper --record benchmarks/recorded
    OMP_NUM_THREADS=1 python -m benchmarks.series --work DIRECTORY --table abilities --record benchmarks/recorded
    OMP_NUM_THREADS=1 QBSBP_DATA=... python -m benchmarks.series --work DIRECTORY --table tweets --record ...
    OMP_NUM_THREADS=1 python -m benchmarks.series --table streams --record benchmarks/recorded

Every training is kept in the work folder as it is done, and a second call goes on with what is missing. The chapters on
extremes over time read what is recorded.

* `paper`: 5,000 steps of `data_synth.series.asymmetric` to learn from, 1,000 to choose the epoch by, 1,000 to judge by
  and 20,000 more; the past 100 steps in, 100 bins, 25 epochs of 76 batches of 64. PP error, CRPS, NLL.
* `tweets`: ten series of mentions on Twitter, one step ahead, 60 % to learn from, 10 % to choose by, 30 % to judge by.
* `streams`: alarm rates of SPOT, DSPOT and NN-SPOT on stationary and drifting series, and points a second.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

from data_synth import series as makers
from qbsbp import evaluation
from qbsbp.baselines import DSPOT, NNSPOT, SPOT
from qbsbp.datasets import nab
from qbsbp.distributions import Rounded
from qbsbp.features import PlayTensors, series_edges, series_windows
from qbsbp.model import ModelConfig
from qbsbp.training import TrainConfig, TrainResult, train, write_whole

CONTEXT = 100
LAWS = {
    "SBP": {"law": "spliced_binned_pareto"},
    "binned": {"law": "binned"},
    "Gaussian": {"law": "normal"},
    "Student-t": {"law": "student_t"},
    "hybrid Pareto": {"law": "hybrid_pareto", "components": 3},
}
BINNED = ("SBP", "binned")
NETWORK = {"channels": (16,) * 5, "hidden": (64, 64)}  # chosen by validation NLL on seeds 0 and 2
TAILS = {"lower_xi_bounds": (0.0, 0.5), "upper_xi_bounds": (0.0, 0.5)}
SEEDS = (100, 101, 102, 103)  # never those that the network was chosen on, 0 to 2
RISK = 0.001
MOST = 1e6  # tweets in five minutes, more than anybody ever had


def fit(name: str, parts: list[PlayTensors], values: np.ndarray, seed: int, **options) -> TrainResult:
    """Train one law on the shared trunk and budget."""
    config = {"in_channels": parts[0].channels, **NETWORK, **TAILS, **LAWS[name]}
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    config |= {"location": float(middle), "scale": float(max(high - low, 1e-3))}
    if name in BINNED:
        config["bin_edges"] = series_edges(values, whole=options.get("whole", False))
    schedule = TrainConfig(
        epochs=options.get("epochs", 25), batch_size=64, learning_rate=1e-3, weight_decay=1.0, patience=None, seed=seed
    )
    return train(
        ModelConfig(**config), parts[0], parts[1], schedule, objective=options.get("objective"), progress=False
    )


def finite_mean(values: torch.Tensor) -> float:
    return float(values.double().mean())


# --- the paper's protocol ---------------------------------------------------------------------------------------------


def paper(name: str, seed: int) -> dict[str, float]:
    """One law and seed of the protocol of Ehrlich, Callot & Aubet (2021)."""
    sizes = (5000, 1000, 1000, 20_000 + CONTEXT)
    made = [makers.asymmetric(n, seed=1000 * seed + k) for k, n in enumerate(sizes)]
    parts = [series_windows(one.values, context=CONTEXT) for one in made]
    started = time.perf_counter()
    result = fit(name, parts, made[0].values, seed)
    row = {"seconds": time.perf_counter() - started, "best_epoch": result.best_epoch}
    for label, windows, one in (("900", parts[2], made[2]), ("20000", parts[3], made[3])):
        law = result.model.predict(windows)
        u = evaluation.pit(law, windows.y).numpy()
        low, high = (torch.from_numpy(t[CONTEXT:]).float() for t in one.thresholds())
        row |= {f"pp_{key}_{label}": value for key, value in evaluation.pp_error(u).items()}
        row |= {
            f"nll_{label}": finite_mean(evaluation.nll(law, windows.y)),
            f"crps_{label}": finite_mean(evaluation.crps(law, windows.y)),
            f"upper_crps_{label}": finite_mean(evaluation.tail_crps(law, windows.y, high)),
            f"lower_crps_{label}": finite_mean(evaluation.tail_crps(law, windows.y, low, tail="lower")),
            f"coverage_{label}": finite_mean(evaluation.coverage(law, windows.y)),
            f"width_{label}": finite_mean(evaluation.width(law)),
            f"beyond_{label}": finite_mean((evaluation.nll(law, windows.y) == np.inf).float()),
        }
        row |= {f"bar_{k}_{label}": h for k, h in enumerate(evaluation.pit_histogram(u)["density"])}
    return row


def floor(n: int, draws: int = 400) -> pd.Series:
    """Mean PP error of a perfect law on n independent outcomes."""
    rng = np.random.default_rng(0)
    return pd.DataFrame([evaluation.pp_error(rng.random(n)) for _ in range(draws)]).mean()


# --- abilities --------------------------------------------------------------------------------------------------------


def abilities(name: str, seed: int, junk: bool) -> dict[str, float]:
    """What one network can do on a series whose scale, skewness and tails move, against the truth.

    `body`, `lower` and `upper`: PP errors of the regions. `below` and `above`: how often an outcome passes the
    quantiles at 0.1 % and 99.9 %, in units of 0.1 %. `threshold`, `scale` and `tail`: rank correlations over time of
    the predicted with the true quantile at 95 %, of the distance from 5 % to 95 %, and of how much further the upper
    tail reaches than the lower. `crps`, of the clean future. Intervals by blocks of 500 steps.
    """
    clean = [makers.varying(n, seed=7000 + 10 * seed + k) for k, n in enumerate((8000, 2000, 20_000))]
    shown = [makers.contaminated(one, share=0.03, seed=seed + k) for k, one in enumerate(clean[:2])] if junk else clean
    parts = [
        series_windows(one.values, inputs=with_swings(one.values), context=CONTEXT, block=500)
        for one in (*shown[:2], clean[2])
    ]
    model = fit(name, parts, shown[0].values, seed, epochs=12).model
    law, y, truth = model.predict(parts[2]), parts[2].y, clean[2]
    u = evaluation.pit(law, y).numpy()
    levels = (0.001, 0.05, 0.95, 0.999)
    found = np.stack([law.icdf(torch.full_like(y, level)).numpy() for level in levels])
    right = truth.quantile(np.array(levels))[CONTEXT:].T

    score = evaluation.crps(law, y).numpy()
    rows = np.column_stack([u, y.numpy() < found[0], y.numpy() > found[3], score, found.T, right.T])
    statistics = {
        **{part: lambda v, part=part: evaluation.pp_error(v[:, 0])[part] for part in ("lower", "body", "upper")},
        "below": lambda v: v[:, 1].mean() / RISK,
        "above": lambda v: v[:, 2].mean() / RISK,
        "crps": lambda v: v[:, 3].mean(),
        "threshold": lambda v: rank_correlation(v[:, 6], v[:, 10]),
        "scale": lambda v: rank_correlation(v[:, 6] - v[:, 5], v[:, 10] - v[:, 9]),
        "tail": lambda v: rank_correlation(lopsided(v[:, 4:8]), lopsided(v[:, 8:12])),
    }
    return {
        name: evaluation.group_bootstrap(rows, parts[2].group, statistic=of, draws=100, seed=0).__dict__
        for name, of in statistics.items()
    }


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(stats.spearmanr(a, b).statistic)


def lopsided(quantiles: np.ndarray) -> np.ndarray:
    """How much further the upper tail reaches than the lower, from quantiles at 0.1, 5, 95 and 99.9 %."""
    return (quantiles[:, 3] - quantiles[:, 2]) / np.maximum(quantiles[:, 1] - quantiles[:, 0], 1e-6)


def with_swings(values: np.ndarray) -> np.ndarray:
    """The values, and the logarithm of how far each is from the one a period before: what tells of a scale."""
    away = np.r_[np.zeros(makers.PERIOD), np.abs(values[makers.PERIOD :] - values[: -makers.PERIOD])]
    return np.column_stack([values, np.log(away + 0.05)])


def stream_abilities(name: str, seed: int, junk: bool) -> dict[str, float]:
    """The same of a stream, as far as it says anything: an upper threshold at two risks, no body and no lower tail."""
    clean = makers.varying(10_000 + 20_000, seed=7000 + 10 * seed)
    values = clean.values.copy()
    if junk:
        values[:10_000] = makers.contaminated(clean, share=0.03, seed=seed).values[:10_000]
    found = {}
    for risk in (0.01, RISK):
        if name == "NN-SPOT":
            found[risk] = NNSPOT(lambda v: past_mean(v), risk, level=0.95).run(values, calm=10_000)
        else:
            kind = SPOT(risk, level=0.95) if name == "SPOT" else DSPOT(risk, level=0.95, depth=20)
            found[risk] = kind.start(values[:10_000]).run(values[10_000:])
    far, near = found[RISK], found[0.01]
    true = clean.quantile(np.array([0.99, 0.999]))[10_000:]
    rows = np.column_stack([far.alarm, near.threshold, far.threshold, true])
    statistics = {
        "above": lambda v: v[:, 0].mean() / RISK,
        "threshold": lambda v: rank_correlation(v[:, 1], v[:, 3]),
        "scale": lambda v: rank_correlation(v[:, 2] - v[:, 1], v[:, 4] - v[:, 3]),
    }
    group = np.arange(len(rows)) // 500
    return {
        name: evaluation.group_bootstrap(rows, group, statistic=of, draws=100, seed=0).__dict__
        for name, of in statistics.items()
    }


def past_mean(values: np.ndarray) -> np.ndarray:
    """A linear forecast of each value from the ten before it and the hundredth, fitted to the first 10,000."""
    lags = [*range(1, 11), 100]
    rows = np.column_stack([np.r_[np.full(lag, np.nan), values[:-lag]] for lag in lags] + [np.ones(len(values))])
    known = slice(max(lags), 10_000)
    weights, *_ = np.linalg.lstsq(rows[known], values[known], rcond=None)
    return rows @ weights


# --- tweets -----------------------------------------------------------------------------------------------------------


def tweet_parts(ticker: str) -> tuple[np.ndarray, list[PlayTensors]]:
    """The counts of a ticker, and windows of its first 60 %, next 10 % and last 30 %."""
    table = nab.read().values
    table = table[table["ticker"] == ticker]
    counts = table["value"].to_numpy(float)
    hour = (table["timestamp"].dt.hour + table["timestamp"].dt.minute / 60).to_numpy() * 2 * np.pi / 24
    inputs = np.column_stack([np.log1p(counts), np.sin(hour), np.cos(hour)])
    windows = series_windows(counts, inputs=inputs, context=CONTEXT, block=288)  # blocks of a day
    first, second = int(0.6 * len(windows)), int(0.7 * len(windows))
    return counts, [windows[:first], windows[first:second], windows[second:]]


def tweets(name: str, ticker: str) -> dict[str, float]:
    """One system on one series of counts."""
    counts, parts = tweet_parts(ticker)
    first, second = CONTEXT + len(parts[0]), CONTEXT + len(parts[0]) + len(parts[1])
    y, group = parts[2].y, parts[2].group
    if name in ("SPOT", "DSPOT"):
        stream = SPOT(RISK) if name == "SPOT" else DSPOT(RISK, depth=12)
        try:
            alarm = stream.start(counts[:second]).run(counts[second:]).alarm
        except ValueError as error:  # a stated gap of the table: too few peaks
            return {"why": str(error)}
        return {"above": evaluation.group_bootstrap(alarm, group, seed=0).__dict__}
    objective = "interval_nll" if name != "Student-t" else "nll"  # SciPy's CDF of the t has no gradient
    model = fit(name, parts, counts[:first], 0, epochs=4, objective=objective, whole=True).model
    law = model.predict(parts[2])
    # counts are whole, and none is below 0: what a law puts there is the probability of 0
    counted = Rounded(law, torch.zeros(()), torch.tensor(MOST))
    u = evaluation.pit(counted, y, rounding=1.0, generator=torch.Generator().manual_seed(0)).numpy()
    passed = (y > counted.icdf(torch.full_like(y, 1 - RISK))).double()
    row = {
        **evaluation.pp_error(u).to_dict(),
        "nll": evaluation.group_bootstrap(-counted.log_prob(y), group, seed=0).__dict__,
        "crps": finite_mean(evaluation.crps(law, y)),
        "above": evaluation.group_bootstrap(passed, group, seed=0).__dict__,
        "coverage": float(((u >= 0.05) & (u <= 0.95)).mean()),
    }
    if name == "Gaussian":  # its mean is the forecast of NN-SPOT
        expected = np.full(len(counts), np.nan)
        expected[CONTEXT:] = torch.cat([model.predict(part).mean for part in parts]).numpy()
        alarm = NNSPOT(lambda _: expected, RISK).run(counts, calm=second).alarm
        row["nn_spot"] = evaluation.group_bootstrap(alarm, group, seed=0).__dict__
    return row


# --- streams ----------------------------------------------------------------------------------------------------------


def streams() -> pd.DataFrame:
    """Alarm rates over twenty series of each kind, in units of the risk, and points a second on one thread."""
    step = np.arange(24_000)
    kinds = {
        "normal": lambda rng: rng.standard_normal(len(step)),
        "Student-t, 4 degrees": lambda rng: rng.standard_t(4, len(step)),
        "level drifts": lambda rng: rng.standard_normal(len(step)) + 4 * step / len(step),
        "level swings": lambda rng: rng.standard_normal(len(step)) + 3 * np.sin(2 * np.pi * step / 200),
        "scale swings": lambda rng: rng.standard_normal(len(step)) * np.exp(np.sin(2 * np.pi * step / 4000)),
    }
    systems = {
        "SPOT": lambda v: SPOT(RISK).start(v[:4000]).run(v[4000:]),
        "SPOT as published": lambda v: SPOT(RISK, censor=False).start(v[:4000]).run(v[4000:]),
        "DSPOT": lambda v: DSPOT(RISK, depth=20).start(v[:4000]).run(v[4000:]),
        "NN-SPOT": lambda v: NNSPOT(short_forecast, RISK).run(v, calm=4000),
    }
    rows = []
    for kind, make in kinds.items():
        for name, run in systems.items():
            counts, seconds = [], 0.0
            for seed in range(20):
                values = make(np.random.default_rng(seed))
                started = time.perf_counter()
                counts.append(int(run(values).alarm.sum()))
                seconds += time.perf_counter() - started
            n = len(step) - 4000
            low, high = stats.binom.ppf([0.025, 0.975], n, RISK)
            error = stats.t.ppf(0.975, 19) * np.std(counts, ddof=1) / np.sqrt(20)
            rows.append(
                {
                    "series": kind,
                    "system": name,
                    "rate": np.mean(counts) / n / RISK,
                    "lower": (np.mean(counts) - error) / n / RISK,
                    "upper": (np.mean(counts) + error) / n / RISK,
                    "inside": int(np.sum((low <= np.array(counts)) & (np.array(counts) <= high))),
                    "points_per_second": 20 * len(step) / seconds,
                }
            )
    return pd.DataFrame(rows)


def short_forecast(values: np.ndarray) -> np.ndarray:
    """A small network of the last 20 values, trained on the first 4,000."""
    parts = series_windows(values, context=20)
    calm = 4000 - 20
    config = ModelConfig(20, channels=(1,), hidden=(32, 32), law="normal", scale=float(values[:4000].std()))
    rows = PlayTensors(
        parts.x.transpose(1, 2), torch.ones_like(parts.lengths), parts.static, parts.y, parts.group
    )  # the past as twenty features of one frame: a network, and no convolution
    model = train(
        config,
        rows[: calm - 500],
        rows[calm - 500 : calm],
        TrainConfig(epochs=4, learning_rate=2e-3, seed=0),
        trunk=Past,
        progress=False,
    ).model
    return np.r_[np.full(20, np.nan), model.predict(rows).mean.numpy()]


class Past(torch.nn.Module):
    """The features of the only frame, standardised by nobody."""

    width = 20

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return x[..., 0]


# --- all of it --------------------------------------------------------------------------------------------------------


def jobs(table: str) -> dict[str, tuple]:
    """What has to be run for a table: the name of each job, its function and arguments."""
    if table == "paper":
        return {f"{law}-{seed}": (paper, law, seed) for seed in SEEDS for law in LAWS}
    if table == "abilities":
        every = {**dict.fromkeys(LAWS, abilities), **dict.fromkeys(("SPOT", "DSPOT", "NN-SPOT"), stream_abilities)}
        return {
            f"{name}-{seed}-{'junk' if junk else 'clean'}": (run, name, seed, junk)
            for seed in range(4)
            for junk in (False, True)
            for name, run in every.items()
        }
    tickers = nab.read().summary["ticker"]
    return {f"{name}-{t}": (tweets, name, t) for t in tickers for name in (*LAWS, "SPOT", "DSPOT")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", choices=("paper", "abilities", "tweets", "streams"), required=True)
    parser.add_argument("--work", type=Path, metavar="DIRECTORY", help="where each training's figures are kept")
    parser.add_argument("--record", type=Path, metavar="DIRECTORY", help="write the table there, as CSV")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.table == "streams":
        table = streams()
    else:
        if args.work is None:
            parser.error("--work is needed")
        folder = args.work / args.table
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for name, (run, *arguments) in jobs(args.table).items():
            path = folder / f"{name}.json"
            if not path.is_file():
                started = time.perf_counter()
                found = run(*arguments)
                write_whole(path, lambda part, found=found: part.write_text(json.dumps(found)))
                print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
            flat = {}
            for key, value in json.loads(path.read_text()).items():
                if isinstance(value, dict):  # an interval
                    flat |= {key: value["estimate"], f"{key}_lower": value["lower"], f"{key}_upper": value["upper"]}
                else:
                    flat[key] = value
            labels = dict(
                zip(
                    {"paper": ("law", "seed"), "abilities": ("system", "seed", "junk")}.get(
                        args.table, ("system", "ticker")
                    ),
                    arguments,
                )
            )
            rows.append({**labels, **flat})
        table = pd.DataFrame(rows)
        if args.table == "paper":
            for n in (900, 20_000):
                print(f"sampling floor at {n}: {floor(n).round(4).to_dict()}")
            print(table.groupby("law", sort=False).mean(numeric_only=True).round(4).T.to_string())
    print(table.round(4).to_string())
    if args.record:
        write_whole(args.record / f"series_{args.table}.csv", lambda out: table.round(5).to_csv(out, index=False))


if __name__ == "__main__":
    main()
