"""What the regressors share: standardised inputs and target, scikit-learn's conventions, leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted, validate_data

from predictor.curves.arrays import Floats

CHECKS: dict[str, Any] = {"ensure_all_finite": "allow-nan", "dtype": np.float64}


@dataclass(frozen=True)
class Standardizer:
    """Zero mean and unit standard deviation: scikit-learn's StandardScaler to the last bit, but faster.

    The last bit matters because libsvm stops at a tolerance: if its input is rounded differently, it ends
    somewhere else. Columns that are constant up to rounding are only centred. NaN is left out of the
    statistics and becomes 0, the mean.
    """

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, X: Floats) -> Standardizer:
        """Statistics of the columns of X (n, d), or of a vector."""
        known = (~np.isnan(X)).sum(axis=0)
        total = np.sum if np.all(known == len(X)) else np.nansum
        count = np.maximum(known, 1)
        mean = total(X, axis=0) / count
        deviation = X - mean
        correction = total(deviation, axis=0)
        variance = (total(deviation**2, axis=0) - correction**2 / count) / count
        eps = np.finfo(np.float64).eps
        constant = variance <= count * eps * variance + (count * mean * eps) ** 2
        return cls(mean, np.where(constant, 1.0, np.sqrt(np.maximum(variance, 0.0))))

    def transform(self, X: Floats) -> Floats:
        """Standardised X, NaN replaced by 0."""
        Z = (X - self.mean) / self.scale
        return np.where(np.isnan(Z), 0.0, Z)

    def inverse(self, Z: Floats) -> Floats:
        """Undo `transform`."""
        return Z * self.scale + self.mean


class StandardizedRegressor(RegressorMixin, BaseEstimator):
    """A regressor of standardised y (n,) on standardised X (n, d); NaN in X counts as the column's mean.

    Subclasses implement `_fit_standardized` and `_predict_standardized`.
    """

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Fit to X (n, d) and y (n,); raises ValueError for shapes that do not agree and for NaN in y."""
        inputs, target = validate_data(self, X, y, y_numeric=True, **CHECKS)
        return self.fit_unchecked(inputs, np.asarray(target, dtype=np.float64))

    def predict(self, X: npt.ArrayLike) -> Floats:
        """(n,) predictions for X (n, d), in the units of y."""
        check_is_fitted(self, "input_scale_")
        inputs = validate_data(self, X, reset=False, **CHECKS)
        return self.predict_unchecked(inputs)

    def fit_unchecked(self, X: Floats, y: Floats) -> Self:
        """`fit` for arrays that are known to be valid."""
        self.n_features_in_ = X.shape[1]
        self.input_scale_, self.target_scale_ = Standardizer.fit(X), Standardizer.fit(y)
        self._fit_standardized(self.input_scale_.transform(X), self.target_scale_.transform(y), X, y)
        return self

    def predict_unchecked(self, X: Floats) -> Floats:
        """`predict` for arrays that are known to be valid."""
        return self.target_scale_.inverse(self._predict_standardized(self.input_scale_.transform(X)))

    def held_out_predictions(self, X: Floats, y: Floats, n_folds: int) -> Floats:
        """(n,) predictions of each row by models fitted without it: leave-one-out if n_folds = n.

        The setting that a search has chosen is kept; scaling and model are fitted again for every fold.
        """
        model = clone(self.chosen())
        predictions = np.empty(len(y))
        for train, test in KFold(n_folds).split(X):
            predictions[test] = model.fit_unchecked(X[train], y[train]).predict_unchecked(X[test])
        return predictions

    def chosen(self) -> StandardizedRegressor:
        """The regressor to refit on other rows without searching again: itself, unless it searches."""
        return self

    def knowing(self, n_curve: int) -> StandardizedRegressor:
        """The regressor for inputs whose first n_curve columns are of the curve itself; not fitted."""
        return self

    def narrowed(self) -> StandardizedRegressor:
        """The regressor for a cheaper fit to more rows than this one was fitted to; not fitted."""
        return clone(self)

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        """Fit to standardised Z (n, d) and t (n,); X and y are the same in their own units."""
        raise NotImplementedError

    def _predict_standardized(self, Z: Floats) -> Floats:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def r2_scores(y: Floats, predictions: Floats) -> Floats:
    """R^2 of each row of predictions (settings, n), by scikit-learn's conventions for constant y."""
    error = ((predictions - y) ** 2).sum(axis=-1)
    total = ((y - y.mean()) ** 2).sum()
    if total == 0:
        return np.where(error == 0, 1.0, 0.0)
    return np.asarray(1 - error / total)
