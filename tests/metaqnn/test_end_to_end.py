"""As a user: a search that is killed or runs out of disk space ends as an undisturbed one.

More of kills and signals is in tests/reliability.
"""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from metaqnn.cli import main
from trainers import Checkpoint, ClassifierTrainer

SEARCH = [
    *(
        "--schedule",
        "1.0:6,0.1:3",
        "--epochs",
        "3",
        "--burn-in",
        "5",
        "--svr-settings",
        "10",
        "--delta",
        "0.7",
    ),
    *("--train-limit", "400", "--validation-size", "100", "--device", "cpu", "--threads", "1", "--seed", "1"),
]
DEADLINE = 300  # for a machine that is busy with other work


def rows(folder, query):
    with closing(sqlite3.connect(folder / "search.db")) as connection:
        return connection.execute(query).fetchall()


def epochs_stored(folder):
    try:
        return rows(folder, "SELECT count(*) FROM epochs")[0][0]
    except sqlite3.Error:  # not there yet
        return 0


def epochs_kept(folder):
    """Those that need not be trained again: of networks that have ended, and in the checkpoints of others."""
    ended = rows(folder, "SELECT coalesce(sum(epochs_trained), 0) FROM networks WHERE outcome IS NOT NULL")[
        0
    ][0]
    files = [file for file in (folder / "checkpoints").iterdir() if file.suffix != ".tmp"]
    saved = [Checkpoint(file).load(None) for file in files]
    return ended + sum(len(training.reports) for training in saved if training is not None)


def outcome(folder):
    """All that must not depend on interruptions."""
    return [
        rows(folder, query)
        for query in (
            "SELECT number, architecture, epsilon, finished_position, outcome, attempt, epochs_trained, "
            "last_accuracy, final_accuracy, predicted_accuracy, reward FROM networks ORDER BY number",
            "SELECT proposal, network_id, position FROM samples ORDER BY proposal",
            "SELECT network_id, attempt, learning_rate, epoch, accuracy, loss FROM trainings "
            "JOIN epochs ON training_id = trainings.id ORDER BY network_id, attempt, epoch",
            "SELECT network_id, epoch, stop, reason, predicted_accuracy, probability FROM trainings "
            "JOIN decisions ON training_id = trainings.id ORDER BY network_id, attempt, epoch",
        )
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert main(["run", "--run-dir", str(folder), *SEARCH, "--quiet"]) == 0
    return outcome(folder)


def test_what_is_compared_has_all_there_is_to_compare(undisturbed):
    networks, samples, epochs, decisions = undisturbed
    assert len(networks) == 9
    assert len(samples) >= 9
    assert len(epochs) > 15
    assert any(reason.startswith("p(y_T") for _, _, _, reason, *_ in decisions)


def test_an_interrupted_network_goes_on_after_its_last_epoch(tmp_path, undisturbed, monkeypatch):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "metaqnn.run", "--run-dir", str(folder), *SEARCH]
    with subprocess.Popen([*command, "--checkpoint-every", "0", "--quiet"]) as process:
        deadline = time.monotonic() + DEADLINE
        while epochs_stored(folder) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
    kept = epochs_kept(folder)
    trained = []
    original = ClassifierTrainer.train_epoch

    def train_epoch(trainer, state, *, seed):
        trained.append(state.epoch + 1)
        return original(trainer, state, seed=seed)

    monkeypatch.setattr(ClassifierTrainer, "train_epoch", train_epoch)
    assert main(["run", "--resume", str(folder), "--quiet"]) == 0
    assert outcome(folder) == undisturbed
    assert kept > 0
    assert len(trained) == len(undisturbed[2]) - kept
    assert not [*(folder / "checkpoints").iterdir()]


def test_at_epsilon_1_without_stopping_workers_train_what_one_would(tmp_path):
    """No result has any influence there, so that only the order of finishing may differ."""
    alone, together = tmp_path / "alone", tmp_path / "together"
    search = [*("--schedule", "1.0:5", "--epochs", "2", "--stopping", "none"), *SEARCH[-10:]]
    assert main(["run", "--run-dir", str(alone), *search, "--quiet"]) == 0
    assert main(["run", "--run-dir", str(together), *search, "--workers", "2", "--quiet"]) == 0
    assert curves(alone) == curves(together)


def curves(folder):
    return rows(
        folder,
        "SELECT architecture, trainings.attempt, epoch, accuracy, loss FROM networks JOIN trainings "
        "ON network_id = networks.id JOIN epochs ON training_id = trainings.id "
        "ORDER BY architecture, trainings.attempt, epoch",
    )


@pytest.mark.parametrize("leave", [16_384, 400_000], ids=["at the start", "on the way"])
def test_a_full_disk_is_one_clear_line_and_the_search_goes_on_when_there_is_space(
    small_disk, fill, undisturbed, capsys, leave
):
    folder = small_disk / "run"
    fill(leave)
    assert main(["run", "--run-dir", str(folder), *SEARCH, "--quiet"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"metaqnn: error: cannot write to {folder}: ")
    assert "make space" in last
    on_the_way = leave > 100_000
    assert (epochs_stored(folder) > 0) == on_the_way
    (small_disk / "filler").unlink()
    again = ["--resume", str(folder)] if on_the_way else ["--run-dir", str(folder), *SEARCH]
    assert main(["run", *again, "--quiet", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["networks"] == 9
    assert outcome(folder) == undisturbed
