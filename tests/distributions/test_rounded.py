"""Laws of whole yards that end at bounds, against fifty digits from the definitions and against their own table."""

from __future__ import annotations

import math
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import example, given, settings
from torch.distributions import Normal

from qbsbp.distributions import Binned, GeneralizedPareto, Rounded, SplicedBinnedPareto
from qbsbp.distributions.rounded import interval_probability, survival
from tests import oracle
from tests.distributions.agreement import ROUNDINGS
from tests.distributions.cases import BY_NAME, CASES, DTYPES, EVERY_DTYPE, MP, Case, single

HALF = MP.mpf(1) / 2

# --- the table of cases -----------------------------------------------------------------------------------------------


class NormalCase:
    """A normal base, with the methods of a `Case` that are used here."""

    def __init__(self, name, loc, scale):
        self.name, self.numbers = name, dict(zip(("loc", "scale"), single((loc, scale))))

    def parameters(self, kind, dtype=torch.float64, requires_grad=False):
        return {name: torch.tensor(v, dtype=dtype, requires_grad=requires_grad) for name, v in self.numbers.items()}

    def law(self, kind, dtype=torch.float64):
        return Normal(**self.parameters(kind, dtype))

    def oracle(self, kind):
        return oracle.Normal(**self.numbers)


NORMALS = [NormalCase("usual", 6.3, 9.7), NormalCase("narrow", -0.83, 0.31), NormalCase("far", 61.7, 12.9)]


TAILS = ["even", "uneven", "two_bins", "bimodal_uneven", "logits_of_50", "narrow", "wide", "nearly_exponential"]


def _table():
    yield from ((kind, case) for kind in ("binned", "spliced") for case in CASES)
    yield from (("gpd", BY_NAME[name]) for name in TAILS)
    yield from (("normal", case) for case in NORMALS)


TABLE = [pytest.param(kind, case, id=f"{kind}-{case.name}") for kind, case in _table()]
EVERY_BASE = pytest.mark.parametrize(("kind", "case"), TABLE)
ONE_OF_EACH = pytest.mark.parametrize(
    ("kind", "case"),
    [("binned", BY_NAME["uneven"]), ("spliced", BY_NAME["even"]), ("gpd", BY_NAME["heavy"]), ("normal", NORMALS[0])],
    ids=["binned", "spliced", "gpd", "normal"],
)


def bounds_of(case, kind) -> tuple[int, int]:
    """Bounds that cut off some of both tails, and are no more than 80 yards apart."""
    exact = case.oracle(kind)
    low, middle, high = (float(exact.icdf(MP.mpf(level))) for level in ("0.003", "0.41", "0.96"))
    low, high = math.floor(max(low, middle - 40)), math.ceil(min(high, middle + 40))
    return low, max(high, low + 2)


def rounded(case, kind, dtype=torch.float64) -> Rounded:
    return Rounded(case.law(kind, dtype), *bounds_of(case, kind))


def exact(case, kind) -> oracle.Rounded:
    return oracle.Rounded(case.oracle(kind), *bounds_of(case, kind))


def yards_of(case, kind) -> list[int]:
    """Both bounds and some whole yards between."""
    low, high = bounds_of(case, kind)
    share = (0.04, 0.21, 0.37, 0.55, 0.83, 0.97)[:: 3 if kind != "gpd" and len(getattr(case, "logits", ())) > 50 else 1]
    return sorted({low, high, *(low + round(s * (high - low)) for s in share)})


def tolerances(case, kind) -> dict[float, tuple[float, float]]:
    """What is known, in units of eps, of the probability below and above each edge of the cells of `yards_of`."""
    law = case.oracle(kind)
    low, high = bounds_of(case, kind)
    edges = sorted({k + h for k in yards_of(case, kind) for h in (-HALF, HALF) if low < k + h < high})
    derivative = law.jacobian(lambda law: [law.cdf(edge) for edge in edges])
    known = {}
    for i, edge in enumerate(edges):
        condition = 0.0
        for key, slopes in derivative.items():
            size = abs(law.value_of(key))
            if key == "level_error" or key[0] == "logits":
                size = max(MP.one, size)  # a mass is only known to relative eps
            if MP.isfinite(slopes[i]):
                condition += float(abs(slopes[i]) * size)
        known[float(edge)] = (float(law.cdf(edge)) + condition, float(law.survival(edge)) + condition)
    return known


