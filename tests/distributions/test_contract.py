"""The contract of `torch.distributions.Distribution`: shapes, dtypes, expand, samples, validation, copies."""

from __future__ import annotations

import copy
import io
import math
import pickle

import pytest
import torch
from torch.distributions import Distribution, constraints

from qbsbp.distributions import Binned, GeneralizedPareto, SplicedBinnedPareto
from tests.distributions.cases import (
    BY_NAME,
    CASES,
    EVERY_DTYPE,
    EVERY_KIND,
    EVERY_LAW,
    OF_OUTCOME,
    ask,
    build,
    outcomes,
    scalars,
)

EVEN = BY_NAME["even"]
BATCH_SHAPES = [(), (3,), (2, 3), (0,)]
EVERY_BATCH_SHAPE = pytest.mark.parametrize("shape", BATCH_SHAPES, ids=str)


def batched(kind, shape, dtype=torch.float64, shared=()):
    """A law whose parameters vary over a batch; those named in `shared` have no batch dimension."""
    generator = torch.Generator().manual_seed(7)
    parameters = EVEN.parameters(kind, dtype)
    for name, value in parameters.items():
        if name == "bin_edges" or name in shared:
            continue
        noise = 0.1 * torch.rand((*shape, *value.shape), generator=generator, dtype=torch.float64).to(dtype)
        parameters[name] = value + noise
    return build(kind, parameters, EVEN.mass), parameters


def element(kind, parameters, shape, index):
    """The law of one element of a batch, by itself."""
    alone = {}
    for name, value in parameters.items():
        if name == "bin_edges":
            alone[name] = value
        else:
            trailing = value.shape[-1:] if name == "logits" else ()
            alone[name] = value.expand((*shape, *trailing))[index]
    return build(kind, alone, EVEN.mass)


def indices(shape):
    return list(torch.cartesian_prod(*[torch.arange(n) for n in shape]).reshape(-1, len(shape))) if shape else [()]


SHARED = [
    ("binned", ()),
    ("gpd", ()),
    ("gpd", ("xi",)),
    ("spliced", ()),
    ("spliced", ("logits",)),
    ("spliced", ("lower_xi", "lower_beta", "upper_xi", "upper_beta")),
    ("spliced", ("lower_xi", "upper_beta")),
]


@EVERY_DTYPE
@EVERY_BATCH_SHAPE
@pytest.mark.parametrize(("kind", "shared"), SHARED)
def test_a_batch_answers_like_its_elements(kind, shared, shape, dtype):
    law, parameters = batched(kind, shape, dtype, shared)
    assert law.batch_shape == torch.Size(shape)
    assert law.event_shape == ()
    y = torch.tensor(outcomes(EVEN, kind), dtype=dtype).reshape(-1, *([1] * len(shape)))
    level = torch.linspace(0.01, 0.99, 7, dtype=dtype).reshape(-1, *([1] * len(shape)))
    for name, argument in [(name, y) for name in OF_OUTCOME] + [("icdf", level)]:
        came = ask(law, name, argument)
        assert came.shape == (len(argument), *shape), name
        assert came.dtype == dtype
        for index in indices(shape):
            index = tuple(int(i) for i in index)
            expected = ask(element(kind, parameters, shape, index), name, argument.flatten())
            torch.testing.assert_close(came[(slice(None), *index)], expected, msg=lambda m, n=name: f"{n}: {m}")
    for name in (*scalars(kind), "mode", "stddev"):
        came = ask(law, name)
        assert came.shape == torch.Size(shape), name
        for index in indices(shape):
            index = tuple(int(i) for i in index)
            torch.testing.assert_close(came[index], ask(element(kind, parameters, shape, index), name), msg=name)


