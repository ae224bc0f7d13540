"""The stack after one number of observed epochs: fitting it, and predicting with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.base import BaseEstimator

from predictor.curves.learning_curves import Floats, LearningCurves
from predictor.models.tau_model import Target, TauModel, can_hold_flat, fit_tau, is_flat
from predictor.models.uncertainty import Uncertainty, make_uncertainty

POWER, FEW = 3.0, 15
"""Weights fall with the mean squared error to the power 3 n / (n + 15) for n curves: errors of few curves say
little, and the weights are more equal then. For 100 curves it is 2.6: 10% more error is 22% less weight."""
OUTERMOST = 10
"""Curves whose errors decide on the weights for one that lies beyond all of them."""
MARGIN = 0.1
"""How far beyond the increments that were seen a forecast may go, in their range."""


@dataclass(frozen=True)
class Member:
    """One model of the stack: its regressor, not fitted, its features, and what it predicts."""

    regressor: BaseEstimator
    features: tuple[str, ...]
    target: Target


@dataclass(frozen=True, eq=False)
class Limits:
    """What a forecast may be.

    Attributes:
        tau: epochs seen.
        increments: the smallest and the largest y_T - y_tau.
        seen, final: the smallest and the largest y_tau and y_T of completed curves.
        median: of their y_tau.
        returned: the largest share of its distance to the median that a curve among the tenth with the
            lowest, and the highest, y_tau has made up for by T. A curve beyond all may do the same.
        scores: the smallest and the largest y_T that there can be.
    """

    tau: int
    increments: tuple[float, float]
    seen: tuple[float, float]
    final: tuple[float, float]
    median: float
    returned: tuple[float, float]
    scores: tuple[float, float]

    @classmethod
    def of(cls, curves: LearningCurves, tau: int) -> Limits:
        """The limits that completed curves show to be possible."""
        y_tau, final = curves.scores[:, tau - 1], curves.final
        increments, order = np.append(final - y_tau, 0.0), np.argsort(y_tau, kind="stable")
        median, tenth = float(np.median(y_tau)), max(1, len(curves) // 10)
        returned = (_returned(y_tau[o], final[o], median) for o in (order[:tenth], order[-tenth:]))
        margin = MARGIN * float(np.ptp(increments))
        fraction = curves.metric == "accuracy" and 0 <= curves.scores.min() <= curves.scores.max() <= 1
        return cls(
            tau,
            (float(increments.min()) - margin, float(increments.max()) + margin),
            (float(y_tau.min()), float(y_tau.max())),
            (float(final.min()), float(final.max())),
            median,
            (next(returned), next(returned)),
            (0.0, 1.0) if fraction else (-np.inf, np.inf),
        )

    def clip(self, y_hat: Floats, curves: LearningCurves) -> Floats:
        """(n,) or (n, m) forecasts y_hat of the n curves, each moved to the nearest that is possible."""
        y_tau = curves.scores[:, self.tau - 1].reshape(-1, *[1] * (y_hat.ndim - 1))
        low, high = (y_tau + limit for limit in self.increments)
        up, down = (y_tau + share * (self.median - y_tau) for share in self.returned)
        low = np.where(y_tau > self.seen[1], np.minimum(low, np.maximum(down, self.final[0])), low)
        high = np.where(y_tau < self.seen[0], np.maximum(high, np.minimum(up, self.final[1])), high)
        return np.clip(y_hat, np.clip(low, *self.scores), np.clip(high, *self.scores))


def _returned(y_tau: Floats, final: Floats, median: float) -> float:
    """The largest share of its distance to the median that a curve has made up for, at least 0."""
    distance = median - y_tau
    shares = np.divide(final - y_tau, distance, out=np.zeros_like(distance), where=distance != 0)
    return float(shares.max(initial=0.0))


@dataclass(frozen=True, eq=False)
class StackedTau:
    """The fitted stack after tau epochs.

    Attributes:
        tau: epochs seen.
        members: the fitted models by name.
        weights: of the members, they sum to 1.
        outer_weights: (2, m) the same for curves whose y_tau is below, and above, all those learned from.
        limits: of the forecasts; None where they may be anything.
        uncertainty: of the stack.
        residuals, held_out: (n,) y_T - y_hat_T and y_hat_T of the training curves, each predicted without it.
        hold_flat: whether runs that have been flat so far are predicted to stay so.
    """

    tau: int
    members: Mapping[str, TauModel]
    weights: Mapping[str, float]
    outer_weights: Floats
    limits: Limits | None
    uncertainty: Uncertainty
    residuals: Floats
    held_out: Floats
    hold_flat: bool

    def predict(self, curves: LearningCurves) -> Floats:
        """(n,) y_hat_T in scores; features that members share are made once."""
        features = {model.features.sets_: model.features for model in self.members.values()}
        X = {sets: extractor.matrix(curves) for sets, extractor in features.items()}
        forecasts = np.column_stack(
            [model.predict_from(X[model.features.sets_], curves) for model in self.members.values()]
        )
        y_tau, weights = curves.scores[:, self.tau - 1], np.array(list(self.weights.values()))
        if self.limits is None:
            return self._held(forecasts @ weights, curves)
        forecasts = self.limits.clip(forecasts, curves)
        predictions = forecasts @ weights
        low, high = self.limits.seen
        for outside, weights in zip((y_tau < low, y_tau > high), self.outer_weights, strict=True):
            predictions[outside] = forecasts[outside] @ weights
        return self._held(predictions, curves)

    def _held(self, predictions: Floats, curves: LearningCurves) -> Floats:
        """The predictions, and y_tau for runs that are predicted to stay flat."""
        if not self.hold_flat:
            return predictions
        return np.where(is_flat(curves, self.tau), curves.scores[:, self.tau - 1], predictions)


def fit_stack(
    curves: LearningCurves,
    tau: int,
    members: Mapping[str, Member],
    uncertainty: str,
    hold_flat: bool,
    bounded: bool,
) -> StackedTau:
    """The stack of completed curves after tau epochs, a pure function of its arguments."""
    hold_flat = hold_flat and can_hold_flat(curves, tau)
    curves = curves[~is_flat(curves, tau)] if hold_flat else curves
    fitted = {
        name: fit_tau(curves, tau, m.regressor, m.features, m.target, uncertainty, False)
        for name, m in members.items()
    }
    limits = Limits.of(curves, tau) if bounded else None
    forecasts = np.column_stack([model.held_out for model in fitted.values()])
    if limits is not None:
        forecasts = limits.clip(forecasts, curves)
    squares = (curves.final[:, None] - forecasts) ** 2
    total = squares.sum(axis=0)
    held_out = (forecasts * stack_weights(total - squares, len(curves))).sum(axis=1)
    residuals = curves.final - held_out
    return StackedTau(
        tau,
        fitted,
        dict(zip(fitted, stack_weights(total, len(curves)).tolist(), strict=True)),
        _outer_weights(squares, curves.scores[:, tau - 1]),
        limits,
        make_uncertainty(uncertainty, residuals, held_out),
        residuals,
        held_out,
        hold_flat,
    )


def _outer_weights(squares: Floats, y_tau: Floats) -> Floats:
    """(2, m) weights by the (n, m) squared errors of the curves with the lowest, and the highest, y_tau.

    Far from what was learned, members that return to the mean and members that keep on differ by far, and
    which of them is right on average says little: runs at a perplexity of 700 may stay there, or be the worst
    of many that come down.
    """
    order = np.argsort(y_tau, kind="stable")
    outer = squares[order[:OUTERMOST]], squares[order[-OUTERMOST:]]
    return np.array([stack_weights(own.sum(axis=0), len(squares)) for own in outer])


def stack_weights(squared_errors: npt.ArrayLike, n: int) -> Floats:
    """Weights of m members in proportion to e^-p, p = 3 n / (n + 15), from sums e of their squared errors.

    Args:
        squared_errors: (..., m).
        n: how many curves were learned from.
    """
    errors = np.maximum(np.asarray(squared_errors, dtype=np.float64), np.finfo(np.float64).tiny)
    return np.asarray(softmax(-POWER * n / (n + FEW) * np.log(errors), axis=-1))
