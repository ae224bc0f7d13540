"""What would have become of a training that a rule stops, for its reward: by a model, or the last value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from sklearn.base import clone

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError
from predictor.models.fit_cache import FitCache
from predictor.models.names import make_method
from predictor.models.sequential import SequentialRegression
from predictor.rules.base import Decision, StoppingRule
from predictor.rules.envelope.arrivals import begins_with

MODELS_KEPT = 4
MOST_CURVES = 200
"""That a forecast is learned from: the time of a fit grows with their square."""


@dataclass(frozen=True)
class Expected:
    """The y_T expected of one training: y_hat_T in the metric's own units; sigma in scores, if known."""

    y_hat_T: float  # noqa: N815
    sigma: float | None = None


class Forecaster(Protocol):
    """Anything that forecasts y_T of a training that a rule gives up, as a function of its arguments only."""

    def forecast(self, curve: LearningCurves, history: LearningCurves) -> Expected:
        """What to expect; curve and history as in `StoppingRule.decide`, one epoch observed at least."""
        ...


class LastSeen:
    """y_hat_T = y_t."""

    def forecast(self, curve: LearningCurves, history: LearningCurves) -> Expected:
        """The last value of the curve."""
        tau = check_running(curve, history)
        return Expected(float(curve.values[0, tau - 1]))


class ModelForecaster:
    """y_hat_T by a sequential regression model of the completed networks, refitted as they become more.

    Until `first` networks are completed it is y_t, the last value seen, with no sigma. It is never better
    than y_BEST, the best completed network: few curves extrapolate too far, and the rule has just said that
    this training does not get there.

    Args:
        model: None for this project's own method, of at most 200 curves. Before the stack it was
            ``make_method("robust-gp")``; searches that began with that one must name it.
        first: >= 3 completed networks, for the first fit.
        growth: > 1, see `GrowingModel`. Small, as a rule completes few networks, and the latest are those
            that tell most: searches ended with a bias of y_hat_T that was a third smaller than with 1.5.
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
    """Stops when `rule` does, and says then what would have become of the network.

    The decision to stop gets y_hat_T and sigma from the forecaster, whatever the rule itself expects, and
    y_BEST, the best completed network so far, where the rule names none. Other decisions stay as they are.
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


class GrowingModel:
    """A model of the first k completed networks, k = first, first g, first g^2, ... (rounded down).

    k is the largest of these that there are, so that the model is a function of the history alone. Fits are
    cached by the content of the curves that they learned from.

    Args:
        model: the model to fit; it stays unfitted itself.
        first: completed networks of the first fit.
        growth: g > 1, or None to keep the first fit. Refits choose among the best settings of the first.
    """

    def __init__(self, model: SequentialRegression, *, first: int, growth: float | None) -> None:
        self.model = model
        self.first = first
        self.growth = growth
        self._cache: FitCache[SequentialRegression] = FitCache(MODELS_KEPT)
        self._grown: tuple[LearningCurves, SequentialRegression] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without the models."""
        return {**self.__dict__, "_grown": None}

    def fitted(self, history: LearningCurves) -> SequentialRegression:
        """The model for a history in which at least `first` networks are completed."""
        return self._cache.for_history(history, lambda: self._newest(history))

    def _newest(self, history: LearningCurves) -> SequentialRegression:
        rows = np.flatnonzero(history.completed)
        size = self._size(len(rows))
        n = int(rows[size - 1]) + 1
        if self._grown is None or len(self._grown[0]) != n or not begins_with(history, self._grown[0]):
            model = self._fit(history[rows[: self.first]], None)
            model = model if size == self.first else self._fit(history[rows[:size]], model)
            self._grown = history[:n], model
        elif self._grown[0].values.base is not history.values.base:
            self._grown = history[:n], self._grown[1]  # to compare with, in the memory of the history now
        return self._grown[1]

    def _size(self, completed: int) -> int:
        """The largest floor(first g^j) <= completed."""
        size = grown = float(self.first)
        while self.growth is not None and int(grown := grown * self.growth) <= completed:
            size = grown
        return int(size)

    def _fit(self, curves: LearningCurves, prior: SequentialRegression | None) -> SequentialRegression:
        taus = () if self.model.n_jobs == 1 else None  # alone, fit each tau when it is first needed
        return self._cache.fitted_to(curves, lambda: clone(self.model).fit(curves, taus=taus, prior=prior))


def check_running(curve: LearningCurves, history: LearningCurves) -> int:
    """tau of the one curve to forecast; `CurvesError` unless 1 <= tau < T, the same T as in the history."""
    tau = int(curve.observed[0]) if len(curve) == 1 else 0
    if curve.T != history.T or not 0 < tau < curve.T:
        raise CurvesError(
            f"{len(curve)} curves with {tau} of {curve.T} epochs to forecast with a history of {history.T} "
            f"epochs; expected one running curve of as many epochs"
        )
    return tau


def _best(history: LearningCurves) -> float | None:
    """The best result so far in the metric's own units, None if no network is completed."""
    results = history.final[history.completed]
    return float(history.to_values(results.max())) if len(results) else None
