r"""The spliced law in a few passes over the logits, with analytic derivatives.

Autograd through softmax, cumulative sum, search and splice keeps some thirty arrays of the size of the logits alive.
Here each operation is one `torch.autograd.Function` that keeps one or two, because every derivative in the logits has
one form: a quantile, a probability and a threshold all move with

.. math:: \frac{\partial \tau}{\partial l_k} = -\frac{w_j}{p_j} p_k (f_k - u), \qquad
          \frac{\partial F_b(y)}{\partial l_k} = p_k (f_k - F_b(y)),

where :math:`f_k` is the share of bin `k` below the point (1, then a fraction, then 0: the distance from the left edge
of the bin to the point in units of bins, clamped to [0, 1]), `j` its bin and `u` its level.

Shapes throughout: B laws, K bins, S outcomes per law. `logits` (B, K), tail parameters (B,), outcomes (S, B).
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .binned import Bins
from .gpd import SERIES_BELOW, series_terms

__all__ = ["Cdf", "Crps", "Icdf", "LogProb", "evaluate"]


class Tails(NamedTuple):
    """Parameters of the two tails; xi and beta have shape (B,), the masses are numbers in (0, 1/2)."""

    lower_xi: Tensor
    lower_beta: Tensor
    upper_xi: Tensor
    upper_beta: Tensor
    lower_mass: float
    upper_mass: float


LOG2_E = 1 / math.log(2)

# Up to so many logits one softmax takes less time than the four operations that are faster on more.
FEW = 2**15

# Logits of the laws that a CPU evaluates at once: an array of this size stays in its cache, and the allocator hands the
# same memory out again instead of paging in new memory at every call.
CHUNK = 2**19


def evaluate(function: type[Function], bins: Bins, logits: Tensor, *arguments: Tensor | str | float) -> Tensor:
    """`function.apply`, or the same without a graph where nothing asks for a gradient, some laws at a time on a CPU.

    Args:
        function: One of the functions of this module.
        bins: Shared by all laws.
        logits: Shape (B, K).
        arguments: The rest, as `function.forward` has them: tensors have their laws in the last dimension.
    """
    if torch.is_grad_enabled() and any(isinstance(a, Tensor) and a.requires_grad for a in (logits, *arguments)):
        return function.apply(bins, logits, *arguments)
    with torch.inference_mode():  # dispatches faster than no_grad; the copy is an ordinary tensor again
        if logits.numel() <= CHUNK or logits.device.type != "cpu":
            out = function.forward(None, bins, logits, *arguments)
        else:
            size = max(1, CHUNK // logits.shape[-1])
            chunks = [
                (part.contiguous() for part in a.split(size, -1)) if isinstance(a, Tensor) else repeat(a)
                for a in arguments
            ]
            parts = zip(logits.split(size), *chunks, strict=False)  # numbers repeat without end
            out = torch.cat([function.forward(None, bins, *part) for part in parts], -1)
    return out.clone()


class Numbers(NamedTuple):
    """Constants as tensors of no dimension: with a Python number, operations on few outcomes take twice as long."""

    zero: Tensor
    half: Tensor
    one: Tensor
    inf: Tensor
    minus_inf: Tensor
    tiny: Tensor  # stands in for a shape of 0
    huge: Tensor  # its square is the largest number
    series_below: Tensor
    hazard_slope: tuple[Tensor, ...]  # dH/dxi = z^2 sum_n c_n (xi z)^n
    excess_slope: tuple[Tensor, ...]  # dz/dxi = H^2 sum_n c_n (xi H)^n
    covered_slope: tuple[Tensor, ...]  # (I - E H) / r = H^2 sum_n c_n (r H)^n, for the CRPS


# Constants made while `evaluate` infers must serve training too, so they are ordinary tensors.
@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _numbers(dtype: torch.dtype, device: torch.device) -> Numbers:
    finfo, orders = torch.finfo(dtype), range(series_terms(dtype))
    plain = (0.0, 0.5, 1.0, math.inf, -math.inf, finfo.eps**3, math.sqrt(finfo.max), SERIES_BELOW)
    series = (
        [(-1) ** (n + 1) * (n + 1) / (n + 2) for n in orders[:-1]],
        [(n + 1) / math.factorial(n + 2) for n in orders],
        [(-1) ** n * (n + 1) / math.factorial(n + 2) for n in orders],
    )
    tensor = partial(torch.tensor, dtype=dtype, device=device)
    return Numbers(*map(tensor, plain), *(tuple(map(tensor, coefficients)) for coefficients in series))


class Masses(NamedTuple):
    """The masses of the tails, as tensors."""

    levels: Tensor  # of the two thresholds, (2, 1)
    lower: Tensor
    upper: Tensor
    upper_level: Tensor
    equal: bool

    def of(self, lower: Tensor) -> Tensor:
        """The mass of the tail that an outcome lies in."""
        return self.upper if self.equal else torch.where(lower, self.lower, self.upper)

    def level(self, lower: Tensor) -> Tensor:
        """The level of its threshold."""
        return torch.where(lower, self.lower, self.upper_level)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _masses(lower: float, upper: float, dtype: torch.dtype, device: torch.device) -> Masses:
    tensor = partial(torch.tensor, dtype=dtype, device=device)
    return Masses(tensor([[lower], [1 - upper]]), tensor(lower), tensor(upper), tensor(1 - upper), lower == upper)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _rows(laws: int, bins: int, device: torch.device) -> Tensor:
    """Place of the first bin of each law in flattened tables (B, K): `take` reads there twice as fast as `gather`."""
    return torch.arange(0, laws * bins, bins, device=device)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _counting(start: int, stop: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """start, start + 1, ..., stop - 1."""
    return torch.arange(start, stop, dtype=dtype, device=device)


def _horner(t: Tensor, coefficients: tuple[Tensor, ...]) -> Tensor:
    """sum_n coefficients[n] t^n, for at least two coefficients."""
    out = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        out = torch.addcmul(coefficient, out, t)
    return out


class Points(NamedTuple):
    """Quantiles of the body: bin, distance back from its right edge, and what their derivatives need; shapes (S, B)."""

    bin: Tensor
    place: Tensor  # of the bin in a flattened (B, K)
    mass: Tensor
    short: Tensor
    right: Tensor
    back: Tensor
    width: Tensor

    def position(self) -> Tensor:
        """The quantile in units of bins, counted from the right edge of the first one."""
        return self.bin - self.short

    def per_density(self) -> Tensor:
        """One over the density there."""
        return self.width / self.mass


class InBody(NamedTuple):
    """Outcomes seen from the body: bin, its weight and width, share of it beyond, weight below; shapes (S, B)."""

    bin: Tensor
    place: Tensor
    weight: Tensor
    width: Tensor
    short: Tensor
    below: Tensor


class InTail(NamedTuple):
    """Outcomes seen from the tail on their side, shape (S, B): excess in units of beta, hazard H(z; xi).

    Both are meaningless, but no NaN, for an outcome in the body.
    """

    lower: Tensor
    either: Tensor  # False in the body; True for NaN, which z and the hazard then are
    z: Tensor
    xi: Tensor
    beta: Tensor
    hazard: Tensor  # inf at and beyond a finite end point, and for an infinite outcome

    def moving(self, n: Numbers) -> tuple[Tensor, Tensor, Tensor]:
        """Where the tail's density is neither 0 nor NaN, with z and the hazard there: 0 elsewhere.

        What is no number, or so far out that its square overflows, must stay out of the backward pass: its product with
        a gradient of 0 is NaN.
        """
        usual = self.hazard < n.huge
        return self.either & usual, torch.where(usual, self.z, n.zero), torch.where(usual, self.hazard, n.zero)


def _never_zero(xi: Tensor, n: Numbers) -> Tensor:
    """A shape of exactly 0 as a tiny one: log1p(xi z) / xi is then z to the last digit, with no second branch."""
    return torch.where(xi == n.zero, n.tiny, xi)


def _hazard_slope_in_xi(t: Tensor, z: Tensor, xi: Tensor, hazard: Tensor, stretch: Tensor, n: Numbers) -> Tensor:
    """dH/dxi = (z / (1 + xi z) - H) / xi; a series where that cancels. `t` is xi z, `stretch` 1 + xi z."""
    series = _horner(t, n.hazard_slope).mul_(z).mul_(z)
    return torch.where(t.abs() < n.series_below, series, (z / stretch).sub_(hazard).div_(xi))


def _logit_gradient(p: Tensor, weight: Tensor, position: Tensor, level: Tensor, less: Tensor) -> Tensor:
    """sum_s p_k (weight_s (f_ks - level_s) - less_s), shape (B, K); all but p have shape (S, B), or broadcast to it."""
    if len(weight) == 1:
        k = _counting(-1, p.shape[-1] - 1, p.dtype, p.device)
        level, less = (t.T if t.dim() else t for t in (level, less))
        return (position.T - k).clamp_(0, 1).sub_(level).mul_(weight.T).sub_(less).mul_(p)
    # many outcomes of one law: put each weight into the bin of its point, and sum from the right
    j = position.ceil().clamp_(0, p.shape[-1] - 1)
    bins = j.long().T
    whole = torch.zeros_like(p).scatter_add_(-1, bins, weight.T)
    below = whole.flip(-1).cumsum(-1).flip(-1).sub_(whole)
    below.scatter_add_(-1, bins, (weight * (position + 1 - j)).T)
    return below.sub_((weight * level + less).sum(0).unsqueeze(-1)).mul_(p)


def _tail_gradients(n: Numbers, lower: Tensor, d_xi: Tensor, d_beta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Derivatives in the four tail parameters, from those in shape and scale of the tail that each outcome lies in."""
    both = torch.stack((d_xi, d_beta))  # (2, S, B)
    in_lower = torch.where(lower, both, n.zero)
    in_upper = both.sub_(in_lower)
    if both.shape[1] == 1:
        return *in_lower.squeeze(1).unbind(0), *in_upper.squeeze(1).unbind(0)
    return *in_lower.sum(1).unbind(0), *in_upper.sum(1).unbind(0)


