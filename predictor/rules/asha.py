"""Asynchronous successive halving that pauses trainings, for comparison in simulations."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from heapq import heappop, heappush
from math import ceil

from predictor.curves.arrays import ROUNDING
from predictor.errors import PredictorError


class Asha:
    """ASHA: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, algorithm 2.

    Trainings pause at rungs of r, r eta, r eta^2, ... epochs. Whenever another one can run, the rungs are
    searched from the highest down: the best training that is among the 1/eta best of its rung and not yet
    promoted goes on to the next rung. If there is none, a new training begins. It is not a `StoppingRule`:
    nothing is stopped for good.

    Args:
        reduction_factor: eta >= 2.
        first: share of T, in [0, 1), that makes r, rounded up; r is at least one epoch.
    """

    def __init__(self, *, reduction_factor: int = 3, first: float = 0.0) -> None:
        if reduction_factor < 2:
            raise PredictorError(f"reduction_factor = {reduction_factor}; expected at least 2")
        if not 0 <= first < 1:
            raise PredictorError(f"first = {first}; expected a share of the epochs in [0, 1), such as 0.1")
        self.reduction_factor = reduction_factor
        self.first = first

    def rungs(self, T: int) -> tuple[int, ...]:
        """Epochs at which trainings of T epochs pause, increasing, and T itself."""
        epochs, t = [], max(1, ceil(self.first * T - ROUNDING))
        while t < T:
            epochs.append(t)
            t *= self.reduction_factor
        return (*epochs, T)

    def promoted(self, rungs: Sequence[Rung]) -> tuple[int, int] | None:
        """The training that goes on, and the index of the rung that it leaves for good; None if none may.

        Args:
            rungs: those below T, in increasing order.
        """
        for index in reversed(range(len(rungs))):
            training = rungs[index].promote(self.reduction_factor)
            if training is not None:
                return training, index
        return None


class Rung:
    """The trainings that have reached a rung: those that wait there, and those that have gone on."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, int]] = []  # a heap: minus the score, the place of arrival, who
        self._gone: list[tuple[float, int, int]] = []  # in increasing order

    def add(self, training: int, score: float) -> None:
        """A training has come, with this score, larger is better; of equal ones, the earlier is better."""
        heappush(self._waiting, (-score, len(self._waiting) + len(self._gone), training))

    def promote(self, reduction_factor: int) -> int | None:
        """The best training that waits, which goes on, if it is among the 1/eta best of all; or None."""
        if not self._waiting:
            return None
        best, arrived = self._waiting[0], len(self._waiting) + len(self._gone)
        place = bisect(self._gone, best)  # all that are better have gone
        if place >= arrived // reduction_factor:
            return None
        self._gone.insert(place, heappop(self._waiting))
        return best[-1]
