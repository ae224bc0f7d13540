"""Names of methods: the four of [PP], this project's own, and the baselines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from predictor.errors import unknown
from predictor.models.feature_sets import SUMMARY

if TYPE_CHECKING:  # scikit-learn takes a second to import: not for a list of names
    from predictor.models.base import BaselinePredictor
    from predictor.models.sequential import SequentialRegression

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
"""Constructor arguments of `SequentialRegression`, or of `StackedRegression` for `stacked`.

All others have their (published) defaults.
"""

DEFAULT_METHOD = STACKED = "stacked"


def _last_seen(_seed: int) -> BaselinePredictor:
    from predictor.models.base import LastSeenValue

    return LastSeenValue()


def _lce(seed: int) -> BaselinePredictor:
    from predictor.models.lce import LearningCurveExtrapolation

    return LearningCurveExtrapolation(random_state=seed)


def _bnn(seed: int) -> BaselinePredictor:
    from predictor.models.bnn import LearningCurveNetwork

    return LearningCurveNetwork(random_state=seed)


PREDICTORS: dict[str, Callable[[int], BaselinePredictor]] = {
    "last-seen": _last_seen,
    "lce": _lce,
    "bnn": _bnn,
}
"""The baselines that the paper compares with, by name, made from a seed."""


def make_method(name: str = DEFAULT_METHOD, **changes: Any) -> SequentialRegression:
    """The method of that name with some arguments changed; raises `PredictorError` for an unknown name."""
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    from predictor.models.sequential import SequentialRegression
    from predictor.models.stacked import StackedRegression

    made = StackedRegression if name == STACKED else SequentialRegression
    return made(**{**METHODS[name], **changes})


def make_predictor(name: str, random_state: int = 0) -> BaselinePredictor:
    """The baseline of that name, not fitted; raises `PredictorError` for a name that is not known."""
    if name not in PREDICTORS:
        raise unknown("baseline", name, PREDICTORS)
    return PREDICTORS[name](random_state)
