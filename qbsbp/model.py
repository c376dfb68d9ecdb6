r"""From the frames of a play to the distribution of its outcome.

The state of a TCN at the last frame, beside the static features of the play, goes through a small MLP to the raw
parameters of a law; the links that make them valid parameters are in `PassingModel.law_of` and nowhere else.
Chapter: real tracking (book/ch09_ultimate.md).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from .distributions import Binned, HybridPareto, SplicedBinnedPareto, StudentT
from .tcn import TCN, check_lengths, check_x

if TYPE_CHECKING:
    from .features import PlayTensors, StoredPlays

__all__ = ["ModelConfig", "PassingModel"]

BINNED = ("spliced_binned_pareto", "binned")
LAWS = (*BINNED, "normal", "student_t", "hybrid_pareto")
LEAST_DEGREES = 1.0  # of freedom: at one the t has neither mean nor CRPS
# Smallest scale a link returns, in units of the configured one: softplus underflows to 0, which is no scale.
SCALE_FLOOR = 1e-3
MOST = 5.0  # standard deviations of a static feature


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build a `PassingModel` again; it is saved with the weights.

    Attributes:
        in_channels: Features per frame.
        static_features: Features per play that do not change with time; 0 for none.
        channels: Width of each block of the TCN.
        kernel_size: Taps per filter of the TCN.
        dropout: Share of the TCN's activations set to 0 in training, in [0, 1).
        hidden: Widths of the hidden layers of the MLP.
        hidden_dropout: The same share in the MLP; None for that of the TCN.
        trunk_dropout: Share of the plays whose whole state of the trunk is left out in training, others in every batch,
            in [0, 1): the head has to answer from the static features, and learns from the state what they do not tell.
        static_bins: Bins of the piecewise linear encoding of the static features, see `PiecewiseLinear`; 0 for none.
        law: "spliced_binned_pareto", "binned", "normal", "student_t" or "hybrid_pareto".
        bin_edges: Strictly increasing edges of the bins, yards; only the first two laws have them.
        components: Components of the hybrid Pareto law, at least 1.
        lower_mass: Probability below the lower threshold of the spliced law, in (0, 1/2).
        upper_mass: Probability above the upper threshold of the spliced law, in (0, 1/2).
        lower_xi_bounds: The lower tail's shape xi stays strictly between these two.
        upper_xi_bounds: The upper tail's shape xi stays strictly between these two.
        location: Origin of the location of the laws without bins, yards: roughly the mean of the outcomes.
        scale: Unit of their location and scale and of the tails' beta, yards: roughly the spread of the outcomes.

    The default bounds are those between which everything is finite: the maximum-likelihood estimate of xi is regular
    above -1/2 (Smith, 1985), and mean and CRPS exist below 1.
    """

    in_channels: int
    static_features: int = 0
    channels: tuple[int, ...] = (64,) * 6
    kernel_size: int = 3
    dropout: float = 0.0
    hidden: tuple[int, ...] = (64,)
    hidden_dropout: float | None = None
    trunk_dropout: float = 0.0
    static_bins: int = 0
    law: str = "spliced_binned_pareto"
    bin_edges: tuple[float, ...] = ()
    components: int = 1
    lower_mass: float = 0.05
    upper_mass: float = 0.05
    lower_xi_bounds: tuple[float, float] = (-0.5, 0.9)
    upper_xi_bounds: tuple[float, float] = (-0.5, 0.9)
    location: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        # JSON has lists and a caller may hand over arrays: tuples of plain numbers compare, hash and print
        for name in ("channels", "hidden"):
            object.__setattr__(self, name, tuple(int(width) for width in getattr(self, name)))
        for name in ("bin_edges", "lower_xi_bounds", "upper_xi_bounds"):
            object.__setattr__(self, name, tuple(float(number) for number in getattr(self, name)))
        if self.law not in LAWS:
            raise ValueError(f"law: expected one of {', '.join(LAWS)}, got {self.law!r}")
        if self.static_features < 0:
            raise ValueError(f"static_features: expected a number >= 0, got {self.static_features}")
        if self.static_bins < 0:
            raise ValueError(f"static_bins: expected a number >= 0, got {self.static_bins}")
        if self.hidden_dropout is not None and not 0 <= self.hidden_dropout < 1:
            raise ValueError(f"hidden_dropout: expected a share in [0, 1) or None, got {self.hidden_dropout}")
        if not 0 <= self.trunk_dropout < 1:
            raise ValueError(f"trunk_dropout: expected a share in [0, 1), got {self.trunk_dropout}")
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden: expected widths of at least 1, got {self.hidden}")
        edges = self.bin_edges
        if self.law not in BINNED and edges:
            raise ValueError(f"bin_edges: the {self.law} law has no bins; leave bin_edges out or choose another law")
        if self.components < 1 or (self.components > 1 and self.law != "hybrid_pareto"):
            raise ValueError(
                f"components: expected at least 1, and more than 1 only for hybrid_pareto, got {self.components} for "
                f"{self.law}"
            )
        if self.law in BINNED and len(edges) < 3:
            raise ValueError(
                f"bin_edges: the {self.law} law needs at least 3 increasing edges in yards, got {len(edges)}; "
                "for example bin_edges=tuple(range(-10, 61))"
            )
        for left, right in pairwise(edges):
            if not (math.isfinite(left) and math.isfinite(right) and left < right):
                raise ValueError(
                    f"bin_edges: expected finite and strictly increasing, but {left:g} is followed by {right:g}"
                )
        for name in ("lower_mass", "upper_mass"):
            if not 0 < getattr(self, name) < 0.5:
                raise ValueError(f"{name}: expected a probability in (0, 1/2), got {getattr(self, name)}")
        for name in ("lower_xi_bounds", "upper_xi_bounds"):
            bounds = getattr(self, name)
            if len(bounds) != 2 or not bounds[0] < bounds[1]:
                raise ValueError(f"{name}: expected two increasing numbers, got {bounds}")
        if not (self.scale > 0 and math.isfinite(self.scale) and math.isfinite(self.location)):
            raise ValueError(
                f"scale, location: expected finite yards, scale > 0; got scale={self.scale}, location={self.location}"
            )

    def to_json(self) -> str:
        """The configuration as JSON, read back by `from_json`."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The configuration that `to_json` wrote.

        Raises:
            ValueError: the text is no JSON object, or has a field that this version does not know.
        """
        return from_fields(cls, json.loads(text))


