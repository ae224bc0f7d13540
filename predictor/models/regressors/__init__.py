"""Regressors of y_T: scikit-learn estimators that standardise inputs and target themselves."""

from __future__ import annotations

from collections.abc import Callable

from predictor.errors import unknown
from predictor.models.regressors.base import StandardizedRegressor
from predictor.models.regressors.forest import ForestSearch
from predictor.models.regressors.gaussian_process import RobustGaussianProcess
from predictor.models.regressors.linear import OrdinaryLeastSquares, RidgeRegression
from predictor.models.regressors.svr import NuSvr
from predictor.models.regressors.svr_search import NuSvrSearch

REGRESSORS: dict[str, Callable[[int | None, int], StandardizedRegressor]] = {
    "nu-svr-rbf": lambda n, seed: NuSvrSearch(kernel="rbf", n_settings=n or 1000, random_state=seed),
    "nu-svr-linear": lambda n, seed: NuSvrSearch(kernel="linear", n_settings=n or 1000, random_state=seed),
    "random-forest": lambda n, seed: ForestSearch(n_settings=n or 10, random_state=seed),
    "ols": lambda n, seed: OrdinaryLeastSquares(),
    "robust-gp": lambda n, seed: RobustGaussianProcess(),
}
"""Regressors by name, made from a number of settings to search (None: the regressor's default) and a seed."""


def make_regressor(name: str, n_settings: int | None, random_state: int) -> StandardizedRegressor:
    """The regressor of that name, not fitted; raises `PredictorError` for a name that is not known."""
    if name not in REGRESSORS:
        raise unknown("regressor", name, REGRESSORS)
    return REGRESSORS[name](n_settings, random_state)


__all__ = [
    "REGRESSORS",
    "ForestSearch",
    "NuSvr",
    "NuSvrSearch",
    "OrdinaryLeastSquares",
    "RidgeRegression",
    "RobustGaussianProcess",
    "StandardizedRegressor",
    "make_regressor",
]