@EVERY_KIND
@pytest.mark.parametrize(
    ("batch", "argument", "result"),
    [
        ((), (), ()),
        ((), (4,), (4,)),
        ((3,), (), (3,)),
        ((3,), (3,), (3,)),
        ((3,), (4, 3), (4, 3)),
        ((3,), (4, 1), (4, 3)),
        ((2, 3), (5, 2, 3), (5, 2, 3)),
        ((2, 3), (3,), (2, 3)),
        ((2, 3), (2, 1), (2, 3)),
        ((1,), (4,), (4,)),
        ((2, 1), (5,), (2, 5)),
        ((2, 1), (6, 1, 5), (6, 2, 5)),
        ((3,), (0, 3), (0, 3)),
        ((0,), (0,), (0,)),
        ((0,), (), (0,)),
        ((0,), (4, 1), (4, 0)),
    ],
)
def test_outcomes_broadcast_with_the_batch(kind, batch, argument, result):
    law, _ = batched(kind, batch)
    y = 1.0 + torch.rand(argument, dtype=torch.float64)
    for name in OF_OUTCOME:
        came = ask(law, name, y)
        assert came.shape == torch.Size(result), name
        everywhere = ask(law.expand(torch.broadcast_shapes(batch, argument)), name, y.expand(result))
        torch.testing.assert_close(came, everywhere, msg=name)
    assert law.icdf(torch.rand(argument, dtype=torch.float64)).shape == torch.Size(result)


@EVERY_DTYPE
@EVERY_KIND
@pytest.mark.parametrize("sample_shape", [(), (5,), (4, 2), (0,)], ids=str)
@EVERY_BATCH_SHAPE
def test_samples_have_sample_shape_then_batch_shape(kind, shape, sample_shape, dtype):
    law, _ = batched(kind, shape, dtype)
    for draw in (law.sample, law.rsample):
        y = draw(torch.Size(sample_shape))
        assert y.shape == (*sample_shape, *shape)
        assert y.dtype == dtype
        assert law.log_prob(y).isfinite().all()


@EVERY_KIND
def test_same_seed_same_samples_and_sample_equals_rsample(kind):
    law, _ = batched(kind, (3,))
    draws = []
    for draw in (law.sample, law.sample, law.rsample):
        torch.manual_seed(3)
        draws.append(draw((4,)))
    assert torch.equal(draws[0], draws[1]) and torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], law.sample((4,)))


@EVERY_KIND
def test_a_float32_sample_is_never_infinite_however_many_are_drawn(kind):
    """torch.rand is 0 once in 2^24 draws: that must not become the end of an unbounded support."""
    law = EVEN.law(kind, torch.float32)
    assert law.sample((2_000_000,)).isfinite().all()


@EVERY_LAW
def test_declares_what_torch_asks_for(kind, case):
    law = case.law(kind)
    assert isinstance(law, Distribution)
    assert law.has_rsample
    assert set(law.arg_constraints) <= set(case.parameters(kind))
    for name, constraint in law.arg_constraints.items():
        assert constraint.check(getattr(law, name)).all(), name
    assert isinstance(law.support, constraints.Constraint)
    assert law.support.check(law.sample((50,))).all()
    assert "\n" not in repr(law) and type(law).__name__ in repr(law)


@EVERY_KIND
@pytest.mark.parametrize(
    ("before", "after"), [((), (3,)), ((3,), (2, 3)), ((1,), (4,)), ((2, 1), (2, 5)), ((3,), (0, 3))]
)
def test_expand_is_a_view_with_the_same_answers(kind, before, after):
    law, _ = batched(kind, before)
    wide = law.expand(torch.Size(after))
    assert type(wide) is type(law)
    assert wide.batch_shape == torch.Size(after) and wide.event_shape == ()
    y = torch.tensor(outcomes(EVEN, kind), dtype=torch.float64).reshape(-1, *([1] * len(after)))
    for name in OF_OUTCOME:
        torch.testing.assert_close(ask(wide, name, y), ask(law, name, y).expand(len(y), *after), msg=name)
    for name in (*scalars(kind), "mode"):
        torch.testing.assert_close(ask(wide, name), ask(law, name).expand(after), msg=name)
    for name in law.arg_constraints:
        memory = [getattr(one, name).untyped_storage().data_ptr() for one in (wide, law)]
        assert memory[0] == memory[1], f"{name} was copied"
    assert wide.sample((2,)).shape == (2, *after)
    assert wide.expand((7, *after)).log_prob(y[0]).shape == (7, *after)


@EVERY_KIND
def test_expanded_draws_are_independent(kind):
    law = EVEN.law(kind).expand((1000,))
    assert len(law.sample().unique()) > 990


