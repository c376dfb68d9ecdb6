"""What one would otherwise use: the references that a model has to beat."""

from .climatology import fit_climatology

__all__ = ["fit_climatology"]
