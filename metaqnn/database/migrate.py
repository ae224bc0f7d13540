"""Schema versions: create, recognise and upgrade a replay database."""

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from metaqnn.database.engine import name_of
from metaqnn.database.ownership import LOCK_SPACE

SCHEMA_VERSION = "0003"
"""The newest revision in `migrations/versions`."""


class SchemaError(ValueError):
    """A database that this version cannot work with."""


class NoSearchError(SchemaError):
    """A database in which no search was stored, for example because its start was cut off."""


@contextmanager
def refused(where: str) -> Iterator[None]:
    """Turn SQLite's complaint about a file that is no database, or a damaged one, into one clear line.

    Raises:
        SchemaError: that line.
    """
    try:
        yield
    except (sqlite3.DatabaseError, DatabaseError) as error:
        reason = str(getattr(error, "orig", error))
        if "not a database" not in reason and "malformed" not in reason:
            raise
        if "malformed" in reason:
            raise damage(where, reason) from None
        raise SchemaError(f"{where} is not a MetaQNN replay database: {reason}") from None


def damage(where: str, reason: str) -> SchemaError:
    """The error about an SQLite file that was changed from outside."""
    return SchemaError(
        f"{where} is not a MetaQNN replay database any more, it is damaged ({reason}); "
        "keep a copy of its folder, then save what can still be read: "
        f"sqlite3 {shlex.quote(where)} .dump | sed 's/^ROLLBACK/COMMIT/' | sqlite3 recovered.db"
    )


def check_integrity(url: str | URL) -> None:
    """Refuse an SQLite file whose pages do not fit together.

    SQLite has no checksums: a value that was changed in its place is not noticed.

    Raises:
        SchemaError: with the first thing that is wrong.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return
    file = f"{Path(str(address.database)).absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(file, uri=True)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        found = str(error)
    if "not a database" in found:
        raise SchemaError(f"{address.database} is not a MetaQNN replay database: {found}")
    if found != "ok":
        raise damage(str(address.database), " ".join(found.split()))


def current_version(connection: Connection) -> str | None:
    """The schema revision of a database, None where there is no MetaQNN schema."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def check_version(connection: Connection, where: str) -> None:
    """Refuse a database of another schema version.

    Raises:
        SchemaError: no replay database, or one written by an older or newer version.
    """
    version = current_version(connection)
    if version is None and not inspect(connection).get_table_names():
        raise NoSearchError(f"{where} holds no search")
    if version is None or not version.isdecimal():  # other programs use alembic, too
        raise SchemaError(f"{where} is not a MetaQNN replay database")
    if version > SCHEMA_VERSION:
        raise SchemaError(f"{where} has schema {version}, newer than {SCHEMA_VERSION}: upgrade MetaQNN")
    if version < SCHEMA_VERSION:
        raise SchemaError(
            f"{where} has schema {version}, older than {SCHEMA_VERSION}: resume it once to upgrade"
        )


def upgrade(engine: Engine, *, file: Path | None = None) -> None:
    """Bring a database to SCHEMA_VERSION; an SQLite file with an older schema is copied aside first.

    Raises:
        SchemaError: the database was written by a newer version.
    """
    with engine.begin() as connection:
        version = current_version(connection)
    if version == SCHEMA_VERSION:
        return
    if version is not None and version > SCHEMA_VERSION:
        with engine.begin() as connection:
            check_version(connection, name_of(engine.url))
    if version is not None and file is not None:
        _back_up(file, file.with_name(f"{file.name}.backup-{version}"))
    _run_migrations(engine)


def _back_up(file: Path, to: Path) -> None:
    """Copy a database with what still stands in its write-ahead log, which a copy of the file would miss."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def _run_migrations(engine: Engine) -> None:
    from alembic import command  # slow to import, and needed once in a search's life
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # two searches may begin at the same time
            connection.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE, 0)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
