"""What several commands share."""

import errno
import os
import sqlite3

import pytest
from sqlalchemy import event

from metaqnn.commands.common import disk_errors
from metaqnn.session.run_folder import RunFolder, RunFolderError


def fail(number, file=None):
    raise OSError(number, os.strerror(number), file)


def fill_a_database():
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 2")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (zeroblob(100000))")


def fill_a_study(run):
    optuna = pytest.importorskip("optuna")
    storage = optuna.storages.RDBStorage(f"sqlite:///{run / 'study.db'}")
    study = optuna.create_study(storage=storage)
    event.listen(storage.engine, "begin", lambda it: it.exec_driver_sql("PRAGMA max_page_count = 1"))
    study.set_user_attr("long", "x" * 100000)


def ask_for_no_table():
    sqlite3.connect(":memory:").execute("SELECT * FROM nothing")


@pytest.mark.parametrize(
    ("trouble", "what"),
    [
        (lambda run: fail(errno.ENOSPC), "No space left on device; make space"),
        (lambda run: fail(errno.EDQUOT), "quota exceeded; make space"),
        (lambda run: fill_a_database(), "database or disk is full; make space"),
        (fill_a_study, "database or disk is full; make space"),
        (lambda run: fail(errno.EACCES, str(run / "weights" / "x")), "weights/x'; change that"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line_with_the_way_to_go_on(tmp_path, trouble, what):
    with (
        pytest.raises(RunFolderError, match="cannot write") as error,
        disk_errors(RunFolder(tmp_path), lambda: "resume with: metaqnn audit RUN"),
    ):
        trouble(tmp_path)
    assert str(error.value).startswith(f"cannot write to {tmp_path}: ")
    assert "Errno" not in str(error.value)
    assert str(error.value).endswith(f"{what}, then resume with: metaqnn audit RUN")


@pytest.mark.parametrize(
    "trouble", [lambda: fail(errno.EACCES, "/elsewhere/x"), lambda: fail(errno.EPIPE), ask_for_no_table]
)
def test_other_trouble_is_not_explained_away(tmp_path, trouble):
    folder = RunFolder(tmp_path)
    with pytest.raises((OSError, sqlite3.OperationalError)), disk_errors(folder, lambda: "go on"):
        trouble()
