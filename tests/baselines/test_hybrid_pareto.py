"""The hybrid Pareto fitted to samples of itself, and what cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from qbsbp.baselines import fit_hybrid_pareto
from qbsbp.distributions import HybridPareto


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_its_own_sample_gives_its_parameters_back_in_any_unit(unit):
    torch.manual_seed(1)
    law = HybridPareto(*torch.tensor([[0.0], [5.0], [2.0], [0.3]], dtype=torch.float64))
    found = fit_hybrid_pareto(unit * law.sample(torch.Size([8000])).numpy())
    assert float(found.location) / unit == pytest.approx(5, abs=0.2)
    assert float(found.scale) / unit == pytest.approx(2, abs=0.15)
    assert float(found.xi) == pytest.approx(0.3, abs=0.06)


def test_two_components_find_two_humps():
    rng = np.random.default_rng(1)
    sample = np.concatenate(
        [rng.standard_normal(3000), 10 + stats.genpareto.rvs(0.3, scale=2, size=2000, random_state=2)]
    )
    one, two = (fit_hybrid_pareto(sample, k) for k in (1, 2))
    y = torch.from_numpy(sample)
    assert two.log_prob(y).mean() > one.log_prob(y).mean() + 0.3
    assert float(two.cdf(torch.tensor(5.0, dtype=torch.float64))) == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.arange(5.0), "at least 20 outcomes a component"),
        (np.r_[np.arange(30.0), np.nan], r"sample\[30\] is nan"),
        (np.full(40, 3.0), "all 40 outcomes are 3"),
    ],
)
def test_bad_samples_are_named(sample, message):
    with pytest.raises(ValueError, match=message):
        fit_hybrid_pareto(sample)
