"""CSV files whose header is more, or less, than one line of names."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read
EPOCHS = np.arange(1, 7)
RUNS = [f"run{i}" for i in range(8)]


@pytest.fixture
def long_table(accuracies, losses):
    return pd.DataFrame(
        [
            {"run": RUNS[i], "epoch": t, "val_acc": accuracies[i, t - 1], "val_loss": losses[i, t - 1]}
            for i in range(8)
            for t in EPOCHS
        ]
    )


def test_two_lines_as_a_pivot_of_pandas_writes_them(tmp_path, long_table, accuracies, losses):
    by_epoch = long_table.pivot(index="epoch", columns="run", values=["val_acc", "val_loss"])
    by_run = long_table.pivot(index="run", columns="epoch", values=["val_acc", "val_loss"])
    nameless = by_epoch.rename_axis(columns=[None, None])
    for table in (by_epoch, by_epoch.swaplevel(axis=1), nameless, by_run):
        table.to_csv(tmp_path / "table.csv")
        curves = read(tmp_path / "table.csv")
        np.testing.assert_array_equal(curves.values, accuracies)
        assert curves.metric == "accuracy"
        np.testing.assert_array_equal(read(tmp_path / "table.csv", curve="val_loss").values, losses)
    by_epoch.reset_index().to_csv(tmp_path / "table.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "table.csv").values, accuracies)


@pytest.mark.parametrize("called", ["run", "trial_id", "Model", "seed"])
def test_two_lines_of_trainings_by_any_name_if_the_level_is_called_as_one_of_runs(
    tmp_path, long_table, accuracies, called
):
    table = long_table.replace(dict(zip(RUNS, "abcdefgh", strict=True))).rename(columns={"run": called})
    by_epoch = table.pivot(index="epoch", columns=called, values=["val_acc", "val_loss"])
    by_epoch.to_csv(tmp_path / "table.csv")
    np.testing.assert_array_equal(read(tmp_path / "table.csv").values, accuracies)


def test_two_lines_of_one_training_by_data_and_metric(tmp_path, accuracies, losses):
    columns = pd.MultiIndex.from_product([["train", "val"], ["loss", "acc"]])
    values = np.stack([losses[0] / 2, accuracies[0] / 2, losses[0], accuracies[0]], axis=1)
    pd.DataFrame(values, columns=columns, index=pd.Index(EPOCHS, name="epoch")).to_csv(tmp_path / "table.csv")
    np.testing.assert_array_equal(read(tmp_path / "table.csv").values, accuracies[:1])


def test_two_lines_that_do_not_tell_what_they_are_are_refused_by_name(tmp_path, long_table):
    mean = long_table.groupby("epoch").agg({"val_acc": ["mean", "std"], "val_loss": ["mean", "std"]})
    mean.to_csv(tmp_path / "mean.csv")
    models = long_table.pivot(index="epoch", columns="run", values=["val_acc", "val_loss"])
    models.rename_axis(columns=[None, None]).rename(columns=lambda name: name.replace("run", "net")).to_csv(
        tmp_path / "models.csv"
    )
    for name in ("mean.csv", "models.csv"):
        with pytest.raises(CurvesError, match=r"a header of two lines \(.*val_acc.*\); write one, such as"):
            read(tmp_path / name)


def test_a_header_that_comes_again_begins_the_next_training(tmp_path, accuracies):
    text = "".join(pd.DataFrame({"epoch": EPOCHS, "val_acc": row}).to_csv(index=False) for row in accuracies)
    (tmp_path / "history.csv").write_text(text)
    np.testing.assert_array_equal(read(tmp_path / "history.csv").values, accuracies)


def test_numbers_alone_are_refused_as_a_table_without_a_header(tmp_path, accuracies):
    for delimiter in (",", " ", "\t"):
        np.savetxt(tmp_path / "table.csv", accuracies, delimiter=delimiter)
        with pytest.raises(
            CurvesError, match=r"no header: the first line holds numbers \(.*name the columns"
        ):
            read(tmp_path / "table.csv")
