"""The regression of y_T after one number of observed epochs: fitting it, and predicting with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.models.features import CurveFeatures
from predictor.models.regressors import StandardizedRegressor
from predictor.models.uncertainty import Uncertainty, make_uncertainty

Target = Literal["final", "increment"]
MIN_CURVES = 3
MIN_FLAT_EPOCHS = 3
ONE_BY_ONE, FOLDS_BEYOND = 100, 20
"""Up to so many curves are left out one by one; more are held out in so many parts, as good and faster."""


@dataclass(frozen=True)
class TauModel:
    """The fitted f_tau: features, regressor and uncertainty after tau epochs.

    `residuals` and `held_out` are (n,) y_T - y_hat_T and y_hat_T of the training curves, each predicted
    without itself, but with the settings that were chosen on all of them. Any kind of uncertainty is made of
    these.
    """

    tau: int
    features: CurveFeatures
    regressor: StandardizedRegressor
    target: Target
    uncertainty: Uncertainty
    residuals: Floats
    held_out: Floats
    hold_flat: bool

    def predict(self, curves: LearningCurves) -> Floats:
        """(n,) y_hat_T in scores."""
        return self.predict_from(self.features.matrix(curves), curves)

    def predict_from(self, X: Floats, curves: LearningCurves) -> Floats:
        """(n,) y_hat_T in scores of curves whose features, (n, d), are known already."""
        if isinstance(self.regressor, StandardizedRegressor):
            predictions = self.regressor.predict_unchecked(X)
        else:
            predictions = self.regressor.predict(X)
        predictions = predictions + _offset(curves, self.tau, self.target)
        if self.hold_flat:
            predictions = np.where(is_flat(curves, self.tau), curves.scores[:, self.tau - 1], predictions)
        return predictions


def fit_tau(
    curves: LearningCurves,
    tau: int,
    regressor: BaseEstimator,
    features: Sequence[str],
    target: Target,
    uncertainty: str,
    hold_flat: bool,
) -> TauModel:
    """f_tau of completed curves, a pure function of its arguments; one thread: processes share the cores."""
    hold_flat = hold_flat and can_hold_flat(curves, tau)
    curves = curves[~is_flat(curves, tau)] if hold_flat else curves
    with threadpool_limits(1):
        extractor = CurveFeatures(tau=tau, features=features).fit(curves)
        X, offset = extractor.transform(curves), _offset(curves, tau, target)
        y = curves.final - offset
        if isinstance(regressor, StandardizedRegressor):
            regressor = regressor.knowing(extractor.n_curve_)
        regressor = regressor.fit(X, y)
        folds = len(y) if len(y) <= ONE_BY_ONE else FOLDS_BEYOND
        predictions = held_out_predictions(regressor, X, y, folds)
    residuals, held_out = y - predictions, predictions + offset
    spread = make_uncertainty(uncertainty, residuals, held_out)
    return TauModel(tau, extractor, regressor, target, spread, residuals, held_out, hold_flat)


def is_flat(curves: LearningCurves, tau: int) -> npt.NDArray[np.bool_]:
    """(n,) whether the first tau epochs, at least three, all have the same value."""
    seen = curves.scores[:, :tau]
    return np.all(seen == seen[:, :1], axis=1) & (tau >= MIN_FLAT_EPOCHS)


def can_hold_flat(curves: LearningCurves, tau: int) -> bool:
    """Whether every completed run that was flat until tau stayed so, and enough others are left to fit."""
    flat = is_flat(curves, tau)
    stayed = np.all(curves.final[flat] == curves.scores[flat, tau - 1])
    return bool(stayed) and int(np.sum(~flat)) >= MIN_CURVES


def held_out_predictions(regressor: BaseEstimator, X: Floats, y: Floats, n_folds: int) -> Floats:
    """(n,) predictions of each row without it, by any scikit-learn regressor; n_folds = n leaves one out."""
    if isinstance(regressor, StandardizedRegressor):
        return regressor.held_out_predictions(X, y, n_folds)
    predictions = np.empty(len(y))
    for train, test in KFold(n_folds).split(X):
        predictions[test] = clone(regressor).fit(X[train], y[train]).predict(X[test])
    return predictions


def _offset(curves: LearningCurves, tau: int, target: Target) -> Floats:
    return curves.scores[:, tau - 1] if target == "increment" else np.zeros(len(curves))
