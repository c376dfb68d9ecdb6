r"""A law as its outcomes are written down: rounded to whole numbers, and cut at bounds that nothing passes.

Chapter: learning from real yards.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, constraints

from ._checks import as_value

__all__ = ["Rounded", "interval_probability", "survival"]


class Rounded(Distribution):
    r"""The law of :math:`\min(\max(\lfloor Z + 1/2 \rfloor, a), b)`, Z having a law with CDF F and survival S.

    Yards are whole numbers and end at the goal line. So with whole bounds :math:`a < b`

    .. math:: P(Y = k) = \begin{cases}
        F(a + 1/2)              & k = a \\
        F(k + 1/2) - F(k - 1/2) & a < k < b \\
        S(b - 1/2)              & k = b
        \end{cases}

    and the probabilities sum to 1 whatever F is: what would have gone further counts at the bound. That makes laws
    comparable that were not made for whole numbers, or for a field that ends.

    Probabilities above the median are differences of survival probabilities, which do not cancel there.

    Args:
        base: Law of Z, with a `cdf` and, for accuracy far up, a `survival`.
        lower: Least outcome a, whole yards, broadcastable with the batch of `base`.
        upper: Greatest outcome b, whole yards, broadcastable.
        validate_args: Check the bounds; None follows torch's default.

    Raises:
        ValueError: a bound is not a whole number, a lower bound is not below its upper one, or shapes do not broadcast.

    Example:
        >>> law = Rounded(Normal(4.0, 6.0), lower=-90, upper=10)
        >>> law.log_prob(torch.tensor([0.0, 10.0])).exp()
        tensor([0.0532, 0.1797])
    """

    arg_constraints = {}
    support = constraints.real
    has_rsample = False

    def __init__(
        self, base: Distribution, lower: Tensor | float, upper: Tensor | float, validate_args: bool | None = None
    ) -> None:
        like = _parameter(base)
        lower, upper = (as_value(bound, like) for bound in (lower, upper))
        try:
            shape = torch.broadcast_shapes(base.batch_shape, lower.shape, upper.shape)
        except RuntimeError as error:
            raise ValueError(
                f"lower, upper: expected shapes that broadcast with the batch of base, {tuple(base.batch_shape)}, got "
                f"{tuple(lower.shape)} and {tuple(upper.shape)}"
            ) from error
        self.base = base if base.batch_shape == shape else base.expand(shape)
        self.lower, self.upper = lower.expand(shape), upper.expand(shape)
        super().__init__(shape, validate_args=False)
        self._validate_args = Distribution._validate_args if validate_args is None else bool(validate_args)
        if self._validate_args:
            for name, bound in (("lower", self.lower), ("upper", self.upper)):
                wrong = ~bound.isfinite() | (bound != bound.round())
                if bool(wrong.any()):
                    raise ValueError(f"{name}: expected whole yards, got {bound[wrong].flatten()[0].item():g}")
            if not bool((self.lower < self.upper).all()):
                raise ValueError("lower, upper: expected every lower bound below its upper bound")

    def expand(self, batch_shape: torch.Size, _instance: Distribution | None = None) -> Rounded:
        """The same law with its parameters expanded (not copied) to `batch_shape`."""
        shape = torch.Size(batch_shape)
        return Rounded(self.base.expand(shape), self.lower.expand(shape), self.upper.expand(shape), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Natural log of the probability of whole yards; -inf for what is not whole or beyond a bound."""
        value = as_value(value, self.lower)
        possible = (value == value.round()) & (value >= self.lower) & (value <= self.upper)
        whole = torch.where(possible, value, self.lower)
        probability, resolved = interval_probability(self.base, *cell(whole, self.lower, self.upper))
        log = torch.where(resolved, probability, 1).log()
        if not bool(resolved.all()):
            # less than the dtype resolves: the density stands in for it, as in `qbsbp.likelihood`
            log = torch.where(resolved, log, self.base.log_prob(whole))
        return torch.where(possible, log, torch.where(value.isnan(), torch.nan, -torch.inf))

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of at most `value` yards."""
        value = as_value(value, self.lower)
        inside = cumulative(self.base, value.floor().clamp(self.lower, self.upper) + 0.5)
        return torch.where(value >= self.upper, 1.0, torch.where(value < self.lower, 0.0, inside))

    def survival(self, value: Tensor) -> Tensor:
        """Probability of more than `value` yards."""
        value = as_value(value, self.lower)
        inside = survival(self.base, value.floor().clamp(self.lower, self.upper) + 0.5)
        return torch.where(value >= self.upper, 0.0, torch.where(value < self.lower, 1.0, inside))

    def icdf(self, level: Tensor | float) -> Tensor:
        """The fewest yards with a `cdf` of at least `level`; 0 and 1 give the ends of the support, others NaN."""
        level = as_value(level, self.lower)
        # between `below`, which does not reach the level, and `quantile`, which does; the base's own quantile would
        # not do: where it is next to a half yard, or the CDF is level, its rounding decides
        below, quantile, level = torch.broadcast_tensors(self.lower - 1, self.upper, level)
        while bool((quantile - below > 1).any()):
            middle = ((below + quantile) / 2).floor()
            reached = self.cdf(middle) >= level
            below, quantile = torch.where(reached, below, middle), torch.where(reached, middle, quantile)
        inside = (level > 0) & (level < 1)
        if bool(inside.all()):
            return quantile
        end = (self.base.icdf(torch.where(inside, 0.5, level)) - 0.5).ceil().clamp(self.lower, self.upper)
        return torch.where(inside, quantile, torch.where((level == 0) | (level == 1), end, torch.nan))

    def mass(self, yards: Tensor) -> Tensor:
        """Probability of each of some consecutive whole yards, shape (*batch, yards).

        Args:
            yards: Ascending, shape (yards,). Where they reach from bound to bound the result sums to 1.
        """
        edges = torch.cat([yards[:1] - 1, yards])  # P(Y <= k) and P(Y > k) for the yard before the first, and on
        edges = edges.reshape(-1, *(1,) * len(self.batch_shape))
        below, above = self.cdf(edges).movedim(0, -1), self.survival(edges).movedim(0, -1)
        from_left, from_right = below[..., 1:] - below[..., :-1], above[..., :-1] - above[..., 1:]
        return torch.where(below[..., 1:] <= 0.5, from_left, from_right).clamp(min=0)

    def crps(self, value: Tensor) -> Tensor:
        r"""Continuous ranked probability score :math:`\sum_k (P(Y \le k) - 1\{k \ge y\})^2` of whole yards, in yards.

        Args:
            value: Outcomes, broadcastable with the batch.
        """
        value = as_value(value, self.lower)
        shape = torch.broadcast_shapes(value.shape, self.batch_shape)
        edges = self._yards(len(shape))
        inside = value.clamp(self.lower, self.upper)
        score = torch.where(edges >= inside, self.survival(edges), self.cdf(edges)).square().sum(0)
        return score + (value - inside).abs()  # beyond a bound every yard counts in full

    @property
    def mean(self) -> Tensor:
        """Mean in yards."""
        if not self.lower.numel():
            return torch.zeros_like(self.lower)
        edges = self._yards(len(self.batch_shape))
        return self.survival(edges).sum(0) + edges[0]

    def _yards(self, dims: int) -> Tensor:
        """All whole yards from the least lower bound to below the greatest upper one, before `dims` dimensions of 1."""
        ends = (int(self.lower.min()), int(self.upper.max())) if self.lower.numel() else (0, 0)
        return torch.arange(*ends).to(self.lower).reshape(-1, *(1,) * dims)

    def sample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Samples of the base, rounded and cut."""
        with torch.no_grad():
            return (self.base.sample(torch.Size(sample_shape)) + 0.5).floor().clamp(self.lower, self.upper)


