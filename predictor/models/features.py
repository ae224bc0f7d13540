"""Features of partially observed learning curves, one matrix for all; see `FEATURE_SETS`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError
from predictor.models.feature_sets import PUBLISHED, check_feature_sets

BLOCKS = 5


def time_series_features(scores: Floats) -> Floats:
    """(n, 3 tau - 3) from (n, tau) scores: values, first and second differences; (n, 1) for tau = 1."""
    return np.hstack([scores, np.diff(scores), np.diff(scores, n=2)])


def summary_features(scores: Floats) -> Floats:
    """(n, min(tau, 5) + 2) from (n, tau) scores: means of equal blocks of epochs, y_tau, max y_t."""
    blocks = np.array_split(scores, min(scores.shape[1], BLOCKS), axis=1)
    means = np.stack([block.mean(axis=1) for block in blocks], axis=1)
    return np.column_stack([means, scores[:, -1], scores.max(axis=1)])


class CurveFeatures(TransformerMixin, BaseEstimator):
    """`LearningCurves` to a matrix of features after epoch tau, as a scikit-learn transformer.

    Parameters with one value in all curves seen by `fit` are left out: nothing can be learned about them,
    and a different value seen later must not throw a prediction off. Unknown parameters (NaN) stay NaN; the
    regressors of this package replace them with the mean. If nothing is left, the matrix is one column of
    zeros.

    Args:
        tau: epochs that are used, 1..T-1.
        features: some of `FEATURE_SETS`.

    Attributes:
        n_curve_: how many columns are of the curve itself; they come first, parameters after them.
    """

    def __init__(self, *, tau: int = 1, features: Sequence[str] = PUBLISHED) -> None:
        self.tau = tau
        self.features = features

    def fit(self, curves: LearningCurves, y: npt.ArrayLike | None = None) -> CurveFeatures:
        """Learn which parameters vary; y is ignored."""
        self.sets_ = check_feature_sets(self.features)
        self.n_curve_ = len(self._curve_names())
        self.parameters_ = [
            (kind, name, log and bool(np.nanmin(column) > 0))
            for kind, log in (("AP", False), ("HP", False), ("AP", True), ("HP", True))
            if (f"log-{kind}" if log else kind) in self.sets_
            for name, column in _parameters(curves, kind).items()
            if _varies(column)
        ]
        return self

    def transform(self, curves: LearningCurves) -> Floats:
        """(n, features) matrix; raises `CurvesError` if a curve was observed for fewer than tau epochs."""
        check_is_fitted(self, "sets_")
        return self.matrix(curves)

    def matrix(self, curves: LearningCurves) -> Floats:
        """What `transform` returns, without scikit-learn's checks, which take as long as the features."""
        blocks = [_parameter(curves, *parameter) for parameter in self.parameters_]
        if "TS-summary" in self.sets_:
            blocks.insert(0, summary_features(self._scores(curves)))
        if "TS" in self.sets_:
            blocks.insert(0, time_series_features(self._scores(curves)))
        return np.hstack(blocks) if blocks else np.zeros((len(curves), 1))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the columns that `transform` returns."""
        check_is_fitted(self, "sets_")
        parameters = [f"log {name}" if log else name for _, name, log in self.parameters_]
        return np.array([*self._curve_names(), *parameters] or ["nothing"], dtype=object)

    def _curve_names(self) -> list[str]:
        names = []
        if "TS" in self.sets_:
            for symbol, first in (("y", 1), ("dy", 2), ("ddy", 3)):
                names += [f"{symbol}_{t}" for t in range(first, self.tau + 1)]
        if "TS-summary" in self.sets_:
            names += [f"mean_{block + 1}" for block in range(min(self.tau, BLOCKS))] + ["last", "best"]
        return names

    def _scores(self, curves: LearningCurves) -> Floats:
        if not (0 < self.tau <= curves.T and np.all(curves.observed >= self.tau)):
            shortest = int(curves.observed.min(initial=curves.T))
            raise CurvesError(f"features after epoch tau = {self.tau} of a curve with {shortest} epochs")
        return curves.scores[:, : self.tau]


def _parameters(curves: LearningCurves, kind: str) -> Mapping[str, Floats]:
    return curves.architecture if kind == "AP" else curves.hyperparameters


def _varies(column: Floats) -> bool:
    return np.unique(column[~np.isnan(column)]).size > 1


def _parameter(curves: LearningCurves, kind: str, name: str, log: bool) -> Floats:
    """(n, 1) the parameter or its logarithm, NaN where that does not exist."""
    columns = _parameters(curves, kind)
    if name not in columns:
        raise CurvesError(f"parameter {name} is missing: the model was fitted with it; found {list(columns)}")
    column = columns[name]
    return (np.log(np.where(column > 0, column, np.nan)) if log else column)[:, None]