class Law(NamedTuple):
    """What every function of the law needs. The bins' probabilities are `weights / total`, divided only where needed.

    Weights and their cumulative sum have shape (B, K), their total and half of it (B,) or ().
    """

    bins: Bins
    rows: Tensor
    logits: Tensor
    shift: Tensor | None
    weights: Tensor | None
    cumulative: Tensor
    total: Tensor
    half: Tensor
    tails: Tails
    n: Numbers
    q: Masses

    @classmethod
    def of(cls, bins: Bins, logits: Tensor, tails: Tails, keep: bool, normalised: bool = False) -> Law:
        """The law of these parameters.

        Args:
            bins: Shared by all laws.
            logits: Shape (B, K).
            tails: The two tails.
            keep: Whether the weights have to outlive their cumulative sum.
            normalised: Whether the total has to be 1.
        """
        n = _numbers(logits.dtype, logits.device)
        q = _masses(tails.lower_mass, tails.upper_mass, logits.dtype, logits.device)
        rows = _rows(*logits.shape, logits.device)
        if normalised or logits.numel() <= FEW:
            p = logits.softmax(-1)
            return cls(bins, rows, logits, None, p, p.cumsum(-1), n.one, n.half, tails, n, q)
        # exp(l - max) as a power of two, in half the time of a softmax; what all bins share cancels in the total
        shift = logits.amax(-1).mul_(-LOG2_E)
        weights = torch.add(shift.unsqueeze(-1), logits, alpha=LOG2_E).exp2_().contiguous()
        # in one array where that will do: two of them, freed after every call, go back to the system and have to be
        # paged in again, which takes as long as everything else
        cumulative = weights.cumsum(-1) if keep else weights.cumsum_(-1)
        total = cumulative.select(-1, -1).clone()
        return cls(bins, rows, logits, shift, weights if keep else None, cumulative, total, total / 2, tails, n, q)

    def weights_at(self, place: Tensor) -> Tensor:
        """Weights of bins, given as places in the flattened logits."""
        if self.weights is not None:
            return self.weights.take(place)
        return torch.add(self.shift, self.logits.take(place), alpha=LOG2_E).exp2_()

    def probabilities(self) -> Tensor:
        """p (B, K), in the memory of the weights, which are gone."""
        return self.weights if self.total is self.n.one else self.weights.div_(self.total.unsqueeze(-1))

    def quantiles(self, levels: Tensor) -> Points:
        """Quantiles F_b^-1(level) = right - back of the body at levels (S, B)."""
        levels = levels * self.total
        # the clamp serves NaN logits only
        j = torch.searchsorted(self.cumulative, levels.T.contiguous()).clamp_(max=self.logits.shape[-1] - 1).T
        place = j + self.rows
        weight = self.weights_at(place)
        # share of the bin that lies beyond the quantile; the clamp absorbs the rounding of the cumulative sum
        short = self.cumulative.take(place).sub_(levels).div_(weight).clamp_(0, 1)
        width = self.bins.widths.take(j)
        return Points(j, place, weight.div_(self.total), short, self.bins.right.take(j), width * short, width)

    def in_body(self, y: Tensor) -> InBody:
        """The outcomes (S, B) as the bins see them."""
        k = self.bins.of(y)
        place = k + self.rows
        weight, width = self.weights_at(place), self.bins.widths.take(k)
        short = (self.bins.right.take(k) - y).div_(width).clamp_(0, 1)
        below = self.cumulative.take(place).addcmul_(weight, short, value=-1)
        return InBody(k, place, weight, width, short, below)

    def in_tail(self, y: Tensor, lower: Tensor, right: Tensor, back: Tensor) -> InTail:
        """The outcomes beside a threshold right - back each, the lower one where `lower`; all of shape (S, B)."""
        # an outcome is in a tail if it lies beyond the threshold as `icdf` gives it, rounded
        threshold = right - back
        either = ((y < threshold) == lower).logical_and_(y != threshold)
        xi = _never_zero(torch.where(lower, self.tails.lower_xi, self.tails.upper_xi), self.n)
        beta = torch.where(lower, self.tails.lower_beta, self.tails.upper_beta)
        # but how far is (edge - y) first: the difference of neighbours is exact, so offsets of 1e4 yards cost nothing
        z = (right - y).sub_(back).abs_().div_(beta)
        return InTail(lower, either, z, xi, beta, (xi * z).clamp_(min=-1).log1p_().div_(xi))

    def locate(self, y: Tensor) -> tuple[InBody, Points, InTail]:
        """The outcomes (S, B) in the body, the threshold on their side of the median, and their place beyond it."""
        body = self.in_body(y)
        lower = body.below < self.half  # False for NaN, which then is beyond the upper threshold
        at = self.quantiles(self.q.level(lower))
        return body, at, self.in_tail(y, lower, at.right, at.back)


