r"""The spliced law in a few passes over the logits, with analytic derivatives.

Autograd through softmax, cumulative sum, search and splice keeps some thirty arrays of the size of the logits alive. Here
each operation is one `torch.autograd.Function` that keeps one or two, because every derivative in the logits has one form:
a quantile, a probability and a threshold all move with

.. math:: \frac{\partial \tau}{\partial l_k} = -\frac{w_j}{p_j} p_k (f_k - u), \qquad
          \frac{\partial F_b(y)}{\partial l_k} = p_k (f_k - F_b(y)),

where :math:`f_k` is the share of bin `k` below the point (1, then a fraction, then 0: the `position` of the point in units
of bins, minus `k`, clamped to [0, 1]), `j` its bin and `u` its level.

Shapes throughout: B laws, K bins, S outcomes per law. `logits` (B, K), tail parameters (B,), outcomes (B, S).
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
def _levels(lower_mass: float, upper_mass: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Levels of the two thresholds, shape (1, 2)."""
    return torch.tensor([[lower_mass, 1 - upper_mass]], dtype=dtype, device=device)


class Points(NamedTuple):
    """Quantiles of the body: bin, distance back from its right edge, and what their derivatives need; shapes (B, S)."""

    bin: Tensor
    mass: Tensor
    right: Tensor
    back: Tensor
    width: Tensor
    position: Tensor


def _quantiles(edges: Tensor, widths: Tensor, p: Tensor, cumulative: Tensor, levels: Tensor) -> Points:
    """Quantiles F_b^-1(level) = right - back of the binned body at levels (B, S)."""
    j = torch.searchsorted(cumulative, levels).clamp_(max=p.shape[-1] - 1)  # the clamp serves NaN logits only
    mass = p.gather(-1, j)
    # share of the bin that lies beyond the quantile; the clamp absorbs the rounding of the cumulative sum
    short = cumulative.gather(-1, j).sub_(levels).div_(mass).clamp_(0, 1)
    width = widths.take(j)
    after = j + 1
    return Points(j, mass, edges.take(after), width * short, width, after - short)


def _thresholds(edges: Tensor, widths: Tensor, p: Tensor, cumulative: Tensor, tails: Tails) -> Points:
    """Lower and upper threshold, shape (B, 2)."""
    levels = _levels(tails.lower_mass, tails.upper_mass, p.dtype, p.device)
    return _quantiles(edges, widths, p, cumulative, levels.expand(len(p), 2).contiguous())


class InTail(NamedTuple):
    """Outcomes seen from the tail they lie in, shape (B, S): excess in units of beta (0 in the body), hazard H(z; xi)."""

    lower: Tensor
    upper: Tensor
    z: Tensor
    xi: Tensor
    beta: Tensor
    hazard: Tensor


def _hazard(z: Tensor, xi: Tensor) -> Tensor:
    """log(1 + xi z) / xi, z at xi = 0 and inf from a finite end point on. No autograd passes here, so one `where` does."""
    return torch.where(xi == 0, z, torch.log1p((xi * z).clamp_(min=-1)) / xi)


def _in_tail(y: Tensor, at: Points, tails: Tails) -> InTail:
    # (edge - y) first: the difference of neighbours is exact, so that an offset of 1e4 yards costs no precision
    below = (at.right[:, :1] - y).sub_(at.back[:, :1])
    above = (y - at.right[:, 1:]).add_(at.back[:, 1:])
    lower, upper = below > 0, above > 0
    xi = torch.where(lower, tails.lower_xi.unsqueeze(-1), tails.upper_xi.unsqueeze(-1))
    beta = torch.where(lower, tails.lower_beta.unsqueeze(-1), tails.upper_beta.unsqueeze(-1))
    z = torch.maximum(below, above).clamp_(min=0).div_(beta)
    return InTail(lower, upper, z, xi, beta, _hazard(z, xi))


def _by_tail(lower: Tensor, lower_value: float, upper_value: float, like: Tensor) -> Tensor | float:
    """`lower_value` where `lower`, else `upper_value`: a number when both agree, else a tensor of the dtype of `like`."""
    if lower_value == upper_value:
        return lower_value
    return torch.full_like(like, upper_value).masked_fill_(lower, lower_value)


def _hazard_slope_in_xi(z: Tensor, xi: Tensor, hazard: Tensor, stretch: Tensor) -> Tensor:
    """dH/dxi = (z / (1 + xi z) - H) / xi; a series where that cancels. `stretch` is 1 + xi z."""
    t = xi * z
    return torch.where(
        t.abs() < SERIES_BELOW,
        _horner(t, tuple((-1) ** n * n / (n + 1) for n in range(1, series_terms(t.dtype)))).mul_(z).mul_(z),
        (z / stretch - hazard) / xi,
    )


