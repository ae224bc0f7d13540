"""The learning curves of a search as the predictor sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from predictor import LearningCurves
from predictor.curves.growing import GrowingCurves


class History:
    """Finished learning curves in order of finishing.

    Args:
        epochs: T, epochs of a full training.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._growing = GrowingCurves(self.curve(1, 1, 1.0, [])[:0])

    def curve(
        self, parameters: int, depth: int, learning_rate: float, accuracies: Sequence[float]
    ) -> LearningCurves:
        """One (partial) curve with the network's parameters, padded with NaN to T epochs."""
        values = np.full((1, self._epochs), np.nan)
        values[0, : len(accuracies)] = accuracies
        architecture = {"parameters": np.array([float(parameters)]), "depth": np.array([float(depth)])}
        return LearningCurves(values, architecture, {"learning_rate": np.array([learning_rate])})

    def append(self, curve: LearningCurves) -> None:
        """Add a finished curve, one that `curve` made."""
        self._growing.append(curve)

    @property
    def curves(self) -> LearningCurves:
        """All finished curves; the same object until one is added, and never changed afterwards."""
        return self._growing.curves
