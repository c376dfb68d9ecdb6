"""Gradient-boosted trees on the static features, the usual choice for tables. Chapter: the rivals.

`xgboost` is an optional package: `pip install "qbsbp[rivals]"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..distributions import Binned
from ..features import PlayTensors, StoredPlays
from ._yards import EDGES, law_of_mass

if TYPE_CHECKING:
    import xgboost

__all__ = ["MeanBoosting", "QuantileBoosting"]

LEVELS = (0.005, 0.01, 0.025, 0.05, *np.arange(0.1, 0.95, 0.05).round(2), 0.95, 0.975, 0.99, 0.995)


class QuantileBoosting:
    """Trees that predict quantiles, and the law that runs straight from one to the next.

    Quantiles of one play that cross are sorted. Between two neighbouring quantiles, and from the outermost ones to the
    play's bounds, the probability is spread evenly: of what lies beyond its last quantile such a model says nothing.

    Args:
        train: Training plays, with bounds.
        validation: Plays of other games, which say when to stop adding trees.
        levels: Levels of the quantiles, ascending.
        max_depth: Of a tree.
        learning_rate: Share of a tree's answer that is added.
        rounds: Trees a quantile, at most.
        seed: Where all randomness comes from.
    """

    def __init__(
        self,
        train: PlayTensors | StoredPlays,
        validation: PlayTensors | StoredPlays,
        *,
        levels: Sequence[float] = LEVELS,
        max_depth: int = 5,
        learning_rate: float = 0.05,
        rounds: int = 1000,
        seed: int = 0,
    ) -> None:
        self.levels = np.array(levels)
        self.trees = _boost(
            train, validation, max_depth, learning_rate, rounds, seed,
            objective="reg:quantileerror", quantile_alpha=self.levels,
        )  # fmt: skip

    def predict(self, plays: PlayTensors | StoredPlays) -> Binned:
        """The laws of some plays."""
        low, high = (plays.bounds[:, i].double().numpy() + shift for i, shift in ((0, -0.5), (1, 0.5)))
        quantiles = np.sort(_answer(self.trees, plays), axis=1).astype(float)
        knots = np.column_stack([low, np.clip(quantiles, low[:, None], high[:, None]), high])
        levels = np.concatenate([[0.0], self.levels, [1.0]])
        edges = EDGES.numpy()
        below = np.stack([np.interp(edges, of_play, levels) for of_play in knots])
        return law_of_mass(np.diff(below, axis=1))


class MeanBoosting:
    """Trees that predict the mean, and around it the errors that they made on the validation plays.

    A point forecast is no distribution; this is the least that makes one of it, the same shape for every play. With m
    errors, :math:`P(Y \\le k) = (\\#\\{errors \\le k + 1/2 - mean\\} + 1/2) / (m + 1)`.

    Args:
        train: Training plays, with bounds.
        validation: Plays of other games, which say when to stop adding trees, and how large the errors are.
        max_depth: Of a tree.
        learning_rate: Share of a tree's answer that is added.
        rounds: Trees at most.
        seed: Where all randomness comes from.
    """

    def __init__(
        self,
        train: PlayTensors | StoredPlays,
        validation: PlayTensors | StoredPlays,
        *,
        max_depth: int = 5,
        learning_rate: float = 0.05,
        rounds: int = 1000,
        seed: int = 0,
    ) -> None:
        self.trees = _boost(train, validation, max_depth, learning_rate, rounds, seed, objective="reg:squarederror")
        self.errors = np.sort(validation.y.numpy() - _answer(self.trees, validation))

    def predict(self, plays: PlayTensors | StoredPlays) -> Binned:
        """The laws of some plays."""
        room = EDGES.numpy() - _answer(self.trees, plays)[:, None]
        below = (np.searchsorted(self.errors, room, side="right") + 0.5) / (len(self.errors) + 1)
        # the half error on either side lies beyond all yards: the outermost have it, and none is impossible
        below[:, 0], below[:, -1] = 0.0, 1.0
        return law_of_mass(np.diff(below, axis=1) + 1e-6)


def _boost(
    train: PlayTensors | StoredPlays,
    validation: PlayTensors | StoredPlays,
    max_depth: int,
    learning_rate: float,
    rounds: int,
    seed: int,
    **options: Any,
) -> xgboost.Booster:
    try:
        import xgboost
    except ImportError as error:
        raise ImportError('gradient boosting needs xgboost: pip install "qbsbp[rivals]"') from error
    data = [xgboost.QuantileDMatrix(plays.static.numpy(), label=plays.y.numpy()) for plays in (train,)]
    data.append(xgboost.QuantileDMatrix(validation.static.numpy(), label=validation.y.numpy(), ref=data[0]))
    parameters = options | {
        "max_depth": max_depth, "learning_rate": learning_rate, "subsample": 0.8, "colsample_bytree": 0.8,
        "min_child_weight": 20, "seed": seed, "verbosity": 0,
    }  # fmt: skip
    return xgboost.train(
        parameters, data[0], rounds, evals=[(data[1], "validation")], early_stopping_rounds=30, verbose_eval=False
    )


def _answer(trees: xgboost.Booster, plays: PlayTensors | StoredPlays) -> NDArray:
    """What the trees say up to the best round: (plays,), or (plays, quantiles)."""
    return trees.inplace_predict(plays.static.numpy(), iteration_range=(0, trees.best_iteration + 1))
