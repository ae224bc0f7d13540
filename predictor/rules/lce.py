"""The predictive termination criterion of Domhan, Springenberg and Hutter (IJCAI 2015), section 4."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import PredictorError
from predictor.models.lce import LearningCurveExtrapolation
from predictor.rules.base import Decision, by_probability, check_delta, check_one_curve


class LceRule:
    """Stop at tau when p(y_T <= y_BEST) >= Delta, y_T extrapolated from the curve alone.

    It needs no burn-in: the first network is completed, and any network after it may be stopped.

    Args:
        Delta: in (0, 1], how sure to be; 0.95 is the authors' 1 - delta with delta = 0.05.
        every: epochs between looks. A look takes as long as one extrapolation: seconds.
        first: epochs before the first look.
        model: the extrapolation, None for its defaults.
    """

    def __init__(
        self,
        *,
        Delta: float = 0.95,
        every: int = 1,
        first: int = 3,
        model: LearningCurveExtrapolation | None = None,
    ) -> None:
        check_delta(Delta)
        if every < 1 or first < 1:
            raise PredictorError(f"every = {every}, first = {first}; expected at least 1 each")
        self.Delta = Delta
        self.every = every
        self.first = first
        self.model = LearningCurveExtrapolation() if model is None else model
        self.model.check_settings()  # not only at the first look

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether to stop; see `predictor.StoppingRule`."""
        check_one_curve(curve, history)
        tau = int(curve.observed[0])
        if not history.completed.any():
            return Decision(stop=False, reason="no network completed yet")
        if tau < self.first or (tau - self.first) % self.every or tau >= curve.T:
            return Decision(stop=False, reason=f"networks are not judged after epoch {tau}")
        return self._look(curve, history, tau)

    def _look(self, curve: LearningCurves, history: LearningCurves, tau: int) -> Decision:
        y_best = float(history.final[history.completed].max())
        seen = np.concatenate([history.values, curve.values])
        model = clone(self.model).fit(LearningCurves(seen, metric=curve.metric, direction=curve.direction))
        forecast = model.forecast(curve, tau)
        return by_probability(
            curve,
            float(forecast.probability_below(y_best)[0]),
            self.Delta,
            f"y_T no better than {float(curve.to_values(y_best)):.4f}, the best",
            y_hat=forecast.mean[0],
            y_best=y_best,
            sigma=float(forecast.std[0]),
        )
