"""The laws that others use, against SciPy, numerical integration and themselves."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from qbsbp.distributions import HybridPareto, StudentT
from qbsbp.distributions._integrals import crps_by_quadrature
from qbsbp.evaluation import crps

SHAPES = (-0.4, -0.1, 0.0, 0.2, 0.6, 0.9)


def hybrid(xi: float, dtype: torch.dtype = torch.float64) -> HybridPareto:
    return HybridPareto(*torch.tensor([[0.0], [5.0], [2.0], [xi]], dtype=dtype))


def mixture() -> HybridPareto:
    table = [[0.0, 1.0, -0.5], [-3.0, 4.0, 12.0], [1.0, 2.0, 0.5], [0.1, 0.5, -0.2]]
    return HybridPareto(*torch.tensor(table, dtype=torch.float64))


@pytest.mark.parametrize("xi", SHAPES)
def test_density_is_continuous_in_value_and_slope_and_integrates_to_the_cdf(xi):
    law = hybrid(xi)
    join = float(law.join)

    def density(y: float) -> float:
        return float(law.log_prob(torch.tensor(y, dtype=torch.float64)).exp())

    assert density(join - 1e-7) == pytest.approx(density(join + 1e-7), rel=1e-6)
    slopes = [(density(join + s) - density(join + s - 1e-4)) / 1e-4 for s in (0.0, 1e-4)]
    assert slopes[0] == pytest.approx(slopes[1], rel=2e-3)
    for y in (2.0, join, 9.0, 13.0):
        area = integrate.quad(density, -15, y, points=[min(join, y)], epsabs=1e-12)[0]
        assert float(law.cdf(torch.tensor(y, dtype=torch.float64))) == pytest.approx(area, abs=1e-9)
    beta, w = float(law.beta), float((law.join - 5) / 2) ** 2  # the definition: w e^w = (1 + xi)^2 / 2 pi
    assert w * math.exp(w) == pytest.approx((1 + xi) ** 2 / (2 * math.pi), rel=1e-12)
    assert beta == pytest.approx(2 * (1 + xi) / math.sqrt(w), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("make", [lambda dtype: hybrid(0.3, dtype), lambda dtype: mixture()], ids=["one", "three"])
def test_quantiles_invert_the_cdf_and_survival_is_its_complement(make, dtype):
    law = make(dtype)
    u = torch.tensor([1e-4, 0.05, 0.4, 0.7, 0.99, 0.9999], dtype=law.location.dtype)
    y = law.icdf(u)
    torch.testing.assert_close(law.cdf(y), u, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(law.survival(y), 1 - u, rtol=1e-3, atol=1e-6)


def test_draws_follow_the_law():
    torch.manual_seed(0)
    for law in (hybrid(0.3), mixture()):
        draws = law.sample(torch.Size([4000])).numpy()
        cdf = lambda y, law=law: law.cdf(torch.from_numpy(np.asarray(y))).numpy()  # noqa: E731
        assert stats.kstest(draws, cdf).pvalue > 0.01


def test_gradients_reach_every_parameter():
    parameters = [p.detach().clone().requires_grad_() for p in (mixture().logits, mixture().location)]
    parameters += [p.detach().clone().requires_grad_() for p in (mixture().scale, mixture().xi)]
    y = torch.tensor([1.0, 5.5, 30.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *p: HybridPareto(*p, validate_args=False).log_prob(y), parameters)


@pytest.mark.parametrize("y", [-20.0, 0.0, 5.0, 7.0, 40.0])
def test_crps_of_the_hybrid_pareto_by_integration(y):
    law = hybrid(0.2)

    def squared(x: float) -> float:
        return (float(law.cdf(torch.tensor(x, dtype=torch.float64))) - (x >= y)) ** 2

    points = sorted({-5.0, 0.0, 5.0, float(law.join), 10.0, 20.0, y})
    edges = [-60.0, *points, 100.0, 1000.0, 1e5]
    expected = sum(integrate.quad(squared, a, b, limit=200)[0] for a, b in pairwise(sorted(set(edges))))
    assert float(law.crps(torch.tensor(y, dtype=torch.float64))) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_student_t_against_scipy_and_quadrature(dtype):
    df, loc, scale = (torch.tensor(v, dtype=dtype) for v in ([2.5, 10.0, 200.0], [0.0, 1.0, -3.0], [1.0, 2.0, 0.5]))
    law, reference = StudentT(df, loc, scale), stats.t(df.numpy(), loc.numpy(), scale.numpy())
    y = torch.tensor([3.0, -7.0, -2.5], dtype=dtype)
    np.testing.assert_allclose(law.cdf(y), reference.cdf(y.numpy()), rtol=1e-5)
    np.testing.assert_allclose(law.survival(y), reference.sf(y.numpy()), rtol=1e-4)
    np.testing.assert_allclose(law.icdf(0.99), reference.ppf(0.99), rtol=1e-5)
    np.testing.assert_allclose(law.crps(y), crps_by_quadrature(law, y), rtol=2e-3)
    assert torch.equal(crps(law, y), law.crps(y))
    assert StudentT(df.new_tensor(1.0), loc[0], scale[0]).crps(y[0]) == math.inf


def test_bad_parameters_are_named():
    good = torch.zeros(2, 1)
    with pytest.raises(ValueError, match=r"location: expected the shape of logits"):
        HybridPareto(good, torch.zeros(2), good, good)
    with pytest.raises(ValueError, match=r"scale: expected a scale > 0, but scale\[0, 0\] is 0"):
        HybridPareto(good, good, good, good)
    with pytest.raises(ValueError, match=r"xi: expected a shape > -1"):
        HybridPareto(good, good, good + 1, good - 2)
