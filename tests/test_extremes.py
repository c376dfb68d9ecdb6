"""Classical extremes: SciPy's estimates, closed forms, samples whose truth is known, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from qbsbp.extremes import (
    block_maxima,
    decluster,
    excesses,
    fit_gev,
    fit_gpd,
    hill,
    mean_excess,
    pareto_moments,
    stability,
    whole_excesses,
)


def pareto(n: int, xi: float, beta: float = 3.0, seed: int = 0) -> np.ndarray:
    return stats.genpareto.rvs(xi, scale=beta, size=n, random_state=np.random.default_rng(seed))


# --- exceedances ------------------------------------------------------------------------------------------------------


def test_excesses_are_those_strictly_beyond():
    np.testing.assert_array_equal(excesses([1, 5, 3, 3, 8], 3), [2, 5])


def test_whole_numbers_stand_for_intervals_and_limits_are_open():
    lower, upper = whole_excesses([20, 25, 19, 30], 19.5, limit=[50, 25, 50, 99])
    np.testing.assert_array_equal(lower, [0, 5, 10])
    np.testing.assert_array_equal(upper, [1, np.inf, 11])


def test_the_mean_excess_of_pareto_excesses_is_linear():
    sample = pareto(400_000, 0.2, beta=2.0)
    found = mean_excess(sample, [0.5, 2.0, 5.0])
    expected = (2.0 + 0.2 * found.threshold) / 0.8
    assert (found.lower < expected).all()
    assert (expected < found.upper).all()
    np.testing.assert_array_equal(found.count, [(sample > u).sum() for u in found.threshold])


# --- the generalized Pareto law ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("xi", [-0.3, -0.05, 0.0, 0.2, 0.6, 1.4])
def test_maximum_likelihood_is_at_least_scipys(xi):
    z = pareto(500, xi, seed=3)
    fit = fit_gpd(z)
    shape, _, scale = stats.genpareto.fit(z, floc=0)
    assert fit.log_likelihood >= stats.genpareto.logpdf(z, shape, scale=scale).sum() - 1e-6
    own = stats.genpareto.logpdf(z, fit.xi, scale=fit.beta).sum()
    assert fit.log_likelihood == pytest.approx(own, abs=1e-6)
    assert (fit.xi, fit.beta) == pytest.approx((shape, scale), rel=0.02, abs=0.01)
    np.testing.assert_allclose(fit.survival([0.5, 2.0]), stats.genpareto.sf([0.5, 2.0], fit.xi, scale=fit.beta))


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e7])
def test_a_fit_does_not_depend_on_the_unit(unit):
    z = pareto(300, 0.25, seed=4)
    fit, scaled = fit_gpd(z), fit_gpd(z * unit)
    assert scaled.xi == pytest.approx(fit.xi, abs=1e-5)
    assert scaled.beta == pytest.approx(fit.beta * unit, rel=1e-5)
    assert scaled.se[0] == pytest.approx(fit.se[0], rel=1e-3)


@pytest.mark.parametrize("xi", [-0.2, 0.0, 0.3])
def test_standard_errors_are_the_asymptotic_ones(xi):
    fit = fit_gpd(pareto(20_000, xi, seed=5))
    # Smith (1987): asymptotic variances (1 + xi)² / n and 2 beta² (1 + xi) / n
    expected = np.array([1 + xi, 3.0 * np.sqrt(2 * (1 + xi))]) / np.sqrt(20_000)
    assert fit.se == pytest.approx(expected, rel=0.06)


def test_moments_in_closed_form():
    exponential = -np.log1p(-(np.arange(1, 200_001) - 0.5) / 200_000)  # quantiles of a law with mean 1
    assert pareto_moments(exponential) == pytest.approx((0.0, 1.0), abs=0.002)
    assert pareto_moments(pareto(100_000, 0.3)) == pytest.approx((0.3, 3.0), rel=0.05)


def test_whole_and_cut_excesses_are_no_worse_than_the_likelihood_says():
    rng = np.random.default_rng(6)
    z = pareto(30_000, 0.29, beta=9.0, seed=6)
    limit = np.rint(rng.uniform(5, 60, len(z)))
    whole = np.minimum(np.rint(z + 19.5), 19.5 + 0.5 + limit)  # yards of 20 and more, cut
    lower, upper = whole_excesses(np.r_[whole, 0], 19.5, limit=np.r_[20 + limit, 99])
    fit = fit_gpd(lower, upper)
    assert abs(fit.xi - 0.29) < 3.5 * fit.se[0]
    assert abs(fit.beta - 9.0) < 3.5 * fit.se[1]
    as_if_exact = fit_gpd(np.where(np.isinf(upper), lower, lower + 0.5))
    assert as_if_exact.xi < 0.29 - 10 * fit.se[0]  # what censoring does to a fit that does not know of it


@pytest.mark.parametrize("xi", [-0.2, 0.0, 0.4])
def test_profile_intervals(xi):
    z = pareto(400, xi, seed=7)
    fit = fit_gpd(z)
    found = fit.xi_interval()
    assert found.lower < fit.xi < found.upper
    drop = stats.chi2.ppf(0.95, 1) / 2
    for end in (found.lower, found.upper):
        scales = fit.beta * np.exp(np.linspace(-0.6, 0.6, 4001))
        best = max(stats.genpareto.logpdf(z, end, scale=scale).sum() for scale in scales)
        assert fit.log_likelihood - best == pytest.approx(drop, abs=0.01)
    narrow = fit.xi_interval(0.5)
    assert found.lower < narrow.lower < narrow.upper < found.upper


@pytest.mark.parametrize("xi", [-0.2, 0.0, 0.4])
def test_return_levels(xi):
    fit = fit_gpd(pareto(2000, xi, seed=12))
    level = fit.return_level(10_000, rate=0.05, threshold=20.0)
    exact = 20 + stats.genpareto.isf(1 / 500, fit.xi, scale=fit.beta)
    assert level.estimate == pytest.approx(exact, rel=1e-6)
    truth = 20 + stats.genpareto.isf(1 / 500, xi, scale=3.0)
    assert level.lower < level.estimate < level.upper
    assert level.lower < truth < level.upper
    with pytest.raises(ValueError, match="period: expected more than one exceedance"):
        fit.return_level(10, rate=0.05)


def test_shape_and_modified_scale_are_stable_where_the_law_holds():
    found = stability(pareto(20_000, 0.2, seed=9), [0.1, 1.0, 3.0])
    for value, interval, truth in ((found.xi, found.xi_interval, 0.2), (found.scale, found.scale_interval, 3.0)):
        assert (interval[:, 0] < value).all()
        assert (np.abs(value - truth) < 1.6 * np.diff(interval, axis=1)[:, 0]).all()
    assert (np.diff(found.count) < 0).all()


# --- Hill, blocks, clusters -------------------------------------------------------------------------------------------


def test_hill_by_hand_and_on_a_pareto_law():
    found = hill([1.0, np.e, np.e**3, np.e**6], most=2)
    np.testing.assert_allclose(found.xi, [3.0, 3.5])  # logs 6, 3, 1: 6 - 3, and (6 + 3) / 2 - 1
    y = stats.pareto.rvs(2.5, size=20_000, random_state=np.random.default_rng(1))
    found = hill(y, most=2000)
    assert found.lower[-1] < 1 / 2.5 < found.upper[-1]


@pytest.mark.parametrize("xi", [-0.2, 0.0, 0.3])
def test_a_generalized_extreme_value_law_as_scipy_fits_it(xi):
    maxima = stats.genextreme.rvs(-xi, loc=10, scale=2, size=600, random_state=np.random.default_rng(2))
    fit = fit_gev(maxima)
    shape, loc, scale = stats.genextreme.fit(maxima, -xi, loc=10, scale=2)
    assert fit.log_likelihood >= stats.genextreme.logpdf(maxima, shape, loc, scale).sum() - 1e-4
    own = stats.genextreme.logpdf(maxima, -fit.xi, fit.mu, fit.sigma).sum()
    assert fit.log_likelihood == pytest.approx(own, abs=1e-5)
    assert np.all(np.abs(np.array([fit.xi, fit.mu, fit.sigma]) - [xi, 10, 2]) < 4 * fit.se)
    level = fit.return_level(100)
    assert level.estimate == pytest.approx(stats.genextreme.isf(0.01, -fit.xi, fit.mu, fit.sigma), rel=1e-6)
    assert level.lower < stats.genextreme.isf(0.01, -xi, 10, 2) < level.upper


@pytest.mark.parametrize("unit", [1e-3, 1e4])
@pytest.mark.parametrize("xi", [-0.2, 0.3])
def test_intervals_of_block_levels_are_where_the_profile_has_fallen(xi, unit):
    maxima = unit * stats.genextreme.rvs(-xi, loc=10, scale=2, size=80, random_state=np.random.default_rng(4))
    fit = fit_gev(maxima)
    found = fit.return_level(50)
    for end in (found.lower, found.upper):

        def nll(parameters, end=end):
            shape, sigma = parameters[0], unit * np.exp(parameters[1])
            mu = end - stats.genextreme.isf(1 / 50, -shape, 0, sigma)
            return min(-stats.genextreme.logpdf(maxima, -shape, mu, sigma).sum(), 1e9)

        grid = [(shape, np.log(scale)) for shape in np.linspace(-0.4, 0.8, 25) for scale in np.linspace(1, 4, 31)]
        starts = sorted(grid, key=nll)[:8]  # a search may stop at the wall where the greatest becomes impossible
        best = min(optimize.minimize(nll, start, method="Nelder-Mead").fun for start in starts)
        assert fit.log_likelihood + best == pytest.approx(stats.chi2.ppf(0.95, 1) / 2, abs=0.01)
    with pytest.raises(ValueError, match="blocks: expected more than 1"):
        fit.return_level(1)


def test_maxima_of_blocks_leave_a_short_block_out():
    np.testing.assert_array_equal(block_maxima([1, 3, 2, 5, 4, 9, 7], 2), [3, 5, 9])


def test_clusters_by_hand():
    series = np.array([0, 5, 6, 0, 7, 0, 0, 0, 8, 9, 0, 0, 5.0])
    np.testing.assert_array_equal(decluster(series, 4, run=1), [2, 4, 9, 12])
    np.testing.assert_array_equal(decluster(series, 4, run=2), [4, 9, 12])
    np.testing.assert_array_equal(decluster(series, 4, run=3), [4, 9])
    np.testing.assert_array_equal(decluster(series, 4, run=10), [9])


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: excesses([1.0, 2.0], 2.0), r"threshold: expected one inside the sample, from 1 to below 2, came 2"),
        (lambda: excesses([1.0, 2.0], 0.5), "threshold: expected one inside the sample"),
        (lambda: excesses([1.0, np.nan], 1.0), r"sample: expected finite numbers, and sample\[1\] is nan"),
        (lambda: excesses([[1.0]], 1.0), r"sample: expected numbers in one dimension, came shape \(1, 1\)"),
        (lambda: fit_gpd(np.ones(4)), "excess: expected at least 10 exceedances, came 4. Choose a lower threshold"),
        (lambda: fit_gpd(np.zeros(20)), "excess: expected some above 0"),
        (lambda: fit_gpd(-np.ones(20)), "excess: expected at least 0, came -1; subtract the threshold"),
        (lambda: fit_gpd(np.ones(20), np.zeros(20)), "upper: expected shape"),
        (lambda: fit_gpd(np.ones(20), np.full(20, np.inf)), "upper: expected some known excesses"),
        (lambda: whole_excesses([1.5, 2.0], 0.5), "outcomes: expected whole numbers, came 1.5"),
        (lambda: whole_excesses([1, 2], 1.0), "threshold: expected a whole number and a half, as 19.5, came 1"),
        (lambda: whole_excesses([1, 9], 1.5, limit=5), r"limit: expected no outcome .*\[1\] is 9 of 5"),
        (lambda: mean_excess([1.0, 2.0, 3.0], [2.5]), "thresholds: expected at least 2 exceedances of each, 2.5 has 1"),
        (lambda: hill([-1.0, -2.0, 3.0], most=2), "most: expected 1 to below 1, the number of positive outcomes"),
        (lambda: block_maxima([1.0, 2.0], 3), "length: expected 1 to 2, the length of the series, came 3"),
        (lambda: fit_gev([1.0, 2.0]), "maxima: expected at least 10, came 2. Choose shorter blocks"),
        (lambda: fit_gev(np.ones(20)), "maxima: expected some that differ"),
        (lambda: decluster([0.0, 1.0], 0.5, run=0), "run: expected at least 1, came 0"),
    ],
)  # fmt: skip
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
