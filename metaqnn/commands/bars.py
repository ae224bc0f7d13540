"""Progress bars of a search: the schedule above, the networks in training below."""

from __future__ import annotations

import sys
from io import StringIO
from typing import NoReturn

from tqdm import tqdm

from metaqnn.database import NetworkResult
from metaqnn.executors import CRASHED, TIMED_OUT
from metaqnn.output import counted, percent
from metaqnn.search.events import Job, SearchListener
from metaqnn.search.loop import Search
from predictor import Decision
from state_space.errors import printable
from trainers import EpochReport

MOST_BARS = 8
"""At most this many networks in training are shown; more would fill a terminal."""
NEVER = 1e9
"""Seconds between two refreshes by tqdm itself, where we print a line for each network."""


class Bars(SearchListener):
    """Shows a search on standard error, with one line per network if that is not a terminal.

    Args:
        search: a search, new or restored.
        workers: how many networks are trained in parallel.
    """

    def __init__(self, search: Search, workers: int = 1) -> None:
        config, curves = search.config, search.known.history.curves
        self._config = config
        self._best = float(curves.final[curves.completed].max(initial=0.0))
        self._saved = int((curves.T - curves.observed).sum())
        self._planned = search.trained * config.epochs
        self._live = sys.stderr.isatty()
        self._networks = tqdm(
            total=config.schedule.total,
            initial=search.trained,
            unit="net",
            desc="search",
            smoothing=0.05,
            mininterval=0.1 if self._live else NEVER,
            file=sys.stderr if self._live else StringIO(),
        )
        self._free = [self._epoch_bar(position) for position in range(min(workers, MOST_BARS), 0, -1)]
        self._epochs: dict[int, tqdm[NoReturn]] = {}  # by the number of the network

    def started(self, job: Job) -> None:
        """Show the network whose training begins."""
        self._networks.set_description(f"search, epsilon {job.epsilon:g}", refresh=self._live)
        if self._free:
            bar = self._epochs[job.number] = self._free.pop()
            bar.reset()
            bar.set_postfix_str("", refresh=False)
            bar.set_description(f"network {job.number}, {counted(len(job.architecture.chosen), 'layer')}")

    def epoch(self, job: Job, report: EpochReport, decision: Decision | None) -> None:
        """Show the latest accuracy and, if there is one, the forecast."""
        if job.number not in self._epochs:
            return
        bar = self._epochs[job.number]
        bar.n = report.epoch
        forecast = (
            {} if decision is None or decision.y_hat_T is None else {"forecast": percent(decision.y_hat_T)}
        )
        bar.set_postfix({"accuracy": percent(report.accuracy), **forecast})

    def finished(self, job: Job, result: NetworkResult) -> None:
        """Count the network."""
        if job.number in self._epochs:
            self._free.append(self._epochs.pop(job.number))
        if result.final_accuracy is not None and result.final_accuracy > self._best:
            self._best = result.final_accuracy
            line = f"network {job.number}: {percent(self._best)}, the best so far: {job.architecture}"
            tqdm.write(line, file=sys.stderr)
        if result.outcome in (CRASHED, TIMED_OUT) and result.message:
            tqdm.write(printable(f"network {job.number} failed:\n{result.message}"), file=sys.stderr)
        self._planned += self._config.epochs
        self._saved += self._config.epochs - (result.epochs or 0) if result.outcome == "stopped" else 0
        share = f"{self._saved} ({self._saved / self._planned:.0%})"
        self._networks.set_postfix_str(f"best {percent(self._best)}, epochs saved {share}", refresh=False)
        self._networks.update()
        if not self._live:
            print(self._networks, file=sys.stderr)

    def close(self) -> None:
        """Leave the terminal tidy."""
        for bar in (*self._free, *self._epochs.values()):
            bar.close()
        self._networks.close()

    def _epoch_bar(self, position: int) -> tqdm[NoReturn]:
        return tqdm(
            total=self._config.epochs,
            unit="epoch",
            leave=False,
            position=position,
            file=sys.stderr,
            disable=not self._live,
        )
