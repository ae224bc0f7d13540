"""One simulated search: networks arrive in some order, and a rule says how long each is trained, and when."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import ROUNDING, Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError, PredictorError
from predictor.rules.asha import Asha, Rung
from predictor.rules.base import StoppingRule
from predictor.simulation.history import Replay

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Result:
    """What a rule did to n networks of T epochs that arrived in one order; y_T in `LearningCurves.scores`.

    Attributes:
        order: (n,) rows of the curves in order of arrival.
        epochs: (n,) epochs that each network was trained, in order of arrival.
        final: (n,) y_T of each network, whether it was trained that far or not, in order of arrival.
        T: epochs of a network that is not stopped.
        ended: (n,) epochs of all networks together when this one was completed or given up.
        decisions: how often the rule was asked.
        seconds: wall time of all decisions, fits of the rule's models included.
    """

    order: Integers
    epochs: Integers
    final: Floats
    T: int
    ended: Integers
    decisions: int
    seconds: float

    @property
    def completed(self) -> npt.NDArray[np.bool_]:
        """(n,) which networks were trained to T, in order of arrival."""
        return self.epochs == self.T

    @property
    def epochs_trained(self) -> int:
        """Epochs of all networks together, everything included."""
        return int(self.epochs.sum())

    @property
    def speed_up(self) -> float:
        """n T / (epochs trained)."""
        return len(self.epochs) * self.T / self.epochs_trained

    @property
    def regret(self) -> float:
        """Best y_T of all networks minus the best among the completed; infinite if none was completed."""
        return float(self.final.max() - self.final[self.completed].max(initial=-np.inf))

    @property
    def median_gap(self) -> float:
        """How much better the best network is than the median one; than the mean one if that is 0."""
        best = self.final.max()
        return float(best - np.median(self.final)) or float(np.mean(best - self.final)) or 1.0

    def anytime_regret(self, shares: npt.ArrayLike) -> Floats:
        """Regret after these shares of n T epochs, of the networks completed by then, over the median gap.

        Infinite before the first is completed; constant after the last network.
        """
        rows, best = self._best_so_far()
        budgets = np.asarray(shares) * (len(self.epochs) * self.T)
        through = np.searchsorted(self.ended[rows], budgets + ROUNDING, side="right")
        found = np.append(-np.inf, best)[through]
        return np.asarray((self.final.max() - found) / self.median_gap)

    @property
    def recovered(self) -> bool:
        """Whether a network with the best y_T was completed (with duplicates, one of them is enough)."""
        return self.regret == 0

    @property
    def stopped(self) -> int:
        """Number of networks that were stopped."""
        return int(np.sum(~self.completed))

    @property
    def false_stops(self) -> int:
        """Number of stopped networks with y_T > y_BEST of that moment, the best y_T completed before.

        Before anything is completed y_BEST is minus infinity, and every stop is false.
        """
        rows, best = self._best_so_far()
        return int(np.sum(~self.completed[rows] & (self.final[rows] > best)))

    def _best_so_far(self) -> tuple[Integers, Floats]:
        """The networks as they ended, and the best y_T completed by then."""
        rows = np.lexsort((~self.completed, self.ended))
        return rows, np.maximum.accumulate(np.where(self.completed, self.final, -np.inf)[rows])


def arrival_order(number: int, n: int) -> Integers:
    """(n,) the order of arrival with this number: a permutation drawn with the seed 1000 + number."""
    return np.random.default_rng(1000 + number).permutation(n)


def simulate(curves: LearningCurves, rule: StoppingRule, order: npt.ArrayLike) -> Result:
    """Replay recorded curves, one network after the other, and let the rule stop them.

    The rule is asked after each of the epochs 1..T-1 of a network, with the networks that finished before as
    its history, in order of arrival; it sees nothing else.

    Args:
        curves: n >= 1 completed curves of T >= 2 epochs; otherwise `CurvesError`.
        rule: a fresh one, or one that keeps no results from other curves.
        order: (n,) each row of the curves once, see `arrival_order`; otherwise `PredictorError`.
    """
    rows = checked_order(curves, order)
    recorded, T = curves[rows], curves.T
    replay, epochs = Replay(recorded), np.empty(len(rows), dtype=np.int64)
    decisions, seconds = 0, 0.0
    for row in range(len(rows)):
        history = replay.history()
        epochs[row] = T
        for tau in range(1, T):
            look = replay.look(row, tau)
            began = perf_counter()
            stop = rule.decide(look, history).stop
            seconds += perf_counter() - began
            decisions += 1
            if stop:
                epochs[row] = tau
                break
        replay.finish(int(epochs[row]))
    return Result(rows, epochs, recorded.final, T, np.cumsum(epochs), decisions, seconds)


def checked_order(curves: LearningCurves, order: npt.ArrayLike) -> Integers:
    """The order as rows; raises what `simulate` raises for curves and orders that cannot be simulated."""
    if curves.T < 2:
        raise CurvesError(f"curves of T = {curves.T} epoch leave nothing to stop; expected at least 2")
    if not len(curves) or not curves.completed.all():
        raise CurvesError(
            f"{int(curves.completed.sum())} of {len(curves)} curves are completed; a simulation needs "
            f"completed curves only, and at least one"
        )
    rows = np.asarray(order)
    if rows.ndim != 1 or not np.array_equal(np.sort(rows), np.arange(len(curves))):
        raise PredictorError(f"order {order!r}; expected each of the rows 0 to {len(curves) - 1} once")
    return rows.astype(np.int64)


def simulate_paused(curves: LearningCurves, schedule: Asha, order: npt.ArrayLike) -> Result:
    """Replay recorded curves, and let the schedule say which training goes on, until none may.

    New trainings begin in the given order. A training that goes on does not repeat its epochs, as with
    checkpoints. The wall time counts decisions, as in `simulate`.

    Args:
        curves: as in `simulate`, with the same errors.
        schedule: when trainings pause, and which goes on.
        order: as in `simulate`.
    """
    rows = checked_order(curves, order)
    scores, rungs, T = curves.scores[rows], schedule.rungs(curves.T), curves.T
    reached = [Rung() for _ in rungs[:-1]]
    epochs, ended = (np.zeros(len(rows), dtype=np.int64) for _ in range(2))
    begun = decisions = trained = 0
    seconds = 0.0
    while True:
        began = perf_counter()
        promoted = schedule.promoted(reached)
        seconds, decisions = seconds + perf_counter() - began, decisions + 1
        if promoted is not None:
            training, left = promoted
        elif begun < len(rows):
            training, left = begun, -1
            begun += 1
        else:
            break
        rung = left + 1
        trained += rungs[rung] - int(epochs[training])
        epochs[training], ended[training] = rungs[rung], trained
        if rung < len(reached):
            reached[rung].add(training, float(scores[training, rungs[rung] - 1]))
    ended[epochs < T] = trained
    return Result(rows, epochs, curves.final[rows], T, ended, decisions, seconds)
