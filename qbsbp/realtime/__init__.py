"""A passing model at work: one play from raw frames to its law and rank, or one more frame at a time.

    export(model, "passing.onnx")
    scorer = Scorer.load("passing.onnx")
    law = scorer.law(situation, tracks, snap_frame)      # a whole play
    law.rank(yards)

    play = scorer.play(situation)                        # or as it unfolds
    law = play.push(next_frame)

ONNX Runtime and compiled loops (`kernels`) work on a play; the network reads what it would have read in training.
"""

from .graph import export
from .law import YardsLaw
from .motion import Motion
from .play import Play, RawPlay, Situation, Tracks, raw_plays
from .scorer import Scorer

__all__ = ["Motion", "Play", "RawPlay", "Scorer", "Situation", "Tracks", "YardsLaw", "export", "raw_plays"]
