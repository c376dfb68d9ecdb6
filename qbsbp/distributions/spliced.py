"""The spliced binned-Pareto distribution: a binned body between two generalized Pareto tails.

Chapter: splicing (book/ch04_splice.md); learning it: book/ch05_learning.md.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd import Function
from torch.distributions import Distribution, constraints

from ._checks import as_value, expand_instance, first_offender
from ._fused import Cdf, Crps, Icdf, LogProb, evaluate
from .binned import Binned, check_bins
from .gpd import GeneralizedPareto, uniform_levels

__all__ = ["SplicedBinnedPareto"]

TAIL_PARAMETERS = ("lower_xi", "lower_beta", "upper_xi", "upper_beta")


class SplicedBinnedPareto(Distribution):
    r"""Spliced binned-Pareto distribution of an outcome `y`, in yards.

    With the CDF :math:`F_b` of the bins, the tail masses :math:`q_{lo}, q_{hi}`, the thresholds
    :math:`\tau_{lo} = F_b^{-1}(q_{lo})` and :math:`\tau_{hi} = F_b^{-1}(1 - q_{hi})`, and
    :math:`S(z; \xi) = (1 + \xi z)_+^{-1/\xi}` (:math:`e^{-z}` at :math:`\xi = 0`):

    .. math::
        F(y) = \begin{cases}
          q_{lo}\, S((\tau_{lo} - y) / \beta_{lo}; \xi_{lo})     & y < \tau_{lo} \\
          F_b(y)                                                 & \tau_{lo} \le y \le \tau_{hi} \\
          1 - q_{hi}\, S((y - \tau_{hi}) / \beta_{hi}; \xi_{hi}) & y > \tau_{hi}
        \end{cases}

    F is continuous and the density integrates to 1. The thresholds follow the logits, and gradients flow through them.

    All methods broadcast over the batch, follow the parameters' dtype and device, and return NaN for NaN. Gradients
    reach the logits, the tail parameters and the outcome, but not `bin_edges`, and are of first order only.

    Args:
        bin_edges: Strictly increasing edges in yards, shape (bins + 1,); widths may differ.
        logits: Unnormalised log probabilities of the bins, shape (*batch, bins).
        lower_xi: Shape of the lower tail, no unit, any real number, broadcastable with the batch.
        lower_beta: Scale of the lower tail in yards, > 0, broadcastable with the batch.
        upper_xi: Shape of the upper tail.
        upper_beta: Scale of the upper tail in yards, > 0.
        lower_mass: Probability of the lower tail, a number in (0, 1/2).
        upper_mass: Probability of the upper tail, a number in (0, 1/2).
        validate_args: Check the values of the arguments, of this object alone; None follows torch's default.

    Raises:
        ValueError: the message names the argument, what was expected and what came.

    Example:
        >>> edges, logits = torch.linspace(-10.0, 40.0, 101), torch.zeros(100)
        >>> law = SplicedBinnedPareto(edges, logits, 0.1, 2.0, 0.3, 8.0)
        >>> law.upper_threshold, law.survival(torch.tensor(60.0))
        (tensor(37.5000), tensor(0.0076))

    Reference: Ehrlich, Callot & Aubet (2021), "Spliced Binned-Pareto Distribution for Robust Modeling of Heavy-tailed
    Time Series", arXiv:2106.10952.
    """

    arg_constraints = {
        "logits": constraints.real_vector,
        "lower_xi": constraints.real,
        "lower_beta": constraints.positive,
        "upper_xi": constraints.real,
        "upper_beta": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        bin_edges: Tensor,
        logits: Tensor,
        lower_xi: Tensor | float,
        lower_beta: Tensor | float,
        upper_xi: Tensor | float,
        upper_beta: Tensor | float,
        *,
        lower_mass: float = 0.05,
        upper_mass: float = 0.05,
        validate_args: bool | None = None,
    ) -> None:
        validate = Distribution._validate_args if validate_args is None else bool(validate_args)
        self.bins = check_bins(bin_edges, logits, validate)
        tails = [
            t if isinstance(t, Tensor) else torch.as_tensor(t, dtype=logits.dtype, device=logits.device)
            for t in (lower_xi, lower_beta, upper_xi, upper_beta)
        ]
        batch_shape = logits.shape[:-1]
        if any(t.shape != batch_shape for t in tails):
            try:
                batch_shape = torch.broadcast_shapes(batch_shape, *(t.shape for t in tails))
            except RuntimeError:
                shapes = ", ".join(f"{n} {tuple(t.shape)}" for n, t in zip(TAIL_PARAMETERS, tails, strict=True))
                raise ValueError(
                    f"the batch shapes must broadcast, got logits {tuple(logits.shape[:-1])} before its bins, {shapes}"
                ) from None
            tails = [t.expand(batch_shape) for t in tails]
            logits = logits.expand(*batch_shape, -1)
        if validate:
            self._check_tails(logits, tails, lower_mass, upper_mass)
        self.bin_edges, self.bin_widths, self.logits = self.bins.edges, self.bins.widths, logits
        self.lower_xi, self.lower_beta, self.upper_xi, self.upper_beta = tails
        self.lower_mass, self.upper_mass = lower_mass, upper_mass
        super().__init__(batch_shape, validate_args=False)
        self._validate_args = validate

    @staticmethod
    def _check_tails(logits: Tensor, tails: list[Tensor], lower_mass: float, upper_mass: float) -> None:
        for name, mass in (("lower_mass", lower_mass), ("upper_mass", upper_mass)):
            if not isinstance(mass, (float, int)) or not 0 < mass < 0.5:
                raise ValueError(f"{name}: expected a number in (0, 1/2), got {mass!r}")
        for name, tail in zip(TAIL_PARAMETERS, tails, strict=True):
            if tail.dtype != logits.dtype or tail.device != logits.device:
                raise ValueError(
                    f"{name}: expected the dtype and device of logits ({logits.dtype}, {logits.device}), "
                    f"got {tail.dtype}, {tail.device}; call .to(logits)"
                )
        # one look for the good case; the bad one may take its time to find the culprit
        together = torch.stack(tails).detach()
        if together.numel() == 0 or (math.isfinite(together.sum().item()) and together[1::2].amin().item() > 0):
            return
        for name, tail in zip(TAIL_PARAMETERS, tails, strict=True):
            if name.endswith("beta"):
                first_offender(name, tail, (tail > 0) & tail.isfinite(), "a scale > 0 (yards)")
            else:
                first_offender(name, tail, tail.isfinite(), "a finite number")

    def expand(self, batch_shape: torch.Size, _instance: Distribution | None = None) -> SplicedBinnedPareto:
        """The same law with its parameters expanded (not copied) to `batch_shape`."""
        new = expand_instance(self, batch_shape, _instance, ("logits", *TAIL_PARAMETERS))
        for name in ("bins", "bin_edges", "bin_widths", "lower_mass", "upper_mass"):
            setattr(new, name, getattr(self, name))
        return new

    @property
    def body(self) -> Binned:
        """The binned law of which the part between the thresholds is the body."""
        return Binned(self.bin_edges, self.logits, validate_args=False)

    @property
    def lower_tail(self) -> GeneralizedPareto:
        """Law of the excess below the lower threshold."""
        return GeneralizedPareto(self.lower_xi, self.lower_beta, validate_args=False)

    @property
    def upper_tail(self) -> GeneralizedPareto:
        """Law of the excess above the upper threshold."""
        return GeneralizedPareto(self.upper_xi, self.upper_beta, validate_args=False)

    def _evaluate(self, function: type[Function], value: Tensor | float, *options: str) -> Tensor:
        """One fused operation on laws (B, bins) and outcomes (S, B)."""
        value = as_value(value, self.logits)
        batch_shape = self.batch_shape
        tails = self.lower_xi, self.lower_beta, self.upper_xi, self.upper_beta
        masses = self.lower_mass, self.upper_mass
        if value.shape == batch_shape and len(batch_shape) == 1:  # training's case, without the detour over samples
            rows = value.contiguous().unsqueeze(0)
            out = evaluate(function, self.bins, self.logits, rows, *options, *tails, *masses)
            return out.squeeze(0)
        shape = torch.broadcast_shapes(value.shape, batch_shape)
        samples = shape[: len(shape) - len(batch_shape)]
        if samples + batch_shape != shape:  # the outcomes are wider than a batch dimension of size 1
            return self.expand(shape)._evaluate(function, value, *options)
        logits = self.logits.reshape(batch_shape.numel(), self.logits.shape[-1])
        tails = [t.reshape(-1) for t in tails]
        rows = value.expand(shape).reshape(samples.numel(), batch_shape.numel()).contiguous()  # (S, B)
        out = evaluate(function, self.bins, logits, rows, *options, *tails, *masses)
        return out.reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Natural log of the exact, normalised density, in 1/yard; -inf beyond a finite end point.

        An interior edge belongs to the bin on its right, the thresholds to the body. The density jumps at the
        thresholds, which is why its mean is a biased objective for learning them: see `qbsbp.likelihood`.
        """
        return self._evaluate(LogProb, value)

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of at most `value`."""
        return self._evaluate(Cdf, value, "cdf")

    def survival(self, value: Tensor) -> Tensor:
        """Probability beyond `value`, without cancellation in the upper tail."""
        return self._evaluate(Cdf, value, "survival")

    def log_survival(self, value: Tensor) -> Tensor:
        """Natural log of the probability beyond `value`, also where that underflows."""
        return self._evaluate(Cdf, value, "log_survival")

    def icdf(self, level: Tensor | float) -> Tensor:
        """Outcome in yards at a level in [0, 1]; levels 0 and 1 give the ends of the support, others NaN."""
        return self._evaluate(Icdf, level)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Samples by the inverse CDF, differentiable in every parameter."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.icdf(uniform_levels(shape, self.logits))

    @property
    def lower_threshold(self) -> Tensor:
        r""":math:`\tau_{lo} = F_b^{-1}(q_{lo})` in yards, differentiable in the logits."""
        return self.icdf(self.lower_mass)

    @property
    def upper_threshold(self) -> Tensor:
        r""":math:`\tau_{hi} = F_b^{-1}(1 - q_{hi})` in yards, differentiable in the logits."""
        return self.icdf(1 - self.upper_mass)

    def _pieces(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The body bin by bin, between the thresholds: mass, start and length in yards from `_origin`, (*batch, bins).

        Last, the thresholds from `_origin`, (2, *batch).
        """
        edges = self.bin_edges - self._origin
        mass = self.logits.softmax(-1)
        right = mass.cumsum(-1)
        left = torch.cat([torch.zeros_like(right[..., :1]), right[..., :-1]], -1)
        # On a tie the threshold belongs to the bin on its left, as in `icdf`: else its slope would be counted twice, or
        # not at all. Its place comes from the same search as the pieces, so that they agree across a gap of empty bins.
        levels = torch.tensor([self.lower_mass, 1 - self.upper_mass]).to(right).expand(*right.shape[:-1], 2)
        found = torch.searchsorted(right.detach().contiguous(), levels.contiguous()).clamp_(max=mass.shape[-1] - 1)
        low, high = found.split(1, -1)
        index = torch.arange(mass.shape[-1], device=mass.device)
        cut_low, cut_high, held = index == low, index == high, (index >= low) & (index <= high)
        safe = torch.where((cut_low | cut_high) & (mass > 0), mass, 1)
        start = torch.where(cut_low, (self.lower_mass - left) / safe, 0).clamp(0, 1)
        stop = torch.where(cut_high, 1 - (right - (1 - self.upper_mass)) / safe, held.to(mass.dtype)).clamp(0, 1)
        widths = self.bin_widths
        thresholds = torch.stack(
            [(edges[:-1] + widths * share).gather(-1, k).squeeze(-1) for share, k in ((start, low), (stop, high))]
        )
        return mass * (stop - start), edges[:-1] + widths * start, widths * (stop - start), thresholds

    @property
    def _origin(self) -> Tensor:
        """An edge amid the bins, from which moments are computed: offsets of 1e4 yards then cost no precision."""
        return self.bin_edges[len(self.bin_edges) // 2]

    def _mean_from_origin(self, pieces: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        mass, start, length, (lower, upper) = pieces
        return (
            (mass * (start + length / 2)).sum(-1)
            + self.lower_mass * (lower - self.lower_tail.mean)
            + self.upper_mass * (upper + self.upper_tail.mean)
        )

    @property
    def mean(self) -> Tensor:
        r"""Mean in yards; infinite with a tail of :math:`\xi \ge 1`, NaN with two such tails."""
        return self._origin + self._mean_from_origin(self._pieces())

    @property
    def variance(self) -> Tensor:
        r"""Variance in yards squared; `inf` with a tail of :math:`\xi \ge 1/2`."""
        pieces = self._pieces()
        mass, start, length, (lower, upper) = pieces
        finite = (self.lower_xi < 0.5) & (self.upper_xi < 0.5)
        mean = torch.where(finite, self._mean_from_origin(pieces), 0)
        body = (mass * ((start + length / 2 - mean.unsqueeze(-1)) ** 2 + length**2 / 12)).sum(-1)
        total = body
        for q, tail, centre in (
            (self.lower_mass, self.lower_tail, lower - torch.where(finite, self.lower_tail.mean, 0)),
            (self.upper_mass, self.upper_tail, upper + torch.where(finite, self.upper_tail.mean, 0)),
        ):
            total = total + q * ((centre - mean) ** 2 + torch.where(finite, tail.variance, 0))
        return torch.where(finite, total, math.inf)

    @property
    def mode(self) -> Tensor:
        r"""The outcome of highest density, in yards.

        The middle of the densest bin (of its part between the thresholds), or a threshold where a tail starts higher:
        at :math:`q / \beta`, for :math:`\xi \ge -1`. A tail of :math:`\xi < -1` has unbounded density at its end point,
        which is then the mode.
        """
        mass, start, length, (lower, upper) = (t.detach() for t in self._pieces())
        held = mass > 0
        density = torch.where(held, mass / torch.where(held, length, 1), 0)
        peak, bin_ = density.max(-1)
        places = [(start + length / 2).gather(-1, bin_.unsqueeze(-1)).squeeze(-1)]
        peaks = [peak]
        for q, tail, sign, threshold in (
            (self.lower_mass, self.lower_tail, -1, lower),
            (self.upper_mass, self.upper_tail, 1, upper),
        ):
            peaks.append(torch.where(tail.xi < -1, math.inf, q / tail.beta).detach())
            places.append(threshold + sign * tail.mode.detach())
        highest = torch.stack(peaks).argmax(0, keepdim=True)
        return self._origin + torch.stack(places).gather(0, highest).squeeze(0)

    def entropy(self) -> Tensor:
        r"""Differential entropy in nats: :math:`-\sum_k m_k \log(p_k / w_k) + \sum_{tails} q (\log(\beta / q) + \xi +
        1)`.

        :math:`m_k` is the mass of bin `k` between the thresholds.
        """
        mass = self._pieces()[0]
        log_density = self.logits.log_softmax(-1) - self.bin_widths.log()
        body = -(mass * torch.where(log_density > -math.inf, log_density, 0)).sum(-1)
        lower = self.lower_mass * (self.lower_tail.entropy() - math.log(self.lower_mass))
        upper = self.upper_mass * (self.upper_tail.entropy() - math.log(self.upper_mass))
        return body + lower + upper

    def crps(self, value: Tensor) -> Tensor:
        r"""Continuous ranked probability score :math:`\int (F(x) - 1\{x \ge y\})^2 dx` in yards, in closed form.

        The body contributes :math:`w (a^2 + ab + b^2) / 3` for each linear piece of F, `a` and `b` the values at its
        ends; a tail :math:`q^2 \beta / (2 - \xi)`, and with the outcome at excess `x` in it :math:`x - 2 q \int_0^x S`
        more. Finite for :math:`\xi < 2` in both tails, else `inf`.

        Several outcomes per law cost memory as if each had its own law.
        """
        value = as_value(value, self.logits)
        shape = torch.broadcast_shapes(value.shape, self.batch_shape)
        finite = value.expand(shape).isfinite()
        laws = self if shape == self.batch_shape else self.expand(shape)
        rows = laws.logits.reshape(shape.numel(), self.logits.shape[-1])
        tails = (getattr(laws, name).reshape(-1) for name in TAIL_PARAMETERS)
        y = torch.where(finite, value, 0).reshape(1, -1)
        masses = self.lower_mass, self.upper_mass
        score = evaluate(Crps, self.bins, rows, y, *tails, *masses).reshape(shape)
        return torch.where(finite, score, value.abs())
