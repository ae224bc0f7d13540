"""Addresses and states of runs, and runs that cannot be read."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy.exc import DatabaseError

from metaqnn.dashboard.errors import FilterError, RunTroubleError
from metaqnn.dashboard.runs import addressed, run_state
from metaqnn.dashboard.snapshots import Snapshots
from metaqnn.database.queries import SearchReader, UnknownNetworkError


def test_an_address_is_the_folders_name(tmp_path):
    runs = addressed([tmp_path / "digits-20260101", tmp_path / "b"])
    assert list(runs) == ["digits-20260101", "b"]
    assert runs["b"].path == tmp_path / "b"


def test_folders_of_the_same_name_have_distinct_addresses(tmp_path):
    paths = [tmp_path / "a" / "run", tmp_path / "b" / "run", tmp_path / "run-2", tmp_path / "c" / "run"]
    runs = addressed(paths)
    assert len(runs) == 4
    assert [run.path for run in runs.values()] == paths
    assert [run.address for run in runs.values()] == list(runs)


def test_a_folder_that_is_given_twice_is_one_run(tmp_path):
    assert list(addressed([tmp_path / "run", tmp_path / "x" / ".." / "run"])) == ["run"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a b?c#d%2e", "..%2f", "ä ö", "'\"", "..."])
def test_an_address_needs_no_escaping_anywhere(tmp_path, name):
    (address,) = addressed([tmp_path / name])
    assert set(address) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert address.strip(".") == address != ""


def test_a_run_that_has_vanished_is_named(run_copy):
    (run,) = addressed([run_copy.path]).values()
    with run.reading() as reader:
        assert reader.network(1)["number"] == 1
    shutil.rmtree(run_copy.path)
    with pytest.raises(RunTroubleError, match=r"run copy cannot be read: there is no folder"), run.reading():
        pass


def test_a_damaged_run_is_named_in_one_line(run_copy):
    run_copy.database.write_bytes(b"garbage " * 1000)
    (run,) = addressed([run_copy.path]).values()
    with pytest.raises(RunTroubleError, match="not a MetaQNN replay database") as caught, run.reading():
        pass
    assert "\n" not in str(caught.value)


def test_all_values_are_checked_again_when_the_search_has_changed_but_at_most_once_a_minute(
    run_copy, monkeypatch
):
    (run,), clock, checks = addressed([run_copy.path]).values(), [], []
    monkeypatch.setattr("metaqnn.dashboard.runs.monotonic", lambda: clock[-1])
    monkeypatch.setattr(SearchReader, "require_possible", lambda self: checks.append(clock[-1]))
    for number, now in enumerate((1000.0, 1059.0, 1061.0, 1062.0, 2000.0), start=1):
        clock.append(now)
        with run.reading():
            pass
        if number < 4:
            with closing(sqlite3.connect(run_copy.database)) as connection, connection:
                connection.execute("UPDATE samples SET proposal = ? WHERE id = 1", (1000 + number,))
    assert checks == [1000.0, 1061.0, 2000.0]


def test_a_damage_that_is_noticed_later_is_named(run_copy):
    (run,) = addressed([run_copy.path]).values()
    damage = DatabaseError("SELECT 1", {}, sqlite3.DatabaseError("database disk image is malformed"))
    with (
        pytest.raises(RunTroubleError, match=r"cannot be read: database disk image is malformed$"),
        run.explained(),
    ):
        raise damage


def test_a_wrong_question_is_not_the_runs_trouble(finished_run):
    (run,) = addressed([finished_run.path]).values()
    with pytest.raises(UnknownNetworkError, match="there is no network 99"), run.reading() as reader:
        reader.network(99)
    with pytest.raises(FilterError), run.reading():
        raise FilterError("page is 9; the last page is 1")


def test_a_bug_is_not_the_runs_trouble(finished_run):
    (run,) = addressed([finished_run.path]).values()
    with pytest.raises(ValueError, match=r"^unexpected$"), run.explained():
        raise ValueError("unexpected")


@pytest.fixture
def state():
    """state(folder): its state now."""
    snapshots = Snapshots()

    def ask(folder):
        (run,) = addressed([folder.path]).values()
        return run_state(run, snapshots.of(run).view)

    yield ask
    snapshots.end()


def test_a_search_is_finished_when_all_planned_networks_have_ended(state, finished_run):
    found = state(finished_run)
    assert (found.state, found.detail) == ("finished", "all planned networks have ended")
    assert found.summary.networks == found.summary.planned == 24


def test_a_finished_search_that_is_audited_is_running(state, run_copy):
    with run_copy.lock():
        found = state(run_copy)
    assert found.state == "running"
    assert found.detail.startswith("an audit, process ")


def test_a_search_is_running_while_a_process_owns_it_and_paused_before_and_after(state, new_run):
    folder, database = new_run()
    assert state(folder).state == "not started"
    with folder.lock():
        assert state(folder).state == "running"
    counts = {"num_params": 1, "depth": 2, "parameters": 1, "macs": 1}
    database.propose(0, 1.0, {"number": 1, "architecture": "[C(8,3,1), SM(10)]", **counts})
    assert state(folder).state == "paused"
    assert state(folder).detail == f"resume with: metaqnn run --resume {folder.path}"


def test_the_best_network_is_that_of_metaqnn_top(state, finished_run, capsys):
    from metaqnn.cli import main

    assert main(["top", str(finished_run.path), "-k", "1", "--format", "json"]) == 0
    assert state(finished_run).best_network == json.loads(capsys.readouterr().out)[0]["number"]


def test_before_the_first_result_there_is_no_best_network(state, new_run):
    folder, _ = new_run()
    assert state(folder).best_network is None