def error_of(known, low, high, dtype) -> float:
    """How far a difference between two edges may be off, taken on the side that cancels less."""
    sides = [[known[edge][side] for edge in (low, high) if edge in known] for side in (0, 1)]
    return ROUNDINGS * torch.finfo(dtype).eps * min(sum(side) for side in sides)


# --- against the oracle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@EVERY_BASE
def test_probabilities_and_sums_of_them(kind, case, dtype):
    law, truth, known = rounded(case, kind, dtype), exact(case, kind), tolerances(case, kind)
    yards = yards_of(case, kind)
    y = torch.tensor(yards, dtype=dtype)
    log_prob, cdf, survival = law.log_prob(y), law.cdf(y), law.survival(y)
    assert log_prob.dtype == cdf.dtype == survival.dtype == dtype
    compared = 0
    for i, k in enumerate(yards):
        expected, off = truth.probability(k), error_of(known, k - 0.5, k + 0.5, dtype)
        if off < expected / 4:  # else the dtype does not resolve it
            compared += 1
            off += ROUNDINGS * torch.finfo(dtype).eps * float(expected * (1 + abs(MP.log(expected))))
            assert math.exp(log_prob[i]) == pytest.approx(float(expected), rel=0, abs=off), k
        if k == truth.upper:
            assert (cdf[i], survival[i]) == (1, 0)
        else:
            below, above = (ROUNDINGS * torch.finfo(dtype).eps * side for side in known[k + 0.5])
            assert cdf[i].item() == pytest.approx(float(truth.cdf(k)), rel=0, abs=below), k
            assert survival[i].item() == pytest.approx(float(truth.survival(k)), rel=0, abs=above), k
    assert compared >= (3 if len(yards) > 3 else 1)


@EVERY_BASE
def test_quantiles(kind, case):
    law, truth = rounded(case, kind), exact(case, kind)
    levels = [1e-6, 0.013, 0.21, 0.41, 0.52, 0.83, 0.972, 1 - 1e-6]
    expected = torch.tensor([float(truth.icdf(MP.mpf(level))) for level in levels], dtype=torch.float64)
    assert torch.equal(law.icdf(torch.tensor(levels, dtype=torch.float64)), expected)
    assert [law.icdf(level).item() for level in levels] == expected.tolist()  # plain numbers, none of them made coarser


@EVERY_BASE
def test_crps_and_mean(kind, case):
    law, truth, yards = rounded(case, kind), exact(case, kind), yards_of(case, kind)
    low, high = truth.lower, truth.upper
    yards += [low - 7, high + 3]  # nobody can gain that, and the sum says what it costs
    expected = torch.tensor([float(truth.crps(k)) for k in yards], dtype=torch.float64)
    size = 1e-10 * max(1, abs(low), abs(high))
    torch.testing.assert_close(law.crps(torch.tensor(yards, dtype=torch.float64)), expected, rtol=1e-9, atol=size)
    assert law.mean.item() == pytest.approx(float(truth.mean), rel=1e-9, abs=size)


# --- laws -------------------------------------------------------------------------------------------------------------


def every_yard(law) -> torch.Tensor:
    return torch.arange(float(law.lower), float(law.upper) + 1, dtype=law.mean.dtype)


@EVERY_DTYPE
@EVERY_BASE
def test_the_probabilities_of_all_yards_sum_to_one(kind, case, dtype):
    law = rounded(case, kind, dtype)
    yards = every_yard(law)
    mass = law.mass(yards)
    assert mass.dtype == dtype and mass.shape == yards.shape
    rounding = 64 * torch.finfo(dtype).eps
    assert (mass >= 0).all()
    assert mass.sum().item() == pytest.approx(1, abs=rounding)
    torch.testing.assert_close(mass.cumsum(0), law.cdf(yards), rtol=0, atol=len(yards) * rounding)
    torch.testing.assert_close(law.cdf(yards) + law.survival(yards), torch.ones_like(mass), rtol=0, atol=rounding)
    # both take the difference on the side that cancels less; near the middle the two sides are as good as each other
    torch.testing.assert_close(law.log_prob(yards).exp(), mass, rtol=1e-3, atol=rounding)


@EVERY_DTYPE
@EVERY_BASE
def test_cdf_is_a_staircase_from_zero_to_one(kind, case, dtype):
    law = rounded(case, kind, dtype)
    yards = every_yard(law)
    for between in (0.0, 0.25, 0.999 if dtype == torch.float64 or abs(law.lower) < 1e3 else 0.5):
        assert torch.equal(law.cdf(yards + between), law.cdf(yards))
        assert torch.equal(law.survival(yards + between), law.survival(yards))
    assert (law.cdf(yards).diff() >= -4 * torch.finfo(dtype).eps).all()
    outside = torch.tensor([-math.inf, float(law.lower) - 1, float(law.upper), math.inf], dtype=dtype)
    assert law.cdf(outside).tolist() == [0, 0, 1, 1]
    assert law.survival(outside).tolist() == [1, 1, 0, 0]


