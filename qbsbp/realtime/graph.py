"""A passing model as an ONNX file: the graph written out, with everything beside it that reading a play needs.

The graph is the pyramid of `qbsbp.tcn.TCN.forward`: latest frame first, every block drops every other frame. Written by
hand it has the operations of the mathematics and no others, which is what makes a single play fast.
"""

from __future__ import annotations

import json
import operator
import os
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from qbsbp.features import PASSING_PLAYER_FEATURES, PASSING_SLOTS, PASSING_STATIC_FEATURES
from qbsbp.features.tensors import whole_frames
from qbsbp.model import MOST, SCALE_FLOOR, PassingModel
from qbsbp.schema import FOOTBALL
from qbsbp.tcn import TCN, Block
from qbsbp.training import write_whole

__all__ = ["FORMAT", "INPUTS", "OUTPUTS", "export", "passing_layout"]

FORMAT = 1
"""Version of what `export` writes. It grows when an older file would be misread."""

INPUTS, OUTPUTS = ("x", "lengths", "static"), ("logits", "xi", "beta")
OPSET, IR_VERSION = 17, 8  # of 2022: every runtime of today reads it
END = np.iinfo(np.int64).max  # where a slice ends that goes on to the last


def passing_layout() -> dict[str, Any]:
    """What is in the channels of `x` and the columns of `static` of a passing model, each with its scale."""
    return {
        "slots": len(PASSING_SLOTS) * 2,
        "player_features": {name: scale for name, (scale, _) in PASSING_PLAYER_FEATURES.items()},
        "static_features": {name: scale for name, (scale, _) in PASSING_STATIC_FEATURES.items()},
    }


