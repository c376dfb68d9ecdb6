"""The full probability distribution of what a pass will gain, from player tracking data."""

from .distributions import Binned, GeneralizedPareto, Rounded, SplicedBinnedPareto

__version__ = "0.1.0"
__all__ = ["Binned", "GeneralizedPareto", "Rounded", "SplicedBinnedPareto"]