def _horner(t: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    out = torch.full_like(t, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        out.mul_(t).add_(coefficient)
    return out


def _logit_gradient(p: Tensor, weight: Tensor, position: Tensor, level: Tensor | float) -> Tensor:
    """sum_s weight_s p_k (f_ks - level_s), shape (B, K); weight, position and level have shape (B, S)."""
    k = torch.arange(p.shape[-1], dtype=p.dtype, device=p.device)
    offset = (weight * level).sum(-1, keepdim=True)
    if weight.shape[-1] == 1:
        below = (position - k).clamp_(0, 1).mul_(weight)
    else:
        # many outcomes of one law: put each weight into the bin of its point, and sum from the right
        j = position.ceil().sub_(1).clamp_(0, p.shape[-1] - 1)
        whole = torch.zeros_like(p).scatter_add_(-1, j.long(), weight)
        below = whole.flip(-1).cumsum(-1).flip(-1).sub_(whole)
        below.scatter_add_(-1, j.long(), weight * (position - j))
    return below.sub_(offset).mul_(p)


def _tail_gradients(tail: InTail, d_xi: Tensor, d_beta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sum over the outcomes of the derivatives in the shape and scale of the tail that each lies in."""
    lower_xi, lower_beta = torch.where(tail.lower, d_xi, 0).sum(-1), torch.where(tail.lower, d_beta, 0).sum(-1)
    upper_xi, upper_beta = torch.where(tail.upper, d_xi, 0).sum(-1), torch.where(tail.upper, d_beta, 0).sum(-1)
    return lower_xi, lower_beta, upper_xi, upper_beta


def _of_bin(edges: Tensor, y: Tensor) -> Tensor:
    """Bin of each outcome, an edge belonging to the bin on its right; outcomes outside get the nearest bin."""
    return torch.bucketize(y, edges, right=True).sub_(1).clamp_(0, len(edges) - 2)


class LogProb(Function):
    r"""Log density. Tail: :math:`\log q - \log\beta - (1 + \xi) H(z)`. Body: :math:`\log p_k - \log w_k`."""

    @staticmethod
    def forward(ctx, edges, logits, lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass, y):
        tails = Tails(lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass)
        widths = edges[1:] - edges[:-1]
        p = logits.softmax(-1)
        at = _thresholds(edges, widths, p, p.cumsum(-1), tails)
        tail = _in_tail(y, at, tails)
        k = _of_bin(edges, y)
        # log p_k from the logits, since p_k may underflow; log Z from the bin of a threshold, which cannot be empty
        reference = at.bin[:, :1]
        in_body = logits.gather(-1, k).sub_(logits.gather(-1, reference)).add_(at.mass[:, :1].log())
        in_body.sub_(widths.take(k).log_()).add_(y - y)  # y - y: NaN where the outcome is NaN
        log_mass = _by_tail(tail.lower, math.log(lower_mass), math.log(upper_mass), tail.z)
        in_tail = log_mass - tail.beta.log() - (tail.xi + 1) * tail.hazard
        in_tail.masked_fill_(tail.hazard == math.inf, -math.inf)  # beyond a finite end point, whatever the sign of 1 + xi
        if ctx is not None:
            ctx.masses = lower_mass, upper_mass
            ctx.save_for_backward(p, k, *tail, at.position, at.width / at.mass)
        return torch.where(tail.lower | tail.upper, in_tail, in_body)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, k, *tail, position, per_density = ctx.saved_tensors
        tail = InTail(*tail)
        in_tail = tail.lower | tail.upper
        stretch = 1 + tail.xi * tail.z
        g = grad.masked_fill(~in_tail | (tail.hazard == math.inf), 0)
        stretch.masked_fill_(g == 0, 1)
        z = tail.z.masked_fill(g == 0, 0)
        rise = (1 + tail.xi) / stretch  # -d log f / dz
        d_excess = -g * rise / tail.beta
        d_beta = g * (rise * z - 1) / tail.beta
        slope = _hazard_slope_in_xi(z, tail.xi, tail.hazard, stretch)
        d_xi = -g * (tail.hazard.masked_fill(g == 0, 0) + (1 + tail.xi) * slope.masked_fill_(g == 0, 0))
        d_y = torch.where(tail.lower, -d_excess, d_excess)
        d_logits = None
        if ctx.needs_input_grad[1]:
            lower_mass, upper_mass = ctx.masses
            side = torch.where(tail.lower, position[:, :1], position[:, 1:])
            # the threshold enters the excess with the sign opposite to y's, and d tau / d logits brings another minus
            weight = d_y * torch.where(tail.lower, per_density[:, :1], per_density[:, 1:])
            d_logits = _logit_gradient(p, weight, side, _by_tail(tail.lower, lower_mass, 1 - upper_mass, tail.z))
            in_body = grad.masked_fill(in_tail, 0)
            d_logits.addcmul_(p, in_body.sum(-1, keepdim=True), value=-1).scatter_add_(-1, k, in_body)
        return None, d_logits, *_tail_gradients(tail, d_xi, d_beta), None, None, d_y


class Cdf(Function):
    r"""Probability up to an outcome (`kind` "cdf"), beyond it ("survival"), or the log of that ("log_survival").

    With the mass :math:`T = q S(z; \xi)` beyond an outcome in its tail: F = T in the lower tail, 1 - T in the upper one.
    """

    @staticmethod
    def forward(ctx, edges, logits, lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass, y, kind):
        tails = Tails(lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass)
        widths = edges[1:] - edges[:-1]
        p = logits.softmax(-1)
        cumulative = p.cumsum(-1)
        at = _thresholds(edges, widths, p, cumulative, tails)
        tail = _in_tail(y, at, tails)
        k = _of_bin(edges, y)
        mass, width = p.gather(-1, k), widths.take(k)
        short = (edges.take(k + 1) - y).div_(width)  # share of the bin beyond the outcome
        body = cumulative.gather(-1, k).sub_(mass * short).clamp_(lower_mass, 1 - upper_mass)
        beyond = _by_tail(tail.lower, lower_mass, upper_mass, tail.z) * torch.exp(-tail.hazard)
        if kind == "cdf":
            out = torch.where(tail.lower, beyond, torch.where(tail.upper, 1 - beyond, body))
        elif kind == "survival":
            out = torch.where(tail.upper, beyond, 1 - torch.where(tail.lower, beyond, body))
        else:
            log_beyond = math.log(upper_mass) - tail.hazard
            out = torch.where(tail.upper, log_beyond, torch.log1p(-torch.where(tail.lower, beyond, body)))
        if ctx is not None:
            ctx.masses, ctx.kind = (lower_mass, upper_mass), kind
            ctx.save_for_backward(p, *tail, at.position, at.width / at.mass, mass / width, body, k + 1 - short, beyond)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, *tail, position, per_density, density, body, y_position, beyond = ctx.saved_tensors
        tail = InTail(*tail)
        in_tail = tail.lower | tail.upper
        # derivative of the output in the log of the mass beyond (tails) and in F (body)
        if ctx.kind == "cdf":
            in_log_mass, in_f = torch.where(tail.lower, beyond, -beyond), 1
        elif ctx.kind == "survival":
            in_log_mass, in_f = torch.where(tail.lower, -beyond, beyond), -1
        else:
            in_log_mass, in_f = torch.where(tail.lower, -beyond / (1 - beyond), 1), -1 / (1 - body)
        g = (grad * in_log_mass).masked_fill_(~in_tail | (tail.hazard == math.inf), 0)
        stretch = (1 + tail.xi * tail.z).masked_fill_(g == 0, 1)
        z = tail.z.masked_fill(g == 0, 0)
        d_excess = -g / (stretch * tail.beta)
        slope = _hazard_slope_in_xi(z, tail.xi, tail.hazard, stretch).masked_fill_(g == 0, 0)
        d_y = torch.where(tail.lower, -d_excess, d_excess)
        d_logits = None
        in_body = (grad * in_f).masked_fill_(in_tail, 0)
        if ctx.needs_input_grad[1]:
            lower_mass, upper_mass = ctx.masses
            # the body's own point, or the threshold of the tail that the outcome lies in
            side = torch.where(tail.lower, position[:, :1], position[:, 1:])
            weight = d_y * torch.where(tail.lower, per_density[:, :1], per_density[:, 1:])
            level = _by_tail(tail.lower, lower_mass, 1 - upper_mass, tail.z)
            d_logits = _logit_gradient(
                p,
                torch.where(in_tail, weight, in_body),
                torch.where(in_tail, side, y_position),
                torch.where(in_tail, level, body),
            )
        tail_gradients = _tail_gradients(tail, -g * slope, -d_excess * z)
        return None, d_logits, *tail_gradients, None, None, d_y + in_body * density, None


class Icdf(Function):
    r"""Outcome at a level: the body's quantile at the level clamped to the body, and beyond it the excess of the tail."""

    @staticmethod
    def forward(ctx, edges, logits, lower_xi, lower_beta, upper_xi, upper_beta, lower_mass, upper_mass, level):
        widths = edges[1:] - edges[:-1]
        p = logits.softmax(-1)
        in_body = level.clamp(lower_mass, 1 - upper_mass)
        at = _quantiles(edges, widths, p, p.cumsum(-1), in_body)
        lower, upper = level < in_body, level > in_body
        xi = torch.where(lower, lower_xi.unsqueeze(-1), upper_xi.unsqueeze(-1))
        beta = torch.where(lower, lower_beta.unsqueeze(-1), upper_beta.unsqueeze(-1))
        # mass beyond the outcome, in units of the tail's: 1 in the body
        share = torch.where(lower, level / lower_mass, ((1 - level) / upper_mass).clamp_(max=1))
        hazard = -share.log()
        z = torch.where(xi == 0, hazard, torch.expm1(xi * hazard) / xi)
        excess = z * beta
        body = at.right - at.back
        out = torch.where(lower, body - excess, torch.where(upper, body + excess, body))
        if ctx is not None:
            ctx.masses = lower_mass, upper_mass
            ctx.save_for_backward(p, level, lower, upper, z, xi, beta, hazard, at.position, at.width / at.mass)
        return out.masked_fill_(~((level >= 0) & (level <= 1)), math.nan)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        p, level, lower, upper, z, xi, beta, hazard, position, per_density = ctx.saved_tensors
        lower_mass, upper_mass = ctx.masses
        tail = InTail(lower, upper, z, xi, beta, hazard)
        in_tail = lower | upper
        # an infinite outcome has no gradient; neither has the rounding of levels inside the body
        g = torch.where(lower, -grad, grad).masked_fill_(~in_tail | z.isinf(), 0)
        growth = torch.exp(xi * hazard)
        small = (xi * hazard).abs() < SERIES_BELOW
        coefficients = tuple(n / math.factorial(n + 1) for n in range(1, series_terms(p.dtype)))
        series = _horner((xi * hazard).masked_fill_(~small, 0), coefficients)
        spread = hazard * growth
        spread.masked_fill_(hazard == math.inf, 0)  # level 0 or 1 of a tail with an end point: that is beta / |xi|
        slope = torch.where(small, series * hazard * hazard, (spread - z) / xi)
        d_xi = (g * beta * slope).masked_fill_(g == 0, 0)
        d_beta = (g * z).masked_fill_(g == 0, 0)
        d_logits = _logit_gradient(p, -grad * per_density, position, level.clamp(lower_mass, 1 - upper_mass))
        in_hazard = (g * beta * growth).masked_fill_(g == 0, 0)
        d_level = torch.where(in_tail, in_hazard / torch.where(lower, -level, 1 - level), grad * per_density)
        return None, d_logits, *_tail_gradients(tail, d_xi, d_beta), None, None, d_level


class BodyScore(Function):
    r"""What the CRPS of an outcome needs of the body, one outcome per law.

    Returns `score` (B,), the integral of :math:`(F_b(x) - 1\{x \ge y\})^2` over the bins that lie wholly between the
    thresholds and do not hold the outcome: each contributes :math:`w (a^2 + ab + b^2) / 3`, `a` and `b` the values at its
    ends. For the bins of the lower threshold, the outcome and the upper threshold (an outcome in a tail counts into the
    threshold's bin): `bin`, their `mass`, and the `cumulative` mass up to their right edges, all (B, 3). Integrating the
    remaining pieces is left to autograd, on arrays of B.
    """

    @staticmethod
    def _ends(cumulative: Tensor, bins: Tensor, lower_mass: float, upper_mass: float) -> Tensor:
        """F - 1{x >= y} at the right edge of each bin, F held at its thresholds' levels outside the body."""
        k = torch.arange(cumulative.shape[-1], dtype=cumulative.dtype, device=cumulative.device)
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
    def forward(ctx, edges, logits, lower_mass, upper_mass, y):
        widths = edges[1:] - edges[:-1]
        p = logits.softmax(-1)
        cumulative = p.cumsum(-1)
        levels = _levels(lower_mass, upper_mass, p.dtype, p.device).expand(len(p), 2).contiguous()
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
        # where F is held at a threshold's level it does not move: the derivative of a clamp
        slope = torch.ops.aten.hardtanh_backward(slope, cumulative, lower_mass, 1 - upper_mass)
        slope.mul_(d_score.unsqueeze(-1) / 3).scatter_add_(-1, bins, d_cumulative)
        # an edge moves with all bins on its left: sum from the right, up to a constant that the softmax removes
        d_p = slope.cumsum(-1).sub_(slope).neg_().scatter_add_(-1, bins, d_mass).mul_(p)
        return None, d_p.addcmul_(p, d_p.sum(-1, keepdim=True), value=-1), None, None, None
