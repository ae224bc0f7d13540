"""Small files that anybody may have written."""

import os
import sqlite3
import threading
from contextlib import closing

import pytest

from predictor.errors import PredictorError
from predictor.files import LARGEST, reading_connection, reading_options, small_text


def test_a_small_file_is_read(tmp_path):
    (tmp_path / "file").write_text("façade", "utf-8")
    assert small_text(tmp_path / "file") == "façade"


def test_a_file_of_any_size_takes_no_memory(tmp_path):
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", LARGEST + 1)
    with pytest.raises(PredictorError, match=f"it has {LARGEST + 1} bytes; expected at most {LARGEST}"):
        small_text(tmp_path / "file")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PredictorError, match="no regular file"):
        small_text(tmp_path / "pipe")


def test_the_files_of_a_writer_may_vanish_at_any_moment(tmp_path):
    file, journal, done = tmp_path / "search.db", tmp_path / "search.db-journal", threading.Event()

    def write():
        while not done.is_set():
            journal.write_bytes(b"undo")
            journal.unlink()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        modes = {reading_options(file)["mode"] for _ in range(5000)}
    finally:
        done.set()
        writer.join()
    assert modes == {"ro", "rw"}


@pytest.fixture
def colleagues(tmp_path, monkeypatch):
    """colleagues(mode): an SQLite file that may not be written to, in a folder that may; and its owner."""
    file, access = tmp_path / "search.db", os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != file and access(path, mode))

    def make(mode):
        owner = sqlite3.connect(file)
        owner.execute(f"PRAGMA journal_mode = {mode}")
        owner.execute("CREATE TABLE t AS SELECT 1")
        return file, owner

    return make


def read(file):
    with closing(reading_connection(file)) as connection:
        return connection.execute("SELECT * FROM t").fetchall()


def test_a_reader_leaves_no_files_that_lock_out_the_owner_of_a_database(colleagues):
    file, owner = colleagues("WAL")
    owner.close()
    assert read(file) == [(1,)]
    assert os.listdir(file.parent) == ["search.db"]


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_reader_of_a_database_in_use_sees_what_its_owner_writes(mode, colleagues):
    file, owner = colleagues(mode)
    with closing(owner):
        owner.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the log is there and empty
        assert reading_options(file) == {"mode": "ro"}
        assert read(file) == [(1,)]
