"""What is true of any law of a real outcome, run over the whole table: each law is one function."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch

from tests.distributions.cases import EVERY_DTYPE, EVERY_LAW, EVERY_SPLICED, levels, outcomes


def pieces(kind, case):
    """Changes of variable `t -> (y, dy/dt)` on intervals that cover the support, with a smooth integrand in each.

    Between two kinks y = t. In a tail z = (exp(xi t) - 1) / xi, so that S = exp(-t), up to where all that is left of
    any moment tested here is below exp(-40).
    """
    law = case.oracle(kind)
    if kind == "binned":
        knots, tails = [float(edge) for edge in law.bin_edges], []
    elif kind == "gpd":
        knots, tails = [0.0], [(0.0, 1, case.xi[1], case.beta[1])]
    else:
        low, high = float(law.lower_threshold), float(law.upper_threshold)
        knots = [low, *(edge for edge in case.bin_edges if low < edge < high), high]
        tails = [(low, -1, case.xi[0], case.beta[0]), (high, 1, case.xi[1], case.beta[1])]
    for left, right in pairwise(knots):
        yield left, right, lambda t: (t, np.ones_like(t))
    for threshold, sign, xi, beta in tails:
        moment = 2 if xi < 0.5 else 1 if xi < 1 else 0
        last = 40 / min(1.0, 1 - moment * xi)
        for left, right in pairwise(np.linspace(0, last, 21)):

            def beyond(t, threshold=threshold, sign=sign, xi=xi, beta=beta):
                z = np.expm1(xi * t) / xi if xi != 0 else t
                return threshold + sign * beta * z, beta * np.exp(xi * t)

            yield left, right, beyond


def integral(function, kind, case):
    """Of a function of y (a float64 tensor) over the support, piece by piece."""
    total = 0.0
    for left, right, substitution in pieces(kind, case):

        def integrand(t, substitution=substitution):
            y, stretch = substitution(t)
            return function(torch.from_numpy(y)).numpy() * stretch

        total += scipy.integrate.fixed_quad(integrand, left, right, n=24)[0]
    return total


def spread(kind, case):
    """A length in yards to measure differences against: the range of the bins, or the scale of the tail."""
    return case.beta[1] if kind == "gpd" else case.bin_edges[-1] - case.bin_edges[0]


@EVERY_LAW
def test_density_integrates_to_one(kind, case):
    law = case.law(kind)
    assert integral(lambda y: law.log_prob(y).exp(), kind, case) == pytest.approx(1, abs=1e-10)


@EVERY_LAW
def test_mean_variance_and_entropy_are_the_integrals_they_claim_to_be(kind, case):
    law = case.law(kind)
    heaviest = {"binned": 0.0, "gpd": case.xi[1], "spliced": max(case.xi)}[kind]
    mean, centre = float(law.mean), float(law.icdf(torch.tensor(0.5, dtype=torch.float64)))
    length = spread(kind, case) + math.sqrt(max(0, float(law.variance))) if heaviest < 0.5 else spread(kind, case)
    first = centre + integral(lambda y: (y - centre) * law.log_prob(y).exp(), kind, case)
    assert mean == pytest.approx(first, abs=1e-9 * length)
    if heaviest < 0.5:
        second = integral(lambda y: (y - mean) ** 2 * law.log_prob(y).exp(), kind, case)
        assert float(law.variance) == pytest.approx(second, rel=1e-8)
    else:
        assert float(law.variance) == math.inf

    def surprise(y):
        log_density = law.log_prob(y)
        return torch.where(log_density > -math.inf, -log_density * log_density.exp(), 0.0)

    assert float(law.entropy()) == pytest.approx(integral(surprise, kind, case), abs=1e-8)


@EVERY_LAW
def test_crps_is_the_integral_of_the_squared_difference_of_two_cdfs(kind, case):
    """crps(y) - crps(m) for two outcomes is the integral between them of 2 F - 1; crps itself grows like abs(y)."""
    law = case.law(kind)
    y = torch.tensor(outcomes(case, kind), dtype=torch.float64).sort().values
    y = y[(law.survival(y) > 1e-3) & (law.cdf(y) > 1e-3)]
    for left, right in pairwise(y):
        kinks = [float(left), *(e for e in case.bin_edges if left < e < right and kind != "gpd"), float(right)]
        if kind == "spliced":
            kinks += [float(t) for t in (law.lower_threshold, law.upper_threshold) if left < t < right]
        kinks.sort()
        between = sum(
            scipy.integrate.fixed_quad(lambda t: 2 * law.cdf(torch.from_numpy(t)).numpy() - 1, a, b, n=24)[0]
            for a, b in pairwise(kinks)
        )
        assert float(law.crps(right) - law.crps(left)) == pytest.approx(between, abs=1e-10 * spread(kind, case))


@EVERY_LAW
def test_slope_of_cdf_is_the_density(kind, case):
    law = case.law(kind)
    y = torch.tensor(outcomes(case, kind), dtype=torch.float64)
    step = 1e-6 * spread(kind, case) * torch.ones_like(y)
    left, right = y - step, y + step
    # the smaller of F and 1 - F has the more digits
    rise = torch.where(law.cdf(y) < 0.5, law.cdf(right) - law.cdf(left), law.survival(left) - law.survival(right))
    density = law.log_prob(y).exp()
    curvature = (law.log_prob(right).exp() + law.log_prob(left).exp() - 2 * density).abs()
    error = (rise / (right - left) - density).abs()
    assert (error <= 1e-6 * density + curvature + 1e-9 / spread(kind, case)).all(), error / density


@EVERY_LAW
def test_autograd_slope_of_cdf_is_the_density(kind, case):
    law = case.law(kind)
    y = torch.tensor(outcomes(case, kind), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(law.cdf(y).sum(), y)
    torch.testing.assert_close(slope, law.log_prob(y).exp().detach(), rtol=1e-9, atol=1e-13 / spread(kind, case))


@EVERY_LAW
def test_icdf_undoes_cdf_and_cdf_undoes_icdf(kind, case):
    law = case.law(kind)
    level = torch.tensor(levels(case, kind), dtype=torch.float64)
    quantile = law.icdf(level)
    of_storing = torch.finfo(quantile.dtype).eps * quantile.abs() * law.log_prob(quantile).exp()
    assert ((law.cdf(quantile) - level).abs() <= 1e-11 * level + 8 * of_storing).all()
    y = torch.tensor(outcomes(case, kind), dtype=torch.float64)
    y = y[law.survival(y) > 1e-3]  # a level next to 1 does not hold what it takes to come back
    torch.testing.assert_close(law.icdf(law.cdf(y)), y, rtol=1e-10, atol=1e-11 * spread(kind, case))


@EVERY_DTYPE
@EVERY_LAW
def test_cdf_and_survival_sum_to_one(kind, case, dtype):
    law = case.law(kind, dtype)
    y = torch.cat([torch.tensor(outcomes(case, kind), dtype=dtype), torch.linspace(-1e3, 1e3, 41, dtype=dtype)])
    torch.testing.assert_close(
        law.cdf(y) + law.survival(y), torch.ones_like(y), rtol=0, atol=8 * torch.finfo(dtype).eps
    )
    torch.testing.assert_close(
        law.log_survival(y).exp(), law.survival(y), rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=0
    )


@EVERY_DTYPE
@EVERY_LAW
def test_cdf_rises_from_zero_to_one_and_survival_falls(kind, case, dtype):
    law = case.law(kind, dtype)
    start = 0.0 if kind == "gpd" else case.bin_edges[0]
    steps = torch.linspace(-1.5, 2.5, 4001, dtype=dtype)
    knots = torch.tensor([] if kind == "gpd" else case.bin_edges, dtype=dtype)
    thresholds = [law.lower_threshold.reshape(1), law.upper_threshold.reshape(1)] if kind == "spliced" else []
    y = torch.cat([start + spread(kind, case) * steps, knots, *thresholds]).sort().values
    rounding = 4 * torch.finfo(dtype).eps
    assert (law.cdf(y).diff() >= -rounding).all()
    assert (law.survival(y).diff() <= rounding).all()
    for probability in (law.cdf(y), law.survival(y)):
        assert probability.min() >= 0 and probability.max() <= 1
    ends = torch.tensor([-math.inf, math.inf], dtype=dtype)
    assert law.cdf(ends).tolist() == [0, 1]
    assert law.survival(ends).tolist() == [1, 0]


@EVERY_DTYPE
@EVERY_LAW
def test_icdf_rises(kind, case, dtype):
    law = case.law(kind, dtype)
    quantiles = law.icdf(torch.linspace(0, 1, 2001, dtype=dtype))
    inside = quantiles[torch.isfinite(quantiles)]
    assert (inside.diff() >= -4 * torch.finfo(dtype).eps * inside[1:].abs()).all()
    assert len(inside) >= 1999


@EVERY_DTYPE
@EVERY_LAW
@pytest.mark.parametrize("draw", ["sample", "rsample"])
def test_samples_pass_a_goodness_of_fit_test(kind, case, dtype, draw):
    """Kolmogorov-Smirnov at 1 in 10,000 on the oracle-checked cdf, in float64; some 200 tests share the seed's luck."""
    y = getattr(case.law(kind, dtype), draw)((4000,))
    assert y.dtype == dtype
    level = case.law(kind).cdf(y.double())
    assert scipy.stats.kstest(level.numpy(), "uniform").pvalue > 1e-4


