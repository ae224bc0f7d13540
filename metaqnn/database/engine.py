"""Connections to SQLite and PostgreSQL, with the settings that make one writer and many readers safe."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from predictor.files import reading_options
from predictor.servers import SSL, remember, settings_for
from state_space.errors import did_you_mean

BUSY_SECONDS = 30
"""How long SQLite itself waits for other programs; events are tried again after that (`transactions`)."""
POSTGRESQL = "postgresql+psycopg"
REFUSALS = {
    "42501": "the role needs more rights: CREATE and USAGE on the schema, and all on the search's tables and "
    "sequences; or give it a database of its own",
    "3F000": "there is no schema for new tables; create one, or name it in the role's search_path",
    "25006": "it is read-only; give the primary server",
    "42P01": "a table of the search is missing; restore the database from a backup",
    "42703": "a column of the search is missing; restore the database from a backup",
    "22P05": "its encoding lacks a character of a name; give a database with ENCODING 'UTF8'",
}
"""By PostgreSQL's SQLSTATE: what helps if the role has too few rights, or the database lacks something."""
TIMEOUTS = {"57014", "55P03"}
"""SQLSTATEs of statements that the server cancelled because of a statement_timeout or lock_timeout."""


class StorageError(ValueError):
    """An address where a search cannot be stored."""


class UnreachableError(ValueError):
    """A database server that does not answer, no longer answers, or does not answer in time."""


def sqlite_url(path: Path) -> URL:
    """The SQLAlchemy URL of an SQLite file, whatever characters its path contains."""
    return URL.create("sqlite", database=str(path.resolve()))


def named_url(text: str | URL) -> URL:
    """As `postgresql_url`, for a URL that the user gave: from now on, its server may be sent passwords."""
    url = postgresql_url(text)
    remember(connection_settings(url))
    return url


def connection_settings(url: URL) -> dict[str, Any]:
    """The connection settings that psycopg gets from a URL."""
    return dict(url.get_dialect()().create_connect_args(url)[1])


def postgresql_url(text: str | URL) -> URL:
    """The URL of a PostgreSQL database, without its passwords: these go to this process's environment.

    There they have the names PGPASSWORD and METAQNN_SSLPASSWORD, the latter for an encrypted client key.

    Raises:
        StorageError: not the URL of a PostgreSQL database.
    """
    try:
        url = make_url(text)
        str(url)  # fails for what is not Unicode
    except (ArgumentError, ValueError):  # the message must not repeat what may contain a password
        raise StorageError(
            "the storage is not a URL; expected postgresql+psycopg://USER@HOST/DATABASE"
        ) from None
    if url.drivername not in ("postgres", "postgresql", POSTGRESQL) or not url.database:
        raise StorageError(f"the storage is {str(url)!r}; expected postgresql+psycopg://USER@HOST/DATABASE")
    if find_spec("psycopg") is None:
        raise StorageError("PostgreSQL needs the package psycopg: pip install 'metaqnn[postgresql]'")
    passwords = {"PGPASSWORD": url.password or url.query.get("password"), SSL: url.query.get("sslpassword")}
    url = url.set(drivername=POSTGRESQL)._replace(password=None)
    url = url.difference_update_query(["password", "sslpassword"])
    _check_connectable(url)
    try:
        os.environ.update({name: str(password) for name, password in passwords.items() if password})
    except ValueError:
        raise StorageError(
            "the password in the storage's URL contains characters that no password can"
        ) from None
    return url


def _check_connectable(url: URL) -> None:
    """Refuse what SQLAlchemy and name resolution would fail on later. Contacts nobody.

    Only PostgreSQL's own settings may be in a URL: `conninfo`, for example, is psycopg's own, and
    would lead elsewhere than the URL says.
    """
    from psycopg.pq import Conninfo

    known = [one.keyword.decode() for one in Conninfo.get_defaults()]
    for name in url.query:
        if name not in known:
            hint = did_you_mean(name, known)
            raise StorageError(f"the storage is {str(url)!r}: PostgreSQL has no setting {name!r}{hint}")
    try:
        for host in str(connection_settings(url).get("host", "")).split(","):
            host.encode("idna")
    except (ArgumentError, ValueError) as error:
        raise StorageError(f"the storage is {str(url)!r}: {error}") from None


def name_of(url: str | URL) -> str:
    """The name of a database in messages, in one line: the file, or the URL without its password."""
    address = make_url(url)
    name = address.database if address.get_backend_name() == "sqlite" else address
    return " ".join(str(name).splitlines())


def writing_engine(url: str | URL) -> Engine:
    """An engine whose transactions may all write.

    On SQLite: write-ahead log, flushed to the disk at every commit (a power cut loses nothing that was
    committed, and files of networks are removed only after that), BEGIN IMMEDIATE (a transaction that reads
    first and writes later cannot fail half way under another writer), foreign keys enforced. On PostgreSQL: a
    single connection, which `ownership` makes the search's only writer; if it is cut: `UnreachableError`.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return _postgresql_engine(address, pool_size=1, max_overflow=0)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, json_deserializer=_from_json)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def reading_engine(url: str | URL) -> Engine:
    """An engine that cannot write and whose transactions each see one moment; it never disturbs a search.

    On SQLite, files are open only during a transaction, so that many searches can be read side by side.

    Raises (later, from its connections on PostgreSQL):
        UnreachableError: the server does not respond.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        options = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        return _postgresql_engine(address, execution_options=options)
    file = Path(str(address.database))
    query = {**reading_options(file), "uri": "true"}
    uri = URL.create("sqlite", database=file.absolute().as_uri(), query=query)
    options = {"connect_args": {"timeout": BUSY_SECONDS}, "json_deserializer": _from_json}
    engine = create_engine(uri, poolclass=NullPool, **options)
    _begin_with(engine, "BEGIN")
    return engine


@contextmanager
def closed_on_failure(engine: Engine) -> Iterator[None]:
    """Close all connections if the block fails, because then nobody gets the engine."""
    try:
        yield
    except BaseException:
        engine.dispose()
        raise


def _from_json(text: str) -> Any:
    """As `json.loads`, with one kind of error for text of any depth and numbers of any length."""
    try:
        return json.loads(text)
    except JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise JSONDecodeError(str(error), "", 0) from None


def _begin_with(engine: Engine, statement: str) -> None:
    """Begin SQLite's transactions ourselves, because pysqlite begins none before the first write."""

    @event.listens_for(engine, "connect")
    def leave_it_to_us(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(statement)


def _postgresql_engine(url: URL, **options: Any) -> Engine:
    engine = create_engine(url, connect_args=settings_for(url.query), json_deserializer=_from_json, **options)

    @event.listens_for(engine, "handle_error")
    def explain(context: ExceptionContext) -> None:
        error = context.original_exception
        if not isinstance(error, Exception):  # SQLAlchemy counts Ctrl-C as a lost connection; it stays Ctrl-C
            return
        reason, state = " ".join(str(error).split()), getattr(error, "sqlstate", None)
        if state in REFUSALS:
            raise StorageError(f"{name_of(url)} cannot be used ({reason}): {REFUSALS[state]}")
        if state in TIMEOUTS:
            raise UnreachableError(f"{name_of(url)} does not answer in time: {reason}")
        if context.is_disconnect or context.connection is None:
            raise UnreachableError(f"{name_of(url)} cannot be reached: {reason}")

    return engine
