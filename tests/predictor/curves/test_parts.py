"""Several files of one training."""

import json

import numpy as np
import pandas as pd
import pytest

from predictor import LearningCurves

read = LearningCurves.read


def state(accuracy, lr):
    """A trainer_state.json of transformers: an object per log, of training or of evaluation."""
    log = []
    for epoch, value in enumerate(accuracy, start=1):
        log.append({"epoch": epoch - 0.5, "loss": 2.1, "learning_rate": lr / epoch, "step": 100 * epoch - 50})
        times = {"eval_runtime": 3.1, "eval_steps_per_second": 20.1}
        log.append({"epoch": float(epoch), "eval_accuracy": value, **times, "step": 100 * epoch})
    log.append(
        {"epoch": float(len(accuracy)), "step": 100 * len(accuracy), "train_loss": 1.5, "train_runtime": 9}
    )
    return json.dumps({"best_metric": max(accuracy), "global_step": 100 * len(accuracy), "log_history": log})


def test_of_checkpoints_the_latest_is_the_training(tmp_path, accuracies):
    for i, accuracy in enumerate(accuracies.tolist()):
        for epochs in (3, 6):
            folder = tmp_path / f"run{i}" / f"checkpoint-{100 * epochs}"
            folder.mkdir(parents=True)
            (folder / "trainer_state.json").write_text(state(accuracy[:epochs], 0.1))
            (folder / "config.json").write_text("{}")
            (folder / "tokenizer.json").write_text("{}")
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert not curves.hyperparameters
    assert "left out: 8 files of earlier checkpoints" in curves.understood
    (tmp_path / "run0" / "trainer_state.json").write_text(state(accuracies[0, :5].tolist(), 0.1))
    assert sorted(read(tmp_path).observed) == [5] + [6] * 7


def test_files_of_training_and_validation_data_are_one_training(tmp_path, accuracies):
    steps = np.arange(6)
    for i, accuracy in enumerate(accuracies):
        for kind, values in (("train", accuracy / 2), ("validation", accuracy)):
            table = pd.DataFrame({"Wall time": 1.5 * steps, "Step": steps, "Value": values})
            table.to_csv(tmp_path / f"run-m{i}_{kind}-tag-epoch_accuracy.csv", index=False)
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.names.tolist() == [f"m{i}" for i in range(8)]
    assert "by their names, files of train, val data" in curves.understood


@pytest.mark.parametrize(
    ("train", "val"), [("trainLog", "valLog"), ("trainset", "testset"), ("train_logs", "val_logs")]
)
def test_files_of_data_may_have_names_of_two_words(tmp_path, accuracies, train, val):
    for i, curve in enumerate(accuracies):
        for name, values in ((train, curve / 2), (val, curve)):
            table = pd.DataFrame({"epoch": np.arange(1, 7), "acc": values})
            table.to_csv(tmp_path / f"net{i}_{name}.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path).values, accuracies)


def test_folders_of_training_and_validation_events_are_one_training(tmp_path, accuracies):
    pytest.importorskip("tensorboard")
    summaries = pytest.importorskip("torch.utils.tensorboard")
    for i, accuracy in enumerate(accuracies[:3]):
        for kind, values in (("train", accuracy / 2), ("validation", accuracy)):
            with summaries.SummaryWriter(tmp_path / f"run{i}" / kind) as writer:
                for step, value in enumerate(values, start=1):
                    writer.add_scalar("epoch_accuracy", value, step)
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies[:3].astype(np.float32))
    assert curves.names.tolist() == [str(tmp_path / f"run{i}") for i in range(3)]


def test_learning_and_test_errors_as_catboost_writes_them(tmp_path, losses):
    for i, loss in enumerate(losses):
        folder = tmp_path / f"r{i}"
        folder.mkdir()
        for name, values in (("learn_error", loss / 2), ("test_error", loss)):
            pd.DataFrame({"iter": np.arange(6), "Logloss": values}).to_csv(
                folder / f"{name}.tsv", index=False, sep="\t"
            )
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, losses)
    assert (curves.metric, len(curves)) == ("loss", 8)


def test_runs_that_are_all_called_train_stay_apart(tmp_path, accuracies):
    for i, accuracy in enumerate(accuracies):
        folder = tmp_path / f"train{i}"
        folder.mkdir()
        pd.DataFrame({"epoch": np.arange(6), "val_acc": accuracy}).to_csv(folder / "log.csv", index=False)
    assert read(tmp_path).shape == (8, 6)


def test_files_of_another_kind_are_left_out_and_said(tmp_path, accuracies):
    for i, accuracy in enumerate(accuracies):
        pd.DataFrame({"epoch": np.arange(6), "val_acc": accuracy}).to_csv(tmp_path / f"{i}.csv", index=False)
    (tmp_path / "about.txt").write_text("what this is")
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "left out: about.txt (not .csv)" in curves.understood


def test_a_summary_is_a_training_where_there_is_nothing_else(tmp_path, accuracies):
    for i, accuracy in enumerate(accuracies):
        folder = tmp_path / f"2024-resnet-{i}"
        folder.mkdir()
        table = {"epoch": np.arange(6), "train_loss": 1.5, "eval_top1": 100 * accuracy, "eval_top5": 99.0}
        pd.DataFrame(table).to_csv(folder / "summary.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path).values, 100 * accuracies)
