"""Searches as last read. Each figure is drawn once per version of a search, in threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

import altair as alt
from starlette.requests import Request

from metaqnn.dashboard.errors import EndingError, RunTroubleError
from metaqnn.dashboard.runs import Run, RunState, run_at, run_state
from metaqnn.database.queries import SearchReader
from metaqnn.figures import Figure, NothingToShow, SearchView
from metaqnn.results.learned import Learner
from metaqnn.session.run_folder import RunFolder


class Snapshot:
    """One version of a search, and the figures drawn from it.

    Args:
        run: where the search is.
        reader: reads it; stays open until the snapshot is closed.
        version: of the search.
        artists: the threads that draw.
        learner: what the figures of earlier versions have learned about the search.
    """

    def __init__(
        self, run: Run, reader: SearchReader, version: str, artists: Artists, learner: Learner
    ) -> None:
        self.version = version
        self.learner = learner
        self.view = SearchView(reader, artists.watch, learner)
        self._run = run
        self._reader = reader
        self._artists = artists
        self._lock = Lock()
        self._drawn: dict[str, Future[bytes]] = {}

    def figure(self, figure: Figure) -> Future[bytes]:
        """The figure as JSON (see `chart_json`), drawn at the first call, and again after a failure.

        Raises:
            EndingError: the dashboard is shutting down. The future may raise it, too.
        """
        self._artists.check()
        with self._lock:
            drawn = self._drawn.get(figure.name)
            if drawn is None or (drawn.done() and drawn.exception() is not None):
                pool = self._artists.slow if figure.slow else self._artists.quick
                drawn = self._drawn[figure.name] = pool.submit(self._draw, figure)
            return drawn

    def close(self) -> None:
        """Release the connections. A figure that is being drawn is still finished."""
        self._reader.close()

    def _draw(self, figure: Figure) -> bytes:
        self._artists.check()
        with self._run.explained():
            words = figure.words
            return chart_json(
                lambda: figure.draw(self.view), None if words is None else lambda: words(self.view)
            )


class Artists:
    """Threads for figures. Slow figures have their own thread, so that nobody waits behind them."""

    def __init__(self) -> None:
        self.quick = ThreadPoolExecutor(2, "figures")
        self.slow = ThreadPoolExecutor(1, "slow-figures")
        self._ended = Event()

    def watch(self, things: Iterable[Any]) -> Iterator[Any]:
        """The items one after the other, until the dashboard shuts down."""
        for thing in things:
            self.check()
            yield thing

    def check(self) -> None:
        """Check that drawing still makes sense.

        Raises:
            EndingError: the dashboard is shutting down.
        """
        if self._ended.is_set():
            raise EndingError("the dashboard is shutting down")

    def end(self) -> None:
        """Cancel figures that are being drawn or waiting."""
        self._ended.set()
        for pool in (self.quick, self.slow):
            pool.shutdown(wait=False)


class Snapshots:
    """The newest snapshot of each run. Thread-safe."""

    def __init__(self) -> None:
        self._artists = Artists()
        self._lock = Lock()
        self._newest: dict[str, Snapshot] = {}

    def of(self, run: Run) -> Snapshot:
        """The search as it is now: the previous snapshot, if nothing has happened since.

        Raises:
            RunTroubleError: the search cannot be read.
        """
        with run.reading() as reader:
            version = reader.version()
        with self._lock:
            known = self._newest.get(run.address)
            if known is not None and known.version == version:
                return known
            with run.explained():
                learner = Learner() if known is None else known.learner
                fresh = Snapshot(run, RunFolder(run.path).reader(), version, self._artists, learner)
            self._newest[run.address] = fresh
        if known is not None:
            known.close()
        return fresh

    def state_or_trouble(self, run: Run) -> RunState | str:
        """The state of a run now, or why it cannot be read."""
        try:
            view = self.of(run).view
            with run.explained():
                return run_state(run, view)
        except RunTroubleError as error:
            return str(error)

    def end(self) -> None:
        """Stop drawing, and close all connections."""
        self._artists.end()
        for snapshot in self._newest.values():
            snapshot.close()


class Answers:
    """The base of all that answers requests.

    Args:
        runs: by address.
        snapshots: of these runs.
    """

    def __init__(self, runs: Mapping[str, Run], snapshots: Snapshots) -> None:
        self._runs = runs
        self._snapshots = snapshots

    def _run_of(self, request: Request) -> Run:
        """The run that a request's address names. Raises as `run_at`."""
        return run_at(self._runs, request.path_params["run"])


def chart_json(draw: Callable[[], alt.TopLevelMixin], words: Callable[[], list[str]] | None = None) -> bytes:
    """A chart for the pages' script: `{"spec": Vega-Lite}`, or `{"nothing": "why"}` if it would be empty.

    With `words`, the sentences below the chart are there, too: `{"spec": ..., "words": [...]}`.
    """
    content: dict[str, Any]
    try:
        content = {"spec": draw().to_dict()}
        if words is not None:
            content["words"] = words()
    except NothingToShow as reason:
        content = {"nothing": str(reason)}
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
