"""Sets of learning curves that grow by one curve after the other, as in a search."""

from __future__ import annotations

import numpy as np

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves, check_alike

FIRST_CAPACITY = 64
KINDS = ("architecture", "hyperparameters")


class GrowingCurves:
    """Curves in arrays that grow in place, with the facts about each that all rules ask for.

    Adding one costs the same however many there are, and so does asking for all. `LearningCurves.concatenate`
    copies all curves, and its result works out again how far each was observed.

    Args:
        first: the first curves; even an empty set tells what all have in common.

    Example:
        >>> import numpy as np
        >>> from predictor import LearningCurves
        >>> from predictor.curves.growing import GrowingCurves
        >>> growing = GrowingCurves(LearningCurves(np.empty((0, 3))))
        >>> growing.append(LearningCurves(np.array([[0.1, 0.2, np.nan]])))
        >>> growing.append(LearningCurves(np.array([[0.1, 0.2, 0.3]])))
        >>> growing.curves.observed.tolist(), growing.curves.completed.tolist()
        ([2, 3], [False, True])
    """

    def __init__(self, first: LearningCurves) -> None:
        self._like = first[:0]
        self._size = 0
        self._arrays = {name: array.copy() for name, array in _arrays(self._like).items()}
        self._curves: LearningCurves | None = None
        self.append(first)

    def append(self, curves: LearningCurves) -> None:
        """Add curves; `CurvesError` unless metric, T and parameters are those of the first."""
        check_alike(self._like, curves)
        size = self._size + len(curves)
        self._reserve(size)
        for name, array in _arrays(curves).items():
            self._arrays[name][self._size : size] = array
        self._size = size
        self._curves = None

    def keep(self, size: int) -> None:
        """Keep only the first curves, in new memory: sets given out earlier never change."""
        self._arrays = {name: array.copy() for name, array in self._arrays.items()}
        self._size = size
        self._curves = None

    @property
    def curves(self) -> LearningCurves:
        """All curves; the same object until one is added, and never changed afterwards."""
        if self._curves is None:
            there = {name: array[: self._size] for name, array in self._arrays.items()}
            self._curves = LearningCurves(
                there["values", ""],
                {name: there["architecture", name] for name in self._like.architecture},
                {name: there["hyperparameters", name] for name in self._like.hyperparameters},
                self._like.metric,
                self._like.direction,
            )
            self._curves.know(**{fact: array for (kind, fact), array in there.items() if kind == "fact"})
            self._curves.will_last()
        return self._curves

    def _reserve(self, size: int) -> None:
        capacity = len(self._arrays["values", ""])
        if size <= capacity:
            return
        capacity = max(size, 2 * capacity, FIRST_CAPACITY)
        for name, array in self._arrays.items():
            self._arrays[name] = np.empty((capacity, *array.shape[1:]), array.dtype)
            self._arrays[name][: self._size] = array[: self._size]


def begins_with(curves: LearningCurves, start: LearningCurves) -> bool:
    """Whether the first curves are those of `start`; all that models learn from is compared bit by bit."""
    n = len(start)
    if len(curves) < n or _kind(curves) != _kind(start):
        return False
    ours, theirs, lasting = _columns(curves), _columns(start), curves.lasting and start.lasting
    return list(ours) == list(theirs) and all(_same(ours[name][:n], theirs[name], lasting) for name in ours)


def lasting(curves: LearningCurves) -> LearningCurves:
    """These curves, without names, in memory that nobody changes: to compare others with them later."""
    return curves if curves.lasting else GrowingCurves(curves).curves


def _kind(curves: LearningCurves) -> tuple[object, ...]:
    return curves.T, curves.metric, curves.direction


def _columns(curves: LearningCurves) -> dict[tuple[str, str], Floats]:
    """All that models learn from, by kind and name."""
    columns = {(kind, name): column for kind in KINDS for name, column in getattr(curves, kind).items()}
    return {**columns, ("values", ""): curves.values}


def _arrays(curves: LearningCurves) -> dict[tuple[str, str], Floats]:
    """All that is kept of each curve, by kind and name."""
    facts = {("fact", name): getattr(curves, name) for name in ("observed", "completed", "diverged", "final")}
    return {**_columns(curves), **facts}


def _same(a: Floats, b: Floats, lasting: bool) -> bool:
    """Whether all values are equal, with NaN equal to NaN; the same lasting memory need not be compared."""
    if lasting and _place(a) == _place(b):
        return True
    return np.array_equal(np.ascontiguousarray(a).view(np.int64), np.ascontiguousarray(b).view(np.int64))


def _place(array: Floats) -> tuple[object, ...]:
    """Where an array lies, and how."""
    return array.__array_interface__["data"], array.strides, array.shape, array.dtype
