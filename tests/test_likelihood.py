"""The objectives: finite everywhere, right by SciPy and by fifty digits, and which of them has a gradient to follow.

Chapter: learning it (book/ch05_learning.md).
"""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import example, given, settings

from data_synth.known_law import KnownLaw
from qbsbp import likelihood
from qbsbp.distributions import Binned, GeneralizedPareto, Rounded, SplicedBinnedPareto
from qbsbp.likelihood import END_MARGIN, OBJECTIVES, gpd_loss
from tests import oracle

EVERY_OBJECTIVE = pytest.mark.parametrize("name", OBJECTIVES)
EVERY_DTYPE = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
EDGES = (-4.3, -2.1, -0.4, 0.7, 3.2, 5.9, 11.4)
LOGITS = (0.2, 0.9, 1.6, 0.4, 1.1, -0.3)


def spliced(logits=LOGITS, xi=(-0.2, 0.3), beta=(0.8, 2.7), dtype=torch.float64, requires_grad=False, mass=(0.05, 0.1)):
    """A law of generic numbers and its six parameters."""
    parameters = [
        torch.tensor(value, dtype=dtype, requires_grad=requires_grad)
        for value in (logits, xi[0], beta[0], xi[1], beta[1])
    ]
    law = SplicedBinnedPareto(torch.tensor(EDGES, dtype=dtype), *parameters, lower_mass=mass[0], upper_mass=mass[1])
    return law, parameters


BOUNDS = (-11, 17)  # of the outcomes that are recorded on a field that ends: well inside both tails


def loss_of(name, law, y):
    """The loss of an objective, with bounds where it asks for them."""
    if name != "recorded_nll":
        return OBJECTIVES[name](law, y)
    return likelihood.recorded_nll(law, y, y.new_tensor(BOUNDS).expand(*y.shape, 2))


def oracle_of(law):
    numbers = (law.lower_xi, law.lower_beta, law.upper_xi, law.upper_beta)
    return oracle.SplicedBinnedPareto(
        law.bin_edges.tolist(), law.logits.tolist(), *(n.item() for n in numbers), law.lower_mass, law.upper_mass
    )


# --- finite everywhere -----------------------------------------------------------------------------------------------


@st.composite
def parameters(draw):
    """Logits that leave bins empty, shapes of either sign and exactly 0, scales far apart."""
    logits = draw(st.lists(st.floats(-50, 50, width=32), min_size=len(LOGITS), max_size=len(LOGITS)))
    shape = st.one_of(st.floats(-0.9375, 1.5, width=32), st.sampled_from([0.0, 1e-9, -1e-9, -0.5]))
    scale = st.floats(0.0078125, 128, width=32)
    return logits, (draw(shape), draw(shape)), (draw(scale), draw(scale))


# at an exponential tail the derivative in xi is -z^2 / 2: float32 holds that up to some 1e19 scales
OUTCOME = st.one_of(
    st.floats(-20, 30, width=32), st.floats(-1e6, 1e6, width=32), st.floats(-(2.0**40), 2.0**40, width=32)
)


@EVERY_OBJECTIVE
@EVERY_DTYPE
@settings(max_examples=60)
@given(numbers=parameters(), y=st.lists(OUTCOME, min_size=1, max_size=4))
@example(numbers=([0.0] * 6, (0.0, -5.3e-25), (1.0, 1.0)), y=[0.0])  # 1 / xi^2 overflows
def test_finite_with_finite_gradients_on_any_finite_outcome(name, dtype, numbers, y):
    law, leaves = spliced(*numbers, dtype=dtype, requires_grad=True)
    y = torch.tensor(y, dtype=dtype)
    loss = loss_of(name, law, y)
    assert loss.isfinite().all(), (y, loss)
    gradients = torch.autograd.grad(loss.sum(), leaves, allow_unused=True)
    assert any(gradient is not None for gradient in gradients)
    assert all(gradient is None or gradient.isfinite().all() for gradient in gradients), gradients


