"""The last seen value, the simplest forecast there is."""

from __future__ import annotations

import numpy as np

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError
from predictor.models.base import BaselinePredictor, Forecast

SMALLEST_SIGMA = 1e-12


class LastSeenValue(BaselinePredictor):
    """y_hat_T = y_tau, with sigma(tau)^2 the mean of (y_T - y_tau)^2 over the completed training curves.

    Attributes:
        sigma_: (T-1,) sigma(tau), root mean square of the training residuals.
    """

    def _fit(self, curves: LearningCurves) -> None:
        complete = curves[curves.completed]
        if not len(complete):
            raise CurvesError(f"none of {len(curves)} curves is completed; sigma(tau) needs at least one")
        residuals = complete.final[:, None] - complete.scores[:, :-1]
        self.sigma_ = np.maximum(np.sqrt(np.mean(residuals**2, axis=0)), SMALLEST_SIGMA)

    def _forecast(self, curves: LearningCurves, tau: int) -> Forecast:
        last = curves.scores[:, tau - 1 : tau]
        return Forecast(last, np.full_like(last, self.sigma_[tau - 1]))
