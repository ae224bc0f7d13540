"""The state of a run, from its folder and its database."""

import json

import pytest

from metaqnn.dashboard.runs import addressed
from metaqnn.dashboard.snapshots import Snapshots
from metaqnn.dashboard.state import run_state


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
    assert (found.word, found.detail) == ("finished", "all planned networks have ended")
    assert found.summary.networks == found.summary.planned == 24


def test_a_finished_search_that_is_audited_is_running(state, run_copy):
    with run_copy.lock():
        found = state(run_copy)
    assert found.word == "running"
    assert found.detail.startswith("an audit, process ")


def test_a_search_is_running_while_a_process_owns_it_and_paused_before_and_after(state, new_run):
    folder, database = new_run()
    assert state(folder).word == "not started"
    with folder.lock():
        assert state(folder).word == "running"
    counts = {"num_params": 1, "depth": 2, "parameters": 1, "macs": 1}
    database.propose(0, 1.0, {"number": 1, "architecture": "[C(8,3,1), SM(10)]", **counts})
    assert state(folder).word == "paused"
    assert state(folder).detail == f"resume with: metaqnn run --resume {folder.path}"


def test_the_best_network_is_that_of_metaqnn_top(state, finished_run, capsys):
    from metaqnn.cli import main

    assert main(["top", str(finished_run.path), "-k", "1", "--format", "json"]) == 0
    assert state(finished_run).best == json.loads(capsys.readouterr().out)[0]["number"]


def test_before_the_first_result_there_is_no_best_network(state, new_run):
    folder, _ = new_run()
    assert state(folder).best is None
