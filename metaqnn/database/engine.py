"""Connections: SQLite with the settings that make one writer and many readers safe, or any SQLAlchemy URL."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url

BUSY_SECONDS = 30


def sqlite_url(path: Path) -> URL:
    """The SQLAlchemy URL of an SQLite file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path.resolve()))


def writing_engine(url: str | URL) -> Engine:
    """An engine whose transactions all may write.

    On SQLite: write-ahead log, BEGIN IMMEDIATE (a transaction that reads first and writes later cannot
    fail half way under another writer), 30 s busy timeout, foreign keys enforced.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # pysqlite must not begin transactions by itself
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reading_engine(url: str | URL) -> Engine:
    """An engine that cannot write: SQLite is opened read-only, so a running search is never disturbed."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return create_engine(url, execution_options={"postgresql_readonly": True})
    file = Path(str(address.database)).absolute().as_uri()
    uri = URL.create("sqlite", database=file, query={"mode": "ro", "uri": "true"})
    return create_engine(uri, connect_args={"timeout": BUSY_SECONDS})