@EVERY_DTYPE
@EVERY_BASE
def test_icdf_is_the_inverse_of_cdf(kind, case, dtype):
    """The fewest yards with at least that level, as `cdf` itself says, also where the level is one of its steps."""
    law = rounded(case, kind, dtype)
    yards = every_yard(law)
    steps = law.cdf(yards)
    level = torch.cat([steps, torch.linspace(0.001, 0.999, 97, dtype=dtype), steps.nextafter(torch.zeros_like(steps))])
    level = level[(level > 0) & (level < 1)]
    quantile = law.icdf(level)
    assert quantile.dtype == dtype
    assert (law.cdf(quantile) >= level).all()
    assert ((law.cdf(quantile - 1) < level) | (quantile == law.lower)).all()
    rises = torch.cat([steps[:1] > 0, steps.diff() > 0]) & (steps < 1)
    assert torch.equal(law.icdf(steps[rises]), yards[rises])
    ends = law.icdf(torch.tensor([0.0, 1.0], dtype=dtype))
    assert (ends >= law.lower).all() and (ends <= law.upper).all()
    assert law.icdf(torch.tensor([-0.1, 1.1, math.nan], dtype=dtype)).isnan().all()


@EVERY_DTYPE
@EVERY_BASE
def test_crps_is_the_sum_over_all_yards(kind, case, dtype):
    law = rounded(case, kind, dtype)
    yards = every_yard(law)
    step = law.mass(yards).double().cumsum(0)
    expected = (step[:-1] - (yards[:-1] >= yards[:, None]).double()).square().sum(1)
    rounding = 64 * len(yards) * torch.finfo(dtype).eps
    torch.testing.assert_close(law.crps(yards).double(), expected, rtol=0, atol=rounding)
    distance = (law.crps(yards).double() * law.mass(yards).double()).sum()
    pairs = law.mass(yards).double()
    spread = (
        pairs[:, None] * pairs * (yards - yards[:, None]).abs()
    ).sum() / 2  # E|Y - y| - E|Y - Y'| / 2, in the mean
    assert distance.item() == pytest.approx(spread.item(), abs=rounding * len(yards))


@pytest.mark.parametrize("score", ["crps", "log_prob"])
@EVERY_BASE
def test_no_other_law_scores_better_in_the_mean(kind, case, score):
    """Proper: under a law's own probabilities nothing beats the law itself, shifted, stretched or of another shape."""
    truth = rounded(case, kind)
    yards, mass = every_yard(truth), truth.mass(every_yard(truth))
    sign = 1 if score == "crps" else -1

    def mean_score(law):
        scores = sign * getattr(law, score)(yards)
        return (mass * torch.where(mass > 0, scores, 0)).sum().item()

    best, others = mean_score(truth), []
    centre, width = truth.mean.item(), (mass * (yards - truth.mean).square()).sum().sqrt().item() + 0.3
    for loc, scale in ((0, 1), (0.4, 1), (0, 0.5), (0, 2), (-1.5, 3)):
        normal = Normal(*torch.tensor([centre + loc * width, scale * width], dtype=torch.float64))
        others.append(mean_score(Rounded(normal, truth.lower, truth.upper)))
    assert min(others) > best - 1e-12
    assert max(others) > best + 1e-3
    assert min(others) > best + 1e-9 or kind == "normal"


@EVERY_DTYPE
@EVERY_BASE
def test_a_bound_has_the_probability_of_all_that_lies_beyond(kind, case, dtype):
    law = rounded(case, kind, dtype)
    ends = torch.stack([law.lower, law.upper]).to(dtype)
    beyond = torch.stack([law.base.cdf(ends[0] + 0.5), survival(law.base, ends[1] - 0.5)])
    torch.testing.assert_close(law.log_prob(ends).exp(), beyond, rtol=1e-4 if dtype == torch.float32 else 1e-11, atol=0)
    # so the law of a short field is that of a longer one, its last yards put together
    longer = Rounded(law.base, law.lower, law.upper + 30)
    sums = longer.mass(torch.arange(float(law.upper), float(law.upper) + 31, dtype=dtype)).sum()
    torch.testing.assert_close(law.log_prob(ends[1]).exp(), sums, rtol=1e-3, atol=64 * torch.finfo(dtype).eps)


