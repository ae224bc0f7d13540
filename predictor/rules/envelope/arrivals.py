"""Networks that finished after the models were fitted: their places among all that is seen so far."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping

from predictor.curves.growing import begins_with
from predictor.curves.learning_curves import LearningCurves
from predictor.rules.envelope.scoring import LookModel


class Arrivals:
    """The chances, by the models of the latest fit, of the networks that finished since then.

    What is kept depends on the networks alone: `follow` goes on from those that it knows if the networks
    begin with them, and otherwise starts afresh.

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
