"""What a network is made of, in numbers, and which of these choices its accuracy depends on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.inspection import permutation_importance

from state_space import Architecture
from state_space.layers import Convolution, FullyConnected, Pooling

TREES, REPEATS = 50, 5
LEAF = 3
"""Fewest networks in a leaf of a tree: fewer would learn the noise of single trainings."""


@lru_cache(maxsize=16_384)
def choices(architecture: str) -> dict[str, float]:
    """Name -> value of each choice; a mean over no layers is 0.

    Raises:
        StateSpaceError: the text is not a network.
    """
    layers = Architecture.parse(architecture).layers
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    pools = sum(isinstance(layer, Pooling) for layer in layers)
    dense = sum(isinstance(layer, FullyConnected) for layer in layers)
    return {
        "layers": len(convolutions) + pools + dense,
        "convolutions": len(convolutions),
        "pooling layers": pools,
        "fully connected layers": dense,
        "filters per convolution": fmean([layer.width for layer in convolutions] or [0]),
        "receptive field": fmean([layer.size for layer in convolutions] or [0]),
    }


@dataclass(frozen=True)
class Importance:
    """How much choices matter.

    Attributes:
        explained: R^2 of a model on networks that it did not learn from.
        losses: choice -> what R^2 loses when that choice is shuffled between these networks, largest first.
    """

    explained: float
    losses: dict[str, float]


def importance(architectures: list[str], accuracies: list[float]) -> Importance:
    """Permutation importance (Breiman, 2001) in a forest of extremely randomised trees.

    Every other network is learned from; the rest are used to measure. The same networks give the same result.

    Args:
        architectures: networks, at least four.
        accuracies: of these networks.

    Raises:
        StateSpaceError: a text is not a network.
    """
    described = [choices(architecture) for architecture in architectures]
    names = list(described[0])
    X, y = np.array([list(one.values()) for one in described], dtype=float), np.asarray(accuracies)
    forest = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, random_state=0).fit(X[::2], y[::2])
    shuffled = permutation_importance(forest, X[1::2], y[1::2], n_repeats=REPEATS, random_state=0)
    losses = dict(zip(names, shuffled.importances_mean.tolist(), strict=True))
    order = sorted(names, key=lambda name: -losses[name])
    return Importance(float(forest.score(X[1::2], y[1::2])), {name: losses[name] for name in order})
