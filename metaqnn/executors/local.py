"""Trainings in parallel processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import connection as connections
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import cast

from metaqnn.executors.base import (
    Ended,
    EpochDone,
    Failed,
    Message,
    Ready,
    SearchStopped,
    Task,
    Trainer,
    is_spent,
)
from metaqnn.executors.pool import PoolExecutor
from metaqnn.executors.worker import MakeTrainer, Place, Worker
from metaqnn.output import system_error
from predictor.interrupts import ignored_by_children
from trainers import EpochReport

PATIENCE = 5.0
"""Seconds that a process has to end after being asked to."""
START_TIMEOUT = 1800.0
"""Seconds that a process may take to load its libraries and images, which the search has already loaded."""
GONE = (EOFError, BrokenPipeError, ConnectionResetError)
"""What a pipe raises when its other end is closed."""


class WorkerProcess(Worker):
    """A process, and the pipe to it.

    Args:
        place: its `make_trainer` can be pickled.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        context = multiprocessing.get_context("spawn")  # a forked process could not use CUDA
        self.pipe, other_end = context.Pipe()
        self._process = context.Process(target=work, args=(other_end, place.make_trainer), daemon=True)
        with ignored_by_children(signal.SIGINT):
            self._process.start()
        other_end.close()

    def say(self, what: Task | bool) -> None:
        """See `Worker`."""
        with suppress(*GONE):
            self.pipe.send(what)

    def receive(self) -> Message | None:
        """See `Worker`."""
        try:
            return cast(Message, self.pipe.recv())
        except (EOFError, OSError):  # not only GONE: it may have been killed in the middle of a message
            return None

    def how_it_died(self) -> str:
        """See `Worker`."""
        self._process.join(PATIENCE)
        code = self._process.exitcode
        return f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"

    def end(self) -> None:
        """See `Worker`."""
        self.pipe.close()
        for stop in (self._process.terminate, self._process.kill):
            stop()
            self._process.join(PATIENCE)


class LocalExecutor(PoolExecutor[WorkerProcess]):
    """Runs trainings in processes on this machine, as many as there are places."""

    start_timeout = START_TIMEOUT

    def start(self, place: Place) -> WorkerProcess:
        """See `PoolExecutor`."""
        try:
            return WorkerProcess(place)
        except OSError as error:  # from the system: too many processes or open files, for example
            raise SearchStopped(f"a worker cannot be started: {system_error(error)}") from error

    def wait(self, workers: Sequence[WorkerProcess], seconds: float | None) -> Sequence[WorkerProcess]:
        """See `PoolExecutor`."""
        heard = set(connections.wait([worker.pipe for worker in workers], seconds))
        return [worker for worker in workers if worker.pipe in heard]


class SearchGoneError(EOFError):
    """The other end of the search's own pipe is closed; a trainer may have pipes, too."""


def work(connection: Connection, make_trainer: MakeTrainer) -> None:
    """The main function of a worker process."""
    threading.Thread(target=_end_with_the_search, daemon=True).start()
    with suppress(*GONE):
        _serve(connection, make_trainer)


def _end_with_the_search() -> None:
    """End at once when the search is killed: a resumed search would write the same files."""
    search = parent_process()
    assert search is not None
    connections.wait([search.sentinel])
    os._exit(1)


def _serve(connection: Connection, make_trainer: MakeTrainer) -> None:
    try:
        trainer = make_trainer()
    except Exception:
        connection.send(Failed(traceback.format_exc()))
        return
    connection.send(Ready())
    while True:
        connection.send(_train(trainer, connection.recv(), connection))


def _train(trainer: Trainer, task: Task, connection: Connection) -> Ended | Failed:
    def on_epoch(report: EpochReport) -> bool:
        try:
            connection.send(EpochDone(report))
            return bool(connection.recv())
        except GONE as error:
            raise SearchGoneError from error

    try:
        return Ended(task.run(trainer, on_epoch), is_spent(trainer))
    except SearchGoneError:
        raise
    except Exception:
        return Failed(traceback.format_exc(), is_spent(trainer))
