"""The one table of laws that every test of `qbsbp.distributions` runs over.

A case is one parameter set. The spliced law uses all of it, `Binned` its edges and logits, `GeneralizedPareto` its
upper tail. All numbers of a case are float32 numbers, so that a law in either dtype has the same parameters and the
oracle answers for both. Numbers are generic on purpose: no width of 1, no mass of 1/2, no symmetry where none is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from qbsbp import distributions
from tests import oracle

MP = oracle.mp
SHAPES = (-0.45, -0.2, 0.0, 1e-9, 1e-4, 0.1, 0.3, 0.7)


def single(value):
    """The float32 number nearest to `value`, as a Python float; a tuple for an array."""
    rounded = np.asarray(value, dtype=np.float32).astype(float)
    return tuple(rounded.tolist()) if rounded.ndim else float(rounded)


@dataclass(frozen=True)
class Case:
    name: str
    bin_edges: tuple
    logits: tuple
    xi: tuple = (0.1, 0.3)  # lower, upper
    beta: tuple = (1.3, 2.1)
    mass: tuple = (0.05, 0.05)

    def __post_init__(self):
        for field in ("bin_edges", "logits", "xi", "beta"):
            object.__setattr__(self, field, single(getattr(self, field)))
        assert len(self.bin_edges) == len(self.logits) + 1, self.name

    def parameters(self, kind, dtype=torch.float64, requires_grad=False):
        """Keyword tensors that build the law of this kind."""
        numbers = {
            "binned": {"bin_edges": self.bin_edges, "logits": self.logits},
            "gpd": {"xi": self.xi[1], "beta": self.beta[1]},
            "spliced": {
                "bin_edges": self.bin_edges,
                "logits": self.logits,
                "lower_xi": self.xi[0],
                "lower_beta": self.beta[0],
                "upper_xi": self.xi[1],
                "upper_beta": self.beta[1],
            },
        }[kind]
        return {
            name: torch.tensor(number, dtype=dtype, requires_grad=requires_grad and name != "bin_edges")
            for name, number in numbers.items()
        }

    def law(self, kind, dtype=torch.float64, **kwargs):
        return build(kind, self.parameters(kind, dtype), self.mass, **kwargs)

    def oracle(self, kind):
        if kind == "binned":
            return oracle.Binned(self.bin_edges, self.logits)
        if kind == "gpd":
            return oracle.GeneralizedPareto(self.xi[1], self.beta[1])
        return oracle.SplicedBinnedPareto(
            self.bin_edges, self.logits, self.xi[0], self.beta[0], self.xi[1], self.beta[1], *self.mass
        )


def build(kind, parameters, mass=(0.05, 0.05), **kwargs):
    """The law of a kind from its keyword tensors."""
    if kind == "binned":
        return distributions.Binned(**parameters, **kwargs)
    if kind == "gpd":
        return distributions.GeneralizedPareto(**parameters, **kwargs)
    return distributions.SplicedBinnedPareto(**parameters, lower_mass=mass[0], upper_mass=mass[1], **kwargs)


def _generic(bins, seed, spread=1.0):
    return np.random.default_rng(seed).normal(0, spread, bins)


def _uneven(bins, start, mean_width, seed):
    widths = mean_width * np.random.default_rng(seed).uniform(0.2, 1.8, bins)
    return start + np.concatenate([[0.0], np.cumsum(widths)])


def _bell(bin_edges, *peaks):
    """Logits of a mixture of bells, each `(centre, width, weight)`."""
    centres = (np.asarray(bin_edges)[1:] + np.asarray(bin_edges)[:-1]) / 2
    return np.log(sum(w * np.exp(-(((centres - c) / s) ** 2) / 2) for c, s, w in peaks) + 1e-12)


_HUNDRED = np.linspace(-10.5, 40.5, 101)
_LONG = _uneven(30, -12.0, 1.8, seed=5)

CASES = [
    Case("even", np.linspace(-8.2, 14.3, 9), _generic(8, 1)),
    Case("uneven", _uneven(7, -5.3, 2.7, 2), _generic(7, 3), xi=(-0.2, 0.1), mass=(0.01, 0.2)),
    Case("two_bins", (-3.1, 0.4, 7.9), (0.3, -0.9), xi=(0.0, 0.0), beta=(0.8, 1.7)),
    Case("hundred_bins", _HUNDRED, _bell(_HUNDRED, (6.3, 5.2, 1.0)) + _generic(100, 4, 0.2), xi=(1e-9, 1e-4)),
    Case("bimodal_uneven", _LONG, _bell(_LONG, (0.7, 1.1, 0.6), (19.0, 6.5, 0.4)), xi=(-0.45, 0.7), mass=(0.001, 0.1)),
    Case("logits_of_50", _uneven(6, -4.1, 1.9, 6), (50, -50, 49.2, 50, -50, 48.1), xi=(0.7, -0.45)),
    Case("peaked", np.linspace(-6.7, 5.9, 6), (0.2, -0.4, 17.0, 0.1, 0.5), xi=(0.3, -0.2), mass=(0.05, 0.1)),
    Case(  # 4.6 % of the mass lies left of three empty bins, so the lower threshold is just right of them
        "empty_beside_threshold",
        _uneven(9, -7.0, 1.7, 7),
        (0.0, -60.0, -60.0, -60.0, 1.9, 2.1, -60.0, -60.0, -0.5),
        xi=(1e-4, 1e-9),
    ),
    Case("offset", 1e4 + np.linspace(-9.5, 11.2, 9), _generic(8, 8), xi=(-0.2, 0.3), beta=(3.1, 2.4)),
    Case("narrow", 3.0 + 0.01 * np.arange(13), _generic(12, 9), beta=(0.02, 0.013), mass=(0.03, 0.07)),
    Case("wide", 1000.0 * np.arange(-4, 7), _generic(10, 10), xi=(0.1, -0.2), beta=(700.0, 1300.0)),
    Case("threshold_on_edge", np.linspace(-10, 30, 21), np.zeros(20), xi=(0.3, 0.1), beta=(1.1, 3.7)),
    Case("bounded", _uneven(8, -6.0, 2.2, 11), _generic(8, 12, 2.0), xi=(-0.45, -0.45), mass=(0.001, 0.1)),
    Case("heavy", _uneven(5, -6.0, 2.2, 13), _generic(5, 14), xi=(0.7, 0.7), mass=(0.2, 0.01)),
    Case("nearly_exponential", _uneven(5, -2.0, 1.2, 15), _generic(5, 16), xi=(-1e-9, 1e-9), mass=(0.2, 0.01)),
    Case("slightly_bounded", _uneven(6, -2.0, 1.2, 17), _generic(6, 18), xi=(1e-4, -1e-4)),
    Case("fully_exponential", np.linspace(-4.7, 9.1, 4), (0.8, -0.1, 0.4), xi=(0.1, 0.0)),
    Case(
        "splice_higher_than_body", np.linspace(-5.1, 7.3, 8), _generic(7, 19, 0.3), beta=(0.11, 0.31), mass=(0.1, 0.05)
    ),
]
BY_NAME = {case.name: case for case in CASES}
KINDS = ("binned", "gpd", "spliced")
DTYPES = (torch.float32, torch.float64)


def _table():
    """(kind, case) pairs; the GPD only once for each of its parameter sets."""
    seen = set()
    for case in CASES:
        for kind in KINDS:
            key = (case.xi[1], case.beta[1]) if kind == "gpd" else case.name
            if (kind, key) not in seen:
                seen.add((kind, key))
                yield pytest.param(kind, case, id=f"{kind}-{case.name}")


EVERY_LAW = pytest.mark.parametrize(("kind", "case"), list(_table()))
EVERY_SPLICED = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_DTYPE = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])

OF_OUTCOME = ("log_prob", "cdf", "survival", "log_survival", "crps")  # methods that take y
OF_LAW = ("mean", "variance", "entropy")


def scalars(kind):
    """Names of what a law says without an argument."""
    return (*OF_LAW, "lower_threshold", "upper_threshold") if kind == "spliced" else OF_LAW


def ask(law, name, argument=None):
    """`law.name(argument)`, or the property or method without an argument; the same for our laws and the oracle's."""
    member = getattr(law, name)
    if argument is not None:
        return member(argument)
    return member() if callable(member) else member


