"""Each event is one transaction, applied exactly once even if the connection is lost in the middle of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine, text

from metaqnn.database.engine import UnreachableError
from metaqnn.interrupts import uninterrupted

PATIENCE = 600.0
"""Seconds without a connection after which a search gives up."""
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
"""Seconds between two tries: first and longest; they double in between."""

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger(__name__)


class Outage:
    """A time without a connection: waits between tries and informs the user."""

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


class HasEngine(Protocol):
    """Whose methods can be transactions."""

    engine: Engine


S = TypeVar("S", bound=HasEngine)


def transaction(method: Callable[Concatenate[S, Connection, P], T]) -> Callable[Concatenate[S, P], T]:
    """Run a method in a transaction of its own, with `run_transaction`, and give it the connection."""

    @wraps(method)
    def run(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_transaction(self.engine, lambda connection: method(self, connection, *args, **kwargs))

    del run.__wrapped__  # callers do not give the connection
    return run


def run_transaction(engine: Engine, event: Callable[[Connection], T]) -> T:
    """Run `event` in a transaction of its own and return what it returns.

    On PostgreSQL, a transaction whose connection was lost is repeated on a new one, unless the server says
    that it was committed and only the response was lost. `event` must touch nothing but the database.

    Raises:
        UnreachableError: no connection for PATIENCE seconds.
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
        except UnreachableError as error:
            outage = outage or Outage()
            outage.wait(error)
            continue
        if outage is not None:
            outage.over()
        return results[-1]


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
