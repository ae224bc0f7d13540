"""Baselines that the paper compares with, and stopping rules of other libraries, by name.

Importing this needs none of the extras; what needs one says so when it is made or asked.
"""

from __future__ import annotations

from collections.abc import Callable

from predictor.baselines.base import BaselinePredictor, Forecast
from predictor.baselines.bnn import LearningCurveNetwork
from predictor.baselines.extras import MissingPackageError
from predictor.baselines.last_seen import LastSeenValue
from predictor.baselines.lce import LearningCurveExtrapolation
from predictor.baselines.lce_rule import LceRule
from predictor.baselines.pruners import PRUNERS, OptunaRule, make_pruner_rule
from predictor.errors import PredictorError

PREDICTORS: dict[str, Callable[[int], BaselinePredictor]] = {
    "last-seen": lambda seed: LastSeenValue(),
    "lce": lambda seed: LearningCurveExtrapolation(random_state=seed),
    "bnn": lambda seed: LearningCurveNetwork(random_state=seed),
}
"""Predictors of y_T by name, made from a seed."""


def make_predictor(name: str, random_state: int = 0) -> BaselinePredictor:
    """The predictor of that name, not fitted; raises `PredictorError` for a name that is not known."""
    if name not in PREDICTORS:
        raise PredictorError(f"baseline {name!r} is not known; expected one of {sorted(PREDICTORS)}")
    return PREDICTORS[name](random_state)


__all__ = [
    "PREDICTORS",
    "PRUNERS",
    "BaselinePredictor",
    "Forecast",
    "LastSeenValue",
    "LceRule",
    "LearningCurveExtrapolation",
    "LearningCurveNetwork",
    "MissingPackageError",
    "OptunaRule",
    "make_predictor",
    "make_pruner_rule",
]
