"""Scores against numerical integrals and scoringrules, calibration of known laws, coverage of the intervals."""

from itertools import pairwise

import numpy as np
import pytest
import scoringrules
import torch
from scipy import integrate, stats
from torch.distributions import Laplace, Normal

from qbsbp import evaluation
from qbsbp.distributions import SplicedBinnedPareto, StudentT
from qbsbp.evaluation import (
    Interval,
    coverage,
    crps,
    group_bootstrap,
    nll,
    paired_difference,
    pit,
    pit_histogram,
    pp_error,
)

F64 = torch.float64


def spliced(batch=()):
    edges = torch.tensor([-8.0, -3.0, 0.0, 2.0, 5.0, 9.0, 20.0], dtype=F64)
    logits = torch.tensor([-1.0, 0.2, 1.5, 1.0, 0.3, -0.7], dtype=F64).expand(*batch, -1)
    return SplicedBinnedPareto(edges, logits, -0.2, 2.0, 0.3, 4.0)


def test_nll_and_crps_of_the_normal_law():
    mean, sd = torch.tensor([1.0, -3.0, 200.0], dtype=F64), torch.tensor([0.5, 2.0, 30.0], dtype=F64)
    y = torch.tensor([1.3, -9.0, 205.0], dtype=F64)
    law = Normal(mean, sd)
    np.testing.assert_allclose(nll(law, y), -stats.norm.logpdf(y, mean, sd), rtol=1e-12)
    np.testing.assert_allclose(crps(law, y), scoringrules.crps_normal(y.numpy(), mean.numpy(), sd.numpy()), rtol=1e-10)
    assert crps(Normal(0.0, 1.0), torch.zeros(4)).shape == (4,)


def test_crps_is_its_integral_for_the_spliced_law():
    law = spliced()
    for y in (-12.0, 1.7, 40.0):

        def squared(x, y=y):
            return (float(law.cdf(torch.tensor(x, dtype=F64))) - (x >= y)) ** 2

        breaks = sorted([-12.0, -8.0, -3.0, 0.0, 1.7, 2.0, 5.0, 9.0, 20.0, 40.0])
        ends = [-60.0, *breaks, 200.0, 2000.0, 1e6]
        expected = sum(integrate.quad(squared, a, b, limit=200)[0] for a, b in pairwise(ends))
        assert crps(law, torch.tensor(y, dtype=F64)).item() == pytest.approx(expected, rel=1e-4)


def test_crps_of_a_law_without_one_is_an_error():
    with pytest.raises(TypeError, match="law: expected a law with a method crps, or a Normal, got Laplace"):
        crps(Laplace(0.0, 1.0), torch.zeros(2))


@pytest.mark.parametrize("law", [spliced((5000,)), Normal(torch.full((5000,), 3.0, dtype=F64), 4.0)])
def test_transforms_are_uniform_and_coverage_is_the_level(law):
    torch.manual_seed(4)
    y = law.sample()
    assert stats.kstest(pit(law, y).numpy(), "uniform").pvalue > 0.01
    for level in (0.5, 0.9):
        assert coverage(law, y, level).mean().item() == pytest.approx(level, abs=0.015)
    rounded = (y / 2).round() * 2
    assert stats.kstest(pit(law, rounded).numpy(), "uniform").pvalue < 1e-6
    generator = torch.Generator().manual_seed(1)
    u = pit(law, rounded, rounding=2.0, generator=generator)
    assert stats.kstest(u.numpy(), "uniform").pvalue > 0.01
    again = pit(law, rounded, rounding=2.0, generator=torch.Generator().manual_seed(1))
    assert torch.equal(u, again)


def test_wrong_arguments_of_pit_and_coverage():
    law, y = Normal(0.0, 1.0), torch.zeros(3)
    with pytest.raises(ValueError, match="rounding: expected a unit > 0"):
        pit(law, y, rounding=0.0, generator=torch.Generator())
    with pytest.raises(ValueError, match="generator: rounding draws random numbers"):
        pit(law, y, rounding=1.0)
    with pytest.raises(ValueError, match=r"level: expected a probability in \(0, 1\), got 90"):
        coverage(law, y, 90)


def test_pp_error_is_the_mean_distance_over_levels():
    rng = np.random.default_rng(3)
    u = rng.beta(1.3, 0.8, size=137)
    grid = (np.arange(2_000_000) + 0.5) / 2_000_000
    distance = np.abs(np.searchsorted(np.sort(u), grid, side="right") / len(u) - grid)
    error = pp_error(u, lower_mass=0.05, upper_mass=0.1)
    assert error["lower"] == pytest.approx(distance[grid < 0.05].mean(), rel=1e-4)
    assert error["body"] == pytest.approx(distance[(grid > 0.05) & (grid < 0.9)].mean(), rel=1e-4)
    assert error["upper"] == pytest.approx(distance[grid > 0.9].mean(), rel=1e-4)
    assert error["full"] == pytest.approx(distance.mean(), rel=1e-4)
    assert pp_error(torch.tensor([0.5]))["full"] == pytest.approx(0.25)
    assert pp_error(np.full(10, 1.0))["full"] == pytest.approx(0.5)


