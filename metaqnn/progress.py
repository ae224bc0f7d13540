"""Progress bars: the schedule above, the network in training below."""

import sys

from tqdm import tqdm

from metaqnn.database import NetworkResult
from metaqnn.output import percent
from metaqnn.search import CRASHED, Job, Progress, Search
from predictor import Decision
from trainers import EpochReport

NEVER = 1e9
"""Seconds between two drawings by tqdm itself where we draw each line."""


class Bars(Progress):
    """Shows a search on standard error; where that is not a terminal, with one line per network.

    Args:
        search: a search, new or restored.
    """

    def __init__(self, search: Search) -> None:
        config, curves = search.config, search.history.curves
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
            file=sys.stderr,
        )
        self._epochs = tqdm(
            total=config.epochs,
            unit="epoch",
            leave=False,
            position=1,
            file=sys.stderr,
            disable=not self._live,
        )

    def started(self, job: Job) -> None:
        """Show the network that begins."""
        self._networks.set_description(f"search, epsilon {job.epsilon:g}", refresh=self._live)
        self._epochs.reset()
        self._epochs.set_postfix_str("", refresh=False)
        self._epochs.set_description(f"network {job.number}, {len(job.architecture.chosen)} layers")

    def epoch(self, report: EpochReport, decision: Decision | None) -> None:
        """Show the latest accuracy and, if there is one, the forecast."""
        self._epochs.n = report.epoch
        forecast = (
            {} if decision is None or decision.y_hat_T is None else {"forecast": percent(decision.y_hat_T)}
        )
        self._epochs.set_postfix({"accuracy": percent(report.accuracy), **forecast})

    def finished(self, job: Job, result: NetworkResult) -> None:
        """Count the network."""
        if result.final_accuracy is not None and result.final_accuracy > self._best:
            self._best = result.final_accuracy
            line = f"network {job.number}: {percent(self._best)}, the best so far: {job.architecture}"
            tqdm.write(line, file=sys.stderr)
        if result.outcome == CRASHED and result.message:
            tqdm.write(f"network {job.number} failed:\n{result.message}", file=sys.stderr)
        self._planned += self._config.epochs
        self._saved += self._config.epochs - (result.epochs or 0) if result.outcome == "stopped" else 0
        share = f"{self._saved} ({self._saved / self._planned:.0%})"
        self._networks.set_postfix_str(f"best {percent(self._best)}, epochs saved {share}", refresh=False)
        self._networks.update()
        if not self._live:
            self._networks.refresh()
            print(file=sys.stderr)

    def close(self) -> None:
        """Leave the terminal tidy."""
        self._epochs.close()
        self._networks.close()
