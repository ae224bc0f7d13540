"""One process per run folder, whatever became of the one before."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from metaqnn.cli import main
from metaqnn.database import DatabaseError
from metaqnn.session.run_folder import RunFolder, RunFolderError, latest_run

HOLD = """
import sys, time
from pathlib import Path
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


def test_a_lock_excludes_the_own_process_too(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.lock(), pytest.raises(RunFolderError, match="in use"), folder.lock():
        pass


def test_a_place_where_no_folder_can_be_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(RunFolderError, match=f"'{path}' cannot be a run folder"), RunFolder(path).lock():
            pass


def test_new_folders_never_collide(tmp_path):
    paths = set()
    for _ in range(5):
        folder = RunFolder.new(tmp_path, "digits first/run")
        folder.path.mkdir()
        paths.add(folder.path)
    assert len(paths) == 5
    assert all(path.parent == tmp_path and path.name.startswith("digits-first-run-") for path in paths)


def test_a_folder_without_a_search_is_refused(tmp_path):
    empty = tmp_path / "empty"  # next to no other test's folder, whose name might be much the same
    empty.mkdir()
    with pytest.raises(RunFolderError, match=f"^'{empty}' holds no search: there is no search.db in it$"):
        RunFolder.existing(empty)
    with pytest.raises(RunFolderError, match=f"^there is no folder '{tmp_path / 'nowhere'}'$"):
        RunFolder.existing(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == [empty]
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("study.json", "a tuning, not a search: its results are in curves.csv and best.json"),
        ("train.json", "the training of one network, not a search"),
    ],
)
def test_a_folder_of_another_command_is_called_what_it_is(tmp_path, file, said):
    (tmp_path / file).touch()
    with pytest.raises(RunFolderError, match=f"^'{tmp_path}' holds {said}$"):
        RunFolder.existing(tmp_path)


def test_a_name_that_no_folder_can_have_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="cannot be read: File name too long"):
        RunFolder.existing(tmp_path / ("x" * 300))


def test_whether_a_folder_holds_a_search(finished_run, tmp_path):
    assert finished_run.holds_search()
    assert RunFolder.existing(finished_run.path).path == finished_run.path
    assert not RunFolder(tmp_path).holds_search()
    (tmp_path / "search.db").touch()
    assert not RunFolder(tmp_path).holds_search()
    (tmp_path / "search.db").write_bytes(b"garbage " * 1000)
    with pytest.raises(DatabaseError, match="not a MetaQNN replay database"):
        RunFolder(tmp_path).holds_search()


def test_a_run_folder_can_be_moved(run_copy, tmp_path):
    moved = Path(run_copy.path.rename(tmp_path / "moved to 50%"))
    assert RunFolder.existing(moved).holds_search()


def test_a_file_that_does_not_name_a_search_is_refused(tmp_path):
    for content in ("", "[]", "{}", "[" * 100_000, '{"url": "postgresql://u@h/d", "search": "x"}'):
        (tmp_path / "storage.json").write_text(content)
        with pytest.raises(RunFolderError, match=r"storage.json' does not name a search"):
            RunFolder.existing(tmp_path).holds_search()


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


def test_a_similar_run_folder_is_named(tmp_path):
    for name in ("digits-1", "cifar10-1", "other"):
        (tmp_path / name).mkdir()
        if name != "other":
            (tmp_path / name / "search.db").touch()
    with pytest.raises(RunFolderError, match=f"; did you mean '{tmp_path / 'digits-1'}'"):
        RunFolder.existing(tmp_path / "digist-1")
    for unlike in ("other", "zzz"):
        with pytest.raises(RunFolderError, match=r"there is no (search\.db in it|folder '.*zzz')$"):
            RunFolder.existing(tmp_path / unlike)


def test_where_run_folders_are_the_newest_is_named(tmp_path):
    for age, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "storage.json").touch()
        os.utime(tmp_path / name, (1e9 + age, 1e9 + age))
    with pytest.raises(RunFolderError, match=f"; did you mean '{tmp_path / 'b'}'"):
        RunFolder.existing(tmp_path)


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
        f"process {ended.pid} on elsewhere": True,  # which cannot be asked
        "": False,
        "process -1 on elsewhere": False,
    }
    for text, counts in owners.items():
        (tmp_path / "owner.txt").write_text(f"{text}\n")
        assert RunFolder(tmp_path).owner() == (text if counts else None)


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


def test_who_reads_an_earlier_search_does_not_make_it_the_latest(finished_run, tmp_path):
    for name, stored in (("earlier", 1e9), ("later", 1.1e9)):
        folder = RunFolder(shutil.copytree(finished_run.path, tmp_path / name))
        for path in (*folder.path.iterdir(), folder.path):
            os.utime(path, (stored, stored))
    assert main(["report", str(tmp_path / "earlier"), "--no-figures"]) == 0
    (tmp_path / "earlier" / "report").mkdir()
    assert latest_run(tmp_path) == tmp_path / "later"
