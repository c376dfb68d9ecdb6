r"""Temporal convolutional network: causal dilated convolutions over the frames of plays of different length.

Chapter: the TCN (book/ch06_tcn.md). The network is that of Bai, Kolter & Koltun (2018), section 3: blocks of two causal
convolutions with a residual path around them, the spacing of the taps (the dilation) doubling from block to block.

We need the output at one frame per play only, the last one, and read backwards from there the network is a pyramid. A
block with dilation d reads its input at every d-th frame before the last, so the block before it has to answer at every
d-th frame only: after the convolutions of each block every other frame can be dropped, and on the frames that are kept
the taps are neighbours again. `TCN.forward` does that, `TCN.every_frame` is the textbook form with the same weights,
and the two agree at the last frame to rounding.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

__all__ = ["TCN"]


def _convolution(in_channels: int, out_channels: int, kernel_size: int, gain: float, **options: int) -> nn.Conv1d:
    """A weight-normalised convolution whose weights start as He normal ones times `gain`.

    Weight norm replaces the weight by g v / |v| and would recompute whatever is written to it later, so the weight is
    drawn first and normalised after: g and v then start at the norms and the direction of that draw.
    """
    convolution = nn.Conv1d(in_channels, out_channels, kernel_size, **options)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    with torch.no_grad():
        convolution.weight.mul_(gain)
    nn.init.zeros_(convolution.bias)
    return weight_norm(convolution)


class Block(nn.Module):
    """Two causal convolutions with a residual path around them.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        kernel_size: Taps of each convolution.
        dropout: Share of activations set to 0 in training, after each convolution.
        gain: Factor on the initial weights of the second convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, dropout: float, gain: float) -> None:
        super().__init__()
        self.first = _convolution(in_channels, out_channels, kernel_size, 1.0)
        self.second = _convolution(out_channels, out_channels, kernel_size, gain, stride=2)
        self.residual: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.residual = nn.Conv1d(in_channels, out_channels, 1)
            nn.init.kaiming_normal_(self.residual.weight, nonlinearity="linear")
            nn.init.zeros_(self.residual.bias)
        self.dropout = nn.Dropout(dropout)

    def _activate(self, z: Tensor) -> Tensor:
        return self.dropout(F.relu(z))

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """Every other frame of the output, counted back from the last frame.

        Args:
            h: Input frames, latest first, 0 before a play began, shape (batch, in_channels, frames).
            present: 1 on a real frame, 0 before a play began, shape (batch, 1, frames).

        Returns:
            Output at frames 0, 2, 4, ..., shape (batch, out_channels, (frames + 1) // 2), 0 before a play began.
        """
        kernel_size, frames = self.first.kernel_size[0], h.shape[-1]
        kept = (frames + 1) // 2
        # latest first, the causal zeros before the first frame of a play stand on the right
        z = self._activate(self.first(F.pad(h, (0, kernel_size - 1)))) * present
        # the last kept frame, 2 (kept - 1), needs kernel_size frames from its own on
        z = self._activate(self.second(F.pad(z, (0, 2 * (kept - 1) + kernel_size - frames))))
        return F.relu(z + self.residual(h[..., ::2])) * present[..., ::2]

    def every_frame(self, h: Tensor, dilation: int) -> Tensor:
        """Output at every frame, earliest first: (batch, in_channels, time) to (batch, out_channels, time)."""
        z = h
        for convolution in (self.first, self.second):
            past = (convolution.kernel_size[0] - 1) * dilation
            # the weights are stored latest tap first
            weight = convolution.weight.flip(-1)
            z = self._activate(F.conv1d(F.pad(z, (past, 0)), weight, convolution.bias, dilation=dilation))
        return F.relu(z + self.residual(h))


