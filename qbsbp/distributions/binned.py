"""The binned distribution: a probability for each bin, spread evenly inside it.

Chapter: the binned body (book/ch03_binned_body.md).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from ._checks import as_value, check_floating, expand_instance, first_offender
from .gpd import uniform_levels

__all__ = ["Binned"]


# So many outcomes are worth the ten operations that replace a search.
MANY = 1024


class Bins(NamedTuple):
    """The bins that a batch of laws shares: edges (K + 1,), and right edges and widths, both (K,)."""

    edges: Tensor
    right: Tensor
    widths: Tensor
    even_width: float | None  # None if they differ, or if nobody looked

    def of(self, y: Tensor) -> Tensor:
        """Bin of each outcome, an edge belonging to the bin on its right; outcomes outside get the nearest one."""
        if self.even_width is None or y.numel() < MANY:
            return torch.bucketize(y, self.edges[1:-1], right=True)
        # A quarter of a bin too low, which is more than edges and rounding can be off: right, or one short of it. The
        # second clamp is for NaN, which no float clamp removes and which is no bin.
        last = len(self.widths) - 1
        k = (y - self.edges[0]).div_(self.even_width).sub_(0.25).clamp_(0, last).long().clamp_(0, last)
        return k.add_(y >= self.right.take(k)).clamp_(max=last)


def check_bins(bin_edges: Tensor, logits: Tensor, validate: bool) -> Bins:
    """The bins, after checks that raise a ValueError naming `bin_edges` or `logits`.

    The shapes are always checked, since everything else would fail with an error about indices; the values only when
    `validate` is True.
    """
    if bin_edges.dim() != 1 or len(bin_edges) < 3:
        raise ValueError(
            f"bin_edges: expected shape (bins + 1,) with at least 2 bins, got {tuple(bin_edges.shape)}; "
            "all laws of a batch share their edges"
        )
    bins = len(bin_edges) - 1
    if logits.dim() == 0 or logits.shape[-1] != bins:
        raise ValueError(
            f"logits: expected {bins} in the last dimension, one for each bin of the {bins + 1} bin_edges, "
            f"got shape {tuple(logits.shape)}"
        )
    edges = bin_edges.contiguous()
    right = edges[1:]
    widths = right - edges[:-1]
    if not validate:
        return Bins(edges, right, widths, None)
    check_floating(logits=logits, bin_edges=bin_edges)
    # infinite and NaN edges have infinite or NaN widths
    narrowest, widest = (w.item() for w in torch.aminmax(widths))
    if not (narrowest > 0 and widest < math.inf):
        first_offender("bin_edges", bin_edges, bin_edges.isfinite(), "finite numbers")
        k = int((widths <= 0).nonzero()[0])
        raise ValueError(
            f"bin_edges: expected strictly increasing, but bin_edges[{k}] = {bin_edges[k].item():g} is followed by "
            f"bin_edges[{k + 1}] = {bin_edges[k + 1].item():g}; sort them and drop repeated ones"
        )
    # one reduction for the good case, instead of a mask as large as the logits: a sum of numbers is a number
    if not math.isfinite(logits.detach().sum().item()):
        first_offender("logits", logits, logits < math.inf, "a number, or -inf for an empty bin")
        filled = (logits > -math.inf).any(-1)
        first_offender("logits", filled.to(logits.dtype), filled, "a bin that is not empty in every law")
    # even, if no edge is further than an eighth of a bin from its place, counting roundings
    eps = torch.finfo(widths.dtype).eps
    even = bins * (widest - narrowest + 4 * eps * widest) < narrowest / 8
    return Bins(edges, right, widths, narrowest if even else None)


class Binned(Distribution):
    r"""Piecewise-uniform distribution on bins: the probability of each bin is spread evenly inside it.

    With edges :math:`e_0 < \dots < e_K`, widths :math:`w_k = e_{k+1} - e_k` and :math:`p = \mathrm{softmax}(logits)`,

    .. math:: f(y) = p_k / w_k \text{ for } e_k \le y < e_{k+1}, \qquad
              F(y) = \sum_{i < k} p_i + p_k \frac{y - e_k}{w_k}.

    An interior edge belongs to the bin on its right, the last edge to the last bin; outside the density is 0.

    Args:
        bin_edges: Strictly increasing edges in yards, shape (bins + 1,); widths may differ.
        logits: Unnormalised log probabilities, shape (*batch, bins); -inf makes a bin empty.
        validate_args: Check the values of the arguments; None follows torch's default.

    Raises:
        ValueError: edges that do not increase, a number of logits other than that of the bins, a value that is NaN, or
            mixed dtypes or devices.

    Example:
        >>> law = Binned(torch.tensor([0.0, 1.0, 3.0]), torch.tensor([0.0, 0.0]))
        >>> law.log_prob(torch.tensor(2.0)).exp()
        tensor(0.2500)
    """

    arg_constraints = {"logits": constraints.real_vector}
    has_rsample = True

    def __init__(self, bin_edges: Tensor, logits: Tensor, validate_args: bool | None = None) -> None:
        validate = Distribution._validate_args if validate_args is None else bool(validate_args)
        self.bins = check_bins(bin_edges, logits, validate)
        self.bin_edges, self.bin_widths, self.logits = self.bins.edges, self.bins.widths, logits
        super().__init__(logits.shape[:-1], validate_args=False)
        self._validate_args = validate

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """From the first edge to the last."""
        return constraints.interval(self.bin_edges[0], self.bin_edges[-1])

    def expand(self, batch_shape: torch.Size, _instance: Distribution | None = None) -> Binned:
        """The same law with its logits expanded (not copied) to `batch_shape`."""
        new = expand_instance(self, batch_shape, _instance, ("logits",))
        new.bins, new.bin_edges, new.bin_widths = self.bins, self.bin_edges, self.bin_widths
        return new

    @property
    def mass(self) -> Tensor:
        """Probabilities of the bins, shape (*batch, bins); they sum to 1."""
        return self.logits.softmax(-1)

    def _at_bin(self, per_bin: Tensor, k: Tensor) -> Tensor:
        """`per_bin` (*batch, bins) read at bin `k` (*sample, *batch)."""
        shape = torch.broadcast_shapes(k.shape, self.batch_shape)
        return per_bin.expand(*shape, -1).gather(-1, k.expand(shape).unsqueeze(-1)).squeeze(-1)

    def _place(self, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The outcome in the dtype of the logits, its bin, and the share of the bin below it."""
        value = as_value(value, self.logits)
        # a missing outcome stays out of the arithmetic: not even a gradient of 0 survives a product with NaN
        inside = torch.where(value.isnan(), self.bin_edges[0], value).clamp(self.bin_edges[0], self.bin_edges[-1])
        k = self.bins.of(inside.detach().contiguous())
        return value, k, (inside - self.bin_edges[k]) / self.bin_widths[k]

    def _outside_bins(self, value: Tensor, below: float, inside: Tensor, above: float) -> Tensor:
        """`inside` where the outcome lies between the edges, a constant on either side, NaN for NaN."""
        out = torch.where(value <= self.bin_edges[0], below, torch.where(value >= self.bin_edges[-1], above, inside))
        return torch.where(value.isnan(), math.nan, out)

    def log_prob(self, value: Tensor) -> Tensor:
        """Natural log density in 1/yard; -inf outside the bins."""
        value, k, fraction = self._place(value)
        # 0 * fraction: the density is flat inside a bin, and its slope in the outcome is 0, not unknown to autograd
        log_density = self._at_bin(self.logits.log_softmax(-1), k) - self.bin_widths[k].log() + 0 * fraction
        outside = (value < self.bin_edges[0]) | (value > self.bin_edges[-1])
        return torch.where(outside, -math.inf, torch.where(value.isnan(), math.nan, log_density))

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of at most `value`: linear inside each bin."""
        value, k, fraction = self._place(value)
        mass = self.mass
        inside = self._at_bin(mass.cumsum(-1), k) - self._at_bin(mass, k) * (1 - fraction)
        return self._outside_bins(value, 0.0, inside.clamp(0, 1), 1.0)

    def survival(self, value: Tensor) -> Tensor:
        """Probability beyond `value`, summed from the right so that small ones keep their precision."""
        value, k, fraction = self._place(value)
        mass = self.mass
        beyond = mass.flip(-1).cumsum(-1).flip(-1)
        inside = self._at_bin(beyond, k) - self._at_bin(mass, k) * fraction
        return self._outside_bins(value, 1.0, inside.clamp(0, 1), 0.0)

    def log_survival(self, value: Tensor) -> Tensor:
        """Natural log of the probability beyond `value`."""
        survival = self.survival(value)
        none = survival == 0
        return torch.where(none, -math.inf, torch.where(none, 1, survival).log())

    def icdf(self, level: Tensor) -> Tensor:
        """Outcome in yards at a level in [0, 1]; levels outside give NaN.

        Where empty bins make the quantile ambiguous it is the left end of the gap, the smallest outcome of that level;
        levels 0 and 1 give the ends of the support, empty bins left out.
        """
        level = as_value(level, self.logits)
        mass = self.mass
        shape = torch.broadcast_shapes(level.shape, self.batch_shape)
        within = (level > 0) & (level < 1)
        inside = torch.where(within, level, 0.5).expand(shape)
        cumulative = mass.cumsum(-1)
        rows = cumulative.detach().expand(*shape, -1).contiguous()
        k = torch.searchsorted(rows, inside.detach().unsqueeze(-1).contiguous()).squeeze(-1)
        # rounding may leave the last cumulative mass below 1: the last bin that is not empty takes what is beyond
        filled = (self.logits.detach() > -math.inf).long()
        first, last = filled.argmax(-1), filled.cumsum(-1).argmax(-1)
        k = torch.minimum(k, last.expand(shape))
        short = (self._at_bin(cumulative, k) - inside) / self._at_bin(mass, k)
        quantile = self.bin_edges[k + 1] - self.bin_widths[k] * short.clamp(0, 1)
        quantile = torch.where(level == 0, self.bin_edges[first], quantile)
        quantile = torch.where(level == 1, self.bin_edges[last + 1], quantile)
        return torch.where(within | (level == 0) | (level == 1), quantile, math.nan)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Samples by the inverse CDF, differentiable in the logits."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.icdf(uniform_levels(shape, self.logits))

    @property
    def _centres(self) -> tuple[Tensor, Tensor]:
        """An origin inside the bins, and the midpoints of the bins from it: offsets of 1e4 yards cost no precision."""
        origin = self.bin_edges[len(self.bin_edges) // 2]
        from_origin = self.bin_edges - origin
        return origin, (from_origin[:-1] + from_origin[1:]) / 2

    @property
    def mean(self) -> Tensor:
        """Mean in yards."""
        origin, centres = self._centres
        return origin + self.mass @ centres

    @property
    def variance(self) -> Tensor:
        """Variance in yards squared: between the midpoints of the bins, and within them."""
        _, centres = self._centres
        mass = self.mass
        from_mean = centres - (mass @ centres).unsqueeze(-1)
        return (mass * (from_mean**2 + self.bin_widths**2 / 12)).sum(-1)

    @property
    def mode(self) -> Tensor:
        """Midpoint of the densest bin, the first of several."""
        densest = (self.logits.detach() - self.bin_widths.log()).argmax(-1)
        return (self.bin_edges[:-1] + self.bin_widths / 2)[densest]

    def entropy(self) -> Tensor:
        r"""Differential entropy :math:`-\sum_k p_k \log(p_k / w_k)`, in nats."""
        log_density = self.logits.log_softmax(-1) - self.bin_widths.log()
        empty = self.logits == -math.inf
        return -(self.mass * torch.where(empty, 0, log_density)).sum(-1)

    def crps(self, value: Tensor) -> Tensor:
        r"""Continuous ranked probability score :math:`\int (F(x) - 1\{x \ge y\})^2 dx`, in yards.

        Each bin contributes :math:`w (a^2 + ab + b^2) / 3` with `a`, `b` the values of :math:`F - 1\{\cdot\}` at its
        ends; the bin that holds the outcome is cut in two there.
        """
        value = as_value(value, self.logits)
        shape = torch.broadcast_shapes(value.shape, self.batch_shape)
        inside = torch.where(value.isnan(), self.bin_edges[0], value).clamp(self.bin_edges[0], self.bin_edges[-1])
        right = torch.cat([torch.zeros_like(self.logits[..., :1]), self.mass.cumsum(-1)], -1).expand(*shape, -1)
        left, right = right[..., :-1], right[..., 1:]
        fraction = ((inside.unsqueeze(-1) - self.bin_edges[:-1]) / self.bin_widths).clamp(0, 1)
        at_value = left + (right - left) * fraction
        below = fraction * (left**2 + left * at_value + at_value**2)
        above = (1 - fraction) * ((1 - at_value) ** 2 + (1 - at_value) * (1 - right) + (1 - right) ** 2)
        outside = (value - inside).abs()
        return ((below + above) * self.bin_widths / 3).sum(-1) + outside
