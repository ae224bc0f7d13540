"""Finding run folders by name, and the answer to a mistaken name."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from metaqnn.cli import main
from metaqnn.session.find import existing_run, latest, runs_in
from metaqnn.session.run_folder import RunFolder, RunFolderError


def test_a_folder_without_a_search_is_refused(tmp_path):
    empty = tmp_path / "empty"  # next to no other test's folder, whose name might be much the same
    empty.mkdir()
    with pytest.raises(RunFolderError, match=f"^'{empty}' holds no search: there is no search.db in it$"):
        existing_run(empty)
    with pytest.raises(RunFolderError, match=f"^there is no folder '{tmp_path / 'nowhere'}'$"):
        existing_run(tmp_path / "nowhere")
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
        existing_run(tmp_path)


@pytest.mark.parametrize("name", ["search.db", "storage.json", "study.json", "train.json"])
def test_a_folder_in_the_place_of_a_file_says_nothing(tmp_path, name):
    run = tmp_path / "run"
    (run / name).mkdir(parents=True)
    assert RunFolder(run).kind() is None
    with pytest.raises(RunFolderError, match=f"^'{run}' holds no search: there is no search.db in it$"):
        existing_run(run)


@pytest.mark.parametrize("look", [existing_run, lambda path: RunFolder(path).holds_search()])
def test_a_name_that_no_folder_can_have_is_refused(tmp_path, look):
    with pytest.raises(RunFolderError, match="cannot be read: File name too long"):
        look(tmp_path / ("x" * 300))


def test_a_similar_run_folder_is_named(tmp_path):
    for name in ("digits-1", "cifar10-1", "other"):
        (tmp_path / name).mkdir()
        if name != "other":
            (tmp_path / name / "search.db").touch()
    with pytest.raises(RunFolderError, match=f"; did you mean '{tmp_path / 'digits-1'}'"):
        existing_run(tmp_path / "digist-1")
    for unlike in ("other", "zzz"):
        with pytest.raises(RunFolderError, match=r"there is no (search\.db in it|folder '.*zzz')$"):
            existing_run(tmp_path / unlike)


def test_where_run_folders_are_the_newest_is_named(tmp_path):
    for age, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "storage.json").touch()
        os.utime(tmp_path / name, (1e9 + age, 1e9 + age))
    with pytest.raises(RunFolderError, match=f"; did you mean '{tmp_path / 'b'}'"):
        existing_run(tmp_path)


def test_a_folder_that_may_not_be_read_does_not_hide_the_others(tmp_path, monkeypatch):
    for name in ("mine", "private"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "search.db").touch()

    def is_file(path):
        if path.parent.name == "private":
            raise PermissionError(errno.EACCES, "Permission denied")
        return path.exists()

    monkeypatch.setattr(Path, "is_file", is_file)
    assert runs_in(tmp_path) == [tmp_path / "mine"]
    assert latest(tmp_path) == tmp_path / "mine"
    for look in (existing_run, lambda path: RunFolder(path).kind()):  # as `metaqnn tune --resume` does
        with pytest.raises(RunFolderError, match="private' cannot be read: Permission denied"):
            look(tmp_path / "private")


def test_who_reads_an_earlier_search_does_not_make_it_the_latest(finished_run, tmp_path):
    for name, stored in (("earlier", 1e9), ("later", 1.1e9)):
        folder = RunFolder(shutil.copytree(finished_run.path, tmp_path / name))
        for path in (*folder.path.iterdir(), folder.path):
            os.utime(path, (stored, stored))
    assert main(["report", str(tmp_path / "earlier"), "--no-figures"]) == 0
    (tmp_path / "earlier" / "report").mkdir()
    assert latest(tmp_path) == tmp_path / "later"
