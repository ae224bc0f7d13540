"""Asynchronous successive halving that pauses trainings, for comparison in simulations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import ceil

from predictor.errors import PredictorError

ROUNDING = 1e-9
"""Shares like 0.07 of 100 epochs come out a little above 7."""


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

    def promoted(
        self, scores: Sequence[Mapping[int, float]], beyond: Sequence[Collection[int]]
    ) -> tuple[int, int] | None:
        """The training that goes on, and the index of the rung that it leaves; None if none may.

        Args:
            scores: for each rung below T, the score there of each training that reached it, larger is better.
            beyond: for each of these rungs, the trainings that have already been promoted from it.
        """
        for rung in reversed(range(len(scores))):
            here = scores[rung]
            best = sorted(here, key=lambda training: -here[training])[: len(here) // self.reduction_factor]
            waiting = [training for training in best if training not in beyond[rung]]
            if waiting:
                return waiting[0], rung
        return None
