"""P(better than y_BEST) for every network that reached a look, and the worst ranks of the best ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.rules.envelope.averaging import AveragedProcess, Guesses
from predictor.rules.envelope.student import StudentMixture
from predictor.rules.envelope.warp import ColumnScale, Warp, parameter_matrix

MOST_RESULTS = MOST_GUESSES = 500
"""The most that a model learns from; the time of a fit grows with the cube of their number."""
EQUAL = 1 + 1e-6
"""Chances count as equal if their ratio is at most this: rounding depends on the way they are computed."""
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Target:
    """The scale on which models predict y_T: warped, then standardised over the completed networks.

    Attributes:
        warp: its best is y_BEST.
        mean, std: of the warped y_T.
    """

    warp: Warp
    mean: float
    std: float

    @classmethod
    def of(cls, final: Floats) -> Target:
        """The scale for these y_T, all observed."""
        warp = Warp.of(final)
        warped = warp(final)
        return cls(warp, float(warped.mean()), float(warped.std()) or 1.0)

    def __call__(self, final: npt.ArrayLike) -> Floats:
        """The targets of these y_T."""
        return (self.warp(final) - self.mean) / self.std

    def inverse(self, target: npt.ArrayLike) -> Floats:
        """The y_T of these targets."""
        return self.warp.inverse(np.asarray(target) * self.std + self.mean)

    @property
    def of_best(self) -> float:
        """The target of y_BEST."""
        return -self.mean / self.std


@dataclass(frozen=True, eq=False)
class Inputs:
    """The inputs of a model for a network after tau epochs: y_tau and the parameters, each standardised.

    Attributes:
        tau: epochs.
        warp: of y_tau, made from all networks that reached tau.
        positive: for every parameter, whether its logarithm is taken.
        scale: of the warped y_tau and of the parameters.
    """

    tau: int
    warp: Warp
    positive: dict[str, bool]
    scale: ColumnScale

    @classmethod
    def of(cls, curves: LearningCurves, tau: int) -> Inputs:
        """The inputs for these curves, all observed for at least tau epochs."""
        parameters = {**curves.architecture, **curves.hyperparameters}
        positive = {name: not np.any(column <= 0) for name, column in parameters.items()}
        warp = Warp.of(curves.scores[:, tau - 1])
        return cls(tau, warp, positive, ColumnScale.of(_raw(curves, tau, warp, positive)))

    def __call__(self, curves: LearningCurves) -> Floats:
        """(n, 1 + number of parameters)."""
        return self.scale(_raw(curves, self.tau, self.warp, self.positive))


def _raw(curves: LearningCurves, tau: int, warp: Warp, positive: dict[str, bool]) -> Floats:
    """(n, 1 + number of parameters): warped y_tau, then the parameters or their logarithms."""
    y_tau = warp(curves.scores[:, tau - 1])[:, None]
    if not positive:
        return y_tau
    parameters = {**curves.architecture, **curves.hyperparameters}
    return np.hstack([y_tau, parameter_matrix(parameters, positive)])


class Score(NamedTuple):
    """The model's prediction for one network at a look: P(better than y_BEST), and the mean of its target."""

    chance: float
    mean: float


@dataclass(frozen=True, eq=False)
class LookModel:
    """The model of one look, and the networks ranked by it.

    Attributes:
        tau: the epoch of the look.
        inputs, target, process: the model.
        chances: (n,) P(better than y_BEST) of the n networks that reached the look, each judged without its
            own result, in increasing order.
        values: (n,) y_t of these networks, in scores, in the same order.
        ranks_of_best: (q,) ranks of the best completed networks among them, the best network first.
        worst: the lowest y_T of all completed networks.
        highest: the largest y_T that is possible.
    """

    tau: int
    inputs: Inputs
    target: Target
    process: AveragedProcess
    chances: Floats
    values: Floats
    ranks_of_best: npt.NDArray[np.int64]
    worst: float
    highest: float
    _scores: dict[bytes, Score] = field(default_factory=dict)

    def score(self, curve: LearningCurves) -> Score:
        """The score of one network observed for tau epochs; equal networks are scored once."""
        x = self.inputs(curve)
        key = x.tobytes()
        if key not in self._scores:
            self._scores[key] = Score(*self.process.predict_one(x[0], self.target.of_best))
        return self._scores[key]

    def rank(self, chance: float) -> int:
        """How many networks that reached the look have a larger chance."""
        return int(_larger(self.chances, chance))

    def ties(self, rank: int, value: float) -> int:
        """How many of the first `rank` networks have exactly this y_t."""
        return int(np.count_nonzero(self.values[len(self.values) - rank :] == value))

    def expected(self, score: Score, curve: LearningCurves) -> float:
        """y_hat_T, as a score, of the curve with this score; possible, and no worse than anything observed.

        Far from the best, the warped scale is so stretched that the model's mean can be absurd.
        """
        seen = curve.scores[0]
        worst, best = min(self.worst, float(np.fmin.reduce(seen))), float(np.fmax.reduce(seen))
        expected = max(float(self.target.inverse(score.mean)), worst)
        return expected if best > self.highest else min(expected, self.highest)

    def limit(self, c: float) -> float:
        """g = max(1, c max_q (r_q + 1) / (q + 1)): networks with fewer than g ahead of them continue."""
        q, rank = self.worst_showing
        return max(1.0, c * (rank / q))

    @cached_property
    def worst_showing(self) -> tuple[int, int]:
        """q + 1 and r_q + 1 for the best network with the largest ratio of rank at the look to final rank."""
        ranks = self.ranks_of_best + 1
        place = int(np.argmax(ranks / np.arange(1, len(ranks) + 1)))
        return place + 1, int(ranks[place])


