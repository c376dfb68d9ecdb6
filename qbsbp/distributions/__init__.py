"""The laws of probability: a binned body, a generalized Pareto tail, their splice, and any law in whole numbers.

They know nothing of sport.
"""

from .binned import Binned
from .gpd import GeneralizedPareto
from .rounded import Rounded
from .spliced import SplicedBinnedPareto

__all__ = ["Binned", "GeneralizedPareto", "Rounded", "SplicedBinnedPareto"]
