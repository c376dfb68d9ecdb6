"""The full probability distribution of what a pass will gain, from player tracking data."""

__version__ = "0.1.0"
