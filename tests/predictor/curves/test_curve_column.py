"""Which column of a table with a row per epoch is the curve, and what keeps others from being it."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


@pytest.fixture
def write(tmp_path):
    def to_csv(table):
        table.to_csv(tmp_path / "long.csv", index=False)
        return tmp_path / "long.csv"

    return to_csv


@pytest.fixture
def training(long):
    """The table with losses of training data, and no accuracies."""
    return long.rename(columns={"val_loss": "train_loss"}).drop(columns="val_acc")


@pytest.mark.parametrize("cell", ["tensor({})", "[{}]", "{} ± 0.01", "1,0{}", "~{}", "{}*", "{} (0.5)"])
@pytest.mark.parametrize("every", [1, 3])
def test_validation_data_that_hold_text_are_refused_and_no_others_taken(write, long, training, cell, every):
    texts = [cell.format(v) if i % every == 0 else "--" for i, v in enumerate(long["val_acc"])]
    for curve in (None, "val_acc"):
        with pytest.raises(CurvesError, match=r"row 1, column 'val_acc': '.+' is not a number"):
            read(write(training.assign(val_acc=texts)), curve=curve)
    with pytest.raises(CurvesError, match="train_loss was measured on training data; val_jaccard, measured"):
        read(write(training.assign(val_jaccard=texts)))


def test_a_column_of_text_is_refused_only_if_it_would_be_preferred_to_the_curve(write, long, accuracies):
    texts = long["val_loss"].map("tensor({})".format)
    np.testing.assert_array_equal(read(write(long.assign(val_loss=texts))).values, accuracies)


@pytest.mark.parametrize(
    "cell", ["[0.1, {}]", "{{'cat': {}}}", "0:00:{}", "2024-01-{}", "image {}.png", "--"]
)
@pytest.mark.parametrize("name", ["val_acc_by_class", "val_examples"])
def test_text_that_holds_no_value_does_not_hinder_training_data(write, training, losses, name, cell):
    table = training.assign(**{name: [cell.format(place) for place in range(len(training))]})
    np.testing.assert_array_equal(read(write(table)).values, losses)


def test_a_result_after_other_text_does_not_hinder_the_curve(write, long, losses):
    last = long["val_acc"].astype(str).where(long["epoch"] == 6, "--")
    table = long.rename(columns={"val_loss": "loss"}).drop(columns="val_acc").assign(accuracy=last)
    np.testing.assert_array_equal(read(write(table)).values, losses)


def test_a_metric_with_one_value_is_named_with_it(write, long):
    one = long[["epoch", "val_acc"]][:1].assign(val_acc=0.3)
    with pytest.raises(
        CurvesError, match=r"val_acc is 0\.3 in 1 row, and nothing else; a curve has a row for"
    ):
        read(write(one))
    with pytest.raises(CurvesError, match=r"val_acc is 0\.3 in 48 rows"):
        read(write(long.drop(columns="val_loss").assign(val_acc=0.3)))
    with pytest.raises(CurvesError, match=r"row 1, column 'val_acc': '~0\.3' is not a number"):
        read(write(one.assign(val_acc="~0.3")))


@pytest.mark.parametrize("name", ["val_accuracy", "val_auc", "last_val_acc"])
def test_a_result_repeated_in_each_row_of_a_training_is_not_the_curve(write, long, losses, name):
    last = long.groupby("run")["val_acc"].transform("last")
    curves = read(write(long.drop(columns="val_acc").assign(**{name: last})))
    np.testing.assert_array_equal(curves.values, losses)
    assert f"; left out: {name} (one value for each training); " in curves.understood


def test_a_result_is_not_the_curve_beside_values_of_no_name(write, long, losses):
    last = long.groupby("run")["val_acc"].transform("last")
    path = write(long[["run", "epoch"]].assign(end_acc=last, value=long["val_loss"]))
    with pytest.raises(CurvesError, match="'value' does not say whether more is better"):
        read(path)
    np.testing.assert_array_equal(read(path, direction="minimize").values, losses)


def test_curves_that_stay_at_the_level_of_chance_are_kept(write, long):
    failed = long.assign(val_acc=long["run"].isin(("r0", "r1")).map({True: 0.1, False: 0.25}))
    curves = read(write(failed))
    assert curves.metric == "accuracy"
    assert "worse" not in curves.understood


def test_a_result_beside_others_and_no_curve_is_kept(write, long):
    last = long.groupby("run")[["val_acc", "val_loss"]].transform("last")
    assert read(write(long.assign(val_acc=last["val_acc"], val_loss=last["val_loss"]))).metric == "accuracy"


@pytest.mark.parametrize("run", ["run_{}", "lr=0.{}"])
@pytest.mark.parametrize("name", ["mean_val_acc", "val_acc", "mean_acc"])
def test_the_mean_is_not_read_in_place_of_trainings_without_a_metric(write, accuracies, name, run):
    trainings = {"epoch": range(1, 7), **{run.format(i): row for i, row in enumerate(accuracies)}}
    path = write(pd.DataFrame({**trainings, name: accuracies.mean(axis=0)}))
    with pytest.raises(CurvesError, match=f"seem to be trainings, and {name} none of them; leave it out"):
        read(path)
    np.testing.assert_array_equal(read(path, curve=name).values, accuracies.mean(axis=0)[None])


@pytest.mark.parametrize("part", ["k={}", "threshold=0.{}"])
def test_parts_of_a_metric_beside_it_are_no_trainings(write, accuracies, part):
    parts = {part.format(i): accuracies[i] for i in (1, 5)}
    curves = read(write(pd.DataFrame({"epoch": range(1, 7), "val_f1": accuracies[0], **parts})))
    np.testing.assert_array_equal(curves.values, accuracies[:1])


def test_seeds_that_never_change_are_no_trainings(write, accuracies):
    log = pd.DataFrame({"epoch": range(1, 7), "seed_1": 3, "seed_2": 5, "val_acc": accuracies[0]})
    np.testing.assert_array_equal(read(write(log)).values, accuracies[:1])


@pytest.mark.parametrize("name", ["val_loss/r{}", "val_err f{}"])
def test_one_of_numbered_columns_is_not_taken_for_another_metric(write, losses, name):
    """`r2` is a metric, and so is `f1`."""
    columns = {name.format(i): row for i, row in enumerate(losses, start=1)}
    with pytest.raises(CurvesError, match="may be a metric, or one of"):
        read(write(pd.DataFrame({"epoch": range(1, 7), **columns})))


@pytest.mark.parametrize("name", ["val_prec@{}", "val_error{}", "val_err{}"])
def test_the_first_guess_comes_before_the_first_five_and_the_loss(write, long, accuracies, name):
    values = long["val_acc"] if "prec" in name else 1 - long["val_acc"]
    table = long.drop(columns="val_acc").assign(**{name.format(k): values / k for k in (5, 1)})
    expected = accuracies if "prec" in name else 1 - accuracies
    np.testing.assert_allclose(read(write(table)).values, expected)


def test_numbered_errors_are_not_those_of_the_first_guess(write, long, losses):
    numbered = {f"err{k}": 1 - long["val_acc"] for k in (1, 2)}
    np.testing.assert_array_equal(read(write(long.drop(columns="val_acc").assign(**numbered))).values, losses)
    with pytest.raises(CurvesError, match=r"err1 may be a metric, or one of err1, err2; say which: --curve"):
        read(write(long[["run", "epoch"]].assign(**numbered)))


@pytest.mark.parametrize("missing", [[5], range(0, 48, 2)])
def test_a_smoothed_copy_is_not_the_curve_even_if_it_has_more_values(write, long, missing):
    table = long.assign(val_acc_smoothed=long["val_acc"] / 2)
    table.loc[missing, "val_acc"] = np.nan
    assert " in val_acc at epoch " in read(write(table)).understood
    with pytest.raises(CurvesError, match=r"val_acc_ema \(48\), val_acc .* are equally good as the learning"):
        read(write(table.rename(columns={"val_acc_smoothed": "val_acc_ema"})))


def test_of_two_metrics_the_one_with_a_few_values_more_is_not_preferred(write, long, accuracies):
    table = long.rename(columns={"val_acc": "val_f1"}).assign(val_auc=long["val_acc"])
    table.loc[5, "val_f1"] = np.nan
    with pytest.raises(CurvesError, match=r"val_auc \(48\), val_f1 \(47\) are equally good as the learning"):
        read(write(table))
    table.loc[:5, "val_f1"] = np.nan
    np.testing.assert_array_equal(read(write(table)).values, accuracies)


def test_a_test_metric_that_cannot_be_read_is_not_advised(write, wide, long, losses, accuracies):
    table = long.rename(columns={"val_loss": "loss", "val_acc": "test_acc"})
    once = write(table.assign(test_acc=table["test_acc"].where(table["epoch"] == 6)))
    twice = wide({"loss_#": losses, "test_acc_3": accuracies[:, 2], "test_acc_6": accuracies[:, 5]})
    for path in (once, twice):
        curves = read(path)
        np.testing.assert_array_equal(curves.values, losses)
        assert "--curve" not in curves.understood
        with pytest.raises(CurvesError):
            read(path, curve="test_acc")
