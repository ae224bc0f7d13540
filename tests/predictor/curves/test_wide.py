"""Tables with a row per training, as other people have them."""

import json
import os
from pathlib import Path

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


def test_training_data_are_not_taken_where_an_unknown_group_is_of_validation_data(wide, accuracies, losses):
    for name in ("val_jaccard", "val_hit_rate"):
        path = wide({"train_loss_#": losses, f"{name}_#": accuracies})
        with pytest.raises(CurvesError, match=rf"train_loss was measured on training data; {name}, "):
            read(path)
        curves = read(path, curve=name, direction="maximize")
        np.testing.assert_array_equal(curves.values, accuracies)
        assert read(path, curve="train_loss").direction == "minimize"


def test_a_curve_with_a_word_of_parameters_in_its_name_is_read_once_it_is_named(wide, accuracies):
    path = wide({"lr": np.geomspace(1e-4, 0.1, 8), "success_rate_#": accuracies})
    with pytest.raises(
        CurvesError, match=r"if success_rate_1 to success_rate_6 are a curve: --curve success_r"
    ):
        read(path)
    curves = read(path, curve="success_rate", direction="maximize")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert [*curves.hyperparameters] == ["lr"]


def test_numbers_in_the_names_of_trainings_are_not_taken_for_those_of_epochs(tmp_path, accuracies):
    path = tmp_path / "networks.json"
    path.write_text(json.dumps({f"conv~{i}|skip~0": list(row) for i, row in enumerate(accuracies)}))
    with pytest.raises(CurvesError, match=r"no learning curves: .* such as epoch; found 8 columns"):
        read(path)


def test_trainings_by_numbered_names_are_not_read_the_wrong_way_round(tmp_path, accuracies):
    path = tmp_path / "networks.json"
    mixed = accuracies[[3, 0, 6, 1, 7, 2, 5, 4]].tolist()
    path.write_text(json.dumps({f"resnet{i}": row for i, row in enumerate(mixed, 1)}))
    for direction in (None, "maximize"):
        with pytest.raises(CurvesError, match="6 rows of 8 values seem to be 6 epochs of 8 trainings"):
            read(path, direction=direction)


def test_equally_good_groups_are_refused_by_name(wide, accuracies):
    path = wide({"val_f1_#": accuracies, "val_auc_#": accuracies})
    with pytest.raises(CurvesError, match=r"val_f1 \(6\), val_auc \(6\) are equally good.*--curve val_f1"):
        read(path)
    assert read(path, curve="val_auc").metric == "auc"
    with pytest.raises(CurvesError, match=r"no curve 'val_x'; there are val_f1"):
        read(path, curve="val_x")


def test_numbered_columns_of_another_length_are_parameters(wide, accuracies):
    choices = np.arange(40).reshape(8, 5)
    curves = read(
        wide({"op_#": np.hstack([choices, choices[:, :2]]), "lr_#": accuracies, "acc_#": accuracies})
    )
    assert list(curves.hyperparameters) == [f"op_{number}" for number in range(1, 8)]


