"""The process that trains for `LocalExecutor`. It ends when the other side is gone."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from metaqnn.executors.base import Task, Trainer
from metaqnn.executors.messages import Ended, EpochDone, Failed, Ready
from trainers import EpochReport

GONE = (EOFError, BrokenPipeError, ConnectionResetError)
"""What a pipe raises when nobody is at its other end."""


def work(connection: Connection, make_trainer: Callable[[], Trainer]) -> None:
    """What a worker process does."""
    with suppress(*GONE):
        _serve(connection, make_trainer)


def _serve(connection: Connection, make_trainer: Callable[[], Trainer]) -> None:
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
        connection.send(EpochDone(report))
        return bool(connection.recv())

    try:
        return Ended(task.run(trainer, on_epoch))
    except GONE:
        raise
    except Exception:
        return Failed(traceback.format_exc())
