"""The interface that the baselines share with `predictor.SequentialRegression`, and the simplest baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from sklearn.base import BaseEstimator
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves, check_measure
from predictor.errors import CurvesError, PredictorError
from predictor.models.uncertainty import smallest_sigma


class BaselinePredictor(BaseEstimator):
    """Forecasts of y_T after tau epochs, in `LearningCurves.scores`.

    Subclasses implement `_fit` and `_forecast`.

    Attributes:
        T_: epochs of a completed curve.
        like_: an empty set of curves with the metric of the training curves.
    """

    def fit(self, curves: LearningCurves, y: Any = None) -> Self:
        """Learn from the curves; y is ignored. `CurvesError` for T = 1 and curves that it cannot use.

        Other errors as in `check_settings`.
        """
        self.check_settings()
        if curves.T < 2:
            raise CurvesError(f"curves of T = {curves.T} epoch leave nothing to predict; expected at least 2")
        self._fit(curves)
        self.T_ = curves.T
        self.like_ = curves[:0]
        return self

    def check_settings(self) -> None:
        """Raise `PredictorError` for a useless setting, and `MissingPackageError` for a missing package."""

    def predict(
        self, curves: LearningCurves, tau: int | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """(n,) y_hat_T in scores, and with `return_std` its (n,) standard deviation.

        With tau, the curves are used up to epoch tau. Without, each is used up to its last observed epoch,
        and a completed curve gets its own y_T, with a standard deviation of 0. `CurvesError` for a curve with
        fewer epochs than needed.
        """
        y_hat, std = curves.final.copy(), np.zeros(len(curves))
        for rows, forecast in self._forecasts(curves, tau):
            y_hat[rows], std[rows] = forecast.mean, forecast.std
        return (y_hat, std) if return_std else y_hat

    def probability_below(
        self, curves: LearningCurves, threshold: float, tau: int | None = None
    ) -> tuple[Floats, Floats]:
        """(n,) p(y_T <= threshold), threshold in scores, and (n,) y_hat_T; tau as in `predict`."""
        y_hat = curves.final.copy()
        probability = (y_hat <= threshold).astype(np.float64)
        for rows, forecast in self._forecasts(curves, tau):
            y_hat[rows], probability[rows] = forecast.mean, forecast.probability_below(threshold)
        return probability, y_hat

    def forecast(self, curves: LearningCurves, tau: int) -> Forecast:
        """The predictive distributions of y_T after tau epochs, in scores; of at least one curve.

        Errors as in `predict`.
        """
        for _, forecast in self._forecasts(curves, tau):
            return forecast
        raise CurvesError("a forecast of no curves; expected at least one")

    def score(self, curves: LearningCurves, tau: int) -> float:
        """R^2 of y_hat_T after tau epochs, on those of the curves that are completed."""
        complete = curves[curves.completed]
        return float(r2_score(complete.final, self.predict(complete, tau)))

    def _fit(self, curves: LearningCurves) -> None:
        raise NotImplementedError

    def _forecast(self, curves: LearningCurves, tau: int) -> Forecast:
        """Forecast of curves (n) that were all observed for tau epochs or more, 1 <= tau < T."""
        raise NotImplementedError

    def _forecasts(
        self, curves: LearningCurves, tau: int | None
    ) -> Iterator[tuple[npt.NDArray[np.intp], Forecast]]:
        """Rows of the same tau and their forecast; completed curves are left out unless tau is given."""
        check_is_fitted(self, "T_")
        if curves.T != self.T_:
            raise CurvesError(f"curves of T = {curves.T} epochs; the model was fitted to T = {self.T_}")
        check_measure(curves, self.like_)
        taus = epochs_looked_at(curves, tau)
        if tau is not None and not 1 <= tau < self.T_:
            raise PredictorError(f"tau = {tau}; expected 1 to T - 1 = {self.T_ - 1}")
        if np.any(curves.observed < (tau or 1)):
            shortest = int(curves.observed.min())
            raise CurvesError(f"forecast after epoch tau = {tau or 1} of a curve with {shortest} epochs")
        for value in np.unique(taus[taus < self.T_]):
            rows = np.flatnonzero(taus == value)
            yield rows, self._forecast(curves[rows], int(value))


def epochs_looked_at(curves: LearningCurves, tau: int | None) -> npt.NDArray[np.int64]:
    """(n,) epochs of each curve that are used: tau, or all observed ones if tau is None.

    `PredictorError` if tau is no number of epochs, such as the y that scikit-learn passes to `score`.
    """
    if tau is None:
        return curves.observed
    if np.ndim(tau) or tau % 1:
        what = f"an array of shape {np.shape(tau)}" if np.ndim(tau) else tau
        raise PredictorError(f"tau is {what}; expected a whole number of epochs")
    return np.full(len(curves), int(tau))


@dataclass(frozen=True)
class Forecast:
    """Posterior predictive distributions of y_T for n curves: mixtures of normal distributions.

    Attributes:
        means, sigmas: (n, S) mean and standard deviation of y_T under each of S equally likely models.
    """

    means: Floats
    sigmas: Floats

    @property
    def mean(self) -> Floats:
        """(n,) E[y_T]."""
        return np.asarray(self.means.mean(axis=1))

    @property
    def std(self) -> Floats:
        """(n,) sqrt(Var[means] + E[sigmas^2])."""
        return np.sqrt(self.means.var(axis=1) + (self.sigmas**2).mean(axis=1))

    def probability_below(self, threshold: float) -> Floats:
        """(n,) p(y_T <= threshold), the mean of Phi((threshold - means) / sigmas)."""
        return np.asarray(ndtr((threshold - self.means) / self.sigmas).mean(axis=1))


@dataclass(frozen=True)
class UnitScale:
    """The affine map z = offset + slope * score between scores and about [0, 1].

    Scores of accuracies are left alone. For all other metrics (-log perplexity, -loss) the lowest score that
    was observed becomes 0.1 and the highest 0.9: room for a better one, and for a curve that starts lower.
    Scores further below the 1st percentile than that is below the 99th are outliers, such as a loss that has
    exploded; they count as if they were just that far below.
    """

    offset: float
    slope: float
    lowest: float = -np.inf

    @classmethod
    def fit(cls, curves: LearningCurves) -> UnitScale:
        """The map for these curves; `CurvesError` if nothing was observed."""
        low, high, lowest = _range(curves)
        if curves.metric == "accuracy" and low >= 0 and high <= 1:
            return cls(0.0, 1.0)
        slope = 0.8 / (high - low) if high > low else 1.0
        return cls(0.1 - slope * low, slope, lowest)

    def to_unit(self, scores: Floats) -> Floats:
        """z of the scores."""
        return self.offset + self.slope * np.maximum(scores, self.lowest)

    def to_scores(self, z: Floats) -> Floats:
        """Scores of z."""
        return (z - self.offset) / self.slope


def _range(curves: LearningCurves) -> tuple[float, float, float]:
    """The lowest score that is no outlier, the highest score, and the limit below which are outliers."""
    observed = curves.scores[np.isfinite(curves.scores)]
    if not observed.size:
        raise CurvesError("no epoch of any curve was observed; expected at least one")
    # with few scores, `one` is the second lowest: the lowest may be the outlier
    one, most = np.quantile(observed, 0.01, method="higher"), np.quantile(observed, 0.99)
    lowest = float(one - (most - one)) if most > one else -np.inf
    return max(float(observed.min()), lowest), float(observed.max()), lowest


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
        self.sigma_ = np.maximum(np.sqrt(np.mean(residuals**2, axis=0)), smallest_sigma(complete.final))

    def _forecast(self, curves: LearningCurves, tau: int) -> Forecast:
        last = curves.scores[:, tau - 1 : tau]
        return Forecast(last, np.full_like(last, self.sigma_[tau - 1]))
