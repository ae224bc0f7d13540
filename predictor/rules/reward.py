"""The result that a stopped training would have had, for its reward: a forecast, or the last value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from predictor.curves.learning_curves import LearningCurves, check_measure
from predictor.errors import CurvesError
from predictor.models.names import make_method
from predictor.models.sequential import SequentialRegression
from predictor.rules.base import Decision, StoppingRule
from predictor.rules.growing import GrowingModel

MOST_CURVES = 200
"""A forecast is learned from at most this many; the time of a fit grows with the square of their number."""


@dataclass(frozen=True)
class Expected:
    """The y_T expected of one training: y_hat_T in the metric's own units; sigma in scores, if known."""

    y_hat_T: float  # noqa: N815
    sigma: float | None = None


class Forecaster(Protocol):
    """Anything that forecasts y_T of a training that a rule stops, as a function of its arguments only."""

    def forecast(self, curve: LearningCurves, history: LearningCurves) -> Expected:
        """What to expect; curve and history as in `StoppingRule.decide`, with at least one epoch observed."""
        ...


class LastSeen:
    """y_hat_T = y_t."""

    def forecast(self, curve: LearningCurves, history: LearningCurves) -> Expected:
        """The last value of the curve."""
        tau = check_running(curve, history)
        return Expected(float(curve.values[0, tau - 1]))


class ModelForecaster:
    """y_hat_T by a sequential regression model of the completed networks, refitted as their number grows.

    Until `first` networks are completed it is y_t, the last value seen, with no sigma. It is never better
    than y_BEST, the best completed network: a model of few curves extrapolates too far, and the rule has just
    said that this training will not get there.

    Args:
        model: None for this project's own method, fitted to at most 200 curves. Before the stacked method,
            the default was `make_method("robust-gp")`; searches that began with it must name it.
        first: >= 3 completed networks, for the first fit.
        growth: > 1, see `GrowingModel`. It is small because a rule completes few networks, of which the
            latest tell most: at the end of searches, y_hat_T had a third less bias than with 1.5.
    """

    def __init__(
        self, model: SequentialRegression | None = None, *, first: int = 6, growth: float = 1.15
    ) -> None:
        self.first = first
        self._models = GrowingModel(
            make_method(max_curves=MOST_CURVES) if model is None else model, first=first, growth=growth
        )

    def forecast(self, curve: LearningCurves, history: LearningCurves) -> Expected:
        """y_hat_T and its sigma after the epochs that were observed."""
        tau = check_running(curve, history)
        if np.count_nonzero(history.completed) < self.first:
            return LastSeen().forecast(curve, history)
        y_hat, sigma = self._models.fitted(history).predict(curve, tau, return_std=True)
        best = float(np.fmax.reduce(history.final))
        y_hat_T = min(float(y_hat[0]), best)
        return Expected(float(curve.to_values(y_hat_T)), float(sigma[0]))


class ForecastAtStop:
    """Stops when `rule` does, and then forecasts the result that the network would have had.

    The decision to stop gets y_hat_T and sigma from the forecaster, whatever the rule itself expects, and
    y_BEST, the best completed network so far, if the rule names none. Other decisions stay as they are.
    """

    def __init__(self, rule: StoppingRule, forecaster: Forecaster) -> None:
        self.rule = rule
        self.forecaster = forecaster

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether to stop; see `StoppingRule`."""
        decision = self.rule.decide(curve, history)
        if not decision.stop:
            return decision
        expected = self.forecaster.forecast(curve, history)
        y_best = _best(history) if decision.y_best is None else decision.y_best
        return replace(decision, y_hat_T=expected.y_hat_T, sigma=expected.sigma, y_best=y_best)


def check_running(curve: LearningCurves, history: LearningCurves) -> int:
    """tau of the one curve to forecast; `CurvesError` unless 1 <= tau < T, and T and metric agree."""
    tau = int(curve.observed[0]) if len(curve) == 1 else 0
    if curve.T != history.T or not 0 < tau < curve.T:
        raise CurvesError(
            f"got {len(curve)} curves with {tau} of {curve.T} epochs and a history of {history.T} epochs; "
            f"expected one running curve with as many epochs as the history"
        )
    check_measure(curve, history)
    return tau


def _best(history: LearningCurves) -> float | None:
    """The best result so far in the metric's own units, None if no network is completed."""
    results = history.final[history.completed]
    return float(history.to_values(results.max())) if len(results) else None
