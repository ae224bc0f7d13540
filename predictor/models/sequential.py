"""Sequential regression models: one regression of y_T for every number of observed epochs, [PP] section 2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves, check_measure
from predictor.errors import CurvesError, PredictorError
from predictor.models.base import epochs_looked_at
from predictor.models.feature_sets import PUBLISHED, check_feature_sets
from predictor.models.regressors import StandardizedRegressor, make_regressor
from predictor.models.tau_model import MIN_CURVES, Target, TauModel, fit_tau
from predictor.models.uncertainty import check_uncertainty

MOST_SETTINGS = 100_000
"""The most draws of a random search, which takes minutes with that many."""


class SequentialRegression(BaseEstimator):
    """y_hat_T = f_tau(x_f) for tau = 1..T-1, each f_tau with its own standard deviation sigma(tau).

    Works in `LearningCurves.scores`: accuracies as they are, perplexities as -log. Only completed curves are
    learned from; stopped and diverged ones are left out, duplicates count as often as they occur. Curves that
    are all equal give a constant prediction with sigma near 0.

    Args:
        regressor: a name in `predictor.models.regressors.REGRESSORS`, or a scikit-learn regressor.
        features: some of `predictor.models.feature_sets.FEATURE_SETS`, such as 'TS', 'AP', 'HP' [PP].
        target: 'final' for y_T [PP], or 'increment' for y_T - y_tau, which can predict beyond the best y_T
            seen.
        n_settings: settings of the regressor's random search; None for its default (1,000 for nu-SVR).
        random_state: seed; the draws for tau depend on (random_state, tau) alone, so fitting lazily, in
            parallel or in another order gives the same models.
        n_jobs: processes that share the taus; every process uses one thread.
        uncertainty: 'loocv' [PP], 'conformal' or 'level', see `predictor.models.uncertainty`.
        hold_flat: predict y_tau for runs whose first tau >= 3 epochs are all equal (they have not begun to
            learn), and leave them out of the fit; unless a completed run that was flat until tau moved later.
        max_curves: learn from at most this many curves, drawn without replacement; None for all.

    Attributes:
        models_: dict of tau to `TauModel`, for the taus fitted so far.
        sigma_: (T-1,) sigma(tau), root mean square of the held-out residuals; NaN for taus not fitted. Held
            out by leave-one-out for up to 100 curves, by 20-fold cross-validation beyond; robust-gp by
            leave-one-out and random-forest out of its bags, however many there are.
        curves_: the completed curves that are learned from.

    Example:
        >>> import numpy as np
        >>> from predictor import LearningCurves, SequentialRegression
        >>> noise = np.random.default_rng(0).normal(scale=0.01, size=(40, 5))
        >>> curves = LearningCurves(np.linspace(0.2, 0.8, 40)[:, None] * [0.4, 0.7, 0.9, 0.95, 1.0] + noise)
        >>> model = SequentialRegression(regressor="ols").fit(curves[:30])
        >>> forecast = model.predict(curves[30:], tau=2)
        >>> forecast.shape, bool(np.abs(forecast - curves[30:].final).max() < 0.1)
        ((10,), True)
    """

    def __init__(
        self,
        *,
        regressor: str | BaseEstimator = "nu-svr-rbf",
        features: Sequence[str] = PUBLISHED,
        target: Target = "final",
        n_settings: int | None = 1000,
        random_state: int = 0,
        n_jobs: int = 1,
        uncertainty: str = "loocv",
        hold_flat: bool = False,
        max_curves: int | None = 500,
    ) -> None:
        self.regressor = regressor
        self.features = features
        self.target: Target = target
        self.n_settings = n_settings
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.uncertainty = uncertainty
        self.hold_flat = hold_flat
        self.max_curves = max_curves

    def fit(
        self,
        curves: LearningCurves,
        y: object = None,
        taus: Iterable[int] | None = None,
        prior: SequentialRegression | None = None,
    ) -> Self:
        """Fit f_tau to the completed curves.

        Args:
            curves: at least three completed curves of at least two epochs, or `CurvesError`.
            y: ignored; y_T is in the curves.
            taus: which f_tau to fit now, None for 1..T-1. Others are fitted when they are first needed.
            prior: a fitted model of the same kind on fewer curves, to make this fit cheaper: nu-SVR then
                chooses among the 20 best settings of the prior instead of drawing again.
        """
        self.check_settings()
        complete = curves[curves.completed]
        if curves.T < 2:
            raise CurvesError(f"curves of T = {curves.T} epoch leave nothing to predict; expected at least 2")
        if len(complete) < MIN_CURVES:
            raise CurvesError(
                f"{len(complete)} of {len(curves)} curves are completed; a model needs at least {MIN_CURVES}"
            )
        self.curves_ = self._thinned(complete)
        self.prior_ = prior
        self.models_: dict[int, TauModel] = {}
        self._ensure(range(1, curves.T) if taus is None else taus)
        return self

    def predict(
        self, curves: LearningCurves, tau: int | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """(n,) y_hat_T in scores, and with `return_std` its (n,) standard deviation.

        With tau, the curves are used up to epoch tau. Without, each is used up to its last observed epoch,
        and a completed curve gets its own y_T, with a standard deviation of 0. `CurvesError` for a curve with
        fewer epochs than needed.
        """
        y_hat, std = np.empty(len(curves)), np.zeros(len(curves))
        for rows, model, predictions in self._groups(curves, tau):
            y_hat[rows] = predictions
            if model is not None:
                std[rows] = model.uncertainty.std(predictions)
        return (y_hat, std) if return_std else y_hat

    def probability_below(
        self, curves: LearningCurves, threshold: float, tau: int | None = None
    ) -> tuple[Floats, Floats]:
        """(n,) p(y_T <= threshold), threshold in scores, and (n,) y_hat_T; tau as in `predict`."""
        probability, y_hat = np.empty(len(curves)), np.empty(len(curves))
        for rows, model, predictions in self._groups(curves, tau):
            y_hat[rows] = predictions
            below = predictions <= threshold
            probability[rows] = (
                model.uncertainty.probability_below(threshold, predictions) if model is not None else below
            )
        return probability, y_hat

    def score(self, curves: LearningCurves, tau: int) -> float:
        """R^2 of y_hat_T after tau epochs, on those of the curves that are completed.

        In scikit-learn's `cross_val_score`: `scoring=lambda model, curves, y=None: model.score(curves, 5)`.
        """
        complete = curves[curves.completed]
        return float(r2_score(complete.final, self.predict(complete, tau)))

    def model(self, tau: int) -> TauModel:
        """f_tau, fitted now unless it was before."""
        self._check_fitted()
        if tau not in self.models_:
            self._ensure([tau])
        return self.models_[tau]

    def _check_fitted(self) -> None:
        """Check as scikit-learn does; its own check would take a tenth of a prediction's time."""
        if "models_" not in vars(self):
            check_is_fitted(self, "models_")

    @property
    def sigma_(self) -> Floats:
        """(T-1,) sigma(tau); NaN for taus not fitted yet."""
        sigma = np.full(self.curves_.T - 1, np.nan)
        for tau, model in self.models_.items():
            sigma[tau - 1] = model.uncertainty.sigma
        return sigma

    def check_settings(self) -> None:
        """Raise `PredictorError` for a setting that is unusable whatever the curves are, as `fit` does."""
        check_feature_sets(self.features)
        if self.target not in ("final", "increment"):
            raise PredictorError(f"target {self.target!r}; expected 'final' or 'increment'")
        self._check_common()
        if isinstance(self.regressor, str):
            make_regressor(self.regressor, self.n_settings, 0)

    def _check_common(self) -> None:
        if self.n_settings is not None and not 1 <= self.n_settings <= MOST_SETTINGS:
            raise PredictorError(f"n_settings = {self.n_settings}; expected 1 to {MOST_SETTINGS}, or None")
        check_uncertainty(self.uncertainty)
        if self.max_curves is not None and self.max_curves < MIN_CURVES:
            raise PredictorError(f"max_curves = {self.max_curves}; expected at least {MIN_CURVES}, or None")
        if self.random_state < 0:
            raise PredictorError(f"random_state = {self.random_state}; expected at least 0")

    def _thinned(self, complete: LearningCurves) -> LearningCurves:
        if self.max_curves is None or len(complete) <= self.max_curves:
            return complete
        rng = np.random.default_rng([self.random_state, len(complete)])
        return complete[np.sort(rng.choice(len(complete), self.max_curves, replace=False))]

    def _regressor(self, tau: int) -> StandardizedRegressor:
        """The regressor to fit for tau, with its own seed."""
        own = isinstance(self.regressor, str | StandardizedRegressor)
        if self.prior_ is not None and own:  # others take over nothing from a prior
            return self.prior_.model(tau).regressor.narrowed()
        if not isinstance(self.regressor, str):
            return clone(self.regressor)
        return make_regressor(self.regressor, self.n_settings, tau_seed(self.random_state, tau))

    def _job(self, tau: int) -> Any:
        """The delayed fit of f_tau."""
        settings = tuple(self.features), self.target, self.uncertainty, self.hold_flat
        return delayed(fit_tau)(self.curves_, tau, self._regressor(tau), *settings)

    def _ensure(self, taus: Iterable[int]) -> None:
        wanted = sorted({int(tau) for tau in taus} - self.models_.keys())
        if not wanted:
            return  # an idle Parallel costs a quarter of a decision
        outside = [tau for tau in wanted if not 1 <= tau < self.curves_.T]
        if outside:
            raise PredictorError(f"tau = {outside[0]}; expected 1 to T - 1 = {self.curves_.T - 1}")
        jobs = [self._job(tau) for tau in wanted]
        n_jobs = min(self.n_jobs, len(jobs)) if self.n_jobs > 0 else self.n_jobs
        for model in Parallel(n_jobs=n_jobs or 1)(jobs):
            self.models_[model.tau] = model

    def _groups(
        self, curves: LearningCurves, tau: int | None
    ) -> Iterator[tuple[npt.NDArray[np.intp], TauModel | None, Floats]]:
        """Rows of the same tau, its model and y_hat_T; no model where y_T itself was observed."""
        self._check_fitted()
        if curves.T != self.curves_.T:
            raise CurvesError(
                f"curves of T = {curves.T} epochs; the model was fitted to T = {self.curves_.T}"
            )
        check_measure(curves, self.curves_)
        taus = epochs_looked_at(curves, tau)
        for value in np.unique(taus):
            rows = np.flatnonzero(taus == value)
            part = curves if len(rows) == len(curves) else curves[rows]
            if tau is None and value == curves.T:
                yield rows, None, part.final
            elif value < 1:
                raise CurvesError(f"tau = {value}: a prediction needs at least one observed epoch")
            else:
                model = self.model(int(value))
                yield rows, model, model.predict(part)


def tau_seed(random_state: int, tau: int) -> int:
    """The seed of all draws for f_tau."""
    return int(np.random.SeedSequence([random_state, tau]).generate_state(1)[0])
