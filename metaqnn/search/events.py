"""What a search trains, and what it tells whoever listens."""

from __future__ import annotations

from dataclasses import dataclass

from metaqnn.database import NetworkResult
from predictor import Decision
from state_space import Architecture
from trainers import EpochReport


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