def fit_looks(history: LearningCurves, looks: Sequence[int], best: int) -> dict[int, LookModel]:
    """A model for each look, made from the last look to the first.

    The y_T of a stopped network is guessed at the last look that it reached; earlier looks learn from this
    guess. In long searches, models learn from the latest `MOST_GUESSES` guesses, the latest `MOST_RESULTS`
    results and the `best` best ones.

    Args:
        history: finished networks, at least one of them completed.
        looks: epochs, increasing.
        best: of how many of the best completed networks the ranks are taken.
    """
    target = Target.of(history.final[history.completed])
    results, silent = _teaching(history, best)
    guesses = Guesses(*np.full((2, len(history)), np.nan))
    models: dict[int, LookModel] = {}
    for tau in reversed(looks):
        guessed = np.isfinite(guesses.means)
        reached = np.flatnonzero((history.observed >= tau) & ~history.completed & ~guessed)
        older, latest = np.split(np.flatnonzero(guessed), [max(0, guessed.sum() - MOST_GUESSES)])
        rows = [results, latest, np.concatenate([reached, older, silent])]
        models[tau], predicted = _fit_look(history, tau, rows, target, guesses, best)
        guesses.means[reached] = predicted.mean[: len(reached)]
        guesses.variances[reached] = predicted.variance[: len(reached)]
    return models


def _teaching(history: LearningCurves, best: int) -> tuple[Rows, Rows]:
    """The completed networks that models learn from, in order, and the others."""
    completed = np.flatnonzero(history.completed)
    top = np.argsort(-history.final[completed], kind="stable")[:best]
    teaches = np.arange(len(completed)) >= len(completed) - MOST_RESULTS
    teaches[top] = True
    return completed[teaches], completed[~teaches]


def _fit_look(
    history: LearningCurves,
    tau: int,
    rows: Sequence[Rows],
    target: Target,
    guesses: Guesses,
    best: int,
) -> tuple[LookModel, StudentMixture]:
    """The model of one look, and its predictions for the networks that it does not learn from.

    `rows`: the networks that it learns from by their results, those by guesses, and the others.
    """
    completed, guessed, others = rows
    inputs = Inputs.of(history[np.concatenate(rows)], tau)
    process = AveragedProcess.fit(
        inputs(history[completed]),
        target(history.final[completed]),
        inputs(history[guessed]),
        Guesses(guesses.means[guessed], guesses.variances[guessed]),
    )
    predicted = process.predict(inputs(history[others]))
    left_out = process.leave_one_out().exceeds(target.of_best)
    chances = np.concatenate([left_out, predicted.exceeds(target.of_best)])
    order = np.argsort(chances, kind="stable")
    chances, values = chances[order], history.scores[np.concatenate(rows)[order], tau - 1]
    top = np.argsort(-history.final[completed], kind="stable")[:best]
    ranks = _larger(chances, left_out[top])
    worst = float(np.nanmin(history.final))
    highest = history.possible[1]
    return LookModel(tau, inputs, target, process, chances, values, ranks, worst, highest), predicted


def _larger(chances: Floats, chance: float | Floats) -> npt.NDArray[np.int64]:
    """How many of the chances, given in increasing order, are larger."""
    return np.asarray(len(chances) - np.searchsorted(chances, chance * EQUAL, side="right"))
