"""Trainings one after the other, in this process."""

from __future__ import annotations

import traceback

from metaqnn.executors.base import CRASHED, Coordinator, Task, Trainer
from trainers import EpochReport


class SerialExecutor:
    """Runs one training at a time in the search's process.

    Args:
        trainer: trains the networks.
    """

    workers = 1

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def run(self, coordinator: Coordinator) -> None:
        """See `Executor`."""
        while (task := coordinator.next_task()) is not None:
            self._train(task, coordinator)

    def _train(self, task: Task, coordinator: Coordinator) -> None:
        coordinating = False

        def on_epoch(report: EpochReport) -> bool:
            nonlocal coordinating
            coordinating = True
            stop = coordinator.on_epoch(task, report)
            coordinating = False
            return stop

        try:
            result = task.run(self._trainer, on_epoch)
        except Exception:
            if coordinating:
                raise
            coordinator.on_failure(task, CRASHED, traceback.format_exc())
        else:
            coordinator.on_result(task, result)
