"""Whether a database can be used, and which search it holds; creates and upgrades its schema."""

from __future__ import annotations

import logging
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, false, func, inspect, select, text

from metaqnn.config.bounds import ROW
from metaqnn.database.engine import name_of, reading_engine
from metaqnn.database.ownership import LOCK_SPACE
from metaqnn.database.schema import searches
from metaqnn.database.trouble import DatabaseError

MIGRATIONS = Path(__file__).parent / "migrations"
SCHEMA_VERSION = max(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The newest revision in `migrations/versions`."""
VERSION = re.compile(r"(?!0000)\d{4}")
"""The form of all revisions, from 0001 on."""
_LOG = logging.getLogger(__name__)


class NoSearchError(DatabaseError):
    """A database without a search, for example because the search was interrupted while it started."""


def current_version(connection: Connection) -> str | None:
    """The schema revision of a database, None if it has no MetaQNN schema."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def check_version(connection: Connection, where: str) -> None:
    """Refuse a database of another schema version.

    Raises:
        DatabaseError: not a replay database, or one written by an older or newer version.
    """
    version = current_version(connection)
    if version is None and not inspect(connection).get_table_names():
        raise NoSearchError(f"{where} holds no search{_unseen(connection)}")
    if version is None or not VERSION.fullmatch(version):  # other programs use alembic, too
        raise DatabaseError(f"{where} is not a MetaQNN replay database")
    if version > SCHEMA_VERSION:
        raise DatabaseError(f"{where} has schema {version}, newer than {SCHEMA_VERSION}: upgrade MetaQNN")
    if version < SCHEMA_VERSION:
        raise DatabaseError(
            f"{where} has schema {version}, older than {SCHEMA_VERSION}: resume the search once to upgrade it"
        )


def _unseen(connection: Connection) -> str:
    """A hint for a role that sees no schema: a search may be there nevertheless."""
    if connection.dialect.name != "postgresql" or connection.scalar(text("SELECT current_schema()")):
        return ""
    return " that the role can see: its search_path selects no schema; name the search's schema in it"


def find_search(connection: Connection, where: str, search_id: int | None) -> int:
    """The id of the newest search in a database, or the given id if there is such a search.

    Raises:
        NoSearchError: there is no such search.
    """
    query = select(func.max(searches.c.id))
    if search_id is not None:
        query = query.where(searches.c.id == search_id if search_id in ROW else false())
    found: int | None = connection.execute(query).scalar()
    if found is None:
        raise NoSearchError(f"{where} holds no search" + (f" {search_id}" if search_id else ""))
    return found


def upgrade(engine: Engine) -> None:
    """Upgrade a database to SCHEMA_VERSION; an SQLite file with an older schema is backed up first.

    Raises:
        DatabaseError: the database was written by a newer version or another program.
    """
    with engine.begin() as connection:
        version = current_version(connection)
        _check_upgradable(connection, version, name_of(engine.url))
    if version == SCHEMA_VERSION:
        return
    if version is not None:
        _keep_and_tell(engine, version)
    _run_migrations(engine)


def check_upgradable(url: str | URL) -> None:
    """Refuse a database that `upgrade` cannot bring to this version, and leave it unchanged.

    Raises:
        DatabaseError: it cannot; the message says what the database is instead.
    """
    engine = reading_engine(url)
    try:
        with engine.connect() as connection:
            version = current_version(connection)
            if version is None:
                check_version(connection, name_of(url))
            _check_upgradable(connection, version, name_of(url))
    finally:
        engine.dispose()


def _check_upgradable(connection: Connection, version: str | None, where: str) -> None:
    if version is not None and not (VERSION.fullmatch(version) and version <= SCHEMA_VERSION):
        check_version(connection, where)


def _keep_and_tell(engine: Engine, version: str) -> None:
    """Back up an SQLite file before it is upgraded, and log what becomes of the old database."""
    where = name_of(engine.url)
    then = "older versions of MetaQNN can no longer use it"
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database))
        _back_up(file, file.with_name(f"{file.name}.backup-{version}"))
        then = f"a copy of it as it was is in {where}.backup-{version}"
    _LOG.warning("%s is upgraded from schema %s to %s; %s", where, version, SCHEMA_VERSION, then)


def _back_up(file: Path, to: Path) -> None:
    """Copy a database with the contents of its write-ahead log, which a copy of the file would miss."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def _run_migrations(engine: Engine) -> None:
    from alembic import command  # slow to import, and needed once in a search's life
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # two searches may begin at the same time
            connection.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE, 0)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
