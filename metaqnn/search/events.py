"""What a search trains, and what it tells whoever listens."""

from __future__ import annotations

from dataclasses import dataclass

from metaqnn.database import NetworkResult
from predictor import Decision
from state_space import Architecture
from trainers import EpochReport

CONSECUTIVE_REPEATS = 1000
"""Walks in a row, while nothing is in training, after which a search ends that found nothing new."""


@dataclass(frozen=True)
class Job:
    """A network to be trained."""

    network_id: int
    number: int
    epsilon: float
    architecture: Architecture
    parameters: int
    depth: int


class SearchListener:
    """What a search tells about itself. These methods do nothing; override what you want to hear."""

    def started(self, job: Job) -> None:
        """A network's training begins."""

    def epoch(self, job: Job, report: EpochReport, decision: Decision | None) -> None:
        """An epoch has been stored."""

    def finished(self, job: Job, result: NetworkResult) -> None:
        """A network's result has been stored."""

    def close(self) -> None:
        """The search has ended, however it ended."""


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