@dataclass(frozen=True)
class Reference:
    """What the oracle says about one case: arguments, values and derivatives in every input.

    `value[name]` has one number per argument (one number for `scalars`); `derivative[name][input]` likewise, where
    `input` is an input of the oracle's law, "y" or "level".
    """

    y: tuple
    level: tuple
    value: dict
    derivative: dict
    sizes: dict  # by how much each input is rounded, in units of eps

    def condition(self, name):
        """By how much the answers change when every input changes by its rounding, in units of the machine's epsilon.

        A backward stable method errs by a small multiple of `eps * (abs(value) + condition)`, in any dtype. Inputs
        round relatively; a logit as a number of size 1 at least, because a mass is only known to relative eps.
        """
        total = [0.0] * len(self.value[name])
        for key, derivatives in self.derivative[name].items():
            for i, derivative in enumerate(derivatives):
                size = abs(getattr(self, key)[i]) if key in ("y", "level") else self.sizes[key]
                total[i] += float(abs(derivative) * size)
        return total


def outcomes(case, kind):
    """Generic float32 outcomes in every part of the law, none on a kink: levels given as shares of each part."""
    law = case.oracle(kind)
    if kind == "gpd":
        exact = [law.quantile_of_survival(MP.mpf(s)) for s in (0.97, 0.62, 0.2, 0.01, 1e-6)]
    elif kind == "binned":
        exact = [law.icdf(MP.mpf(u)) for u in (0.013, 0.11, 0.31, 0.52, 0.83, 0.972)]
    else:
        lower, upper = law.lower_mass, law.upper_mass
        exact = [law.icdf(lower * MP.mpf(share)) for share in (1e-6, 0.01, 0.53, 0.97)]
        exact += [law.icdf(lower + (1 - lower - upper) * MP.mpf(share)) for share in (0.031, 0.213, 0.52, 0.83, 0.972)]
        exact += [law.quantile_of_survival(upper * MP.mpf(share)) for share in (0.97, 0.53, 0.01, 1e-6)]
    few = exact[::3] if len(case.logits) > 50 else exact  # the oracle needs seconds for a hundred bins
    return single([float(y) for y in few])


