"""What a stopping rule sees while recorded curves are replayed: one curve so far, and the finished ones.

`LearningCurves` works out scores, lengths and results on demand, from all of its values. A replay makes a new
set after every epoch and every network, in which at most one row is new: here the facts are known beforehand,
and every history gets views of arrays that are filled in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves


class Replay:
    """Networks with recorded curves, seen one epoch after the other, in the order of their rows.

    Args:
        recorded: n completed curves, in order of arrival.
    """

    def __init__(self, recorded: LearningCurves) -> None:
        n = len(recorded)
        self._recorded = recorded
        self._values = np.full(recorded.shape, np.nan)
        self._facts = {
            "scores": np.full(recorded.shape, np.nan),
            "observed": np.zeros(n, dtype=np.int64),
            "completed": np.zeros(n, dtype=np.bool_),
            "diverged": np.zeros(n, dtype=np.bool_),
            "final": np.full(n, np.nan),
        }
        self._size = 0

    def look(self, row: int, tau: int) -> LearningCurves:
        """The one curve of a network after tau epochs, 1 <= tau < T."""
        values, scores = (np.full((1, self._recorded.T), np.nan) for _ in range(2))
        values[0, :tau] = self._recorded.values[row, :tau]
        scores[0, :tau] = self._recorded.scores[row, :tau]
        no = np.array([False])
        facts = {"observed": np.array([tau]), "completed": no, "diverged": no, "final": np.array([np.nan])}
        return self._set(slice(row, row + 1), values, {"scores": scores, **facts})

    def finish(self, epochs: int) -> None:
        """Add the next network to the history, trained for this many epochs and no more."""
        row, facts = self._size, self._facts
        self._values[row, :epochs] = self._recorded.values[row, :epochs]
        facts["scores"][row, :epochs] = self._recorded.scores[row, :epochs]
        facts["observed"][row] = epochs
        if epochs == self._recorded.T:
            facts["completed"][row], facts["final"][row] = True, self._recorded.final[row]
        self._size += 1

    def history(self) -> LearningCurves:
        """The networks that have finished; rows that are in it never change afterwards."""
        rows = slice(0, self._size)
        facts = {name: array[rows] for name, array in self._facts.items()}
        return self._set(rows, self._values[rows], facts)

    def _set(self, rows: slice, values: Floats, facts: Mapping[str, npt.NDArray[Any]]) -> LearningCurves:
        known = self._recorded
        curves = LearningCurves(
            values,
            {name: column[rows] for name, column in known.architecture.items()},
            {name: column[rows] for name, column in known.hyperparameters.items()},
            known.metric,
            known.direction,
            None if known.names is None else known.names[rows],
        )
        curves.know(**facts)
        curves.will_last()
        return curves