@EVERY_OBJECTIVE
@EVERY_DTYPE
def test_finite_on_edges_on_thresholds_and_around_the_end_of_the_support(name, dtype):
    law, leaves = spliced(xi=(-0.45, -0.2), dtype=dtype, requires_grad=True)
    ends = law.icdf(torch.tensor([0.0, 1.0], dtype=dtype)).detach()
    thresholds = torch.stack([law.lower_threshold, law.upper_threshold]).detach()
    reach = thresholds + (1 - END_MARGIN) * (ends - thresholds)
    exact = torch.cat([law.bin_edges, thresholds, ends, reach])
    y = torch.cat([exact, exact.nextafter(exact + 1), exact.nextafter(exact - 1), ends * 3])
    loss = loss_of(name, law, y)
    assert loss.isfinite().all()
    for gradient in torch.autograd.grad(loss.sum(), leaves, allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


@pytest.mark.parametrize("name", ["composite", "nll", "nll_plus_cross_entropy"])
def test_an_outcome_beyond_the_end_pulls_the_end_towards_it(name):
    law, (_, _, _, upper_xi, upper_beta) = spliced(xi=(0.1, -0.4), requires_grad=True)
    end = law.icdf(1.0).detach()
    near, far = OBJECTIVES[name](law, end + 1), OBJECTIVES[name](law, end + 10)
    assert far > near
    d_xi, d_beta = torch.autograd.grad(far, [upper_xi, upper_beta])
    # a step down the gradient makes the shape less negative and the scale larger: both move the end out
    assert d_xi < 0
    assert d_beta < 0


# --- shapes ----------------------------------------------------------------------------------------------------------


@EVERY_OBJECTIVE
@EVERY_DTYPE
@pytest.mark.parametrize(
    ("batch", "outcomes", "expected"),
    [
        ((), (), ()),
        ((), (3,), (3,)),
        ((4,), (4,), (4,)),
        ((4,), (3, 4), (3, 4)),
        ((4,), (), (4,)),
        ((2, 1), (5,), (2, 5)),
    ],
)
def test_one_loss_for_each_outcome_in_the_common_shape(name, dtype, batch, outcomes, expected):
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(*batch, len(LOGITS), generator=generator, dtype=dtype)
    law = SplicedBinnedPareto(torch.tensor(EDGES, dtype=dtype), logits, 0.1, 1.3, -0.2, 2.2)
    y = 6 * torch.randn(outcomes, generator=generator, dtype=dtype)
    loss = loss_of(name, law, y)
    assert loss.shape == expected
    assert loss.dtype == dtype
    # each element is what its own law says about its own outcome
    rows = logits.expand(*expected, -1).reshape(-1, len(LOGITS))
    single = [
        loss_of(name, SplicedBinnedPareto(law.bin_edges, row, 0.1, 1.3, -0.2, 2.2), value)
        for row, value in zip(rows, y.expand(expected).reshape(-1), strict=True)
    ]
    torch.testing.assert_close(loss.reshape(-1), torch.stack(single))


@EVERY_OBJECTIVE
def test_whole_yards_may_come_as_integers(name):
    law, _ = spliced(dtype=torch.float32)
    yards = torch.tensor([-9, -1, 0, 4, 25])
    torch.testing.assert_close(loss_of(name, law, yards), loss_of(name, law, yards.float()))


# --- values, by SciPy and by the oracle ------------------------------------------------------------------------------


def body_by_numpy(law):
    mass = scipy.special.softmax(law.logits.numpy())
    edges = law.bin_edges.numpy()
    lower, upper = np.interp([law.lower_mass, 1 - law.upper_mass], np.concatenate([[0], mass.cumsum()]), edges)
    return mass, edges, lower, upper


def test_composite_is_cross_entropy_plus_the_tails_of_scipy():
    law, _ = spliced()
    mass, edges, lower, upper = body_by_numpy(law)
    y = np.array([-6.1, -5.0, -4.31, -3.9, -1.2, 0.7, 2.2, 8.8, 11.0, 11.41, 30.0, 400.0])
    k = np.clip(np.searchsorted(edges, y, side="right") - 1, 0, len(mass) - 1)
    expected = -np.log(mass[k] / np.diff(edges)[k])
    lower_tail = scipy.stats.genpareto(law.lower_xi.item(), scale=law.lower_beta.item())
    upper_tail = scipy.stats.genpareto(law.upper_xi.item(), scale=law.upper_beta.item())
    expected -= np.where(y < lower, lower_tail.logpdf(np.maximum(lower - y, 0)), 0)
    expected -= np.where(y > upper, upper_tail.logpdf(np.maximum(y - upper, 0)), 0)
    assert (y < lower).sum() >= 3
    assert (y > upper).sum() >= 3
    np.testing.assert_allclose(likelihood.composite(law, torch.tensor(y)).numpy(), expected, rtol=1e-12)


def test_composite_teaches_the_body_by_cross_entropy_alone():
    law, (logits, *_) = spliced(requires_grad=True)
    y = torch.tensor([-7.0, 1.0, 14.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(likelihood.composite(law, y).sum(), logits)
    counts = torch.tensor([1.0, 0, 0, 1, 0, 1], dtype=torch.float64)
    torch.testing.assert_close(gradient, 3 * logits.softmax(-1) - counts)


def test_nll_is_minus_the_exact_log_density():
    law, _ = spliced()
    y = [-5.1, -4.0, -1.2, 0.7, 5.0, 12.0, 150.0]
    expected = [-float(oracle_of(law).log_prob(oracle.mp.mpf(value))) for value in y]
    y = torch.tensor(y, dtype=torch.float64)
    torch.testing.assert_close(likelihood.nll(law, y), torch.tensor(expected, dtype=torch.float64))
    assert torch.equal(
        likelihood.nll_plus_cross_entropy(law, y), likelihood.nll(law, y) + likelihood.binned_cross_entropy(law, y)
    )
    normal = torch.distributions.Normal(0.3, 1.7)
    assert torch.equal(likelihood.nll(normal, torch.tensor([0.1, 9.0])), -normal.log_prob(torch.tensor([0.1, 9.0])))


def test_cross_entropy_is_the_binned_density_and_caps_what_lies_outside():
    law, _ = spliced()
    y = torch.tensor([-4.0, 0.7, 2.9, 11.0], dtype=torch.float64)
    torch.testing.assert_close(likelihood.binned_cross_entropy(law, y), -law.body.log_prob(y))
    outside = torch.tensor([-1e9, -4.0, 1e9, 11.0], dtype=torch.float64)
    low, first, high, last = likelihood.binned_cross_entropy(law, outside)
    assert low == first
    assert high == last
    body = Binned(law.bin_edges, law.logits)
    assert torch.equal(likelihood.binned_cross_entropy(body, y), likelihood.binned_cross_entropy(law, y))


@EVERY_DTYPE
@pytest.mark.parametrize("width", [1.0, 0.25])
def test_interval_nll_is_the_difference_of_two_cdfs_far_into_both_tails(dtype, width):
    law, _ = spliced(xi=(0.125, 0.25), beta=(0.75, 2.75), dtype=dtype)
    truth, half = oracle_of(law), width / 2
    y = torch.tensor([-300.0, -60.0, -9.0, -4.0, -2.0, 0.0, 1.0, 6.0, 11.0, 12.0, 40.0, 300.0, 2000.0], dtype=dtype)
    expected = []
    for value in y.tolist():
        low, high = oracle.mp.mpf(value) - half, oracle.mp.mpf(value) + half
        expected.append(-float(oracle.mp.log(truth.cdf(high) - truth.cdf(low))))
    expected = torch.tensor(expected, dtype=dtype)
    assert expected.max() > 20  # probabilities that 1 - cdf would lose in float32
    torch.testing.assert_close(
        likelihood.interval_nll(law, y, width), expected, rtol=0, atol=2e-3 if dtype == torch.float32 else 1e-9
    )


@EVERY_DTYPE
def test_interval_nll_probabilities_of_all_whole_yards_add_up_to_one(dtype):
    law, _ = spliced(xi=(-0.3, -0.2), dtype=dtype)
    yards = torch.arange(-60, 120, dtype=dtype)
    inside = (yards > law.icdf(0.0)) & (yards < law.icdf(1.0))
    assert inside.sum() > 10
    total = (-likelihood.interval_nll(law, yards[inside])).exp().sum()
    torch.testing.assert_close(total, torch.ones((), dtype=dtype), rtol=0, atol=2e-3)


@EVERY_DTYPE
def test_interval_nll_where_the_dtype_resolves_no_probability_is_that_of_the_density(dtype):
    law, _ = spliced(logits=(0.2, 0.9, -45.0, -45.0, 1.1, -0.3), dtype=dtype)
    y = torch.tensor(0.6, dtype=dtype)
    density = likelihood.nll(law, y) - math.log(0.5)
    torch.testing.assert_close(likelihood.interval_nll(law, y, 0.5), density, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("width", [0, -1.0, math.nan])
def test_interval_nll_names_a_width_that_is_not_positive(width):
    law, _ = spliced()
    with pytest.raises(ValueError, match=r"width: expected the unit of rounding in yards, > 0, got (0|-1\.0|nan)$"):
        likelihood.interval_nll(law, torch.tensor(1.0), width)


@EVERY_DTYPE
def test_interval_nll_of_a_normal_law_is_right_far_into_both_tails(dtype):
    law = torch.distributions.Normal(torch.tensor(0.75, dtype=dtype), torch.tensor(2.5, dtype=dtype))
    truth = oracle.Normal(0.75, 2.5)
    y = torch.tensor([-29.0, -12.0, -1.0, 1.0, 14.0, 30.0], dtype=dtype)
    half = oracle.mp.mpf(1) / 2
    expected = []
    for value in y.tolist():
        sides = (truth.survival(value - half), truth.survival(value + half))
        if value < 0:
            sides = (truth.cdf(value + half), truth.cdf(value - half))
        expected.append(-float(oracle.mp.log(sides[0] - sides[1])))
    assert max(expected) > 60
    expected = torch.tensor(expected, dtype=dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(likelihood.interval_nll(law, y), expected, rtol=tolerance, atol=tolerance)


def test_crps_is_that_of_the_law():
    law, _ = spliced()
    y = torch.tensor([-9.0, 0.4, 33.0], dtype=torch.float64)
    expected = [float(oracle_of(law).crps(oracle.mp.mpf(value))) for value in y.tolist()]
    torch.testing.assert_close(likelihood.crps(law, y), torch.tensor(expected, dtype=torch.float64))


# --- recorded yards ---------------------------------------------------------------------------------------------------


def laws_of(dtype, requires_grad=False, **changes):
    """One law of each kind, by name, with its parameters."""

    def tensor(value):
        return torch.tensor(value, dtype=dtype, requires_grad=requires_grad)

    numbers = {"loc": 3.25, "scale": 6.5, "tail_xi": -0.25, "tail_beta": 7.5, "logits": LOGITS} | changes
    edges = torch.tensor(EDGES, dtype=dtype)
    loc, scale, xi, beta = (tensor(numbers[name]) for name in ("loc", "scale", "tail_xi", "tail_beta"))
    spliced_law, spliced_parameters = spliced(numbers["logits"], dtype=dtype, requires_grad=requires_grad)
    logits = tensor(numbers["logits"])
    return {
        "normal": (torch.distributions.Normal(loc, scale), [loc, scale]),
        "binned": (Binned(edges, logits), [logits]),
        "generalized_pareto": (GeneralizedPareto(xi, beta), [xi, beta]),
        "spliced": (spliced_law, spliced_parameters),
    }


EVERY_KIND = pytest.mark.parametrize("kind", laws_of(torch.float64))
FIELDS = [(-11, 17), (-3, 4), (0, 1), (-90, 10), (-1, 99)]


@EVERY_DTYPE
@EVERY_KIND
@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_recorded_nll_is_minus_the_log_probability_of_the_rounded_law(kind, field, dtype):
    law, _ = laws_of(dtype)[kind]
    y = torch.arange(field[0], field[1] + 1, dtype=dtype)
    bounds = torch.tensor(field, dtype=dtype).expand(len(y), 2)
    whole = Rounded(law, *field)
    loss, log_prob = likelihood.recorded_nll(law, y, bounds), whole.log_prob(y)
    assert loss.dtype == dtype
    resolved = whole.mass(y) > 1e3 * torch.finfo(dtype).eps
    assert resolved.sum() >= 2
    assert torch.equal(loss[resolved], -log_prob[resolved])
    # what a law deems impossible has a loss all the same; a tail by itself is no law of yards
    assert loss.isfinite().all() or kind == "generalized_pareto"
    assert torch.equal(loss[1:-1], likelihood.interval_nll(law, y[1:-1]))  # between the bounds nothing is censored
    assert (loss[[0, -1]] <= likelihood.interval_nll(law, y[[0, -1]])).all()


@EVERY_DTYPE
def test_a_touchdown_costs_the_log_probability_of_getting_so_far(dtype):
    law, _ = spliced(dtype=dtype)
    truth = oracle_of(law)
    to_goal = torch.tensor([2.0, 9.0, 17.0, 60.0], dtype=dtype)
    loss = likelihood.recorded_nll(law, to_goal, torch.stack([to_goal - 100, to_goal], dim=-1))
    expected = [-float(oracle.mp.log(truth.survival(b - oracle.mp.mpf(1) / 2))) for b in to_goal.tolist()]
    torch.testing.assert_close(loss, torch.tensor(expected, dtype=dtype), rtol=1e-5, atol=1e-5)


@EVERY_DTYPE
def test_beyond_the_bins_of_a_binned_law_the_outermost_bin_counts(dtype):
    law, (logits,) = laws_of(dtype, requires_grad=True)["binned"]
    y = torch.tensor([-40.0, 30.0, 95.0], dtype=dtype)
    loss = likelihood.recorded_nll(law, y, torch.tensor([-90.0, 95.0], dtype=dtype).expand(3, 2))
    assert torch.equal(loss, likelihood.binned_cross_entropy(law, y))
    assert torch.equal(loss, likelihood.interval_nll(law, y))
    assert torch.autograd.grad(loss.sum(), logits)[0].isfinite().all()


@st.composite
def recorded(draw):
    """Laws that leave bins empty and end early, a field anywhere, and yards on it, both bounds among them."""
    logits, xi, beta = draw(parameters())
    low = draw(st.integers(-99, 60))
    high = low + draw(st.integers(1, 120))
    y = draw(st.lists(st.integers(low, high), max_size=4))
    changes = {
        "logits": logits,
        "loc": draw(st.floats(-128, 128, width=32)),
        "scale": draw(st.floats(2**-5, 128, width=32)),
        "tail_xi": xi[0],
        "tail_beta": beta[0],
    }
    return changes, xi, beta, (low, high), [low, high, *y]


@EVERY_DTYPE
@EVERY_KIND
@settings(max_examples=60)
@given(numbers=recorded())
def test_recorded_nll_is_finite_with_finite_gradients_wherever_the_play_ended(kind, dtype, numbers):
    changes, xi, beta, field, yards = numbers
    law, leaves = laws_of(dtype, requires_grad=True, **changes)[kind]
    if kind == "spliced":
        law, leaves = spliced(changes["logits"], xi, beta, dtype=dtype, requires_grad=True)
    if kind == "generalized_pareto":  # a tail by itself has nothing below 0
        whole = Rounded(law, *field)
        yards = [k for k in yards if whole.log_prob(torch.tensor(float(k), dtype=dtype)) > -math.inf]
    y = torch.tensor(yards, dtype=dtype)
    loss = likelihood.recorded_nll(law, y, y.new_tensor(field).expand(len(y), 2))
    assert loss.isfinite().all(), (y, loss)
    gradients = torch.autograd.grad(loss.sum(), leaves, allow_unused=True)
    assert all(gradient is None or gradient.isfinite().all() for gradient in gradients), gradients


@EVERY_KIND
def test_recorded_nll_in_float32_is_that_in_float64(kind):
    losses, gradients = [], []
    for dtype in (torch.float32, torch.float64):
        law, leaves = laws_of(dtype, requires_grad=True)[kind]
        y = torch.tensor([0, 1, 2, 5, 9], dtype=dtype)
        loss = likelihood.recorded_nll(law, y, y.new_tensor([0, 9]).expand(5, 2))
        losses.append(loss.detach().double())
        rows = [torch.autograd.grad(one, leaves, retain_graph=True, allow_unused=True) for one in loss]
        gradients.append([[None if g is None else g.double() for g in row] for row in rows])
    torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-5)
    for single, double in zip(*gradients, strict=True):
        torch.testing.assert_close(single, double, rtol=1e-4, atol=1e-5)


@EVERY_KIND
def test_recorded_nll_has_the_gradient_of_its_values(kind):
    _, leaves = laws_of(torch.float64, requires_grad=True)[kind]
    y = torch.tensor([0.0, 1, 4, 9], dtype=torch.float64)

    def loss(*values):
        if kind == "normal":
            law = torch.distributions.Normal(*values)
        elif kind == "generalized_pareto":
            law = GeneralizedPareto(*values)
        else:
            edges = torch.tensor(EDGES, dtype=torch.float64)
            law = Binned(edges, *values) if kind == "binned" else SplicedBinnedPareto(edges, *values, upper_mass=0.1)
        return likelihood.recorded_nll(law, y, y.new_tensor([0, 9]).expand(4, 2))

    assert torch.autograd.gradcheck(loss, leaves, eps=1e-6, atol=1e-6, rtol=1e-5)


# --- the loss of an excess -------------------------------------------------------------------------------------------


@EVERY_DTYPE
@pytest.mark.parametrize("xi", [-0.7, -0.2, -1e-5, 0.0, 1e-9, 1e-5, 0.3, 1.4])
def test_gpd_loss_is_the_negative_log_density_up_to_the_margin(xi, dtype):
    beta = torch.tensor(2.3, dtype=dtype)
    reach = (1 - END_MARGIN) / -xi if xi < 0 else 200.0
    excess = torch.linspace(0, min(reach, 200.0) * 0.999, 40, dtype=dtype) * beta
    expected = -scipy.stats.genpareto(xi, scale=float(beta)).logpdf(excess.double().numpy())
    got = gpd_loss(excess, torch.tensor(xi, dtype=dtype), beta)
    np.testing.assert_allclose(got.double().numpy(), expected, rtol=2e-4 if dtype == torch.float32 else 1e-9, atol=1e-6)


@pytest.mark.parametrize("xi", [-0.9, -0.4, -0.1])
def test_gpd_loss_goes_on_from_the_margin_as_a_line_that_is_at_least_as_steep(xi):
    xi, beta = torch.tensor(xi, dtype=torch.float64), torch.tensor(1.7, dtype=torch.float64)
    x_m = (1 - END_MARGIN) / -xi * beta
    values, slopes = [], []
    for excess in (x_m * (1 - 1e-9), x_m * (1 + 1e-9), x_m * 3):
        excess = excess.clone().requires_grad_()
        loss = gpd_loss(excess, xi, beta)
        values.append(loss.detach())
        slopes.append(torch.autograd.grad(loss, excess)[0])
    before, after, far = slopes
    torch.testing.assert_close(values[1], values[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(before, (1 + xi) / END_MARGIN / beta, rtol=1e-6, atol=0)
    torch.testing.assert_close(after, 1 / END_MARGIN / beta, rtol=1e-12, atol=0)
    assert after > before
    assert far == after


@pytest.mark.parametrize("xi", [-0.9, -0.4, -0.1])
@pytest.mark.parametrize("ends", [0.96, 1.0, 1.5, 100.0, 1e6])
def test_gpd_loss_moves_the_end_point_out_however_far_the_outcome(xi, ends):
    xi = torch.tensor(xi, dtype=torch.float64, requires_grad=True)
    beta = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    excess = (ends * beta / -xi).detach()
    d_xi, d_beta = torch.autograd.grad(gpd_loss(excess, xi, beta), [xi, beta])
    assert d_xi < 0
    assert d_beta < 0


@pytest.mark.parametrize("xi", [-0.4, -1e-5, 0.0, 1e-5, 0.6])
@pytest.mark.parametrize("excess", [0.0, 0.3, 4.0, 9.0])
def test_gpd_loss_has_the_gradient_of_its_values(xi, excess):
    def loss(shape, scale):
        return gpd_loss(torch.tensor(excess, dtype=torch.float64), shape, scale)

    point = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (xi, 1.3)]
    if xi == 0:  # a central difference would straddle the kink of `xi < 0` far out; the series is smooth
        expected = -GeneralizedPareto(*point).log_prob(torch.tensor(excess, dtype=torch.float64))
        for got, known in zip(
            torch.autograd.grad(loss(*point), point), torch.autograd.grad(expected, point), strict=True
        ):
            torch.testing.assert_close(got, known)
    else:
        assert torch.autograd.gradcheck(loss, point, eps=1e-7, atol=1e-5)


# --- the demonstration of chapter 5 ----------------------------------------------------------------------------------


def mean_losses(objective, scale_factor):
    """Mean over a known law of the gradient in each logit, and the gradient of the mean by central differences.

    The mean is exact: Gauss-Legendre quadrature between all points where the law under test or the truth has a kink.
    """
    truth = KnownLaw()
    edges = torch.linspace(-6, 40, 24, dtype=torch.float64)
    logits = torch.tensor(np.log(np.diff(truth.cdf(edges.numpy())))).requires_grad_()
    start = SplicedBinnedPareto(edges, logits.detach(), 0.1, 1.0, 0.3, 1.0)
    density = [start.body.log_prob(t).exp() for t in (start.lower_threshold, start.upper_threshold)]
    beta = [scale_factor * 0.05 / d for d in density]
    node, weight = np.polynomial.legendre.leggauss(12)
    ends = truth.quantile(np.array([1e-12, 1 - 1e-12]))

    def law_of(at):
        return SplicedBinnedPareto(edges, at, 0.1, beta[0], 0.3, beta[1], validate_args=False)

    def mean(at):
        law = law_of(at)
        kinks = [law.lower_threshold.item(), law.upper_threshold.item(), truth.lower_threshold, truth.upper_threshold]
        # the loss of a rounded outcome has its kinks half a yard to either side
        inner = np.add.outer(np.concatenate([edges.numpy(), kinks]), [-0.5, 0, 0.5]).ravel()
        outer = [ends[0] * 0.9 ** np.arange(60), ends[1] * 0.9 ** np.arange(120)]
        breaks = np.unique(np.concatenate([inner, *outer]))
        breaks = breaks[(breaks >= ends[0]) & (breaks <= ends[1])]
        half, middle = np.diff(breaks) / 2, (breaks[1:] + breaks[:-1]) / 2
        y = (middle[:, None] + half[:, None] * node).ravel()
        w = (half[:, None] * weight).ravel() * truth.pdf(y)
        assert abs(w.sum() - 1) < 1e-6
        return (torch.tensor(w) * objective(law, torch.tensor(y))).sum()

    (autograd,) = torch.autograd.grad(mean(logits), logits)
    step = 1e-4
    with torch.no_grad():
        difference = torch.stack(
            [(mean(logits + step * e) - mean(logits - step * e)) / (2 * step) for e in torch.eye(len(logits)).double()]
        )
    law, missing = law_of(logits.detach()), torch.zeros_like(logits)
    for threshold, sign, q, b in (("lower", 1, 0.05, beta[0]), ("upper", -1, 0.05, beta[1])):
        tau = getattr(law_of(logits), f"{threshold}_threshold")
        (moves,) = torch.autograd.grad(tau, logits)
        jump = torch.log(b * law.body.log_prob(tau.detach()).exp() / q)
        missing += sign * truth.pdf(tau.item()) * jump * moves
    return autograd, difference, missing


def test_the_mean_gradient_of_the_exact_nll_is_not_the_gradient_of_its_mean():
    autograd, difference, missing = mean_losses(likelihood.nll, scale_factor=2.0)
    assert (autograd * difference < 0).double().mean() > 0.5  # most components have the wrong sign
    assert (autograd - difference).norm() > difference.norm()
    torch.testing.assert_close(autograd + missing, difference, rtol=0, atol=1e-5)


def test_the_two_agree_where_the_density_is_continuous_at_the_thresholds():
    autograd, difference, _ = mean_losses(likelihood.nll, scale_factor=1.0)
    torch.testing.assert_close(autograd, difference, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["interval_nll", "crps", "binned_cross_entropy"])
def test_objectives_that_are_continuous_in_the_parameters_follow_their_gradient(name):
    autograd, difference, _ = mean_losses(OBJECTIVES[name], scale_factor=2.0)
    assert difference.norm() > 1e-5
    torch.testing.assert_close(autograd, difference, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("field", [(-5, 30), (-2, 9), (-60, 4)], ids=str)
def test_recorded_yards_follow_their_gradient_too(field):
    """The mean over what the known law leaves on record: a sum over whole yards, the last of them at the bounds."""
    truth = KnownLaw()
    yards = np.arange(field[0], field[1] + 1)
    below = truth.cdf(yards[:-1] + 0.5)
    share = torch.tensor(np.diff(below, prepend=0, append=1))
    y, bounds = torch.tensor(yards, dtype=torch.float64), torch.tensor(field).double().expand(len(yards), 2)
    start, leaves = spliced(requires_grad=True)

    def mean(*values):
        law = SplicedBinnedPareto(start.bin_edges, *values, lower_mass=0.05, upper_mass=0.1)
        return (share * likelihood.recorded_nll(law, y, bounds)).sum()

    gradients = torch.autograd.grad(mean(*leaves), leaves)
    step = 1e-5
    for i, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
        for one in torch.eye(max(leaf.numel(), 1), dtype=torch.float64):
            move = step * one.reshape(leaf.shape)
            values = [other.detach() for other in leaves]
            ahead, behind = (mean(*values[:i], values[i] + sign * move, *values[i + 1 :]) for sign in (1, -1))
            along = (gradient * one.reshape(leaf.shape)).sum()
            torch.testing.assert_close(along, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-8)
    assert max(gradient.abs().max() for gradient in gradients) > 1e-2


def test_the_true_law_of_recorded_yards_has_the_least_loss():
    """Proper on a field that ends: learned from recorded yards, a law recovers the probabilities it was recorded by."""
    truth, _ = spliced()
    field = (-6, 8)
    y = torch.arange(field[0], field[1] + 1, dtype=torch.float64)
    share, bounds = Rounded(truth, *field).mass(y), torch.tensor(field).double().expand(len(y), 2)
    _, leaves = spliced(logits=[0.0] * 6, beta=(2.0, 1.0), xi=(0.1, 0.1), requires_grad=True)
    optimizer = torch.optim.LBFGS(leaves, max_iter=300, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def loss():
        law = SplicedBinnedPareto(truth.bin_edges, *leaves, lower_mass=0.05, upper_mass=0.1)
        return (share * likelihood.recorded_nll(law, y, bounds)).sum()

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
    least = -(share * share.log()).sum()
    assert least - 1e-9 <= loss() <= least + 1e-5


def test_objectives_are_named_as_the_functions():
    assert {name: function.__name__ for name, function in OBJECTIVES.items()} == {name: name for name in OBJECTIVES}
    assert set(OBJECTIVES) == {
        "composite",
        "nll",
        "nll_plus_cross_entropy",
        "crps",
        "interval_nll",
        "recorded_nll",
        "binned_cross_entropy",
    }