@EVERY_LAW
def test_mode_has_the_highest_density(kind, case):
    law = case.law(kind)
    mode = law.mode
    grid = law.icdf(torch.linspace(1e-4, 1 - 1e-4, 3001, dtype=torch.float64))
    nudge = 1e-9 * spread(kind, case)  # a mode on a threshold is where the tail starts, to one side of the point itself
    near = torch.stack([mode, mode - nudge, mode + nudge])
    assert law.log_prob(near).max() >= law.log_prob(grid).max() - 1e-6


@EVERY_SPLICED
def test_spliced_law_is_its_tails_and_its_body(case):
    """The composition itself: the parts, built by themselves, give the whole."""
    law, body = case.law("spliced"), case.law("binned")
    y = torch.tensor(outcomes(case, "spliced"), dtype=torch.float64)
    q_lo, q_hi = case.mass
    torch.testing.assert_close(law.lower_threshold, body.icdf(torch.tensor(q_lo, dtype=torch.float64)))
    torch.testing.assert_close(law.upper_threshold, body.icdf(torch.tensor(1 - q_hi, dtype=torch.float64)))
    inside = (y > law.lower_threshold) & (y < law.upper_threshold)
    assert 0 < inside.sum() < len(y)
    torch.testing.assert_close(law.log_prob(y[inside]), body.log_prob(y[inside]))
    torch.testing.assert_close(law.cdf(y[inside]), body.cdf(y[inside]))
    tail = case.law("gpd")
    excess = y[y > law.upper_threshold] - law.upper_threshold
    torch.testing.assert_close(law.log_prob(y[y > law.upper_threshold]), tail.log_prob(excess) + math.log(q_hi))
    torch.testing.assert_close(law.survival(y[y > law.upper_threshold]), tail.survival(excess) * q_hi)


