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
