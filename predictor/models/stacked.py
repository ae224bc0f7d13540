"""A stack of sequential regression models: at each tau the members that leave-one-out says to trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from joblib import delayed
from scipy.special import softmax
from sklearn.base import BaseEstimator

from predictor.curves.learning_curves import Floats, LearningCurves
from predictor.errors import PredictorError
from predictor.models.feature_sets import PUBLISHED, SUMMARY, check_feature_sets
from predictor.models.regressors import (
    ForestSearch,
    RidgeRegression,
    RobustGaussianProcess,
    StandardizedRegressor,
    make_regressor,
)
from predictor.models.sequential import SequentialRegression, tau_seed
from predictor.models.tau_model import Target, TauModel, can_hold_flat, fit_tau, is_flat
from predictor.models.uncertainty import Uncertainty, make_uncertainty

POWER, FEW = 3.0, 15
"""Weights fall with the mean squared error to the power 3 n / (n + 15) for n curves: errors of few curves say
little, and the weights are more equal then. For 100 curves it is 2.6: 10% more error is 22% less weight."""
MARGIN = 0.1
"""How far beyond the increments that were seen a forecast may go, in their range."""
TREES = 50


class _NoChange(StandardizedRegressor):
    """y = 0, whatever X is: where y is an increment, the value stays the last one seen."""

    def fit_unchecked(self, X: Floats, y: Floats) -> Self:
        """There is nothing to learn."""
        return self

    def predict_unchecked(self, X: Floats) -> Floats:
        """(n,) zeros."""
        return np.zeros(len(X))

    def held_out_predictions(self, X: Floats, y: Floats, n_folds: int) -> Floats:
        """(n,) zeros."""
        return np.zeros(len(X))


@dataclass(frozen=True)
class Member:
    """One model of the stack: its regressor, not fitted, its features, and what it predicts."""

    regressor: BaseEstimator
    features: tuple[str, ...]
    target: Target


class StackedRegression(SequentialRegression):
    """The weighted mean of five forecasts, with weights for every tau from their leave-one-out errors.

    Members: the robust Gaussian process, ridge regression and a random forest, of the increment y_T - y_tau
    from a summary of the curve and log parameters; nu-SVR of y_T as in [PP]; and the last value seen. Member
    m, with the mean squared leave-one-out error e_m of n curves, has a weight in proportion to e_m^-p,
    p = 3 n / (n + 15), so that one that fails on a set of curves hardly counts there, and about equal ones
    share. Residuals are those of the whole stack, the weights of each made without it.

    Forecasts, the members' too, stay within what is possible: y_tau plus the smallest to the largest
    increment of the completed curves (and 0), a tenth of their range beyond, and accuracies in [0, 1].

    A fit to 100 curves takes about a second of processor time for each tau; a `prior` makes it no cheaper.

    Args:
        features: None for each member's own; otherwise all members get these.
        target: None for each member's own. With 'final' all predict y_T and know no y_tau: neither the last
            value nor the limits take part.
        n_settings: of nu-SVR's random search.
        random_state, n_jobs, uncertainty, max_curves: see `SequentialRegression`.
        hold_flat: the same; it holds for all members together.

    Attributes:
        models_: dict of tau to `StackedTau`.
        sigma_, curves_: see `SequentialRegression`.
    """

    def __init__(
        self,
        *,
        features: Sequence[str] | None = None,
        target: Target | None = None,
        n_settings: int | None = 100,
        random_state: int = 0,
        n_jobs: int = 1,
        uncertainty: str = "loocv",
        hold_flat: bool = True,
        max_curves: int | None = 500,
    ) -> None:
        self.features = features  # type: ignore[assignment]  # None for each member's own
        self.target = target  # type: ignore[assignment]
        self.n_settings = n_settings
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.uncertainty = uncertainty
        self.hold_flat = hold_flat
        self.max_curves = max_curves

    def check_settings(self) -> None:
        """As `SequentialRegression.check_settings`."""
        if self.features is not None:
            check_feature_sets(self.features)
        if self.target not in (None, "final", "increment"):
            raise PredictorError(f"target {self.target!r}; expected 'final', 'increment' or None")
        self._check_common()

    def _job(self, tau: int) -> Any:
        bounded = self.target != "final"
        return delayed(fit_stack)(
            self.curves_, tau, self._members(tau), self.uncertainty, self.hold_flat, bounded
        )

    def _members(self, tau: int) -> dict[str, Member]:
        seed = tau_seed(self.random_state, tau)
        made: dict[str, tuple[BaseEstimator, tuple[str, ...], Target]] = {
            "robust-gp": (RobustGaussianProcess(), SUMMARY, "increment"),
            "nu-svr-rbf": (make_regressor("nu-svr-rbf", self.n_settings, seed), PUBLISHED, "final"),
            "ridge": (RidgeRegression(), SUMMARY, "increment"),
            "random-forest": (_forest(seed), SUMMARY, "increment"),
            "last-seen": (_NoChange(), SUMMARY, "increment"),
        }
        if self.target == "final":
            del made["last-seen"]
        return {
            name: Member(regressor, tuple(self.features or features), self.target or target)
            for name, (regressor, features, target) in made.items()
        }


@dataclass(frozen=True, eq=False)
class Limits:
    """What a forecast may be.

    Attributes:
        tau: epochs seen.
        increments: the smallest and the largest y_T - y_tau.
        scores: the smallest and the largest y_T.
    """

    tau: int
    increments: tuple[float, float]
    scores: tuple[float, float]

    @classmethod
    def of(cls, curves: LearningCurves, tau: int) -> Limits:
        """The limits that completed curves show to be possible."""
        increments = np.append(curves.final - curves.scores[:, tau - 1], 0.0)
        margin = MARGIN * float(np.ptp(increments))
        fraction = curves.metric == "accuracy" and 0 <= curves.scores.min() <= curves.scores.max() <= 1
        return cls(
            tau,
            (float(increments.min()) - margin, float(increments.max()) + margin),
            (0.0, 1.0) if fraction else (-np.inf, np.inf),
        )

    def clip(self, y_hat: Floats, curves: LearningCurves) -> Floats:
        """(n,) or (n, m) forecasts y_hat of the n curves, each moved to the nearest that is possible."""
        y_tau = curves.scores[:, self.tau - 1].reshape(-1, *[1] * (y_hat.ndim - 1))
        low, high = (np.clip(y_tau + limit, *self.scores) for limit in self.increments)
        return np.clip(y_hat, low, high)


@dataclass(frozen=True, eq=False)
class StackedTau:
    """The fitted stack after tau epochs.

    Attributes:
        tau: epochs seen.
        members: the fitted models by name.
        weights: of the members, they sum to 1.
        limits: of the forecasts; None where they may be anything.
        uncertainty: of the stack.
        residuals, held_out: (n,) y_T - y_hat_T and y_hat_T of the training curves, each predicted without it.
        hold_flat: whether runs that have been flat so far are predicted to stay so.
    """

    tau: int
    members: Mapping[str, TauModel]
    weights: Mapping[str, float]
    limits: Limits | None
    uncertainty: Uncertainty
    residuals: Floats
    held_out: Floats
    hold_flat: bool

    def predict(self, curves: LearningCurves) -> Floats:
        """(n,) y_hat_T in scores; features that members share are made once."""
        features = {model.features.sets_: model.features for model in self.members.values()}
        X = {sets: extractor.matrix(curves) for sets, extractor in features.items()}
        forecasts = np.column_stack(
            [model.predict_from(X[model.features.sets_], curves) for model in self.members.values()]
        )
        if self.limits is not None:
            forecasts = self.limits.clip(forecasts, curves)
        predictions = forecasts @ np.array(list(self.weights.values()))
        if self.hold_flat:
            predictions = np.where(is_flat(curves, self.tau), curves.scores[:, self.tau - 1], predictions)
        return np.asarray(predictions)


def fit_stack(
    curves: LearningCurves,
    tau: int,
    members: Mapping[str, Member],
    uncertainty: str,
    hold_flat: bool,
    bounded: bool,
) -> StackedTau:
    """The stack of completed curves after tau epochs, a pure function of its arguments."""
    hold_flat = hold_flat and can_hold_flat(curves, tau)
    curves = curves[~is_flat(curves, tau)] if hold_flat else curves
    fitted = {
        name: fit_tau(curves, tau, m.regressor, m.features, m.target, uncertainty, False)
        for name, m in members.items()
    }
    limits = Limits.of(curves, tau) if bounded else None
    forecasts = np.column_stack([model.held_out for model in fitted.values()])
    if limits is not None:
        forecasts = limits.clip(forecasts, curves)
    squares = (curves.final[:, None] - forecasts) ** 2
    total = squares.sum(axis=0)
    held_out = (forecasts * stack_weights(total - squares, len(curves))).sum(axis=1)
    residuals = curves.final - held_out
    return StackedTau(
        tau,
        fitted,
        dict(zip(fitted, stack_weights(total, len(curves)).tolist(), strict=True)),
        limits,
        make_uncertainty(uncertainty, residuals, held_out),
        residuals,
        held_out,
        hold_flat,
    )


def stack_weights(squared_errors: npt.ArrayLike, n: int) -> Floats:
    """Weights of m members in proportion to e^-p, p = 3 n / (n + 15), from sums e of their squared errors.

    Args:
        squared_errors: (..., m).
        n: how many curves they are of.
    """
    errors = np.maximum(np.asarray(squared_errors, dtype=np.float64), np.finfo(np.float64).tiny)
    return np.asarray(softmax(-POWER * n / (n + FEW) * np.log(errors), axis=-1))


def _forest(seed: int) -> ForestSearch:
    return ForestSearch(n_settings=1, trees=(TREES, TREES), random_state=seed)