FAR = [
    # base by dtype, exact base, yards with a probability far below eps
    ("spliced", BY_NAME["even"], [90, 300, 1100, 4000]),
    ("spliced", BY_NAME["fully_exponential"], [25, 40, 70, 100]),
    ("gpd", BY_NAME["even"], [80, 400, 1500]),
    ("normal", NORMALS[0], [60, 75, 95, 110]),
    ("normal", NORMALS[1], [1, 2]),
]


@EVERY_DTYPE
@pytest.mark.parametrize(("kind", "case", "yards"), FAR)
def test_far_up_probabilities_are_right_to_relative_precision(kind, case, yards, dtype):
    truth = case.oracle(kind)
    law = Rounded(case.law(kind, dtype), -50, 5000)
    y = torch.tensor(yards, dtype=dtype)
    expected = [float(truth.survival(k - HALF) - truth.survival(k + HALF)) for k in yards]
    assert min(expected) < 1e-6
    beyond = [float(truth.survival(k - HALF)) for k in yards], [float(truth.survival(k + HALF)) for k in yards]
    precision = 1e-4 if dtype == torch.float32 else 1e-12

    def assert_close(came, expected, tolerance):
        assert (np.abs(np.asarray(came) - expected) <= tolerance * np.asarray(expected)).all(), (came, expected)

    # of a heavy tail a yard far out is a small part of what lies beyond, and has so many digits fewer
    share = np.array(expected) / beyond[0]
    assert_close(law.log_prob(y).exp().tolist(), expected, precision / share)
    assert_close([law.mass(y[i : i + 1]).item() for i in range(len(y))], expected, precision / share)
    assert_close(law.survival(y).tolist(), beyond[1], precision)
    at_bound = [Rounded(law.base, -50, k).log_prob(torch.tensor(float(k), dtype=dtype)).exp().item() for k in yards]
    assert_close(at_bound, beyond[0], precision)


@EVERY_DTYPE
@pytest.mark.parametrize("case", NORMALS, ids=lambda case: case.name)
def test_far_down_a_normal_law_is_right_to_relative_precision_too(case, dtype):
    """1 + erf cancels there; the spliced law's lower tail does not, and `test_probabilities` sees to it."""
    truth, law = case.oracle("normal"), case.law("normal", dtype)
    z = (-3, -5, -8, -11)
    yards = sorted({round(case.numbers["loc"] + case.numbers["scale"] * one) for one in z})
    y = torch.tensor(yards, dtype=dtype)
    expected = [float(truth.cdf(k + HALF) - truth.cdf(k - HALF)) for k in yards]
    tolerance = 3e-4 if dtype == torch.float32 else 1e-12
    np.testing.assert_allclose(Rounded(law, -200, 200).log_prob(y).exp().double(), expected, rtol=tolerance)
    below = [float(truth.cdf(k + HALF)) for k in yards]
    np.testing.assert_allclose(Rounded(law, -200, 200).cdf(y).double(), below, rtol=tolerance)
    at_bound = [Rounded(law, k, 200).log_prob(torch.tensor(float(k), dtype=dtype)).exp().item() for k in yards]
    np.testing.assert_allclose(at_bound, below, rtol=tolerance)


@EVERY_DTYPE
@EVERY_BASE
def test_what_is_impossible_has_no_probability(kind, case, dtype):
    law = rounded(case, kind, dtype)
    low, high = float(law.lower), float(law.upper)
    impossible = torch.tensor([low - 1, high + 1, low + 0.5, high - 0.25, -math.inf, math.inf], dtype=dtype)
    if abs(low) < 1e3 or dtype == torch.float64:
        impossible = torch.cat([impossible, torch.tensor([low + 0.999, -1e9, 1e9], dtype=dtype)])
    assert (law.log_prob(impossible) == -math.inf).all()
    assert law.log_prob(torch.tensor([low, high], dtype=dtype)).isfinite().all() or kind in ("binned", "gpd")


@EVERY_DTYPE
@ONE_OF_EACH
def test_what_is_missing_stays_missing(kind, case, dtype):
    law = rounded(case, kind, dtype)
    y = torch.tensor([math.nan, float(law.lower) + 1], dtype=dtype)
    for name in ("log_prob", "cdf", "survival", "crps", "icdf"):
        came = getattr(law, name)(y if name != "icdf" else torch.tensor([math.nan, 0.3], dtype=dtype))
        assert came.isnan().tolist() == [True, False], name


