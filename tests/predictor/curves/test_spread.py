"""Tables with several rows for an epoch of a training, by data or by batch."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


@pytest.fixture
def phases(accuracies, losses):
    """Rows of training and validation for each epoch, the training's last."""
    return pd.DataFrame(
        [
            {"run": f"r{i}", "epoch": t + 1, "phase": phase, "loss": factor * losses[i, t],
             "acc": factor * accuracies[i, t], "time": 3.5 * t + i}
            for i in range(8)
            for t in range(6)
            for phase, factor in (("val", 1), ("train", 0.5))
        ]
    )  # fmt: skip


def test_rows_of_training_data_are_no_trainings(tmp_path, phases, accuracies, losses):
    for table in (phases, phases.drop(columns="run")):
        table.to_csv(tmp_path / "log.csv", index=False)
        curves = read(tmp_path / "log.csv")
        np.testing.assert_array_equal(curves.values, accuracies)
        assert "val_acc at epoch 1, 2, ..., 6" in curves.understood
        np.testing.assert_array_equal(read(tmp_path / "log.csv", curve="train_loss").values, losses / 2)


def test_a_split_that_a_training_belongs_to_is_left_out(tmp_path, long, accuracies):
    table = long.assign(split=np.where(long["run"].isin(["r0", "r3"]), "test", "train"))
    for one in (table, table.drop(columns="run")):
        one.to_csv(tmp_path / "log.csv", index=False)
        np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)


@pytest.mark.parametrize("counter", ["batch_idx", "batch", "iteration"])
def test_rows_of_batches_are_refused(tmp_path, counter):
    rows = [
        {"epoch": epoch, counter: batch, "loss": 3 - epoch - 0.1 * batch}
        for epoch in (1, 2)
        for batch in range(5)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(CurvesError, match=r"(rows with the same|several rows for each) epoch"):
        read(tmp_path / "log.csv")


def test_sizes_of_batches_tell_trainings_apart(tmp_path, long, accuracies):
    sizes = {f"r{i}": 2**i for i in range(8)}
    long.assign(batch=long["run"].map(sizes)).drop(columns=["run", "lr"]).to_csv(
        tmp_path / "log.csv", index=False
    )
    curves = read(tmp_path / "log.csv")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.hyperparameters["batch"].tolist() == list(sizes.values())
