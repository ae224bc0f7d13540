"""What a search trains, what it tells its listeners, and what it does only once events are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.executors import SearchStopped
from metaqnn.search.network_files import FolderGoneError
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


class Afterwards:
    """Stores events together, and holds back what may happen only after that.

    Args:
        database: stores the events.
    """

    def __init__(self, database: ReplayDatabase) -> None:
        self._database = database
        self._together = False
        self._actions: list[Callable[[], None]] = []

    def when_stored(self, action: Callable[[], None]) -> None:
        """Do it once the events so far are stored: now, or at the end of the block of `together`."""
        if self._together:
            self._actions.append(action)
        else:
            action()

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block whose events are stored in one transaction at its end.

        If the block finds that the search must end, all that led to it is stored first. Any other exception
        discards the block.
        """
        reason: SearchStopped | FolderGoneError | None = None
        self._together = True
        try:
            with self._database.together():
                try:
                    yield
                except (SearchStopped, FolderGoneError) as error:
                    reason = error
        finally:
            self._together = False
            actions, self._actions = self._actions, []
        for action in actions:
            action()
        if reason is not None:
            raise reason
