"""The gain of a second worker does not depend on which networks the two searches reached."""

import os
import sqlite3

import pytest
from command_line import BenchmarkError
from second_worker import gain, main, read

from metaqnn.config.environment import Environment
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.session.run_folder import RunFolder
from metaqnn.session.start import begin, prepare


@pytest.fixture
def run(tmp_path):
    """run(name): the folder of a search of two networks by one worker."""

    def search(name, networks=2):
        config = SearchConfig.of(
            train_limit=60, validation_size=20, epochs=2, schedule=EpsilonSchedule(((1.0, networks),))
        )
        (tmp_path / name).mkdir()
        session = begin(prepare(config, Environment(device="cpu")), RunFolder(tmp_path / name))
        session.search.run(session.executor)
        session.database.close()
        return tmp_path / name

    return search


def pretend(folder, command):
    with sqlite3.connect(folder / "search.db") as database:
        database.execute(command)


def test_epochs_that_take_as_long_side_by_side_are_twice_the_work_and_others_do_not_count(
    run, monkeypatch, capsys
):
    """One search reached a third network, which took an hour per epoch."""
    together, alone = run("together", 3), run("alone")
    pretend(together, "update epochs set seconds = 3600")
    pretend(alone, "update epochs set seconds = 2")
    shared = "(select id from trainings where network_id < 3)"
    pretend(together, f"update epochs set seconds = 2 where training_id in {shared}")
    pretend(together, "update searches set circumstances = json_set(circumstances, '$.workers', 2)")
    monkeypatch.setattr("sys.argv", ["second_worker.py", str(together), str(alone)])
    main()
    assert capsys.readouterr().out == (
        "4 epochs of 2 networks are in both: with 2 workers they took 1.00 times as long, so 2 train 2.00 "
        "times as much as one\n"
    )


def test_epochs_that_take_twice_as_long_side_by_side_bring_nothing():
    alone = {("[SM(10)]", 1, 1): 1.0, ("[C(64,3,1), SM(10)]", 1, 1): 100.0}
    together = {epoch: 2 * seconds for epoch, seconds in alone.items()}
    assert gain(2, together, alone).endswith("so 2 train 1.00 times as much as one")


def test_searches_with_nothing_in_common_are_refused(tmp_path):
    with pytest.raises(BenchmarkError, match="no epoch is in both"):
        gain(2, {("[SM(10)]", 1, 1): 1.0}, {("[SM(10)]", 1, 2): 1.0})
    with pytest.raises(BenchmarkError, match="has no search that can be read"):
        read(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no ? in a name")
def test_a_run_folder_may_have_any_name(run):
    workers, epochs = read(run("100% ? #1", networks=1))
    assert (workers, len(epochs)) == (1, 2)
