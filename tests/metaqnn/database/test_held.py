"""An SQLite file that another program has locked: the search waits, says so, and loses nothing."""

import logging
import sqlite3
import threading
from contextlib import closing

import pytest

from metaqnn.database import ReplayDatabase, engine, transactions
from metaqnn.database.engine import UnreachableError, sqlite_url

NETWORK = {"number": 1, "architecture": "[SM(10)]", "num_params": 0, "depth": 1, "parameters": 9, "macs": 9}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "search.db"


@pytest.fixture
def database(file, record, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    with closing(ReplayDatabase.create(sqlite_url(file), record)) as database:
        yield database


@pytest.fixture
def holder(file, database):
    """Another program that holds the write lock."""
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def proposals(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT proposal FROM samples").fetchall()


def test_an_event_waits_until_the_file_is_given_back_and_is_stored_once(database, holder, file, caplog):
    given_back = threading.Timer(0.5, holder.execute, ["ROLLBACK"])
    given_back.start()
    with caplog.at_level(logging.WARNING):
        database.propose(0, 1.0, NETWORK)
    given_back.join()
    assert proposals(file) == [(0,)]
    first, last = (record.getMessage() for record in caplog.records)
    assert first == f"{file} is held by another program; trying again for 600 s"
    assert last.startswith("the database is back after 0.")


def test_patience_has_an_end_that_says_how_to_go_on(database, holder, file, monkeypatch):
    monkeypatch.setattr(transactions, "PATIENCE", 0.2)
    with pytest.raises(
        UnreachableError,
        match=r"is held by another program; given up after 0 s. Everything stored before is safe",
    ):
        database.propose(0, 1.0, NETWORK)
    holder.execute("ROLLBACK")
    database.propose(0, 1.0, NETWORK)
    assert proposals(file) == [(0,)]


def test_what_does_not_pass_is_not_waited_for(database, file):
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("DROP TABLE samples")
    with pytest.raises(Exception, match="no such table: samples"):
        database.propose(0, 1.0, NETWORK)
