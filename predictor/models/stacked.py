"""A stack of sequential regression models, weighted at each tau by their held-out errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from joblib import delayed
from sklearn.base import BaseEstimator

from predictor.curves.arrays import Floats
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
from predictor.models.stacked_tau import Member, fit_stack
from predictor.models.tau_model import Target

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


class StackedRegression(SequentialRegression):
    """The weighted mean of five forecasts, with weights for every tau from their held-out errors.

    Members: the robust Gaussian process, ridge regression and a random forest, of the increment y_T - y_tau
    from a summary of the curve and log parameters; nu-SVR of y_T as in [PP]; and the last value seen. Member
    m, with the mean squared error e_m of n curves, held out as for `sigma_` of `SequentialRegression`, has a
    weight in proportion to e_m^-p, p = 3 n / (n + 15), so that a member that fails on a set of curves hardly
    counts there, and members that are about equal share. No error counts as more than ten typical ones, so
    that a curve that no member foresaw does not decide. Residuals are those of the whole stack; each curve is
    predicted with weights made without it.

    Forecasts, including those of the members, stay within what is possible: y_tau plus an increment between
    the smallest and the largest of the completed curves (and 0) or a tenth of their range beyond, and
    accuracies between 0 and 1 (or 100%). A curve that is worse than all of them, say a loss of 61 after an
    epoch, may also end like the best, unless its own epochs show that it hardly moves. A loss that has
    exploded is limited to a value far below the others, in training and in prediction (see
    `stacked_tau.Explosions`).

    A fit to 100 curves takes about a second of processor time for each tau; a `prior` makes it no cheaper.

    Args:
        features: None for each member's own; otherwise all members get these.
        target: None for each member's own. With 'final', all predict y_T itself rather than an increment:
            the last value seen is no member then, and there are no limits.
        n_settings: of nu-SVR's random search.
        random_state, n_jobs, uncertainty, max_curves: see `SequentialRegression`.
        hold_flat: see there; it applies to the stack as a whole.

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
        forest = ForestSearch(n_settings=1, trees=(TREES, TREES), random_state=seed)
        made: dict[str, tuple[BaseEstimator, tuple[str, ...], Target]] = {
            "robust-gp": (RobustGaussianProcess(), SUMMARY, "increment"),
            "nu-svr-rbf": (make_regressor("nu-svr-rbf", self.n_settings, seed), PUBLISHED, "final"),
            "ridge": (RidgeRegression(), SUMMARY, "increment"),
            "random-forest": (forest, SUMMARY, "increment"),
            "last-seen": (_NoChange(), SUMMARY, "increment"),
        }
        if self.target == "final":
            del made["last-seen"]
        return {
            name: Member(regressor, tuple(self.features or features), self.target or target)
            for name, (regressor, features, target) in made.items()
        }
