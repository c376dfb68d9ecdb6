"""Streams: Grimshaw's estimate against the full search and a hand-made maximum, alarms against their risk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qbsbp.baselines import DSPOT, NNSPOT, SPOT, grimshaw
from qbsbp.extremes import fit_gpd


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.4, 1.0), st.floats(0.01, 1000), st.integers(40, 400), st.integers(0, 10**6))
def test_grimshaw_finds_what_the_search_in_two_dimensions_finds(xi, beta, n, seed):
    z = stats.genpareto.rvs(xi, scale=beta, size=n, random_state=np.random.default_rng(seed))
    found, full = grimshaw(z), fit_gpd(z)
    likelihood = [stats.genpareto.logpdf(z, shape, scale=scale).sum() for shape, scale in (found, (full.xi, full.beta))]
    assert likelihood[0] >= likelihood[1] - 1e-3


@pytest.mark.parametrize("xi", [-0.2, 0.0, 0.4])
def test_censored_excesses_are_used(xi):
    rng = np.random.default_rng(5)
    z = stats.genpareto.rvs(xi, scale=2.0, size=20_000, random_state=rng)
    cut = stats.genpareto.isf(0.05, xi, scale=2.0)
    naive = grimshaw(z[z <= cut])
    found = grimshaw(z[z <= cut], np.full((z > cut).sum(), cut))
    assert found == pytest.approx((xi, 2.0), abs=0.08)
    assert naive[0] < found[0] - 0.1  # leaving the largest out makes the tail look short


def test_the_published_threshold_formula():
    """With an exponential tail the threshold is t + beta log(N / (q n)) (Siffer et al., 2017, equation 1, xi = 0)."""
    spot = SPOT(1e-3, level=0.9).start(-np.log1p(-(np.arange(5000) + 0.5) / 5000))  # quantiles of the exponential law
    assert spot.xi == pytest.approx(0, abs=0.01)
    assert spot.initial == pytest.approx(np.log(10), rel=1e-3)
    assert spot.threshold == pytest.approx(np.log(1000), rel=0.01)


@pytest.mark.parametrize(
    ("draw", "thresholds", "alarms"),
    [
        ("exponential", [6.6719, 6.5304, 6.4436, 6.2370, 5.7946], 41),
        ("standard_t", [7.2618, 7.1888, 6.7049, 6.0861, 5.6198], 30),
        ("standard_normal", [3.1554, 3.0833, 3.0236, 2.8977, 2.8613], 25),
    ],
)
def test_the_published_algorithm_agrees_with_its_authors_library(draw, thresholds, alarms):
    """libspot 3.1.0, `Spot(1e-3, level=0.98, max_excess=400)`, on the same numbers; its first quantile is approximate.

    NumPy promises the stream of a RandomState for ever. libspot's root search now and then settles for an exponential
    tail, hence a tolerance of 4 %, where most thresholds agree to less than 1 %.
    """
    values = getattr(np.random.RandomState(1), draw)(*([4] if draw == "standard_t" else []), size=40_000)
    found = SPOT(1e-3, level=0.98, peaks=400, censor=False).start(values[:20_000]).run(values[20_000:])
    np.testing.assert_allclose(found.threshold[[0, 4999, 9999, 14999, 19999]], thresholds, rtol=0.04)
    assert found.threshold[0] == pytest.approx(thresholds[0], rel=0.002)
    assert abs(found.alarm.sum() - alarms) <= 2


@pytest.mark.parametrize("make", [SPOT, lambda risk: DSPOT(risk, depth=100)])
@pytest.mark.parametrize("law", [stats.norm(), stats.t(4), stats.expon()], ids=["normal", "t", "exponential"])
def test_false_alarms_keep_to_the_risk(make, law):
    values = law.rvs(40_000, random_state=np.random.default_rng(3))
    alarms = make(1e-3).start(values[:4000]).run(values[4000:]).alarm
    assert stats.binomtest(int(alarms.sum()), len(alarms), 1e-3).pvalue > 0.01


def test_without_the_alarms_there_are_more_of_them():
    values = np.random.default_rng(4).standard_normal(40_000)
    counts = [SPOT(1e-3, censor=censor).start(values[:4000]).run(values[4000:]).alarm.sum() for censor in (True, False)]
    assert counts[1] > 1.3 * counts[0]


def test_a_drift_is_followed_by_dspot_alone():
    rng = np.random.default_rng(6)
    values = rng.standard_normal(8_000) + np.linspace(0, 40, 8_000)
    plain = SPOT(1e-3).start(values[:2000]).run(values[2000:]).alarm.mean()
    drift = DSPOT(1e-3, depth=50).start(values[:2000]).run(values[2000:])
    assert drift.alarm.mean() < 0.002 < 0.004 < plain
    assert np.corrcoef(drift.threshold, np.arange(6_000))[0, 1] > 0.95


@pytest.mark.parametrize(("spot", "level"), [(SPOT(1e-3), 0.0), (DSPOT(1e-3, depth=200), 5.0)], ids=["SPOT", "DSPOT"])
def test_the_tail_of_the_next_value(spot, level):
    values = level + stats.t(4).rvs(40_000, random_state=np.random.default_rng(9))
    spot.start(values[:4000]).run(values[4000:])
    threshold = level + stats.t(4).isf([0.01, 1e-3, 1e-4])
    tail = spot.survival(threshold)
    assert (np.abs(np.log(tail / [0.01, 1e-3, 1e-4])) < [0.3, 0.5, 0.9]).all()  # the farther, the less sure
    assert (np.diff(tail) < 0).all()
    assert np.isnan(spot.survival(level))
    assert np.isnan(SPOT().survival([1.0, 2.0])).all()  # before it has seen anything


def test_the_alarm_threshold_is_passed_with_the_risk():
    spot = SPOT(1e-3).start(np.random.default_rng(3).standard_normal(4000))
    assert spot.survival(spot.threshold) == pytest.approx(1e-3, rel=1e-9)
    assert spot.survival(spot.initial) == pytest.approx(0.02, rel=1e-9)


def test_memory_of_a_stream_is_bounded():
    spot = SPOT(1e-4, peaks=50).start(np.random.default_rng(0).standard_normal(2000))
    spot.run(np.random.default_rng(1).standard_normal(20_000))
    assert len(spot._excess) == 50


def test_nn_spot_watches_residuals_in_the_unit_of_the_series():
    rng = np.random.default_rng(7)
    wave = 5 * np.sin(np.arange(8000) / 20)
    values = wave + 0.1 * rng.standard_normal(8000)
    values[6000] += 2.0  # far from the forecast, well inside the range of the series
    found = NNSPOT(lambda series: wave, 1e-4).run(values, calm=3000)
    assert found.alarm[3000]
    assert found.alarm.sum() < 5
    np.testing.assert_allclose((found.threshold - wave[3000:]).std(), 0, atol=0.05)
    assert not SPOT(1e-4).start(values[:3000]).run(values[3000:]).alarm[3000]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SPOT(0.05, level=0.98), "risk, level: expected 0 < risk"),
        (lambda: SPOT(peaks=3), "peaks: expected at least 10"),
        (lambda: SPOT().start(np.arange(100.0)), "2 of 100 lie above their quantile of 0.98, and at least 10"),
        (lambda: SPOT().start([1.0, np.nan]), "values: expected finite numbers"),
        (lambda: SPOT().start(np.arange(1000.0)).run([1.0, np.inf]), r"values\[1\] is inf"),
        (lambda: DSPOT(depth=0), "depth: expected at least 1"),
        (lambda: DSPOT(depth=10).start(np.arange(10.0)), "n > depth = 10"),
        (lambda: grimshaw([]), "came 0"),
        (lambda: grimshaw([1.0, -1.0]), "the least -1"),
        (lambda: NNSPOT(lambda v: v[:-1]).run(np.arange(100.0), calm=50), "a forecast of each"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
