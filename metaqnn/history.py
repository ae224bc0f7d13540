"""The learning curves of a search as the predictor sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictor import LearningCurves


@dataclass(frozen=True)
class NetworkFacts:
    """What is known about a network before it is trained: its name and architecture parameters (AP)."""

    architecture: str
    parameters: int
    depth: int


class History:
    """Finished learning curves in order of finishing.

    Args:
        epochs: T, epochs of a full training.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._rows: list[LearningCurves] = []
        self._curves = LearningCurves(
            np.empty((0, epochs)),
            {"parameters": np.empty(0), "depth": np.empty(0)},
            {"learning_rate": np.empty(0)},
            names=np.empty(0, dtype=np.str_),
        )

    def curve(self, facts: NetworkFacts, learning_rate: float, accuracies: Sequence[float]) -> LearningCurves:
        """One (partial) curve with its parameters, padded with NaN to T epochs."""
        values = np.full((1, self._epochs), np.nan)
        values[0, : len(accuracies)] = accuracies
        return LearningCurves(
            values,
            {"parameters": np.array([float(facts.parameters)]), "depth": np.array([float(facts.depth)])},
            {"learning_rate": np.array([learning_rate])},
            names=np.array([facts.architecture]),
        )

    def append(self, curve: LearningCurves) -> None:
        """Add a finished curve."""
        self._rows.append(curve)

    @property
    def curves(self) -> LearningCurves:
        """All finished curves."""
        if self._rows:
            self._curves = LearningCurves.concatenate(self._curves, *self._rows)
            self._rows = []
        return self._curves
