"""The laws of probability: a binned body, a generalized Pareto tail, their splice, those that others use, and any law
in whole numbers.

They know nothing of sport.
"""

from .binned import Binned
from .gpd import GeneralizedPareto
from .hybrid_pareto import HybridPareto
from .rounded import Rounded
from .spliced import SplicedBinnedPareto
from .student_t import StudentT

__all__ = ["Binned", "GeneralizedPareto", "HybridPareto", "Rounded", "SplicedBinnedPareto", "StudentT"]
