"""One process per run folder, whatever happened to the one before."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from metaqnn.database import DatabaseError
from metaqnn.session.find import existing_run
from metaqnn.session.run_folder import RunFolder, RunFolderError

HOLD = """
import sys, time
from pathlib import Path
from metaqnn.session.find import existing_run
from metaqnn.session.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    time.sleep(60)
"""


@contextmanager
def another_process(path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "locked\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_folder_in_use_is_refused_with_its_owner_until_that_is_killed(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with another_process(folder.path) as other:
        with (
            pytest.raises(RunFolderError, match=rf"'{folder.path}' is in use by process {other.pid} on "),
            folder.lock(),
        ):
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        with folder.lock():
            assert (folder.path / "owner.txt").read_text().startswith(f"process {os.getpid()} on ")


def test_a_lock_is_given_back_after_success_and_failure(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), folder.lock():
        raise ZeroDivisionError
    with folder.lock():
        pass
    assert not (folder.path / "owner.txt").exists()


def test_a_lock_excludes_its_own_process_too(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.lock(), pytest.raises(RunFolderError, match="in use"), folder.lock():
        pass


def test_a_place_where_no_folder_can_be_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(RunFolderError, match=f"'{path}' cannot be a run folder"), RunFolder(path).lock():
            pass


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EROFS, "Read-only file system; copy it to where you may write"),
        (errno.ENOSPC, "No space left on device; make space"),
    ],
)
def test_a_run_folder_that_cannot_be_written_is_still_called_one(tmp_path, monkeypatch, number, said):
    def unwritable(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.FileLock.acquire", unwritable)
    expected = f"'{tmp_path}' cannot be written: {said}$"
    with pytest.raises(RunFolderError, match=expected), RunFolder(tmp_path).lock():
        pass


def test_new_folders_never_collide(tmp_path):
    paths = set()
    for _ in range(5):
        folder = RunFolder.new(tmp_path, "digits first/run")
        folder.path.mkdir()
        paths.add(folder.path)
    assert len(paths) == 5
    assert all(path.parent == tmp_path and path.name.startswith("digits-first-run-") for path in paths)


def test_whether_a_folder_holds_a_search(finished_run, tmp_path):
    assert finished_run.holds_search()
    assert existing_run(finished_run.path).path == finished_run.path
    assert not RunFolder(tmp_path).holds_search()
    (tmp_path / "search.db").touch()
    assert not RunFolder(tmp_path).holds_search()
    (tmp_path / "search.db").write_bytes(b"garbage " * 1000)
    with pytest.raises(DatabaseError, match="not a MetaQNN replay database"):
        RunFolder(tmp_path).holds_search()


def test_a_run_folder_can_be_moved(run_copy, tmp_path):
    moved = Path(run_copy.path.rename(tmp_path / "moved to 50%"))
    assert existing_run(moved).holds_search()


def test_a_file_that_does_not_name_a_search_is_refused(tmp_path):
    for content in ("", "[]", "{}", "[" * 100_000, '{"url": "postgresql://u@h/d", "search": "x"}'):
        (tmp_path / "storage.json").write_text(content)
        with pytest.raises(RunFolderError, match=r"storage.json' does not name a search"):
            existing_run(tmp_path).holds_search()


def test_what_is_no_small_file_does_not_name_a_search_either(tmp_path):
    folder = RunFolder(tmp_path)
    folder.storage.mkdir()
    with pytest.raises(RunFolderError, match="it is no regular file"):
        folder.holds_search()
    folder.storage.rmdir()
    os.mkfifo(folder.storage)
    with pytest.raises(RunFolderError, match="it is no regular file"):
        folder.holds_search()
    folder.storage.unlink()
    folder.storage.touch()
    os.truncate(folder.storage, 2**36)
    with pytest.raises(RunFolderError, match=f"it has {2**36} bytes; expected at most"):
        folder.holds_search()


def test_the_owner_is_who_holds_the_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert folder.owner() is None
    with folder.lock():
        assert folder.owner() == f"process {os.getpid()} on {socket.gethostname()}"
    assert folder.owner() is None


def test_a_killed_process_of_this_machine_is_no_owner(tmp_path):
    with subprocess.Popen(["true"]) as ended:
        pass
    owners = {
        f"process {ended.pid} on {socket.gethostname()}": False,
        f"process {ended.pid} on elsewhere": True,  # a process that cannot be asked
        "": False,
        "process -1 on elsewhere": False,
    }
    for text, counts in owners.items():
        (tmp_path / "owner.txt").write_text(f"{text}\n")
        assert RunFolder(tmp_path).owner() == (text if counts else None)


def test_a_killed_process_is_no_owner_where_another_has_its_number_now(tmp_path):
    """As after a restart of the machine, or in containers, where each is process 1."""
    folder = RunFolder(tmp_path / "run")
    with another_process(folder.path) as other:
        assert folder.owner() == f"process {other.pid} on {socket.gethostname()}"
    (folder.path / "owner.txt").write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
    assert folder.owner() is None


def test_a_lock_that_cannot_be_asked_leaves_the_process_number(tmp_path):
    owner = f"process {os.getpid()} on {socket.gethostname()}"
    (tmp_path / "owner.txt").write_text(owner)
    assert RunFolder(tmp_path).owner() == owner
    os.mkfifo(tmp_path / "search.lock")
    assert RunFolder(tmp_path).owner() in (owner, None)  # without waiting for the pipe


def test_who_asks_for_the_owner_keeps_no_search_from_starting(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    asked = os.open(tmp_path / "search.lock", os.O_RDONLY | os.O_CREAT)
    fcntl.flock(asked, fcntl.LOCK_SH)
    threading.Timer(0.02, os.close, (asked,)).start()
    with RunFolder(tmp_path).lock():
        assert RunFolder(tmp_path).owner() is not None


@pytest.mark.parametrize("content", [b"\xff\xfe", b"process 1 on \x1b]0;x\x07", b"anybody"])
def test_what_else_stands_in_the_owners_place_is_not_repeated(tmp_path, content):
    folder = RunFolder(tmp_path)
    with folder.lock():
        (tmp_path / "owner.txt").write_bytes(content)
        with pytest.raises(RunFolderError, match=r"is in use by another process$"), folder.lock():
            pass


def test_an_owner_does_not_write_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("text")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "owner.txt").symlink_to(tmp_path / "precious")
    with RunFolder(tmp_path / "run").lock():
        assert (tmp_path / "precious").read_text() == "text"
        assert RunFolder(tmp_path / "run").owner()


@pytest.mark.parametrize("search", [2**63, -1, "x", 0])
def test_a_storage_file_with_an_impossible_search_is_refused(tmp_path, search):
    content = {"url": "postgresql+psycopg://me@localhost/searches", "search": search}
    (tmp_path / "storage.json").write_text(json.dumps(content))
    with pytest.raises(
        RunFolderError, match=r"storage.json' does not name a search: .* is not a whole number"
    ):
        RunFolder(tmp_path).url  # noqa: B018


@pytest.mark.parametrize(
    "name", ["search.lock", "search.db", "search.db-wal", "search.db.backup-0002", "storage.json"]
)
@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_database_is_not_written_through_a_link(tmp_path, name, target):
    (tmp_path / "there").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / target)
    message = rf"run/{name}' is a link, and nothing is written through"
    with pytest.raises(RunFolderError, match=message), RunFolder(tmp_path / "run").lock():
        pass
    assert (tmp_path / "there").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["checkpoints", "weights", "finetune"])
def test_nothing_is_written_into_a_folder_that_a_link_leads_to(tmp_path, name):
    (tmp_path / "there").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "there")
    with pytest.raises(RunFolderError, match=rf"run/{name}' is a link"), RunFolder(tmp_path / "run").lock():
        pass
    assert not list((tmp_path / "there").iterdir())
