"""The laws of probability: a binned body, a generalized Pareto tail, and their splice. They know nothing of sport."""

from .binned import Binned
from .gpd import GeneralizedPareto
from .spliced import SplicedBinnedPareto

__all__ = ["Binned", "GeneralizedPareto", "SplicedBinnedPareto"]
