"""A passing model at work: one play from raw frames to its law and rank, or one more frame at a time.

    export(model, "passing.onnx")
    scorer = Scorer.load("passing.onnx")
    law = scorer.law(situation, tracks, snap_frame)      # a whole play
    law.rank(yards)

    play = scorer.play(situation)                        # or as it unfolds
    law = play.push(next_frame)

Only NumPy and ONNX Runtime work on a play; what the network reads is made by the functions that made its training data.
"""

from .graph import export
from .law import YardsLaw
from .motion import Motion
from .play import Play, RawPlay, Situation, Tracks, raw_plays
from .scorer import Scorer

__all__ = ["Motion", "Play", "RawPlay", "Scorer", "Situation", "Tracks", "YardsLaw", "export", "raw_plays"]
