"""The runs that a dashboard shows: their addresses and their states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from math import inf
from pathlib import Path
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from metaqnn.config.bounds import ROW
from metaqnn.dashboard.errors import NotThereError, RefusedError, RunTroubleError
from metaqnn.database.queries import SearchReader, UnknownNetworkError
from metaqnn.database.trouble import damage_explained
from metaqnn.figures import SearchView
from metaqnn.output import command
from metaqnn.results.summary import State, Summary
from metaqnn.session.find import existing_run
from metaqnn.session.notes import NOTES
from metaqnn.session.run_folder import RunFolder
from state_space.errors import quoted

CHECK_EVERY = 60.0
"""Seconds after which the values of a search that has changed are checked again."""


@dataclass(frozen=True)
class Run:
    """A run folder in the dashboard.

    Attributes:
        address: its part of the URL, of letters, digits, `-`, `_` and `.` only.
        path: the folder.
        _checked: until when the values count as checked, by the search's version and by its start time.
    """

    address: str
    path: Path
    _checked: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @contextmanager
    def reading(self) -> Iterator[SearchReader]:
        """The search at one moment, read-only; reopened each time, so that a replaced folder is noticed.

        Raises:
            RunTroubleError: the search no longer exists, or cannot be read.
            UnknownNetworkError, RefusedError: from the block.
        """
        with self.explained(), closing(RunFolder(self.path).reader()) as reader, reader.at_one_moment():
            self._check(reader)
            yield reader

    def version(self) -> str:
        """A text that changes with what pages show; read in milliseconds, as no values are checked.

        Raises:
            RunTroubleError: the search no longer exists, or cannot be read.
        """
        with self.explained(), closing(RunFolder(self.path).reader()) as reader:
            return self.shown(reader.version())

    def shown(self, version: str) -> str:
        """The version of what pages show: that of the search, and after `_` that of all else in the folder.

        All else is whether a process works on the search, the notes, and the long trainings.
        """
        beside = self.path / NOTES, *self.path.glob("finetune/*/")
        newest = max((path.stat().st_mtime_ns for path in beside if path.exists()), default=0)
        return f"{version}_{'idle' if RunFolder(self.path).owner() is None else 'running'}-{newest}"

    def _check(self, reader: SearchReader) -> None:
        """Refuse values that no search has written: once for each version, but at most once a minute.

        It reads every value, which takes two seconds after a million epochs.
        """
        version, began, now = reader.version(), str(reader.search()["created_at"]), monotonic()
        if any(now < self._checked.get(checked, -inf) for checked in (version, began)):
            return
        reader.require_possible()
        self._checked.clear()
        self._checked.update({version: inf, began: now + CHECK_EVERY})

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn any error from reading a damaged, missing or unreachable search into one clear line.

        Raises:
            RunTroubleError: that line.
            UnknownNetworkError, RefusedError: from the block.
        """
        try:
            with damage_explained(existing_run(self.path).url):
                yield
        except (UnknownNetworkError, RefusedError):  # nothing is wrong with the run
            raise
        except (ValueError, OSError, SQLAlchemyError) as error:
            if type(error) is ValueError:  # our own errors have their own class; this is a bug
                raise
            raise RunTroubleError(f"run {self.name} cannot be read: {_one_line(error)}") from error


def addressed(paths: Iterable[Path]) -> dict[str, Run]:
    """The runs by address: the folder's name, with a number if two are the same."""
    found: dict[str, Run] = {}
    for path in dict.fromkeys(path.resolve() for path in paths):
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).strip(".-") or "run"
        numbered = (plain if number == 1 else f"{plain}-{number}" for number in count(1))
        address = next(address for address in numbered if address not in found)
        found[address] = Run(address, path)
    return found


def run_at(runs: Mapping[str, Run], address: str) -> Run:
    """The run with that address.

    Raises:
        NotThereError: there is no such run.
    """
    if address not in runs:
        raise NotThereError(f"there is no run {address!r} here; the runs are {', '.join(runs)}")
    return runs[address]


def version_of_all(runs: Mapping[str, Run]) -> str:
    """A text that changes with what pages show of any run, and when one becomes unreadable."""
    return "+".join(map(_version_or_trouble, runs.values()))


def network_number(request: Request) -> int:
    """The number of the network that a request's address names.

    Raises:
        UnknownNetworkError: it is not a number.
    """
    text = request.path_params["number"]
    try:
        return int(ROW.read(text))
    except ValueError:
        raise UnknownNetworkError(
            f"there is no network {quoted(text)}; networks have numbers, from 1"
        ) from None


def _version_or_trouble(run: Run) -> str:
    try:
        return run.version()
    except RunTroubleError:
        return "trouble"


def _one_line(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    Attributes:
        state: what the search is doing.
        detail: more about it.
        summary: its numbers.
        best_network: number of the network with the best observed y_T, None if there is none yet.
        dataset: its images.
        data_fingerprint: of these images.
        stopping: the stopping rule.
    """

    state: State
    detail: str
    summary: Summary
    best_network: int | None
    dataset: str
    data_fingerprint: str
    stopping: str


def run_state(run: Run, view: SearchView) -> RunState:
    """The state of a run, from its folder and its search."""
    return RunState(
        *_state(run, view),
        summary=view.summary,
        best_network=view.best_first[0].number if view.best_first else None,
        dataset=view.config.dataset,
        data_fingerprint=view.search["data_fingerprint"],
        stopping=view.config.stopping,
    )


def by_images(states: Mapping[str, RunState]) -> dict[str, str]:
    """For each pair of images and metric: the address of its first run -> the name of the data set."""
    first = {_measured(state): address for address, state in reversed(list(states.items()))}
    return {address: state.dataset for address, state in states.items() if first[_measured(state)] == address}


def _measured(state: RunState) -> tuple[str, str]:
    return state.data_fingerprint, state.summary.metric


def _state(run: Run, view: SearchView) -> tuple[State, str]:
    """What the search is doing, and more about it."""
    owner = RunFolder(run.path).owner()
    state = view.state(owner)
    if owner is not None:
        return state, f"an audit, {owner}" if len(view.ended) >= view.config.schedule.total else owner
    if state == "finished":
        return state, view.nothing_new or "all planned networks have ended"
    return state, f"resume with: {command('run', '--resume', run.path)}"
