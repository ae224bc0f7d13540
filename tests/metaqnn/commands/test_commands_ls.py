"""`metaqnn ls`: a line for each search, whatever state it is in."""

import json
import os
import sqlite3
import time
from contextlib import closing

import pytest

from metaqnn.cli import main
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.executors import SearchStopped, SerialExecutor


@pytest.fixture
def runs(run_copy, tmp_path):
    """A folder with a finished search, one that cannot be read, and something else."""
    folder = tmp_path / "all"
    folder.mkdir()
    run_copy.path.rename(folder / "good")
    (folder / "broken").mkdir()
    (folder / "broken" / "search.db").write_bytes(b"no database")
    (folder / "notes").mkdir()
    for path in (folder / "broken" / "search.db", folder / "broken"):
        os.utime(path, (1e9, 1e9))
    return folder


def test_what_a_search_stores_is_its_last_change(run_copy, capsys):
    for path in (*run_copy.path.iterdir(), run_copy.path):
        os.utime(path, (1e9, 1e9))
    with closing(sqlite3.connect(run_copy.database)) as connection:
        connection.execute("SELECT * FROM networks").fetchone()  # makes the files of the log
        os.utime(run_copy.path, (1e9, 1e9))
        connection.execute("UPDATE networks SET message = ''")
        connection.commit()
        assert main(["ls", str(run_copy.path), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert time.time() - row["changed"] < 60


def test_latest_is_a_run_here_too(runs, capsys, monkeypatch):
    (runs.parent / "runs").symlink_to(runs)
    monkeypatch.chdir(runs.parent)
    assert main(["ls", "latest", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["run"], row["state"]) == ("runs/good", "finished")


def test_every_search_has_a_line_the_latest_last(runs, capsys):
    assert main(["ls", str(runs)]) == 0
    header, _, broken, good = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["run", "state", "networks"]
    assert "not readable: " in broken
    assert "finished" in good
    assert "24 of 24" in good


def test_a_search_whose_walks_find_nothing_new_is_over_as_it_said_itself(
    new_database, open_search, formula_trainer, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("metaqnn.search.remarks.CONSECUTIVE_REPEATS", 25)
    (tmp_path / "all" / "greedy").mkdir(parents=True)
    _, database = new_database(
        "all/greedy/search", schedule=EpsilonSchedule.parse("1.0:6,0:300"), stopping="none"
    )
    with closing(database), pytest.raises(SearchStopped) as reason:
        open_search(database).run(SerialExecutor(formula_trainer(5)))
    assert main(["ls", str(tmp_path / "all")]) == 0
    _, _, line, _, last = capsys.readouterr().out.splitlines()
    assert "finished" in line
    assert "of 306" in line
    assert last == f"{tmp_path / 'all' / 'greedy'} is over: {reason.value}"
    assert main(["ls", str(tmp_path / "all"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["over"] == str(reason.value)


def test_a_run_folder_is_listed_itself(runs, capsys):
    run = runs / "good"
    main(["ls", str(run)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(str(run))


def test_programs_get_numbers(runs, capsys):
    assert main(["ls", str(runs), "--format", "json"]) == 0
    broken, good = json.loads(capsys.readouterr().out)
    assert (good["networks"], good["planned"], good["state"]) == (24, 24, "finished")
    assert 0 < good["best_accuracy"] < 1
    assert broken["networks"] is None


def test_a_search_without_a_network_has_not_started(new_database, tmp_path, capsys):
    (tmp_path / "all" / "new").mkdir(parents=True)
    _, database = new_database("all/new/search")
    database.close()
    assert main(["ls", str(tmp_path / "all"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "not started"


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


def test_the_folder_of_a_tuning_is_called_that(tmp_path, capsys):
    (tmp_path / "study.json").touch()
    assert main(["ls", str(tmp_path)]) == 2
    assert f"{str(tmp_path)!r} holds a tuning, not a search" in capsys.readouterr().err


def test_csv_without_searches_is_its_heading(tmp_path, capsys):
    assert main(["ls", str(tmp_path), "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("run,state,networks,planned,best_accuracy,metric,")


def test_a_best_in_balanced_accuracy_is_called_so(runs, capsys):
    (database,) = (runs / "good").glob("*.db")
    with closing(sqlite3.connect(database)) as connection:
        (config,) = connection.execute("SELECT config FROM searches").fetchone()
        config = json.dumps({**json.loads(config), "metric": "balanced-accuracy"})
        connection.execute("UPDATE searches SET config = ?", (config,))
        connection.commit()
    assert main(["ls", str(runs)]) == 0
    assert "% balanced accuracy" in capsys.readouterr().out
    assert main(["ls", str(runs), "--format", "json"]) == 0
    assert [row["metric"] for row in json.loads(capsys.readouterr().out)] == [None, "balanced-accuracy"]
