"""Full disks, damaged and moved files, two searches in one place, readers, clocks."""

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing

import pytest

from metaqnn.cli import main
from metaqnn.database.queries import SearchReader
from metaqnn.figures import FIGURES
from metaqnn.session.run_folder import RunFolder


@pytest.fixture
def finished(undisturbed, new_run):
    """A copy of the finished search, to be changed at will."""
    run = new_run("copy")
    shutil.copytree(undisturbed.folder, run.folder)
    return run


def test_a_report_that_finds_no_room_leaves_the_old_one(undisturbed, small_disk, fill, capsys, monkeypatch):
    monkeypatch.setattr("metaqnn.report.files.FIGURES", FIGURES[:1])  # ten pictures do not fit this disk
    folder = shutil.copytree(undisturbed.folder, small_disk / "run")
    assert main(["report", str(folder)]) == 0
    before = {path.name: path.read_bytes() for path in (folder / "report").iterdir()}
    assert set(before) == {"index.html", "search.png"}
    fill(4096)
    capsys.readouterr()
    assert main(["report", str(folder)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("metaqnn: error: cannot write the report to")
    assert said.endswith("No space left on device; name another folder with --to DIR")
    assert {path.name: path.read_bytes() for path in (folder / "report").iterdir()} == before
    (small_disk / "filler").unlink()
    assert main(["report", str(folder)]) == 0


def test_without_room_for_files_of_networks_the_search_itself_is_the_same(new_run, undisturbed, monkeypatch):
    """No checkpoint and no weights can be written; the results are those of the undisturbed search."""

    monkeypatch.setattr(
        "trainers.checkpoint.temporary_name", lambda path: path.parent / "missing" / path.name
    )
    run = new_run()
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()
    assert not [*(run.folder / "weights").iterdir()]


@pytest.mark.parametrize("name", ["checkpoints", "weights"])
def test_a_folder_that_cannot_be_written_is_one_line_and_it_goes_on_later(new_run, undisturbed, name, capsys):
    run = new_run()
    run.folder.mkdir()
    (run.folder / name).touch()  # in the way
    assert run.here() == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"metaqnn: error: cannot write to {run.folder}: ")
    assert said.endswith(f"/{name}'; change that, then resume with: metaqnn run --resume {run.folder}")
    (run.folder / name).unlink()
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


def test_a_disk_that_is_full_before_anything_is_stored_advises_the_same_command(
    new_run, undisturbed, monkeypatch, capsys
):
    """There would be no search to resume."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run = new_run()
    with monkeypatch.context() as patch:
        patch.setattr("metaqnn.session.start.begin", full)
        assert run.here() == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("; make space, then repeat the command: nothing has been stored yet")
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


def test_a_file_system_that_becomes_read_only_is_one_line(new_run, undisturbed, mounted, capsys):
    run = new_run()
    run.folder.mkdir()
    mounted(run.folder / "checkpoints", "size=1m,ro")
    assert run.here() == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"metaqnn: error: cannot write to {run.folder}: Read-only file system: '")
    subprocess.run(["mount", "-o", "remount,rw", str(run.folder / "checkpoints")], check=True)
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


@pytest.mark.parametrize("command", [["top"], ["report"], ["show", "1"]], ids=lambda command: command[0])
def test_a_read_only_run_folder_can_be_read(undisturbed, tmp_path, mounted, command, capsys):
    place = tmp_path / "archive"
    mounted(place, "size=8m")
    without = shutil.ignore_patterns("*-shm", "*-wal")
    folder = shutil.copytree(undisturbed.folder, place / "run", ignore=without)
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    more = ["--to", str(tmp_path / "report")] if command[0] == "report" else []
    assert main([command[0], str(folder), *command[1:], *more]) == 0


@pytest.mark.parametrize("with_index", [True, False])
def test_what_is_read_only_after_a_kill_needs_the_index_of_its_log(
    undisturbed, tmp_path, mounted, with_index, capsys
):
    """SQLite would have to rewrite the index."""
    place = tmp_path / "archive"
    mounted(place, "size=8m")
    folder = shutil.copytree(undisturbed.folder, tmp_path / "run")
    with closing(sqlite3.connect(folder / "search.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE searches SET seconds = seconds + 1")
        connection.commit()
        missing = shutil.ignore_patterns(*(() if with_index else ("*-shm",)))
        copy = shutil.copytree(folder, place / "run", ignore=missing)
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    assert main(["top", str(copy)]) == (0 if with_index else 2)
    assert ("copy the folder to a place where you may write" in capsys.readouterr().err) != with_index


def test_a_damaged_database_is_one_line_or_answers(finished, capsys):
    """Bytes that were changed at random, or an end that is missing: never a traceback."""
    original, rng, refused = (finished.folder / "search.db").read_bytes(), random.Random(0), 0
    for name in ("search.db-wal", "search.db-shm"):
        (finished.folder / name).unlink(missing_ok=True)
    for turn in range(40):
        data = bytearray(original)
        for _ in range(rng.choice((1, 20, 300))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if turn % 4 == 0:
            del data[rng.randrange(len(data)) :]
        (finished.folder / "search.db").write_bytes(bytes(data))
        code = main(["show", str(finished.folder), str(rng.randint(1, 8))])
        err = capsys.readouterr().err
        assert code in (0, 2)
        assert len(err.splitlines()) == (1 if code else 0)
        refused += code == 2
    assert refused > 5


def test_a_damaged_database_is_not_gone_on_with_and_what_is_whole_can_be_recovered(
    finished, capsys, tmp_path
):
    database = finished.folder / "search.db"
    data = bytearray(database.read_bytes())
    data[2 * 4096 : 3 * 4096] = bytes(4096)
    database.write_bytes(bytes(data))
    assert finished.here() == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "it is damaged" in said
    assert database.read_bytes() == bytes(data)
    if shutil.which("sqlite3"):
        advised = said.partition("what can still be read: ")[2]
        subprocess.run(advised, shell=True, cwd=tmp_path, check=True, capture_output=True)
        with closing(sqlite3.connect(tmp_path / "recovered.db")) as connection:
            assert connection.execute("SELECT count(*) FROM networks").fetchone() == (8,)


def test_a_folder_copied_after_a_kill_goes_on(new_run, undisturbed):
    run, copy = new_run(), new_run("elsewhere")
    process = run.start()
    run.wait_for(4, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    shutil.copytree(run.folder, copy.folder)
    shutil.rmtree(run.folder)
    assert copy.here() == 0
    assert copy.outcome() == undisturbed.outcome()


def test_two_searches_in_one_folder_the_second_is_refused_with_the_owner_named(new_run, undisturbed, capsys):
    run = new_run()
    process = run.start()
    run.wait_for(1, process)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert run.here() == 2
        assert f"in use by process {process.pid} on " in capsys.readouterr().err
    finally:
        os.kill(process.pid, signal.SIGCONT)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (run.folder / "owner.txt").exists()  # stale, and no obstacle
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


def test_readers_see_whole_events_and_disturb_nothing(new_run, undisturbed):
    run, seen, failures = new_run(), [], []
    done = threading.Event()

    def read():
        while not done.is_set():
            try:
                if RunFolder(run.folder).holds_search():
                    seen.append(whole_events(RunFolder(run.folder).reader()))
            except Exception as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert run.here() == 0
    finally:
        done.set()
        reader.join()
    assert not failures
    assert len(seen) > 20
    assert seen == sorted(seen)
    assert run.outcome() == undisturbed.outcome()


def whole_events(reader: SearchReader) -> int:
    """Check what must hold at every moment. Returns how many networks have ended."""
    with closing(reader):
        ended = reader.ended()
        assert [row.finished_position for row in ended] == list(range(1, len(ended) + 1))
        for row in ended:
            trainings = reader.network(row.number)["trainings"]
            assert sum(len(training["epochs"]) for training in trainings) == row.epochs_trained
    return len(ended)


def test_a_clock_that_jumps_changes_nothing(new_run, undisturbed, monkeypatch):
    clock = time.time
    jumps = random.Random(0)
    monkeypatch.setattr(time, "time", lambda: clock() + jumps.choice((-1e8, -3600, 0, 3600, 1e8)))
    run = new_run()
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()
    with closing(sqlite3.connect(run.folder / "search.db")) as connection:
        assert 0 < connection.execute("SELECT seconds FROM searches").fetchone()[0] < 600


def test_a_database_of_a_later_version_is_refused(finished, capsys):
    with closing(sqlite3.connect(finished.folder / "search.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for command in (["top"], ["report"], ["run", "--resume"]):
        assert main([*command, str(finished.folder)]) == 2
        assert "newer than" in capsys.readouterr().err.splitlines()[-1]
