"""The process that trains for `LocalExecutor`. It ends when the search has gone."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection as connections
from multiprocessing import parent_process
from multiprocessing.connection import Connection

from metaqnn.executors.base import Ended, EpochDone, Failed, Ready, Task, Trainer
from trainers import EpochReport

GONE = (EOFError, BrokenPipeError, ConnectionResetError)
"""What a pipe raises when its other end is closed."""


class SearchGoneError(EOFError):
    """The other end of the search's own pipe is closed; a trainer may have pipes, too."""


def work(connection: Connection, make_trainer: Callable[[], Trainer]) -> None:
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


def is_spent(trainer: Trainer) -> bool:
    """Whether the trainer says that its process should train no more; others never do."""
    return bool(getattr(trainer, "spent", False))