@EVERY_DTYPE
def test_beyond_the_end_of_the_base_there_is_nothing(dtype):
    binned = Binned(torch.tensor([-3.0, 1.0, 4.5], dtype=dtype), torch.tensor([0.2, 0.9], dtype=dtype))
    bounded = GeneralizedPareto(torch.tensor(-0.4, dtype=dtype), torch.tensor(2.0, dtype=dtype))  # up to 5
    y = torch.arange(-9, 10, dtype=dtype)
    for base, low, high in ((binned, -3, 4), (bounded, 0, 5)):
        law = Rounded(base, -9, 9)
        assert torch.equal(law.log_prob(y) > -math.inf, (y >= low) & (y <= high))
        assert torch.equal(law.mass(y) > 0, (y >= low) & (y <= high))
        assert (law.icdf(torch.tensor([0.0, 1.0], dtype=dtype)) == torch.tensor([low, high], dtype=dtype)).all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_an_empty_bin_inside_has_its_density(dtype):
    """Less than the dtype resolves as a difference of two CDFs, and more than nothing."""
    edges = torch.tensor([-0.5, 3.5, 8.5, 12.5], dtype=dtype)
    law = Rounded(Binned(edges, torch.tensor([0.0, -46.0, 0.0], dtype=dtype)), -20, 20)
    expected = float(-46 - MP.log(2 + MP.exp(-46)) - MP.log(5))
    assert law.log_prob(torch.tensor(6.0, dtype=dtype)).item() == pytest.approx(expected, rel=1e-5)


# --- drawn by hypothesis ----------------------------------------------------------------------------------------------


@st.composite
def anything(draw):
    """Bounds anywhere, and a base of any kind whose size may be far from theirs."""
    low = draw(st.integers(-120, 100))
    high = low + draw(st.integers(1, 150))
    size, place = draw(st.floats(2**-6, 2**8, width=32)), draw(st.floats(-150, 150, width=32))
    kind = draw(st.sampled_from(["normal", "gpd", "binned", "spliced"]))
    logits = draw(st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=6))
    widths = draw(st.lists(st.floats(2**-4, 4, width=32), min_size=len(logits), max_size=len(logits)))
    xi = draw(st.floats(-0.75, 1.5, width=32))
    edges = single(place + size * np.concatenate([[0], np.cumsum(widths)]))
    return kind, size, place, edges, single(logits), xi, low, high


def base_of(kind, size, place, edges, logits, xi, dtype):
    def tensor(value):
        return torch.tensor(value, dtype=dtype)

    if kind == "normal":
        return Normal(tensor(place), tensor(size))
    if kind == "gpd":
        return GeneralizedPareto(tensor(xi), tensor(size))
    if kind == "binned":
        return Binned(tensor(edges), tensor(logits))
    return SplicedBinnedPareto(tensor(edges), tensor(logits), tensor(xi), tensor(size), tensor(-xi / 2), tensor(size))


@EVERY_DTYPE
@settings(max_examples=80)
@given(numbers=anything())
@example(numbers=("normal", 2.0**-6, 150.0, (0.0, 1.0, 2.0), (0.0, 0.0), 0.1, -99, 1))  # all of it beyond a bound
@example(numbers=("normal", 2.0**-6, 0.5, (0.0, 1.0, 2.0), (0.0, 0.0), 0.1, -99, 1))  # half of it on either side
def test_any_law_is_a_table_that_sums_to_one_and_inverts(dtype, numbers):
    *base, low, high = numbers
    law = Rounded(base_of(*base, dtype), low, high)
    yards = torch.arange(low, high + 1, dtype=dtype)
    mass, steps = law.mass(yards), law.cdf(yards)
    assert (mass >= 0).all()
    assert mass.sum().item() == pytest.approx(1, abs=64 * torch.finfo(dtype).eps)
    log_prob = law.log_prob(yards)
    assert not log_prob.isnan().any() and (log_prob <= 1e-4).all()
    score = law.crps(yards)
    assert (score >= 0).all() and (score <= high - low).all()
    level = torch.cat([steps, torch.linspace(0.01, 0.99, 23, dtype=dtype)])
    level = level[(level > 0) & (level < 1)]
    quantile = law.icdf(level)
    assert (law.cdf(quantile) >= level).all()
    assert ((law.cdf(quantile - 1) < level) | (quantile == low)).all()
    assert low <= law.mean <= high