@EVERY_KIND
def test_gradients_flow_through_expand(kind):
    parameters = EVEN.parameters(kind, requires_grad=True)
    leaves = [value for value in parameters.values() if value.requires_grad]
    y = torch.tensor(outcomes(EVEN, kind), dtype=torch.float64)
    law = build(kind, parameters, EVEN.mass)
    for name in OF_OUTCOME:
        direct = torch.autograd.grad(ask(law, name, y).sum(), leaves)
        expanded = torch.autograd.grad(ask(law.expand((len(y),)), name, y).sum(), leaves)
        torch.testing.assert_close(expanded, direct)


@EVERY_KIND
def test_memory_layout_does_not_matter(kind):
    """Transposed, strided and stride-0 parameters and outcomes."""
    law, parameters = batched(kind, (4, 6))
    y = torch.tensor(outcomes(EVEN, kind)[:4], dtype=torch.float64)[:, None].expand(4, 6)
    odd = {}
    for name, value in parameters.items():
        spread = torch.zeros(*value.shape, 2, dtype=value.dtype)
        spread[..., 0] = value
        odd[name] = spread[..., 0]
        assert not odd[name].is_contiguous()
        if value.dim() > 1:
            odd[name] = odd[name].transpose(0, 1).contiguous().transpose(0, 1)
    strange = build(kind, odd, EVEN.mass)
    turned = y.T.contiguous().T
    for name in OF_OUTCOME:
        torch.testing.assert_close(ask(strange, name, turned), ask(law, name, y.clone()), msg=name)
    for name in scalars(kind):
        torch.testing.assert_close(ask(strange, name), ask(law, name), msg=name)


@EVERY_KIND
def test_arguments_are_not_written_to(kind):
    parameters = EVEN.parameters(kind, requires_grad=True)
    y = torch.tensor(outcomes(EVEN, kind), dtype=torch.float64)
    before = {name: value.detach().clone() for name, value in parameters.items()}
    kept = y.clone()
    law = build(kind, parameters, EVEN.mass)
    for name in OF_OUTCOME:
        ask(law, name, y).sum().backward()
    for name in scalars(kind):
        ask(law, name)
    law.icdf(torch.linspace(0, 1, 9, dtype=torch.float64)), law.rsample((3,))
    assert torch.equal(y, kept)
    for name, value in parameters.items():
        assert torch.equal(value.detach(), before[name]), name


@EVERY_KIND
def test_without_grad_there_is_no_graph_and_the_same_answer(kind):
    parameters = EVEN.parameters(kind, requires_grad=True)
    law = build(kind, parameters, EVEN.mass)
    y = torch.tensor(outcomes(EVEN, kind), dtype=torch.float64)
    for name in OF_OUTCOME:
        with torch.no_grad():
            quiet = ask(law, name, y)
        assert not quiet.requires_grad
        loud = ask(law, name, y)
        assert loud.requires_grad
        torch.testing.assert_close(quiet, loud.detach(), rtol=0, atol=0)
    assert not law.sample().requires_grad
    assert law.rsample().requires_grad
    with torch.inference_mode():
        assert ask(build(kind, EVEN.parameters(kind), EVEN.mass), "log_prob", y).isfinite().all()


@EVERY_KIND
@pytest.mark.parametrize("which", ["argument", "parameters"])
def test_gradients_come_one_at_a_time(kind, which):
    """Only y, or only one parameter, asks for a gradient: the same number as when all do."""
    y = torch.tensor(outcomes(EVEN, kind), dtype=torch.float64)
    everything = {**EVEN.parameters(kind, requires_grad=True), "y": y.clone().requires_grad_()}
    for name in OF_OUTCOME:
        law = build(kind, {k: v for k, v in everything.items() if k != "y"}, EVEN.mass)
        leaves = {k: v for k, v in everything.items() if v.requires_grad}
        together = dict(zip(leaves, torch.autograd.grad(ask(law, name, everything["y"]).sum(), list(leaves.values()))))
        for key in leaves if which == "parameters" else ["y"]:
            alone = {k: v.detach().clone().requires_grad_(k == key) for k, v in everything.items()}
            law = build(kind, {k: v for k, v in alone.items() if k != "y"}, EVEN.mass)
            (gradient,) = torch.autograd.grad(ask(law, name, alone["y"]).sum(), alone[key])
            torch.testing.assert_close(gradient, together[key], msg=f"{name} in {key}")


