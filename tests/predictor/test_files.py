"""Small files that anybody may have written."""

import os
import threading

import pytest

from predictor.errors import PredictorError
from predictor.files import LARGEST, reading_options, small_text


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