# --- samples ----------------------------------------------------------------------------------------------------------


@EVERY_DTYPE
@EVERY_BASE
def test_samples_fit_the_probabilities(kind, case, dtype):
    """Chi-square at 1 in 10,000, on cells with at least 8 expected draws, rarer ones put together."""
    law = rounded(case, kind, dtype)
    yards = every_yard(law)
    y = law.sample((4000,))
    assert y.dtype == dtype and y.shape == (4000,)
    assert (y == y.round()).all() and (y >= law.lower).all() and (y <= law.upper).all()
    expected = 4000 * rounded(case, kind).mass(yards.double()).numpy()
    observed = (y[:, None] == yards).sum(0).numpy()
    common = expected >= 8
    expected = np.append(expected[common], expected[~common].sum())
    observed = np.append(observed[common], observed[~common].sum())
    if expected[-1] < 1e-9:
        assert observed[-1] == 0
        expected, observed = expected[:-1], observed[:-1]
    assert len(expected) == 1 or scipy.stats.chisquare(observed, expected * 4000 / expected.sum()).pvalue > 1e-4


@ONE_OF_EACH
def test_samples_have_sample_shape_then_batch_shape(kind, case):
    law = rounded(case, kind)
    wide = Rounded(case.law(kind), law.lower.expand(3), law.upper)
    for shape in ((), (5,), (4, 2), (0,)):
        assert wide.sample(shape).shape == (*shape, 3)
    torch.manual_seed(1)
    first = wide.sample((4,))
    torch.manual_seed(1)
    assert torch.equal(wide.sample((4,)), first)
    assert not first.requires_grad


# --- shapes -----------------------------------------------------------------------------------------------------------

METHODS = ("log_prob", "cdf", "survival", "crps")


def batched(kind, shape, dtype=torch.float64):
    """A base whose parameters vary over a batch, and a function that gives the base of one of its elements."""
    generator = torch.Generator().manual_seed(7)
    case = NORMALS[0] if kind == "normal" else BY_NAME["even"]
    parameters = case.parameters(kind, dtype)
    for name, value in parameters.items():
        if name != "bin_edges":
            noise = 0.3 * torch.rand((*shape, *value.shape), generator=generator, dtype=torch.float64)
            parameters[name] = value + noise.to(dtype)

    def build(parameters):
        if kind == "normal":
            return Normal(**parameters)
        if kind == "spliced":
            return SplicedBinnedPareto(**parameters, lower_mass=0.05, upper_mass=0.05)
        return {"binned": Binned, "gpd": GeneralizedPareto}[kind](**parameters)

    def element(index):
        return build({name: v if name == "bin_edges" else v[index] for name, v in parameters.items()})

    return build(parameters), element


EVERY_KIND = pytest.mark.parametrize("kind", ["normal", "binned", "gpd", "spliced"])


