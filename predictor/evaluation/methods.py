"""The methods to evaluate, behind one function from training and test curves to forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.models.feature_sets import FEATURE_SETS, PUBLISHED, check_feature_sets
from predictor.models.names import (
    METHODS,
    PREDICTORS,
    STACKED,
    make_method,
    make_predictor,
)
from predictor.models.sequential import SequentialRegression
from predictor.models.uncertainty import Uncertainty, make_uncertainty

SEARCHED = ("nu-svr-rbf", "nu-svr-linear")
"""Methods whose number of searched settings is the caller's choice."""
OWN = "own"
"""Name of a baseline's only kind of uncertainty."""


@dataclass(frozen=True)
class Variant:
    """A method and its feature sets; None for the method's own. Baselines have none."""

    method: str
    features: tuple[str, ...] | None = None

    @property
    def feature_names(self) -> str:
        """Such as TS+AP+HP; - for baselines; for the stack, all sets that any of its members uses."""
        if self.method in PREDICTORS:
            return "-"
        own = FEATURE_SETS if self.method == STACKED else METHODS[self.method].get("features", PUBLISHED)
        return "+".join(self.features or own)

    def model(self, random_state: int, n_settings: int | None) -> SequentialRegression:
        """The method, not fitted. A model without time series does not know y_tau and predicts y_T itself."""
        changes: dict[str, Any] = {"random_state": random_state}
        if n_settings is not None and self.method in SEARCHED:
            changes["n_settings"] = n_settings
        if self.features is not None:
            changes["features"] = self.features
            if not {"TS", "TS-summary"}.intersection(self.features):
                changes |= {"target": "final", "hold_flat": False}
        return make_method(self.method, **changes)


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of n test curves.

    Attributes:
        y_hat: (n,) predictions of y_T, in scores.
        pit: (n,) p(y_T <= the observed y_T) per kind of uncertainty: uniform on [0, 1] if calibrated.
    """

    y_hat: Floats
    pit: dict[str, Floats]


def parse_features(text: str) -> tuple[str, ...]:
    """The feature sets in a text such as TS+AP; raises `PredictorError` for unknown ones."""
    return check_feature_sets(text.split("+"))


def variants(methods: Sequence[str], features: Sequence[tuple[str, ...]]) -> list[Variant]:
    """Every method with each of the feature sets (its own if none are given); baselines once."""
    return [
        Variant(method, chosen)
        for method in methods
        for chosen in ([None] if method in PREDICTORS or not features else features)
    ]


def forecast(
    variant: Variant,
    train: LearningCurves,
    test: LearningCurves,
    tau: int,
    *,
    random_state: int,
    n_settings: int | None,
    uncertainties: Sequence[str],
) -> Forecasts:
    """Forecasts of the completed test curves after tau epochs by the method, fitted to the training curves.

    One fit serves all kinds of uncertainty, because they use the same held-out residuals.
    """
    if variant.method in PREDICTORS:
        return _baseline_forecast(variant.method, train, test, tau, random_state)
    model = variant.model(random_state, n_settings).fit(train, taus=[tau]).model(tau)
    y_hat = model.predict(test)
    kinds = {name: make_uncertainty(name, model.residuals, model.held_out) for name in uncertainties}
    return Forecasts(y_hat, {name: probability_transform(kinds[name], test.final, y_hat) for name in kinds})


def probability_transform(uncertainty: Uncertainty, y: Floats, y_hat: Floats) -> Floats:
    """(n,) p(y_T <= y_i) given y_hat_i."""
    rows = range(len(y))
    return np.array([uncertainty.probability_below(float(y[i]), y_hat[i : i + 1])[0] for i in rows])


def _baseline_forecast(
    name: str, train: LearningCurves, test: LearningCurves, tau: int, random_state: int
) -> Forecasts:
    made = make_predictor(name, random_state).fit(train).forecast(test, tau)
    pit = ndtr((test.final[:, None] - made.means) / made.sigmas).mean(axis=1)
    return Forecasts(made.mean, {OWN: np.asarray(pit)})
