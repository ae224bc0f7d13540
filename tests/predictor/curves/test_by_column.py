"""Tables with a row per epoch and a column for each training."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read
EPOCHS = np.arange(1, 7)


@pytest.fixture
def write(tmp_path):
    def to_csv(columns, **options):
        pd.DataFrame(columns).to_csv(tmp_path / "table.csv", index=False, **options)
        return tmp_path / "table.csv"

    return to_csv


@pytest.mark.parametrize(
    ("name", "epoch"),
    [
        ("run_{}", "epoch"),
        ("seed {}", "step"),
        ("val_acc_run{}", "epoch"),
        ("run{}_val_acc", "epoch"),
        ("trial-{}/val_acc", "iteration"),
        ("val_acc_lr0.0{}", "Epoch"),
    ],
)
def test_columns_that_are_named_as_trainings(write, accuracies, name, epoch):
    path = write({epoch: EPOCHS, **{name.format(i): row for i, row in enumerate(accuracies)}})
    curves = read(path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert (curves.metric, curves.direction, len(curves.names)) == ("accuracy", "maximize", 8)
    assert f"at {epoch} 1, 2, ..., 6; trainings told apart by column" in curves.understood


def test_each_training_with_several_metrics(write, accuracies, losses):
    pairs = {
        f"run{i}/{metric}": values[i]
        for i in range(8)
        for metric, values in (("train_loss", losses / 2), ("val_acc", accuracies), ("val_loss", losses))
    }
    path = write({"epoch": EPOCHS, **pairs})
    np.testing.assert_array_equal(read(path).values, accuracies)
    np.testing.assert_array_equal(read(path, curve="val_loss").values, losses)


def test_losses_without_a_name_are_asked_about(write, losses):
    path = write({"epoch": EPOCHS, **{f"run_{i}": row for i, row in enumerate(losses)}})
    with pytest.raises(CurvesError, match=r"'value' does not say whether more is better"):
        read(path)
    np.testing.assert_array_equal(read(path, metric="loss").values, losses)


@pytest.mark.parametrize("name", ["resnet{}", "acc_{}", "net{}/val_acc", "plum_{} val_acc"])
def test_columns_that_may_be_trainings_or_not_are_refused_with_what_is_read(write, accuracies, name):
    path = write({"epoch": EPOCHS, **{name.format(i): row for i, row in enumerate(accuracies, start=1)}})
    with pytest.raises(CurvesError, match=r"are equally good .* have to be called 'run1 - val_acc'"):
        read(path)


def test_several_losses_of_one_training_are_no_trainings(write, losses):
    path = write({"epoch": EPOCHS, **{f"{part}_loss": row for part, row in zip("abc", losses, strict=False)}})
    with pytest.raises(CurvesError, match="are equally good"):
        read(path)
    assert len(read(path, curve="b_loss")) == 1


def test_trainings_numbered_in_columns_without_epochs_are_refused(write, accuracies):
    path = write({f"run_{i}": row for i, row in enumerate(accuracies)})
    with pytest.raises(CurvesError, match=r"run_0 to run_7 are numbered by training, not by epoch.*epoch"):
        read(path, direction="maximize")
    scores = write({"param_lr": EPOCHS, **{f"split{i}_test_score": row for i, row in enumerate(accuracies)}})
    with pytest.raises(CurvesError, match="numbered by training, not by epoch"):
        read(scores)


@pytest.mark.parametrize("counter", ["iteration", "generation", "round", "step", "t"])
def test_a_number_of_trainings_beside_columns_of_epochs_is_no_epoch(wide, accuracies, counter):
    order = np.random.default_rng(0).permutation(8)
    curves = read(wide({counter: np.arange(1, 9), "acc_#": accuracies[order]}))
    np.testing.assert_array_equal(curves.values, accuracies[order])


def test_a_planned_number_of_epochs_is_a_parameter(wide, accuracies):
    curves = read(wide({"epoch": np.arange(10, 90, 10), "acc_#": accuracies[[3, 1, 7, 0, 2, 6, 5, 4]]}))
    assert (curves.shape, list(curves.hyperparameters)) == ((8, 6), ["epoch"])


def test_an_export_whose_first_column_is_a_training_loses_none(write, accuracies):
    curves = read(write({f"sweep-{i} - val_acc": row for i, row in enumerate(accuracies)}))
    np.testing.assert_array_equal(curves.values, accuracies)


def test_it_is_told_that_an_export_of_a_chart_sums_up_groups_of_runs(tmp_path, accuracies):
    """Their minima and maxima differ; those of single runs are the same as their values."""
    table = pd.DataFrame({"Step": range(6)})
    for i, row in enumerate(accuracies):
        low = row - 0.01 if i == 1 else row
        table = table.assign(
            **{f"g{i} - val_acc": row, f"g{i} - val_acc__MIN": low, f"g{i} - val_acc__MAX": row}
        )
    table.to_csv(tmp_path / "chart.csv", index=False)
    curves = read(tmp_path / "chart.csv")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "; g1 - val_acc: of several runs or steps, by __MIN and __MAX;" in curves.understood


@pytest.mark.parametrize("name", ["run_{}", "sweep-{} - val_acc"])
def test_a_cell_of_text_among_the_values_of_a_training_is_named(write, accuracies, name):
    columns = {name.format(i): row.tolist() for i, row in enumerate(accuracies)}
    columns[name.format(3)][4] = "failed"
    with pytest.raises(CurvesError, match=f"row 5, column '{name.format(3)}': 'failed' is not a number"):
        read(write({"epoch": EPOCHS, **columns}))


@pytest.mark.parametrize("name", ["Epoch #", "ep #", "Step #", "#"])
@pytest.mark.parametrize("first", ["", "lr", "run", "ModelId"])
def test_columns_of_epochs_with_a_dash_are_no_trainings(wide, losses, rates, name, first):
    curves = read(wide({first: rates, f"{name} - val_loss": losses, f"{name} - train_loss": losses / 2}))
    np.testing.assert_array_equal(curves.values, losses)
    assert (curves.metric, curves.T) == ("loss", 6)


def test_columns_of_epochs_with_a_dash_need_no_other_beside_them(wide, losses):
    np.testing.assert_array_equal(read(wide({"Epoch # - val_loss": losses[::-1]})).values, losses[::-1])


@pytest.mark.parametrize("step", ["Step", "epoch", "Relative Time (Process)", "samples_seen", "0 - val_loss"])
@pytest.mark.parametrize("name", ["{}", "Epoch {}"])
def test_runs_that_are_called_as_epochs_stay_runs_beside_a_column_of_steps(write, losses, step, name):
    """Or beside nothing if their names are numbers alone."""
    if step == "0 - val_loss":
        columns = {f"{i} - val_loss": row for i, row in enumerate(losses)}
    else:
        columns = {step: EPOCHS, **{f"{name.format(i)} - val_loss": row for i, row in enumerate(losses)}}
    curves = read(write(columns))
    np.testing.assert_array_equal(curves.values, losses)
    assert "trainings told apart by run" in curves.understood


def test_a_table_without_columns_is_refused(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"\r\n,\r\n,R%")
    with pytest.raises(CurvesError):
        read(tmp_path / "table.csv")


@pytest.mark.parametrize("step", ["frames", "kimg", "charts/global_step", "optimizer_step", "day"])
def test_runs_called_by_numbers_stay_runs_beside_a_column_of_no_known_parameter(write, losses, step):
    columns = {step: 4000 * EPOCHS, **{f"{i} - val_loss": row for i, row in enumerate(losses, start=1)}}
    curves = read(write(columns))
    np.testing.assert_array_equal(curves.values, losses)
    assert "trainings told apart by run" in curves.understood


def test_runs_by_number_in_a_header_of_two_lines_stay_runs(tmp_path, losses):
    columns = pd.MultiIndex.from_product([range(8), ["val_loss", "loss"]], names=["run", "metric"])
    for index in (EPOCHS, pd.Index(EPOCHS, name="time")):
        pd.DataFrame(np.repeat(losses.T, 2, axis=1), index, columns).to_csv(tmp_path / "table.csv")
        np.testing.assert_array_equal(read(tmp_path / "table.csv").values, losses)


@pytest.mark.parametrize("name", ["fold {}", "{}_val_acc"])
@pytest.mark.parametrize("sums", [["mean"], ["avg", "std"], ["median", "max"]])
def test_a_column_that_sums_up_those_of_trainings_is_left_out(write, accuracies, name, sums):
    trainings = {name.format(f"run{i}" if "val" in name else i): row for i, row in enumerate(accuracies)}
    called = [name.format(word) if "val" in name else word for word in sums]
    curves = read(write({"epoch": EPOCHS, **trainings, **dict.fromkeys(called, accuracies.mean(0))}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"left out: {', '.join(called)} (by name, of all trainings)" in curves.understood


@pytest.mark.parametrize("name", ["run{}/val_acc", "run{}_acc"])
@pytest.mark.parametrize("called", ["mean", "stderr"])
def test_a_mean_of_no_metric_sums_up_the_columns_of_trainings_with_one(write, accuracies, name, called):
    trainings = {name.format(i): row for i, row in enumerate(accuracies)}
    curves = read(write({"epoch": EPOCHS, **trainings, called: accuracies.mean(0)}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"left out: {called} (by name, of all trainings)" in curves.understood


def test_the_mean_of_another_metric_sums_up_no_columns_beside_it(write, losses):
    curves = read(write({"epoch": EPOCHS, "lr1": EPOCHS / 10, "lr2": EPOCHS / 100, "avg_loss": losses[0]}))
    np.testing.assert_array_equal(curves.values, losses[:1])


def test_a_mean_in_an_export_is_left_out_beside_runs_that_are_numbered(write, losses):
    sums = {"Step": EPOCHS, "mean - val_loss": losses[:3].mean(0)}
    curves = read(write(sums | {f"run{i} - val_loss": losses[i] for i in range(3)}))
    np.testing.assert_array_equal(curves.values, losses[:3])
    assert "left out: mean - val_loss (by name, of all trainings)" in curves.understood
    with pytest.raises(CurvesError, match="mean in run is no training"):
        read(write(sums | {f"tree-{i} - val_loss": losses[i] for i in range(3)}))


@pytest.mark.parametrize("name", ["final", "best"])
def test_a_run_of_an_export_that_is_called_final_is_a_training(tmp_path, losses, name):
    runs = {f"trial-{i} - val_loss": losses[i] for i in range(3)}
    table = {"Step": EPOCHS, **runs, f"{name} - val_loss": losses[5]}
    pd.DataFrame(table).to_csv(tmp_path / "export.csv", index=False)
    assert len(LearningCurves.read(tmp_path / "export.csv")) == 4
