"""As a user: a search that is killed or runs out of disk space ends as an undisturbed one.

For more kills and signals, see tests/reliability.
"""

import json

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


def epochs_kept(run):
    """Epochs that need not be trained again: of ended networks, and in the checkpoints of others."""
    query = "SELECT coalesce(sum(epochs_trained), 0) FROM networks WHERE outcome IS NOT NULL"
    [[ended]] = run.rows(query)
    files = [file for file in (run.folder / "checkpoints").iterdir() if file.suffix != ".tmp"]
    saved = [Checkpoint(file).load(None) for file in files]
    return ended + sum(len(training.reports) for training in saved if training is not None)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, run_type):
    run = run_type(tmp_path_factory.mktemp("undisturbed") / "run", SEARCH)
    assert run.here() == 0
    return run.outcome()


def test_what_is_compared_has_all_there_is_to_compare(undisturbed):
    networks, samples, epochs, decisions = undisturbed
    assert len(networks) == 9
    assert len(samples) >= 9
    assert len(epochs) > 15
    assert any(reason.startswith("p(y_T") for _, _, _, reason, *_ in decisions)


def test_an_interrupted_network_goes_on_after_its_last_epoch(tmp_path, run_type, undisturbed, monkeypatch):
    run = run_type(tmp_path / "run", SEARCH)
    with run.start("--checkpoint-every", "0", "--quiet") as process:
        run.wait_for(2, process)
        assert process.poll() is None
        process.kill()
    kept = epochs_kept(run)
    trained = []
    original = ClassifierTrainer.train_epoch

    def train_epoch(trainer, state, *, seed):
        trained.append(state.epoch + 1)
        return original(trainer, state, seed=seed)

    monkeypatch.setattr(ClassifierTrainer, "train_epoch", train_epoch)
    assert main(["run", "--resume", str(run.folder), "--quiet"]) == 0
    assert run.outcome() == undisturbed
    assert kept > 0
    assert len(trained) == len(undisturbed[2]) - kept
    assert not [*(run.folder / "checkpoints").iterdir()]


def test_at_epsilon_1_without_stopping_workers_train_what_one_would(tmp_path, run_type):
    """No result has any influence there, so that only the order of finishing may differ."""
    search = [*("--schedule", "1.0:5", "--epochs", "2", "--stopping", "none"), *SEARCH[-10:]]
    alone, together = (run_type(tmp_path / name, search) for name in ("alone", "together"))
    assert alone.here() == 0
    assert together.here("--workers", "2") == 0
    assert curves(alone) == curves(together)


def curves(run):
    return run.rows(
        "SELECT architecture, trainings.attempt, epoch, accuracy, loss FROM networks JOIN trainings "
        "ON network_id = networks.id JOIN epochs ON training_id = trainings.id "
        "ORDER BY architecture, trainings.attempt, epoch",
    )


@pytest.mark.parametrize("leave", [16_384, 400_000], ids=["at the start", "on the way"])
def test_a_full_disk_is_one_clear_line_and_the_search_goes_on_when_there_is_space(
    small_disk, run_type, fill, undisturbed, capsys, leave
):
    run = run_type(small_disk / "run", SEARCH)
    fill(leave)
    assert run.here() == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"metaqnn: error: cannot write to {run.folder}: ")
    assert "make space" in last
    on_the_way = leave > 100_000
    assert (run.epochs() > 0) == on_the_way
    (small_disk / "filler").unlink()
    again = ["--resume", str(run.folder)] if on_the_way else ["--run-dir", str(run.folder), *SEARCH]
    assert main(["run", *again, "--quiet", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["networks"] == 9
    assert run.outcome() == undisturbed
