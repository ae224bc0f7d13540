"""Names of feature sets and of methods: the four of [PP], this project's own, and the baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from predictor.errors import PredictorError

if TYPE_CHECKING:  # scikit-learn takes a second to import: not for a list of names
    from predictor.models.base import BaselinePredictor
    from predictor.models.sequential import SequentialRegression

PUBLISHED = ("TS", "AP", "HP")
SUMMARY = ("TS-summary", "log-AP", "log-HP")
FEATURE_SETS = (*PUBLISHED, *SUMMARY)
"""Sets of features of partially observed learning curves, [PP] section 2.

Time series (TS): y_1..y_tau, y'_t = y_t - y_(t-1), y''_t = y'_t - y'_(t-1). Architecture parameters (AP) and
hyper-parameters (HP): as they are in the curves.

In addition, a short version for models that learn from few curves: TS-summary (means of at most five blocks
of epochs, y_tau, the best y_t so far), log-AP and log-HP (logarithms of parameters that are positive
throughout, as numbers of weights, widths and rates are).
"""

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


def check_feature_sets(names: Sequence[str]) -> tuple[str, ...]:
    """The names in the order of `FEATURE_SETS`; raises `PredictorError` for unknown names or none."""
    unknown = [name for name in names if name not in FEATURE_SETS]
    if unknown or not names or isinstance(names, str):
        raise PredictorError(f"features {names!r}; expected some of {FEATURE_SETS}, such as ('TS', 'AP')")
    return tuple(name for name in FEATURE_SETS if name in names)


def make_method(name: str = DEFAULT_METHOD, **changes: Any) -> SequentialRegression:
    """The method of that name with some arguments changed; raises `PredictorError` for an unknown name."""
    if name not in METHODS:
        raise PredictorError(f"method {name!r} is not known; expected one of {sorted(METHODS)}")
    from predictor.models.sequential import SequentialRegression
    from predictor.models.stacked import StackedRegression

    made = StackedRegression if name == STACKED else SequentialRegression
    return made(**{**METHODS[name], **changes})


def make_predictor(name: str, random_state: int = 0) -> BaselinePredictor:
    """The baseline of that name, not fitted; raises `PredictorError` for a name that is not known."""
    if name not in PREDICTORS:
        raise PredictorError(f"baseline {name!r} is not known; expected one of {sorted(PREDICTORS)}")
    return PREDICTORS[name](random_state)
