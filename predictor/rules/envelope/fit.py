"""The models of a rank envelope, how they rank a network, and the networks that finished after the fit."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from predictor.curves.growing import begins_with, lasting
from predictor.curves.learning_curves import LearningCurves
from predictor.rules.envelope.looks import Refit
from predictor.rules.envelope.scoring import EQUAL, LookModel, Score

MOST_NETWORKS = 3000
"""Only this many of the latest networks, and the best ones, are ranked, so that a fit takes seconds."""
FIRST_RUNG = 10
"""The limit is bounded from epoch T divided by this onwards."""
SPARED = 4
"""Networks that go on besides successive halving's share, which is too small while few are known."""


class Standing(NamedTuple):
    """Where a network stands at a look.

    Attributes:
        score: its chance and expected result there.
        place: how many networks seen there have a larger chance.
        ties: how many of these have the same y_t.
        envelope: g(t) without its bound.
        bound: the bound on g(t), before `ties` is added.
    """

    score: Score
    place: int
    ties: int
    envelope: float
    bound: float

    @property
    def limit(self) -> float:
        """A network goes on if its place is smaller than this."""
        return min(self.envelope, self.bound + self.ties)


class Arrivals:
    """Networks that finished after the latest fit: their chances according to its models, and their y_t.

    An object is never changed, so threads may share it: `follow` makes a new one, which takes over what is
    known here if its networks begin with the ones here, and otherwise starts afresh.

    Args:
        models: those of the latest fit, by the epochs of their looks.
    """

    def __init__(self, models: Mapping[int, LookModel]) -> None:
        self._models = models
        self._known: LearningCurves | None = None
        self._seen: dict[int, list[tuple[float, float]]] = {tau: [] for tau in models}

    def follow(self, later: LearningCurves) -> Arrivals:
        """The arrivals for `later`, all networks that finished after the fit, in order of finishing."""
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
        """How many of the `rank` networks with the largest chances have exactly this y_t."""
        return sum(own == value for _, own in self._seen[tau][len(self._seen[tau]) - rank :])

    def seen(self, tau: int) -> int:
        """How many reached the look after tau epochs."""
        return len(self._seen[tau])


@dataclass(frozen=True, eq=False)
class Fit:
    """Models fitted to the first networks of a history, and the networks that came after.

    Attributes:
        known: the networks of the fit.
        refit: when the next fit is due.
        models: by the epochs of their looks.
        arrivals: the networks that finished since; empty if they are not ranked.
        ranked: how many of the known networks are ranked.
    """

    known: LearningCurves
    refit: Refit
    models: Mapping[int, LookModel]
    arrivals: Arrivals
    ranked: int

    @property
    def networks(self) -> int:
        """How many networks a network is ranked among."""
        return self.ranked + len(self.arrivals)

    def standing(self, curve: LearningCurves, tau: int, c: float, reduction_factor: float | None) -> Standing:
        """Where a network stands at the look after tau epochs; g grows with the number of networks there."""
        look, later, value = self.models[tau], self.arrivals, curve.scores[0, tau - 1]
        score, seen = look.score(curve), len(look.chances)
        known, new = look.rank(score.chance), later.rank(tau, score.chance)
        return Standing(
            score,
            place=known + new,
            ties=look.ties(known, value) + later.ties(tau, new, value),
            envelope=look.limit(c) * (seen + later.seen(tau)) / seen,
            bound=self._bound(tau, reduction_factor),
        )

    def _bound(self, tau: int, reduction_factor: float | None) -> float:
        """How many networks successive halving would let through, plus four; infinite before T / 10."""
        if reduction_factor is None or FIRST_RUNG * tau < self.known.T:
            return inf
        return self.networks * self.known.T / (FIRST_RUNG * tau * reduction_factor) + SPARED


def recent(history: LearningCurves, best: int) -> LearningCurves:
    """The latest `MOST_NETWORKS` networks, and those of the `best` best completed ones that are older."""
    first = len(history) - MOST_NETWORKS
    if first <= 0:
        return history
    top = np.argsort(-np.nan_to_num(history.final, nan=-inf), kind="stable")[:best]
    return history[np.union1d(top, np.arange(first, len(history)))]
