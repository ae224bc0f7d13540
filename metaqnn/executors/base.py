"""The contract between a search and the executor of its trainings, and the messages of workers.

A worker sends `Ready` once. For each task it then sends `EpochDone` after each epoch, is told whether to
stop, and sends `Ended` or `Failed` at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trainers import EpochReport, TrainingResult

if TYPE_CHECKING:  # a process that only hands out or fakes trainings need not wait for torch
    from trainers import Checkpoint
    from trainers.training import Description

CRASHED = "crashed"
"""The trainer raised an exception, or its process died again and again."""
TIMED_OUT = "timed_out"
"""An epoch took longer than allowed."""


class SearchStopped(RuntimeError):  # noqa: N818 - a reason, not an error of the program
    """The search cannot usefully continue; the message says why. Everything so far is stored.

    Attributes:
        for_good: whether a resumed search would end for the same reason at once.
    """

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


@dataclass(frozen=True)
class Task:
    """A training to be run.

    Attributes:
        number: of the network in its search.
        architecture: what to train; in a search, an architecture.
        seed: addresses all random numbers of the training.
        checkpoint: where the trainer saves epochs and resumes from, if it can; None if it cannot.
        without_graphs: whether the trainer must launch every step and record none as a CUDA graph.
    """

    number: int
    architecture: Description
    seed: int
    checkpoint: Checkpoint | None = None
    without_graphs: bool = False

    def run(self, trainer: Trainer, on_epoch: Callable[[EpochReport], bool]) -> TrainingResult:
        """Let a trainer train it."""
        if self.without_graphs:
            trainer = getattr(trainer, "launching", lambda: trainer)()
        return trainer.train(self.architecture, seed=self.seed, on_epoch=on_epoch, checkpoint=self.checkpoint)


class Trainer(Protocol):
    """Anything that trains an architecture and reports each epoch; `trainers.ClassifierTrainer` is one.

    If it has an attribute `spent`, that is read after each training: if it is true, the process should train
    no more, and another one takes its place. If the training had failed, it is tried again there, by the
    trainer that the method `launching` returns, if there is such a method.
    """

    def train(
        self,
        architecture: Description,
        *,
        seed: int,
        on_epoch: Callable[[EpochReport], bool],
        checkpoint: Checkpoint | None,
    ) -> TrainingResult:
        """Train; stop after the epoch for which `on_epoch` returns True.

        With a checkpoint, resume from it and save to it, or ignore it: a trainer that cannot save starts
        again.
        """
        ...


def is_spent(trainer: Trainer) -> bool:
    """Whether the trainer says that its process should train no more; others never do."""
    return bool(getattr(trainer, "spent", False))


class Coordinator(Protocol):
    """Gives tasks to an executor and hears about them; a search is one. Called from one thread.

    What it hears outside of a block of `together` is stored at once.
    """

    def together(self) -> AbstractContextManager[object]:
        """A block whose events are stored together, at its end.

        Whoever waits for an answer or a task of the block gets it after the block.
        """
        ...

    def next_task(self) -> Task | None:
        """Another training to run beside those that are running; None if there is none at the moment."""
        ...

    def on_epoch(self, task: Task, report: EpochReport) -> bool:
        """An epoch has been trained. Returns whether to stop the training.

        A restarted task may report epochs again; it then gets the same answers.
        """
        ...

    def on_result(self, task: Task, result: TrainingResult) -> None:
        """A training has ended normally."""
        ...

    def on_failure(self, task: Task, outcome: str, message: str) -> None:
        """A training has crashed or timed out."""
        ...


class Executor(Protocol):
    """Runs trainings, one or several at a time, on this machine or elsewhere."""

    @property
    def workers(self) -> int:
        """Number of trainings that run in parallel."""
        ...

    def run(self, coordinator: Coordinator) -> None:
        """Run trainings until there are no more, telling the coordinator about every event.

        An exception from the coordinator ends the run and is passed on; one from a trainer is a failure of
        that training. Nothing is left running when this returns or raises.
        """
        ...


@dataclass(frozen=True)
class Ready:
    """The trainer is ready for tasks."""


@dataclass(frozen=True)
class EpochDone:
    """An epoch; an answer is expected."""

    report: EpochReport


@dataclass(frozen=True)
class Ended:
    """A training has ended normally."""

    result: TrainingResult
    spent: bool = False
    """Whether the worker must be replaced before the next training."""


@dataclass(frozen=True)
class Failed:
    """The trainer could not be built, or a training raised an exception."""

    traceback: str
    spent: bool = False
    """Whether the worker may be the cause: it must then be replaced and the training tried again."""


Message = Ready | EpochDone | Ended | Failed
