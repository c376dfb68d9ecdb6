"""What one would otherwise use: the references that a model has to beat.

All answer `predict(plays)` with a distribution for each play, as `qbsbp.model.PassingModel` does. Those of whole yards
put each yard in a bin of its own, of which `qbsbp.distributions.Rounded` gives the probability back unchanged.
Chapter: the rivals.
"""

from .climatology import FieldClimatology, fit_climatology
from .gradient_boosting import MeanBoosting, QuantileBoosting
from .trunks import NoTrunk, PlayerTransformer, Zoo

__all__ = [
    "FieldClimatology",
    "MeanBoosting",
    "NoTrunk",
    "PlayerTransformer",
    "QuantileBoosting",
    "Zoo",
    "fit_climatology",
]
