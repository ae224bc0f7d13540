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
