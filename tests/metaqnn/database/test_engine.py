"""One writer and many readers on SQLite."""

import os
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from metaqnn.database.engine import reading_engine, sqlite_url, writing_engine


@pytest.fixture
def url(tmp_path):
    url = sqlite_url(tmp_path / "counter.db")
    with writing_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    return url


def count_up(url, times, errors):
    engine = writing_engine(url)
    try:
        for _ in range(times):
            with engine.begin() as connection:
                n = connection.execute(text("SELECT n FROM counter")).scalar_one()
                connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})
    except OperationalError as error:
        errors.append(error)


def test_writers_that_read_first_neither_fail_nor_lose_updates(url):
    errors, times = [], 100
    writers = [threading.Thread(target=count_up, args=(url, times, errors)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    with reading_engine(url).connect() as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == 3 * times


def test_a_reader_sees_the_last_commit_while_a_writer_is_busy(url):
    with writing_engine(url).begin() as writer, reading_engine(url).connect() as reader:
        writer.execute(text("UPDATE counter SET n = 1"))
        assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 0
    with reading_engine(url).connect() as reader:
        assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 1


def test_a_reader_cannot_write(url):
    with (
        reading_engine(url).connect() as reader,
        pytest.raises(OperationalError, match="readonly"),
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


def test_foreign_keys_are_enforced_and_the_log_is_ahead(url):
    with writing_engine(url).begin() as connection:
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
