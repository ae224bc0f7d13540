"""From the features of a network to a learning curve: what to expect, and how real ones differ from that."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict

Floats = npt.NDArray[np.float64]

COMPONENTS = 3
"""In the published CIFAR-10 curves, two hold 99.2% of the variance; what three leave looks like noise."""
SETTINGS = {"gamma": (0.005, 0.02, 0.05), "alpha": (0.1, 0.3, 1.0)}
FOLDS = KFold(5, shuffle=True, random_state=0)
NEIGHBOURS = 100
EDGE = 1e-4
"""Accuracies are kept this far from the limits of the model, where it would be infinite."""


@dataclass(frozen=True, eq=False)
class CurveModel:
    """y_t = g(z_t), z = mean + (f(x) + d) B + e, learned from n recorded curves of T epochs.

    g^-1(y) = log((y - chance) / (1 - y)). B, (K, T), are the first principal components of the recorded z;
    f is a kernel ridge regression (RBF) of their K scores on the features x. The deviation d is the error
    of f on one recorded network, made without that network (cross-validation). The noise e is what B leaves
    of one recorded curve. Both are taken whole from networks that were expected to end about as high, so
    that their spread, tails and correlations are real ones.

    Attributes:
        chance: lower limit of every accuracy.
        centre, scale: (d,) mean and standard deviation of the features.
        inputs, squares: (n, d) standardised features of the recorded networks, and their squared lengths,
            (n,).
        gamma: of the kernel exp(-gamma |a - b|^2).
        weights, offset: (K, n) dual coefficients and (K,) mean scores.
        mean, components: (T,) and (K, T).
        levels: (n,) expected z_T of the recorded networks, rising.
        deviations, noises: (n, K) and (n, T), in the same order.
    """

    chance: float
    centre: Floats
    scale: Floats
    inputs: Floats
    squares: Floats
    gamma: float
    weights: Floats
    offset: Floats
    mean: Floats
    components: Floats
    levels: list[float]
    deviations: Floats
    noises: Floats

    @classmethod
    def fit(cls, features: Floats, values: Floats, chance: float) -> Self:
        """Learn from features, (n, d), and accuracies of every epoch, (n, T)."""
        deviations = features.std(axis=0)
        centre, scale = features.mean(axis=0), np.where(deviations > 0, deviations, 1.0)
        X, z = (features - centre) / scale, _unbounded(values, chance)
        mean = z.mean(axis=0)
        components = np.linalg.svd(z - mean, full_matrices=False)[2][:COMPONENTS]
        scores = (z - mean) @ components.T
        offset = scores.mean(axis=0)
        search = GridSearchCV(KernelRidge(kernel="rbf"), SETTINGS, cv=FOLDS).fit(X, scores - offset)
        ridge = search.best_estimator_
        unseen = offset + cross_val_predict(ridge, X, scores - offset, cv=FOLDS)
        levels = mean[-1] + unseen @ components[:, -1]
        order = np.argsort(levels)
        return cls(
            chance=chance,
            centre=centre,
            scale=scale,
            inputs=X,
            squares=(X**2).sum(axis=1),
            gamma=ridge.gamma,
            weights=np.ascontiguousarray(ridge.dual_coef_.T),
            offset=offset,
            mean=mean,
            components=components,
            levels=levels[order].tolist(),
            deviations=(scores - unseen)[order],
            noises=(z - mean - scores @ components)[order],
        )

    def expected(self, features: Floats) -> Floats:
        """The curve, (T,), of a network with features (d,), without deviation and noise."""
        return _bounded(self.mean + self._scores(features) @ self.components, self.chance)

    def curve(self, features: Floats, at_first: Floats, deviation: float, noise: float) -> Floats:
        """A curve, (T,); numbers in [0, 1) choose the deviation and the noise.

        `at_first` are the features at the first learning rate: from these follows which recorded networks
        are like this one, so that it deviates in the same way at any rate.
        """
        scores = first_scores = self._scores(at_first)
        if features is not at_first:
            scores = self._scores(features)
        alike = self._alike(float(self.mean[-1] + first_scores @ self.components[:, -1]))
        scores = scores + self.deviations[alike[int(deviation * len(alike))]]
        z = self.mean + scores @ self.components + self.noises[alike[int(noise * len(alike))]]
        return _bounded(z, self.chance)

    def _scores(self, features: Floats) -> Floats:
        x = (features - self.centre) / self.scale
        squared_distances = self.squares + x @ x - 2 * (self.inputs @ x)
        return np.asarray(self.offset + self.weights @ np.exp(-self.gamma * squared_distances))

    def _alike(self, level: float) -> range:
        """The recorded networks whose expected z_T is nearest in rank."""
        count = min(NEIGHBOURS, len(self.levels))
        first = bisect_left(self.levels, level) - count // 2
        first = min(max(first, 0), len(self.levels) - count)
        return range(first, first + count)


def _unbounded(y: Floats, chance: float) -> Floats:
    inside = np.clip(y, chance + EDGE, 1 - EDGE)
    return np.asarray(np.log((inside - chance) / (1 - inside)))


def _bounded(z: Floats, chance: float) -> Floats:
    return np.asarray(chance + (1 - chance) / (1 + np.exp(-z)))