def export(model: PassingModel, path: str | os.PathLike[str], *, past: float = 4.0, use_target: bool = True) -> Path:
    """Write a model to one ONNX file, which `Scorer.load` reads.

    Inputs are those of the model, any number of plays and frames at a time: `x` (batch, in_channels, time) and
    `static` (batch, static_features) in float32, `lengths` (batch,) in int64. Outputs are the parameters of the spliced
    law, after the links: `logits` (batch, bins), `xi` and `beta` (batch, 2), of the lower and the upper tail. The file
    appears under its name when it is whole; an older one is replaced.

    Args:
        model: A model with a TCN and the spliced law, on any device; it is left as it is.
        path: The file to write.
        past: Seconds before the release that the model was trained on, as in `passing_plays`.
        use_target: Whether slot 1 was the recorded target in training, as in `passing_plays`.

    Returns:
        The path.

    Raises:
        ValueError: The trunk is no TCN, the law is another, or `past` is not a positive number of frames.
        ModuleNotFoundError: onnx is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "qbsbp.realtime.export needs onnx: pip install 'qbsbp[realtime]'", name="onnx"
        ) from error

    if not isinstance(model.trunk, TCN):
        raise ValueError(f"model: expected a TCN as its trunk, got {type(model.trunk).__name__}; no other is exported")
    config = model.config
    if config.law != "spliced_binned_pareto":
        raise ValueError(f"model: expected the law spliced_binned_pareto, got {config.law}; no other is exported")
    whole_frames("past", past, FOOTBALL.frames_per_second)
    graph = _Graph()
    with torch.no_grad():
        _write(graph, model)
    real, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    shapes = {
        "x": (real, ("batch", config.in_channels, "time")),
        "lengths": (whole, ("batch",)),
        "static": (real, ("batch", config.static_features)),
        "logits": (real, ("batch", len(config.bin_edges) - 1)),
        "xi": (real, ("batch", 2)),
        "beta": (real, ("batch", 2)),
    }
    infos = {name: onnx.helper.make_tensor_value_info(name, *of) for name, of in shapes.items()}
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes, "passing", [infos[name] for name in INPUTS], [infos[name] for name in OUTPUTS], graph.weights
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="qbsbp",
        producer_version=metadata.version("qbsbp"),
    )
    about = {
        "format": FORMAT,
        "model": json.loads(config.to_json()),
        "past": past,
        "use_target": use_target,
        "layout": passing_layout(),
    }
    onnx.helper.set_model_props(proto, {"qbsbp": json.dumps(about)})
    onnx.checker.check_model(proto)
    write_whole(Path(path), lambda part: part.write_bytes(proto.SerializeToString()))
    return Path(path)


class _Graph:
    """Nodes and weights of a graph as they are added; calling it adds an operation and returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.numbers = count()

    def __call__(self, operation: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        import onnx

        to = to or f"{operation.lower()}_{next(self.numbers)}"
        self.nodes.append(onnx.helper.make_node(operation, list(inputs), [to], **attributes))
        return to

    def real(self, h: str) -> str:
        """Truth values as numbers."""
        import onnx

        self.nodes.append(onnx.helper.make_node("Cast", [h], [f"{h}_real"], to=onnx.TensorProto.FLOAT))
        return f"{h}_real"

    def slice(self, h: str, along: dict[int, tuple[int, int, int]]) -> str:
        """Start, stop and step along some axes."""
        starts, stops, steps = np.array(list(along.values())).T
        return self("Slice", h, *map(self.weight, (starts, stops, list(along), steps)))

    def weight(self, value: ArrayLike) -> str:
        """A constant: floating numbers in float32, whole ones in int64."""
        import onnx

        array = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"weight_{next(self.numbers)}"
        self.weights.append(onnx.numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name


def _write(graph: _Graph, model: PassingModel) -> None:
    """The whole network, from x, lengths and static to the parameters of the law."""
    state = _trunk(graph, model)
    config, weight = model.config, graph.weight
    off = graph("Sub", "static", weight(model.static_shift))
    standardised = graph("Div", off, weight(model.static_scale))
    parts = [state, graph("Clip", standardised, weight(-MOST), weight(MOST))]
    left, right = model.encode.edges[:, :-1], model.encode.edges[:, 1:]
    feature, bin_ = torch.nonzero(right > left, as_tuple=True)  # an empty bin is always 0, so nobody reads it
    if len(feature):
        left, width = left[feature, bin_], (right - left)[feature, bin_]
        share = graph("Sub", graph("Gather", "static", weight(feature), axis=1), weight(left))
        parts.append(graph("Clip", graph("Div", share, weight(width)), weight(0.0), weight(1.0)))
    width = model.trunk.width
    bare = width + config.static_features
    read = [*range(bare), *(bare + feature * config.static_bins + bin_).tolist()]

    def reads(layer: nn.Linear) -> Tensor:
        """Its weights, none for the 1 behind the state."""
        known = layer.weight[:, read]
        return torch.cat([known[:, :width], known.new_zeros(len(known), 1), known[:, width:]], dim=1)

    h = graph("Concat", *parts, axis=1) if config.static_features else state
    for layer in model.hidden:
        if isinstance(layer, nn.Linear):
            h = graph("Gemm", h, weight(reads(layer)), weight(layer.bias), transB=1)
            h = graph("Mul", h, graph("Sigmoid", h))  # SiLU; dropout is nothing here
            reads = operator.attrgetter("weight")  # of the layers behind it
    # the last four outputs are xi, beta of the lower tail and of the upper: both xi first, for one operation on both
    bins = len(config.bin_edges) - 1
    order = [*range(bins), bins, bins + 2, bins + 1, bins + 3]
    raw = graph("Gemm", h, weight(reads(model.output)[order]), weight(model.output.bias[order]), transB=1)
    graph.nodes.append(_split(raw, weight([bins, 2, 2]), ["logits", "raw_xi", "raw_beta"]))
    low, high = np.array([config.lower_xi_bounds, config.upper_xi_bounds]).T
    xi = graph("Mul", graph("Sigmoid", "raw_xi"), weight(high - low))
    graph("Add", xi, weight(low), to="xi")
    beta = graph("Add", graph("Softplus", "raw_beta"), weight(SCALE_FLOOR))
    graph("Mul", beta, weight(config.scale), to="beta")


def _split(raw: str, sizes: str, to: list[str]) -> Any:
    import onnx

    return onnx.helper.make_node("Split", [raw, sizes], to, axis=1)


def _trunk(graph: _Graph, model: PassingModel) -> str:
    """State of each play at its last frame, (batch, channels + 1): `TCN.forward` and a 1.

    Beside the channels travels one more, which is 1 on a real frame and 0 before a play began. A bias is that channel's
    weight, so that what was 0 before the play stays 0 through every layer, and nothing has to be masked again.
    """
    weight, trunk = graph.weight, model.trunk
    first = trunk.blocks[0]
    width, taps = first.first.out_channels + 1, first.first.kernel_size[0]
    # The first layer reads 176 channels: all its taps, and the residual path, at each frame where it lies in x
    at_once = torch.cat([*_with_present(first.first).unbind(-1), _residual(first)[..., 0]])
    at_once, bias = at_once[:, :-1] / model.x_scale.T.double(), at_once[:, -1]
    bias = bias - at_once @ model.x_shift.flatten().double()
    y = graph("Conv", "x", weight(at_once.unsqueeze(-1)), weight(bias))
    # then its frames, latest first: row j has the frame j before the last; those that the state cannot reach are left
    time = graph("Squeeze", graph("Shape", "x", start=2, end=3))
    last = graph("Add", graph("Min", time, weight(trunk.receptive_field)), weight(taps))
    back = graph("Range", weight(1), last, weight(1))
    frame = graph("Sub", graph("Unsqueeze", "lengths", weight([1])), back)  # (batch, frames + taps - 1)
    present = graph.real(graph("GreaterOrEqual", frame, weight(0)))
    rows = graph("Unsqueeze", graph("Max", frame, weight(0)), weight([2]))
    y = graph("GatherND", graph("Transpose", y, perm=[0, 2, 1]), rows, batch_dims=1)
    y = graph("Mul", y, graph("Unsqueeze", present, weight([2])))
    y = graph("Transpose", y, perm=[0, 2, 1])  # (batch, (taps + 1) width, frames + taps - 1)
    z = ""
    for tap in range(taps):
        behind = tap + 1 - taps  # frames beyond those that this tap reads
        reads = graph.slice(y, {1: (tap * width, (tap + 1) * width, 1), 2: (tap, behind or END, 1)})
        z = graph("Add", z, reads) if tap else reads
    residual = graph.slice(y, {1: (taps * width, END, 1), 2: (0, 1 - taps, 2)})
    h = _second(graph, first, graph("Relu", z), residual)
    for block in trunk.blocks[1:]:
        z = graph("Conv", h, weight(_with_present(block.first)), pads=[0, block.first.kernel_size[0] - 1])
        if isinstance(block.residual, nn.Conv1d):
            residual = graph("Conv", h, weight(_residual(block)), strides=[2])
        else:
            residual = graph.slice(h, {2: (0, END, 2)})
        h = _second(graph, block, graph("Relu", z), residual)
    return graph("Gather", h, weight(0), axis=2)


def _second(graph: _Graph, block: Block, z: str, residual: str) -> str:
    """The second convolution of a block, at every other frame, and the residual path around both."""
    kernel = _with_present(block.second)
    kernel[-1] = 0  # which frames are real comes along the residual path
    z = graph("Conv", z, graph.weight(kernel), pads=[0, block.second.kernel_size[0] - 1], strides=[2])
    return graph("Relu", graph("Add", graph("Relu", z), residual))


def _with_present(convolution: nn.Conv1d) -> Tensor:
    """Weights (out + 1, in + 1, taps) with the bias as weight of the channel that says which frames are real."""
    out, into, taps = convolution.weight.shape
    kernel = torch.zeros(out + 1, into + 1, taps, dtype=torch.float64)
    kernel[:-1, :-1] = convolution.weight
    kernel[:-1, -1, 0] = convolution.bias
    kernel[-1, -1, 0] = 1
    return kernel


def _residual(block: Block) -> Tensor:
    """Weights of the residual path, (out + 1, in + 1, 1), the identity where it is none."""
    if isinstance(block.residual, nn.Conv1d):
        return _with_present(block.residual)
    return torch.eye(block.first.in_channels + 1, dtype=torch.float64).unsqueeze(-1)
