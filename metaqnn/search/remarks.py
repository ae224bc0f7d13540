"""What a search tells its user while it runs: signs that its settings do not suit the images."""

from __future__ import annotations

import logging
from collections.abc import Collection
from statistics import fmean

from trainers import Outcome
from trainers.chance import Chance

CONSECUTIVE_CHANCE = 5
"""Networks in a row that learn nothing, after which the user is told what may be wrong."""
_LOG = logging.getLogger(__name__)


class Remarks:
    """Warnings in the log, each once.

    Args:
        chance: what is no better than chance.
        initial_q: initial Q-value of every action.
    """

    def __init__(self, chance: Chance, initial_q: float) -> None:
        self._chance = chance
        self._initial_q = initial_q
        self._at_chance = 0
        self._chose = False

    def finished(self, outcome: str) -> None:
        """A network has ended."""
        self._at_chance = self._at_chance + 1 if outcome == Outcome.CHANCE else 0
        if self._at_chance == CONSECUTIVE_CHANCE:
            _LOG.warning(
                "%d networks in a row have learned nothing: after epoch %d, at every learning rate, they "
                "were no better than always guessing the commonest class (%.2f%%). Are labels right? "
                "A smaller --batch-size, another --learning-rate or more images may help",
                CONSECUTIVE_CHANCE,
                self._chance.epoch or 1,
                100 * self._chance.level,
            )

    def choosing(self, rewards: Collection[float]) -> None:
        """The agent begins to choose layers by their Q-values, after networks with these rewards."""
        if self._chose or not rewards:
            return
        self._chose = True
        if (mean := fmean(rewards)) < self._initial_q:
            _LOG.warning(
                "the agent will learn little: rewards so far have a mean of %.4f, less than the initial "
                "Q-value of every layer, %g, so that layers it has never tried seem better than all that it "
                "knows; begin another search with --initial-q 0",
                mean,
                self._initial_q,
            )