def test_pp_error_of_a_perfect_law_is_the_documented_sampling_error():
    rng = np.random.default_rng(8)
    mean = np.mean([pp_error(rng.uniform(size=1000))["full"] for _ in range(300)])
    assert mean == pytest.approx(np.sqrt(np.pi / 32 / 1000), rel=0.08)


def test_pit_histogram_and_its_band():
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(200):
        table = pit_histogram(rng.uniform(size=500), bins=10, level=0.9)
        inside.append(((table.density >= table.lower) & (table.density <= table.upper)).mean())
    assert np.mean(inside) == pytest.approx(0.91, abs=0.03)  # binomial quantiles cover at least 90 %
    assert (table.density * (table.right - table.left)).sum() == pytest.approx(1)
    assert table.left.iloc[0] == 0 and table.right.iloc[-1] == 1
    skewed = pit_histogram(rng.beta(2, 1, size=500), bins=10)
    assert skewed.density.iloc[0] < skewed.lower.iloc[0] and skewed.density.iloc[-1] > skewed.upper.iloc[-1]
    with pytest.raises(ValueError, match=r"pit: expected transforms in \[0, 1\]"):
        pit_histogram(np.array([0.2, 1.2]))
    with pytest.raises(ValueError, match=r"pit: expected transforms in \[0, 1\]"):
        pp_error(np.array([0.2, np.nan]))


def grouped_scores(rng, games=30, plays=20, game_spread=1.0):
    """Scores of which games share a part; their true mean is 2."""
    groups = np.repeat(np.arange(games), plays)
    return 2 + game_spread * rng.normal(size=games)[groups] + rng.normal(size=games * plays), groups


def test_intervals_cover_when_games_differ_and_those_of_plays_do_not():
    rng = np.random.default_rng(0)
    by_game, by_play = 0, 0
    for i in range(200):
        values, groups = grouped_scores(rng)
        a = group_bootstrap(values, groups, draws=400, seed=i)
        b = group_bootstrap(values, np.arange(len(values)), draws=400, seed=i)
        by_game += a.lower <= 2 <= a.upper
        by_play += b.lower <= 2 <= b.upper
        assert a.estimate == b.estimate == pytest.approx(values.mean())
        assert a.level == 0.95
    assert 0.88 <= by_game / 200 <= 0.98
    assert by_play / 200 < 0.5


def test_the_width_for_the_mean_is_its_standard_error():
    values, groups = grouped_scores(np.random.default_rng(1), games=200)
    interval = group_bootstrap(values, groups, draws=4000, level=0.95, seed=2)
    error = values.reshape(200, -1).mean(1).std(ddof=1) / np.sqrt(200)
    assert (interval.upper - interval.lower) / 2 == pytest.approx(1.96 * error, rel=0.05)


def test_any_statistic_and_games_of_different_size():
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 12, size=300)
    values = torch.as_tensor(rng.normal(size=300))
    fast = group_bootstrap(values, torch.as_tensor(groups), draws=500, seed=3)
    slow = group_bootstrap(values, groups, statistic=lambda v: np.mean(v), draws=500, seed=3)
    for name in ("estimate", "lower", "upper"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name))
    median = group_bootstrap(values, groups, statistic=np.median, draws=500, seed=3)
    assert median.estimate == pytest.approx(np.median(values)) and median.lower < median.estimate < median.upper
    assert str(Interval(0.12345, -1.0, 2.0, 0.9)) == "0.123 [-1.000, 2.000]"


def test_a_paired_difference_is_sharper_than_two_intervals():
    rng = np.random.default_rng(6)
    reference, groups = grouped_scores(rng)
    values = reference - 0.2 + 0.1 * rng.normal(size=len(reference))
    difference = paired_difference(values, reference, groups, seed=1)
    assert difference.estimate == pytest.approx(-0.2, abs=0.02)
    assert difference.upper < 0
    alone = group_bootstrap(values, groups, seed=1)
    assert difference.upper - difference.lower < (alone.upper - alone.lower) / 10
    of_medians = paired_difference(values, reference, groups, statistic=np.median, draws=200, seed=1)
    assert of_medians.estimate == pytest.approx(np.median(values) - np.median(reference))
    assert of_medians.lower < of_medians.estimate < of_medians.upper


