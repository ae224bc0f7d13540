"""Databases that are damaged, and sound ones that cannot be used now: each gets its own clear line."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from metaqnn.cli import main
from metaqnn.database import trouble


@pytest.fixture
def said(capsys):
    """said(*command): the one line with which a command refuses."""

    def said(*command):
        assert main(list(map(str, command))) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("metaqnn: error: ")
        return line

    return said


def change(run, *statements):
    with closing(sqlite3.connect(run.database, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


READ = (["top"], ["show"], ["report", "--no-figures"])
GO_ON = (["run", "--quiet", "--resume"], ["audit", "--share", "1"])


def with_run(command, run):
    return [*command, run.path, *(["1"] if command == ["show"] else [])]


@pytest.fixture
def full(finished_run, small_disk, fill):
    """A run folder on a disk that is full: SQLite cannot make the files that it needs beside its own."""
    run = type(finished_run)(small_disk / "run")
    shutil.copytree(finished_run.path, run.path)
    for extra in run.path.glob("search.db-*"):
        extra.unlink()
    fill(leave=0)
    return run


@pytest.mark.parametrize("command", [*READ, *GO_ON], ids=" ".join)
def test_on_a_full_disk_a_sound_database_is_not_called_damaged(full, said, small_disk, command):
    line = said(*with_run(command, full))
    assert "damaged" not in line
    assert "make space" in line
    (small_disk / "filler").unlink()
    assert main(list(map(str, with_run(["top"], full)))) == 0


def test_a_log_on_a_medium_that_cannot_be_written_is_not_called_damage(finished_run, tmp_path, mounted, said):
    mounted(tmp_path / "medium", "size=4m")
    run = type(finished_run)(tmp_path / "medium" / "run")
    shutil.copytree(finished_run.path, run.path)
    with closing(sqlite3.connect(run.database)) as connection:
        connection.execute("UPDATE searches SET seconds = 1")
        connection.commit()
        shutil.copytree(run.path, tmp_path / "medium" / "killed")  # with the log, which closing moves away
    killed = type(finished_run)(tmp_path / "medium" / "killed")
    killed.database.with_name("search.db-shm").unlink()
    subprocess.run(["mount", "-o", "remount,ro", tmp_path / "medium"], check=True)
    line = said("top", killed.path)
    assert "damaged" not in line
    assert "copy the folder to a place where you may write" in line


@pytest.mark.parametrize("inodes", [3, 4, 5, 6])
def test_a_disk_without_room_for_another_file_is_named(tmp_path, mounted, said, inodes):
    mounted(tmp_path / "disk", f"size=20m,nr_inodes={inodes}")
    line = said(
        "run", "--run-dir", tmp_path / "disk" / "run", "--schedule", "1.0:1", "--epochs", "1", "--quiet"
    )
    assert "make space" in line
    assert str(tmp_path / "disk" / "run") in line


KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE begun (x)")
for _ in range(200):
    connection.execute("INSERT INTO begun VALUES (randomblob(4000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_search_begins_where_the_first_write_was_cut_off(tmp_path, said):
    """SQLite undoes what is in the file by then; a mere reader must be able to do so, too."""
    (tmp_path / "run").mkdir()
    database = tmp_path / "run" / "search.db"
    subprocess.run([sys.executable, "-c", KILLED, database], check=False)
    assert database.stat().st_size > 0
    assert (tmp_path / "run" / "search.db-journal").stat().st_size > 0
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    assert "holds no search" in said("top", tmp_path / "other")
    few = ("--schedule", "1.0:1", "--epochs", "1", "--layer-limit", "2", "--conv-widths", "8")
    assert main(["run", "--run-dir", str(tmp_path / "run"), "--quiet", *few, "--threads", "1"]) == 0


def test_a_file_that_another_program_holds_is_not_called_damaged(run_copy, said, monkeypatch):
    monkeypatch.setattr("metaqnn.database.engine.BUSY_SECONDS", 0)
    monkeypatch.setattr(trouble.sqlite3, "connect", lambda *a, f=sqlite3.connect, **k: f(*a, timeout=0, **k))
    with closing(sqlite3.connect(run_copy.database)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        assert "end the program that is using it" in said("top", run_copy.path)


CHANGES = {
    "DELETE FROM networks WHERE number = 1": "belongs to no row of networks",
    "UPDATE searches SET config = '{oops'": "JSONDecodeError",
}


def test_where_a_file_cannot_be_written_those_beside_it_are_named_too():
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = sqlite3.SQLITE_READONLY
    assert "those of the files beside it that end in -wal and -shm" in trouble.advice(error)


@pytest.mark.parametrize("statement", CHANGES)
def test_rows_that_were_changed_from_outside_are_damage(run_copy, said, statement):
    change(run_copy, statement)
    line = said("run", "--quiet", "--resume", run_copy.path)
    assert "it is damaged" in line
    assert CHANGES[statement] in line


def test_environment_options_of_another_version_are_refused(run_copy, said):
    change(run_copy, """UPDATE searches SET circumstances = '{"nix": 1}'""")
    assert "unknown environment options ['nix']" in said("run", "--quiet", "--resume", run_copy.path)


@pytest.mark.parametrize("version", ["00005", "0001abcd", "0000", "", "9999"])
def test_versions_of_other_programs_are_refused_and_nothing_is_written(run_copy, said, version):
    change(run_copy, f"UPDATE alembic_version SET version_num = '{version}'", "PRAGMA journal_mode = DELETE")
    before = {file.name: file.read_bytes() for file in run_copy.path.glob("search.db*")}
    for command in (["top"], ["run", "--quiet", "--resume"]):
        line = said(*command, run_copy.path)
        assert "is not a MetaQNN replay database" in line or "newer than" in line
    assert {file.name: file.read_bytes() for file in run_copy.path.glob("search.db*")} == before
