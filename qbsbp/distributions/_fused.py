r"""The spliced law in a few passes over the logits, with analytic derivatives.

Autograd through softmax, cumulative sum, search and splice keeps some thirty arrays of the size of the logits alive.
Here each operation is one `torch.autograd.Function` that keeps one or two, because every derivative in the logits has
one form: a quantile, a probability and a threshold all move with

.. math:: \frac{\partial \tau}{\partial l_k} = -\frac{w_j}{p_j} p_k (f_k - u), \qquad
          \frac{\partial F_b(y)}{\partial l_k} = p_k (f_k - F_b(y)),

where :math:`f_k` is the share of bin `k` below the point (1, then a fraction, then 0: the `position` of the point in
units of bins, minus `k`, clamped to [0, 1]), `j` its bin and `u` its level.

Shapes throughout: B laws, K bins, S outcomes per law. `edges` (K + 1,), `widths` (K,), `logits` (B, K), tail parameters
(B,), outcomes (B, S).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .gpd import SERIES_BELOW, series_terms

__all__ = ["BodyScore", "Cdf", "Icdf", "LogProb", "evaluate"]


class Tails(NamedTuple):
    """Parameters of the two tails; xi and beta have shape (B,), the masses are numbers in (0, 1/2)."""

    lower_xi: Tensor
    lower_beta: Tensor
    upper_xi: Tensor
    upper_beta: Tensor
    lower_mass: float
    upper_mass: float


def evaluate(function: type[Function], *arguments: Tensor | float | str) -> Tensor:
    """`function.apply`, without building a graph where no argument asks for one: half the overhead at small batches."""
    if torch.is_grad_enabled() and any(isinstance(a, Tensor) and a.requires_grad for a in arguments):
        return function.apply(*arguments)
    with torch.no_grad():
        return function.forward(None, *arguments)


@lru_cache(maxsize=64)
def _constants(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Numbers as a tensor, shape (1, n), made once."""
    return torch.tensor([values], dtype=dtype, device=device)


