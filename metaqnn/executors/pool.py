"""Parallel trainings in workers that may die: what all such executors share."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic
from typing import Generic, TypeVar

from metaqnn.executors.base import (
    CRASHED,
    TIMED_OUT,
    Coordinator,
    Ended,
    EpochDone,
    Failed,
    Message,
    Ready,
    SearchStopped,
    Task,
)
from metaqnn.executors.recordings import Recordings
from metaqnn.executors.worker import Place, Worker
from metaqnn.output import last_line
from state_space import Architecture

_LOG = logging.getLogger(__name__)
TRIES = 3
"""After this many dead workers a task counts as crashed; until then it is started again."""
LONGEST_WAIT = 1.0
"""Seconds of a single wait for silent workers, if their silence is limited."""
TOGETHER = 0.03
"""Messages are taken in for at most this many seconds before all are stored together and answered; with new
tasks and the writing itself, a round takes about 0.05 s."""
Demand = Callable[[Architecture], float]
W = TypeVar("W", bound=Worker)


class PoolExecutor(ABC, Generic[W]):
    """Keeps workers busy, each with one task after the other.

    A worker is started for its first task. If it dies or loses its device, it is replaced and its task is
    started again; if it is silent for too long, it is killed. A task waits while other tasks leave too little
    memory on its device, but never for an idle device.

    Args:
        places: one for each worker.
        epoch_timeout: seconds that an epoch may take, None for no limit.
        demand: share of its device's memory that training an architecture needs.
    """

    start_timeout = inf
    """Seconds that a worker may take to get ready; if one takes longer, the run ends."""

    def __init__(
        self,
        places: Sequence[Place],
        *,
        epoch_timeout: float | None = None,
        demand: Demand = lambda architecture: 0.0,
    ) -> None:
        self.workers = len(places)
        self._epoch_timeout = inf if epoch_timeout is None else epoch_timeout
        self._demand = demand
        self._unused = list(places)
        self._free: list[W] = []
        self._busy: list[W] = []
        self._answers: dict[W, Task | bool] = {}  # what workers are told once the events are stored
        self._late: list[W] = []  # whose messages are not taken in yet, in order
        self._tasks: list[Task] = []  # known, but not in training: to be started again, or waiting for memory
        self._deaths: dict[int, int] = {}  # by the number of the task
        self._still_born = 0  # workers in a row that died before they were ready
        self._recordings = Recordings()

    @abstractmethod
    def start(self, place: Place) -> W:
        """Start a new worker. Raises SearchStopped if that is impossible."""

    @abstractmethod
    def wait(self, workers: Sequence[W], seconds: float | None) -> Sequence[W]:
        """Wait for workers that have sent a message or died; empty after that many seconds."""

    def run(self, coordinator: Coordinator) -> None:
        """See `Executor`. Raises SearchStopped if workers cannot be started."""
        try:
            self._go_on(coordinator, ())
            while self._busy:
                self._go_on(coordinator, self._wait())
        finally:
            while self._busy or self._free:
                self._end((self._busy or self._free).pop())
            for of_this_run in (self._late, self._tasks, self._deaths):
                of_this_run.clear()
            self._still_born = 0

    def _go_on(self, coordinator: Coordinator, heard: Sequence[W]) -> None:
        """Take in what these workers say, and give out tasks. All are answered once all of it is stored."""
        with coordinator.together():
            self._listen(heard, coordinator)
            self._assign(coordinator)
        for worker, what in self._answers.items():
            worker.silent = 0.0
            worker.say(what)
        self._answers.clear()

    def _assign(self, coordinator: Coordinator) -> None:
        """Keep as many workers busy as allowed."""
        while len(self._busy) < self.workers and (task := self._next_task(coordinator)) is not None:
            worker = self._worker_for(task)
            if worker is None:
                self._tasks.append(task)
                return
            self._busy.append(worker)
            worker.task = self._answers[worker] = self._recordings.allowed(task)

    def _next_task(self, coordinator: Coordinator) -> Task | None:
        return self._tasks.pop() if self._tasks else coordinator.next_task() or self._taken_over()

    def _taken_over(self) -> Task | None:
        """The task of a worker that is not ready, if another is idle: a full cluster delays workers."""
        unready = [worker for worker in self._busy if not worker.ready]
        if not (unready and self._free):
            return None
        self._busy.remove(unready[0])
        self._end(unready[0])
        return unready[0].task

    def _worker_for(self, task: Task) -> W | None:
        """An idle worker, started if need be, whose device has memory for the task; None if there is none."""
        devices = {place.device for place in (*self._unused, *(worker.place for worker in self._free))}
        demand = self._demand(task.architecture)
        roomy = {device for device in devices if self._has_room(device, demand)}
        for worker in self._free:
            if worker.place.device in roomy:
                self._free.remove(worker)
                return worker
        for place in self._unused:
            if place.device in roomy:
                worker = self.start(place)
                self._unused.remove(place)
                return worker
        return None

    def _has_room(self, device: str, demand: float) -> bool:
        there = [worker.task.architecture for worker in self._busy if worker.place.device == device]
        return not there or demand + sum(map(self._demand, there)) <= 1

    def _listen(self, heard: Sequence[W], coordinator: Coordinator) -> None:
        """Take in messages, deaths and time-outs; those for which there is no time come first next time."""
        speaking = dict.fromkeys(heard)
        waiting = list(dict.fromkeys([*(worker for worker in self._late if worker in speaking), *heard]))
        until = monotonic() + TOGETHER
        while waiting and monotonic() < until:
            worker = waiting.pop(0)
            self._handle(worker, worker.hear(), coordinator)
        self._late = waiting
        for worker in waiting:
            worker.silent = 0.0
        for worker in tuple(self._busy):
            if worker.silent >= self._allowed(worker):
                self._time_out(worker, coordinator)

    def _wait(self) -> Sequence[W]:
        """As `wait`, but briefly if silence is limited, and add the time to the silence of each worker.

        Time that the search itself takes, for example for its database, does not count; a suspension (Ctrl-Z)
        counts as a single wait.
        """
        allowed = min(map(self._allowed, self._busy))
        if allowed == inf:
            return self.wait(self._busy, None)
        longest, began = min(LONGEST_WAIT, allowed / 10), monotonic()
        heard = self.wait(self._busy, longest)
        for worker in self._busy:
            worker.silent += min(longest, monotonic() - began)
        return heard

    def _allowed(self, worker: W) -> float:
        """Seconds that a worker may be silent."""
        return self._epoch_timeout if worker.ready else self.start_timeout

    def _handle(self, worker: W, message: Message | None, coordinator: Coordinator) -> None:
        if message is None:
            self._bury(worker, coordinator)
        elif isinstance(message, Ready):
            worker.ready, self._still_born = True, 0
        elif isinstance(message, EpochDone):
            self._answers[worker] = coordinator.on_epoch(worker.task, message.report)
        elif isinstance(message, Failed) and not worker.ready:
            raise SearchStopped(f"a worker cannot be started: {last_line(message.traceback)}")
        elif isinstance(message, Failed) and message.spent:
            worker.task = self._recordings.again(worker.task, message.traceback)
            self._replace(worker, f"of\n{message.traceback}", coordinator)
        else:
            self._conclude(worker, message, coordinator)

    def _conclude(self, worker: W, message: Ended | Failed, coordinator: Coordinator) -> None:
        self._busy.remove(worker)
        if message.spent:
            self._end(worker)
        else:
            self._free.append(worker)
        if isinstance(message, Failed):
            coordinator.on_failure(worker.task, CRASHED, message.traceback)
        else:
            self._recordings.ended(worker.task, message.result.outcome, spent=message.spent)
            coordinator.on_result(worker.task, message.result)

    def _bury(self, worker: W, coordinator: Coordinator) -> None:
        how = worker.how_it_died()
        if self._replace(worker, how, coordinator):
            _LOG.warning(
                "a worker died %s; it is replaced, and its network continues from where it was last saved",
                how,
            )

    def _replace(self, worker: W, how: str, coordinator: Coordinator) -> bool:
        """A worker is dead or useless: start its task again, unless the task seems to be the cause.

        Returns whether the task is started again.
        """
        task = worker.task
        self._busy.remove(worker)
        self._end(worker)
        if not worker.ready:
            self._still_born += 1
        else:
            self._deaths[task.number] = self._deaths.get(task.number, 0) + 1
        if self._still_born >= TRIES:
            raise SearchStopped(f"{self._still_born} workers in a row died while starting, at last {how}")
        if self._deaths.get(task.number, 0) < TRIES:
            self._tasks.append(task)
            return True
        message = f"the worker that trained it died {TRIES} times, at last {how}"
        coordinator.on_failure(task, CRASHED, message)
        return False

    def _time_out(self, worker: W, coordinator: Coordinator) -> None:
        if not worker.ready:
            raise SearchStopped(f"a worker cannot be started: it is not ready after {self.start_timeout:g} s")
        self._busy.remove(worker)
        self._end(worker)
        message = f"an epoch took longer than the {self._epoch_timeout:g} s allowed"
        coordinator.on_failure(worker.task, TIMED_OUT, message)

    def _end(self, worker: W) -> None:
        self._answers.pop(worker, None)
        worker.end()
        self._unused.append(worker.place)
