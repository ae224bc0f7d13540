"""Which trainings do without CUDA graphs, because recording steps has failed."""

from __future__ import annotations

import logging
from dataclasses import replace

from metaqnn.executors.base import Task
from metaqnn.output import last_line
from trainers import Outcome

_LOG = logging.getLogger(__name__)
ENOUGH = 3
"""After this many networks that could be trained only without recordings, no step is recorded any more."""


class Recordings:
    """Remembers whether recordings work where the workers of a pool run.

    A trainer launches the steps that it cannot record. Where those fail, too, because the recording has left
    PyTorch in a state in which they cannot work, the network starts again in another process, without
    recordings: with them it would fail there as well. Either way, each failure costs the process in which it
    happens. Networks that train well in between prove nothing: the larger ones are never recorded. A failed
    recording and a failed device are not told apart.
    """

    def __init__(self) -> None:
        self._cured = 0

    def again(self, task: Task, trouble: str) -> Task:
        """A task during which the device or a recording failed, to be run again, without recordings."""
        if not task.without_graphs:
            _LOG.warning(
                "network %d failed on its device; it starts again in a new process, without CUDA graphs: %s",
                task.number,
                last_line(trouble),
            )
        return replace(task, without_graphs=True)

    def ended(self, task: Task, outcome: Outcome, *, spent: bool) -> None:
        """Take note that a training has ended with a result, and whether it has spent its process."""
        if not (task.without_graphs or spent) or outcome is Outcome.OUT_OF_MEMORY:
            return
        self._cured += 1
        if self._cured == ENOUGH:
            _LOG.warning(
                "%d networks could be trained only without CUDA graphs; from now on, all others do without "
                "them",
                ENOUGH,
            )

    def allowed(self, task: Task) -> Task:
        """The task as it may run: without recordings once they have failed often enough."""
        return replace(task, without_graphs=True) if self._cured >= ENOUGH else task
