"""A folder that is complete or not there at all; what is put into it is tested in test_exporting.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from metaqnn.export import ExportError
from metaqnn.export.exporting import new_folder

EXPORTING = """
import sys
from pathlib import Path
from metaqnn.export.exporting import new_folder

with new_folder(Path(sys.argv[1])) as folder:
    (folder / "model.onnx").write_bytes(bytes(1000))
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def exporting(tmp_path):
    """Another process in the middle of an export to `there`."""
    command = [sys.executable, "-c", EXPORTING, str(tmp_path / "there")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_export_has_left_is_removed_by_the_next_one_to_that_place(exporting, tmp_path):
    exporting.kill()
    exporting.wait()
    assert names(tmp_path) != []
    with new_folder(tmp_path / "other") as folder:  # leaves it alone: it may be at work
        (folder / "x").touch()
    assert len(names(tmp_path)) > 1
    with new_folder(tmp_path / "there") as folder:
        (folder / "x").touch()
    assert names(tmp_path) == ["other", "there"]
    assert names(tmp_path / "there") == ["x"]


def test_one_process_exports_to_a_place_at_a_time(exporting, tmp_path):
    with (
        pytest.raises(ExportError, match=r"another process is exporting to '.*there'"),
        new_folder(tmp_path / "there"),
    ):
        pytest.fail("is not alone")
    exporting.stdin.close()
    assert exporting.wait() == 0
    assert names(tmp_path) == ["there"]
    assert names(tmp_path / "there") == ["model.onnx"]


@pytest.mark.parametrize("name", [".", "", ".."])
def test_a_place_without_a_name_of_its_own_is_quoted(tmp_path, monkeypatch, name):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(ExportError, match="is not the name of a new folder"), new_folder(Path(name)):
        pytest.fail("has a place")


@pytest.mark.parametrize("where", ["empty", "nowhere"])
def test_a_link_is_refused_before_anything_is_made(tmp_path, where):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(where)
    with pytest.raises(ExportError, match="is a link; name a new folder"), new_folder(tmp_path / "link"):
        pytest.fail("has a place")
    assert names(tmp_path) == ["empty", "link"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_pytorch_and_onnx_cannot_write_to_is_refused_before_anything_is_made(tmp_path):
    for target in (tmp_path / os.fsdecode(b"\xff"), tmp_path / os.fsdecode(b"\xff") / "model"):
        with (
            pytest.raises(ExportError, match="is not UTF-8, and neither PyTorch nor ONNX"),
            new_folder(target),
        ):
            pass
    assert names(tmp_path) == []
    with new_folder(tmp_path / "épée"):
        pass
    assert names(tmp_path) == ["épée"]
