"""Features of partially observed learning curves, [PP] section 2.

Time series (TS): y_1..y_tau, y'_t = y_t - y_(t-1), y''_t = y'_t - y'_(t-1). Architecture parameters (AP) and
hyper-parameters (HP): as they are in the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from predictor.curves import Floats, LearningCurves
from predictor.errors import CurvesError, PredictorError

FEATURE_SETS = ("TS", "AP", "HP")


def time_series_features(scores: Floats) -> Floats:
    """(n, 3 tau - 3) from (n, tau) scores: values, first and second differences; (n, 1) for tau = 1."""
    return np.hstack([scores, np.diff(scores), np.diff(scores, n=2)])


def check_feature_sets(names: Sequence[str]) -> tuple[str, ...]:
    """The names in the order of `FEATURE_SETS`; raises `PredictorError` for unknown names or none."""
    unknown = [name for name in names if name not in FEATURE_SETS]
    if unknown or not names or isinstance(names, str):
        raise PredictorError(f"features {names!r}; expected some of {FEATURE_SETS}, such as ('TS', 'AP')")
    return tuple(name for name in FEATURE_SETS if name in names)


class CurveFeatures(TransformerMixin, BaseEstimator):
    """`LearningCurves` to a matrix of features after epoch tau, as a scikit-learn transformer.

    Parameters with one value in all curves seen by `fit` are left out: nothing can be learned about them,
    and a different value seen later must not throw a prediction off. Unknown parameters (NaN) stay NaN; the
    regressors of this package replace them with the mean. If nothing is left, the matrix is one column of
    zeros.

    Parameters
    ----------
    tau : epochs that are looked at, 1..T-1.
    features : some of 'TS', 'AP', 'HP'.
    """

    def __init__(self, *, tau: int = 1, features: Sequence[str] = FEATURE_SETS) -> None:
        self.tau = tau
        self.features = features

    def fit(self, curves: LearningCurves, y: npt.ArrayLike | None = None) -> CurveFeatures:
        """Learn which parameters vary; y is ignored."""
        sets = check_feature_sets(self.features)
        self.use_ts_ = "TS" in sets
        self.architecture_ = _varying(curves.architecture) if "AP" in sets else []
        self.hyperparameters_ = _varying(curves.hyperparameters) if "HP" in sets else []
        return self

    def transform(self, curves: LearningCurves) -> Floats:
        """(n, features) matrix; raises `CurvesError` if a curve was observed for less than tau epochs."""
        check_is_fitted(self, "architecture_")
        if self.use_ts_ and not (0 < self.tau <= curves.T and np.all(curves.observed >= self.tau)):
            shortest = int(curves.observed.min(initial=curves.T))
            raise CurvesError(f"features after epoch tau = {self.tau} of a curve with {shortest} epochs")
        blocks = [time_series_features(curves.scores[:, : self.tau])] if self.use_ts_ else []
        blocks += [_column(curves.architecture, name) for name in self.architecture_]
        blocks += [_column(curves.hyperparameters, name) for name in self.hyperparameters_]
        return np.hstack(blocks) if blocks else np.zeros((len(curves), 1))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the columns that `transform` returns."""
        check_is_fitted(self, "architecture_")
        ts = [
            f"{y}_{t}" for y, first in (("y", 1), ("dy", 2), ("ddy", 3)) for t in range(first, self.tau + 1)
        ]
        names = [*(ts if self.use_ts_ else []), *self.architecture_, *self.hyperparameters_]
        return np.array(names or ["nothing"], dtype=object)


def _varying(columns: Any) -> list[str]:
    return [name for name, column in columns.items() if np.unique(column[~np.isnan(column)]).size > 1]


def _column(columns: Any, name: str) -> Floats:
    if name not in columns:
        raise CurvesError(f"parameter {name} is missing: the model was fitted with it; found {list(columns)}")
    return np.asarray(columns[name], dtype=np.float64)[:, None]
