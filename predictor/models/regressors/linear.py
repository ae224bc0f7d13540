"""Ordinary least squares."""

from __future__ import annotations

import numpy as np

from predictor.curves.learning_curves import Floats
from predictor.models.regressors.base import StandardizedRegressor


class OrdinaryLeastSquares(StandardizedRegressor):
    """y = X w + b with the smallest squared error.

    Of several such w (the differences of y_t are linear in y_t) the one of smallest norm on the standardised
    scale.

    Attributes:
        coef_: (d,) weights on the standardised scale.
    """

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        self.coef_ = np.linalg.lstsq(Z, t, rcond=None)[0]

    def _predict_standardized(self, Z: Floats) -> Floats:
        return np.asarray(Z @ self.coef_)