def levels(case, kind):
    """Generic float32 levels in every part of the law."""
    if kind != "spliced":
        return single((1e-6, 0.013, 0.21, 0.52, 0.83, 0.972, 0.999))
    lower, upper = case.mass
    body = [lower + (1 - lower - upper) * share for share in (0.031, 0.213, 0.52, 0.83, 0.972)]
    return single([lower * 1e-6, lower * 0.31, lower * 0.9, *body, 1 - upper * 0.9, 1 - upper * 0.31, 1 - upper * 0.01])


def consult(case, kind, y, level):
    """Ask the oracle about a case at outcomes `y` and levels `level`."""
    law, exact_y, exact_level = case.oracle(kind), [MP.mpf(v) for v in y], [MP.mpf(v) for v in level]
    questions = [(name, v) for name in OF_OUTCOME for v in exact_y] + [("icdf", u) for u in exact_level]
    questions += [(name, None) for name in scalars(kind)]

    def answers(some_law):
        return [ask(some_law, *question) for question in questions]

    values, derivatives = answers(law), law.jacobian(answers)
    value, derivative = {}, {}
    for name in dict.fromkeys(name for name, _ in questions):
        which = [i for i, (other, _) in enumerate(questions) if other == name]
        value[name] = [values[i] for i in which]
        derivative[name] = {key: [column[i] for i in which] for key, column in derivatives.items()}
        if name in OF_OUTCOME or name == "icdf":
            points = exact_level if name == "icdf" else exact_y
            slopes = [oracle.slope(lambda t, n=name: ask(law, n, t), point) for point in points]
            derivative[name]["level" if name == "icdf" else "y"] = slopes
    sizes = {}
    for key in law.inputs():
        size = abs(law.value_of(key))
        sizes[key] = max(MP.one, size) if key == "level_error" or key[0] == "logits" else size
    return Reference(y, level, value, derivative, sizes)


@cache
def reference(kind, name):
    """The oracle's answers for a case of the table (cached: both dtypes and several tests read them)."""
    case = BY_NAME[name]
    return consult(case, kind, outcomes(case, kind), levels(case, kind))
