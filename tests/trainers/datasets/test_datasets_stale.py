import os

import pytest

from trainers.datasets.stale import remove_stale


@pytest.fixture
def old_folder(tmp_path, write_folder):
    """A folder in which nothing has changed for long."""
    folder = write_folder(tmp_path / "old.tmp", {"deep/half.bin": b"half"})
    for path in (folder / "deep" / "half.bin", folder / "deep", folder):
        os.utime(path, (0, 0))
    return folder


def test_a_folder_goes_only_when_nothing_in_it_changes(tmp_path, old_folder):
    file = old_folder / "deep" / "half.bin"
    os.utime(file)
    remove_stale(tmp_path, "*.tmp")
    assert file.exists()
    os.utime(file, (0, 0))
    remove_stale(tmp_path, "*.tmp")
    assert not old_folder.exists()


def test_other_names_stay(tmp_path, old_folder):
    remove_stale(tmp_path, "*.new")
    assert old_folder.exists()


def test_links_are_not_followed(tmp_path, old_folder):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "x.tmp").symlink_to(old_folder)
    os.utime(tmp_path / "links" / "x.tmp", (0, 0), follow_symlinks=False)
    remove_stale(tmp_path / "links", "*.tmp")
    assert (old_folder / "deep" / "half.bin").exists()


def test_what_cannot_be_removed_stays_and_is_no_error(tmp_path, old_folder, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("shutil.rmtree", refused)
    remove_stale(tmp_path, "*.tmp")
    assert old_folder.exists()