@EVERY_KIND
def test_whole_numbers_and_plain_floats_are_outcomes(kind):
    """Yards are often integers: an integer tensor answers like the same numbers in the law's dtype."""
    law = EVEN.law(kind, torch.float32)
    whole = torch.tensor([1, 2, 7])
    for name in OF_OUTCOME:
        torch.testing.assert_close(ask(law, name, whole), ask(law, name, whole.float()))
        assert ask(law, name, 2.0) == ask(law, name, torch.tensor(2.0))
    assert law.icdf(0.5) == law.icdf(torch.tensor(0.5))


@EVERY_KIND
def test_copies_and_pickles_answer_alike(kind):
    law, _ = batched(kind, (2, 3))
    y = law.sample((4,))
    saved = io.BytesIO()
    torch.save(law, saved)
    saved.seek(0)
    loaded = torch.load(saved, weights_only=False)
    for other in (copy.copy(law), copy.deepcopy(law), pickle.loads(pickle.dumps(law)), loaded):
        assert torch.equal(other.log_prob(y), law.log_prob(y))
        assert other.batch_shape == law.batch_shape


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
@EVERY_KIND
def test_everything_stays_on_the_device_of_the_parameters(kind, device):
    case = BY_NAME["uneven"]
    parameters = {k: v.to(device).requires_grad_(k != "bin_edges") for k, v in case.parameters(kind).items()}
    law, at_home = build(kind, parameters, case.mass), case.law(kind)
    y = torch.tensor(outcomes(case, kind), dtype=torch.float64)
    for name in OF_OUTCOME:
        came = ask(law, name, y.to(device))
        assert came.device.type == device
        torch.testing.assert_close(came.cpu().detach(), ask(at_home, name, y))
        came.sum().backward()
    for name in scalars(kind):
        torch.testing.assert_close(ask(law, name).cpu().detach(), ask(at_home, name))
    assert law.rsample((3,)).device.type == device


