"""The learning curves of a search as the predictor sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from predictor import LearningCurves

COLUMNS = ("parameters", "depth", "learning_rate")
FIRST_CAPACITY = 64
Floats = npt.NDArray[np.float64]


class History:
    """Finished learning curves in order of finishing, in arrays that grow in place.

    Args:
        epochs: T, epochs of a full training.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._size = 0
        self._values = np.full((FIRST_CAPACITY, epochs), np.nan)
        self._parameters = np.empty((FIRST_CAPACITY, len(COLUMNS)))
        self._curves: LearningCurves | None = None

    def curve(
        self, parameters: int, depth: int, learning_rate: float, accuracies: Sequence[float]
    ) -> LearningCurves:
        """One (partial) curve with the network's parameters, padded with NaN to T epochs."""
        values = np.full((1, self._epochs), np.nan)
        values[0, : len(accuracies)] = accuracies
        return _curves(values, np.array([[parameters, depth, learning_rate]], dtype=np.float64))

    def append(self, curve: LearningCurves) -> None:
        """Add a finished curve, one that `curve` made."""
        if self._size == len(self._values):
            more = np.full_like(self._values, np.nan)
            self._values = np.concatenate([self._values, more])
            self._parameters = np.concatenate([self._parameters, np.empty_like(self._parameters)])
        known = {**curve.architecture, **curve.hyperparameters}
        self._values[self._size] = curve.values[0]
        self._parameters[self._size] = [known[name][0] for name in COLUMNS]
        self._size += 1
        self._curves = None

    @property
    def curves(self) -> LearningCurves:
        """All finished curves; the same object until one is added, and never changed afterwards."""
        if self._curves is None:
            self._curves = _curves(self._values[: self._size], self._parameters[: self._size])
        return self._curves


def _curves(values: Floats, parameters: Floats) -> LearningCurves:
    """(n, T) accuracies with their (n, 3) parameters, the `COLUMNS`."""
    columns = dict(zip(COLUMNS, parameters.T, strict=True))
    rate = columns.pop("learning_rate")
    return LearningCurves(values, columns, {"learning_rate": rate})
