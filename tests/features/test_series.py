"""Windows of a series hold its past and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from qbsbp.features import series_edges, series_windows


def test_a_window_is_what_came_before_its_value():
    values = np.arange(10.0) ** 2
    windows = series_windows(values, context=3, block=4)
    assert windows.x.shape == (7, 1, 3)
    assert windows.x[2, 0].tolist() == [4.0, 9.0, 16.0]
    assert windows.y[2] == 25
    assert windows.group.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_nothing_of_the_future_is_seen():
    values = np.random.default_rng(0).standard_normal(50)
    before = series_windows(values, context=10)
    values[30:] = 99.0
    after = series_windows(values, context=10)
    assert (after.x[:21] == before.x[:21]).all()  # the window of step 30 ends at step 29
    assert (after.x[21:] != before.x[21:]).any()


def test_inputs_take_the_place_of_values():
    values = np.arange(20.0)
    windows = series_windows(values, inputs=np.column_stack([np.log1p(values), values % 5]), context=4)
    assert windows.x.shape == (16, 2, 4)
    np.testing.assert_allclose(windows.x[0, 0], np.log1p(np.arange(4)), rtol=1e-6)
    assert windows.y[0] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": np.zeros((4, 2))}, r"came \(4, 2\)"),
        ({"values": [1.0, np.nan, 2.0], "context": 1}, r"values\[1\] is \[?nan"),
        ({"values": np.zeros(5), "context": 5}, "more values than context"),
        ({"values": np.zeros(5), "inputs": np.zeros(4), "context": 2}, r"came \(5,\), \(4,\)"),
    ],
)
def test_bad_series_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        series_windows(**arguments)


def test_edges_are_narrow_where_values_are_and_reach_from_end_to_end():
    values = np.random.default_rng(0).standard_t(3, 5000)
    edges = np.array(series_edges(values, 50))
    assert len(edges) == 51 and (np.diff(edges) > 0).all()
    assert edges[0] == values.min() and edges[-1] == values.max()
    widths = np.diff(edges)
    assert widths[20:30].mean() < 0.1 * widths.max()
    assert widths.max() <= (values.max() - values.min()) / (0.3 * 50) * 1.01
    even = np.diff(series_edges(values, 50, even=1.0))
    np.testing.assert_allclose(even, even[0], rtol=1e-6)


def test_edges_of_counts_lie_between_whole_numbers():
    counts = np.random.default_rng(0).poisson(2.0, 3000)
    edges = np.array(series_edges(counts, whole=True))
    assert (edges % 1 == 0.5).all()
    assert edges[0] == counts.min() - 0.5 and edges[-1] >= counts.max()
    with pytest.raises(ValueError, match="values that differ"):
        series_edges(np.ones(20))
