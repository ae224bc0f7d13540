import re
import shlex

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves import columns

read = LearningCurves.read


@pytest.mark.parametrize(
    ("header", "name", "epochs"),
    [
        (["net", "lr", "acc_1", "acc_2"], "acc", [1, 2]),
        (["num_params", "lr", "acc_0", "acc_1"], "acc", [0, 1]),
        (["ep_0", "ep_1", "ep_2", "base_lr"], "ep", [0, 1, 2]),
        (["val_acc_2", "val_acc_1", "units_1", "units_2", "units_3"], "val_acc", [1, 2]),
        (["epoch_1", "epoch_2", "l2", "beta1"], "epoch", [1, 2]),
        (["acc1", "acc2"], "acc", [1, 2]),
        (["depth", "1", "2", "3"], "#", [1, 2, 3]),
        (["epoch 1", "epoch 2"], "epoch", [1, 2]),
        (["e1Accuracy", "e2Accuracy", "NumLayers"], "e#Accuracy", [1, 2]),
        (["val_acc_001", "val_acc_002"], "val_acc", [1, 2]),
        (["fold1_acc_1", "fold1_acc_2", "fold1_acc_3"], "fold1_acc", [1, 2, 3]),
        (["val_acc_epoch_1", "val_acc_epoch_2"], "val_acc_epoch", [1, 2]),
        (["learning_curve_1", "learning_curve_2", "batch_size"], "learning_curve", [1, 2]),
    ],
)
def test_the_columns_of_a_curve_are_found_in_any_header(header, name, epochs):
    (group,) = columns.curves_among(columns.groups_of(header), None)
    assert (group.name, list(group.columns)) == (name, epochs)


@pytest.mark.parametrize(
    "header", [["num_params", "lr"], ["beta1", "beta2"], ["units_1", "units_2"], ["hp_1", "hp_2"]]
)
def test_numbered_parameters_are_no_curves(header):
    assert not columns.curves_among(columns.groups_of(header), None)


@pytest.mark.parametrize(
    ("numbers", "stride"),
    [
        ([1, 2, 3], 1),
        ([0, 1, 2], 1),
        ([10, 20, 30], 10),
        ([0, 5, 10], 5),
        ([1, 3], None),
        ([1, 2, 4], None),
        ([3, 4], None),
    ],
)
def test_epochs_come_at_equal_distances(numbers, stride):
    (group,) = columns.groups_of([f"acc_{number}" for number in numbers])
    assert group.stride == stride


@pytest.mark.parametrize(
    "column",
    [
        "num_params",
        "depth",
        "num_blocks",
        "num_filters",
        "filter_size",
        "n_layer",
        "n_inputs",
        "ap_x",
        "kernelSize",
    ],
)
def test_columns_about_the_network_are_architecture(column):
    assert columns.kind_of(column) == "architecture"


@pytest.mark.parametrize(
    "column",
    [
        "lr",
        "base_lr",
        "ss",
        "weight_decay",
        "batch_size",
        "step_size",
        "momentum",
        "hp_depth",
        "something",
        "dropout",
    ],
)
def test_columns_about_training_and_unknown_ones_are_hyperparameters(column):
    assert columns.kind_of(column) == "hyperparameters"


BY_PART = ["class_#_acc", "acc_class#", "recall@#", "recall_at_#", "top#_acc", "layer#_loss", "client_#_acc"]
BY_OTHERS = [
    "acc_user#",
    "worker_#_acc",
    "rank-# acc",
    "f1_dataset#",
    "acc_site#",
    "exit#_acc",
    "acc_group_#",
]


@pytest.mark.parametrize("name", [*BY_PART, *BY_OTHERS, "acc_severity_#", "f1_thr#"])
def test_results_by_class_or_rank_are_no_epochs(wide, accuracies, losses, rates, name):
    """Though these are more and of a better metric than the curve."""
    by_class = np.random.default_rng(0).random((8, 10))
    curves = read(wide({"lr": rates, name: by_class, "val_loss_#": losses}))
    np.testing.assert_array_equal(curves.values, losses)
    assert list(curves.hyperparameters) == ["lr"]
    with pytest.raises(CurvesError, match=r"no learning curves: expected columns such as acc_1"):
        read(wide({"depth": rates, name: by_class}))


