"""`metaqnn ls`: a line for each search, whatever state it is in."""

import json
import os

import pytest

from metaqnn.cli import main


@pytest.fixture
def runs(run_copy, tmp_path):
    """A folder with a finished search, one that cannot be read, and something else."""
    folder = tmp_path / "all"
    folder.mkdir()
    run_copy.path.rename(folder / "good")
    (folder / "broken").mkdir()
    (folder / "broken" / "search.db").write_bytes(b"no database")
    (folder / "notes").mkdir()
    os.utime(folder / "broken", (1e9, 1e9))
    return folder


def test_every_search_has_a_line_the_latest_last(runs, capsys):
    assert main(["ls", str(runs)]) == 0
    header, _, broken, good = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["run", "state", "networks"]
    assert "not readable: " in broken
    assert "finished" in good
    assert "24 of 24" in good


def test_programs_get_numbers(runs, capsys):
    assert main(["ls", str(runs), "--format", "json"]) == 0
    broken, good = json.loads(capsys.readouterr().out)
    assert (good["networks"], good["planned"], good["state"]) == (24, 24, "finished")
    assert 0 < good["best"] < 1
    assert broken["networks"] is None


def test_a_folder_without_searches_says_how_to_start_one(tmp_path, capsys):
    assert main(["ls", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"no search in '{tmp_path}'; start one with: metaqnn run\n"


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path, capsys):
    for name in ("nowhere", "file"):
        (tmp_path / "file").touch()
        assert main(["ls", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err == f"metaqnn: error: there is no folder '{tmp_path / name}'\n"


@pytest.mark.parametrize("name", ["search.db", "storage.json"])
def test_a_pipe_or_a_folder_in_a_files_place_stops_no_listing(runs, capsys, name):
    for make in (os.mkfifo, os.mkdir):
        folder = runs / f"{make.__name__} {name}"
        folder.mkdir()
        (folder / "search.db").write_bytes((runs / "good" / "search.db").read_bytes())
        (folder / name).unlink(missing_ok=True)
        make(folder / name)
    assert main(["ls", str(runs)]) == 0
    assert "24 of 24" in capsys.readouterr().out
