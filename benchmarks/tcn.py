"""Throughput of `qbsbp.tcn.TCN` beside `pytorch-tcn` and PyTorch's plain form, on one thread.

    pip install --no-deps pytorch-tcn
    OMP_NUM_THREADS=1 python benchmarks/tcn.py

The networks have the same sizes, causal and weight-normalised, and are read at the last frame of each play. Each round
times every network once, one after the other, so that a slow moment of the machine falls on all; the table shows the
median over rounds and the median and quartiles of the ratio within a round.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import Tensor, nn

from qbsbp.tcn import TCN


class EveryFrame(nn.Module):
    """The textbook form of our own network: all frames in all blocks, then the last one is read."""

    def __init__(self, tcn: TCN) -> None:
        super().__init__()
        self.tcn = tcn

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.tcn.every_frame(x)[torch.arange(len(x)), :, lengths - 1]


class PytorchTCN(nn.Module):
    """`pytorch-tcn` with its own defaults where they do not change the sizes."""

    def __init__(self, in_channels: int, channels: tuple[int, ...], kernel_size: int) -> None:
        super().__init__()
        try:
            from pytorch_tcn import TCN as Reference
        except ModuleNotFoundError as error:
            raise SystemExit("this benchmark compares with pytorch-tcn: pip install --no-deps pytorch-tcn") from error
        self.tcn = Reference(
            in_channels,
            list(channels),
            kernel_size=kernel_size,
            dilations=[2**i for i in range(len(channels))],
            dropout=0.0,
            causal=True,
            use_norm="weight_norm",
            activation="relu",
        )

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.tcn(x)[torch.arange(len(x)), :, lengths - 1]


def trainer(network: nn.Module, x: Tensor, lengths: Tensor):
    """A function that makes one training step."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        network(x, lengths).square().mean().backward()
        optimizer.step()

    return step


def predictor(network: nn.Module, x: Tensor, lengths: Tensor):
    """A function that computes the states without gradients."""

    @torch.no_grad()
    def step() -> None:
        network(x, lengths)

    return step


def measure(steps: dict[str, object], rounds: int, repeats: int) -> dict[str, np.ndarray]:
    """Seconds per call, shape (rounds,), for each named function, all of them timed in every round."""
    seconds = {name: np.empty(rounds) for name in steps}
    for step in steps.values():
        step()
        step()
    for i in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(repeats):
                step()
            seconds[name][i] = (time.perf_counter() - start) / repeats
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--in-channels", type=int, default=176)
    parser.add_argument("--time", type=int, default=50)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--kernel-size", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(args.batch, args.in_channels, args.time)
    full = torch.full((args.batch,), args.time)
    sizes = (args.in_channels, (args.width,) * args.blocks, args.kernel_size)

    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} thread, x {tuple(x.shape)}, {args.blocks} blocks of "
        f"{args.width} channels, kernel {args.kernel_size};\n"
        "milliseconds, and speed relative to pytorch-tcn (quartiles)"
    )
    networks = {"pytorch-tcn": PytorchTCN(*sizes), "qbsbp, every frame": EveryFrame(TCN(*sizes)), "qbsbp": TCN(*sizes)}
    for title, make, batch, repeats in (
        ("training step", trainer, slice(None), 2),
        ("prediction", predictor, slice(None), 4),
        ("prediction of one play", predictor, slice(1), 40),
    ):
        for network in networks.values():
            network.train(make is trainer)
        steps = {name: make(network, x[batch], full[batch]) for name, network in networks.items()}
        seconds = measure(steps, args.rounds, repeats)
        print(f"\n{title}")
        for name in networks:
            ratio = np.quantile(seconds["pytorch-tcn"] / seconds[name], [0.25, 0.5, 0.75])
            print(
                f"  {name:20s}{1e3 * np.median(seconds[name]):8.2f} ms   "
                f"{ratio[1]:5.2f} times ({ratio[0]:.2f} to {ratio[2]:.2f})"
            )


if __name__ == "__main__":
    main()
