"""The stack after one number of observed epochs: fitting it, and predicting with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.base import BaseEstimator

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.models.tau_model import Target, TauModel, can_hold_flat, fit_tau, is_flat
from predictor.models.uncertainty import Uncertainty, make_uncertainty

POWER, FEW = 3.0, 15
"""Weights fall with the mean squared error to the power 3 n / (n + 15) for n curves: errors of few curves say
little, and the weights are more equal then. For 100 curves it is 2.6: 10% more error is 22% less weight."""
MOST = 100.0
"""A squared error counts as at most this many typical ones: ten times as far off."""
TYPICAL = 0.9
"""The share of curves with errors up to the typical one."""
MARGIN = 0.1
"""How far a forecast may go beyond the increments seen, as a share of their range."""
FAR = 10.0
"""How far a curve may fall, see `Explosions`; on all thirteen sets of recorded curves that we know, none
falls further than 0.3."""


@dataclass(frozen=True)
class Member:
    """One model of the stack: its regressor, not fitted, its features, and what it predicts."""

    regressor: BaseEstimator
    features: tuple[str, ...]
    target: Target


@dataclass(frozen=True, eq=False)
class Limits:
    """The limits within which a forecast is possible.

    Attributes:
        tau: epochs seen.
        increments: the smallest and the largest y_T - y_tau.
        lowest, best: the smallest y_tau and the largest y_T of completed curves. A curve that is below all of
            them may still end like the best, if it has itself moved further than they did after tau; after
            one epoch nobody knows how far it moves.
        scores: the smallest and the largest y_T that is possible at all.
    """

    tau: int
    increments: tuple[float, float]
    lowest: float
    best: float
    scores: tuple[float, float]

    @classmethod
    def of(cls, curves: LearningCurves, tau: int) -> Limits:
        """The limits that completed curves show to be possible."""
        y_tau = curves.scores[:, tau - 1]
        increments = np.append(curves.final - y_tau, 0.0)
        margin = MARGIN * float(np.ptp(increments))
        return cls(
            tau,
            (float(increments.min()) - margin, float(increments.max()) + margin),
            float(y_tau.min()),
            float(curves.final.max()),
            curves.possible,
        )

    def clip(self, y_hat: Floats, curves: LearningCurves) -> Floats:
        """(n,) or (n, m) forecasts y_hat of the n curves, each moved to the nearest possible value."""
        y_tau = curves.scores[:, self.tau - 1]
        low, high = (y_tau + limit for limit in self.increments)
        high = np.where(self._unlike(curves), np.maximum(high, self.best), high)
        lowest, highest = self.scores
        beyond = curves.scores[:, : self.tau].max(axis=1) > highest  # such as a negative log-likelihood
        limits = (np.clip(limit, lowest, np.where(beyond, np.inf, highest)) for limit in (low, high))
        return np.clip(y_hat, *(limit.reshape(-1, *[1] * (y_hat.ndim - 1)) for limit in limits))

    def _unlike(self, curves: LearningCurves) -> npt.NDArray[np.bool_]:
        """(n,) whether a curve is so far below the completed ones that their increments say nothing."""
        seen = curves.scores[:, : self.tau]
        moved = (self.tau == 1) | (np.ptp(seen, axis=1) > self.increments[1])
        return np.asarray((seen[:, -1] < self.lowest) & moved)


@dataclass(frozen=True)
class Explosions:
    """Losses that have exploded: how far a curve may fall.

    One loss of 1e6 among the completed ones would be all that a regression learns. From its first value, or
    from the lower quartile of the worst epoch if that is lower, a curve may fall by ten times the distance
    from there up to the best; values further down are raised to this limit. Accuracies and other metrics with
    a worst value do not explode.

    Attributes:
        low: a quarter of the scores of the worst epoch are not above it.
        best: the largest score.
    """

    low: float
    best: float

    @classmethod
    def of(cls, curves: LearningCurves) -> Explosions | None:
        """The limit that completed curves set; None for metrics with a worst value."""
        if np.isfinite(curves.possible[0]):
            return None
        low = float(np.quantile(curves.scores, 0.25, axis=0, method="higher").min())
        return cls(low, float(curves.scores.max()))

    def limited(self, curves: LearningCurves) -> LearningCurves:
        """The curves, with values below the limit raised to it."""
        low = np.minimum(curves.scores[:, :1], self.low)
        lowest = low - FAR * (self.best - low)
        exploded = curves.scores < lowest
        if not exploded.any():
            return curves
        values = np.where(exploded, curves.to_values(lowest), curves.values)
        return replace(curves, values=values, understood="")


@dataclass(frozen=True, eq=False)
class StackedTau:
    """The fitted stack after tau epochs.

    Attributes:
        tau: epochs seen.
        members: the fitted models by name.
        weights: of the members, they sum to 1.
        limits: of the forecasts; None if there are none.
        uncertainty: of the stack.
        residuals, held_out: (n,) y_T - y_hat_T and y_hat_T of the training curves, each predicted without
            itself.
        hold_flat: whether runs that have been flat so far are predicted to stay so.
        explosions: how far curves may fall; None for metrics with a worst value.
    """

    tau: int
    members: Mapping[str, TauModel]
    weights: Mapping[str, float]
    limits: Limits | None
    uncertainty: Uncertainty
    residuals: Floats
    held_out: Floats
    hold_flat: bool
    explosions: Explosions | None = None

    def predict(self, curves: LearningCurves) -> Floats:
        """(n,) y_hat_T in scores; features that members share are made once."""
        if self.explosions is not None:
            curves = self.explosions.limited(curves)
        features = {model.features.sets_: model.features for model in self.members.values()}
        X = {sets: extractor.matrix(curves) for sets, extractor in features.items()}
        forecasts = np.column_stack(
            [model.predict_from(X[model.features.sets_], curves) for model in self.members.values()]
        )
        if self.limits is not None:
            forecasts = self.limits.clip(forecasts, curves)
        predictions = forecasts @ np.array(list(self.weights.values()))
        if self.hold_flat:
            predictions = np.where(is_flat(curves, self.tau), curves.scores[:, self.tau - 1], predictions)
        return np.asarray(predictions)


def fit_stack(
    curves: LearningCurves,
    tau: int,
    members: Mapping[str, Member],
    uncertainty: str,
    hold_flat: bool,
    bounded: bool,
) -> StackedTau:
    """The stack of completed curves after tau epochs, a pure function of its arguments."""
    explosions = Explosions.of(curves)
    curves = curves if explosions is None else explosions.limited(curves)
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
    squares = capped((curves.final[:, None] - forecasts) ** 2)
    total = squares.sum(axis=0)
    held_out = (forecasts * stack_weights(total - squares, len(curves))).sum(axis=1)
    residuals = curves.final - held_out
    return StackedTau(
        tau,
        fitted,
        dict(zip(fitted, stack_weights(total, len(curves)).tolist(), strict=True)),
        limits,
        make_uncertainty(uncertainty, residuals, held_out),
        residuals,
        held_out,
        hold_flat,
        explosions,
    )


def capped(squares: Floats) -> Floats:
    """(n, m) squared errors, none of them larger than `MOST` typical ones.

    When one curve in a hundred collapses or explodes after tau, no member foresees it, and the sum of squares
    would only tell whose forecast happened to be nearest. The typical squared error is the 90% quantile, over
    the n curves, of the median over the members.
    """
    typical = float(np.quantile(np.median(squares, axis=1), TYPICAL))
    return np.minimum(squares, MOST * typical) if typical > 0 else squares


def stack_weights(squared_errors: npt.ArrayLike, n: int) -> Floats:
    """Weights of m members in proportion to e^-p, p = 3 n / (n + 15), from sums e of their squared errors.

    Args:
        squared_errors: (..., m).
        n: the number of curves summed over.
    """
    errors = np.maximum(np.asarray(squared_errors, dtype=np.float64), np.finfo(np.float64).tiny)
    return np.asarray(softmax(-POWER * n / (n + FEW) * np.log(errors), axis=-1))