def _horner(t: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """sum_n coefficients[n] t^n."""
    *lower, out = _constants(coefficients, t.dtype, t.device).unbind(-1)
    for coefficient in reversed(lower):
        out = torch.addcmul(coefficient, out, t)
    return out


class Points(NamedTuple):
    """Quantiles of the body: bin, distance back from its right edge, and what their derivatives need; shapes (B, S)."""

    bin: Tensor
    mass: Tensor
    short: Tensor
    right: Tensor
    back: Tensor
    width: Tensor

    def position(self) -> Tensor:
        """The quantile in units of bins."""
        return self.bin + 1 - self.short


def _quantiles(edges: Tensor, widths: Tensor, p: Tensor, cumulative: Tensor, levels: Tensor) -> Points:
    """Quantiles F_b^-1(level) = right - back of the binned body at levels (B, S)."""
    j = torch.searchsorted(cumulative, levels).clamp_(max=p.shape[-1] - 1)  # the clamp serves NaN logits only
    mass = p.gather(-1, j)
    # share of the bin that lies beyond the quantile; the clamp absorbs the rounding of the cumulative sum
    short = cumulative.gather(-1, j).sub_(levels).div_(mass).clamp_(0, 1)
    width = widths.take(j)
    return Points(j, mass, short, edges[1:].take(j), width * short, width)


def _thresholds(edges: Tensor, widths: Tensor, p: Tensor, cumulative: Tensor, tails: Tails) -> Points:
    """Lower and upper threshold, shape (B, 2)."""
    levels = _constants((tails.lower_mass, 1 - tails.upper_mass), p.dtype, p.device)
    return _quantiles(edges, widths, p, cumulative, levels.expand(len(p), 2).contiguous())


class InTail(NamedTuple):
    """Outcomes seen from the tail they lie in, shape (B, S): excess in units of beta, hazard H(z; xi)."""

    lower: Tensor
    either: Tensor  # False in the body; True for NaN, which z and the hazard then are
    z: Tensor
    xi: Tensor
    beta: Tensor
    hazard: Tensor  # inf at and beyond a finite end point, and for an infinite outcome

    def moving(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where the tail's density is neither 0 nor NaN, with z and the hazard there: 0 elsewhere.

        What is no number, or so far out that its square overflows, must stay out of the backward pass: its product with
        a gradient of 0 is NaN.
        """
        usual = self.hazard < math.sqrt(torch.finfo(self.hazard.dtype).max)
        return self.either & usual, torch.where(usual, self.z, 0), torch.where(usual, self.hazard, 0)


def _never_zero(xi: Tensor) -> Tensor:
    """A shape of exactly 0 as a tiny one: log1p(xi z) / xi is then z to the last digit, with no second branch."""
    return xi.masked_fill_(xi == 0, torch.finfo(xi.dtype).eps ** 3)


def _in_tail(y: Tensor, at: Points, tails: Tails) -> InTail:
    # (edge - y) first: the difference of neighbours is exact, so that an offset of 1e4 yards costs no precision
    below, above = (at.right.unsqueeze(-1) - y.unsqueeze(1)).sub_(at.back.unsqueeze(-1)).unbind(1)
    # but an outcome is in a tail if it lies beyond the threshold as `icdf` gives it, rounded
    threshold = at.right - at.back
    lower = y < threshold[:, :1]
    either = lower == (y <= threshold[:, 1:])
    xi = _never_zero(torch.where(lower, tails.lower_xi.unsqueeze(-1), tails.upper_xi.unsqueeze(-1)))
    beta = torch.where(lower, tails.lower_beta.unsqueeze(-1), tails.upper_beta.unsqueeze(-1))
    excess = torch.maximum(below, above.neg_()).clamp_(min=0)
    z = excess / beta
    hazard = (xi * z).clamp_(min=-1).log1p_().div_(xi)  # inf from a finite end point on
    return InTail(lower, either, z, xi, beta, hazard)


def _by_tail(lower: Tensor, lower_value: float, upper_value: float, like: Tensor) -> Tensor | float:
    """`lower_value` where `lower`, else `upper_value`: a number when both agree, else a tensor of the dtype of
    `like`."""
    if lower_value == upper_value:
        return lower_value
    return torch.full_like(like, upper_value).masked_fill_(lower, lower_value)


def _side(lower: Tensor, of_thresholds: Tensor) -> Tensor:
    """Column 0 of (B, 2) where `lower`, else column 1; (B, S)."""
    return torch.where(lower, of_thresholds[:, :1], of_thresholds[:, 1:])


# Below this |t| the closed form has lost the digits that the series still has: eps / 0.01 against 0.01^terms.
SLOPE_SERIES_BELOW = 0.01
_SLOPE_SERIES = {
    dtype: tuple((-1) ** n * n / (n + 1) for n in range(1, terms + 1))
    for dtype, terms in ((torch.float32, 4), (torch.float64, 8))
}


def _hazard_slope_in_xi(t: Tensor, z: Tensor, xi: Tensor, hazard: Tensor, stretch: Tensor) -> Tensor:
    """dH/dxi = (z / (1 + xi z) - H) / xi; a series where that cancels. `t` is xi z, `stretch` 1 + xi z."""
    series = _horner(t, _SLOPE_SERIES[t.dtype])
    return torch.where(t.abs() < SLOPE_SERIES_BELOW, series.mul_(z).mul_(z), (z / stretch).sub_(hazard).div_(xi))


def _logit_gradient(
    p: Tensor, weight: Tensor, position: Tensor, level: Tensor | float, less: Tensor | float = 0.0
) -> Tensor:
    """sum_s p_k (weight_s (f_ks - level_s) - less_s), shape (B, K); all but p have shape (B, S)."""
    k = _constants(tuple(range(p.shape[-1])), p.dtype, p.device)
    if weight.shape[-1] == 1:
        return (position - k).clamp_(0, 1).sub_(level).mul_(weight).sub_(less).mul_(p)
    # many outcomes of one law: put each weight into the bin of its point, and sum from the right
    j = position.ceil().sub_(1).clamp_(0, p.shape[-1] - 1)
    whole = torch.zeros_like(p).scatter_add_(-1, j.long(), weight)
    below = whole.flip(-1).cumsum(-1).flip(-1).sub_(whole)
    below.scatter_add_(-1, j.long(), weight * (position - j))
    return below.sub_((weight * level + less).sum(-1, keepdim=True)).mul_(p)


def _of_laws(d: Tensor) -> Tensor:
    """Sum over the outcomes of each law: (B, S) to (B,)."""
    return d.squeeze(-1) if d.shape[-1] == 1 else d.sum(-1)


def _tail_gradients(lower: Tensor, d_xi: Tensor, d_beta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Derivatives in the four tail parameters, from those in the shape and scale of the tail that each outcome lies
    in."""
    both = torch.stack((d_xi, d_beta))
    in_lower = torch.where(lower, both, 0)
    return *_of_laws(in_lower).unbind(0), *_of_laws(both.sub_(in_lower)).unbind(0)


def _of_bin(edges: Tensor, y: Tensor) -> Tensor:
    """Bin of each outcome, an edge belonging to the bin on its right; outcomes outside get the nearest bin."""
    return torch.bucketize(y, edges, right=True).sub_(1).clamp_(0, len(edges) - 2)


class LogProb(Function):
    r"""Log density. Tail: :math:`\log q - \log\beta - (1 + \xi) H(z)`. Body: :math:`\log p_k - \log w_k`."""

    @staticmethod
    def forward(ctx, edges, widths, logits, lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass, y):
        tails = Tails(lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass)
        p = logits.softmax(-1)
        at = _thresholds(edges, widths, p, p.cumsum(-1), tails)
        tail = _in_tail(y, at, tails)
        k = _of_bin(edges, y)
        # log p_k from the logits, since p_k may underflow; log Z from the bin of a threshold, which cannot be empty
        reference = at.bin[:, :1]
        in_body = logits.gather(-1, k).sub_(logits.gather(-1, reference))
        in_body.add_((at.mass[:, :1] / widths.take(k)).log_())
        at_threshold = (_by_tail(tail.lower, lower_mass, upper_mass, tail.z) / tail.beta).log_()
        in_tail = at_threshold.addcmul_(tail.xi + 1, tail.hazard, value=-1)
        in_tail.masked_fill_(tail.hazard == math.inf, -math.inf)  # whatever the sign of 1 + xi
        if ctx is not None:
            ctx.masses = lower_mass, upper_mass
            ctx.save_for_backward(p, k, *tail, at.position(), at.width / at.mass)
        return torch.where(tail.either, in_tail, in_body)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, k, *tail, position, per_density = ctx.saved_tensors
        tail = InTail(*tail)
        lower, xi, beta = tail.lower, tail.xi, tail.beta
        moving, z, hazard = tail.moving()
        g = torch.where(moving, grad, 0)
        t = xi * z
        stretch = t + 1
        more = xi + 1
        rise = more / stretch  # -d log f / dz
        per_beta = g / beta
        d_excess = rise * per_beta  # with a minus: of the log density in the excess
        d_beta = (d_excess * z).sub_(per_beta)
        slope = _hazard_slope_in_xi(t, z, xi, hazard, stretch)
        d_xi = torch.addcmul(hazard, more, slope).mul_(g).neg_()
        d_y = torch.where(lower, d_excess, -d_excess)
        d_logits = None
        if ctx.needs_input_grad[2]:
            lower_mass, upper_mass = ctx.masses
            # the threshold enters the excess with the sign opposite to y's, and d tau / d logits brings another minus
            weight = d_y * _side(lower, per_density)
            level = _by_tail(lower, lower_mass, 1 - upper_mass, z)
            in_body = grad.masked_fill(tail.either, 0)
            d_logits = _logit_gradient(p, weight, _side(lower, position), level, in_body).scatter_add_(-1, k, in_body)
        return None, None, d_logits, *_tail_gradients(lower, d_xi, d_beta), None, None, d_y


class Cdf(Function):
    r"""Probability up to an outcome (`kind` "cdf"), beyond it ("survival"), or the log of that ("log_survival").

    With the mass :math:`T = q S(z; \xi)` beyond an outcome in its tail: F = T in the lower tail, 1 - T in the upper
    one.
    """

    @staticmethod
    def forward(
        ctx, edges, widths, logits, lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass, y, kind
    ):
        tails = Tails(lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass)
        p = logits.softmax(-1)
        cumulative = p.cumsum(-1)
        at = _thresholds(edges, widths, p, cumulative, tails)
        tail = _in_tail(y, at, tails)
        k = _of_bin(edges, y)
        mass, width = p.gather(-1, k), widths.take(k)
        short = (edges[1:].take(k) - y).div_(width)  # share of the bin beyond the outcome
        body = cumulative.gather(-1, k).addcmul_(mass, short, value=-1).clamp_(lower_mass, 1 - upper_mass)
        beyond = tail.hazard.neg().exp_().mul_(_by_tail(tail.lower, lower_mass, upper_mass, tail.z))
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
            ctx.masses, ctx.kind = (lower_mass, upper_mass), kind
            points = at.position(), at.width / at.mass, k + 1 - short, mass / width
            ctx.save_for_backward(p, *tail, *points, body, beyond)
        return torch.where(tail.either, in_tail, out)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, *tail, position, per_density, y_position, density, body, beyond = ctx.saved_tensors
        tail = InTail(*tail)
        lower, in_tail, xi, beta = tail.lower, tail.either, tail.xi, tail.beta
        moving, z, hazard = tail.moving()
        # derivative of the output in the log of the mass beyond (tails) and in F (body)
        if ctx.kind == "cdf":
            in_log_mass, in_f = torch.where(lower, beyond, -beyond), 1
        elif ctx.kind == "survival":
            in_log_mass, in_f = torch.where(lower, -beyond, beyond), -1
        else:
            in_log_mass, in_f = torch.where(lower, -beyond / (1 - beyond), 1), -1 / (1 - body)
        g = torch.where(moving, grad * in_log_mass, 0)
        t = xi * z
        stretch = t + 1
        d_excess = g / (stretch * beta)  # with a minus
        d_y = torch.where(lower, d_excess, -d_excess)
        d_xi = _hazard_slope_in_xi(t, z, xi, hazard, stretch).mul_(g).neg_()
        d_logits = None
        in_body = (grad * in_f).masked_fill_(in_tail, 0)
        if ctx.needs_input_grad[2]:
            lower_mass, upper_mass = ctx.masses
            # the body's own point, or the threshold of the tail that the outcome lies in
            d_logits = _logit_gradient(
                p,
                torch.where(in_tail, d_y * _side(lower, per_density), in_body),
                torch.where(in_tail, _side(lower, position), y_position),
                torch.where(in_tail, _by_tail(lower, lower_mass, 1 - upper_mass, z), body),
            )
        tail_gradients = _tail_gradients(lower, d_xi, d_excess * z)
        return None, None, d_logits, *tail_gradients, None, None, d_y + in_body * density, None


class Icdf(Function):
    r"""Outcome at a level: the body's quantile at the level clamped to the body, and beyond it the excess of the
    tail."""

    @staticmethod
    def forward(ctx, edges, widths, logits, lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass, level):
        p = logits.softmax(-1)
        invalid = ~((level >= 0) & (level <= 1))
        level = level.masked_fill(invalid, 0.5)
        in_body = level.clamp(lower_mass, 1 - upper_mass)
        at = _quantiles(edges, widths, p, p.cumsum(-1), in_body)
        lower, in_tail = level < in_body, level != in_body
        xi = _never_zero(torch.where(lower, lower_xi.unsqueeze(-1), upper_xi.unsqueeze(-1)))
        beta = torch.where(lower, lower_beta.unsqueeze(-1), upper_beta.unsqueeze(-1))
        # mass beyond the outcome, in units of the tail's: exactly 1 in the body
        share = torch.where(lower, level / lower_mass, (1 - level) / upper_mass).masked_fill_(~in_tail, 1)
        hazard = share.log_().neg_()
        z = (xi * hazard).expm1_().div_(xi)
        excess = z * beta
        out = (at.right - at.back).add_(torch.where(lower, -excess, excess)).masked_fill_(invalid, math.nan)
        if ctx is not None:
            ctx.masses = lower_mass, upper_mass
            points = at.position(), at.width / at.mass
            ctx.save_for_backward(p, level, invalid, lower, in_tail, z, xi, beta, hazard, *points)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, level, invalid, lower, in_tail, z, xi, beta, hazard, position, per_density = ctx.saved_tensors
        lower_mass, upper_mass = ctx.masses
        grad = grad.masked_fill(invalid, 0)
        # an infinite outcome has no gradient; level 0 or 1 of a tail with an end point has: that is at beta / |xi|
        infinite, at_end = z.isinf(), hazard == math.inf
        z, hazard = z.masked_fill(infinite, 0), hazard.masked_fill(at_end, 0)
        g = torch.where(lower, -grad, grad) * (in_tail > infinite)
        t = xi * hazard
        growth = t.exp().masked_fill_(at_end, 0)
        coefficients = tuple(n / math.factorial(n + 1) for n in range(1, series_terms(p.dtype)))
        small = (t.abs() < SERIES_BELOW) > at_end
        slope = torch.where(small, _horner(t, coefficients).mul(hazard).mul_(hazard), (hazard * growth - z) / xi)
        per_beta = g * beta
        d_logits = _logit_gradient(p, -grad * per_density, position, level.clamp(lower_mass, 1 - upper_mass))
        in_hazard = (per_beta * growth).div_(torch.where(lower, -level, 1 - level))
        d_level = torch.where(in_tail, in_hazard.masked_fill_(at_end, 0), grad * per_density)
        slope.masked_fill_(infinite, 0)
        return None, None, d_logits, *_tail_gradients(lower, per_beta * slope, g * z), None, None, d_level


class BodyScore(Function):
    r"""What the CRPS of an outcome needs of the body, one outcome per law.

    Returns `score` (B,), the integral of :math:`(F_b(x) - 1\{x \ge y\})^2` over the bins that lie wholly between the
    thresholds and do not hold the outcome: each contributes :math:`w (a^2 + ab + b^2) / 3`, `a` and `b` the values at
    its ends. For the bins of the lower threshold, the outcome and the upper threshold (an outcome in a tail counts into
    the threshold's bin): `bin`, their `mass`, and the `cumulative` mass up to their right edges, all (B, 3).
    Integrating the remaining pieces is left to autograd, on arrays of B.
    """

    @staticmethod
    def _ends(cumulative: Tensor, bins: Tensor, lower_mass: float, upper_mass: float) -> Tensor:
        """F - 1{x >= y} at the right edge of each bin, F held at its thresholds' levels outside the body."""
        k = _constants(tuple(range(cumulative.shape[-1])), cumulative.dtype, cumulative.device)
        past = (k - (bins[:, 1:2] - 1)).clamp_(0, 1)
        return cumulative.clamp(lower_mass, 1 - upper_mass).sub_(past)

    @staticmethod
    def _special(ends: Tensor, bins: Tensor, widths: Tensor, lower_mass: float) -> tuple[Tensor, Tensor, Tensor]:
        """Width (0 for a bin named before) and values at both ends of the three special bins."""
        a = ends.gather(-1, (bins - 1).clamp(min=0)).masked_fill_(bins == 0, lower_mass)
        width = widths.take(bins)
        width[:, 1:].masked_fill_(bins[:, 1:] == bins[:, :-1], 0)
        return width, a, ends.gather(-1, bins)

    @staticmethod
    def forward(ctx, edges, widths, logits, lower_mass, upper_mass, y):
        p = logits.softmax(-1)
        cumulative = p.cumsum(-1)
        levels = _constants((lower_mass, 1 - upper_mass), p.dtype, p.device).expand(len(p), 2).contiguous()
        thresholds = torch.searchsorted(cumulative, levels).clamp_(max=p.shape[-1] - 1)
        lower, upper = thresholds[:, :1], thresholds[:, 1:]
        bins = torch.cat([lower, _of_bin(edges, y.unsqueeze(-1)).clamp_(lower, upper), upper], -1)
        ends = BodyScore._ends(cumulative, bins, lower_mass, upper_mass)
        # sum of w (a^2 + ab + b^2) over all bins: (w_k + w_{k+1}) b_k^2 + w_k b_{k-1} b_k
        at_first = widths[0] * (lower_mass**2 + lower_mass * ends[:, 0])
        square = ends * (widths + torch.cat([widths[1:], widths.new_zeros(1)]))
        square[:, 1:].addcmul_(ends[:, :-1], widths[1:])
        total = square.mul_(ends).sum(-1).add_(at_first)
        width, a, b = BodyScore._special(ends, bins, widths, lower_mass)
        total -= (width * (a * a + a * b + b * b)).sum(-1)
        # beyond the thresholds' bins both ends hold the constants q_lo and -q_hi
        total -= 3 * lower_mass**2 * (edges.take(bins[:, 0]) - edges[0])
        total -= 3 * upper_mass**2 * (edges[-1] - edges.take(bins[:, 2] + 1))
        if ctx is not None:
            ctx.masses = lower_mass, upper_mass
            ctx.save_for_backward(widths, p, cumulative, bins)
            ctx.mark_non_differentiable(bins)
        return total.div_(3), bins, p.gather(-1, bins), cumulative.gather(-1, bins)

    @staticmethod
    @once_differentiable
    def backward(ctx, d_score, _, d_mass, d_cumulative):
        widths, p, cumulative, bins = ctx.saved_tensors
        lower_mass, upper_mass = ctx.masses
        ends = BodyScore._ends(cumulative, bins, lower_mass, upper_mass)
        # d score / d F at the right edge of each bin: w_k (a + 2 b) of the bin before it, w_{k+1} (2 a + b) of the next
        slope = ends * (2 * (widths + torch.cat([widths[1:], widths.new_zeros(1)])))
        slope[:, 1:].addcmul_(ends[:, :-1], widths[1:])
        slope[:, :-1].addcmul_(ends[:, 1:], widths[1:])
        slope[:, 0] += lower_mass * widths[0]
        width, a, b = BodyScore._special(ends, bins, widths, lower_mass)
        del ends
        before = (-width * (2 * a + b)).masked_fill_(bins == 0, 0)
        slope.scatter_add_(-1, bins, -width * (a + 2 * b)).scatter_add_(-1, (bins - 1).clamp(min=0), before)
        # where F is held at a threshold's level it does not move: the derivative of a clamp, in which a tie belongs to
        # the bin on its left, as in a search
        held = torch.nextafter(torch.tensor(lower_mass, dtype=p.dtype), torch.tensor(0, dtype=p.dtype)).item()
        slope = torch.ops.aten.hardtanh_backward(slope, cumulative, held, 1 - upper_mass)
        slope.mul_(d_score.unsqueeze(-1) / 3).scatter_add_(-1, bins, d_cumulative)
        # an edge moves with all bins on its left: sum from the right, up to a constant that the softmax removes
        d_p = slope.cumsum(-1).sub_(slope).neg_().scatter_add_(-1, bins, d_mass).mul_(p)
        return None, None, d_p.addcmul_(p, d_p.sum(-1, keepdim=True), value=-1), None, None, None