@EVERY_SPLICED
def test_cdf_is_continuous_at_the_thresholds(case):
    law = case.law("spliced")
    for threshold, level in ((law.lower_threshold, case.mass[0]), (law.upper_threshold, 1 - case.mass[1])):
        nearby = torch.stack([threshold.nextafter(threshold - 1), threshold.nextafter(threshold + 1)])
        torch.testing.assert_close(law.cdf(threshold), torch.tensor(level, dtype=torch.float64), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(law.cdf(nearby), torch.full_like(nearby, level), rtol=1e-9, atol=1e-13)


@EVERY_SPLICED
def test_mirrored_law_is_mirrored(case):
    """Reflecting bins, logits, tails and masses reflects every answer: the two tails are treated alike."""
    law = case.law("spliced")
    parameters = case.parameters("spliced")
    mirror = type(law)(
        -parameters["bin_edges"].flip(-1),
        parameters["logits"].flip(-1),
        parameters["upper_xi"],
        parameters["upper_beta"],
        parameters["lower_xi"],
        parameters["lower_beta"],
        lower_mass=case.mass[1],
        upper_mass=case.mass[0],
    )
    y = torch.tensor(outcomes(case, "spliced"), dtype=torch.float64)
    length = spread("spliced", case)
    torch.testing.assert_close(mirror.log_prob(-y), law.log_prob(y), rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(mirror.survival(-y), law.cdf(y), rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(mirror.crps(-y), law.crps(y), rtol=1e-9, atol=1e-9 * length)
    torch.testing.assert_close(-mirror.mean, law.mean, rtol=1e-9, atol=1e-9 * length)
    torch.testing.assert_close(mirror.variance, law.variance, rtol=1e-9, atol=0)
    torch.testing.assert_close(mirror.entropy(), law.entropy(), rtol=1e-9, atol=1e-9)
