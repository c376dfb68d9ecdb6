"""From tables to tensors: what a network is given of a play, and the outcome it is asked about."""

from .passing import PASSING_PLAYER_FEATURES, PASSING_SLOTS, PASSING_STATIC_FEATURES, passing_plays
from .series import series_edges, series_windows
from .stored import StoredPlays, passing_season
from .tensors import PlayTensors
from .ultimate import PLAYER_FEATURES, STATIC_FEATURES, ultimate_windows

__all__ = [
    "PlayTensors",
    "StoredPlays",
    "passing_plays",
    "passing_season",
    "series_edges",
    "series_windows",
    "PASSING_PLAYER_FEATURES",
    "PASSING_STATIC_FEATURES",
    "PASSING_SLOTS",
    "ultimate_windows",
    "PLAYER_FEATURES",
    "STATIC_FEATURES",
]