def test_percentiles_are_no_epochs_and_other_numbers_after_the_letter_are(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("depth,acc_q25,acc_q50,acc_q75\n2,0.1,0.2,0.3\n3,0.2,0.3,0.4\n")
    with pytest.raises(CurvesError, match="no learning curves"):
        read(path)
    path.write_text("depth,acc_q1,acc_q2,acc_q3\n2,0.1,0.2,0.3\n3,0.2,0.3,0.4\n")
    assert read(path).T == 3


AS_ONE = ["acc_stage#", "stage#_acc", "valAccPhase#", "loss_block#", "acc_#px", "val loss day#"]


@pytest.mark.parametrize("name", ["acc_s#", "val_r#_f1", "k# accuracy", *AS_ONE])
def test_whether_the_number_after_a_letter_is_that_of_an_epoch_is_asked(wide, accuracies, rates, name):
    path = wide({"lr": rates, name: accuracies})
    called = name.removesuffix("#").rstrip("_")
    argument = re.escape(shlex.quote(called))
    with pytest.raises(CurvesError, match=rf"may be epochs, or something else, .*--curve {argument};"):
        read(path)
    with pytest.raises(CurvesError, match="may be epochs, or something else"):
        read(wide({name: accuracies}))
    with pytest.raises(CurvesError, match="may be epochs, or something else"):
        read(wide({name: accuracies}), curve=name.replace("#", "2"))
    np.testing.assert_array_equal(read(wide({name: accuracies}), curve=called).values, accuracies)
    beside = read(wide({"lr": rates, name: accuracies, "val_loss_#": 1 - accuracies}))
    assert beside.metric == "loss"


@pytest.mark.parametrize(
    "name", ["acc_cv#", "cv#_acc", "acc_kfold_#", "acc_bootstrap#", "member_#_acc", "acc_restart#"]
)
def test_folds_and_repetitions_of_trainings_are_no_epochs(wide, accuracies, rates, name):
    with pytest.raises(CurvesError, match=r"are numbered by training, not by epoch"):
        read(wide({"depth": rates, name: accuracies}))
    long = wide({"epoch": np.arange(1, 9), name: accuracies})
    np.testing.assert_array_equal(read(long).values, accuracies.T)


EPOCHS = [
    "acc_epoch#",
    "AccEpoche#",
    "acc_after_#",
    "acc_t#",
    "e#_val_acc",
    "acc_iter #",
    "acc_round#",
    "acc_#ep",
]
VALUES = ["acc_#", "valAcc#", "#_acc", "error_rate_#", "f1_macro_#", "acc_mean_#", "acc_#k", "acc (#)"]


@pytest.mark.parametrize("name", [*EPOCHS, *VALUES])
def test_numbers_beside_words_of_epochs_and_values_are_epochs_without_a_remark(wide, accuracies, rates, name):
    values = 1 - accuracies if "error" in name else accuracies
    curves = read(wide({"lr": rates, name: values}))
    np.testing.assert_array_equal(curves.values, values)
    assert "taken for epochs" not in curves.understood


@pytest.mark.parametrize(
    ("name", "word"), [("acc_stage_#", "stage"), ("acc_#_stage", "stage"), ("acc_s_#", "s")]
)
def test_it_is_told_that_numbers_beside_any_other_word_are_taken_for_epochs(
    wide, accuracies, rates, name, word
):
    path = wide({"lr": rates, name: accuracies})
    curves = read(path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"; the numbers beside {word} taken for epochs (" in curves.understood
    called = name.removesuffix("_#")
    assert "taken for epochs" not in read(path, curve=called).understood


def test_whoever_says_that_numbers_are_epochs_is_believed_beside_a_column_of_best_epochs(wide, accuracies):
    path = wide({"acc_stage#": accuracies, "epoch": [3, 5, 2, 6, 6, 4, 1, 2]})
    with pytest.raises(CurvesError, match="equally good"):
        read(path)
    np.testing.assert_array_equal(read(path, curve="acc_stage").values, accuracies)


@pytest.mark.parametrize("unit", [1_000_000, 1_000_000_000, 16_384_000])
def test_steps_may_be_many(wide, accuracies, unit):
    columns = {f"return_{unit * (t + 1)}": accuracies[:, t % 6] + t for t in range(12)}
    curves = read(wide(columns))
    assert curves.T == 12
    np.testing.assert_array_equal(curves.values[:, 11], accuracies[:, 5] + 11)


@pytest.mark.parametrize("date", ["202401{:02}", "202401{:02}1200"])
def test_dates_are_no_epochs(wide, accuracies, date):
    columns = {f"acc_{date.format(t + 1)}": accuracies[:, t] for t in range(6)}
    with pytest.raises(CurvesError, match="are equally good as the learning curve"):
        read(wide(columns))
    np.testing.assert_array_equal(read(wide({**columns, "val_acc_#": accuracies})).values, accuracies)


def test_epochs_with_decimals_among_others_are_refused(wide, accuracies, rates):
    """Half of each curve would be left out as results; those of two overlaps are results."""
    halves = {f"val_acc_{(t + 1) / 2:g}": accuracies[:, t] for t in range(6)}
    said = r"val_acc_0\.5, val_acc_1\.5, val_acc_2\.5 may be epochs between val_acc_1 to val_acc_3"
    with pytest.raises(CurvesError, match=said):
        read(wide({"lr": rates, **halves}))
    overlaps = {"mAP_0.5": accuracies[:, 5], "mAP_0.75": accuracies[:, 4]}
    np.testing.assert_array_equal(read(wide({"mAP_#": accuracies, **overlaps})).values, accuracies)


@pytest.mark.parametrize("name", ["val_acc_s#", "val_accuracy_percent#"])
def test_columns_that_may_be_a_better_curve_are_told(wide, accuracies, name):
    path = wide({name: accuracies, "train_acc_#": 0.9 * accuracies})
    called = name.removesuffix("#")
    said = f"{called}1 to {called}6 may be epochs, too (if so: --curve {called})"
    assert said in read(path).understood
    asked = read(path, curve=called)
    np.testing.assert_array_equal(asked.values, accuracies)
    assert "may be epochs, too" not in asked.understood
    worse = wide({name: accuracies, "val_acc_#": 0.9 * accuracies, "lr": accuracies[:, 0]})
    assert "may be epochs, too" not in read(worse).understood


@pytest.mark.parametrize("name", ["val_f1.#", "val_r2.#", "Top1.#"])
def test_the_number_of_a_metric_before_a_point_begins_no_decimal(wide, accuracies, losses, name):
    curves = read(wide({name: accuracies, "loss.#": losses}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"in {name.replace('#', '1')} to" in curves.understood
