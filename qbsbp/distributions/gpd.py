"""The generalized Pareto distribution of excesses, smooth in its shape through zero.

Chapter: the generalized Pareto (book/ch02_generalized_pareto.md).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import broadcast_all

from ._checks import as_value, check_floating, expand_instance, first_offender

__all__ = ["GeneralizedPareto"]


def _series(t: Tensor, coefficients: list[float]) -> Tensor:
    """Horner evaluation of sum_n coefficients[n] t^n; its autograd derivative is the differentiated series."""
    out = torch.full_like(t, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        out = out * t + coefficient
    return out


# |t| below which the quotients log1p(t) / t and expm1(t) / t are series: their derivatives cancel there like eps / t,
# and 0.05^n sets the number of terms that each dtype needs.
SERIES_BELOW = 0.05


def series_terms(dtype: torch.dtype) -> int:
    """Terms after which a power series in |t| < 0.05 has converged to the precision of `dtype`."""
    return max(2, math.ceil(math.log(torch.finfo(dtype).eps) / math.log(SERIES_BELOW)) + 1)


def cumulative_hazard(z: Tensor, xi: Tensor) -> Tensor:
    r"""Cumulative hazard :math:`H(z; \xi) = -\log S(z; \xi) = \log(1 + \xi z) / \xi`, with :math:`H(z; 0) = z`.

    Value and gradients are right through :math:`\xi = 0`; beyond a finite end point `H` is `inf` with zero gradients.

    Args:
        z: Excess in units of the scale, at least 0, any shape.
        xi: Shape parameter, broadcastable with `z`.
    """
    infinite = z == math.inf
    z = torch.where(infinite, 0, z)  # its product with a zero gradient would be NaN
    t = xi * z
    small = (t.abs() < SERIES_BELOW) & ~infinite
    beyond = (t <= -1) | infinite
    n = series_terms(t.dtype)
    series = z * _series(torch.where(small, t, 0), [(-1) ** k / (k + 1) for k in range(n)])
    # double where: the branch not taken sees harmless inputs, so that its gradient is not NaN
    quotient = torch.log1p(torch.where(small | beyond, 1, t)) / torch.where(small, 1, xi)
    return torch.where(small, series, torch.where(beyond, math.inf, quotient))


def excess_at_hazard(hazard: Tensor, xi: Tensor) -> Tensor:
    r"""The inverse of `cumulative_hazard` in `z`: :math:`z = (e^{\xi H} - 1) / \xi`, and :math:`z = H` at 0.

    Args:
        hazard: Cumulative hazard, at least 0 and possibly `inf`, any shape.
        xi: Shape parameter, broadcastable with `hazard`.
    """
    at_end = hazard == math.inf
    hazard = torch.where(at_end, 0, hazard)
    t = xi * hazard
    small = t.abs() < SERIES_BELOW
    coefficients = [1 / math.factorial(k + 1) for k in range(series_terms(t.dtype))]
    series = hazard * _series(torch.where(small, t, 0), coefficients)
    quotient = torch.expm1(torch.where(small, 1, t)) / torch.where(small, 1, xi)
    bounded = at_end & (xi < 0)
    end = torch.where(bounded, -1 / torch.where(bounded, xi, -1), math.inf)
    return torch.where(at_end, end, torch.where(small, series, quotient))


def integrated_survival(hazard: Tensor, xi: Tensor) -> Tensor:
    r"""Integral of the survival function from 0 to the excess `z` of that hazard, in units of the scale.

    .. math:: \int_0^z S(s; \xi)\, ds = \frac{1 - S(z)^{1 - \xi}}{1 - \xi}, \text{ and } H \text{ at } \xi = 1.
    """
    rate = 1 - xi
    at_end = hazard == math.inf  # S is 0 there, and its power has no gradient that autograd could find
    hazard = torch.where(at_end, 0, hazard)
    t = -rate * hazard
    small = t.abs() < SERIES_BELOW
    coefficients = [1 / math.factorial(k + 1) for k in range(series_terms(t.dtype))]
    near = torch.where(small, hazard, 0) * _series(torch.where(small, t, 0), coefficients)
    far = -torch.expm1(torch.where(small, -1, t)) / torch.where(small, 1, rate)
    whole = torch.where(rate > 0, 1 / torch.where(rate > 0, rate, 1), math.inf)
    return torch.where(at_end, whole, torch.where(small, near, far))


class GeneralizedPareto(Distribution):
    r"""Generalized Pareto distribution of an excess over a threshold, with threshold 0.

    .. math:: S(y) = (1 + \xi y / \beta)_+^{-1/\xi}, \quad f(y) = \tfrac{1}{\beta} S(y)^{1 + \xi}, \quad y \ge 0,

    and the exponential law :math:`S(y) = e^{-y/\beta}` at :math:`\xi = 0`. For :math:`\xi < 0` the support ends at
    :math:`\beta / |\xi|`. Values and gradients are smooth in :math:`\xi` through 0.

    Args:
        xi: Shape parameter, no unit, any real number, any shape.
        beta: Scale parameter in yards (the unit of the outcome), > 0, broadcastable with `xi`.
        validate_args: Check the arguments; None follows torch's default.

    Raises:
        ValueError: a parameter is not a number, `beta` is not positive, or the shapes do not broadcast.

    Example:
        >>> tail = GeneralizedPareto(torch.tensor(0.3), torch.tensor(10.0))
        >>> tail.survival(torch.tensor(40.0))
        tensor(0.0723)

    Reference: Pickands (1975); Embrechts, Klüppelberg & Mikosch (1997), section 3.4.
    """

    arg_constraints = {"xi": constraints.real, "beta": constraints.positive}
    has_rsample = True

    def __init__(self, xi: Tensor | float, beta: Tensor | float, validate_args: bool | None = None) -> None:
        try:
            self.xi, self.beta = broadcast_all(xi, beta)
        except RuntimeError:
            shapes = f"xi {tuple(xi.shape)} and beta {tuple(beta.shape)}"
            raise ValueError(f"the shapes of the parameters must broadcast, got {shapes}") from None
        super().__init__(self.xi.shape, validate_args=False)
        self._validate_args = Distribution._validate_args if validate_args is None else bool(validate_args)
        if self._validate_args:
            check_floating(xi=self.xi, beta=self.beta)
            first_offender("xi", self.xi, torch.isfinite(self.xi), "a finite number")
            first_offender("beta", self.beta, (self.beta > 0) & torch.isfinite(self.beta), "a scale > 0 (yards)")

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """The half line from 0; shapes below 0 end it at `beta / abs(xi)`."""
        return constraints.nonnegative

    def expand(self, batch_shape: torch.Size, _instance: Distribution | None = None) -> GeneralizedPareto:
        """The same law with its parameters expanded (not copied) to `batch_shape`."""
        return expand_instance(self, batch_shape, _instance, ("xi", "beta"))

    def _hazard(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Value in the parameters' dtype and H of its non-negative part, 0 for NaN.

        Infinite and missing outcomes stay out of the arithmetic: not even a gradient of 0 survives their products. The
        callers put NaN back with `_or_missing`.
        """
        value = as_value(value, self.xi)
        hazard = cumulative_hazard(torch.where(value < math.inf, value, 0).clamp(min=0) / self.beta, self.xi)
        return value, torch.where(value == math.inf, math.inf, hazard)

    @staticmethod
    def _or_missing(value: Tensor, answer: Tensor) -> Tensor:
        return torch.where(value.isnan(), math.nan, answer)

    def log_prob(self, value: Tensor) -> Tensor:
        """Natural log density in 1/yard; -inf outside the support."""
        value, hazard = self._hazard(value)
        outside = (value < 0) | (hazard == math.inf)
        log_density = -self.beta.log() - (1 + self.xi) * torch.where(outside, 0, hazard)
        return self._or_missing(value, torch.where(outside, -math.inf, log_density))

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of an excess of at most `value`."""
        value, hazard = self._hazard(value)
        # torch differentiates expm1 as result + 1, which cancels in the tail
        far = hazard > 0.7
        near = -torch.expm1(-torch.where(far, 0, hazard))
        return self._or_missing(value, torch.where(far, 1 - (-torch.where(far, hazard, 1)).exp(), near))

    def survival(self, value: Tensor) -> Tensor:
        """Probability of an excess beyond `value`, without cancellation in the tail."""
        return self.log_survival(value).exp()

    def log_survival(self, value: Tensor) -> Tensor:
        r"""Natural log survival :math:`-\log(1 + \xi y / \beta) / \xi`."""
        value, hazard = self._hazard(value)
        return self._or_missing(value, -hazard)

    def icdf(self, level: Tensor) -> Tensor:
        """Excess in yards at a level in [0, 1]; levels 0 and 1 give the ends of the support, others NaN."""
        level = as_value(level, self.xi)
        valid = (level >= 0) & (level <= 1)
        inside = torch.where(valid & (level < 1), level, 0)
        hazard = torch.where(level == 1, math.inf, -torch.log1p(-inside))
        excess = excess_at_hazard(hazard, self.xi)
        infinite = excess == math.inf
        excess = torch.where(infinite, math.inf, self.beta * torch.where(infinite, 0, excess))
        return torch.where(valid, excess, math.nan)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Samples by the inverse CDF, differentiable in both parameters."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.icdf(uniform_levels(shape, self.xi))

    @property
    def mean(self) -> Tensor:
        r""":math:`\beta / (1 - \xi)`, `inf` for :math:`\xi \ge 1`."""
        finite = self.xi < 1
        return torch.where(finite, self.beta / (1 - torch.where(finite, self.xi, 0)), math.inf)

    @property
    def variance(self) -> Tensor:
        r""":math:`\beta^2 / ((1 - \xi)^2 (1 - 2 \xi))`, `inf` for :math:`\xi \ge 1/2`."""
        finite = self.xi < 0.5
        xi = torch.where(finite, self.xi, 0)
        return torch.where(finite, self.beta**2 / ((1 - xi) ** 2 * (1 - 2 * xi)), math.inf)

    @property
    def mode(self) -> Tensor:
        r"""0 for :math:`\xi \ge -1` (the density never rises); below, the end point, where it is unbounded."""
        rising = self.xi < -1
        return torch.where(rising, -self.beta / torch.where(rising, self.xi, -1), 0)

    def entropy(self) -> Tensor:
        r"""Differential entropy :math:`\log \beta + \xi + 1`, in nats."""
        return self.beta.log() + self.xi + 1

    def crps(self, value: Tensor) -> Tensor:
        r"""Continuous ranked probability score :math:`\int (F(x) - 1\{x \ge y\})^2 dx`, in yards.

        With the integrated survival :math:`G(y)`: :math:`|y| - 2 G(y_+) + \beta / (2 - \xi)`; `inf` for
        :math:`\xi \ge 2`.

        Reference: Friederichs & Thorarinsdottir (2012), Environmetrics 23, for the law with :math:`\xi < 1`.
        """
        value, hazard = self._hazard(value)
        finite = self.xi < 2
        constant = torch.where(finite, self.beta / (2 - torch.where(finite, self.xi, 0)), math.inf)
        distance = torch.where(value.isfinite(), value, 0).abs()
        score = distance - 2 * self.beta * integrated_survival(hazard, self.xi) + constant
        return self._or_missing(value, torch.where(value.isinf(), math.inf, score))


def uniform_levels(shape: torch.Size, like: Tensor) -> Tensor:
    """Uniform levels in (0, 1): torch draws 0 with probability 2^-24 in float32, which would be an infinite outcome."""
    levels = torch.rand(shape, dtype=like.dtype, device=like.device)
    return levels.clamp_(min=torch.finfo(like.dtype).eps / 4)
