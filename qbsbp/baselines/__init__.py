"""What one would otherwise use: the references that a model has to beat.

All answer `predict(plays)` with a distribution for each play, as `qbsbp.model.PassingModel` does. Those of whole yards
put each yard in a bin of its own, of which `qbsbp.distributions.Rounded` gives the probability back unchanged.
The older systems of extremes work on samples (`fit_hybrid_pareto`) and on streams (`SPOT`, `DSPOT`, `NNSPOT`).
Chapters: the rivals; streams; the splice before this one.
"""

from .climatology import FieldClimatology, fit_climatology
from .gradient_boosting import MeanBoosting, QuantileBoosting
from .hybrid_pareto import fit_hybrid_pareto
from .streams import DSPOT, NNSPOT, SPOT, Alarms, grimshaw
from .trunks import NoTrunk, PlayerTransformer, Zoo

__all__ = [
    "DSPOT",
    "NNSPOT",
    "SPOT",
    "Alarms",
    "FieldClimatology",
    "MeanBoosting",
    "NoTrunk",
    "PlayerTransformer",
    "QuantileBoosting",
    "Zoo",
    "fit_climatology",
    "fit_hybrid_pareto",
    "grimshaw",
]
