"""The models of a rank envelope, and where a network stands by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from predictor.curves.learning_curves import LearningCurves
from predictor.rules.envelope.arrivals import Arrivals
from predictor.rules.envelope.looks import Refit
from predictor.rules.envelope.scoring import LookModel, Score

MOST_NETWORKS = 3000
"""That are ranked at most, so that a fit takes seconds: of a longer history the latest, and the best."""
FIRST_RUNG = 10
"""The limit is bounded from T divided by this on."""
SPARED = 4
"""Networks that go on beyond the share of successive halving, which is too small where few are known."""


class Standing(NamedTuple):
    """Where a network stands at a look.

    Attributes:
        score: what is believed of it there.
        place: how many networks seen there have a larger chance.
        ties: how many of these have the same y_t.
        envelope: g(t) without its bound.
        bound: on g(t), ties not counted.
    """

    score: Score
    place: int
    ties: int
    envelope: float
    bound: float

    @property
    def limit(self) -> float:
        """What goes on has a smaller place."""
        return min(self.envelope, self.bound + self.ties)


@dataclass(frozen=True, eq=False)
class Fit:
    """Models of the first networks of a history, and the places of those that came after.

    Attributes:
        known: the networks of the fit.
        refit: when the next fit is due.
        models: by the epochs of their looks.
        arrivals: the networks that finished since; none where they are not ranked.
        ranked: how many of the known ones the models rank.
    """

    known: LearningCurves
    refit: Refit
    models: Mapping[int, LookModel]
    arrivals: Arrivals
    ranked: int

    @property
    def networks(self) -> int:
        """How many a network is ranked among."""
        return self.ranked + len(self.arrivals)

    def standing(self, curve: LearningCurves, tau: int, c: float, reduction_factor: float | None) -> Standing:
        """Where a network stands at the look after tau epochs; g grows with how many are seen there."""
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
        """How many networks successive halving would let through, and four; no bound before T / 10."""
        if reduction_factor is None or FIRST_RUNG * tau < self.known.T:
            return np.inf
        return self.networks * self.known.T / (FIRST_RUNG * tau * reduction_factor) + SPARED


def recent(history: LearningCurves, best: int) -> LearningCurves:
    """The latest `MOST_NETWORKS` networks, and the `best` best completed ones where these are older."""
    first = len(history) - MOST_NETWORKS
    if first <= 0:
        return history
    top = np.argsort(-np.nan_to_num(history.final, nan=-np.inf), kind="stable")[:best]
    return history[np.union1d(top, np.arange(first, len(history)))]