def _parameter(law: Distribution) -> Tensor:
    """A tensor with the dtype and on the device of what the law answers."""
    of_law = (value for value in vars(law).values() if isinstance(value, Tensor) and value.is_floating_point())
    return next(of_law, torch.empty(()))


def cell(value: Tensor, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """The interval of real numbers that is written down as `value`; beyond a bound it is open."""
    return torch.where(value <= lower, -torch.inf, value - 0.5), torch.where(value >= upper, torch.inf, value + 0.5)


def interval_probability(law: Distribution, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Probability of (low, high], and whether the dtype resolves it. One end may be infinite.

    The larger of the two tails cancels, so the difference is taken between the smaller ones.
    """
    no_low, no_high = low == -torch.inf, high == torch.inf
    # an infinite end has no gradient worth having: a finite stand-in, and its probability written in
    low, high = torch.where(no_low, high, low), torch.where(no_high, low, high)
    from_left = torch.where(no_high, 1.0, cumulative(law, high))
    from_right = torch.where(no_low, 1.0, survival(law, low))
    in_upper_half = no_high | ~no_low & (from_right < from_left).detach()
    probability = torch.where(
        in_upper_half,
        from_right - torch.where(no_high, 0.0, survival(law, high)),
        from_left - torch.where(no_low, 0.0, cumulative(law, low)),
    )
    of = torch.where(in_upper_half, from_right, from_left).detach()
    finfo = torch.finfo(probability.dtype)
    return probability, probability.detach() > torch.clamp(64 * finfo.eps * of, min=finfo.tiny)


def cumulative(law: Distribution, value: Tensor) -> Tensor:
    """Probability up to `value`; that of a normal law without cancellation, which torch's has in the lower tail."""
    if isinstance(law, Normal):
        return torch.erfc((law.loc - value) / (law.scale * math.sqrt(2))) / 2
    return law.cdf(value)


def survival(law: Distribution, value: Tensor) -> Tensor:
    """Probability beyond `value`, without cancellation where the law knows how."""
    if hasattr(law, "survival"):
        return law.survival(value)
    if isinstance(law, Normal):
        return torch.erfc((value - law.loc) / (law.scale * math.sqrt(2))) / 2
    return 1 - law.cdf(value)
