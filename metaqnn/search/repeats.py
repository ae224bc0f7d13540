"""Searches that are over before their schedules are, as their walks find nothing new."""

from __future__ import annotations

from metaqnn.config.search import SearchConfig
from metaqnn.database.queries import SearchReader
from metaqnn.database.schema import networks

CONSECUTIVE_REPEATS = 1000
"""Walks in a row, while nothing is in training, after which a search ends that found nothing new."""


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
    return nothing_new(CONSECUTIVE_REPEATS, config.schedule.epsilon(ended), ended)


def nothing_new(walks: int, epsilon: float, known: int) -> str:
    """Why a search ends whose last walks led to no new network.

    Args:
        walks: how many.
        epsilon: theirs.
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
    return f"{walks} walks in a row at epsilon {epsilon:g} led to one of the {known} known networks: {why}"
