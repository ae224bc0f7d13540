"""What a stopping rule sees while recorded curves are replayed: one curve so far, and the finished ones.

A set of learning curves works out its scores, lengths and results on demand, from all of its values. A replay
makes a new set after every epoch and every network, but only one row is new: here it is known beforehand
what would be worked out, and every set gets views of arrays that grow in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from predictor.curves.learning_curves import LearningCurves


class Replay:
    """Networks with recorded curves, seen one epoch after the other, in the order of their rows.

    Args:
        recorded: n completed curves, in order of arrival.
    """

    def __init__(self, recorded: LearningCurves) -> None:
        self._recorded = recorded
        n = len(recorded)
        self._values, self._scores = (np.full(recorded.shape, np.nan) for _ in range(2))
        self._final, self._observed = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
        self._completed, self._diverged = (np.zeros(n, dtype=np.bool_) for _ in range(2))
        self._size = 0

    def look(self, row: int, tau: int) -> LearningCurves:
        """The one curve of a network after tau epochs, 1 <= tau < T."""
        values, scores = (np.full((1, self._recorded.T), np.nan) for _ in range(2))
        values[0, :tau] = self._recorded.values[row, :tau]
        scores[0, :tau] = self._recorded.scores[row, :tau]
        return self._set(
            slice(row, row + 1),
            values,
            scores=scores,
            observed=np.array([tau]),
            completed=np.array([False]),
            diverged=np.array([False]),
            final=np.array([np.nan]),
        )

    def finish(self, epochs: int) -> None:
        """The next network has been trained for so many epochs and no more."""
        row = self._size
        self._values[row, :epochs] = self._recorded.values[row, :epochs]
        self._scores[row, :epochs] = self._recorded.scores[row, :epochs]
        self._observed[row] = epochs
        if epochs == self._recorded.T:
            self._completed[row], self._final[row] = True, self._recorded.final[row]
        self._size += 1

    def history(self) -> LearningCurves:
        """The networks that have finished; rows that are in it never change afterwards."""
        rows = slice(0, self._size)
        return self._set(
            rows,
            self._values[rows],
            scores=self._scores[rows],
            observed=self._observed[rows],
            completed=self._completed[rows],
            diverged=self._diverged[rows],
            final=self._final[rows],
        )

    def _set(
        self, rows: slice, values: npt.NDArray[np.float64], **derived: npt.NDArray[Any]
    ) -> LearningCurves:
        known = self._recorded
        curves = LearningCurves(
            values,
            {name: column[rows] for name, column in known.architecture.items()},
            {name: column[rows] for name, column in known.hyperparameters.items()},
            known.metric,
            known.direction,
            None if known.names is None else known.names[rows],
        )
        for array in derived.values():
            array.flags.writeable = False
        vars(curves).update(derived)  # where cached properties keep what they have worked out
        return curves
