"""Generic laws drawn by hypothesis, and the tail against SciPy and scoringrules."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
import scoringrules
import torch
from hypothesis import HealthCheck, assume, given, settings

from qbsbp.distributions import GeneralizedPareto
from qbsbp.distributions.binned import MANY, check_bins
from tests.distributions.agreement import wrong_gradients, wrong_values
from tests.distributions.cases import EVERY_DTYPE, EVERY_KIND, MP, SHAPES, Case, consult, single

LEVEL = st.floats(2**-13, 1 - 2**-13, width=32)

# --- generic laws ----------------------------------------------------------------------------------------------------


@st.composite
def laws(draw):
    """A case with 2 to 6 uneven bins and parameters far apart in size, all float32 numbers."""

    def number(low, high):
        return draw(st.floats(low, high, width=32, allow_nan=False))

    bins = draw(st.integers(2, 6))
    unit = 10 ** number(-2, 3)
    widths = unit * np.array([number(0.125, 4) for _ in range(bins)])
    edges = unit * number(-20, 20) + np.concatenate([[0], widths.cumsum()])
    return Case(
        "generic",
        edges,
        [number(-6, 6) for _ in range(bins)],
        xi=(number(-0.4375, 0.9375), number(-0.4375, 0.9375)),
        beta=(unit * number(0.125, 4), unit * number(0.125, 4)),
        mass=(number(0.0009765625, 0.4375), number(0.0009765625, 0.4375)),
    )


def clear_of_kinks(case, kind, points):
    """Whether the points, as shares of the range of the bins, keep away from edges, thresholds and ends of tails."""
    law = case.oracle(kind)
    length = case.bin_edges[-1] - case.bin_edges[0] if kind != "gpd" else case.beta[1]
    kinks = [law.icdf(0), law.icdf(1)] + ([] if kind == "gpd" else list(case.bin_edges))
    if kind == "spliced":
        kinks += [law.lower_threshold, law.upper_threshold]
    return all(abs(point - kink) > 1e-3 * length for point in points for kink in kinks if MP.isfinite(kink))


@EVERY_DTYPE
@EVERY_KIND
@settings(max_examples=12, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(case=laws(), levels=st.lists(LEVEL, min_size=3, max_size=3))
def test_generic_laws_agree_with_the_oracle(kind, dtype, case, levels):
    law = case.oracle(kind)
    y = single([float(law.icdf(level)) for level in levels])
    assume(clear_of_kinks(case, kind, y) and clear_of_kinks(case, kind, [law.icdf(level) for level in levels]))
    known = consult(case, kind, y, tuple(levels))
    failures = wrong_values(case, kind, dtype, known) + wrong_gradients(case, kind, dtype, known)
    assert not failures, "\n".join(failures)


@EVERY_KIND
@settings(max_examples=30)
@given(case=laws(), levels=st.lists(LEVEL, min_size=2, max_size=6, unique=True))
def test_generic_laws_rise_and_invert(kind, case, levels):
    law = case.law(kind)
    level = torch.tensor(sorted(levels), dtype=torch.float64)
    y = law.icdf(level)
    assert (y.diff() > 0).all()
    rounding = 1e-12 + 1e-15 * y.abs() * law.log_prob(y).exp()
    assert ((law.cdf(y) - level).abs() < rounding).all()
    assert ((law.survival(y) - (1 - level)).abs() < rounding).all()


@EVERY_KIND
@settings(max_examples=30)
@given(case=laws(), levels=st.tuples(LEVEL, LEVEL))
def test_generic_crps_is_positive_convex_and_least_at_the_median(kind, case, levels):
    """The slope of crps(y) is 2 F(y) - 1: it falls up to the median and rises from there, and is never negative."""
    law = case.law(kind)
    y = law.icdf(torch.tensor(levels, dtype=torch.float64)).requires_grad_()
    score = law.crps(y)
    (slope,) = torch.autograd.grad(score.sum(), y)
    torch.testing.assert_close(slope, 2 * law.cdf(y.detach()) - 1, rtol=1e-8, atol=1e-8)
    least = law.crps(law.icdf(torch.tensor(0.5, dtype=torch.float64)))
    assert least > 0
    assert (least <= score + 1e-9 * score.abs()).all()


@EVERY_DTYPE
@settings(max_examples=100)
@given(
    bins=st.integers(2, 300),
    low=st.floats(-1e4, 1e4, width=32),
    width=st.floats(2**-7, 2**7, width=32),
    jitter=st.floats(0, 0.05),
    seed=st.integers(0, 2**20),
)
def test_bins_computed_are_the_bins_found(dtype, bins, low, width, jitter, seed):
    """Edges, their neighbours, points between and far out: the arithmetic of even bins finds the bin of a search."""
    noise = jitter / bins * torch.rand(bins + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    edges = (low + width * (torch.arange(bins + 1) + noise)).to(dtype)
    assume((edges.diff() > 0).all())
    found = check_bins(edges, torch.zeros(bins, dtype=dtype), True)
    assume(found.even_width is not None)
    far = torch.tensor([-np.inf, -1e30, edges[0] - width, edges[-1] + width, 1e30, np.inf], dtype=dtype)
    beside = [edges.nextafter(end) for end in (far[:1], far[-1:])]
    y = torch.cat([edges, *beside, edges.lerp(edges.roll(1), 0.3), far])
    y = y.repeat(MANY // len(y) + 1)
    torch.testing.assert_close(found.of(y), torch.bucketize(y, edges[1:-1], right=True), rtol=0, atol=0)
    missing = found.of(torch.full_like(y, np.nan))
    assert (missing >= 0).all() and (missing < bins).all()


# --- the tail against other libraries --------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.37, 2.0, 41.0])
@pytest.mark.parametrize("xi", SHAPES)
def test_generalized_pareto_agrees_with_scipy(xi, beta):
    law = GeneralizedPareto(torch.tensor(xi, dtype=torch.float64), torch.tensor(beta, dtype=torch.float64))
    theirs = scipy.stats.genpareto(c=xi, scale=beta)
    level = torch.linspace(0.01, 0.99, 25, dtype=torch.float64)
    y = torch.cat([law.icdf(level), -law.icdf(level[:3]), torch.tensor([0.0, 1e4], dtype=torch.float64)])
    # SciPy takes log(1 + x) / xi where xi is 1e-9: nine digits are left of that
    tolerance = {"rtol": 1e-6 if 0 < abs(xi) < 1e-3 else 1e-11, "atol": 0}
    for ours, other in (("log_prob", "logpdf"), ("cdf", "cdf"), ("survival", "sf"), ("log_survival", "logsf")):
        expected = torch.from_numpy(getattr(theirs, other)(y.numpy()))
        torch.testing.assert_close(getattr(law, ours)(y), expected, **tolerance, msg=lambda m, n=ours: f"{n}: {m}")
    torch.testing.assert_close(law.icdf(level), torch.from_numpy(theirs.ppf(level.numpy())), **tolerance)
    assert law.mean.item() == pytest.approx(theirs.mean(), rel=1e-9)
    assert law.entropy().item() == pytest.approx(theirs.entropy(), rel=1e-9)
    if xi < 0.5:
        assert law.variance.item() == pytest.approx(theirs.var(), rel=1e-6)


@pytest.mark.parametrize("xi", [xi for xi in SHAPES if abs(xi) > 1e-3 or xi == 0])
def test_generalized_pareto_crps_agrees_with_scoringrules(xi):
    law = GeneralizedPareto(torch.tensor(xi, dtype=torch.float64), torch.tensor(2.3, dtype=torch.float64))
    y = torch.tensor([-1.7, 0.0, 0.2, 1.9, 4.4, 30.0], dtype=torch.float64)
    theirs = scoringrules.crps_gpd(y.numpy(), xi, 0.0, 2.3)
    torch.testing.assert_close(law.crps(y), torch.from_numpy(theirs), rtol=1e-10, atol=0)
