"""The reader of the NAB tweets: values and labelled windows come back, faults are shown."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from qbsbp.datasets.nab import read
from tests.ultimate_cases import needs_real_data


def series(n: int = 50, share_of_zeros: float = 0.2, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time = pd.date_range("2015-02-26 21:42:53", periods=n, freq="5min")
    value = rng.poisson(20, n) * (np.arange(n) >= share_of_zeros * n)
    return pd.DataFrame({"timestamp": time.strftime("%Y-%m-%d %H:%M:%S"), "value": value})


@pytest.fixture
def files(tmp_path):
    """Two tickers, one mostly zeros, with two labels of which two windows met; and how to read them."""
    tables = {"ABC": series(), "XYZ": series(40, 0.6, 2)}
    time = tables["ABC"]["timestamp"]
    labels = {"ABC": [time[10], time[12], time[40]], "XYZ": []}
    windows = {"ABC": [[time[5] + ".000000", time[20] + ".000000"], [time[38], time[42]]], "XYZ": []}

    def write_and_read():
        (tmp_path / "labels").mkdir(exist_ok=True)
        for ticker, rows in tables.items():
            rows.to_csv(tmp_path / f"Twitter_volume_{ticker}.csv", index=False)
        for name, held in (("labels", labels), ("windows", windows)):
            content = {f"realTweets/Twitter_volume_{ticker}.csv": entries for ticker, entries in held.items()}
            (tmp_path / f"labels/combined_{name}.json").write_text(json.dumps(content))
        return read(tmp_path, verify=False)

    return tables, labels, windows, write_and_read


def test_values_and_windows_come_back(files):
    tables, _, _, write_and_read = files
    tweets = write_and_read()
    for ticker, rows in tables.items():
        values = tweets.values[tweets.values["ticker"] == ticker]
        np.testing.assert_array_equal(values["value"], rows["value"])
        np.testing.assert_array_equal(values["timestamp"], pd.to_datetime(rows["timestamp"]))
    abc = tweets.values[tweets.values["ticker"] == "ABC"]
    assert list(np.flatnonzero(abc["labelled"])) == [10, 12, 40]
    assert list(np.flatnonzero(abc["in_window"])) == [*range(5, 21), *range(38, 43)]
    assert not tweets.values.loc[tweets.values["ticker"] == "XYZ", ["labelled", "in_window"]].any(axis=None)
    assert list(tweets.windows["ticker"]) == ["ABC", "ABC"]
    assert list(tweets.windows["labels"]) == [2, 1]
    assert list(tweets.summary["ticker"]) == ["ABC", "XYZ"]
    assert list(tweets.summary["degenerate"]) == [False, True]
    assert tweets.summary["zero_share"].tolist() == [
        pytest.approx((tables[t]["value"] == 0).mean()) for t in ("ABC", "XYZ")
    ]
    assert [tweets.report[name] for name in ("files", "rows", "labels", "windows", "joined_windows")] == [
        4,
        90,
        3,
        2,
        1,
    ]
    assert tweets.report["degenerate_tickers"] == 1
    assert "XYZ" in str(tweets.report)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t, m, w: t.update(ABC=t["ABC"].drop(index=20)),
            "ABC.csv, line 22, column 'timestamp', .*5 minutes after",
        ),
        (
            lambda t, m, w: t.update(ABC=pd.concat([t["ABC"][:3], t["ABC"][2:]])),
            "ABC.csv, line 5, column 'timestamp', value '2015-02-26 21:52:53': expected 5 minutes",
        ),
        (
            lambda t, m, w: t.update(ABC=t["ABC"].replace({"timestamp": {t["ABC"]["timestamp"][3]: "noon"}})),
            "value 'noon'",
        ),
        (
            lambda t, m, w: t.update(ABC=t["ABC"].assign(value="many")),
            "line 2, column 'value', value 'many': expected a fin",
        ),
        (lambda t, m, w: t.update(ABC=t["ABC"].assign(value=1.5)), r"value 1\.5: expected an integer. 50 of 50 rows"),
        (lambda t, m, w: t.update(ABC=t["ABC"].assign(value=-1)), "value -1: expected a count of at least 0"),
        (
            lambda t, m, w: t.update(ABC=t["ABC"].rename(columns={"value": "count"})),
            "missing are value, unknown are count",
        ),
        (lambda t, m, w: m.pop("ABC"), "combined_labels.json: expected a list for 'realTweets/Twitter_volume_ABC.csv'"),
        (
            lambda t, m, w: w.pop("XYZ"),
            "combined_windows.json: expected a list for 'realTweets/Twitter_volume_XYZ.csv'",
        ),
        (
            lambda t, m, w: m["ABC"].append("2016-01-01 00:00:00"),
            "value '2016-01-01 00:00:00': expected a time of the ser",
        ),
        (lambda t, m, w: m["ABC"].append("soon"), "labels of realTweets/Twitter_volume_ABC.csv: expected times as in"),
        (lambda t, m, w: w["ABC"].append(["2015-02-26 21:42:53"]), "labels of realTweets.*ABC.csv: expected .* pairs"),
        (lambda t, m, w: w["ABC"].pop(), "combined_windows.json, .*ABC.csv: expected a window around each label"),
    ],
)
def test_a_fault_is_shown(files, change, message):
    tables, labels, windows, write_and_read = files
    change(tables, labels, windows)
    with pytest.raises(ValueError, match=message):
        write_and_read()


def test_missing_files_are_named(files, tmp_path):
    files[-1]()
    (tmp_path / "labels/combined_windows.json").write_text("[1, 2")
    with pytest.raises(ValueError, match=r"combined_windows.json: expected JSON"):
        read(tmp_path, verify=False)
    (tmp_path / "labels/combined_windows.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"combined_windows.json: expected an object .*, came a list"):
        read(tmp_path, verify=False)
    (tmp_path / "labels/combined_windows.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"combined_windows.json: expected the file of labels"):
        read(tmp_path, verify=False)
    with pytest.raises(FileNotFoundError, match=r"NAB tweets: the directory .* has 1 of 12 files"):
        read(tmp_path)
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    (tmp_path / "labels/combined_windows.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"expected files named Twitter_volume_<TICKER>.csv"):
        read(tmp_path, verify=False)


@needs_real_data
def test_the_real_tweets_are_as_documented():
    tweets = read()
    summary = tweets.summary.set_index("ticker")
    assert list(summary.index) == ["AAPL", "AMZN", "CRM", "CVS", "FB", "GOOG", "IBM", "KO", "PFE", "UPS"]
    assert summary["rows"].between(15_831, 15_902).all()
    assert list(summary.index[summary["degenerate"]]) == ["CVS", "PFE"]
    assert summary["labels"].between(2, 5).all()
    documented = {
        "median": [47, 50, 2, 0, 14, 16, 3, 8, 0, 2],
        "mean": [85.6, 53.3, 3.4, 0.4, 17.8, 20.7, 4.4, 11.4, 0.9, 5.5],
        "quantile_95": [196, 93, 10, 2, 41, 50, 12, 28, 4, 10],
        "quantile_99": [654, 135, 18, 4, 74, 86, 21, 68, 6, 156],
        "max": [13_479, 1_673, 209, 50, 1_258, 465, 139, 2_241, 36, 231],
    }
    for name, values in documented.items():
        np.testing.assert_allclose(summary[name], values, atol=0.06 if name == "mean" else 0.5)
    np.testing.assert_allclose(
        summary["zero_share"], [0.002, 0.002, 0.18, 0.77, 0.003, 0.002, 0.12, 0.01, 0.56, 0.28], atol=0.005
    )
    assert [tweets.report[name] for name in ("rows", "zero_rows", "labels", "windows")] == [158_631, 30_672, 35, 33]
    assert (tweets.windows["start"] < tweets.windows["end"]).all()
