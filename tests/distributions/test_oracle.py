"""Values and gradients of every law against the fifty-digit oracle; and the oracle against numerical integration."""

from __future__ import annotations

import pytest

from tests import oracle
from tests.distributions.agreement import wrong_gradients, wrong_values
from tests.distributions.cases import BY_NAME, EVERY_DTYPE, EVERY_KIND, EVERY_LAW, EVERY_SPLICED, MP, reference

# --- the oracle itself -----------------------------------------------------------------------------------------------


def integral(function, law, *extra):
    """Of a function of y over the support, by quadrature to 20 digits between all kinks."""
    if isinstance(law, oracle.GeneralizedPareto):
        knots = [MP.zero, law.mean, law.end]
    elif isinstance(law, oracle.Binned):
        knots = list(law.bin_edges)
    else:
        low, high = law.lower_threshold, law.upper_threshold
        knots = [low - law.lower_tail.end, low - law.lower_beta, low, high, high + law.upper_beta]
        knots += [high + law.upper_tail.end, *(edge for edge in law.bin_edges if low < edge < high)]
    inside = [MP.mpf(y) for y in extra if min(knots) < y < max(knots)]
    return MP.quad(function, sorted([*knots, *inside]))


@pytest.fixture
def twenty_digits():
    with MP.workdps(20):
        yield


@pytest.mark.parametrize("name", ["uneven", "two_bins", "bounded"])
@EVERY_KIND
def test_oracle_agrees_with_numerical_integration(kind, name, twenty_digits):
    law = BY_NAME[name].oracle(kind)

    def against(function, *extra):
        return integral(lambda y: function(y) * law.density(y), law, *extra)

    assert abs(against(lambda y: 1) - 1) < 1e-12
    assert abs(against(lambda y: y) - law.mean) < 1e-12
    assert abs(against(lambda y: (y - law.mean) ** 2) - law.variance) < 1e-10
    assert abs(against(lambda y: -law.log_prob(y)) - law.entropy) < 1e-10


@pytest.mark.parametrize("level", ["0.001", "0.03", "0.4", "0.97", "0.9999"])
@pytest.mark.parametrize("name", ["uneven", "two_bins", "bounded"])
@EVERY_KIND
def test_oracle_crps_is_the_integral_of_the_squared_difference(kind, name, level, twenty_digits):
    law = BY_NAME[name].oracle(kind)
    y = law.icdf(level)
    squared = integral(lambda x: law.cdf(x) ** 2 if x < y else law.survival(x) ** 2, law, y)
    assert abs(squared - law.crps(y)) < 1e-12


@pytest.mark.parametrize("name", ["uneven", "bimodal_uneven", "offset"])
def test_oracle_threshold_moves_as_the_implicit_derivative_says(name):
    """d tau / d logit_k = -(w_j / p_j) p_k (f_k - u): DESIGN's formula against a difference quotient."""
    law = BY_NAME[name].oracle("spliced")
    level, mass = law.lower_mass, law.body.mass
    derivative = law.jacobian(lambda law: [law.lower_threshold])
    j = max(bin for bin in range(len(mass)) if law.body.cumulative[bin] <= level)
    for k in range(len(mass)):
        share = MP.one if k < j else (level - law.body.cumulative[j]) / mass[j] if k == j else MP.zero
        expected = -(law.body.width(j) / mass[j]) * mass[k] * (share - level)
        assert abs(derivative["logits", k][0] - expected) < 1e-25 * (1 + abs(expected))


# --- the package against the oracle ----------------------------------------------------------------------------------


@EVERY_DTYPE
@EVERY_LAW
def test_values(kind, case, dtype):
    failures = wrong_values(case, kind, dtype, reference(kind, case.name))
    assert not failures, "\n".join(failures)


@EVERY_DTYPE
@EVERY_LAW
def test_gradients(kind, case, dtype):
    failures = wrong_gradients(case, kind, dtype, reference(kind, case.name))
    assert not failures, "\n".join(failures)


@EVERY_DTYPE
@EVERY_SPLICED
def test_values_and_gradients_of_a_large_batch(case, dtype, monkeypatch):
    """Many logits are weighed in another way than few, and the bins of many outcomes computed where they are even."""
    monkeypatch.setattr("qbsbp.distributions._fused.FEW", 0)
    monkeypatch.setattr("qbsbp.distributions.binned.MANY", 0)
    known = reference("spliced", case.name)
    failures = wrong_values(case, "spliced", dtype, known) + wrong_gradients(case, "spliced", dtype, known)
    assert not failures, "\n".join(failures)
