"""Random forests with a random search over the number of trees and the share of features per split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn import config_context
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeRegressor

from predictor.curves.arrays import Floats
from predictor.models.regressors.base import StandardizedRegressor, Standardizer, r2_scores

FEATURE_RATIO = (0.1, 0.5)


class _Nodes(NamedTuple):
    """The nodes of all trees, one tree after the other.

    `next` has two places for each node: where a row goes whose `feature` is at most the `threshold`, and
    where any other goes; a leaf leads to itself.
    """

    roots: npt.NDArray[np.int64]
    depth: int
    next: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: Floats
    value: Floats


@dataclass(frozen=True, eq=False)
class Forest:
    """Exactly the trees of a `RandomForestRegressor(trees, max_features=ratio, random_state=...)`.

    That class copies and checks its settings for every tree when it is fitted, and each row for every tree
    when it predicts, which takes far longer than the trees themselves.

    Attributes:
        trees: fitted.
        outside: (trees, n) whether a tree's bootstrap sample lacks a row.
    """

    trees: Sequence[Any]
    outside: npt.NDArray[np.bool_]

    @classmethod
    def fit(cls, Z: Floats, t: Floats, trees: int, ratio: float, random_state: int) -> Self:
        """Grow that many trees on Z (n, d) and t (n,)."""
        inputs, seeds = np.ascontiguousarray(Z, dtype=np.float32), np.random.RandomState(random_state)
        grown, counts = [], np.empty((trees, len(t)), dtype=np.int64)
        with config_context(skip_parameter_validation=True):
            for times in counts:
                seed = seeds.randint(np.iinfo(np.int32).max)
                drawn = np.random.RandomState(seed).randint(0, len(t), len(t))
                times[:] = np.bincount(drawn, minlength=len(t))
                tree = DecisionTreeRegressor(max_features=ratio, random_state=seed)
                grown.append(tree.fit(inputs, t, sample_weight=times, check_input=False).tree_)
        return cls(grown, counts == 0)

    def votes(self, Z: Floats) -> Floats:
        """(trees, m) predictions of each tree for the rows of Z, (m, d)."""
        inputs = np.ascontiguousarray(Z, dtype=np.float32)
        if len(inputs) == 1:
            return self._votes_on_one(inputs[0])[:, None]
        return np.array([tree.predict(inputs)[:, 0] for tree in self.trees])

    def _votes_on_one(self, row: Floats) -> Floats:
        """(trees,) the same for one row, by all trees at once."""
        nodes = self._nodes
        at = nodes.roots
        for _ in range(nodes.depth):
            at = nodes.next[2 * at + (row[nodes.feature[at]] > nodes.threshold[at])]
        return nodes.value[at]

    @cached_property
    def _nodes(self) -> _Nodes:
        counts = [tree.node_count for tree in self.trees]
        ends = np.cumsum(counts)
        first = np.repeat(ends - counts, counts)
        left, right, feature, threshold = (
            np.concatenate([getattr(tree, name) for tree in self.trees])
            for name in ("children_left", "children_right", "feature", "threshold")
        )
        inner, own = left >= 0, np.arange(len(left))
        following = np.where(inner, [left + first, right + first], own).T.ravel()
        value = np.concatenate([tree.value[:, 0, 0] for tree in self.trees])
        depth = max(tree.max_depth for tree in self.trees)
        return _Nodes(ends - counts, depth, following, np.where(inner, feature, 0), threshold, value)


class ForestSearch(StandardizedRegressor):
    """Random forest; trees (10-800) and feature ratio (0.1-0.5) by random search, [PP] appendix.

    A forest has the first trees of any larger forest with the same seed, and a ratio only matters through the
    number of features it stands for. So settings that have this number in common share one forest, of which
    each uses the first trees. The scores are those of fitting a `RandomForestRegressor(random_state=...)` per
    setting and fold.

    Args:
        n_settings: number of random settings.
        cv: number of folds, in order without shuffling; at most n // 2. Fewer than 4 rows or 2 settings are
            not searched.
        random_state: seed of the draws and of the forests.
        trees: smallest and largest number of trees to draw.

    Attributes:
        settings_: (n_settings, 2) columns number of trees, feature ratio.
        scores_, best_: mean R^2 over folds (NaN if not searched), index of the chosen setting.
    """

    def __init__(
        self, *, n_settings: int = 10, cv: int = 3, random_state: int = 0, trees: tuple[int, int] = (10, 800)
    ) -> None:
        self.n_settings = n_settings
        self.cv = cv
        self.random_state = random_state
        self.trees = trees

    def held_out_predictions(self, X: Floats, y: Floats, n_folds: int) -> Floats:
        """(n,) out-of-bag predictions: each row by the trees whose bootstrap sample lacks it.

        They stand in for leave-one-out, which would refit the whole forest n times. A row that no tree lacks
        (likely only in the smallest forests) gets the forest's own prediction.
        """
        votes = self.forest_.votes(self.input_scale_.transform(X))
        outside = self.forest_.outside | ~self.forest_.outside.any(axis=0)
        return self.target_scale_.inverse((votes * outside).sum(axis=0) / outside.sum(axis=0))

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        rng = np.random.default_rng(self.random_state)
        trees = rng.integers(self.trees[0], self.trees[1] + 1, self.n_settings)
        self.settings_ = np.stack([trees, rng.uniform(*FEATURE_RATIO, self.n_settings)], axis=1)
        folds = min(self.cv, len(y) // 2)
        if folds < 2 or self.n_settings == 1:
            self.scores_, self.best_ = np.full(self.n_settings, np.nan), 0
        else:
            self.scores_ = np.mean([self._fold_scores(X, y, *fold) for fold in KFold(folds).split(X)], axis=0)
            self.best_ = int(np.argmax(self.scores_))
        chosen, ratio = self.settings_[self.best_]
        self.forest_ = Forest.fit(Z, t, int(chosen), float(ratio), self.random_state)

    def _predict_standardized(self, Z: Floats) -> Floats:
        return np.asarray(self.forest_.votes(Z).mean(axis=0))

    def _fold_scores(self, X: Floats, y: Floats, train: np.ndarray, test: np.ndarray) -> Floats:
        """(n_settings,) R^2 on one fold."""
        inputs, target = Standardizer.fit(X[train]), Standardizer.fit(y[train])
        Z, t, Z_test = inputs.transform(X[train]), target.transform(y[train]), inputs.transform(X[test])
        trees, ratios = self.settings_[:, 0].astype(int), self.settings_[:, 1]
        counts = np.maximum(1, (ratios * X.shape[1]).astype(int))
        predictions = np.empty((self.n_settings, len(test)))
        for count in np.unique(counts):
            alike = np.flatnonzero(counts == count)
            forest = Forest.fit(Z, t, int(trees[alike].max()), float(ratios[alike[0]]), self.random_state)
            votes = np.cumsum(forest.votes(Z_test), axis=0)
            predictions[alike] = votes[trees[alike] - 1] / trees[alike][:, None]
        return r2_scores(y[test], target.inverse(predictions))
