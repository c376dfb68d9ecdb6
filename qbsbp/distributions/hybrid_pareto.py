r"""The hybrid Pareto: a bell whose upper tail is a generalized Pareto, smoothly joined, and mixtures of such.

The splice before this one. The join is where density and slope agree, so that it follows from the bell and the shape,
and cannot be chosen. Chapter: the splice before this one.
"""

from __future__ import annotations

import math

import torch
from scipy import special
from torch import Tensor
from torch.distributions import Distribution, constraints

from ._checks import as_value, check_floating, first_offender
from ._integrals import crps_by_quadrature
from .gpd import cumulative_hazard, excess_at_hazard

__all__ = ["HybridPareto"]


class HybridPareto(Distribution):
    r"""Mixture of hybrid Pareto laws; with one component the hybrid Pareto itself.

    A component is a normal law of mean :math:`\mu` and standard deviation :math:`\sigma` up to the join
    :math:`\alpha`, and beyond it a generalized Pareto of shape :math:`\xi`, both divided by :math:`\gamma`. With W the
    Lambert function and :math:`w = W\big((1 + \xi)^2 / 2 \pi\big)`,

    .. math:: \alpha = \mu + \sigma \sqrt w, \quad \beta = \sigma (1 + \xi) / \sqrt w, \quad
              \gamma = 1 + \Phi(\sqrt w),

    which makes density and slope continuous at the join. Only the upper tail is heavy.

    Args:
        logits: Log weights of the components up to a constant, shape (*batch, components).
        location: :math:`\mu`, in the unit of the outcome, the same shape.
        scale: :math:`\sigma > 0`, the same shape.
        xi: Shape :math:`\xi > -1` of each upper tail, the same shape.
        validate_args: Check the arguments; None follows torch's default.

    Raises:
        ValueError: A parameter has another shape, dtype or range; the first offender is named.

    Reference: Carreau & Bengio (2009), A hybrid Pareto model for asymmetric fat-tailed data: the univariate case,
    Extremes 12, 53-76, section 2.

    Example:
        >>> law = HybridPareto(*torch.tensor([[0.0], [5.0], [2.0], [0.3]]))
        >>> law.survival(torch.tensor(30.0)) > 0.001
        tensor(True)
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    support = constraints.real
    has_rsample = False

    def __init__(
        self, logits: Tensor, location: Tensor, scale: Tensor, xi: Tensor, validate_args: bool | None = None
    ) -> None:
        check_floating(logits=logits, location=location, scale=scale, xi=xi)
        for name, value in (("location", location), ("scale", scale), ("xi", xi)):
            if value.shape != logits.shape or logits.dim() == 0:
                raise ValueError(
                    f"{name}: expected the shape of logits, (*batch, components), got {tuple(value.shape)} for "
                    f"{tuple(logits.shape)}"
                )
        self.logits, self.location, self.scale, self.xi = logits, location, scale, xi
        super().__init__(logits.shape[:-1], validate_args=validate_args)
        if self._validate_args:
            for name, value in (("logits", logits), ("location", location)):
                first_offender(name, value, value.isfinite(), "finite numbers")
            first_offender("scale", scale, (scale > 0) & scale.isfinite(), "a scale > 0")
            first_offender("xi", xi, (xi > -1) & xi.isfinite(), "a shape > -1")
        root = _lambert((1 + xi) ** 2 / (2 * math.pi)).sqrt()
        self.join = location + scale * root
        self.beta = scale * (1 + xi) / root
        self.log_gamma = torch.log1p(torch.special.ndtr(root))
        self.log_weight = logits.log_softmax(-1)

    def _parts(self, value: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
        """Where the value is beyond the joins, its place under the bells and its hazards in the tails."""
        y = as_value(value, self.location).unsqueeze(-1)
        beyond = y > self.join
        bell = (torch.where(beyond, self.join, y) - self.location) / self.scale
        tail = cumulative_hazard((y - self.join).clamp(min=0) / self.beta, self.xi)
        return beyond, bell, tail

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density, shape of the value broadcast with the batch; differentiable, -inf past a finite end."""
        beyond, bell, tail = self._parts(value)
        below = -bell * bell / 2 - 0.5 * math.log(2 * math.pi) - self.scale.log()
        finite = tail.isfinite()  # past the end of a tail with xi < 0 the hazard is infinite
        above = torch.where(finite, -(1 + self.xi) * torch.where(finite, tail, 0) - self.beta.log(), -math.inf)
        return torch.logsumexp(self.log_weight - self.log_gamma + torch.where(beyond, above, below), -1)

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y <= y)."""
        beyond, bell, tail = self._parts(value)
        gamma = self.log_gamma.exp()
        below = torch.special.ndtr(bell) / gamma
        return (self.log_weight.exp() * torch.where(beyond, 1 - (-tail).exp() / gamma, below)).sum(-1)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > y), accurate far out."""
        beyond, bell, tail = self._parts(value)
        gamma = self.log_gamma.exp()
        above = (-tail).exp() / gamma
        return (self.log_weight.exp() * torch.where(beyond, above, 1 - torch.special.ndtr(bell) / gamma)).sum(-1)

    def icdf(self, level: Tensor) -> Tensor:
        """Quantile: in closed form of one component, else by bisection between the components' own."""
        u = as_value(level, self.location).unsqueeze(-1)
        gamma = self.log_gamma.exp()
        at_join = (gamma - 1) / gamma
        hazard = -torch.log(((1 - u) * gamma).clamp(max=1))
        own = torch.where(
            u > at_join,
            self.join + self.beta * excess_at_hazard(hazard, self.xi),
            self.location + self.scale * torch.special.ndtri((u * gamma).clamp(max=0.99)),
        )
        low, high = own.amin(-1), own.amax(-1)
        if self.logits.shape[-1] > 1:
            with torch.no_grad():
                for _ in range(60):
                    middle = low + (high - low) / 2
                    short = self.cdf(middle) < u.squeeze(-1)
                    low, high = torch.where(short, middle, low), torch.where(short, high, middle)
        return low

    def crps(self, value: Tensor) -> Tensor:
        """CRPS in the unit of the outcome, by quadrature, to about four digits."""
        return crps_by_quadrature(self, as_value(value, self.location))

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        """Draws, by inversion."""
        with torch.no_grad():
            shape = self._extended_shape(sample_shape)
            return self.icdf(torch.rand(shape, dtype=self.location.dtype, device=self.location.device))


def _lambert(z: Tensor) -> Tensor:
    """W(z) for z > 0. SciPy gives the value, and one step of Newton's method from it the derivative."""
    start = torch.from_numpy(special.lambertw(z.detach().cpu().double().numpy()).real).to(z)
    power = start.exp()
    return start - (start * power - z) / (power * (1 + start))
