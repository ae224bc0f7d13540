"""A whole search on PostgreSQL ends as the same search on SQLite, whatever happens to the connection."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from metaqnn.database import ReplayDatabase
from metaqnn.database.engine import UnreachableError, sqlite_url
from metaqnn.database.migrate import NoSearchError
from metaqnn.executors import SerialExecutor
from metaqnn.session.find import existing_run
from metaqnn.session.run_folder import RunFolder, RunFolderError
from predictor import LearningCurves

SEARCH = """
import runpy, sys, time
from pathlib import Path
from metaqnn.executors import SerialExecutor
from metaqnn.search.rule import stopping_rule
from metaqnn.session.find import existing_run
from metaqnn.session.run_folder import RunFolder
from metaqnn.search.loop import Search

helpers = runpy.run_path(sys.argv[1])
database = RunFolder(Path(sys.argv[2])).open_search()
config = database.record().config
trainer = helpers["FormulaTrainer"](config.epochs)
train = trainer.train


def slowly(*args, **kwargs):
    print("network", flush=True)
    time.sleep(0.05)
    return train(*args, **kwargs)


trainer.train = slowly
rule, chance = stopping_rule(config), trainer.chance
search = Search(config, config.space(1, 8, 10), database, rule, chance=chance)
search.run(SerialExecutor(trainer))
"""
TIMES = ("id", "proposed_at", "finished_at", "network_id", "training_id", "search_id")


@pytest.fixture
def run_search(open_search, formula_trainer):
    """Runs the search of a database to its end: run_search(database, trouble) -> Q-values.

    `trouble` is called with the number of each epoch before it is reported.
    """

    def run(database, trouble=lambda epoch: None):
        search = open_search(database)
        trainer, count = formula_trainer(search.config.epochs), 0

        class Troubled:
            def train(self, architecture, *, seed, on_epoch, checkpoint=None):
                def with_trouble(report):
                    nonlocal count
                    count += 1
                    trouble(count)
                    return on_epoch(report)

                return trainer.train(architecture, seed=seed, on_epoch=with_trouble)

        search.run(SerialExecutor(Troubled()))
        return search.known.agent.q_table()

    return run


def stored(reader):
    """All networks with their samples, trainings, epochs and decisions, without ids and times."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items() if key not in TIMES}
        return [plain(part) for part in value] if isinstance(value, list) else value

    with closing(reader):
        return [plain(reader.network(row.number)) for row in sorted(reader.ended(), key=lambda r: r.number)]


@pytest.fixture
def expected(tmp_path, record, run_search):
    """Networks and Q-values of the search on SQLite."""
    folder = RunFolder(tmp_path / "sqlite")
    folder.path.mkdir()
    with closing(folder.create_search(record)) as database:
        q_values = run_search(database)
    return stored(folder.reader()), q_values


@pytest.fixture
def new_run(tmp_path, new_postgresql, record):
    """Makes run folders with a fresh search on PostgreSQL, all in one database."""
    url = new_postgresql()

    def make(name="run"):
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        return folder, folder.create_search(record, url)

    return make


def test_a_search_whose_connection_is_cut_again_and_again_ends_the_same(
    new_run, run_search, server, expected, caplog
):
    folder, database = new_run()
    cuts = np.random.default_rng(0).random(10_000) < 0.1

    def trouble(epoch):
        if cuts[epoch]:
            server.cut_all(folder.url)
        if epoch in (20, 60):  # the server is restarted, once in good order and once after a crash
            server.stop("fast" if epoch == 20 else "immediate")
            server.start()

    with closing(database):
        q_values = run_search(database, trouble)
    assert len([r for r in caplog.records if "the database is back" in r.getMessage()]) > 5
    assert (stored(folder.reader()), q_values) == expected


def test_a_search_that_is_killed_again_and_again_ends_the_same(new_run, run_search, expected):
    folder, database = new_run()
    database.close()
    helpers = Path(__file__).parent.parent / "conftest.py"
    for networks in (4, 8):
        process = subprocess.Popen(
            [sys.executable, "-c", SEARCH, str(helpers), str(folder.path)], stdout=subprocess.PIPE, text=True
        )
        assert [process.stdout.readline() for _ in range(networks)] == ["network\n"] * networks
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    before = len(stored(folder.reader()))
    assert 10 <= before < len(expected[0])
    with closing(folder.open_search()) as database:
        q_values = run_search(database)
    assert (stored(folder.reader()), q_values) == expected


def test_two_searches_side_by_side_do_not_mix(new_run, run_search, expected):
    (first, one), (second, other) = new_run("first"), new_run("second")
    assert (first.url, first.search_id, second.search_id) == (second.url, 1, 2)
    q_values = {}

    def run(folder, database):
        q_values[folder] = run_search(database)
        database.close()

    threads = [threading.Thread(target=run, args=place) for place in ((first, one), (second, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for folder in (first, second):
        assert (stored(folder.reader()), q_values[folder]) == expected


def test_a_folder_whose_search_is_gone_from_the_database_begins_a_new_one_there(new_run, server, record):
    folder, database = new_run()
    database.close()
    with server.admin(folder.url.database) as connection:
        connection.execute(text("DELETE FROM searches"))
    assert not folder.holds_search()
    with pytest.raises(NoSearchError, match="holds no search 1"):
        folder.open_search()
    folder.create_search(record).close()
    assert (folder.search_id, folder.holds_search(), folder.database.exists()) == (2, True, False)


def test_the_predictor_reads_the_curves_of_a_folders_own_search(new_run, run_search, record, tmp_path):
    folder, database = new_run("mine")
    with closing(database):
        run_search(database)
    newer, other = new_run("newer")
    with closing(other):
        other.propose(0, 1.0, {"number": 1, "architecture": "[SM(10)]", **dict.fromkeys(COUNTS, 1)})
    own = ReplayDatabase.create(sqlite_url(tmp_path / "same.db"), record)
    run_search(own)
    curves, same = LearningCurves.read(folder.path), LearningCurves.read(tmp_path / "same.db")
    np.testing.assert_array_equal(curves.values, same.values)
    assert curves.names.tolist() == same.names.tolist()
    with pytest.raises(ValueError, match="no epoch has been recorded yet"):
        LearningCurves.read(newer.path)


def test_a_run_folder_knows_its_search_but_no_password(server, new_postgresql, tmp_path, record, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "")  # so that it is restored afterwards: creating a search sets it
    monkeypatch.delenv("PGPASSWORD")
    place = f"127.0.0.1:{server.port}/{new_postgresql().database}"
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    assert not folder.holds_search()
    folder.create_search(record, f"postgresql://locked:se%3Acr%40t@{place}").close()
    assert json.loads(folder.storage.read_text()) == {
        "url": f"postgresql+psycopg://locked@{place}",
        "search": 1,
    }
    assert [file.name for file in folder.path.iterdir()] == ["storage.json"]
    moved = RunFolder(folder.path.rename(tmp_path / "moved"))
    monkeypatch.delenv("PGPASSWORD")
    with pytest.raises(UnreachableError, match="no password supplied"):
        existing_run(moved.path).open_search()
    moved.open_search(f"postgres://locked:se%3Acr%40t@{place}").close()
    with closing(moved.reader()) as reader:
        assert moved.holds_search()
        assert reader.config() == record.config
    with pytest.raises(
        RunFolderError, match=r"/moved' is in postgresql.*@127.*, not in postgresql.*@elsewhere/db$"
    ):
        moved.open_search("postgresql://locked@elsewhere/db")


COUNTS = ("num_params", "depth", "parameters", "macs")
