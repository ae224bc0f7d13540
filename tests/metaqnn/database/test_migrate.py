"""Schema versions: migrations make the declared tables; old and strange files are treated with care."""

import json
import re
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from metaqnn.database import DatabaseError, ReplayDatabase, migrate
from metaqnn.database.engine import name_of, sqlite_url, writing_engine
from metaqnn.database.migrate import NoSearchError, current_version, upgrade
from metaqnn.database.queries import SearchReader, has_search
from metaqnn.database.schema import metadata

OLDER = migrate.SCHEMA_VERSION
NEWER = f"{int(OLDER) + 1:04}"
NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{NEWER}", "{OLDER}", None, None

def upgrade():
    op.add_column("searches", sa.Column("note", sa.Text(), nullable=True))
"""


COUNTS = ("num_params", "depth", "parameters", "macs")


def dump_file(file):
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def execute(url, *statements):
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def newer_program(tmp_path, monkeypatch):
    """A MetaQNN of the future, with one more migration."""
    folder = tmp_path / "program"
    shutil.copytree(migrate.MIGRATIONS, folder / "migrations")
    (folder / "migrations" / "versions" / f"{NEWER}_next.py").write_text(NEXT)
    monkeypatch.setattr(migrate, "MIGRATIONS", folder / "migrations")
    monkeypatch.setattr(migrate, "SCHEMA_VERSION", NEWER)


@pytest.fixture
def url(new_url, record):
    """A database with a search."""
    url = new_url()
    ReplayDatabase.create(url, record).close()
    return url


@pytest.fixture
def file(tmp_path, record):
    """An SQLite file with a search."""
    file = tmp_path / "search.db"
    ReplayDatabase.create(sqlite_url(file), record).close()
    return file


def test_the_migrations_make_exactly_the_declared_tables(new_url):
    engine = writing_engine(new_url())
    upgrade(engine)
    with engine.begin() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_version_is_that_of_the_newest_migration():
    assert ScriptDirectory(str(migrate.MIGRATIONS)).get_heads() == [migrate.SCHEMA_VERSION]


def test_upgrading_twice_changes_nothing(file):
    before = dump_file(file)
    upgrade(writing_engine(sqlite_url(file)))
    assert dump_file(file) == before
    assert list(file.parent.glob("*backup*")) == []


def test_an_older_database_is_upgraded_after_a_whole_copy_of_it(file, newer_program):
    with closing(sqlite3.connect(file)) as other:  # keeps the log, whose content must be in the copy
        other.execute("UPDATE searches SET seconds = 123")
        other.commit()
        before = list(other.iterdump())
        database = ReplayDatabase.open(sqlite_url(file))
        assert dump_file(file.with_name(f"search.db.backup-{OLDER}")) == before
    with database.engine.begin() as connection:
        assert current_version(connection) == NEWER
    assert "note" in "".join(dump_file(file))
    assert database.record().input_shape == (1, 8, 8)


@pytest.mark.parametrize("opened", [True, False])
def test_who_upgrades_a_database_is_told_so_and_what_becomes_of_it(
    url, record, newer_program, caplog, opened
):
    """A database on a server gets no copy, and may be shared with people whose program is older."""
    (ReplayDatabase.open(url) if opened else ReplayDatabase.create(url, record)).close()
    (said,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert said.startswith(f"{name_of(url)} is upgraded from schema {OLDER} to {NEWER}")
    if url.drivername == "sqlite":
        assert said.endswith(f"; a copy of it as it was is in {name_of(url)}.backup-{OLDER}")
    else:
        assert said.endswith("; older versions of MetaQNN can no longer use it")
    caplog.clear()
    ReplayDatabase.open(url).close()
    assert not caplog.records


def test_a_search_of_the_first_schema_goes_on(new_url, record, monkeypatch, ask):
    url = new_url()
    monkeypatch.setattr(migrate, "SCHEMA_VERSION", "0001")
    upgrade(writing_engine(url))
    columns = (
        "epochs, num_classes, channels, image_size, data_fingerprint, versions, circumstances, created_at"
    )
    values = "5, 10, 1, 8, 'f00', '{}', '{}', 0"
    config = json.dumps(record.config.to_dict()).replace(":", "\\:")
    execute(url, f"INSERT INTO searches (config, {columns}) VALUES ('{config}', {values})")
    monkeypatch.undo()
    with closing(ReplayDatabase.open(url)) as database:
        assert database.record().config == record.config
        assert database.record().data_fingerprint == "f00"
        database.propose(0, 1.0, {"number": 1, "architecture": "[SM(10)]", **dict.fromkeys(COUNTS, 1)})
    assert ask(url, "SELECT search_id, number FROM networks") == [(1, 1)]


def test_searches_may_begin_at_the_same_time_in_an_empty_database(new_postgresql, record, ask):
    url = new_postgresql()
    starts = [threading.Thread(target=lambda: ReplayDatabase.create(url, record).close()) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert ask(url, "SELECT id FROM searches ORDER BY id") == [(1,), (2,), (3,), (4,)]


def test_readers_leave_an_older_database_alone(url, newer_program, dump):
    before = dump(url)
    with pytest.raises(
        DatabaseError, match=f"schema {OLDER}, older than {NEWER}: resume the search once to upgrade it"
    ):
        SearchReader(url)
    assert dump(url) == before


@pytest.mark.parametrize("open_", [ReplayDatabase.open, SearchReader, has_search])
def test_a_newer_database_is_refused_and_left_alone(url, open_, dump):
    execute(url, "UPDATE alembic_version SET version_num = '9999'")
    before = dump(url)
    with pytest.raises(
        DatabaseError, match=rf"{re.escape(name_of(url))} has schema 9999, newer than .*: upgrade MetaQNN"
    ):
        open_(url)
    assert dump(url) == before


@pytest.mark.parametrize("open_", [ReplayDatabase.open, SearchReader, has_search])
@pytest.mark.parametrize("with_alembic", [True, False])
def test_another_programs_database_is_refused_and_left_alone(new_url, open_, with_alembic):
    url = new_url()
    execute(url, "CREATE TABLE bookmarks (url TEXT)")
    if with_alembic:
        execute(
            url,
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('a1')",
        )
    before = tables(url)
    with pytest.raises(DatabaseError, match="is not a MetaQNN replay database"):
        open_(url)
    assert tables(url) == before


def tables(url):
    return sorted(inspect(create_engine(url)).get_table_names())


@pytest.mark.parametrize("open_", [ReplayDatabase.open, SearchReader, has_search])
@pytest.mark.parametrize("content", [b"garbage " * 1000, b"SQLite format 3\0" + bytes(100)])
def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path, open_, content):
    file = tmp_path / "search.db"
    file.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"search.db is not a MetaQNN replay database") as error:
        open_(sqlite_url(file))
    assert "\n" not in str(error.value)
    assert file.read_bytes() == content


@pytest.mark.parametrize("empty", [True, False])
def test_a_start_that_was_cut_off_left_no_search(new_url, record, empty):
    url = new_url()
    if not empty:
        upgrade(writing_engine(url))
    elif url.drivername == "sqlite":
        Path(url.database).touch()
    assert not has_search(url)
    for open_ in (ReplayDatabase.open, SearchReader):
        with pytest.raises(NoSearchError, match=rf"{re.escape(name_of(url))} holds no search"):
            open_(url)
    ReplayDatabase.create(url, record).close()
    assert has_search(url)
