"""Least squares, ordinary and penalised."""

from __future__ import annotations

import numpy as np

from predictor.curves.arrays import Floats
from predictor.models.regressors.base import StandardizedRegressor


class OrdinaryLeastSquares(StandardizedRegressor):
    """y = X w + b with the smallest squared error.

    If there are several such w (the differences of y_t are linear in y_t), w is the one of smallest norm on
    the standardised scale.

    Attributes:
        coef_: (d,) weights on the standardised scale.
    """

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        self.coef_ = np.linalg.lstsq(Z, t, rcond=None)[0]

    def _predict_standardized(self, Z: Floats) -> Floats:
        return np.asarray(Z @ self.coef_)


class RidgeRegression(OrdinaryLeastSquares):
    """y = X w + b with the smallest squared error plus penalty |w|^2, both on the standardised scale.

    If a column is nearly a combination of others, as a network's number of weights is of its depth and width,
    least squares balances huge w against each other, and fails as soon as the combination changes.

    Args:
        penalty: > 0; 1 counts as much as one more observation in every direction.
    """

    def __init__(self, penalty: float = 1.0) -> None:
        self.penalty = penalty

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        self.coef_ = np.linalg.solve(Z.T @ Z + self.penalty * np.eye(Z.shape[1]), Z.T @ t)
