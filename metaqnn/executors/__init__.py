"""Run the trainings of a search: one after the other in this process, or in parallel in workers."""

from __future__ import annotations

from metaqnn.executors.base import CRASHED, TIMED_OUT, Coordinator, Executor, SearchStopped, Task, Trainer
from metaqnn.executors.local import LocalExecutor
from metaqnn.executors.serial import SerialExecutor
from metaqnn.executors.worker import Place

__all__ = [
    "CRASHED",
    "TIMED_OUT",
    "Coordinator",
    "Executor",
    "LocalExecutor",
    "Place",
    "SearchStopped",
    "SerialExecutor",
    "Task",
    "Trainer",
]
