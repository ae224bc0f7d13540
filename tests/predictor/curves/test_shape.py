"""Tables whose rows may be epochs or trainings."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


@pytest.fixture
def turned():
    """(60, 10) accuracies of 10 trainings, a row for each epoch."""
    rng = np.random.default_rng(0)
    ends = rng.uniform(0.5, 0.8, 10)
    return 0.1 + (1 - np.exp(-0.1 * np.arange(1, 61)))[:, None] * ends + rng.normal(0, 0.01, (60, 10))


COUNTERS = ["gen", "cycle", "update", "timesteps_total", "n_iter"]


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("name", ["val_acc_#", "#"])
def test_a_column_that_counts_the_rows_is_no_parameter(wide, turned, counter, name):
    path = wide({counter: np.arange(1, 61), name: turned})
    with pytest.raises(CurvesError, match="60 rows of 10 values seem to be 60 epochs of 10 trainings"):
        read(path)
    assert read(path, metric="accuracy").T == 10


def test_deviations_beside_a_column_of_epochs_are_no_parameters(wide, turned):
    path = wide({"epochs": np.arange(1, 61), "val_acc_#": turned, "std": turned.std(axis=1)})
    with pytest.raises(CurvesError, match="seem to be 60 epochs of 10 trainings"):
        read(path)


@pytest.mark.parametrize("counter", ["epoch", "epochs", "train_epoch", "iters", "round"])
@pytest.mark.parametrize("rows", [3, 4])
def test_a_few_epochs_as_rows_are_asked_about(wide, turned, counter, rows):
    path = wide({counter: 10 * np.arange(1, rows + 1), "val_acc_#": turned[9 : 10 * rows : 10]})
    with pytest.raises(CurvesError, match=f"{counter} counts up row by row"):
        read(path)


@pytest.mark.parametrize("counter", ["gen", "update", "rounds", "episodes", "n_updates"])
def test_trainings_in_order_of_a_parameter_that_counts_updates_are_read(wide, accuracies, counter):
    path = wide({counter: 100 * np.arange(1, 9), "val_acc_#": accuracies})
    np.testing.assert_array_equal(read(path).values, accuracies)


@pytest.mark.parametrize("counter", ["iteration", "round", "step", "gen"])
def test_a_few_trainings_that_are_numbered_are_read(wide, accuracies, counter):
    path = wide({counter: [1, 2, 3], "val_acc_#": accuracies[:3]})
    np.testing.assert_array_equal(read(path).values, accuracies[:3])


def test_planned_lengths_are_those_of_trainings(wide, accuracies):
    values = np.where(np.arange(1, 7) > np.arange(1, 7)[:, None], np.nan, accuracies[:6])
    np.testing.assert_array_equal(read(wide({"epochs": np.arange(1, 7), "val_acc_#": values})).values, values)


def test_trainings_called_by_numbers_in_an_export_are_no_epochs(tmp_path, turned):
    table = pd.DataFrame(turned, columns=[f"{run} - val_acc" for run in range(1, 11)])
    table.insert(0, "update", np.arange(100, 6100, 100))
    table.to_csv(tmp_path / "export.csv", index=False)
    np.testing.assert_allclose(read(tmp_path / "export.csv").values, turned.T)


@pytest.mark.parametrize("files", [1, 2])
def test_columns_of_ranks_alone_say_which_curve_to_ask_for(tmp_path, accuracies, files):
    """In a file of its own and in a folder; whether rows or columns are epochs cannot be told."""
    table = pd.DataFrame(accuracies[:3].T, columns=["acc@1", "acc@2", "acc@3"]).assign(time=range(6))
    for number in range(files):
        table.to_csv(tmp_path / f"{number}.csv", index=False)
    with pytest.raises(
        CurvesError, match=r"column .*epoch \(if the rows are epochs in their order: --curve acc@1\)"
    ):
        read(tmp_path)
    np.testing.assert_array_equal(read(tmp_path, curve="acc@1").values, accuracies[:1].repeat(files, axis=0))