# --- gradients as autograd itself checks them ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["uneven", "bounded", "fully_exponential"])
@EVERY_KIND
def test_gradcheck(kind, name):
    """Jacobians of every method at once, for a batch of two laws with three outcomes each."""
    case = BY_NAME[name]
    parameters = case.parameters(kind)
    edges = parameters.pop("bin_edges", None)
    names = list(parameters)
    rows = [torch.stack([p, p + 0.01]).requires_grad_() for p in parameters.values()]
    y = torch.tensor(outcomes(case, kind), dtype=torch.float64)
    y = y[torch.tensor([1, len(y) // 2, len(y) - 2])].reshape(3, 1).expand(3, 2).clone().requires_grad_()
    fixed = {} if edges is None else {"bin_edges": edges}

    for method in OF_OUTCOME:

        def function(y, *values, method=method):
            return ask(build(kind, {**fixed, **dict(zip(names, values))}, case.mass), method, y)

        assert torch.autograd.gradcheck(function, (y, *rows), eps=1e-6, atol=1e-7, rtol=1e-5)

    level = torch.tensor([[0.013], [0.42], [0.984]], dtype=torch.float64).expand(3, 2).clone().requires_grad_()

    def quantile(level, *values):
        return build(kind, {**fixed, **dict(zip(names, values))}, case.mass).icdf(level)

    assert torch.autograd.gradcheck(quantile, (level, *rows), eps=1e-7, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["uneven", "bounded", "heavy", "fully_exponential", "offset"])
@EVERY_KIND
def test_rsample_moves_as_the_implicit_derivative_says(kind, name):
    """dy/dtheta = -(dF/dtheta) / f at the sampled outcome, from the oracle: a sample keeps its level."""
    case = BY_NAME[name]
    parameters = case.parameters(kind, requires_grad=True)
    law, exact = build(kind, parameters, case.mass), case.oracle(kind)
    y = law.rsample((12,))
    points = y.tolist()
    derivatives = exact.jacobian(lambda law: [law.cdf(law_point) for law_point in points])
    leaves = {key: value for key, value in parameters.items() if value.requires_grad}
    for i, point in enumerate(points):
        found = dict(zip(leaves, torch.autograd.grad(y[i], list(leaves.values()), retain_graph=True)))
        density = exact.density(point)
        for key, gradient in found.items():
            if key == "logits":
                expected = [-derivatives["logits", k][i] / density for k in range(len(case.logits))]
            else:
                expected = [-derivatives[key][i] / density]
            expected = torch.tensor([float(e) for e in expected], dtype=torch.float64)
            largest = float(expected.abs().max())
            torch.testing.assert_close(gradient.reshape(-1), expected, rtol=0, atol=1e-8 * largest)


# --- validation ------------------------------------------------------------------------------------------------------


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


INF, NAN = math.inf, math.nan
NAN_LOGITS = torch.full((8,), NAN, dtype=torch.float64)
WRONG = [
    # kind, changes to the arguments of the first case, words that the message has to hold: name, expected, came
    (
        "binned",
        {"bin_edges": tensor(0.0, 1.0, 1.0, 2.0), "logits": tensor(0.0, 1.0, 2.0)},
        ["bin_edges", "increasing", "1"],
    ),
    ("binned", {"bin_edges": tensor(0.0, 3.0, 2.0), "logits": tensor(0.0, 1.0)}, ["bin_edges", "increasing", "3", "2"]),
    ("binned", {"bin_edges": tensor(0.0, NAN, 2.0), "logits": tensor(0.0, 1.0)}, ["bin_edges", "nan"]),
    ("binned", {"bin_edges": tensor(0.0, 1.0, INF), "logits": tensor(0.0, 1.0)}, ["bin_edges", "inf"]),
    ("binned", {"logits": tensor(0.0, 1.0, 2.0)}, ["logits", "8", "3"]),
    ("binned", {"logits": torch.tensor(1.0, dtype=torch.float64)}, ["logits", "8"]),
    ("binned", {"logits": NAN_LOGITS}, ["logits", "nan"]),
    ("binned", {"logits": tensor(*[0.0] * 7, INF)}, ["logits", "inf"]),
    ("binned", {"logits": torch.zeros(8)}, ["bin_edges", "float32", "float64"]),
    ("binned", {"logits": torch.zeros(8, dtype=torch.int64)}, ["logits", "int64", "float"]),
    ("binned", {"bin_edges": torch.zeros(3, 9, dtype=torch.float64)}, ["bin_edges", "(3, 9)"]),
    ("gpd", {"beta": torch.tensor(0.0, dtype=torch.float64)}, ["beta", "> 0", "0"]),
    ("gpd", {"beta": tensor(1.0, -2.5)}, ["beta", "> 0", "-2.5"]),
    ("gpd", {"beta": tensor(NAN)}, ["beta", "nan"]),
    ("gpd", {"xi": tensor(NAN)}, ["xi", "nan"]),
    ("gpd", {"xi": tensor(INF)}, ["xi", "inf"]),
    ("gpd", {"xi": tensor(0.1, 0.2), "beta": tensor(1.0, 2.0, 3.0)}, ["xi", "beta", "(2,)", "(3,)", "broadcast"]),
    ("spliced", {"bin_edges": EVEN.parameters("binned")["bin_edges"].flip(0)}, ["bin_edges", "increasing"]),
    ("spliced", {"logits": tensor(0.0, 1.0, 2.0)}, ["logits", "8", "3"]),
    ("spliced", {"logits": NAN_LOGITS}, ["logits", "nan"]),
    ("spliced", {"lower_beta": torch.tensor(-1.25, dtype=torch.float64)}, ["lower_beta", "> 0", "-1.25"]),
    ("spliced", {"upper_beta": tensor(0.0)}, ["upper_beta", "> 0", "0"]),
    ("spliced", {"upper_beta": tensor(NAN)}, ["upper_beta", "nan"]),
    ("spliced", {"lower_xi": tensor(NAN)}, ["lower_xi", "nan"]),
    ("spliced", {"upper_xi": tensor(0.1, INF)}, ["upper_xi", "inf"]),
    ("spliced", {"upper_xi": tensor(0.1, 0.2), "lower_xi": tensor(0.1, 0.2, 0.3)}, ["broadcast", "(2,)", "(3,)"]),
    (
        "spliced",
        {"logits": torch.zeros(2, 8, dtype=torch.float64), "lower_xi": tensor(0.1, 0.2, 0.3)},
        ["broadcast", "(2,)", "(3,)"],
    ),
    ("spliced", {"upper_xi": torch.tensor(0.1)}, ["upper_xi", "float32", "float64"]),
    ("spliced", {"lower_mass": 0.0}, ["lower_mass", "0.0", "1/2"]),
    ("spliced", {"lower_mass": 0.5}, ["lower_mass", "0.5", "1/2"]),
    ("spliced", {"upper_mass": -0.1}, ["upper_mass", "-0.1"]),
    ("spliced", {"upper_mass": NAN}, ["upper_mass", "nan"]),
    ("spliced", {"upper_mass": 7}, ["upper_mass", "7"]),
]


def make(kind, changes, **kwargs):
    masses = {"lower_mass": 0.05, "upper_mass": 0.05} if kind == "spliced" else {}
    law = {"binned": Binned, "gpd": GeneralizedPareto, "spliced": SplicedBinnedPareto}[kind]
    return law(**{**EVEN.parameters(kind), **masses, **changes, **kwargs})


@pytest.mark.parametrize(("kind", "changes", "words"), WRONG)
def test_a_wrong_argument_is_named_with_what_was_expected_and_what_came(kind, changes, words):
    with pytest.raises(ValueError) as caught:
        make(kind, changes, validate_args=True)
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("gpd", {"beta": tensor(-1.0)}), ("spliced", {"upper_beta": tensor(-1.0)}), ("binned", {"logits": NAN_LOGITS})],
)
def test_validation_is_switched_off_per_object_and_nowhere_else(kind, changes):
    make(kind, changes, validate_args=False)
    with pytest.raises(ValueError):
        make(kind, changes)
    with pytest.raises(ValueError):
        torch.distributions.Normal(0.0, -1.0)


def test_validation_follows_the_switch_of_torch():
    """`Distribution.set_default_validate_args(False)` is the user's to set; None follows it, True overrides it."""
    Distribution.set_default_validate_args(False)
    try:
        make("gpd", {"beta": tensor(-1.0)})
        with pytest.raises(ValueError, match="beta"):
            make("gpd", {"beta": tensor(-1.0)}, validate_args=True)
    finally:
        Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="beta"):
        make("gpd", {"beta": tensor(-1.0)})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_masses_differ_at_the_two_ends_and_are_keyword_only(case):
    parameters = case.parameters("spliced")
    law = build("spliced", parameters, case.mass)
    assert (law.lower_mass, law.upper_mass) == case.mass
    with pytest.raises(TypeError):
        type(law)(*parameters.values(), 0.05)


