"""Complete prediction methods by name: the four of [PP], this project's own, and the baselines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from predictor.errors import PredictorError
from predictor.models.base import BaselinePredictor
from predictor.models.bnn import LearningCurveNetwork
from predictor.models.features import SUMMARY
from predictor.models.last_seen import LastSeenValue
from predictor.models.lce import LearningCurveExtrapolation
from predictor.models.sequential import SequentialRegression
from predictor.models.stacked import StackedRegression

METHODS: dict[str, dict[str, Any]] = {
    "stacked": {},
    "robust-gp": {
        "regressor": "robust-gp",
        "features": SUMMARY,
        "target": "increment",
        "hold_flat": True,
    },
    "nu-svr-rbf": {"regressor": "nu-svr-rbf"},
    "nu-svr-linear": {"regressor": "nu-svr-linear"},
    "random-forest": {"regressor": "random-forest", "n_settings": None},
    "ols": {"regressor": "ols"},
}
"""Constructor arguments of `SequentialRegression`; what is not there has its (published) default.

Those of ``stacked`` are of `StackedRegression`.
"""

DEFAULT_METHOD = STACKED = "stacked"

PREDICTORS: dict[str, Callable[[int], BaselinePredictor]] = {
    "last-seen": lambda seed: LastSeenValue(),
    "lce": lambda seed: LearningCurveExtrapolation(random_state=seed),
    "bnn": lambda seed: LearningCurveNetwork(random_state=seed),
}
"""The baselines that the paper compares with, by name, made from a seed."""


def make_method(name: str = DEFAULT_METHOD, **changes: Any) -> SequentialRegression:
    """The method of that name with some arguments changed; raises `PredictorError` for an unknown name."""
    if name not in METHODS:
        raise PredictorError(f"method {name!r} is not known; expected one of {sorted(METHODS)}")
    made = StackedRegression if name == STACKED else SequentialRegression
    return made(**{**METHODS[name], **changes})


def make_predictor(name: str, random_state: int = 0) -> BaselinePredictor:
    """The baseline of that name, not fitted; raises `PredictorError` for a name that is not known."""
    if name not in PREDICTORS:
        raise PredictorError(f"baseline {name!r} is not known; expected one of {sorted(PREDICTORS)}")
    return PREDICTORS[name](random_state)
