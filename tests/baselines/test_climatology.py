"""Climatology recovers a known law, is calibrated, and agrees with SciPy's fit of its tails."""

import numpy as np
import pytest
import torch
from scipy import stats

from qbsbp.baselines import fit_climatology
from qbsbp.distributions import SplicedBinnedPareto
from qbsbp.evaluation import crps, pit, pp_error
from qbsbp.likelihood import composite

EDGES = torch.linspace(-12.0, 25.0, 38, dtype=torch.float64)


def truth():
    logits = -((EDGES[:-1] - 4) ** 2) / 40
    return SplicedBinnedPareto(EDGES, logits, -0.2, 2.0, 0.3, 4.0)


def test_it_recovers_a_known_law():
    torch.manual_seed(1)
    law, true = fit_climatology(truth().sample((40_000,)), EDGES), truth()
    levels = torch.tensor([0.001, 0.01, 0.05, 0.3, 0.5, 0.7, 0.95, 0.99, 0.999], dtype=torch.float64)
    np.testing.assert_allclose(law.icdf(levels), true.icdf(levels), rtol=0.06, atol=0.1)
    assert law.lower_xi.item() == pytest.approx(-0.2, abs=0.06)
    assert law.upper_xi.item() == pytest.approx(0.3, abs=0.09)
    assert law.batch_shape == () and law.logits.dtype == torch.float64
    y = true.sample((2000,))
    assert pp_error(pit(law.expand((2000,)), y))["full"] < 0.02
    assert crps(law, y).shape == (2000,)


@pytest.mark.parametrize("xi", [-0.3, 0.0, 0.4])
def test_tails_are_the_likeliest(xi):
    rng = np.random.default_rng(7)
    tail = -stats.genpareto.rvs(xi, scale=3, size=400, random_state=rng)
    y = torch.as_tensor(np.concatenate([rng.uniform(0, 10, 4000), tail]))
    law = fit_climatology(y, torch.linspace(-30.0, 10.0, 161, dtype=torch.float64))
    excess = (law.lower_threshold - y).numpy()
    excess = excess[excess > 0]

    def mean_nll(c, scale):
        return -stats.genpareto.logpdf(excess, c, scale=scale).mean()

    mine = mean_nll(law.lower_xi.item(), law.lower_beta.item())
    c, _, scale = stats.genpareto.fit(excess, floc=0)
    assert mine <= mean_nll(c, scale) + 1e-6
    for other_xi, other_beta in ((0.01, 1.0), (-0.01, 1.0), (0.0, 1.01), (0.0, 0.99)):
        assert mine <= mean_nll(law.lower_xi.item() + other_xi, law.lower_beta.item() * other_beta)


def test_it_is_the_fixed_point_of_the_composite_objective():
    torch.manual_seed(2)
    y = truth().sample((20_000,))
    law = fit_climatology(y, EDGES)
    parameters = [law.logits, law.lower_xi, law.lower_beta, law.upper_xi, law.upper_beta]
    parameters = [parameter.clone().requires_grad_() for parameter in parameters]
    composite(SplicedBinnedPareto(EDGES, *parameters), y).mean().backward()
    # what is left is the smoothing, the difference between mass and frequency
    frequency = np.histogram(y.clamp(EDGES[0], EDGES[-1]).numpy(), EDGES.numpy())[0] / 20_000
    np.testing.assert_allclose(parameters[0].grad, law.logits.exp().numpy() - frequency, atol=1e-12)
    assert parameters[0].grad.abs().max() < 1e-4
    assert all(parameter.grad.abs() < 1e-5 for parameter in parameters[1:])


def test_the_unit_does_not_matter():
    torch.manual_seed(3)
    y = truth().sample((3000,))
    yards, metres = fit_climatology(y, EDGES), fit_climatology(y * 0.9144, EDGES * 0.9144)
    levels = torch.tensor([0.01, 0.5, 0.99], dtype=torch.float64)
    torch.testing.assert_close(yards.icdf(levels) * 0.9144, metres.icdf(levels), rtol=1e-4, atol=1e-4)


def test_bounds_of_the_shape_are_kept():
    torch.manual_seed(4)
    law = fit_climatology(truth().sample((2000,)), EDGES, xi_bounds=(0.0, 0.1))
    assert law.lower_xi == 0.0 and law.upper_xi.item() == pytest.approx(0.1)


def test_wrong_outcomes_are_named():
    with pytest.raises(ValueError, match=r"y: expected at least 10 outcomes .* of 50 only \d lie in the lower"):
        fit_climatology(torch.linspace(0, 10, 50), range(12))
    with pytest.raises(ValueError, match=r"y: expected finite outcomes .* 1 of them not finite"):
        fit_climatology(torch.tensor([1.0, float("nan")]), range(12))
    with pytest.raises(ValueError, match=r"y: expected finite outcomes of a floating dtype.*int64"):
        fit_climatology(torch.arange(300), range(12))
