"""Numenta Anomaly Benchmark, tweets: how often ten companies were mentioned on Twitter, every 5 minutes for two months.

Published by Numenta, MIT licence since 2024, with labelled anomalies. A window surrounds each label; where two windows
met, they were joined, so a window may hold two labels. Counts of CVS and PFE are mostly 0: quantiles of their body are
all the same number and no tail can be told from it, which makes them hard cases rather than examples. Chapter: later
ones, on streams.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from qbsbp.datasets import _files
from qbsbp.schema import Quirk, Report

__all__ = ["SOURCE", "Tweets", "read"]

SOURCE = _files.Source(
    name="nab",
    title="NAB tweets",
    address="https://raw.githubusercontent.com/numenta/NAB/ea702d75cc2258d9d7dd35ca8e5e2539d71f3140/",
    licence="MIT",
    cite="Ahmad, Lavin, Purdy and Agha (2017), Neurocomputing 262, 134-147",
)
COLUMNS = ("timestamp", "value")
SPAN = ("start", "end")
STEP = pd.Timedelta(minutes=5)
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
FILE_NAME = re.compile(r"Twitter_volume_([A-Z]+)\.csv")
LABELS, WINDOWS = "labels/combined_labels.json", "labels/combined_windows.json"


@dataclass(frozen=True)
class Tweets:
    """Mentions of companies on Twitter.

    Args:
        values: One row a ticker and time: `ticker`, `timestamp` (every 5 minutes), `value` (mentions, an integer >= 0),
            `labelled` (this very moment is a labelled anomaly) and `in_window` (it is inside an anomaly's window).
        windows: One row a window: `ticker`, `start`, `end` (both inside) and `labels` (how many anomalies it holds).
        summary: One row a ticker: `ticker`, `rows`, `median`, `mean`, `quantile_95`, `quantile_99`, `max`,
            `zero_share`, `degenerate` (more than half of the values are 0) and `labels`.
        report: What was found and done.
    """

    values: pd.DataFrame
    windows: pd.DataFrame
    summary: pd.DataFrame
    report: Report


def read(
    directory: str | os.PathLike[str] | None = None,
    *,
    download: bool = False,
    verify: bool = True,
    progress: bool = True,
) -> Tweets:
    """Read the tweets of the Numenta Anomaly Benchmark.

    Files are looked for in `directory`, or else in QBSBP_DATA, in the cache, and, with `download`, at the publisher's.

    Args:
        directory: A folder with the published tree or the bare files, plain or .xz.
        download: Whether to fetch the files (4 MB) into the user's cache if no place has them.
        verify: Whether to insist on the published checksums. False only together with `directory`: then all files
            named `Twitter_volume_<TICKER>.csv` and the two files of labels there are read, whatever they hold.
        progress: Whether to show a bar while downloading.

    Returns:
        Values, windows, a summary of each ticker, and the report.

    Raises:
        DataNotFound: No place has the files, a FileNotFoundError; the message says where was looked and what to do.
        FileNotFoundError: A directory that was named is none or lacks files.
        ConnectionError: A download was asked for and failed.
        ValueError: A file is truncated or altered, or breaks the format; the message gives file, line, column, value.
    """
    contents, found = _files.contents(
        SOURCE,
        directory,
        lambda path: not path.startswith("LICENSE"),
        own=lambda name: FILE_NAME.fullmatch(name) is not None or name in (Path(LABELS).name, Path(WINDOWS).name),
        download=download,
        verify=verify,
        progress=progress,
    )
    labels, windows = (_label_file(contents, Path(path).name) for path in (LABELS, WINDOWS))
    tickers = {match[1]: name for name in sorted(contents) if (match := FILE_NAME.fullmatch(name))}
    if not tickers:
        raise FileNotFoundError(
            f"{directory}: expected files named Twitter_volume_<TICKER>.csv and found none. Correct it."
        )
    values, spans = [], []
    for ticker, name in tickers.items():
        series = _parse(contents[name], name)
        span = _windows(windows, labels, name, series)
        series.insert(0, "ticker", ticker)
        span.insert(0, "ticker", ticker)
        values.append(series)
        spans.append(span)
    values, spans = pd.concat(values, ignore_index=True), pd.concat(spans, ignore_index=True)
    summary = _summary(values)
    report = Report(
        f"NAB tweets, mentions every 5 minutes; {found}",
        (
            Quirk("files", len(contents), "read"),
            Quirk("rows", len(values), "kept, no gap"),
            Quirk("zero_rows", int((values["value"] == 0).sum()), "a count of 0"),
            Quirk(
                "degenerate_tickers",
                int(summary["degenerate"].sum()),
                "flagged, more than half of the counts are 0: "
                + (", ".join(summary.loc[summary["degenerate"], "ticker"]) or "none"),
            ),
            Quirk("labels", int(values["labelled"].sum()), "anomalies"),
            Quirk("windows", len(spans), "around them"),
            Quirk("joined_windows", int((spans["labels"] > 1).sum()), "of these, with more than one label"),
        ),
    )
    return Tweets(values, spans, summary, report)


def _label_file(contents: dict[str, bytes], name: str) -> dict[str, list]:
    if name not in contents:
        raise FileNotFoundError(
            f"{name}: expected the file of labels beside the counts or under labels/, and found none. Add it; with no "
            f"anomalies it holds an empty list for each file, as in {{'realTweets/Twitter_volume_ABC.csv': []}}."
        )
    try:
        labels = json.loads(contents[name])
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}: expected JSON; {error}. Correct the file.") from error
    if not isinstance(labels, dict):
        raise ValueError(f"{name}: expected an object with one list for each file, came a {type(labels).__name__}.")
    return labels


def _parse(content: bytes, name: str) -> pd.DataFrame:
    rows = _files.table(content, name, COLUMNS)
    time = pd.to_datetime(rows["timestamp"], format=TIME_FORMAT, errors="coerce")
    _files.refuse(rows, name, "timestamp", time.isna(), "a time as in 2015-02-26 21:42:53")
    step = time.diff()
    _files.refuse(rows, name, "timestamp", step.notna() & (step != STEP), "5 minutes after the line before, no gap")
    value = _files.numbers(rows, name, "value", whole=True)
    _files.refuse(rows, name, "value", value < 0, "a count of at least 0")
    return pd.DataFrame({"timestamp": time, "value": value})


def _windows(windows: dict[str, list], labels: dict[str, list], name: str, series: pd.DataFrame) -> pd.DataFrame:
    """The windows of one series; marks `labelled` and `in_window` in it."""
    key = f"realTweets/{name}"
    for held, file in ((labels, LABELS), (windows, WINDOWS)):
        if key not in held:
            raise ValueError(
                f"{Path(file).name}: expected a list for {key!r} and found none. Add it, [] if it has none."
            )
    try:
        moments = pd.to_datetime(pd.Series(labels[key], dtype="str"), format="ISO8601")
        pairs = np.array(windows[key], dtype=str).reshape(-1, 2)
        spans = pd.DataFrame({c: pd.to_datetime(pd.Series(pairs[:, i]), format="ISO8601") for i, c in enumerate(SPAN)})
    except ValueError as error:
        raise ValueError(
            f"labels of {key}: expected times as in 2015-03-03 21:07:53 and windows as pairs of them; {error}."
        ) from error
    time = series["timestamp"]
    outside = ~moments.isin(time)
    if outside.any():
        raise ValueError(
            f"{Path(LABELS).name}, {key}, value '{moments[outside].iloc[0]}': expected a time of the series. Correct "
            "it."
        )
    series["labelled"] = time.isin(moments)
    inside = [(time >= start) & (time <= end) for start, end in spans.itertuples(index=False)]
    series["in_window"] = np.any(inside, axis=0) if inside else False
    lost = series["labelled"] & ~series["in_window"]
    if lost.any():
        raise ValueError(
            f"{Path(WINDOWS).name}, {key}: expected a window around each label, and '{time[lost].iloc[0]}' has none."
        )
    spans["labels"] = [int(series.loc[one, "labelled"].sum()) for one in inside]
    return spans.astype({"labels": "int64"})


def _summary(values: pd.DataFrame) -> pd.DataFrame:
    group = values.groupby("ticker", sort=True)
    value = group["value"]
    table = pd.DataFrame(
        {
            "rows": value.size(),
            "median": value.median(),
            "mean": value.mean(),
            "quantile_95": value.quantile(0.95),
            "quantile_99": value.quantile(0.99),
            "max": value.max(),
            "zero_share": value.apply(lambda one: float((one == 0).mean())),
            "labels": group["labelled"].sum(),
        }
    )
    table.insert(7, "degenerate", table["zero_share"] > 0.5)
    return table.reset_index()
