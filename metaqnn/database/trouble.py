"""What can be wrong with a database or the place where it lies, and what to tell users about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError

from sqlalchemy import URL, Connection, exc
from sqlalchemy.engine import make_url

from metaqnn.database.engine import reading_engine
from metaqnn.database.values import first_odd_value
from metaqnn.output import shell_quoted
from state_space.errors import first_line

SPACE, PERMISSION = "make space", "check its permissions and those of its folder"
ADVICE = {
    sqlite3.SQLITE_FULL: SPACE,
    sqlite3.SQLITE_IOERR: f"{SPACE}, or check the disk",
    sqlite3.SQLITE_CANTOPEN: f"{SPACE}, {PERMISSION}, copy the folder to a place where you may write, or "
    "allow this shell more open files (ulimit -n)",
    sqlite3.SQLITE_READONLY: "check its permissions, those of its folder, and those of the files beside it "
    "that end in -wal and -shm",
    sqlite3.SQLITE_PERM: PERMISSION,
    sqlite3.SQLITE_AUTH: PERMISSION,
    sqlite3.SQLITE_BUSY: "end the program that is using it",
    sqlite3.SQLITE_LOCKED: "end the program that is using it",
}
"""What a user can do, by SQLite's primary result code, if the place and not the content is the problem."""
DISK_FULL = "53100"
"""PostgreSQL's SQLSTATE."""


class DatabaseError(ValueError):
    """A database that this version cannot use, or cannot use now."""


def advice(error: BaseException) -> str | None:
    """What helps against an error that the database's content did not cause; None for any other error."""
    original = getattr(error, "orig", error)
    if getattr(original, "sqlstate", None) == DISK_FULL:
        return SPACE
    code = getattr(original, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return None if code == sqlite3.SQLITE_IOERR_SHORT_READ else ADVICE.get(code & 0xFF)


def cause_of(error: BaseException) -> tuple[BaseException, str]:
    """The database's error that Optuna may have wrapped, and the first line of what the driver said."""
    cause = error.__cause__ or error
    return cause, first_line(getattr(cause, "orig", cause))


def is_held(error: BaseException) -> bool:
    """Whether an error will pass: another program is keeping an SQLite file to itself."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_lost(error: BaseException) -> bool:
    """Whether SQLAlchemy's error says that a server has closed the connection or cannot be used for now."""
    if not isinstance(error, exc.DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    return error.connection_invalidated or isinstance(error, exc.OperationalError)


def unavailable(where: str, error: BaseException) -> DatabaseError | None:
    """The error about a file that cannot be used now, if that is what `error` means."""
    help_ = advice(error)
    if help_ is None:
        return None
    return DatabaseError(f"{where} cannot be used now ({getattr(error, 'orig', error)}): {help_}")


def require_possible(connection: Connection, where: str, search_id: int) -> None:
    """Refuse a search that contains values that no search has written.

    Raises:
        DatabaseError: there are such values; the message names the first.
    """
    odd = first_odd_value(connection, search_id)
    if odd is None:
        return
    if connection.dialect.name == "sqlite":
        raise damage(where, odd)
    raise DatabaseError(f"{where} holds a value that no search has written: {odd}")


def damage(where: str, reason: str) -> DatabaseError:
    """The error about a damaged SQLite file."""
    return DatabaseError(
        f"{where} is no longer a MetaQNN replay database, it is damaged ({reason}); "
        "copy its folder, then save what can still be read: "
        f"sqlite3 {shell_quoted(where)} .dump | sed 's/^ROLLBACK/COMMIT/' | sqlite3 recovered.db"
    )


@contextmanager
def refused(where: str) -> Iterator[None]:
    """Turn SQLite's error about a file that is not a database, damaged, or unreachable into one clear line.

    Raises:
        DatabaseError: that line.
    """
    try:
        yield
    except (sqlite3.DatabaseError, exc.DatabaseError) as error:
        reason = str(getattr(error, "orig", error))
        if now := unavailable(where, error):
            raise now from None
        if "malformed" in reason:
            raise damage(where, reason) from None
        if "not a database" in reason:
            raise DatabaseError(f"{where} is not a MetaQNN replay database: {reason}") from None
        raise


@contextmanager
def damage_explained(url: str | URL) -> Iterator[None]:
    """Turn errors that come from a damaged database, which can be of any kind, into one clear line.

    Raises:
        DatabaseError: that line.
    """
    try:
        yield
    except Exception as error:
        check_integrity(url)
        if isinstance(error, UnicodeDecodeError | JSONDecodeError | exc.DataError):
            raise damage(str(make_url(url).database), f"{type(error).__name__}: {error}") from None
        raise


def check_integrity(url: str | URL) -> None:
    """Refuse an SQLite file whose pages, or whose rows, do not fit together, or that holds odd values.

    SQLite has no checksums, so a value that was changed to another possible one is not noticed.

    Raises:
        DatabaseError: the first problem found, or why the file cannot be used now.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return
    where = str(address.database)
    try:
        found = _first_fault(address)
    except (sqlite3.DatabaseError, exc.DatabaseError, UnicodeDecodeError) as error:
        if now := unavailable(where, error):
            raise now from None
        found = str(getattr(error, "orig", error))
    if "not a database" in found:
        raise DatabaseError(f"{where} is not a MetaQNN replay database: {found}")
    if found != "ok":
        raise damage(where, " ".join(found.split()))


def _first_fault(url: URL) -> str:
    engine = reading_engine(url)
    try:
        with engine.connect() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
            if found != "ok":
                return found
            orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if orphan is not None:
                return f"a row of {orphan[0]} belongs to no row of {orphan[2]}"
            return first_odd_value(connection) or "ok"
    finally:
        engine.dispose()