@pytest.mark.parametrize(
    "header", ["acc_#", "val_acc_epoch_#", "step_acc_#", "learning_curve_#", "#", "epoch #", "Epoch#"]
)
def test_any_words_around_the_numbers(wide, accuracies, rates, header):
    curves = read(wide({"batch_size": rates, header: accuracies}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert (curves.metric, list(curves.hyperparameters)) == ("accuracy", ["batch_size"])


def test_an_error_rate_is_minimized(wide, accuracies):
    curves = read(wide({"val_error_rate_#": 1 - accuracies}))
    assert (curves.metric, curves.direction) == ("error", "minimize")


@pytest.mark.parametrize("name", ["val_error_rate_#", "val_loss_#", "val_mae_#"])
def test_what_gets_worse_is_read_with_a_remark(wide, accuracies, name):
    curves = read(wide({name: accuracies}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.direction == "minimize"
    assert "worse at the end than at the beginning in 100% of the curves" in curves.understood


@pytest.mark.parametrize("name", ["curve_#", "ep_#", "foo_#"])
def test_a_direction_that_nothing_tells_is_asked_for(wide, accuracies, name):
    path = wide({name: np.round(1 - accuracies, 6) * (50 if name == "ep_#" else 1)})
    with pytest.raises(
        CurvesError, match=r"does not say whether more is better \(.* 0% of the curves end higher"
    ):
        read(path)
    assert read(path, direction="minimize").direction == "minimize"
    assert read(path, metric="val_err").metric == "error"


def test_an_accuracy_above_100_stands_for_none_and_a_number_of_correct_answers_does_not(wide, accuracies):
    values = np.where(accuracies > 0.8, 999, accuracies)
    with pytest.raises(CurvesError, match=r"that of curve 7 at epoch 6 is 999; leave empty"):
        read(wide({"val_acc_#": values}))
    with pytest.raises(CurvesError, match="is 999"):
        read(wide({"val_acc_#": np.where(values == 999, 999, 100 * values)}))
    np.testing.assert_array_equal(read(wide({"correct_#": np.rint(1000 * accuracies)})).T, 6)


def test_ranks_of_trainings_are_no_parameters(wide, accuracies, rates):
    ranks = np.argsort(np.argsort(-np.random.default_rng(0).permutation(accuracies[:, -1]))) + 1
    curves = read(wide({"lr": rates, "rank": ranks, "num_layers": ranks, "acc_#": accuracies}))
    assert (list(curves.hyperparameters), list(curves.architecture)) == (["lr"], ["num_layers"])


def test_a_negative_accuracy_stands_for_none(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("acc_1,acc_2,acc_3\n0.2,0.3,0.4\n0.2,-1,-1\n")
    with pytest.raises(CurvesError, match=r"that of curve 1 at epoch 2 is -1; leave empty"):
        read(path)
    assert read(path, direction="maximize").values[1].tolist() == [0.2, -1, -1]


BY_PART = ["class_#_acc", "acc_class#", "recall@#", "recall_at_#", "top#_acc", "layer#_loss", "client_#_acc"]


@pytest.mark.parametrize("name", [*BY_PART, "acc_severity_#", "f1_thr#"])
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


@pytest.mark.parametrize("name", ["acc_s#", "val_r#_f1", "k# accuracy"])
def test_whether_the_number_after_a_letter_is_that_of_an_epoch_is_asked(wide, accuracies, rates, name):
    path = wide({"lr": rates, name: accuracies})
    called = name.removesuffix("#").rstrip("_")
    with pytest.raises(CurvesError, match=rf"may be epochs, or something else, .*--curve {called}"):
        read(path)
    with pytest.raises(CurvesError, match="may be epochs, or something else"):
        read(wide({name: accuracies}))
    with pytest.raises(CurvesError, match="may be epochs, or something else"):
        read(wide({name: accuracies}), curve=name.replace("#", "2"))
    np.testing.assert_array_equal(read(wide({name: accuracies}), curve=called).values, accuracies)
    beside = read(wide({"lr": rates, name: accuracies, "val_loss_#": 1 - accuracies}))
    assert beside.metric == "loss"


@pytest.mark.parametrize(("name", "longest"), [("Bleu_#", 4), ("rouge#", 2)])
def test_scores_of_n_grams_are_no_epochs(wide, accuracies, name, longest):
    rising, more = accuracies[:, :longest], accuracies[:, : longest + 1]
    with pytest.raises(CurvesError, match=r"fall in all rows, as scores of n-grams do; .*--curve"):
        read(wide({name: rising[:, ::-1]}))
    asked = read(wide({name: rising[:, ::-1]}), curve=name.rstrip("_#"))
    np.testing.assert_array_equal(asked.values, rising[:, ::-1])
    for values in (rising, more[:, ::-1]):
        np.testing.assert_array_equal(read(wide({name: values})).values, values)


def test_the_epoch_of_which_a_row_tells_is_no_parameter_and_the_number_of_epochs_is(wide, accuracies):
    later = np.array([5, 3, 4, 6, 2, 6, 1, 3])
    curves = read(wide({"epoch": later, "epochs": later, "acc_#": accuracies}))
    assert list(curves.hyperparameters) == ["epochs"]
    assert "left out: epoch (results)" in curves.understood


@pytest.mark.parametrize("curve", ["loss_#", "val_loss_mean_#", "epoch_#_loss"])
@pytest.mark.parametrize("spread", ["err", "stderr", "stdv", "ci", "upper"])
def test_error_bars_are_not_the_curve(wide, losses, rates, curve, spread):
    bars = curve.replace("_mean", "").replace("loss", f"loss_{spread}")
    curves = read(wide({"lr": rates, curve: losses, bars: losses / 10}))
    np.testing.assert_array_equal(curves.values, losses)
    assert list(curves.hyperparameters) == ["lr"]
    only = read(wide({"lr": rates, "top1_err_#": losses}))
    assert (only.metric, only.T) == ("error", 6)


def test_curves_that_repeat_their_last_value_or_have_another_unit_are_told(wide, accuracies):
    values = accuracies.copy()
    values[[2, 5], 3:] = values[[2, 5], 2:3]
    assert (
        "(maximized, 2 of them repeat their last value to the end)"
        in read(wide({"acc_#": values})).understood
    )
    values[0] = 0.1
    assert "2 of them repeat" in read(wide({"acc_#": values})).understood
    values[[2, 3, 5], 4:] = 0
    assert "f1 (maximized, 3 of them fall to 0 and end there)" in read(wide({"f1_#": values})).understood
    mixed = accuracies * np.where(np.arange(8) < 6, 100, 1)[:, None]
    said = "(maximized, in percent, 2 of them rise within 0 to 1, as shares do)"
    assert said in read(wide({"acc_#": mixed})).understood
    assert "(maximized, in percent)" in read(wide({"acc_#": 100 * accuracies})).understood


@pytest.mark.parametrize("name", ["#", "curve_#"])
def test_columns_of_trainings_are_not_taken_for_epochs(tmp_path, wide, accuracies, name):
    """As pandas and JSON write curves by the number of their training."""
    mixed = accuracies[[3, 0, 6, 1, 7, 2, 5, 4]]
    said = "6 rows of 8 values seem to be 6 epochs of 8 trainings: a row has to be a training"
    lists = {name.replace("#", str(i)): curve for i, curve in enumerate(mixed.tolist())}
    (tmp_path / "curves.json").write_text(json.dumps(lists))
    for path in (wide({name: mixed.T}, first=0), tmp_path / "curves.json"):
        for wishes in ({}, {"direction": "maximize"}):
            with pytest.raises(CurvesError, match=said):
                read(path, **wishes)
        assert read(path, metric="accuracy").T == 8
    np.testing.assert_array_equal(read(wide({name: mixed})).values, mixed)
    ended = np.sort(accuracies, axis=0)
    ended[:-1, 4:], ended[-1] = np.nan, np.linspace(0.8, 0.9, 6) + 0.1 * (np.arange(6) % 2)
    np.testing.assert_array_equal(read(wide({name: ended})).values, ended)


@pytest.mark.parametrize(
    ("name", "filler"), [("acc_#", 0), ("val_loss_#", 0), ("error_#", 0), ("val_loss_#", -1), ("auc_#", -1)]
)
def test_what_stands_for_epochs_that_were_not_trained_is_refused(wide, losses, name, filler):
    """As arrays of trainings that stopped early have it: a loss of 0 would be the best of all."""
    values = 1 / losses if name in ("acc_#", "auc_#") else losses.copy()
    values[3, 4:], values[5, 5:] = filler, filler
    path = wide({name: values})
    said = f"ends in {filler} in 2 of 8 curves, the first of them curve 3; leave empty what was not observed"
    with pytest.raises(CurvesError, match=said):
        read(path)
    assert read(path, metric="loss").T == 6


@pytest.mark.parametrize("name", ["val_loss_#", "rmse_#", "auc_#"])
@pytest.mark.parametrize("filler", [-999, -9999.0, 999, 99999, 1e10, -1e30])
def test_large_numbers_that_stand_for_what_was_not_trained_are_refused(
    wide, losses, accuracies, name, filler
):
    values = accuracies.copy() if name == "auc_#" else losses.copy()
    np.testing.assert_array_equal(read(wide({name: 99 * values})).values, 99 * values)
    values[3, 4:], values[5, 5:] = filler, filler
    if name == "auc_#" and filler > 0:
        return
    with pytest.raises(CurvesError, match=r"ends in \S+ in curve 3; leave empty what was not observed"):
        read(wide({name: values}))


def test_losses_that_explode_or_come_near_to_a_large_number_are_read(wide, losses):
    exploding, large = losses.copy(), losses.copy()
    exploding[3, 5], large[3] = 123456, [998, 1200, 800, 700, 900, 999]
    for values in (exploding, large):
        np.testing.assert_array_equal(read(wide({"loss_#": values})).values, values)


@pytest.mark.parametrize("name", ["acc_#", "val_f1_#", "mIoU_#"])
def test_shares_that_go_on_in_percent_are_refused_with_their_row(wide, accuracies, name):
    mixed = accuracies.copy()
    mixed[2, 3:] *= 100
    with pytest.raises(
        CurvesError, match=r"goes from 0\.\d+ to \d\d\.\d+ at epoch 4 of curve 2, as from shares"
    ):
        read(wide({name: mixed}))
    assert read(wide({name: mixed}), metric="reward").T == 6


def test_a_network_that_begins_to_learn_late_is_read_in_percent(wide, accuracies):
    late = np.column_stack([np.full(8, 0.5), 100 * accuracies])
    np.testing.assert_array_equal(read(wide({"acc_#": late})).values, late)
    late[:, 1] = [0.1, 0.2, 0.5, 0.9, 1, 1, 3, 4]
    np.testing.assert_array_equal(read(wide({"acc_#": late})).values, late)


def test_a_few_trainings_that_collapsed_to_an_accuracy_of_zero_are_told(wide, accuracies):
    many = np.concatenate([accuracies, 0.9 * accuracies])
    many[3, 4:] = 0
    curves = read(wide({"acc_#": many}))
    np.testing.assert_array_equal(curves.values, many)
    assert "1 of them fall to 0 and end there" in curves.understood
    with pytest.raises(CurvesError, match="ends in 0 in 1 of 16 curves"):
        read(wide({"val_loss_#": np.where(many == 0, 0, 1 / np.where(many == 0, 1, many))}))


@pytest.mark.parametrize("name", ["val_error_#", "val_loss_#"])
def test_what_comes_down_to_zero_is_read(wide, accuracies, name):
    values = accuracies.max() - accuracies
    assert (values[:, -1] == 0).any()
    np.testing.assert_allclose(read(wide({name: values})).values, values)


def test_a_score_of_an_unknown_metric_that_falls_is_refused(wide, losses):
    path = wide({"hd95_score_#": losses})
    with pytest.raises(
        CurvesError, match=r"'hd95_score' is read as score, which falls in 8 of 8 curves; say"
    ):
        read(path)
    np.testing.assert_array_equal(read(path, direction="minimize").values, losses)


def test_a_perplexity_that_rises_and_an_accuracy_that_falls_are_refused(wide, accuracies):
    with pytest.raises(CurvesError, match=r"'ppl' is read as perplexity, which rises in 8 of 8 curves"):
        read(wide({"ppl_#": 100 * accuracies}))
    with pytest.raises(CurvesError, match=r"'acc' is read as accuracy, which falls in 8 of 8 curves"):
        read(wide({"acc_#": 1 - accuracies}))
    assert read(wide({"acc_#": 1 - accuracies}), metric="error").direction == "minimize"


@pytest.mark.parametrize("name", ["ep_#", "acc_#", "val_acc (%) #"])
def test_percent_is_an_accuracy(wide, accuracies, name):
    curves = read(wide({name: 100 * accuracies}))
    assert (curves.metric, curves.direction) == ("accuracy", "maximize")
    np.testing.assert_allclose(curves.values, 100 * accuracies)
    assert "in percent" in curves.understood


def test_cells_with_a_percent_sign_are_numbers(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("lr,acc_1,acc_2\n0.1,10.5%,20%\n0.2,30%,41.25 %\n")
    assert read(path).values.tolist() == [[10.5, 20], [30, 41.25]]


def test_a_trained_epoch_zero_is_kept_and_one_before_training_is_not(wide, accuracies):
    kept = read(wide({"lr": np.arange(8), "acc_#": accuracies}, first=0))
    np.testing.assert_array_equal(kept.values, accuracies)
    assert "acc_0 kept as the first epoch" in kept.understood
    chance = 0.1 + np.linspace(-0.002, 0.002, 8)
    dropped = read(wide({"acc_#": np.column_stack([chance, accuracies])}, first=0))
    np.testing.assert_array_equal(dropped.values, accuracies)
    assert "acc_0 left out: before training" in dropped.understood


def test_what_nearly_equals_the_end_of_the_curve_is_no_parameter(wide, accuracies):
    noise = np.tile([0.002, -0.002], 4)
    answers = {"a": accuracies[:, -1] + noise, "b": 100 * accuracies.max(1), "c": 1 - accuracies[:, -1]}
    curves = read(wide({**answers, "lr": accuracies[:, -1] * 1e-3, "acc_#": accuracies}))
    assert list(curves.hyperparameters) == ["lr"]
    assert "a, b, c (nearly the curve's end or extreme)" in curves.understood


@pytest.mark.parametrize("name", ["Lauf", "model", "config", "k"])
def test_what_counts_the_trainings_is_no_parameter(wide, long, accuracies, tmp_path, name):
    curves = read(wide({name: np.arange(8), "depth": np.arange(1, 9), "acc_#": accuracies}))
    assert [*curves.architecture, *curves.hyperparameters] == ["depth"]
    assert f"left out: {name} (numbers, dates or splits of runs)" in curves.understood
    long.assign(run=long["run"].str[1:]).rename(columns={"run": name}).to_csv(
        tmp_path / "long.csv", index=False
    )
    assert list(read(tmp_path / "long.csv").hyperparameters) == ["lr"]
    asked = read(wide({name: np.arange(8), "acc_#": accuracies}), parameters=[name])
    assert list(asked.hyperparameters) == [name]


def test_text_never_refuses_a_file(wide, accuracies):
    mixed = ["64", "64-32"] * 4
    curves = read(wide({"optimizer": ["SGD"] * 8, "pretrained_weights": ["none", "V1"] * 4, "layers": mixed,
                        "lr": ["0.1", "NA"] * 4, "acc_#": accuracies}))  # fmt: skip
    np.testing.assert_array_equal(curves.hyperparameters["lr"], [0.1, np.nan] * 4)
    assert [*curves.architecture, *curves.hyperparameters] == ["lr"]
    assert (
        "optimizer, pretrained_weights (text), layers ('64-32' in row 2 is not a number)" in curves.understood
    )


def test_the_caller_says_which_columns_are_parameters(wide, accuracies):
    path = wide({"MaxAccuracy": accuracies.max(1), "lr": np.arange(8), "acc_#": accuracies})
    assert list(read(path, parameters=["MaxAccuracy"]).hyperparameters) == ["MaxAccuracy"]
    assert not read(path, parameters=[]).hyperparameters
    with pytest.raises(CurvesError, match="no column 'x' for a parameter; there are MaxAccuracy, lr"):
        read(path, parameters=["x"])


TASKSET = ["lr", "beta1", "beta2", "epsilon", "l1", "l2", "linear_decay", "exponential_decay"]
PUBLISHED = {
    "metaqnn_cifar10": ("acc", ["num_params", "depth", "lr"]),
    "deep_resnets_tinyimagenet": ("acc", ["num_blocks", "num_filters", "filter_size", "lr", "ss"]),
    "deep_resnets_cifar10": ("acc", ["num_params", "lr"]),
    "lstm_ptb": ("ep", ["n_layer", "n_inputs", "base_lr", "ss"]),
    "naap440": (
        "acc",
        ["num_params", "macs", "depth", "num_stages", "first_layer_width", "last_layer_width"],
    ),
    "taskset_gru64": ("loss", TASKSET),
    "taskset_lstm128": ("loss", TASKSET),
}


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_are_read_to_the_bit_as_they_are(name):
    if "METAQNN_DATA_DIR" not in os.environ:
        pytest.skip("METAQNN_DATA_DIR is not set")
    path = Path(os.environ["METAQNN_DATA_DIR"]) / "curves" / f"{name}.csv"
    prefix, parameters = PUBLISHED[name]
    table = pd.read_csv(path, dtype=str)
    T = sum(column.startswith(f"{prefix}_") and column != f"{prefix}_0" for column in table)
    curves = read(path)
    epochs = [f"{prefix}_{t}" for t in range(1, T + 1)]
    np.testing.assert_array_equal(curves.values, table[epochs].astype(float))
    found = {**curves.architecture, **curves.hyperparameters}
    assert sorted(found) == sorted(parameters)
    for column in parameters:
        np.testing.assert_array_equal(found[column], table[column].astype(float))
    assert curves.metric == {"acc": "accuracy", "ep": "perplexity", "loss": "loss"}[prefix]
