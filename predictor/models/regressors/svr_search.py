"""nu-SVR with the random search of [PP] appendix: settings and scores as in a plain scikit-learn loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from predictor.curves.arrays import Floats
from predictor.errors import PredictorError
from predictor.models.regressors.base import StandardizedRegressor, Standardizer, r2_scores
from predictor.models.regressors.svr import KernelName, NuSvr, kernel_values, similarity, solve_nu_svr

LOG_RANGE = (1e-5, 10.0)
"""C and gamma are drawn log-uniformly from this range."""
NARROWED_SETTINGS = 20
"""How many of the best settings `NuSvrSearch.narrowed` chooses among."""


class NuSvrSearch(StandardizedRegressor):
    """nu-SVR whose C, nu and gamma are the best of a random search by cross-validated R^2.

    C, gamma ~ LogUniform(1e-5, 10), nu ~ Uniform(0, 1); inputs and target are standardised within each fold.
    Scores are those of `cross_val_score(make_pipeline(StandardScaler(),
    TransformedTargetRegressor(NuSVR(...), transformer=StandardScaler())), X, y, cv=KFold(cv))` for each
    setting, to rounding. They take a fraction of its time because data are scaled once per fold, distances
    to the held-out rows are computed once per fold and serve every gamma, and libsvm is called directly.

    Args:
        kernel: 'rbf' or 'linear'.
        n_settings: number of random settings.
        cv: number of folds, in order without shuffling; at most n // 2. With fewer than 4 rows nothing is
            searched, and the first setting is taken.
        random_state: seed of the draws.
        settings: None, or an (m, 3) array of (C, nu, gamma) to choose from instead of drawing.

    Attributes:
        settings_: (n_settings, 3) columns C, nu, gamma, in the order drawn.
        scores_: (n_settings,) mean R^2 over folds; NaN if not searched.
        best_: index of the chosen setting, the first of the best.
    """

    def __init__(
        self,
        *,
        kernel: KernelName = "rbf",
        n_settings: int = 1000,
        cv: int = 3,
        random_state: int = 0,
        settings: Any = None,
    ) -> None:
        self.kernel: KernelName = kernel
        self.n_settings = n_settings
        self.cv = cv
        self.random_state = random_state
        self.settings = settings

    def chosen(self) -> NuSvr:
        """nu-SVR with the chosen setting, not fitted."""
        C, nu, gamma = (float(value) for value in self.settings_[self.best_])
        return NuSvr(kernel=self.kernel, C=C, nu=nu, gamma=gamma)

    def narrowed(self) -> NuSvrSearch:
        """The same search among the best settings found here, which stay good on more rows of this kind."""
        best = np.argsort(-self.scores_, kind="stable")[:NARROWED_SETTINGS]
        return NuSvrSearch(kernel=self.kernel, cv=self.cv, settings=self.settings_[best])

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        self.settings_ = (
            self._draw() if self.settings is None else np.asarray(self.settings, dtype=np.float64)
        )
        folds = min(self.cv, len(y) // 2)
        if folds < 2:
            self.scores_, self.best_ = np.full(len(self.settings_), np.nan), 0
        else:
            self.scores_ = np.mean([self._fold_scores(X, y, *fold) for fold in KFold(folds).split(X)], axis=0)
            self.best_ = int(np.argmax(self.scores_))
        self.model_ = self.chosen()
        self.model_._fit_standardized(Z, t, X, y)

    def _predict_standardized(self, Z: Floats) -> Floats:
        return self.model_._predict_standardized(Z)

    def _draw(self) -> Floats:
        if self.n_settings < 1:
            raise PredictorError(f"n_settings = {self.n_settings}; expected at least 1")
        rng = np.random.default_rng(self.random_state)
        low, high = np.log(LOG_RANGE)
        C, gamma = np.exp(rng.uniform(low, high, (2, self.n_settings)))
        nu = 1.0 - rng.random(self.n_settings)  # (0, 1]: nu = 0 is not a problem that libsvm accepts
        return np.stack([C, nu, gamma], axis=1)

    def _fold_scores(self, X: Floats, y: Floats, train: np.ndarray, test: np.ndarray) -> Floats:
        """(n_settings,) R^2 on one fold."""
        inputs, target = Standardizer.fit(X[train]), Standardizer.fit(y[train])
        Z, t = inputs.transform(X[train]), target.transform(y[train])
        across = similarity(inputs.transform(X[test]), Z, self.kernel)
        predictions = np.empty((len(self.settings_), len(test)))
        for index, (C, nu, gamma) in enumerate(self.settings_):
            support, coef, intercept = solve_nu_svr(Z, t, self.kernel, C, nu, gamma)
            predictions[index] = kernel_values(across[:, support], self.kernel, gamma) @ coef + intercept
        return r2_scores(y[test], target.inverse(predictions))
