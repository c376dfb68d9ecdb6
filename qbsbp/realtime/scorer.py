"""An exported model, loaded to be asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qbsbp.features.tensors import whole_frames
from qbsbp.model import ModelConfig
from qbsbp.realtime.graph import FORMAT, INPUTS, OUTPUTS, passing_layout
from qbsbp.realtime.law import YardsLaw
from qbsbp.realtime.play import Play, Situation, Tracks
from qbsbp.schema import FOOTBALL
from qbsbp.tracking import MAX_MOVED

__all__ = ["Scorer"]


class Scorer:
    """A model that `export` wrote; made by `Scorer.load`.

    Attributes:
        config: The configuration of the model.
        past_frames: Frames before the release that it reads.
        use_target: Whether it was trained with the recorded target in slot 1.
    """

    def __init__(self, session: object, about: dict) -> None:
        self._session, self._layout = session, about["layout"]
        self.config = ModelConfig(**about["model"])
        self.past_frames = whole_frames("past", about["past"], FOOTBALL.frames_per_second)
        self.use_target = bool(about["use_target"])
        self._edges = np.array(self.config.bin_edges)
        self._tail_mass = self.config.lower_mass, self.config.upper_mass

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, threads: int = 1) -> Scorer:
        """Load a file that `export` wrote.

        Args:
            path: The file.
            threads: Threads of a run: for single plays one is best.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged, no file of `export`, or of another version of it.
            ModuleNotFoundError: onnxruntime is not installed.
        """
        try:
            import onnxruntime
            from onnxruntime.capi import onnxruntime_pybind11_state as errors
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "qbsbp.realtime.Scorer needs onnxruntime: pip install 'qbsbp[realtime]'", name="onnxruntime"
            ) from error
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: there is no such file. Write one with qbsbp.realtime.export(model, path)."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        again = "Export the model again with qbsbp.realtime.export(model, path)."
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (errors.InvalidProtobuf, errors.InvalidGraph, errors.Fail, errors.InvalidArgument) as error:
            raise ValueError(f"{path}: expected a whole ONNX file, and it cannot be read ({error}). {again}") from error
        text = session.get_modelmeta().custom_metadata_map.get("qbsbp")
        if text is None:
            raise ValueError(
                f"{path}: expected a model that qbsbp exported, and it does not say that it is one. {again}"
            )
        about = json.loads(text)
        if about.get("format") != FORMAT:
            raise ValueError(f"{path}: expected format {FORMAT}, came {about.get('format')!r}. {again}")
        return cls(session, about)

    def run(self, x: ArrayLike, lengths: ArrayLike, static: ArrayLike) -> list[NDArray]:
        """Parameters of the spliced laws of some plays: logits (plays, bins), xi (plays, 2), beta (plays, 2).

        Args:
            x: Features, float32, shape (plays, in_channels, time).
            lengths: Real frames of each play, int64 in 1..time, shape (plays,).
            static: Facts of each play, float32, shape (plays, static_features).

        Raises:
            ValueError: A shape or type that does not fit the model, or lengths outside 1..time.
        """
        x, lengths, static = np.asarray(x), np.asarray(lengths), np.asarray(static)
        plays = len(lengths) if lengths.ndim == 1 else -1
        for name, array, shape, kind in (
            ("x", x, (plays, self.config.in_channels, x.shape[-1] if x.ndim == 3 else "time"), np.float32),
            ("lengths", lengths, (plays,), np.int64),
            ("static", static, (plays, self.config.static_features), np.float32),
        ):
            if array.shape != shape or array.dtype != kind:
                raise ValueError(
                    f"{name}: expected shape {shape} in {np.dtype(kind)}, came {array.shape} in {array.dtype}. Convert "
                    "it; plays come first."
                )
        if plays and (lengths.min() < 1 or lengths.max() > x.shape[2]):
            at = int(np.argmax((lengths < 1) | (lengths > x.shape[2])))
            raise ValueError(
                f"lengths: expected 1 to {x.shape[2]} frames, and lengths[{at}] is {lengths[at]}. Drop it."
            )
        return self._session.run(OUTPUTS, dict(zip(INPUTS, (x, lengths, static))))

    def laws(self, x: ArrayLike, lengths: ArrayLike, static: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> YardsLaw:
        """The laws of the yards of some plays, from tensors as those of `qbsbp.features.passing_plays`.

        Args:
            x: As in `run`.
            lengths: As in `run`.
            static: As in `run`.
            lower: Least yards, whole, shape (plays,).
            upper: Greatest yards, whole and above the least, shape (plays,).

        Raises:
            ValueError: As in `run`, or bounds that are none.
        """
        logits, _, _ = parameters = self.run(x, lengths, static)
        lower, upper = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
        if not (lower.shape == upper.shape == logits.shape[:1] and (lower < upper).all()):
            raise ValueError(
                f"lower, upper: expected shape {logits.shape[:1]} each, every lower bound below its upper one, came "
                f"{lower.shape} and {upper.shape}. Use the bounds of the plays."
            )
        return YardsLaw(self._edges, *parameters, self._tail_mass, lower, upper)

    def binding(self) -> object:
        """What `laws_unchecked` hands its tensors over in, without copies and checks; for one thread at a time."""
        binding = self._session.io_binding()
        for name in OUTPUTS:
            binding.bind_output(name, "cpu")
        return binding

    def laws_unchecked(
        self, binding: object, x: NDArray, lengths: NDArray, static: NDArray, lower: NDArray, upper: NDArray
    ) -> YardsLaw:
        """`laws` of what is right by construction, as the tensors of `Play` are."""
        binding.bind_cpu_input("x", x)
        binding.bind_cpu_input("lengths", lengths)
        binding.bind_cpu_input("static", static)
        self._session.run_with_iobinding(binding)
        parameters = binding.copy_outputs_to_cpu()
        return YardsLaw(self._edges, *parameters, self._tail_mass, lower, upper)

    def play(self, situation: Situation) -> Play:
        """A play to push frames into.

        Raises:
            ValueError: The model reads other features than those that are made of football plays today.
        """
        layout = passing_layout()
        sizes = layout["slots"] * len(layout["player_features"]), len(layout["static_features"])
        if self._layout != layout or (self.config.in_channels, self.config.static_features) != sizes:
            raise ValueError(
                f"situation: expected a model of the {sizes[0]} features of a frame and {sizes[1]} of a play that "
                f"qbsbp.features makes, and this one has {self.config.in_channels} and {self.config.static_features}, "
                "or is of another version. Train a passing model, or call `laws` with tensors of your own."
            )
        return Play(self, situation)

    def law(self, situation: Situation, tracks: Tracks, snap_frame: int) -> YardsLaw:
        """The law of one play from raw frames, released in the last of them.

        Args:
            situation: What is known before the throw.
            tracks: All frames up to the release, those before the snap too where there are any.
            snap_frame: Number of the frame of the snap.

        Raises:
            ValueError: Bad frames as in `Play.push`, or a player out of reach in more than `MAX_MOVED` of them.
        """
        play = self.play(situation)
        law = play.push(tracks, snap_frame=snap_frame)
        if play.out_of_reach > MAX_MOVED:
            raise ValueError(
                f"tracks: expected credible places, and some player is out of reach in {play.out_of_reach:.0%} of the "
                f"frames since the snap; more than {MAX_MOVED:.0%} is too many. Leave the play out."
            )
        return law
