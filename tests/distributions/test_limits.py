"""Where formulas break: edges, thresholds, ends of the support, xi = 0, far tails, empty bins, inf and NaN."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from qbsbp.distributions import Binned, GeneralizedPareto, SplicedBinnedPareto
from tests import oracle
from tests.distributions.cases import (
    BY_NAME,
    CASES,
    EVERY_DTYPE,
    EVERY_KIND,
    EVERY_LAW,
    EVERY_SPLICED,
    MP,
    OF_OUTCOME,
    SHAPES,
    ask,
    build,
    outcomes,
    scalars,
    single,
)

INF, NAN = math.inf, math.nan


def with_shape(xi):
    """The first case of the table with both tails of shape `xi`."""
    return replace(CASES[0], name=f"xi={xi}", xi=(xi, xi))


def gradients(kind, case, dtype, name, argument, count=None):
    """The answers, and the gradient of the sum of the first `count` of them in every parameter and in the argument."""
    parameters = case.parameters(kind, dtype, requires_grad=True)
    argument = torch.tensor(argument, dtype=dtype, requires_grad=True)
    came = ask(build(kind, parameters, case.mass), name, argument)
    leaves = {**{key: value for key, value in parameters.items() if value.requires_grad}, "argument": argument}
    found = torch.autograd.grad(came[:count].sum(), list(leaves.values()))
    return came.detach(), dict(zip(leaves, found))


def harmed_neighbours(kind, case, dtype, name, good, bad):
    """Where the gradient of good answers changes when bad ones, to which no gradient is sent, stand beside them."""
    came, beside = gradients(kind, case, dtype, name, [*good, *bad], count=len(good))
    expected, alone = gradients(kind, case, dtype, name, good)
    torch.testing.assert_close(came[: len(good)], expected)
    beside["argument"] = beside["argument"][: len(good)]
    return [f"{name} in {key}" for key in alone if not torch.allclose(beside[key], alone[key], rtol=1e-5, atol=1e-12)]


# --- far tails -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "survival"), [(torch.float32, "1e-30"), (torch.float64, "1e-200")], ids=["float32", "float64"]
)
@pytest.mark.parametrize("xi", [xi for xi in SHAPES if xi >= 0])
@pytest.mark.parametrize("kind", ["gpd", "spliced"])
def test_log_survival_is_accurate_far_in_the_upper_tail(kind, xi, dtype, survival):
    """Relative accuracy of log S, S and log density where 1 - cdf has long been 0."""
    case = with_shape(xi)
    law, exact = case.law(kind, dtype), case.oracle(kind)
    y = float(exact.quantile_of_survival(MP.mpf(survival)))
    if y > torch.finfo(dtype).max:
        y = torch.finfo(dtype).max / 2
    y = torch.tensor(y, dtype=dtype)
    known = MP.mpf(float(y))
    eps = torch.finfo(dtype).eps
    assert law.cdf(y) == 1
    assert float(law.log_survival(y)) == pytest.approx(float(exact.log_survival(known)), rel=8 * eps)
    assert float(law.log_prob(y)) == pytest.approx(float(exact.log_prob(known)), rel=8 * eps)
    # exp turns the absolute error of log S into a relative one
    assert float(law.survival(y)) == pytest.approx(
        float(exact.survival(known)), rel=8 * eps * abs(float(exact.log_survival(known)))
    )


@EVERY_DTYPE
@pytest.mark.parametrize("xi", [xi for xi in SHAPES if xi >= 0])
def test_cdf_is_accurate_far_in_the_lower_tail(xi, dtype):
    case = with_shape(xi)
    law, exact = case.law("spliced", dtype), case.oracle("spliced")
    level = "1e-30" if dtype == torch.float32 else "1e-200"
    y = max(float(exact.icdf(MP.mpf(level))), torch.finfo(dtype).min / 2)
    y = torch.tensor(y, dtype=dtype)
    expected = exact.cdf(MP.mpf(float(y)))
    rounding = 8 * torch.finfo(dtype).eps * abs(float(MP.log(expected)))
    assert float(law.cdf(y)) == pytest.approx(float(expected), rel=rounding)
    assert float(law.icdf(law.cdf(y))) == pytest.approx(float(y), rel=rounding)


# --- the ends of the support and beyond ------------------------------------------------------------------------------


@EVERY_DTYPE
@EVERY_LAW
def test_levels_zero_and_one_are_the_ends_of_the_support(kind, case, dtype):
    law = case.law(kind, dtype)
    low, high = law.icdf(torch.tensor([0.0, 1.0], dtype=dtype)).tolist()
    exact = case.oracle(kind)
    assert low == pytest.approx(float(exact.icdf(0)), rel=1e-5 if dtype == torch.float32 else 1e-12)
    assert high == pytest.approx(float(exact.icdf(1)), rel=1e-5 if dtype == torch.float32 else 1e-12)


def ended():
    """The laws of the table whose support has an end, and whether it ends at the bottom and the top."""
    for kind, case in (param.values for param in EVERY_LAW.args[1]):
        low, high = case.oracle(kind).icdf(0), case.oracle(kind).icdf(1)
        for end, side in ((low, "below"), (high, "above")):
            if MP.isfinite(end):
                yield pytest.param(kind, case, side, float(end), id=f"{kind}-{case.name}-{side}")


@EVERY_DTYPE
@pytest.mark.parametrize(("kind", "case", "side", "end"), list(ended()))
def test_beyond_a_finite_end_the_density_is_zero_and_every_gradient_finite(kind, case, side, end, dtype):
    direction = 1 if side == "above" else -1
    yards = 1.0 if kind == "gpd" else case.bin_edges[-1] - case.bin_edges[0]
    beyond = single([end + direction * distance * yards for distance in (0.01, 1.0, 1e3, 1e6)])
    exact = case.oracle(kind)
    answer = {
        "log_prob": -INF,
        "cdf": 1.0 if side == "above" else 0.0,
        "survival": 0.0 if side == "above" else 1.0,
        "log_survival": -INF if side == "above" else 0.0,
    }
    failures = []
    for name in OF_OUTCOME:
        came, found = gradients(kind, case, dtype, name, beyond)
        if name == "crps":
            expected = [float(exact.crps(MP.mpf(y))) for y in beyond]
            if came.tolist() != pytest.approx(expected, rel=100 * torch.finfo(dtype).eps):
                failures.append(f"crps: {came.tolist()} where {expected} is right")
        elif came.tolist() != [answer[name]] * len(beyond):
            failures.append(f"{name}: {came.tolist()} where {answer[name]} is right")
        for key, gradient in found.items():
            good = gradient.isfinite() if name == "crps" else gradient == 0
            if not good.all():
                failures.append(f"gradient of {name} in {key}: {gradient.tolist()}")
    assert not failures, "\n".join(failures)


@EVERY_DTYPE
@EVERY_LAW
def test_infinite_and_missing_outcomes(kind, case, dtype):
    law = case.law(kind, dtype)
    infinite = torch.tensor([INF, -INF], dtype=dtype)
    assert law.log_prob(infinite).tolist() == [-INF, -INF]
    assert law.cdf(infinite).tolist() == [1, 0]
    assert law.survival(infinite).tolist() == [0, 1]
    assert law.log_survival(infinite).tolist() == [-INF, 0]
    assert law.crps(infinite).tolist() == [INF, INF]
    for name in (*OF_OUTCOME, "icdf"):
        came = ask(law, name, torch.tensor([NAN, 0.3], dtype=dtype))
        assert came[0].isnan() and not came[1].isnan(), name
    assert law.icdf(torch.tensor([-0.1, 1.1, -INF, INF, NAN], dtype=dtype)).isnan().all()


@EVERY_DTYPE
@EVERY_LAW
def test_bad_outcomes_leave_the_gradients_of_their_neighbours_alone(kind, case, dtype):
    """One play with an unknown outcome does not spoil the gradient of a batch that masks it."""
    good, failures = outcomes(case, kind)[-2:], []
    for bad in (INF, -INF, NAN, -1e30, 1e30):
        for name in OF_OUTCOME:
            failures += [f"{found} beside {bad}" for found in harmed_neighbours(kind, case, dtype, name, good, [bad])]
    for bad in (0.0, 1.0, -0.5, 2.0, INF, NAN):
        failures += [f"{f} beside {bad}" for f in harmed_neighbours(kind, case, dtype, "icdf", (0.3, 0.97), [bad])]
    assert not failures, "\n".join(failures)


@EVERY_DTYPE
@EVERY_LAW
def test_gradient_of_a_finite_end_of_the_support(kind, case, dtype):
    """icdf(0) and icdf(1), where finite, are ends such as tau + beta / abs(xi): their slopes in the parameters too."""
    exact = case.oracle(kind)
    for level in (0.0, 1.0):
        if not MP.isfinite(exact.icdf(level)):
            continue
        parameters = case.parameters(kind, dtype, requires_grad=True)
        leaves = {key: value for key, value in parameters.items() if value.requires_grad}
        end = build(kind, parameters, case.mass).icdf(torch.tensor(level, dtype=dtype))
        found = torch.autograd.grad(end, list(leaves.values()), allow_unused=True)
        slopes = exact.jacobian(lambda law, u=level: [law.icdf(u)])
        for key, gradient in zip(leaves, found):
            inputs = [(key, k) for k in range(len(case.logits))] if key == "logits" else [key]
            expected = torch.tensor([float(slopes[one][0]) for one in inputs], dtype=dtype)
            gradient = torch.zeros_like(expected) if gradient is None else gradient.reshape(-1)
            torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()) + 1e-5)


@pytest.mark.parametrize("name", ["even", "bounded"])
@EVERY_KIND
def test_a_missing_parameter_answers_nan_for_its_own_law_only(kind, name):
    """With validation off, NaN parameters of one law of a batch leave the others and their gradients alone."""
    case = BY_NAME[name]
    parameters = case.parameters(kind)
    rows = {
        key: value if key == "bin_edges" else torch.stack([value, value]).clone() for key, value in parameters.items()
    }
    missing = "xi" if kind == "gpd" else "logits"
    rows[missing][0] = NAN
    rows = {key: value.requires_grad_() if key != "bin_edges" else value for key, value in rows.items()}
    law = build(kind, rows, case.mass, validate_args=False)
    single_law = case.law(kind)
    y = outcomes(case, kind)[1]
    for method in (*OF_OUTCOME, "icdf"):
        argument = torch.tensor(0.3 if method == "icdf" else y, dtype=torch.float64)
        came = ask(law, method, argument)
        assert came[0].isnan(), method
        torch.testing.assert_close(came[1], ask(single_law, method, argument))
        came[1].backward()
        for key, value in rows.items():
            if value.grad is not None:
                assert torch.isfinite(value.grad[1]).all(), (method, key)
                value.grad = None


# --- edges and thresholds --------------------------------------------------------------------------------------------


@EVERY_DTYPE
@EVERY_SPLICED
def test_density_on_an_edge_is_that_of_the_bin_to_its_right(case, dtype):
    law = case.law("binned", dtype)
    edges = torch.tensor(case.bin_edges, dtype=dtype)
    middle = (edges[1:] + edges[:-1]) / 2
    of_bin = law.log_prob(middle)
    torch.testing.assert_close(law.log_prob(edges), torch.cat([of_bin, of_bin[-1:]]))
    outside = torch.stack([edges[0].nextafter(edges[0] - 1), edges[-1].nextafter(edges[-1] + 1)])
    assert (law.log_prob(outside) == -INF).all()
    exact = case.oracle("binned")
    expected = torch.tensor([float(exact.cdf(e)) for e in exact.bin_edges], dtype=dtype)
    torch.testing.assert_close(law.cdf(edges), expected, rtol=0, atol=16 * torch.finfo(dtype).eps)


@EVERY_DTYPE
@EVERY_SPLICED
def test_on_a_threshold_the_body_applies(case, dtype):
    law, body = case.law("spliced", dtype), case.law("binned", dtype)
    for threshold, level in ((law.lower_threshold, case.mass[0]), (law.upper_threshold, 1 - case.mass[1])):
        torch.testing.assert_close(law.log_prob(threshold), body.log_prob(threshold))
        condition = abs(float(threshold)) * float(law.log_prob(threshold).exp())
        rounding = 16 * torch.finfo(dtype).eps * (1 + condition)
        assert float(law.cdf(threshold)) == pytest.approx(level, abs=rounding)
        assert float(law.icdf(torch.tensor(level, dtype=dtype))) == pytest.approx(
            float(threshold), abs=rounding / float(law.log_prob(threshold).exp()) + 1e-30
        )


@EVERY_DTYPE
@EVERY_SPLICED
def test_outcomes_on_edges_and_thresholds_have_finite_gradients(case, dtype):
    law, exact = case.law("spliced", dtype), case.oracle("spliced")
    low, high = exact.icdf(0), exact.icdf(1)
    edges = [edge for edge in case.bin_edges if low < edge < high]  # a tail may end before the bins do
    y = [*edges, law.lower_threshold.item(), law.upper_threshold.item()]
    for name in OF_OUTCOME:
        came, found = gradients("spliced", case, dtype, name, y)
        assert torch.isfinite(came).all(), name
        for key, gradient in found.items():
            assert torch.isfinite(gradient).all(), (name, key)


@EVERY_DTYPE
def test_threshold_in_a_gap_of_empty_bins(dtype):
    """The cumulative mass reaches the level within bins too empty for the dtype to tell: any point there will do.

    What can be asked for then is that the CDF there is the level, that the law is still whole, and that nothing is NaN.
    """
    q = 0.0625
    share = math.log(q / (1 - q))
    edges = torch.tensor([-9.0, -7.5, -6.1, -4.4, -3.0, -1.2, 0.3, 2.9], dtype=dtype)
    for gap in (-30.0, -60.0, -95.0, -300.0):
        logits = torch.tensor([share, gap, gap, gap, gap, gap, 0.0], dtype=dtype, requires_grad=True)
        tail = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (0.2, 1.1, -0.1, 0.7)]
        law = SplicedBinnedPareto(edges, logits, *tail, lower_mass=q, upper_mass=0.1)
        rounding = 16 * torch.finfo(dtype).eps
        assert Binned(edges, logits).cdf(law.lower_threshold).item() == pytest.approx(q, abs=rounding)
        assert -7.5 - 1e-4 <= law.lower_threshold.item() <= 0.3 + 1e-4
        y = torch.linspace(-30, 3.5, 500, dtype=dtype)
        assert torch.isfinite(law.log_prob(y)).all()
        assert (law.cdf(y).diff() >= -rounding).all()
        level = torch.linspace(0.001, 0.999, 300, dtype=dtype)
        # a flat stretch of the CDF has many quantiles of one level, and one level of them all
        torch.testing.assert_close(
            law.cdf(law.icdf(level)), level, rtol=0, atol=1e-4 if dtype == torch.float32 else 1e-12
        )
        for name in OF_OUTCOME:
            (found,) = torch.autograd.grad(ask(law, name, y).sum(), logits, retain_graph=True)
            assert not found.isnan().any(), (gap, name)
        for name in scalars("spliced"):
            answer = ask(law, name)
            assert torch.isfinite(answer), (gap, name)
            found = torch.autograd.grad(answer, [logits, *tail], allow_unused=True, retain_graph=True)
            assert not any(g.isnan().any() for g in found if g is not None), (gap, name)


@EVERY_DTYPE
@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
@pytest.mark.parametrize("mass", [(0.05, 0.1), (0.4999, 0.4999), (0.4999, 0.001)], ids=str)
@pytest.mark.parametrize(
    "logits", [(0.0, 30.0, 0.0), (40.0, -40.0, 40.0), (0.0, -INF, 0.3), (1e3, 1e3 + 1, 1e3 - 1)], ids=str
)
def test_outcomes_find_the_tail_on_their_side(logits, mass, many, dtype, monkeypatch):
    """One bin holding both thresholds, a median in a gap of empty bins, tails that all but meet: density and CDF."""
    if many:
        monkeypatch.setattr("qbsbp.distributions._fused.FEW", 0)
        monkeypatch.setattr("qbsbp.distributions.binned.MANY", 0)
    edges = torch.tensor([-1.0, 0.0, 1.0, 2.0], dtype=dtype)
    body = Binned(edges, torch.tensor(logits, dtype=dtype))
    law = SplicedBinnedPareto(edges, body.logits, 0.3, 0.7, -0.2, 1.9, lower_mass=mass[0], upper_mass=mass[1])
    low, high = law.lower_threshold, law.upper_threshold
    assert low <= high
    y = torch.linspace(-2.5, 3.5, 301, dtype=dtype) + 0.0007
    below, above = law.lower_tail.log_prob(low - y), law.upper_tail.log_prob(y - high)
    expected = torch.where(y < low, math.log(mass[0]) + below, math.log(mass[1]) + above)
    expected = torch.where((y >= low) & (y <= high), body.log_prob(y), expected)
    # the threshold in a bin is as sharp as its probability
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(law.log_prob(y), expected, **tolerance)
    cdf = torch.where(
        y < low, mass[0] * law.lower_tail.survival(low - y), 1 - mass[1] * law.upper_tail.survival(y - high)
    )
    cdf = torch.where((y >= low) & (y <= high), body.cdf(y), cdf)
    torch.testing.assert_close(law.cdf(y), cdf, **tolerance)


# --- shapes near zero, and heavy ones --------------------------------------------------------------------------------


@EVERY_DTYPE
@pytest.mark.parametrize("name", ["log_prob", "survival", "log_survival", "cdf", "crps", "icdf"])
@pytest.mark.parametrize("kind", ["gpd", "spliced"])
def test_everything_is_smooth_through_xi_zero(kind, name, dtype):
    """Values and slopes in xi at shapes on both sides of 0 and of every switch of formula, against the oracle."""
    eps = torch.finfo(dtype).eps
    sizes = torch.tensor(
        [1e-38, 1e-30, 0.1 * eps, 10 * eps, 1e-9, 1e-5, 0.0007, 0.011, 0.019, 0.049, 0.051, 0.09], dtype=dtype
    )
    xi = torch.cat([-sizes.flip(0), torch.zeros(1, dtype=dtype), sizes])
    exact, which = CASES[0].oracle(kind), "xi" if kind == "gpd" else "upper_xi"
    threshold = 0 if kind == "gpd" else float(exact.upper_threshold)
    beta = float(exact.beta if kind == "gpd" else exact.upper_beta)
    arguments = (0.97, 0.981, 0.9995) if name == "icdf" else [threshold + beta * z for z in (0.04, 0.9, 3.1, 8.2)]
    argument = torch.tensor(single(arguments), dtype=dtype)
    shapes = xi[:, None].expand(-1, len(argument)).clone().requires_grad_()
    came = ask(build(kind, {**CASES[0].parameters(kind, dtype), which: shapes}, CASES[0].mass), name, argument)
    came.sum().backward()
    for i, shape in enumerate(xi.tolist()):
        law = exact.moved(which, MP.mpf(shape) - exact.value_of(which))
        for j, value in enumerate(argument.tolist()):
            expected = ask(law, name, MP.mpf(value))
            slope = law.jacobian(lambda law, v=value: [ask(law, name, MP.mpf(v))], [which])[which][0]
            # near the end of a tail, where 1 + xi z = 0.2, roundings of z are magnified; a difference of terms of size
            # 1 (1 - S, excess - integral) leaves some eps of 1
            tolerance = {"rel": 200 * eps, "abs": 32 * eps * (1 + abs(value) * (name == "crps"))}
            assert came[i, j].item() == pytest.approx(float(expected), **tolerance), (shape, value)
            assert shapes.grad[i, j].item() == pytest.approx(float(slope), **tolerance), (shape, value)


@pytest.mark.parametrize("xi", [-1.7, -1.0, 0.5, 0.99, 1.0, 1.8])
def test_generalized_pareto_of_extreme_shapes(xi):
    law = GeneralizedPareto(torch.tensor(xi, dtype=torch.float64), torch.tensor(2.3, dtype=torch.float64))
    exact = oracle.GeneralizedPareto(xi, 2.3)
    for name in ("mean", "variance", "mode", "entropy"):
        assert float(ask(law, name)) == pytest.approx(float(ask(exact, name)), rel=1e-12), name
    for y in (0.0, 0.4, 1.1, 2.0, 40.0):
        for name in OF_OUTCOME:
            came = float(ask(law, name, torch.tensor(y, dtype=torch.float64)))
            expected = float(ask(exact, name, MP.mpf(y)))
            assert came == pytest.approx(expected, rel=1e-12, abs=1e-15), (name, y)


@pytest.mark.parametrize(
    ("xi", "mean", "variance", "crps"),
    [
        ((0.1, 0.6), "finite", INF, "finite"),
        ((0.6, 0.1), "finite", INF, "finite"),
        ((0.1, 1.2), INF, INF, "finite"),
        ((1.2, 0.1), -INF, INF, "finite"),
        ((1.2, 1.0), NAN, INF, "finite"),
        ((0.1, 2.0), INF, INF, INF),
        ((2.3, 0.1), -INF, INF, INF),
    ],
)
def test_moments_of_heavy_tails(xi, mean, variance, crps):
    """A mean needs xi < 1, a variance xi < 1/2, a CRPS xi < 2; a heavy lower tail has mean -inf, two have none."""
    case = replace(CASES[0], xi=xi)
    law, exact = case.law("spliced"), case.oracle("spliced")
    y = 1.3
    answers = {
        "mean": (law.mean, mean, exact.mean),
        "variance": (law.variance, variance, exact.variance),
        "crps": (law.crps(torch.tensor(y, dtype=torch.float64)), crps, exact.crps(MP.mpf(y))),
    }
    for name, (came, expected, from_oracle) in answers.items():
        expected = float(from_oracle) if expected == "finite" else expected
        assert float(came) == pytest.approx(expected, rel=1e-12, nan_ok=True), name


def test_heavy_tails_of_one_law_leave_the_gradients_of_its_batch_alone():
    case = BY_NAME["heavy"]
    parameters = case.parameters("spliced")
    xi = torch.tensor([0.2, 0.5, 0.9, 1.0, 1.3], dtype=torch.float64, requires_grad=True)
    law = build("spliced", {**parameters, "upper_xi": xi}, case.mass)
    y = torch.tensor(3.3, dtype=torch.float64)
    for answer in (law.mean, law.variance, law.crps(y), law.entropy(), law.mode, law.log_prob(y)):
        if not answer.requires_grad:
            continue
        (found,) = torch.autograd.grad(answer[torch.isfinite(answer)].sum(), xi, retain_graph=True, allow_unused=True)
        assert found is None or torch.isfinite(found).all()