def test_an_infinite_value_makes_an_end_of_the_interval_infinite():
    values, groups = np.r_[np.inf, np.arange(1.0, 60.0)], np.arange(60) // 3
    for statistic in (np.mean, lambda chosen: float(np.mean(chosen))):
        found = group_bootstrap(values, groups, statistic=statistic, seed=0)
        assert found.estimate == found.upper == np.inf
        assert 0 < found.lower < 30  # more than a third of the draws leave that game out
    found = paired_difference(values, np.zeros(60), groups, seed=0)
    assert found.upper == np.inf and np.isfinite(found.lower)


def test_wrong_arguments_of_the_bootstrap():
    with pytest.raises(ValueError, match="groups: expected at least 2 games to resample, got 1"):
        group_bootstrap(np.arange(3.0), np.zeros(3), seed=0)
    with pytest.raises(ValueError, match=r"groups: expected shape \(3,\), one game per value, got \(2,\)"):
        group_bootstrap(np.arange(3.0), np.zeros(2), seed=0)
    with pytest.raises(ValueError, match=r"reference: expected the shape of values"):
        paired_difference(np.arange(3.0), np.arange(2.0), np.arange(3), seed=0)


# --- tails and series -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [-2.0, 0.0, 1.5, 6.0])
@pytest.mark.parametrize("name", ["normal", "spliced", "student"])
def test_the_two_tails_of_the_crps_add_up_to_it(name, threshold):
    y = torch.tensor([-4.0, -0.3, 0.0, 1.6, 9.0], dtype=torch.float64)
    zero, one = torch.zeros_like(y), torch.ones_like(y)
    law = {
        "normal": Normal(zero, one),
        "student": StudentT(3 * one, zero, one),
        "spliced": SplicedBinnedPareto(
            torch.linspace(-3, 3, 41, dtype=torch.float64),
            -torch.linspace(-2.9, 2.9, 40).double().square().repeat(5, 1),
            0.1 * one, one, 0.3 * one, one,
        ),
    }[name]  # fmt: skip
    parts = [evaluation.tail_crps(law, y, threshold, tail=tail) for tail in ("lower", "upper")]
    torch.testing.assert_close(parts[0] + parts[1], evaluation.crps(law, y), rtol=2e-3, atol=1e-6)


def test_the_true_law_has_the_least_tail_crps():
    torch.manual_seed(0)
    y = StudentT(torch.tensor(3.0), torch.tensor(0.0), torch.tensor(1.0)).sample((20_000,)).double()
    one = torch.ones_like(y)
    laws = {"true": StudentT(3 * one, 0 * one, one), "short": StudentT(30 * one, 0 * one, 1.3 * one)}
    scores = {name: evaluation.tail_crps(law, y, 2.0).mean() for name, law in laws.items()}
    assert scores["true"] < scores["short"]
    with pytest.raises(ValueError, match="tail: expected 'upper' or 'lower', got 'both'"):
        evaluation.tail_crps(laws["true"], y, 2.0, tail="both")


def test_width_is_that_of_the_central_interval():
    law = Normal(torch.zeros(3, dtype=torch.float64), torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64))
    np.testing.assert_allclose(evaluation.width(law, 0.9), 2 * stats.norm.ppf(0.95) * np.array([1, 2, 5]), rtol=1e-9)
    with pytest.raises(ValueError, match="level: expected a probability"):
        evaluation.width(law, 1.0)


def test_diebold_mariano_keeps_its_level_on_correlated_differences():
    rng = np.random.default_rng(0)
    rejected, naive = 0, 0
    for _ in range(200):
        noise = rng.standard_normal(1003)
        d = noise[3:] + noise[2:-1] + noise[1:-2] + noise[:-3]  # neighbours have three parts of four in common
        interval, p = evaluation.diebold_mariano(d, np.zeros_like(d))
        assert (p < 0.05) == (interval.lower > 0 or interval.upper < 0)
        rejected += p < 0.05
        naive += stats.ttest_1samp(d, 0).pvalue < 0.05
    assert rejected < 26 < naive


def test_diebold_mariano_finds_a_difference_and_names_bad_scores():
    rng = np.random.default_rng(1)
    interval, p = evaluation.diebold_mariano(rng.random(500), 0.2 + rng.random(500))
    assert interval.upper < 0 and p < 1e-6
    assert evaluation.diebold_mariano(np.ones(50), np.ones(50))[1] == 1.0
    with pytest.raises(ValueError, match="at step 3 they differ by inf"):
        evaluation.diebold_mariano(np.r_[np.ones(3), np.inf, np.ones(20)], np.zeros(24))
    with pytest.raises(ValueError, match="n >= 10"):
        evaluation.diebold_mariano(np.ones(5), np.ones(5))
