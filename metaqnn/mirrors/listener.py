"""Mirrors that follow a running search from inside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from metaqnn.database import NetworkResult
from metaqnn.database.queries import SearchReader
from metaqnn.mirrors.mirror import Mirror
from metaqnn.search.events import Job, SearchListener
from predictor import Decision
from state_space.errors import first_line, printable
from trainers import EpochReport


class MirroringListener(SearchListener):
    """Updates mirrors at the start and whenever a network has ended, and passes all events on.

    A mirror that fails is dropped, with one line on standard error: the search continues, and
    `metaqnn mirror` can catch up later. While the search runs, nobody else may update its copies: what they
    hold is read only at the start.

    Args:
        inner: the listener that hears the events first.
        reader: reads the search.
        mirrors: copies of the search.
    """

    def __init__(self, inner: SearchListener, reader: SearchReader, mirrors: Sequence[Mirror]) -> None:
        self._inner = inner
        self._reader = reader
        self._mirrors = list(mirrors)
        # not at the end: an interrupted search must end soon, however much is missing
        self._each(lambda mirror: mirror.update(reader))

    def started(self, job: Job) -> None:
        """Pass it on."""
        self._inner.started(job)

    def epoch(self, job: Job, report: EpochReport, decision: Decision | None) -> None:
        """Pass it on."""
        self._inner.epoch(job, report, decision)

    def finished(self, job: Job, result: NetworkResult) -> None:
        """Pass it on, and copy the network."""
        self._inner.finished(job, result)
        self._each(lambda mirror: mirror.copy(self._reader, job.number))

    def close(self) -> None:
        """Pass it on."""
        self._reader.close()
        self._inner.close()

    def _each(self, act: Callable[[Mirror], object]) -> None:
        for mirror in tuple(self._mirrors):
            try:
                act(mirror)
            except Exception as error:  # no error of a mirror may end a search
                self._mirrors.remove(mirror)
                reason = printable(first_line(error))
                print(f"\n{type(mirror).__name__} failed and is no longer updated: {reason}", file=sys.stderr)
