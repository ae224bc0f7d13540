"""What a search does only when the events before it are stored: to tell of them, and to remove files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metaqnn.database import ReplayDatabase
from metaqnn.executors import SearchStopped
from metaqnn.search.network_files import FolderGoneError


class Afterwards:
    """Lets events be stored together, and keeps what may happen only after that.

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

        Where the block finds that the search must end, all that led to it is stored first. Any other
        exception leaves nothing of the block.
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
