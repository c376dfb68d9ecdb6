"""Synthetic plays and outcomes whose true law is known, so that a model can be scored against the truth.

The makers here import nothing of ``qbsbp`` but :mod:`qbsbp.schema`: the truth stays an independent second opinion.
"""