@EVERY_DTYPE
@EVERY_KIND
@pytest.mark.parametrize(
    ("base", "lower", "upper", "outcomes", "batch", "result"),
    [
        ((), (), (), (), (), ()),
        ((), (), (), (4,), (), (4,)),
        ((), (), (), (2, 3), (), (2, 3)),
        ((3,), (), (), (), (3,), (3,)),
        ((3,), (), (3,), (3,), (3,), (3,)),
        ((3,), (3,), (3,), (5, 3), (3,), (5, 3)),
        ((3,), (), (2, 1), (), (2, 3), (2, 3)),
        ((), (3,), (3,), (3,), (3,), (3,)),
        ((), (), (4,), (6, 1), (4,), (6, 4)),
        ((2, 1), (3,), (), (2, 3), (2, 3), (2, 3)),
        ((2, 1), (), (), (5,), (2, 1), (2, 5)),
        ((0,), (), (), (0,), (0,), (0,)),
        ((3,), (), (), (0, 3), (3,), (0, 3)),
    ],
)
def test_base_bounds_and_outcomes_broadcast(kind, dtype, base, lower, upper, outcomes, batch, result):
    generator = torch.Generator().manual_seed(1)

    def whole(low, high, shape):
        return torch.randint(low, high, shape, generator=generator).to(dtype)

    many, element = batched(kind, base, dtype)
    lower, upper, y = whole(-9, -3, lower), whole(5, 12, upper), whole(-3, 5, outcomes)
    law = Rounded(many, lower, upper)
    assert law.batch_shape == torch.Size(batch) and law.event_shape == ()
    indices = torch.arange(math.prod(base)).reshape(base).expand(batch)
    one_by_one = torch.broadcast_tensors(indices, lower, upper, y)
    assert one_by_one[0].shape == torch.Size(result)

    def single_law(i, low, high):
        return Rounded(element(np.unravel_index(int(i), base) if base else ()), low, high)

    for name in METHODS:
        came = getattr(law, name)(y)
        assert came.shape == torch.Size(result) and came.dtype == dtype, name
        alone = [
            getattr(single_law(i, low, high), name)(one)
            for i, low, high, one in zip(*(t.flatten() for t in one_by_one))
        ]
        expected = torch.stack(alone).reshape(result) if alone else came
        torch.testing.assert_close(came, expected, msg=lambda m, n=name: f"{n}: {m}")
    laws = [single_law(*one) for one in zip(*(t.expand(batch).flatten() for t in (indices, lower, upper)))]
    level = torch.tensor([0.03, 0.4, 0.77], dtype=dtype)
    yards = torch.arange(-9, 12, dtype=dtype)
    assert law.mass(yards).shape == (*batch, 21)
    assert law.mean.shape == torch.Size(batch)
    assert law.icdf(level.reshape(3, *[1] * len(batch))).shape == (3, *batch)
    if laws:
        torch.testing.assert_close(law.mass(yards).reshape(-1, 21), torch.stack([one.mass(yards) for one in laws]))
        torch.testing.assert_close(law.mean.flatten(), torch.stack([one.mean for one in laws]))
        came = law.icdf(level.reshape(3, *[1] * len(batch))).reshape(3, -1).T
        assert torch.equal(came, torch.stack([one.icdf(level) for one in laws]))


@EVERY_KIND
def test_expand_is_a_view_with_the_same_answers(kind):
    many, _ = batched(kind, (3,))
    law = Rounded(many, torch.tensor([-9.0, -8, -7]), 11)
    wide = law.expand((2, 3))
    assert type(wide) is Rounded and wide.batch_shape == (2, 3)
    assert wide.lower.untyped_storage().data_ptr() == law.lower.untyped_storage().data_ptr()
    y = torch.tensor([[-9.0], [0], [4], [11]], dtype=torch.float64)
    for name in METHODS:
        torch.testing.assert_close(getattr(wide, name)(y[:, None]), getattr(law, name)(y)[:, None].expand(4, 2, 3))
    assert wide.sample((2,)).shape == (2, 2, 3)


@EVERY_KIND
def test_whole_yards_may_come_as_integers_and_bounds_as_numbers_or_tensors(kind):
    case = NORMALS[0] if kind == "normal" else BY_NAME["even"]
    base, y = case.law(kind, torch.float32), torch.tensor([-5, 0, 3, 17])
    laws = [Rounded(base, *bounds) for bounds in ((-5, 17), (-5.0, 17.0), (torch.tensor(-5), torch.tensor(17.0)))]
    for name in METHODS:
        expected = getattr(laws[0], name)(y.float())
        assert expected.dtype == torch.float32
        for law in laws:
            came = getattr(law, name)(y)
            assert came.dtype == torch.float32 and torch.equal(came, expected), name
    assert laws[1].sample().dtype == laws[1].mean.dtype == laws[1].icdf(0.3).dtype == torch.float32


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
@EVERY_KIND
def test_everything_stays_on_the_device_of_the_base(kind, device):
    case = NORMALS[0] if kind == "normal" else BY_NAME["even"]
    parameters = {name: value.to(device) for name, value in case.parameters(kind).items()}
    base = Normal(**parameters) if kind == "normal" else type(case.law(kind))(**parameters)
    law = Rounded(base, -5, 17).expand((2,))
    y = torch.tensor([-5.0, 3.0], device=device, dtype=torch.float64)
    for name in (*METHODS, "mass"):
        assert getattr(law, name)(y).device.type == device
    assert law.icdf(0.3).device.type == law.mean.device.type == law.sample().device.type == device


# --- gradients --------------------------------------------------------------------------------------------------------


