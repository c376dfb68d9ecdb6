"""The laws of the TCN: causal, indifferent to padding, of a known reach, and equal to the textbook form."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qbsbp.tcn import TCN

LENGTHS = torch.tensor([40, 1, 2, 3, 17, 33, 25])
# blocks, taps, time: shorter and longer than the receptive field, odd and even, kernels of both parities
SHAPES = [((8, 8), 3, 40), ((8, 6, 8), 2, 40), ((7,), 4, 40), ((6,) * 5, 3, 40), ((5, 5), 5, 43)]


def make(channels=(8, 8), kernel_size=3, time=40, seed=0):
    torch.manual_seed(seed)
    tcn = TCN(5, channels, kernel_size).double()
    with torch.no_grad():  # biases are what makes a frame of zeros differ from no frame at all
        for name, parameter in tcn.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    return tcn, torch.randn(len(LENGTHS), 5, time, dtype=torch.double)


def plain_causal_network(tcn, x):
    """The definition, written with loops over taps: h_t = relu(conv(conv(h))_t + R h_t), zeros before frame 0."""

    def convolve(convolution, h, dilation):
        weight = convolution.weight  # stored latest tap first
        out = convolution.bias[:, None].expand(-1, h.shape[-1]).clone().expand(h.shape[0], -1, -1)
        for j in range(weight.shape[-1]):
            past = torch.zeros_like(h)
            past[..., j * dilation :] = h[..., : max(h.shape[-1] - j * dilation, 0)]
            out = out + torch.einsum("oc,bct->bot", weight[:, :, j], past)
        return out.relu()

    h = x
    for i, block in enumerate(tcn.blocks):
        z = convolve(block.second, convolve(block.first, h, 2**i), 2**i)
        residual = h
        if isinstance(block.residual, nn.Conv1d):
            residual = torch.einsum("oc,bct->bot", block.residual.weight[:, :, 0], h) + block.residual.bias[:, None]
        h = (z + residual).relu()
    return h


@pytest.mark.parametrize("channels, kernel_size, time", SHAPES)
def test_both_forms_are_the_defined_network(channels, kernel_size, time):
    tcn, x = make(channels, kernel_size, time)
    expected = plain_causal_network(tcn, x)
    assert expected.std() > 0.1
    torch.testing.assert_close(tcn.every_frame(x), expected, rtol=1e-12, atol=1e-12)
    state = tcn(x, LENGTHS)
    torch.testing.assert_close(state, expected[torch.arange(len(x)), :, LENGTHS - 1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channels, kernel_size, time", SHAPES)
def test_gradients_of_both_forms_agree(channels, kernel_size, time):
    tcn, x = make(channels, kernel_size, time)
    direction = torch.randn(len(x), channels[-1], dtype=torch.double)
    parameters = list(tcn.parameters())
    read = tcn.every_frame(x)[torch.arange(len(x)), :, LENGTHS - 1]
    expected = torch.autograd.grad((read * direction).sum(), parameters)
    actual = torch.autograd.grad((tcn(x, LENGTHS) * direction).sum(), parameters)
    for mine, theirs in zip(actual, expected):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("garbage", [0.0, 1e6, float("nan"), float("inf")])
def test_padding_on_the_right_never_changes_an_output(garbage):
    tcn, x = make()
    expected = tcn(x, LENGTHS)
    padded = F.pad(x, (0, 9), value=garbage)
    for i, length in enumerate(LENGTHS):
        padded[i, :, length:] = garbage
    assert torch.equal(tcn(padded, LENGTHS), expected)
    # a play alone, without any padding, gets the state that it gets within the batch
    for i, length in enumerate(LENGTHS):
        alone = tcn(x[i : i + 1, :, :length], length.reshape(1))
        torch.testing.assert_close(alone[0], expected[i], rtol=1e-12, atol=1e-12)


def test_a_play_is_indifferent_to_the_others_of_its_batch():
    tcn, x = make()
    expected = tcn(x, LENGTHS)
    x[1:] = 100 * torch.randn_like(x[1:])
    torch.testing.assert_close(tcn(x, LENGTHS)[0], expected[0], rtol=1e-12, atol=1e-12)


def test_later_frames_never_change_earlier_outputs():
    tcn, x = make((6,) * 4)
    expected = tcn.every_frame(x)
    for frame in (1, 7, 20, 39):
        changed = x.clone()
        changed[..., frame:] = torch.randn_like(changed[..., frame:])
        out = tcn.every_frame(changed)
        torch.testing.assert_close(out[..., :frame], expected[..., :frame], rtol=1e-12, atol=1e-12)
        assert not torch.allclose(out[..., frame], expected[..., frame])
        lengths = torch.full((len(x),), frame)
        assert torch.equal(tcn(changed, lengths), tcn(x, lengths))


@pytest.mark.parametrize("channels, kernel_size", [((9,), 2), ((9,), 3), ((9, 9), 3), ((9, 9, 9), 2), ((9, 9), 4)])
def test_exactly_the_receptive_field_reaches_the_state(channels, kernel_size):
    torch.manual_seed(1)
    tcn = TCN(3, channels, kernel_size).double()
    time = tcn.receptive_field + 5
    x = torch.randn(64, 3, time, dtype=torch.double, requires_grad=True)
    tcn(x, torch.full((64,), time)).sum().backward()
    matters = (x.grad != 0).any(0).any(0)
    assert matters.tolist() == [False] * 5 + [True] * tcn.receptive_field


def test_default_receptive_field():
    assert TCN(1).receptive_field == 253


def test_weight_norm_keeps_the_initial_weights():
    """With the same seed the effective weights are the He normal draws, not what weight norm would make of others."""
    torch.manual_seed(3)
    tcn = TCN(5, (16, 16), 3)
    torch.manual_seed(3)
    gain = 2**-0.5
    for block, in_channels in zip(tcn.blocks, (5, 16)):
        for convolution, width, factor in ((block.first, in_channels, 1.0), (block.second, 16, gain)):
            drawn = nn.Conv1d(width, 16, 3)
            nn.init.kaiming_normal_(drawn.weight, nonlinearity="relu")
            torch.testing.assert_close(convolution.weight, drawn.weight * factor)
        if in_channels != 16:
            residual = nn.Conv1d(in_channels, 16, 1)
            nn.init.kaiming_normal_(residual.weight, nonlinearity="linear")
    assert isinstance(tcn.blocks[1].residual, nn.Identity)


def test_weights_are_normalised():
    """The length of v does not matter: the effective weight is g v / |v|."""
    tcn, x = make()
    expected = tcn(x, LENGTHS)
    with torch.no_grad():
        for name, parameter in tcn.named_parameters():
            if name.endswith("original1"):
                parameter *= 7
    torch.testing.assert_close(tcn(x, LENGTHS), expected)


def test_the_scale_of_the_state_hardly_grows_with_depth():
    """Eight blocks of equal weight would double the variance eight times."""
    for blocks in (1, 4, 8):
        torch.manual_seed(blocks)
        state = TCN(20, (64,) * blocks)(torch.randn(200, 20, 60), torch.full((200,), 60))
        assert 0.5 < state.detach().square().mean() < 8


def test_dropout_only_in_training():
    torch.manual_seed(0)
    tcn = TCN(5, (8, 8), dropout=0.5)
    x, lengths = torch.randn(3, 5, 20), torch.tensor([20, 5, 9])
    assert not torch.equal(tcn(x, lengths), tcn(x, lengths))
    tcn.eval()
    assert torch.equal(tcn(x, lengths), tcn(x, lengths))
    torch.testing.assert_close(tcn.every_frame(x)[0, :, -1], tcn(x, lengths)[0])


def test_an_empty_batch_gives_no_states():
    tcn, _ = make()
    assert tcn(torch.zeros(0, 5, 40, dtype=torch.double), torch.zeros(0, dtype=torch.long)).shape == (0, 8)


@pytest.mark.parametrize(
    "x, lengths, message",
    [
        (torch.zeros(2, 4, 9), torch.tensor([9, 9]), r"x: expected shape \(batch, 5, time\).*got \(2, 4, 9\)"),
        (torch.zeros(5, 9), torch.tensor([9]), r"x: expected shape \(batch, 5, time\).*got \(5, 9\)"),
        (torch.zeros(2, 5, 9, dtype=torch.long), torch.tensor([9, 9]), r"x: expected a floating dtype.*int64"),
        (torch.zeros(2, 5, 9), torch.tensor([9]), r"lengths: expected shape \(2,\).*got \(1,\)"),
        (torch.zeros(2, 5, 9), torch.tensor([9.0, 9.0]), r"lengths: expected an integer dtype.*float32"),
        (torch.zeros(2, 5, 9), torch.tensor([9, 0]), r"lengths: expected real frames in 1\.\.9.*lengths\[1\] is 0"),
        (torch.zeros(2, 5, 9), torch.tensor([10, 9]), r"lengths: expected real frames in 1\.\.9.*lengths\[0\] is 10"),
    ],
)
def test_wrong_arguments_are_named(x, lengths, message):
    with pytest.raises(ValueError, match=message):
        TCN(5, (8,))(x, lengths)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"in_channels": 0}, "in_channels: expected at least 1"),
        ({"in_channels": 3, "channels": ()}, "channels: expected at least one block"),
        ({"in_channels": 3, "channels": (4, 0)}, r"channels: .*\(4, 0\)"),
        ({"in_channels": 3, "kernel_size": 1}, "kernel_size: expected at least 2 taps, got 1"),
        ({"in_channels": 3, "dropout": 1.0}, r"dropout: expected a share in \[0, 1\), got 1.0"),
    ],
)
def test_wrong_sizes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TCN(**arguments)
