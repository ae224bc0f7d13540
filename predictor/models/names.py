"""Complete prediction methods by name: the four of [PP], and this project's own."""

from __future__ import annotations

from typing import Any

from predictor.errors import PredictorError
from predictor.features import SUMMARY
from predictor.sequential import SequentialRegression

METHODS: dict[str, dict[str, Any]] = {
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
"""Constructor arguments of `SequentialRegression`; what is not there has its (published) default."""

DEFAULT_METHOD = "robust-gp"


def make_method(name: str = DEFAULT_METHOD, **changes: Any) -> SequentialRegression:
    """The method of that name with some arguments changed; raises `PredictorError` for an unknown name."""
    if name not in METHODS:
        raise PredictorError(f"method {name!r} is not known; expected one of {sorted(METHODS)}")
    return SequentialRegression(**{**METHODS[name], **changes})
