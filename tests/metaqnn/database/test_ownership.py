"""One writer per search in a PostgreSQL database; other searches are left alone."""

import os
from contextlib import closing

import pytest

from metaqnn.database import ReplayDatabase, ownership
from metaqnn.database.ownership import SearchInUseError
from metaqnn.database.queries import SearchReader


@pytest.fixture
def url(new_postgresql, monkeypatch):
    monkeypatch.setattr(ownership, "LOCK_SECONDS", 0.2)
    return new_postgresql()


@pytest.fixture
def database(url, record):
    database = ReplayDatabase.create(url, record)
    yield database
    database.close()


def test_a_second_writer_is_refused_with_the_name_of_the_first(database, url):
    with pytest.raises(SearchInUseError, match=rf"^search 1 in .* is in use by process {os.getpid()} on "):
        ReplayDatabase.open(url, 1)
    database.close()
    ReplayDatabase.open(url, 1).close()


def test_readers_and_writers_of_other_searches_are_welcome(database, url, record):
    with closing(ReplayDatabase.create(url, record)) as other, closing(SearchReader(url, 1)) as reader:
        assert (database.search_id, other.search_id) == (1, 2)
        assert reader.config() == record.config


def test_a_writer_whose_connection_was_cut_owns_its_search_again(database, server, url):
    server.cut_all(url)
    database.set_environment({"device": "cuda"})
    assert database.record().environment == {"device": "cuda"}
    with pytest.raises(SearchInUseError):
        ReplayDatabase.open(url, 1)


def test_a_writer_that_was_cut_off_and_replaced_writes_nothing_more(database, server, url, dump):
    server.cut_all(url)
    with closing(ReplayDatabase.open(url, 1)) as successor:
        with pytest.raises(SearchInUseError, match=r"search 1 in .* has been resumed by process"):
            database.set_environment({"device": "cuda"})
        successor.set_environment({"device": "cpu"})
    before = dump(url)
    with pytest.raises(SearchInUseError, match="has been resumed by"):  # the successor has left, too
        database.set_environment({"device": "cuda"})
    assert dump(url) == before