def from_fields(cls: type, fields: Any) -> Any:
    """An instance of the configuration class `cls` from what JSON held; a ValueError names a field that it has not."""
    known = [field.name for field in dataclasses.fields(cls)]
    if not isinstance(fields, dict):
        raise ValueError(f"{cls.__name__}: expected a JSON object with the fields {', '.join(known)}, got {fields!r}")
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise ValueError(
            f"{cls.__name__}: has no field {', '.join(unknown)}; it has {', '.join(known)}. "
            "The file may come from another version of qbsbp"
        )
    return cls(**fields)


class PiecewiseLinear(nn.Module):
    r"""Piecewise linear encoding of numbers, one output for each bin of each feature.

    With a feature's edges :math:`q_0 < \dots < q_B`, its quantiles in the training plays,

    .. math:: e_j(v) = \min(\max((v - q_j) / (q_{j + 1} - q_j), 0), 1), \qquad j = 0, \dots, B - 1.

    A layer on top can bend its answer at every edge, where on the bare number it could only tilt it. An output whose
    bin is empty, since a feature takes few values, is 0.

    Args:
        features: Number of features.
        bins: Bins B of each; with 0 the encoding has no outputs.

    Reference: Gorishniy, Rubachev & Babenko (2022), On Embeddings for Numerical Features in Tabular Deep Learning,
    arXiv:2203.05556, section 3.2.
    """

    def __init__(self, features: int, bins: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.zeros(features, bins + 1 if bins else 0))

    def fit(self, values: Tensor) -> None:
        """Take the edges from the columns of `values`, shape (n, features)."""
        levels = torch.linspace(0, 1, self.edges.shape[1], dtype=torch.float64).numpy()
        if len(levels):
            self.edges.copy_(torch.from_numpy(np.quantile(values.double().cpu().numpy(), levels, axis=0).T))

    def forward(self, values: Tensor) -> Tensor:
        """Encode `values`, shape (batch, features), as (batch, features * bins)."""
        left, right = self.edges[:, :-1], self.edges[:, 1:]
        width = right - left
        share = (values.unsqueeze(-1) - left) / torch.where(width > 0, width, 1)
        return torch.where(width > 0, share.clamp(0, 1), 0).flatten(1)