class LogProb(Function):
    r"""Log density. Tail: :math:`\log q - \log\beta - (1 + \xi) H(z)`. Body: :math:`\log p_k - \log w_k`."""

    @staticmethod
    def forward(ctx, bins, logits, y, *tails):
        law = Law.of(bins, logits, Tails(*tails), keep=ctx is not None)
        n, q = law.n, law.q
        body, at, tail = law.locate(y)
        # log p_k from the logits, since p_k may underflow; log Z from the bin of a threshold, which cannot be empty
        in_body = logits.take(body.place) - logits.take(at.place)
        in_body.add_((at.mass / body.width).log_())
        more = tail.xi + n.one
        in_tail = (q.of(tail.lower) / tail.beta).log_()
        in_tail.addcmul_(more, tail.hazard, value=-1)
        # beyond a finite end point the hazard is inf, and the density 0 whatever the sign of 1 + xi
        in_tail = torch.where(tail.hazard == n.inf, n.minus_inf, in_tail)
        if ctx is not None:
            ctx.constants = n, q
            ctx.save_for_backward(law.probabilities(), body.bin, more, *tail, at.position(), at.per_density())
        return torch.where(tail.either, in_tail, in_body)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, k, more, *tail, position, per_density = ctx.saved_tensors
        tail = InTail(*tail)
        n, q = ctx.constants
        lower, xi = tail.lower, tail.xi
        moving, z, hazard = tail.moving(n)
        g = torch.where(moving, grad, n.zero)
        t = xi * z
        stretch = t + n.one
        per_beta = g / tail.beta
        d_excess = more / stretch * per_beta  # with a minus: of the log density in the excess
        d_beta = (d_excess * z).sub_(per_beta)
        slope = _hazard_slope_in_xi(t, z, xi, hazard, stretch, n)
        d_xi = torch.addcmul(hazard, more, slope).mul_(g).neg_()
        d_y = torch.where(lower, d_excess, -d_excess)
        d_logits = None
        if ctx.needs_input_grad[1]:
            # a threshold enters the excess with the sign opposite to y's, and d tau / d logits brings another minus
            in_body = torch.where(tail.either, n.zero, grad)
            d_logits = _logit_gradient(p, d_y * per_density, position, q.level(lower), in_body)
            d_logits.scatter_add_(-1, k.T, in_body.T)
        return None, d_logits, d_y, *_tail_gradients(n, lower, d_xi, d_beta), None, None


