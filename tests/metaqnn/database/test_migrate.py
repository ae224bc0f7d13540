"""Schema versions: migrations make the declared tables; old and strange files are treated with care."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from metaqnn.database import ReplayDatabase, SchemaError, migrate
from metaqnn.database.engine import sqlite_url, writing_engine
from metaqnn.database.migrate import NoSearchError, current_version, upgrade
from metaqnn.database.queries import SearchReader, has_search
from metaqnn.database.schema import metadata

SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None

def upgrade():
    op.add_column("searches", sa.Column("note", sa.Text(), nullable=True))
"""


def dump(file):
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def set_version(file, version):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


@pytest.fixture
def newer_program(tmp_path, monkeypatch):
    """A MetaQNN of the future, with a second migration."""
    folder = tmp_path / "program"
    shutil.copytree(Path(migrate.__file__).parent / "migrations", folder / "migrations")
    (folder / "migrations" / "versions" / "0002_second.py").write_text(SECOND)
    monkeypatch.setattr(migrate, "__file__", str(folder / "migrate.py"))
    monkeypatch.setattr(migrate, "SCHEMA_VERSION", "0002")


@pytest.fixture
def file(tmp_path, record):
    file = tmp_path / "search.db"
    ReplayDatabase.create(sqlite_url(file), record).close()
    return file


def test_the_migrations_make_exactly_the_declared_tables(tmp_path):
    engine = writing_engine(sqlite_url(tmp_path / "search.db"))
    upgrade(engine)
    with engine.begin() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_version_is_that_of_the_newest_migration():
    files = (Path(migrate.__file__).parent / "migrations" / "versions").glob("*.py")
    assert max(file.name for file in files).startswith(f"{migrate.SCHEMA_VERSION}_")


def test_upgrading_twice_changes_nothing(file):
    before = dump(file)
    upgrade(writing_engine(sqlite_url(file)), file=file)
    assert dump(file) == before
    assert list(file.parent.glob("*backup*")) == []


def test_an_older_database_is_upgraded_after_a_whole_copy_of_it(file, newer_program):
    with closing(sqlite3.connect(file)) as other:  # keeps the log: what is in it must be in the copy
        other.execute("UPDATE searches SET seconds = 123")
        other.commit()
        before = list(other.iterdump())
        database = ReplayDatabase.open(sqlite_url(file))
        assert dump(file.with_name("search.db.backup-0001")) == before
    with database._engine.begin() as connection:
        assert current_version(connection) == "0002"
    assert "note" in "".join(dump(file))
    assert database.record().input_shape == (1, 8, 8)


def test_readers_leave_an_older_database_alone(file, newer_program):
    with pytest.raises(SchemaError, match="schema 0001, older than 0002: resume it once to upgrade"):
        SearchReader(sqlite_url(file))
    assert list(file.parent.glob("*backup*")) == []


@pytest.mark.parametrize("open_", [ReplayDatabase.open, SearchReader, has_search])
def test_a_newer_database_is_refused_and_left_alone(file, open_):
    set_version(file, "9999")
    before = dump(file)
    with pytest.raises(SchemaError, match=r"search.db has schema 9999, newer than .*: upgrade MetaQNN"):
        open_(sqlite_url(file))
    assert dump(file) == before


@pytest.mark.parametrize("open_", [ReplayDatabase.open, SearchReader, has_search])
def test_another_programs_database_is_refused_and_left_alone(tmp_path, open_):
    file = tmp_path / "search.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = dump(file)
    with pytest.raises(SchemaError, match=r"search.db is not a MetaQNN replay database"):
        open_(sqlite_url(file))
    assert dump(file) == before


@pytest.mark.parametrize("open_", [ReplayDatabase.open, SearchReader, has_search])
@pytest.mark.parametrize("content", [b"garbage " * 1000, b"SQLite format 3\0" + bytes(100)])
def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path, open_, content):
    file = tmp_path / "search.db"
    file.write_bytes(content)
    with pytest.raises(SchemaError, match=r"search.db is not a MetaQNN replay database") as error:
        open_(sqlite_url(file))
    assert "\n" not in str(error.value)
    assert file.read_bytes() == content


@pytest.mark.parametrize("empty", [True, False])
def test_a_start_that_was_cut_off_left_no_search(tmp_path, record, empty):
    file = tmp_path / "search.db"
    if empty:
        file.touch()
    else:
        upgrade(writing_engine(sqlite_url(file)))
    assert not has_search(sqlite_url(file))
    for open_ in (ReplayDatabase.open, SearchReader):
        with pytest.raises(NoSearchError, match=r"search.db holds no search"):
            open_(sqlite_url(file))
    ReplayDatabase.create(sqlite_url(file), record)
    assert has_search(sqlite_url(file))
