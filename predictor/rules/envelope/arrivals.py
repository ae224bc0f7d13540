"""Networks that finished after the models were fitted: their places among all that is seen so far."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping
from math import inf

from predictor.curves.growing import begins_with, lasting
from predictor.curves.learning_curves import LearningCurves
from predictor.rules.envelope.scoring import EQUAL, LookModel


class Arrivals:
    """Networks that finished since the latest fit: their chances by its models, and their y_t.

    They are never changed, so that threads may share them: `follow` makes others. It goes on from those that
    are known here if the networks begin with them, and otherwise starts afresh.

    Args:
        models: of the latest fit, by the epochs of their looks.
    """

    def __init__(self, models: Mapping[int, LookModel]) -> None:
        self._models = models
        self._known: LearningCurves | None = None
        self._seen: dict[int, list[tuple[float, float]]] = {tau: [] for tau in models}

    def follow(self, later: LearningCurves) -> Arrivals:
        """Those of `later`, the networks that finished since the fit, in order of finishing."""
        arrivals = Arrivals(self._models)
        if self._known is not None and begins_with(later, self._known):
            arrivals._known = self._known
            arrivals._seen = {tau: seen.copy() for tau, seen in self._seen.items()}
        for row in range(len(arrivals), len(later)):
            network = later[row]
            for tau, model in self._models.items():
                if network.observed[0] >= tau:
                    insort(arrivals._seen[tau], (model.score(network).chance, network.scores[0, tau - 1]))
        arrivals._known = lasting(later)
        return arrivals

    def __len__(self) -> int:
        """How many networks there are."""
        return 0 if self._known is None else len(self._known)

    def rank(self, tau: int, chance: float) -> int:
        """How many of those that reached the look after tau epochs have a larger chance."""
        return len(self._seen[tau]) - bisect_right(self._seen[tau], (chance * EQUAL, inf))

    def ties(self, tau: int, rank: int, value: float) -> int:
        """How many of the first `rank` of these have that very y_t."""
        return sum(own == value for _, own in self._seen[tau][len(self._seen[tau]) - rank :])

    def seen(self, tau: int) -> int:
        """How many of them reached that look."""
        return len(self._seen[tau])