class Cdf(Function):
    r"""Probability up to an outcome (`kind` "cdf"), beyond it ("survival"), or the log of that ("log_survival").

    With the mass :math:`T = q S(z; \xi)` beyond an outcome in its tail: F = T in the lower tail, 1 - T in the upper.
    """

    @staticmethod
    def forward(ctx, bins, logits, y, kind, *tails):
        law = Law.of(bins, logits, Tails(*tails), keep=ctx is not None)
        n, q, (lower_mass, upper_mass) = law.n, law.q, tails[4:]
        point, at, tail = law.locate(y)
        body = point.below.div_(law.total).clamp_(lower_mass, 1 - upper_mass)
        beyond = tail.hazard.neg().exp_().mul_(q.of(tail.lower))
        if kind == "cdf":
            in_tail = torch.where(tail.lower, beyond, 1 - beyond)
            out = body
        elif kind == "survival":
            in_tail = torch.where(tail.lower, 1 - beyond, beyond)
            out = 1 - body
        else:
            in_tail = torch.where(tail.lower, torch.log1p(-beyond), math.log(upper_mass) - tail.hazard)
            out = torch.log1p(-body)
        if ctx is not None:
            ctx.constants, ctx.kind = (n, q), kind
            points = at.position(), at.per_density(), point.bin - point.short, point.weight / (point.width * law.total)
            ctx.save_for_backward(law.probabilities(), *tail, *points, body, beyond)
        return torch.where(tail.either, in_tail, out)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, *tail, position, per_density, y_position, density, body, beyond = ctx.saved_tensors
        tail = InTail(*tail)
        n, q = ctx.constants
        lower, in_tail, xi, beta = tail.lower, tail.either, tail.xi, tail.beta
        moving, z, hazard = tail.moving(n)
        # derivative of the output in the log of the mass beyond (tails) and in F (body)
        if ctx.kind == "cdf":
            in_log_mass, in_f = torch.where(lower, beyond, -beyond), 1
        elif ctx.kind == "survival":
            in_log_mass, in_f = torch.where(lower, -beyond, beyond), -1
        else:
            in_log_mass, in_f = torch.where(lower, -beyond / (1 - beyond), n.one), -1 / (1 - body)
        g = torch.where(moving, grad * in_log_mass, n.zero)
        t = xi * z
        stretch = t + n.one
        d_excess = g / (stretch * beta)  # with a minus
        d_y = torch.where(lower, d_excess, -d_excess)
        d_xi = _hazard_slope_in_xi(t, z, xi, hazard, stretch, n).mul_(g).neg_()
        d_logits = None
        in_body = torch.where(in_tail, n.zero, grad * in_f)
        if ctx.needs_input_grad[1]:
            # the body's own point, or the threshold of the tail that the outcome lies in
            d_logits = _logit_gradient(
                p,
                torch.where(in_tail, d_y * per_density, in_body),
                torch.where(in_tail, position, y_position),
                torch.where(in_tail, q.level(lower), body),
                n.zero,
            )
        tail_gradients = _tail_gradients(n, lower, d_xi, d_excess * z)
        return None, d_logits, d_y + in_body * density, None, *tail_gradients, None, None


