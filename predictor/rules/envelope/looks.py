"""When the rank envelope looks at a network, and when it refits its models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from predictor.curves.learning_curves import LearningCurves

FIRST, STEP, GROWTH = Fraction(3, 100), Fraction(3, 100), Fraction(7, 5)
MORE_COMPLETED, MORE_FINISHED = 115, 130
"""Completed and finished networks at which a refit is due, in percent of those of the last fit."""
ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "nearest": lambda due: max(1, floor(due + Fraction(1, 2))),
    "up": ceil,
}


@cache
def look_epochs(T: int, rounding: str) -> tuple[int, ...]:
    """Epochs after which networks of T epochs are judged, increasing and below T.

    The first is 0.03 T, and t is followed by max(t + 0.03 T, t + 1, 1.4 t), each rounded: looks are dense at
    the beginning, where much can be saved; later, their distance grows with the epochs trained.

    Args:
        T: epochs of a network that is not stopped.
        rounding: 'up', or to the 'nearest' epoch (halves up).
    """
    rounded = ROUNDINGS[rounding]
    epochs, t = [], rounded(FIRST * T)
    while t < T:
        epochs.append(t)
        t = rounded(max(t + max(STEP * T, Fraction(1)), GROWTH * t))
    return tuple(epochs)


def refit_size(history: LearningCurves, burn_in: int, known: int = 0) -> int:
    """How many networks, from the beginning of the history, the models in use have learned from.

    The first fit is made when `burn_in` networks are completed. Another one follows as soon as, since the
    last fit, a network was completed that is better than all before, or there are 15% more completed
    networks, or 30% more finished ones. Each size follows from the one before, so all follow from the order
    of the history; the size is 0 during the burn-in.

    Args:
        history: finished networks.
        burn_in: completed networks before the first fit.
        known: the size for an earlier part of the same history, to go on from; 0 for none.
    """
    size, following = 0, known or _first_of(history.completed, burn_in)
    while following <= len(history):
        size = following
        following = Refit.after(history, size).following(history)
    return size


@dataclass(frozen=True)
class Refit:
    """When the next fit is due after one to the first `size` networks: at the first of three events.

    Attributes:
        size: networks of the last fit.
        finished: the history has this many networks.
        completed: this many completed networks have come after those of the last fit.
        best: one of those has a y_T above this, in scores.
    """

    size: int
    finished: int
    completed: int
    best: float

    @classmethod
    def after(cls, history: LearningCurves, size: int) -> Refit:
        """When the next fit is due after one to the first `size` networks of the history."""
        completed = int(np.count_nonzero(history.completed[:size]))
        more = -(-MORE_COMPLETED * completed // 100) - completed
        return cls(size, -(-MORE_FINISHED * size // 100), more, float(np.fmax.reduce(history.final[:size])))

    def due(self, history: LearningCurves) -> bool:
        """Whether the fit is due with this history."""
        return bool(
            len(history) >= self.finished
            or np.count_nonzero(history.completed[self.size :]) >= self.completed
            or np.any(history.final[self.size :] > self.best)
        )

    def following(self, history: LearningCurves) -> int:
        """How many networks the fit learns from; more than there are if it is not due."""
        better = np.flatnonzero(history.final[self.size :] > self.best)[:1].tolist()
        return min(
            self.finished,
            self.size + _first_of(history.completed[self.size :], self.completed),
            self.size + (better[0] if better else len(history)) + 1,
        )


def _first_of(completed: npt.NDArray[np.bool_], count: int) -> int:
    """The smallest size with `count` completed networks; more than there are if there are too few."""
    rows = np.flatnonzero(completed)
    return int(rows[count - 1]) + 1 if len(rows) >= count else len(completed) + 1
