"""Which group of columns is the curve, and what its metric is."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


def test_of_interleaved_groups_the_accuracy_is_the_curve_and_no_other_is_a_parameter(
    wide, accuracies, losses
):
    known = {"ModelId": np.arange(8), "IsTest": [0, 1] * 4, "NumLayers": np.arange(3, 11)}
    groups = {"e#LossMean": losses, "e#LossMedian": losses, "e#Accuracy": accuracies}
    path = wide({**known, "MaxAccuracy": accuracies.max(1), **groups})
    curves = read(path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert (curves.metric, curves.direction) == ("accuracy", "maximize")
    assert [*curves.architecture, *curves.hyperparameters] == ["NumLayers"]
    for column in ("ModelId", "IsTest", "MaxAccuracy", "e#LossMean"):
        assert column in curves.understood.split("left out:")[1]


def test_validation_comes_before_training_and_accuracy_before_loss(wide, accuracies, losses):
    groups = {
        "train_loss_#": losses / 2,
        "train_acc_#": accuracies / 2,
        "val_loss_#": losses,
        "val_acc_#": accuracies,
    }
    curves = read(wide({"timestamp": np.arange(1700, 1708), **groups}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert not curves.hyperparameters
    np.testing.assert_array_equal(read(wide(groups), curve="train_loss").values, losses / 2)
    assert read(wide({"train_acc_#": accuracies, "val_loss_#": losses})).metric == "loss"


def test_where_training_is_labelled_what_has_no_label_is_validation(wide, accuracies, losses):
    curves = read(wide({"train_loss_#": losses, "valid_loss_#": losses, "accuracy_#": accuracies}))
    assert curves.metric == "accuracy"
    assert read(wide({"accuracy_#": accuracies, "loss_#": losses, "val_loss_#": losses})).metric == "loss"


@pytest.mark.parametrize("training", ["train_eval_acc", "eval_train_acc"])
@pytest.mark.parametrize("better", ["test_acc", "val_acc", "val_loss", "eval_test_acc"])
def test_what_was_evaluated_on_training_data_does_not_come_first(wide, accuracies, losses, training, better):
    of = losses if better == "val_loss" else accuracies
    groups = {f"{training}_#": accuracies / 2, "loss_#": losses / 2, f"{better}_#": of}
    np.testing.assert_array_equal(read(wide(groups)).values, of)


def test_training_data_are_not_taken_where_an_unknown_group_is_of_validation_data(wide, accuracies, losses):
    for name in ("val_jaccard", "val_hit_rate"):
        path = wide({"train_loss_#": losses, f"{name}_#": accuracies})
        with pytest.raises(CurvesError, match=rf"train_loss was measured on training data; {name}, "):
            read(path)
        curves = read(path, curve=name, direction="maximize")
        np.testing.assert_array_equal(curves.values, accuracies)
        assert read(path, curve="train_loss").direction == "minimize"


def test_equally_good_groups_are_refused_by_name(wide, accuracies):
    path = wide({"val_f1_#": accuracies, "val_auc_#": accuracies})
    with pytest.raises(CurvesError, match=r"val_f1 \(6\), val_auc \(6\) are equally good.*--curve val_f1"):
        read(path)
    assert read(path, curve="val_auc").metric == "auc"
    with pytest.raises(CurvesError, match=r"no curve 'val_x'; there are val_f1"):
        read(path, curve="val_x")


def test_an_error_rate_is_minimized(wide, accuracies):
    curves = read(wide({"val_error_rate_#": 1 - accuracies}))
    assert (curves.metric, curves.direction) == ("error", "minimize")


@pytest.mark.parametrize("name", ["curve_#", "ep_#", "foo_#"])
def test_a_direction_that_nothing_tells_is_asked_for(wide, accuracies, name):
    path = wide({name: np.round(1 - accuracies, 6) * (50 if name == "ep_#" else 1)})
    with pytest.raises(
        CurvesError, match=r"does not say whether more is better \(.* 0% of the curves end higher"
    ):
        read(path)
    assert read(path, direction="minimize").direction == "minimize"
    assert read(path, metric="val_err").metric == "error"


@pytest.mark.parametrize("curve", ["loss_#", "val_loss_mean_#", "epoch_#_loss"])
@pytest.mark.parametrize("spread", ["err", "stderr", "sd", "stdv", "stddev", "ci", "upper"])
def test_error_bars_are_not_the_curve(wide, losses, rates, curve, spread):
    bars = curve.replace("_mean", "").replace("loss", f"loss_{spread}")
    curves = read(wide({"lr": rates, curve: losses, bars: losses / 10}))
    np.testing.assert_array_equal(curves.values, losses)
    assert list(curves.hyperparameters) == ["lr"]
    only = read(wide({"lr": rates, "top1_err_#": losses}))
    assert (only.metric, only.T) == ("error", 6)


@pytest.mark.parametrize("name", ["ep_#", "acc_#", "val_acc (%) #"])
def test_percent_is_an_accuracy(wide, accuracies, name):
    curves = read(wide({name: 100 * accuracies}))
    assert (curves.metric, curves.direction) == ("accuracy", "maximize")
    np.testing.assert_allclose(curves.values, 100 * accuracies)
    assert "in percent" in curves.understood


@pytest.mark.parametrize("word", ["best", "max", "maximum"])
def test_extremes_beside_the_curve_are_not_the_curve(wide, accuracies, word):
    extremes = np.maximum.accumulate(accuracies, axis=1) + 0.01
    curves = read(wide({f"{word}_val_acc_#": extremes, "val_acc_#": accuracies}))
    np.testing.assert_array_equal(curves.values, accuracies)


def test_a_metric_without_a_finite_value_is_refused_by_name(tmp_path, long, losses):
    """Networks that diverge in the first epoch: a loss of inf, and NaN from then on."""
    diverged = np.where(long["epoch"] == 1, np.inf, np.nan)
    table = long.rename(columns={"val_loss": "train_loss"}).drop(columns="val_acc")
    path = tmp_path / "long.csv"
    table.assign(val_loss=diverged).to_csv(path, index=False, na_rep="nan")
    with pytest.raises(CurvesError, match=r"val_loss has no finite value; say which column .* --curve"):
        read(path)
    np.testing.assert_array_equal(read(path, curve="train_loss").values, losses)


@pytest.mark.parametrize("layout", ["wide", "long"])
@pytest.mark.parametrize(
    ("bare", "test", "said"),
    [
        ("acc", "test_acc", "acc may be of the training data (if not: --curve acc)"),
        ("loss", "test_acc", "loss may be of the training data (if not: --curve loss)"),
        ("learn_acc", "test_acc", ""),
        ("best_acc", "test_acc", ""),
    ],
)
def test_beside_test_data_alone_a_metric_without_a_label_may_be_of_training_data(
    wide, long, accuracies, losses, tmp_path, layout, bare, test, said
):
    beside = losses if bare == "loss" else accuracies + 0.05
    if layout == "wide":
        path = wide({f"{bare}_#": beside, f"{test}_#": accuracies})
    else:
        path = tmp_path / "long.csv"
        long[["run", "epoch"]].assign(**{bare: beside.ravel(), test: accuracies.ravel()}).to_csv(path)
    curves = read(path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert said in curves.understood
    assert bool(said) == ("training data" in curves.understood)
    np.testing.assert_array_equal(read(path, curve=bare).values, beside)
    assert "training data" not in read(path, curve=bare).understood


def test_what_has_no_label_is_read_where_test_data_are_results_or_rare(tmp_path, long, losses):
    table = long.rename(columns={"val_loss": "loss", "val_acc": "test_acc"})
    tests = table["test_acc"]
    last = table.groupby("run")["test_acc"].transform("last")
    for known in (last, last.where(table["epoch"] == 6), tests.where(table["epoch"].isin((3, 6)))):
        table.assign(test_acc=known).to_csv(tmp_path / "long.csv", index=False)
        curves = read(tmp_path / "long.csv")
        np.testing.assert_array_equal(curves.values, losses)
    assert "loss may be of the training data (if so: --curve test_acc)" in curves.understood


@pytest.mark.parametrize("layout", ["wide", "long"])
@pytest.mark.parametrize(
    ("bare", "metric", "curve"),
    [
        ("loss", "acc", "test_acc"),
        ("reg_loss", "acc", "test_acc"),
        ("kl_loss", "loss", "test_loss"),
        ("accuracy", "loss", "accuracy"),
    ],
)
def test_beside_training_and_test_data_what_has_no_label_may_be_of_either(
    wide, accuracies, losses, tmp_path, layout, bare, metric, curve
):
    known = losses if metric == "loss" else accuracies
    beside = accuracies if bare == "accuracy" else losses / 2
    groups = {bare: beside, f"train_{metric}": known * 1.1, f"test_{metric}": known}
    path = wide({f"{name}_#": values for name, values in groups.items()})
    if layout == "long":
        columns = {name: values.ravel() for name, values in groups.items()}
        pd.DataFrame({"run": np.repeat(range(8), 6), "epoch": [*range(1, 7)] * 8, **columns}).to_csv(path)
    curves = read(path)
    np.testing.assert_array_equal(curves.values, groups[curve])
    assert f"{bare} may be of the training data (if " in curves.understood


def test_what_has_no_label_is_not_of_training_data_if_the_same_is_labelled_so(wide, long, losses, accuracies):
    path = wide({"loss_#": losses, "train_loss_#": losses / 2, "test_acc_#": accuracies})
    np.testing.assert_array_equal(read(path).values, losses)
    result = long.groupby("run")["val_acc"].transform("last")
    table = long.rename(columns={"val_loss": "loss"}).drop(columns="val_acc")
    table.assign(train_acc=long["val_acc"], test_acc=result).to_csv(path, index=False)
    np.testing.assert_array_equal(read(path).values, losses)


@pytest.mark.parametrize("layout", ["wide", "long"])
def test_error_bars_of_an_unknown_metric_are_not_the_curve(wide, accuracies, tmp_path, layout):
    groups = {"success_rate": accuracies, "success_rate_err": accuracies / 10}
    path = wide({f"{name}_#": values for name, values in groups.items()})
    if layout == "long":
        columns = {name: values.ravel() for name, values in groups.items()}
        pd.DataFrame({"run": np.repeat(range(8), 6), "epoch": [*range(1, 7)] * 8, **columns}).to_csv(path)
    with pytest.raises(CurvesError, match=r"success_rate.*--(direction maximize|curve success_rate\))"):
        read(path)
    curves = read(path, curve="success_rate", direction="maximize")
    np.testing.assert_array_equal(curves.values, accuracies)


def test_the_error_of_a_parameter_is_a_curve(tmp_path, long, losses):
    table = long[["run", "epoch"]].assign(depth=long["run"].str[1:], depth_err=long["val_loss"])
    table.to_csv(tmp_path / "long.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "long.csv").values, losses)


def test_error_bars_of_an_error_are_not_the_curve_even_if_it_lacks_a_value(tmp_path, long, losses):
    table = long[["run", "epoch"]].assign(val_err=long["val_loss"], val_err_ci=0.1 * long["val_loss"])
    table.loc[5, "val_err"] = np.nan
    table.to_csv(tmp_path / "long.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "long.csv").values[1:], losses[1:])