class Icdf(Function):
    """Outcome at a level: the body's quantile at the level clamped to the body, and beyond it the excess of the
    tail."""

    @staticmethod
    def forward(ctx, bins, logits, level, *tails):
        law = Law.of(bins, logits, Tails(*tails), keep=ctx is not None)
        lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass = tails
        invalid = ~((level >= 0) & (level <= 1))
        level = level.masked_fill(invalid, 0.5)
        in_body = level.clamp(lower_mass, 1 - upper_mass)
        at = law.quantiles(in_body)
        lower, in_tail = level < in_body, level != in_body
        xi = _never_zero(torch.where(lower, lower_xi, upper_xi), law.n)
        beta = torch.where(lower, lower_beta, upper_beta)
        # mass beyond the outcome, in units of the tail's: exactly 1 in the body
        share = torch.where(lower, level / lower_mass, (1 - level) / upper_mass).masked_fill_(~in_tail, 1)
        hazard = share.log_().neg_()
        z = (xi * hazard).expm1_().div_(xi)
        excess = z * beta
        out = at.right - at.back + torch.where(lower, -excess, excess)
        if ctx is not None:
            ctx.masses = lower_mass, upper_mass
            points = at.position(), at.per_density()
            ctx.save_for_backward(law.probabilities(), level, invalid, lower, in_tail, z, xi, beta, hazard, *points)
        return out.masked_fill_(invalid, math.nan)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, level, invalid, lower, in_tail, z, xi, beta, hazard, position, per_density = ctx.saved_tensors
        lower_mass, upper_mass = ctx.masses
        n = _numbers(p.dtype, p.device)
        grad = grad.masked_fill(invalid, 0)
        # an infinite outcome has no gradient; level 0 or 1 of a tail with an end point has: that is at beta / |xi|
        infinite, at_end = z.isinf(), hazard == math.inf
        z, hazard = z.masked_fill(infinite, 0), hazard.masked_fill(at_end, 0)
        g = torch.where(lower, -grad, grad) * (in_tail > infinite)
        t = xi * hazard
        growth = t.exp().masked_fill_(at_end, 0)
        small = (t.abs() < SERIES_BELOW) > at_end
        slope = torch.where(small, _horner(t, n.excess_slope).mul(hazard).mul_(hazard), (hazard * growth - z) / xi)
        per_beta = g * beta
        in_body = level.clamp(lower_mass, 1 - upper_mass)
        d_logits = _logit_gradient(p, -grad * per_density, position, in_body, n.zero)
        in_hazard = (per_beta * growth).div_(torch.where(lower, -level, 1 - level))
        d_level = torch.where(in_tail, in_hazard.masked_fill_(at_end, 0), grad * per_density)
        slope.masked_fill_(infinite, 0)
        return None, d_logits, d_level, *_tail_gradients(n, lower, per_beta * slope, g * z), None, None


