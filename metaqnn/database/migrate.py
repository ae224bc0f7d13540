"""Schema versions: create, recognise and upgrade a replay database."""

import shutil
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

SCHEMA_VERSION = "0001"
"""The newest revision in `migrations/versions`."""


class SchemaError(ValueError):
    """A database that this version cannot work with."""


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
    if version is None:
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
            check_version(connection, str(engine.url.database))
    if version is not None and file is not None:
        shutil.copy2(file, file.with_name(f"{file.name}.backup-{version}"))
    _run_migrations(engine)


def _run_migrations(engine: Engine) -> None:
    from alembic import command  # slow to import, and needed once in a search's life
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