@pytest.mark.parametrize("name", ["log_prob", "cdf", "survival", "log_survival", "crps"])
def test_many_laws_are_evaluated_some_at_a_time_with_the_same_answers(monkeypatch, name):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(50, 8, generator=generator)
    beta = 0.5 + torch.rand(50, generator=generator)
    law = SplicedBinnedPareto(torch.arange(9.0), logits, 0.1, beta, -0.2, beta)
    for shape in ((50,), (3, 50)):
        y = 12 * torch.rand(shape, generator=generator) - 2
        at_once = getattr(law, name)(y)
        with monkeypatch.context() as patch:
            patch.setattr("qbsbp.distributions._fused.CHUNK", 56)  # seven laws at a time
            assert torch.equal(getattr(law, name)(y), at_once)


def test_logits_may_lie_in_memory_in_any_order(recwarn):
    """A transposed or cut out tensor of logits gives the answers of its copy, and no warning."""
    logits = torch.randn(100, 400, generator=torch.Generator().manual_seed(4))
    for view in (logits.T, logits.T[:, 20:80], logits[:, 100:300]):
        edges = torch.arange(view.shape[-1] + 1.0)
        y = torch.linspace(-5, view.shape[-1] + 5.0, len(view))
        one, other = (SplicedBinnedPareto(edges, x, 0.1, 2.0, 0.2, 3.0) for x in (view, view.contiguous()))
        for name in OF_OUTCOME:
            torch.testing.assert_close(getattr(one, name)(y), getattr(other, name)(y))
        torch.testing.assert_close(one.mean, other.mean)
    assert not recwarn