@ONE_OF_EACH
def test_log_prob_and_crps_have_the_gradients_of_their_values(kind, case):
    parameters = case.parameters(kind, requires_grad=True)
    fixed = {name: value for name, value in parameters.items() if not value.requires_grad}
    names = [name for name in parameters if name not in fixed]
    low, high = bounds_of(case, kind)
    y = torch.tensor([low, low + 2, (low + high) // 2, high], dtype=torch.float64)
    y = y[rounded(case, kind).log_prob(y) > -math.inf]
    assert len(y) >= 3

    def build(values):
        together = fixed | dict(zip(names, values))
        if kind == "normal":
            return Normal(**together)
        return type(case.law(kind))(
            **together, **({"lower_mass": 0.05, "upper_mass": 0.05} if kind == "spliced" else {})
        )

    for name in ("log_prob", "crps"):

        def function(*values, name=name):
            return getattr(Rounded(build(values), low, high), name)(y)

        assert torch.autograd.gradcheck(function, [parameters[n] for n in names], eps=1e-6, atol=1e-6, rtol=1e-5)


# --- validation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (0.5, 3, "lower: expected whole yards, got 0.5"),
        (0, torch.tensor([3.0, 4.25]), "upper: expected whole yards, got 4.25"),
        (-math.inf, 3, "lower: expected whole yards, got -inf"),
        (0, math.nan, "upper: expected whole yards, got nan"),
        (3, 3, "lower, upper: expected every lower bound below its upper bound"),
        (torch.tensor([0, 5]), torch.tensor([4, 4]), "lower, upper: expected every lower bound below its upper bound"),
    ],
)
def test_wrong_bounds_are_named(lower, upper, message):
    base = Normal(torch.tensor(0.0), torch.tensor(1.0))
    with pytest.raises(ValueError, match=message):
        Rounded(base, lower, upper)
    with pytest.raises(ValueError, match=message):
        Rounded(base, lower, upper, validate_args=True)
    Rounded(base, lower, upper, validate_args=False)


def test_shapes_that_do_not_broadcast_are_refused():
    message = r"lower, upper: expected shapes that broadcast with the batch of base, \(2,\), got \(3,\) and \(\)"
    with pytest.raises(ValueError, match=message):
        Rounded(Normal(torch.zeros(2), torch.ones(2)), torch.zeros(3), 9)


# --- the pieces -------------------------------------------------------------------------------------------------------


@EVERY_DTYPE
@ONE_OF_EACH
def test_an_interval_has_the_difference_of_two_cdfs_and_may_be_open(kind, case, dtype):
    truth, law = case.oracle(kind), case.law(kind, dtype)
    edges = [-math.inf, *(float(truth.icdf(MP.mpf(level))) for level in ("0.02", "0.3", "0.62", "0.98")), math.inf]
    edges = single(edges)
    for low, high in pairwise(edges):
        probability, resolved = interval_probability(law, *torch.tensor([low, high], dtype=dtype))
        expected = (1 if high == math.inf else truth.cdf(high)) - (0 if low == -math.inf else truth.cdf(low))
        assert resolved
        assert probability.item() == pytest.approx(float(expected), rel=1e-4 if dtype == torch.float32 else 1e-11)


def test_a_law_without_a_survival_has_one_all_the_same():
    law = torch.distributions.Laplace(torch.tensor(2.0), torch.tensor(3.0))
    y = torch.tensor([-4.0, 2.0, 9.0])
    torch.testing.assert_close(survival(law, y), 1 - law.cdf(y))
    whole = Rounded(law, -20, 30)
    assert whole.mass(torch.arange(-20.0, 31)).sum().item() == pytest.approx(1, abs=1e-5)


def test_the_example_of_the_docstring():
    law = Rounded(Normal(4.0, 6.0), lower=-90, upper=10)
    came = law.log_prob(torch.tensor([0.0, 10.0])).exp()
    expected = scipy.stats.norm(4, 6)
    torch.testing.assert_close(
        came.tolist(), [expected.cdf(0.5) - expected.cdf(-0.5), expected.sf(9.5)], atol=1e-6, rtol=0
    )
    torch.testing.assert_close(came, torch.tensor([0.0532, 0.1797]), atol=5e-5, rtol=0)


def test_near_the_goal_line_the_upper_tail_is_a_score():
    """The spliced law of a pass, ten yards before the end of the field: what lies beyond is a touchdown."""
    case = Case("football", np.linspace(-10.5, 40.5, 18), np.linspace(1, -3, 17), xi=(0.1, 0.2), beta=(2.0, 8.0))
    law = Rounded(case.law("spliced"), -90, 10)
    score = law.log_prob(torch.tensor(10.0, dtype=torch.float64)).exp().item()
    assert score == pytest.approx(float(case.oracle("spliced").survival(MP.mpf("9.5"))), rel=1e-9)
    assert score == pytest.approx(law.survival(torch.tensor(9.0, dtype=torch.float64)).item(), rel=1e-12)