class Crps(Function):
    r"""Continuous ranked probability score, one outcome per law (S = 1).

    With :math:`G(x) = F(x) - 1\{x \ge y\}`, the score is :math:`\int G^2`, and since F is continuous in every
    parameter, its derivative is :math:`\int 2 G\, \partial F / \partial \theta` with no term from where the pieces
    meet.

    In the body G is linear piece by piece. A piece of length `l` with values `a`, `b` at its ends contributes
    :math:`l (a^2 + ab + b^2) / 3`. A whole bin is one piece; the bins of the thresholds and of the outcome are cut
    there, into four pieces at most: between the lower threshold and the edge after it, from an edge to the outcome,
    from the outcome to an edge, and from the edge before the upper threshold to it. A tail contributes :math:`q^2 \beta
    / (2 - \xi)`, and with the outcome at excess `x` in it :math:`x - 2 q \int_0^x S` more.
    """

    @staticmethod
    def forward(ctx, bins, logits, y, *tails):
        law = Law.of(bins, logits, Tails(*tails), keep=True, normalised=True)
        p, cumulative, widths, n, q = law.weights, law.cumulative, bins.widths, law.n, law.q
        lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass = tails
        at = law.quantiles(q.levels.expand(2, len(p)))
        is_lower = y < (at.right - at.back)[0]
        tail = law.in_tail(y, is_lower, *(torch.where(is_lower, *both) for both in (at.right, at.back)))
        zero, one = n.zero, n.one
        lower, upper = tail.lower[0], (tail.either & ~tail.lower)[0]
        low, high = at.bin
        start_low, stop_high = one - at.short  # the thresholds, as shares of their bins
        k = bins.of(y[0]).clamp_(low, high)
        column = k.unsqueeze(-1)
        right, mass = cumulative.gather(-1, column).squeeze(-1), p.gather(-1, column).squeeze(-1)
        cut = one - ((bins.right.take(k) - y[0]) / widths.take(k)).clamp_(0, 1)
        # an outcome in a tail cuts the body at the threshold
        cut = torch.where(lower, start_low, torch.where(upper, stop_high, cut))
        f = (right - mass * (one - cut)).clamp_(lower_mass, 1 - upper_mass)
        right_low, right_high = cumulative.take(at.place)
        left_high = right_high - at.mass[1]
        in_low, in_high = k == low, k == high
        q_lo, minus_q_hi = q.lower.expand_as(f), (-q.upper).expand_as(f)
        pieces = torch.stack((low, k, k, high))
        begin = torch.stack((start_low, torch.where(in_low, start_low, zero), cut, zero.expand_as(f)))
        end = torch.stack(
            (
                torch.where(in_low, start_low, one),
                cut,
                torch.where(in_high, stop_high, one),
                torch.where(in_high, zero, stop_high),
            )
        )
        a = torch.stack((q_lo, torch.where(in_low, q_lo, right - mass), f - one, left_high - one))
        b = torch.stack((right_low, f, torch.where(in_high, minus_q_hi, right - one), minus_q_hi))
        length = widths.take(pieces) * (end - begin)

        # G at the right edge of each bin, and 0 outside the body: the bins that are cut are put right below
        index = _counting(0, p.shape[-1], p.dtype, p.device)
        g = cumulative - (index - (column - 1)).clamp_(0, 1)
        # where cumulative < q_lo or >= 1 - q_hi: a tie belongs to the bin on its left, as in a search
        floor = torch.nextafter(q.lower, zero).item()
        g = torch.ops.aten.hardtanh_backward(g, cumulative, floor, 1 - upper_mass)
        whole = g * (widths + torch.cat([widths[1:], widths.new_zeros(1)]))
        whole[:, 1:].addcmul_(g[:, :-1], widths[1:])
        body = whole.mul_(g).sum(-1)
        cut_bins = torch.stack((low, k, high), -1)
        cut_a = g.gather(-1, (cut_bins - 1).clamp_(min=0)).masked_fill_(cut_bins == 0, 0)
        cut_b = g.gather(-1, cut_bins)
        cut_width = widths.take(cut_bins)
        cut_width[:, 1:].masked_fill_(cut_bins[:, 1:] == cut_bins[:, :-1], 0)  # each bin once
        body -= (cut_width * (cut_a * cut_a + cut_a * cut_b + cut_b * cut_b)).sum(-1)
        body += (length * (a * a + a * b + b * b)).sum(0)

        rate = _never_zero(one - tail.xi, n)
        covered = (-rate * tail.hazard).expm1_().div_(-rate)  # integral of S up to the outcome, in units of beta
        in_tail = (tail.z - 2 * q.of(tail.lower) * covered) * tail.beta
        ends = lower_mass**2 * lower_beta / (2 - lower_xi) + upper_mass**2 * upper_beta / (2 - upper_xi)
        ends = torch.where((lower_xi < 2) & (upper_xi < 2), ends, n.inf)
        if ctx is not None:
            ctx.masses, ctx.constants = (lower_mass, upper_mass), (n, q)
            points = at.bin, at.short, at.per_density()
            cuts = pieces, begin, end, a, b, length, cut_bins, cut_a, cut_b, cut_width
            parameters = lower_xi, lower_beta, upper_xi, upper_beta
            ctx.save_for_backward(widths, p, g, f, rate, covered, *tail, *points, *cuts, *parameters)
        return body.div_(3) + torch.where(tail.either, in_tail, zero) + ends

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        widths, p, g, f, rate, covered, *saved = ctx.saved_tensors
        tail, (bin_, short, per_density) = InTail(*saved[:6]), saved[6:9]
        pieces, begin, end, a, b, length, cut_bins, cut_a, cut_b, cut_width = saved[9:19]
        lower_xi, lower_beta, upper_xi, upper_beta = saved[19:]
        (lower_mass, upper_mass), (n, q) = ctx.masses, ctx.constants
        zero = n.zero
        lower, upper = tail.lower, tail.either & ~tail.lower
        q = q.of(lower)
        share = (-tail.hazard).exp()  # S at the outcome
        beyond = torch.where(tail.either, q * share, zero)
        f = torch.where(lower, beyond, torch.where(upper, 1 - beyond, f))
        d_y = (2 * f - 1) * grad

        # own tail: x - 2 q beta I(z, xi)
        moving, z, hazard = tail.moving(n)
        t = tail.xi * z
        decay = rate * hazard
        slope = _hazard_slope_in_xi(t, z, tail.xi, hazard, t + n.one, n)
        # dI/dxi = ((1 - E) / r - E H) / r + E H_xi with r = 1 - xi, E = exp(-r H); a series where the bracket cancels
        remaining = (-decay).exp()
        at_end = tail.hazard == math.inf
        bracket = torch.where(
            (decay.abs() < SERIES_BELOW) & ~at_end,
            _horner(decay, n.covered_slope).mul(hazard).mul_(hazard),
            (covered - (remaining * hazard).masked_fill_(at_end, 0)) / rate,
        )
        remaining = torch.where(moving, remaining, zero)
        own = -2 * q * grad * tail.either
        d_xi = own * tail.beta * (bracket + remaining * slope)
        d_beta = own * (covered - z * share)
        gradients = list(_tail_gradients(n, lower, d_xi, d_beta))
        for i, (mass, xi, beta) in enumerate(((lower_mass, lower_xi, lower_beta), (upper_mass, upper_xi, upper_beta))):
            constant = mass**2 / (2 - xi) * grad[0]
            gradients[2 * i] = gradients[2 * i] + constant * beta / (2 - xi)
            gradients[2 * i + 1] = gradients[2 * i + 1] + constant

        d_logits = None
        if ctx.needs_input_grad[1]:
            # A threshold that moves takes its tail along.
            d_lower = torch.where(lower, 2 * (lower_mass - f), zero) - lower_mass**2
            d_upper = upper_mass**2 - torch.where(upper, 2 * (upper_mass - beyond), zero)
            moved = (torch.cat((d_lower, d_upper)) * per_density / -2).T
            # dF(x) / dp_k is the share of bin k below x. Its integral with G over the bins after k is the sum of their
            # integrals of G; over bin k itself it is an integral weighted by that share.
            integral = g.clone()
            integral[:, 1:] += g[:, :-1]
            integral.mul_(widths / 2)
            weighted = (integral / 3).addcmul_(g, widths / 6)
            where = torch.cat((cut_bins, pieces.T, bin_.T), -1)
            integrals = (cut_width * (cut_a + cut_b) / -2, (length * (a + b) / 2).T, moved)
            shares = (
                cut_width * (cut_a + 2 * cut_b) / -6,
                (length * (a * (2 * begin + end) + b * (begin + 2 * end)) / 6).T,
                moved * (1 - short).T,
            )
            weighted.scatter_add_(-1, where, torch.cat(shares, -1))
            integral.scatter_add_(-1, where, torch.cat(integrals, -1))
            # the sum over the bins after k is a constant, which the softmax removes, minus the sum up to k
            weighted.sub_(integral.cumsum_(-1)).mul_(p)
            d_logits = weighted.addcmul_(p, weighted.sum(-1, keepdim=True), value=-1).mul_(2 * grad.T)
        return None, d_logits, d_y, *gradients, None, None
