"""Which trainings do without CUDA graphs, because recording steps has failed."""

from __future__ import annotations

import logging
from dataclasses import replace

from metaqnn.executors.base import Task
from metaqnn.output import last_line
from trainers import Outcome

_LOG = logging.getLogger(__name__)
ENOUGH = 3
"""After so many networks that could be trained only without recordings, no step is recorded any more."""


class Recordings:
    """Remembers whether recordings work where the workers of a pool run.

    Each that fails costs the process in which it does. Networks that are trained well in between say nothing:
    the larger ones are never recorded. Whether the recording or the device has failed is not told apart.
    """

    def __init__(self) -> None:
        self._cured = 0

    def again(self, task: Task, trouble: str) -> Task:
        """A task under which the device or a recording has failed: it has to do without recordings."""
        if not task.without_graphs:
            _LOG.warning(
                "network %d failed on its device; it starts again in a new process, without CUDA graphs: %s",
                task.number,
                last_line(trouble),
            )
        return replace(task, without_graphs=True)

    def ended(self, task: Task, outcome: Outcome) -> None:
        """Take in that a training has come to a result."""
        if not task.without_graphs or outcome is Outcome.OUT_OF_MEMORY:
            return
        self._cured += 1
        if self._cured == ENOUGH:
            _LOG.warning(
                "%d networks failed on their device and were then trained without CUDA graphs; from now on "
                "all others do without",
                ENOUGH,
            )

    def allowed(self, task: Task) -> Task:
        """The task as it may run: without recordings once they have failed often enough."""
        return replace(task, without_graphs=True) if self._cured >= ENOUGH else task
