"""One writer and many readers on either back end."""

import os
import signal
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from metaqnn.database.engine import (
    StorageError,
    UnreachableError,
    name_of,
    postgresql_url,
    reading_engine,
    sqlite_url,
    writing_engine,
)


def with_counter(url):
    with writing_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    return url


@pytest.fixture
def url(new_url):
    return with_counter(new_url())


@pytest.fixture
def sqlite(tmp_path):
    return with_counter(sqlite_url(tmp_path / "counter.db"))


def count_up(url, times, errors):
    engine = writing_engine(url)
    try:
        for _ in range(times):
            with engine.begin() as connection:
                n = connection.execute(text("SELECT n FROM counter")).scalar_one()
                connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})
    except OperationalError as error:
        errors.append(error)


def test_writers_that_read_first_neither_fail_nor_lose_updates(sqlite):
    errors, times = [], 100
    writers = [threading.Thread(target=count_up, args=(sqlite, times, errors)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    with reading_engine(sqlite).connect() as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == 3 * times


def test_a_reader_sees_the_last_commit_while_a_writer_is_busy(url):
    with writing_engine(url).begin() as writer, reading_engine(url).connect() as reader:
        writer.execute(text("UPDATE counter SET n = 1"))
        assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 0
    with reading_engine(url).connect() as reader:
        assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 1


def test_a_reader_sees_one_moment(url):
    with reading_engine(url).connect() as reader:
        assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 0
        with writing_engine(url).begin() as writer:
            writer.execute(text("UPDATE counter SET n = 1"))
        assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 0


def test_a_reader_cannot_write(url):
    with (
        reading_engine(url).connect() as reader,
        pytest.raises((DBAPIError, StorageError), match=r"read-?only"),
    ):
        reader.execute(text("UPDATE counter SET n = 1"))


def test_a_reader_makes_no_file(tmp_path):
    with pytest.raises(OperationalError):
        reading_engine(sqlite_url(tmp_path / "none.db")).connect()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_transaction_leaves_nothing(url):
    engine = writing_engine(url)

    def fail():
        with engine.begin() as connection:
            connection.execute(text("UPDATE counter SET n = 1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == 0


def test_foreign_keys_are_enforced_and_the_log_is_ahead(sqlite):
    with writing_engine(sqlite).begin() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"


@pytest.mark.parametrize("name", ["a b", "50%", "a%20b", "what?", "a#b", "ü"])
def test_any_path_will_do(tmp_path, name):
    file = tmp_path / name / "search.db"
    file.parent.mkdir()
    with writing_engine(sqlite_url(file)).begin() as connection:
        connection.execute(text("CREATE TABLE there (n INTEGER)"))
    assert file.exists()
    with reading_engine(sqlite_url(file)).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM there")).scalar_one() == 0
    assert os.listdir(tmp_path) == [name]


def test_a_url_means_the_same_file_wherever_the_program_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = sqlite_url(Path("search.db"))
    monkeypatch.chdir("/")
    with writing_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE there (n INTEGER)"))
    assert (tmp_path / "search.db").exists()


@pytest.mark.parametrize("url", [sqlite_url(Path("/two\nlines")), "postgresql+psycopg://two\nlines/db"])
def test_messages_name_a_database_in_one_line(url):
    assert "two lines" in name_of(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_password_goes_to_the_environment_and_nowhere_else(server, monkeypatch, scheme):
    monkeypatch.setenv("PGPASSWORD", "")  # so that it is restored afterwards: an address may set it
    monkeypatch.delenv("PGPASSWORD")
    right, wrong = f"127.0.0.1:{server.port}/postgres", "locked:wrong@"
    url = postgresql_url(f"{scheme}://locked:se%3Acr%40t@{right}")
    for text_of_url in (str(url), url.render_as_string(hide_password=False), name_of(url)):
        assert text_of_url == f"postgresql+psycopg://locked@{right}"
    with reading_engine(url).connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "locked"
    assert postgresql_url(f"{scheme}://{wrong}{right}") == url
    with pytest.raises(UnreachableError, match="password authentication failed") as error:
        reading_engine(url).connect()
    assert "\n" not in str(error.value)


def test_a_password_among_the_settings_of_a_url_is_taken_out_too(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "wrong")
    url = postgresql_url(
        f"postgresql://locked@127.0.0.1:{server.port}/postgres?password=se%3Acr%40t&sslmode=disable"
    )
    assert "se:cr@t" not in repr(url)
    assert url.query == {"sslmode": "disable"}
    reading_engine(url).connect().close()


@pytest.mark.parametrize(
    "text_of_url", ["", "nonsense", "mysql://user:secret@host/db", "postgresql://host", "sqlite:///file.db"]
)
def test_what_is_no_postgresql_url_is_refused_without_its_password(text_of_url):
    with pytest.raises(StorageError, match=r"expected postgresql\+psycopg://USER@HOST/DATABASE") as error:
        postgresql_url(text_of_url)
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_is_named_in_one_line():
    with pytest.raises(
        UnreachableError, match=r"^postgresql\+psycopg://me@127.0.0.1:1/db cannot be"
    ) as error:
        reading_engine(postgresql_url("postgresql://me@127.0.0.1:1/db")).connect()
    assert "\n" not in str(error.value)


def test_a_database_that_is_not_there_is_named(server):
    with pytest.raises(UnreachableError, match='"nowhere" does not exist'):
        writing_engine(server.url("nowhere")).connect()


def test_ctrl_c_in_a_question_is_ctrl_c(server):
    with reading_engine(server.url("postgres")).connect() as connection:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            connection.execute(text("SELECT pg_sleep(30)"))


def test_the_users_own_connection_settings_count(server):
    url = postgresql_url(server.url("postgres") + "?application_name=mine")
    with reading_engine(url).connect() as connection:
        assert connection.execute(text("SHOW application_name")).scalar_one() == "mine"
        assert connection.execute(text("SHOW tcp_keepalives_idle")).scalar_one() == "30"
