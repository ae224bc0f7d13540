"""`metaqnn mirror`: on a finished search, and on one that goes on."""

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from metaqnn.cli import main
from metaqnn.config.schedule import EpsilonSchedule

optuna = pytest.importorskip("optuna")
pytest.importorskip("tensorboard")


def test_both_copies_are_made_and_named(capsys, finished_run, tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    command = ["mirror", str(finished_run.path), "--tensorboard", str(tmp_path / "logs"), "--optuna", storage]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/logs: 24 of 24 networks, 24 of them new",
        f"study 'finished' in {tmp_path}/study.db: 24 of 24 networks, 24 of them new",
    ]
    assert main(command) == 0
    assert capsys.readouterr().out.count("24 of 24 networks, 0 of them new") == 2
    assert main(["mirror", str(finished_run.path), "--optuna", storage, "--study", "mine"]) == 0
    assert optuna.get_all_study_names(storage) == ["finished", "mine"]


def test_without_a_place_there_is_nothing_to_do(capsys, finished_run):
    assert main(["mirror", str(finished_run.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "metaqnn: error: nothing to do: give --tensorboard DIR, --optuna URL, or both"


def test_the_search_is_not_changed(run_copy, tmp_path):
    before = run_copy.database.read_bytes()
    assert main(["mirror", str(run_copy.path), "--tensorboard", str(tmp_path / "logs")]) == 0
    assert run_copy.database.read_bytes() == before


def test_following_ends_with_the_search(
    monkeypatch, capsys, tmp_path, config, record, open_search, formula_trainer
):
    from metaqnn.executors import SerialExecutor
    from metaqnn.session.run_folder import RunFolder

    monkeypatch.setattr("metaqnn.commands.mirror.PAUSE", 0.05)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.create_search(record).close()

    def search():
        time.sleep(0.3)
        database = folder.open_search()
        open_search(database).run(SerialExecutor(formula_trainer(config.epochs)))
        database.close()

    searching = threading.Thread(target=search)
    searching.start()
    assert main(["mirror", str(folder.path), "--tensorboard", str(tmp_path / "logs"), "--follow"]) == 0
    searching.join()
    assert capsys.readouterr().out == f"{tmp_path}/logs: 24 of 24 networks, 24 of them new\n"


def test_following_ends_with_a_search_that_finds_nothing_new(
    monkeypatch, capsys, tmp_path, record, open_search, formula_trainer
):
    from metaqnn.executors import SearchStopped, SerialExecutor
    from metaqnn.session.run_folder import RunFolder

    monkeypatch.setattr("metaqnn.search.remarks.CONSECUTIVE_REPEATS", 25)
    monkeypatch.setattr("metaqnn.commands.mirror.time.sleep", lambda _: pytest.fail("it goes on"))
    greedy = replace(record.config, schedule=EpsilonSchedule.parse("1.0:6,0:300"), stopping="none")
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    database = folder.create_search(replace(record, config=greedy))
    with closing(database), pytest.raises(SearchStopped):
        open_search(database).run(SerialExecutor(formula_trainer(greedy.epochs)))
    assert main(["mirror", str(folder.path), "--tensorboard", str(tmp_path / "logs"), "--follow"]) == 0
    assert " of 306 networks, " in capsys.readouterr().out


def test_a_killed_copy_is_caught_up(finished_run, tmp_path):
    """Killed while it writes the logs, then while it writes the study."""
    storage, logs = f"sqlite:///{tmp_path}/study.db", tmp_path / "logs"
    command = ["mirror", str(finished_run.path), "--tensorboard", str(logs), "--optuna", storage]
    program = [sys.executable, "-m", "metaqnn", *command]

    def copied():
        return len(list(logs.glob("network-*/events*"))), count_trials(tmp_path / "study.db")

    for enough in ((3, 0), (24, 2)):
        with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as copy:
            while copied() < enough and copy.poll() is None:
                time.sleep(0.002)
            copy.kill()
    assert copied() < (24, 24)
    assert main(command) == 0
    assert copied() == (24, 24)
    numbers = [t.user_attrs["network"] for t in optuna.load_study(study_name=None, storage=storage).trials]
    assert sorted(numbers) == list(range(1, 25))


def count_trials(database):
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection,
    ):
        return connection.execute("SELECT count(*) FROM trials").fetchone()[0]
    return 0


@pytest.mark.parametrize("command", [["mirror", "."], ["run"]])
def test_the_name_of_a_study_needs_a_storage(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--tensorboard", "logs", "--study", "mine"]) == 2
    assert capsys.readouterr().err == "metaqnn: error: --study is 'mine', but it needs --optuna\n"
    assert not list(tmp_path.iterdir())
    assert main([*command, "--optuna", "sqlite:///study.db", "--study", ""]) == 2
    assert capsys.readouterr().err == "metaqnn: error: --study is ''; it must be a name\n"
    assert not list(tmp_path.iterdir())
