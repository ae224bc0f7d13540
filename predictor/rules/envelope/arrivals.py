"""Networks that finished after the models were fitted: their places among all that is seen so far."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping

import numpy as np

from predictor.curves.learning_curves import Floats, LearningCurves
from predictor.rules.envelope.scoring import LookModel


class Arrivals:
    """The chances, by the models of the latest fit, of the networks that finished since then.

    What is kept depends on the networks alone: `follow` continues where it was if the networks begin with
    those that it knows, and else begins anew.

    Args:
        models: of the latest fit, by the epochs of their looks.
    """

    def __init__(self, models: Mapping[int, LookModel]) -> None:
        self._models = models
        self._known: LearningCurves | None = None
        self._chances: dict[int, list[float]] = {tau: [] for tau in models}

    def follow(self, later: LearningCurves) -> None:
        """From now on, `later` are the networks that finished since the fit, in order of finishing."""
        if self._known is None or not begins_with(later, self._known):
            self._known, self._chances = None, {tau: [] for tau in self._models}
        for row in range(len(self), len(later)):
            network = later[row]
            for tau, model in self._models.items():
                if network.observed[0] >= tau:
                    insort(self._chances[tau], model.score(network).chance)
        self._known = later

    def __len__(self) -> int:
        """How many networks there are."""
        return 0 if self._known is None else len(self._known)

    def better(self, tau: int, chance: float) -> int:
        """How many of those that reached the look after tau epochs have a larger chance."""
        return len(self._chances[tau]) - bisect_right(self._chances[tau], chance)

    def seen(self, tau: int) -> int:
        """How many of them reached that look."""
        return len(self._chances[tau])


def begins_with(curves: LearningCurves, start: LearningCurves) -> bool:
    """Whether the first curves are those of `start`, all that models learn from compared bit by bit."""
    n = len(start)
    if len(curves) < n or (curves.T, curves.metric, curves.direction) != (
        start.T,
        start.metric,
        start.direction,
    ):
        return False
    ours, theirs = _columns(curves), _columns(start)
    return list(ours) == list(theirs) and all(_same(ours[name][:n], theirs[name]) for name in ours)


def _columns(curves: LearningCurves) -> dict[tuple[str, str], Floats]:
    named = {("architecture", name): column for name, column in curves.architecture.items()}
    named |= {("hyperparameters", name): column for name, column in curves.hyperparameters.items()}
    return {**named, ("values", ""): curves.values}


def _same(a: Floats, b: Floats) -> bool:
    """NaN equals NaN; the same memory, as histories have that grow in place, is not compared."""
    if _place(a) == _place(b):
        return True
    return np.array_equal(np.ascontiguousarray(a).view(np.int64), np.ascontiguousarray(b).view(np.int64))


def _place(array: Floats) -> tuple[object, ...]:
    """Where an array lies, and how."""
    return array.__array_interface__["data"], array.strides, array.shape, array.dtype