class TCN(nn.Module):
    r"""Causal dilated convolutions that turn the frames of a play into one state, the one at its last frame.

    Block :math:`i = 0, 1, \dots` is, with dilation :math:`d = 2^i`, :math:`k` taps and zeros before the first frame,

    .. math:: z_t = \mathrm{relu}\Big(b + \sum_{j=0}^{k-1} W_j h_{t - j d}\Big), \quad
              z'_t = \mathrm{relu}\Big(b' + \sum_{j=0}^{k-1} W'_j z_{t - j d}\Big), \quad
              h'_t = \mathrm{relu}(z'_t + R h_t),

    R the identity, or a matrix where the number of channels changes. All W are weight-normalised (Salimans & Kingma,
    2016). Nothing is shared between the plays of a batch: no statistic of the batch enters.

    Args:
        in_channels: Features per frame.
        channels: Width of each block; their number sets the receptive field.
        kernel_size: Taps k per filter, at least 2.
        dropout: Share of activations set to 0 in training, in [0, 1).

    Raises:
        ValueError: an argument out of its range.

    Reference: Bai, Kolter & Koltun (2018), An empirical evaluation of generic convolutional and recurrent networks for
    sequence modeling, arXiv:1803.01271.

    Example:
        >>> tcn = TCN(in_channels=5, channels=(8, 8, 8), kernel_size=3)
        >>> tcn.receptive_field
        29
        >>> tcn(torch.zeros(2, 5, 40), lengths=torch.tensor([40, 13])).shape
        torch.Size([2, 8])
    """

    def __init__(
        self, in_channels: int, channels: tuple[int, ...] = (64,) * 6, kernel_size: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        channels = tuple(channels)
        if in_channels < 1:
            raise ValueError(f"in_channels: expected at least 1 feature per frame, got {in_channels}")
        if not channels or min(channels) < 1:
            raise ValueError(f"channels: expected at least one block and at least 1 channel in each, got {channels}")
        if kernel_size < 2:
            raise ValueError(f"kernel_size: expected at least 2 taps, got {kernel_size}; one tap sees a single frame")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout: expected a share in [0, 1), got {dropout}")
        self.in_channels, self.channels, self.kernel_size = in_channels, channels, kernel_size
        # each block adds its own variance to the residual path; this keeps the sum of all at the scale of one
        gain = len(channels) ** -0.5
        widths = (in_channels, *channels)
        self.blocks = nn.ModuleList(
            Block(before, after, kernel_size, dropout, gain) for before, after in pairwise(widths)
        )

    @property
    def width(self) -> int:
        """Channels of the state."""
        return self.channels[-1]

    @property
    def receptive_field(self) -> int:
        """Frames that can reach the state, the last one included: 1 + 2 (k - 1) (2^blocks - 1)."""
        return 1 + 2 * (self.kernel_size - 1) * (2 ** len(self.channels) - 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """State of each play at its last frame.

        Args:
            x: Features, shape (batch, in_channels, time). What stands at and after `lengths` is never read.
            lengths: Real frames per play, integers in 1..time, shape (batch,).

        Returns:
            State at frame `lengths - 1`, shape (batch, channels[-1]), >= 0.

        Raises:
            ValueError: `x` or `lengths` of another shape or type, or lengths outside 1..time.
        """
        check_x(x, self.in_channels)
        longest = check_lengths(lengths, x)
        # latest frame first: column j holds the frame j before the last; what lies beyond the receptive field is cut
        back = torch.arange(min(longest, self.receptive_field), device=x.device)
        frame = (lengths - 1).unsqueeze(1) - back  # (batch, frames)
        present = (frame >= 0).unsqueeze(1).to(x.dtype)  # (batch, 1, frames)
        h = x.gather(2, frame.clamp(min=0).unsqueeze(1).expand(-1, x.shape[1], -1)) * present
        for block in self.blocks:
            h = block(h, present)
            present = present[..., ::2]
        return h[..., 0]

    def every_frame(self, x: Tensor) -> Tensor:
        """State after every frame, as if each were the last: the textbook form of the same network.

        Slower than `forward`, which computes only what reaches the last frame. Use it to watch a play unfold.

        Args:
            x: Features, shape (batch, in_channels, time).

        Returns:
            States, shape (batch, channels[-1], time).
        """
        check_x(x, self.in_channels)
        h = x
        for i, block in enumerate(self.blocks):
            h = block.every_frame(h, 2**i)
        return h


def check_x(x: Tensor, in_channels: int) -> None:
    """Raise a ValueError unless `x` is floating and of shape (batch, in_channels, time)."""
    if x.dim() != 3 or x.shape[1] != in_channels:
        raise ValueError(
            f"x: expected shape (batch, {in_channels}, time), features before frames, got {tuple(x.shape)}"
        )
    if not x.is_floating_point():
        raise ValueError(f"x: expected a floating dtype such as float32, got {x.dtype}; call .float()")


def check_lengths(lengths: Tensor, x: Tensor) -> int:
    """The longest of `lengths`, 1 where there are no plays.

    Raises:
        ValueError: they are not integers in 1..time, one for each play of `x`.
    """
    batch, _, time = x.shape
    if lengths.shape != (batch,):
        raise ValueError(f"lengths: expected shape ({batch},), one number per play of x, got {tuple(lengths.shape)}")
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise ValueError(f"lengths: expected an integer dtype such as int64, got {lengths.dtype}; call .long()")
    if batch == 0:
        return 1
    shortest, longest = (int(value) for value in lengths.aminmax())
    if shortest < 1 or longest > time:
        play = int(((lengths < 1) | (lengths > time)).nonzero()[0])
        raise ValueError(
            f"lengths: expected real frames in 1..{time} (x has {time} frames), but lengths[{play}] is "
            f"{int(lengths[play])}; a play without a frame has no state, drop it"
        )
    return longest
