"""A worker of a pool, as the search sees it: where it runs, and how to talk to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from metaqnn.executors.base import Message, Task, Trainer

MakeTrainer = Callable[[], Trainer]


@dataclass(frozen=True)
class Place:
    """Where a worker can run.

    Attributes:
        make_trainer: builds its trainer; called where the worker runs.
        device: name of its device, whose memory it shares with all workers on that device.
    """

    make_trainer: MakeTrainer
    device: str = ""


class Worker(ABC):
    """A process or actor that trains networks.

    Args:
        place: where it runs.

    Attributes:
        task: its latest task.
        ready: whether its trainer has been built.
        silent: seconds of waiting for it in vain since it last had something to do or sent a message.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.task: Task
        self.ready = False
        self.silent = 0.0

    def hear(self) -> Message | None:
        """The next message of the worker; None if it is dead."""
        self.silent = 0.0
        return self.receive()

    @abstractmethod
    def say(self, what: Task | bool) -> None:
        """Send a task, or whether to stop after an epoch. A dead worker is noticed at the next `hear`."""

    @abstractmethod
    def receive(self) -> Message | None:
        """Wait for the next message; None if there will be none."""

    @abstractmethod
    def how_it_died(self) -> str:
        """How it died, in words."""

    @abstractmethod
    def end(self) -> None:
        """Kill it, whatever it is doing."""