class PassingModel(nn.Module):
    """TCN and static features to a distribution over the outcome of a play, in yards.

    Features are standardised inside, by shifts and scales that `initialise_from` takes from the training plays and
    that are saved with the weights. The law is computed in float32 (float64 for a float64 model) even where the network
    runs in half precision.

    Args:
        config: Sizes of the network and the law it returns.
        trunk: What to put in the TCN's place: a module that turns (x, lengths) into states (batch, trunk.width). It is
            given the features as they are, not standardised: differences between players keep their meaning.

    Example:
        >>> model = PassingModel(ModelConfig(in_channels=4, channels=(8, 8), bin_edges=range(-10, 31)))
        >>> law = model(torch.zeros(2, 4, 20), lengths=torch.tensor([20, 15]))
        >>> law.batch_shape
        torch.Size([2])
    """

    def __init__(self, config: ModelConfig, trunk: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        if trunk is None:  # and not `or`: a module that counts its layers is false without any
            trunk = TCN(config.in_channels, config.channels, config.kernel_size, config.dropout)
        self.trunk = trunk
        dropout = config.dropout if config.hidden_dropout is None else config.hidden_dropout
        bins = max(len(config.bin_edges) - 1, 0)
        outputs = {
            "spliced_binned_pareto": bins + 4,
            "binned": bins,
            "normal": 2,
            "student_t": 3,
            "hybrid_pareto": 4 * config.components,
        }[config.law]
        self.encode = PiecewiseLinear(config.static_features, config.static_bins)
        static = config.static_features * (1 + config.static_bins)
        widths = (self.trunk.width + static, *config.hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.SiLU(), nn.Dropout(dropout)]
            nn.init.kaiming_normal_(layers[-3].weight, nonlinearity="relu")
            nn.init.zeros_(layers[-3].bias)
        self.hidden = nn.Sequential(*layers)
        # zero weights: before training every play gets the law of the bias
        self.output = nn.Linear(widths[-1], outputs)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("bin_edges", torch.tensor(config.bin_edges), persistent=False)
        self.register_buffer("x_shift", torch.zeros(config.in_channels, 1))
        self.register_buffer("x_scale", torch.ones(config.in_channels, 1))
        self.register_buffer("static_shift", torch.zeros(config.static_features))
        self.register_buffer("static_scale", torch.ones(config.static_features))

    def forward(self, x: Tensor, lengths: Tensor, static: Tensor | None = None) -> Distribution:
        """The law of each play's outcome.

        Args:
            x: Features, shape (batch, in_channels, time).
            lengths: Real frames per play, integers in 1..time, shape (batch,).
            static: Features per play, shape (batch, static_features); None where the model has none.

        Returns:
            A fresh distribution with batch_shape (batch,).

        Raises:
            ValueError: a shape or type that does not fit the configuration.
        """
        return self.law_of(self._raw(x, lengths, static))

    def _raw(self, x: Tensor, lengths: Tensor, static: Tensor | None) -> Tensor:
        """Raw parameters of the law, shape (batch, outputs)."""
        check_x(x, self.config.in_channels)
        if static is None:
            static = x.new_zeros(x.shape[0], 0)
        self._check_static(static, plays=x.shape[0])
        if isinstance(self.trunk, TCN):
            x = (x - self.x_shift) / self.x_scale
        state = self.trunk(x, lengths)
        if self.training and self.config.trunk_dropout:
            kept = torch.rand(len(state), 1, device=state.device) >= self.config.trunk_dropout
            state = state * kept
        return self.head(state, static)

    def head(self, state: Tensor, static: Tensor) -> Tensor:
        """Raw parameters of the law, shape (batch, outputs), from the trunk's states and the static features."""
        # an outlier, as of a receiver whom nobody covers, is as far as MOST and no farther: else one play moves the law
        standardised = ((static - self.static_shift) / self.static_scale).clamp(-MOST, MOST)
        return self.output(self.hidden(torch.cat([state, standardised, self.encode(static)], -1)))

    def _check_static(self, static: Tensor, plays: int) -> None:
        expected = (plays, self.config.static_features)
        if static.shape != expected:
            raise ValueError(f"static: expected shape {expected}, one row per play of x, got {tuple(static.shape)}")
        if not static.is_floating_point():
            raise ValueError(f"static: expected a floating dtype such as float32, got {static.dtype}; call .float()")

    def law_of(self, raw: Tensor) -> Distribution:
        """The links: raw outputs, shape (*batch, outputs), to a law with batch_shape `batch`.

        Scales are `scale` times softplus, shapes a sigmoid stretched over their bounds, logits as they are.
        """
        config = self.config
        # the links return valid parameters by construction; in training the check of every batch would cost time
        validate_args = False if self.training else None
        with torch.autocast(raw.device.type, enabled=False):
            raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
            if config.law == "normal":
                mean = config.location + config.scale * raw[..., 0]
                return Normal(mean, self._scale(raw[..., 1]), validate_args=validate_args)
            if config.law == "student_t":
                df = LEAST_DEGREES + SCALE_FLOOR + F.softplus(raw[..., 2])
                location = config.location + config.scale * raw[..., 0]
                return StudentT(df, location, self._scale(raw[..., 1]), validate_args=validate_args)
            if config.law == "hybrid_pareto":
                logits, location, scale, xi = raw.unflatten(-1, (4, config.components)).unbind(-2)
                return HybridPareto(
                    logits,
                    config.location + config.scale * location,
                    self._scale(scale),
                    _between(xi, config.upper_xi_bounds),
                    validate_args=validate_args,
                )
            if config.law == "binned":
                return Binned(self.bin_edges, raw, validate_args=validate_args)
            logits, (lower_xi, lower_beta, upper_xi, upper_beta) = raw[..., :-4], raw[..., -4:].unbind(-1)
            return SplicedBinnedPareto(
                self.bin_edges,
                logits,
                _between(lower_xi, config.lower_xi_bounds),
                self._scale(lower_beta),
                _between(upper_xi, config.upper_xi_bounds),
                self._scale(upper_beta),
                lower_mass=config.lower_mass,
                upper_mass=config.upper_mass,
                validate_args=validate_args,
            )

    def _scale(self, raw: Tensor) -> Tensor:
        return self.config.scale * (SCALE_FLOOR + F.softplus(raw))

    @torch.no_grad()
    def predict(self, plays: PlayTensors | StoredPlays, batch_size: int = 1024) -> Distribution:
        """One law with batch_shape (plays,), in evaluation mode and without gradients, `batch_size` plays at a time."""
        was_training, like = self.training, self.x_shift
        self.eval()
        raw = []
        for index in torch.arange(len(plays)).split(batch_size):
            batch = plays[index]
            raw.append(self._raw(batch.x.to(like), batch.lengths.to(like.device), batch.static.to(like)))
        law = self.law_of(torch.cat(raw))
        self.train(was_training)
        return law

    @torch.no_grad()
    def initialise_from(self, plays: PlayTensors | StoredPlays) -> None:
        """Standardise features by these plays, and start the law at their climatology, the same for every play.

        Means and standard deviations are those of the real frames; a feature that never changes keeps scale 1. The bins
        start at smoothed frequencies, the tails at the moments of their excesses.

        Args:
            plays: The training plays, never others: what is taken here is part of the model.
        """
        self._check_static(plays.static, plays=len(plays))
        _standardise(_real_frames(plays, self.config.in_channels), self.x_shift[:, 0], self.x_scale[:, 0])
        _standardise([plays.static], self.static_shift, self.static_scale)
        self.encode.fit(plays.static)
        raw = self._raw_climatology(plays.y.to(self.output.bias))
        nn.init.zeros_(self.output.weight)
        self.output.bias.copy_(raw)

    def _raw_climatology(self, y: Tensor) -> Tensor:
        """Raw outputs whose law is that of the outcomes `y`: the inverse of the links."""
        config = self.config
        if config.law == "normal":
            mean = (y.mean() - config.location) / config.scale
            return torch.stack([mean, self._inverse_scale(y.std(correction=0))])
        if config.law == "student_t":
            # half the distance between the quartiles of a t of five degrees is 0.73 scales
            quartile = y.quantile(y.new_tensor([0.25, 0.5, 0.75]))
            scale = self._inverse_scale((quartile[2] - quartile[0]) / 1.45)
            df = y.new_tensor(5.0 - LEAST_DEGREES).expm1().log()
            return torch.stack([(quartile[1] - config.location) / config.scale, scale, df])
        if config.law == "hybrid_pareto":
            # three fifths of a component with xi 0.1 lie beyond its join: its median is 0.95 scales above its location,
            # and its quartiles are 3.1 scales apart
            spread = (y.quantile(0.75) - y.quantile(0.25)) / 3.1 / config.components**0.5
            shares = (torch.arange(config.components).to(y) + 0.5) / config.components
            location = (y.quantile(shares) - 0.95 * spread - config.location) / config.scale
            scale = self._inverse_scale(spread).expand(config.components)
            xi = _inverse_between(y.new_tensor(0.1), config.upper_xi_bounds).expand(config.components)
            return torch.cat([torch.zeros_like(location), location, scale, xi])
        bins = len(self.bin_edges) - 1
        # outcomes beyond the bins count in the outermost; half an outcome per bin keeps the empty ones possible
        k = (torch.bucketize(y, self.bin_edges, right=True) - 1).clamp(0, bins - 1)
        logits = (torch.bincount(k, minlength=bins) + 0.5).log().to(y)
        logits -= logits.logsumexp(0)
        if config.law == "binned":
            return logits
        body = Binned(self.bin_edges, logits)
        lower = body.icdf(logits.new_tensor(config.lower_mass)) - y
        upper = y - body.icdf(logits.new_tensor(1 - config.upper_mass))
        tails = []
        for excess, bounds in ((lower, config.lower_xi_bounds), (upper, config.upper_xi_bounds)):
            xi, beta = _moments(excess[excess > 0], config.scale)
            tails += [_inverse_between(xi, bounds), self._inverse_scale(beta)]
        return torch.cat([logits, torch.stack(tails)])

    def _inverse_scale(self, scale: Tensor) -> Tensor:
        # beneath the floor there is nothing to invert; softplus(raw) = v at raw = log(expm1(v))
        units = (scale / self.config.scale - SCALE_FLOOR).clamp(min=SCALE_FLOOR)
        return units + (-(-units).expm1()).log()


def _between(raw: Tensor, bounds: tuple[float, float]) -> Tensor:
    low, high = bounds
    return low + (high - low) * raw.sigmoid()


def _inverse_between(value: Tensor, bounds: tuple[float, float]) -> Tensor:
    low, high = bounds
    # a sigmoid is flat at its ends: start within the middle nine tenths, where it can still learn
    return ((value - low) / (high - low)).clamp(0.05, 0.95).logit()


def _moments(excess: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Shape and scale of the generalized Pareto with the mean m and variance v of `excess`: xi = (1 - m^2 / v) / 2."""
    if len(excess) < 10:
        return excess.new_tensor(0.0), excess.new_tensor(scale)
    mean, variance = excess.mean(), excess.var()
    xi = (1 - mean**2 / variance) / 2
    return xi, mean * (1 - xi)


def _real_frames(plays: PlayTensors | StoredPlays, in_channels: int) -> Iterator[Tensor]:
    """The real frames of some plays after others, each (frames, in_channels): plays may be too many for memory."""
    for index in torch.arange(len(plays)).split(4096):
        part = plays[index]
        check_x(part.x, in_channels)
        check_lengths(part.lengths, part.x)
        real = torch.arange(part.x.shape[-1], device=part.x.device) < part.lengths.unsqueeze(1)  # (plays, time)
        yield part.x.transpose(1, 2)[real]


def _standardise(parts: Iterable[Tensor], shift: Tensor, scale: Tensor) -> None:
    """Write mean and standard deviation of the columns of all `parts`, each (n, features), into `shift` and `scale`."""
    count, mean, squares = 0, torch.zeros_like(shift, dtype=torch.float64), torch.zeros_like(scale, dtype=torch.float64)
    for part in parts:  # parts of different means add up as in Chan, Golub & LeVeque (1983)
        rows = part.to(mean)
        off = rows.mean(0) - mean
        share = len(rows) / (count + len(rows))
        squares += (rows - rows.mean(0)).square().sum(0) + off.square() * (share * count)
        mean += share * off
        count += len(rows)
    shift.copy_(mean)
    spread = (squares / count).sqrt()
    scale.copy_(torch.where(spread > 1e-6 * (1 + mean.abs()), spread, 1.0))
