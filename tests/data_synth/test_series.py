"""The heavy-tailed series: what is drawn follows the law that is told, and the law agrees with itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from data_synth.series import asymmetric, contaminated, iid, sinusoid, varying, write_tweets
from qbsbp.datasets import nab

MAKERS = {"sinusoid": sinusoid, "asymmetric": asymmetric, "iid": iid, "varying": varying}


@pytest.fixture(scope="module", params=MAKERS)
def made(request):
    return request.param, MAKERS[request.param](40_000, seed=1)


def test_the_transforms_of_what_was_drawn_are_uniform(made):
    name, series = made
    u = series.cdf(series.values)
    if name == "asymmetric":  # spread the atom over its probability
        at = series.values == series.location
        below = series.cdf(np.nextafter(series.location, -np.inf))
        assert at.mean() == pytest.approx(0.85 / 4, abs=0.01)
        u = np.where(at, below + np.random.default_rng(0).random(len(u)) * (u - below), u)
    assert stats.kstest(u, "uniform").pvalue > 0.01
    for tail in (u < 0.01, u > 0.99):
        assert stats.binomtest(int(tail.sum()), len(u), 0.01).pvalue > 0.01


def test_quantiles_invert_the_cdf(made):
    _, series = made
    levels = np.array([1e-6, 1e-3, 0.05, 0.3, 0.7, 0.95, 0.999, 1 - 1e-6])
    there = series.quantile(levels)
    assert there.shape == (len(series), len(levels))
    assert (np.diff(there, axis=1) > 0).all()
    np.testing.assert_allclose(series.cdf(there), np.broadcast_to(levels, there.shape), rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(1 - series.cdf(there)[:, -2], 0.001, rtol=2e-3)
    np.testing.assert_allclose(series.quantile(0.05), there[:, 2])
    low, high = series.thresholds(0.05, 0.05)
    np.testing.assert_allclose(np.stack([low, high]), there[:, [2, 5]].T)


def test_the_cdf_against_integration():
    """The symmetric noise by adaptive quadrature of a Student-t over the size of a spike."""
    series = sinusoid(100, seed=0)
    body, spike = stats.t(10, scale=0.25), stats.genpareto(1 / 50)

    def moved(y: float, sign: int) -> float:
        return quad(lambda z: spike.pdf(z) * body.cdf(y - sign * z), 0, np.inf, epsabs=1e-13, limit=400)[0]

    for y in (-30.0, -4.0, -0.5, 0.0, 0.3, 2.0, 8.0, 25.0):
        expected = 0.85 * body.cdf(y) + 0.075 * (moved(y, 1) + moved(y, -1))
        assert series.cdf(y + series.location)[0] == pytest.approx(expected, rel=1e-3, abs=1e-7)


def test_what_moves_in_the_varying_series():
    series = varying(6000, seed=0)
    spread = series.quantile(0.75) - series.quantile(0.25)
    assert spread.max() > 2 * spread.min()
    skew = (series.quantile(0.99) - series.location) / (series.location - series.quantile(0.01))
    assert skew.max() > 1.5 > 1 / 1.5 > skew.min()


def test_the_same_seed_gives_the_same_series_and_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for make in MAKERS.values():
        np.testing.assert_array_equal(make(500, seed=4).values, make(500, seed=4).values)
        assert (make(500, seed=4).values != make(500, seed=5).values).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_contamination_replaces_values_and_leaves_the_law():
    clean = sinusoid(5000, seed=1)
    dirty = contaminated(clean, share=0.05, size=10.0, seed=2)
    assert dirty.junk.mean() == pytest.approx(0.05, abs=0.015)
    np.testing.assert_array_equal(dirty.values[~dirty.junk], clean.values[~dirty.junk])
    assert (np.abs(dirty.values - clean.location)[dirty.junk] >= 10).all()
    np.testing.assert_array_equal(dirty.quantile(0.5), clean.quantile(0.5))
    with pytest.raises(ValueError, match="share: expected a share in"):
        contaminated(clean, share=1.5, seed=1)
    with pytest.raises(ValueError, match="n: expected at least 1 step, came 0"):
        sinusoid(0, seed=1)


def test_the_stand_in_for_tweets_is_read_by_the_reader_of_the_real_ones(tmp_path):
    write_tweets(tmp_path, days=20, seed=1)
    found = nab.read(tmp_path, verify=False)
    summary = found.summary.set_index("ticker")
    assert list(summary.index) == ["ABC", "DEF", "GHI"]
    assert (summary["rows"] == 20 * 288).all()
    assert summary["degenerate"].tolist() == [False, False, True]
    assert (summary["max"] > 5 * summary["quantile_99"].clip(lower=1)).any()  # bursts
    again = tmp_path / "again"
    again.mkdir()
    write_tweets(again, days=20, seed=1)
    assert all(path.read_bytes() == (tmp_path / path.name).read_bytes() for path in again.iterdir())
