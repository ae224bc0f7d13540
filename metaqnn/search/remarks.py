"""What a search tells its user: signs that its settings do not suit the images, and why it is over."""

from __future__ import annotations

import logging
from collections.abc import Collection
from statistics import fmean

from metaqnn.config.search import SearchConfig
from metaqnn.database.queries import SearchReader
from metaqnn.database.schema import networks
from trainers import Outcome
from trainers.chance import Chance

CONSECUTIVE_CHANCE = 5
"""Networks in a row that learn nothing, after which the user is told what may be wrong."""
CONSECUTIVE_REPEATS = 1000
"""Walks in a row, while nothing is in training, after which a search ends that found nothing new."""
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
                "were no better than always guessing the commonest class (%.2f%%). Are the labels right? "
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
                "the agent will learn little: the mean reward so far is %.4f, less than the initial Q-value "
                "of every layer, %g, so that layers it has never tried seem better than all that it knows; "
                "begin another search with --initial-q 0",
                mean,
                self._initial_q,
            )


def why_over(reader: SearchReader, config: SearchConfig, ended: int) -> str | None:
    """Why a stored search is over before its schedule is; None if it is not.

    Args:
        reader: the search.
        config: its configuration.
        ended: networks whose training has ended.
    """
    if ended >= config.schedule.total or reader.networks(networks.c.reward.is_(None), limit=1)[1]:
        return None  # one that is in training, or interrupted, may change the walks
    if reader.repeats() < CONSECUTIVE_REPEATS:
        return None
    return nothing_new(config.schedule.epsilon(ended), ended)


def nothing_new(epsilon: float, known: int) -> str:
    """Why a search ends whose last CONSECUTIVE_REPEATS walks led to no new network.

    Args:
        epsilon: of the walks.
        known: networks of the search.
    """
    if epsilon == 0:
        why = (
            "at epsilon 0 the agent always takes what it thinks best, and that does not change any more; "
            "begin another search with a --schedule whose epsilons are above 0"
        )
    elif epsilon < 1:
        why = (
            "either the agent hardly ever takes anything but what it thinks best, or the state space has "
            "hardly any others; begin another search with larger epsilons in its --schedule, or with a "
            "larger space"
        )
    else:
        why = "the state space has hardly any others; begin another search with a larger one"
    walks = f"{CONSECUTIVE_REPEATS} walks in a row at epsilon {epsilon:g}"
    return f"{walks} led to one of the {known} known networks: {why}"
