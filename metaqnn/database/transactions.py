"""Each event is one transaction, applied exactly once even if the connection is lost in the middle of it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine, exc, text

from metaqnn.database.engine import UnreachableError, name_of
from metaqnn.database.trouble import is_held
from metaqnn.interrupts import uninterrupted

PATIENCE = 600.0
"""Seconds without a connection, or without a turn on SQLite, after which a search gives up."""
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
"""Seconds between two tries: first and longest; they double in between."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Outage:
    """Time without the database: waits between tries, and tells the user."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._wait = FIRST_WAIT

    def wait(self, error: UnreachableError) -> None:
        """Wait before the next try; Ctrl-C gets through.

        Raises:
            UnreachableError: there has been no connection for PATIENCE seconds.
        """
        if self._wait == FIRST_WAIT:
            _log.warning("%s; trying again for %.0f s", error, PATIENCE)
        if time.monotonic() - self._began > PATIENCE:
            raise UnreachableError(
                f"{error}; given up after {PATIENCE:.0f} s. Everything stored before is safe: "
                "resume with metaqnn run --resume RUN once the database is back"
            ) from None
        time.sleep(self._wait)
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def over(self) -> None:
        """Report that the connection is back."""
        _log.warning("the database is back after %.1f s", time.monotonic() - self._began)


def run_transaction(engine: Engine, event: Callable[[Connection], T]) -> T:
    """Run `event` in a transaction of its own and return what it returns.

    On PostgreSQL a transaction whose connection was cut is repeated on a new one, unless the server says
    that it was committed and only the answer was lost. So is one on SQLite while another program keeps the
    file to itself. `event` must touch nothing but the database.

    Raises:
        UnreachableError: no connection, or no turn, for PATIENCE seconds.
    """
    results: list[T] = []
    transaction: str | None = None
    outage: Outage | None = None
    while True:
        try:
            with uninterrupted(), engine.begin() as connection:
                if not _committed(connection, transaction):
                    results.append(event(connection))
                    transaction = _transaction_id(connection)
        except (UnreachableError, sqlite3.OperationalError, exc.OperationalError) as error:
            outage = outage or Outage()
            outage.wait(_passing(engine, error))
            continue
        if outage is not None:
            outage.over()
        return results[-1]


def _passing(engine: Engine, error: Exception) -> UnreachableError:
    """An error that may pass with time; raises any other again."""
    if isinstance(error, UnreachableError):
        return error
    if not is_held(error):
        raise error
    return UnreachableError(f"{name_of(engine.url)} is held by another program")


def _transaction_id(connection: Connection) -> str | None:
    """The server's number of this transaction, None if it has written nothing."""
    if connection.dialect.name != "postgresql":
        return None
    number = connection.execute(text("SELECT CAST(pg_current_xact_id_if_assigned() AS text)"))
    return number.scalar()


def _committed(connection: Connection, transaction: str | None) -> bool:
    """Whether an earlier transaction of ours was committed.

    It is no longer in progress, because its connection held our lock, which `connection` holds now.
    """
    if transaction is None:
        return False
    status = text("SELECT pg_xact_status(CAST(:number AS xid8))")
    return connection.execute(status, {"number": transaction}).scalar() == "committed"
