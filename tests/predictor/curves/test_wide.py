"""Tables with a row per training, as other people have them."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


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


@pytest.mark.parametrize(
    "header", ["acc_#", "val_acc_epoch_#", "step_acc_#", "learning_curve_#", "#", "epoch #", "Epoch#"]
)
def test_any_words_around_the_numbers(wide, accuracies, rates, header):
    curves = read(wide({"batch_size": rates, header: accuracies}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert (curves.metric, list(curves.hyperparameters)) == ("accuracy", ["batch_size"])


@pytest.mark.parametrize(("name", "longest"), [("Bleu_#", 4), ("rouge#", 2)])
def test_scores_of_n_grams_are_no_epochs(wide, accuracies, name, longest):
    rising, more = accuracies[:, :longest], accuracies[:, : longest + 1]
    with pytest.raises(CurvesError, match=r"fall in all rows, as scores of n-grams do; .*--curve"):
        read(wide({name: rising[:, ::-1]}))
    asked = read(wide({name: rising[:, ::-1]}), curve=name.rstrip("_#"))
    np.testing.assert_array_equal(asked.values, rising[:, ::-1])
    for values in (rising, more[:, ::-1]):
        np.testing.assert_array_equal(read(wide({name: values})).values, values)


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


def test_a_trained_epoch_zero_is_kept_and_one_before_training_is_not(wide, accuracies):
    kept = read(wide({"lr": np.arange(8), "acc_#": accuracies}, first=0))
    np.testing.assert_array_equal(kept.values, accuracies)
    assert "acc_0 kept as the first epoch" in kept.understood
    chance = 0.1 + np.linspace(-0.002, 0.002, 8)
    dropped = read(wide({"acc_#": np.column_stack([chance, accuracies])}, first=0))
    np.testing.assert_array_equal(dropped.values, accuracies)
    assert "acc_0 left out: before training" in dropped.understood


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


@pytest.mark.parametrize(
    ("column", "kinds"),
    [("metric", ("val_acc", "val_loss")), ("split", ("train", "val")), ("is_train", ("True", "False"))],
)
def test_rows_of_several_metrics_or_data_of_the_same_trainings_are_refused(
    tmp_path, accuracies, losses, column, kinds
):
    """Each training has a row of either."""
    columns = [f"epoch_{epoch}" if column == "metric" else f"acc_{epoch}" for epoch in range(1, 7)]
    rows = [
        pd.DataFrame(values, columns=columns).assign(model=list("abcdefgh"), lr=0.1, **{column: kind})
        for kind, values in zip(kinds, (accuracies, losses), strict=True)
    ]
    pd.concat(rows).to_csv(tmp_path / "both.csv", index=False)
    with pytest.raises(CurvesError, match=rf"rows of {', '.join(kinds)}, by {column}, are of the same train"):
        read(tmp_path / "both.csv", direction="maximize")
    rows[0].to_csv(tmp_path / "one.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "one.csv").values, accuracies)


def test_a_split_of_the_trainings_is_none_of_data(tmp_path, accuracies):
    """As networks are split for regression models; some have the same parameters."""
    table = pd.DataFrame(accuracies, columns=[f"acc_{epoch}" for epoch in range(1, 7)])
    for depth in (range(8), [1, 1, 2, 2, 3, 4, 5, 6], [1, 1, 1, 1, 2, 2, 2, 2]):
        split = ["train", "train", "test", "train"] * 2
        table.assign(depth=depth, split=split).to_csv(tmp_path / "split.csv", index=False)
        np.testing.assert_array_equal(read(tmp_path / "split.csv").values, accuracies)


def test_a_column_that_may_be_the_first_of_those_that_pandas_numbered_is_asked_about(wide, accuracies):
    """It writes columns of one name as `acc, acc.1, acc.2`; a result tells the end of the curves."""
    path = wide({"acc": accuracies[:, 0], "acc.#": accuracies[:, 1:]})
    with pytest.raises(
        CurvesError, match=r"acc beside acc.1 to acc.5 may be the first .*; call it acc.0, or"
    ):
        read(path)
    path = wide({"acc": accuracies[:, -1], "acc.#": accuracies})
    np.testing.assert_array_equal(read(path).values, accuracies)


@pytest.mark.parametrize("counter", [None, "", "Unnamed: 0", "Epochs", "steps", "num_epochs", "samples_seen"])
def test_epochs_as_rows_are_not_taken_for_trainings_where_columns_have_a_metrics_name(
    wide, accuracies, counter
):
    """As pandas writes a list of histories turned round; nothing says that rows are trainings."""
    mixed = accuracies[[3, 0, 6, 1, 7, 2, 5, 4]]
    epochs = {} if counter is None else {counter: 100 * np.arange(1, 7)}
    with pytest.raises(CurvesError, match="6 rows of 8 values seem to be 6 epochs of 8 trainings"):
        read(wide({**epochs, "val_acc_#": mixed.T}))
    assert read(wide({**epochs, "val_acc_#": mixed.T}), metric="accuracy").T == 8


@pytest.mark.parametrize("counter", [None, "wall_time"])
@pytest.mark.parametrize("rise", [lambda t: t, np.sqrt, lambda t: 1 - np.exp(-0.1 * t)])
def test_slow_trainings_turned_round_are_refused_too(wide, rise, counter):
    rng = np.random.default_rng(0)
    curves = rng.uniform(0.5, 0.9, (20, 1)) * rise(np.arange(1, 13)) / rise(12)
    columns = {} if counter is None else {counter: 60 * np.arange(1, 13)}
    with pytest.raises(CurvesError, match="12 rows of 20 values seem to be 12 epochs of 20 trainings"):
        read(wide({**columns, "val_acc_#": curves.T}))


@pytest.mark.parametrize("counter", ["Epochs", "steps", "epoch num", "n_epoch", "samples_seen"])
def test_a_column_of_epochs_that_numbers_the_rows_is_asked_about(wide, accuracies, counter):
    """Trainings that stand in order of their end go smoothly, too."""
    with pytest.raises(
        CurvesError, match=f"{counter} counts up row by row: if the rows are epochs, transpose the"
    ):
        read(wide({counter: np.arange(6), "val_acc_#": accuracies.T}))
    order = [3, 0, 6, 1, 7, 2, 5, 4]
    curves = read(wide({counter: np.arange(10, 90, 10), "val_acc_#": accuracies[order]}))
    np.testing.assert_array_equal(curves.values, accuracies[order])


def test_trainings_that_are_sorted_by_their_end_are_read(wide):
    rng = np.random.default_rng(0)
    end = np.sort(rng.uniform(0.5, 0.9, 8))[:, None]
    values = end * (1 - np.exp(-0.2 * np.arange(1, 31))) + 0.02 * rng.normal(size=(8, 30))
    for columns in ({}, {"": np.arange(8)}, {"number": np.arange(1, 9)}):
        np.testing.assert_allclose(read(wide({**columns, "val_acc_#": values})).values, values)


@pytest.mark.parametrize("name", ["steps_#", "eval_steps_#", "eval_epochs_#", "x_#", "val_step_#"])
def test_trainings_with_values_at_steps_of_their_own_are_refused(wide, accuracies, name):
    steps = np.arange(1, 7) * np.where(np.arange(8) % 2, 100, 150)[:, None]
    with pytest.raises(CurvesError, match=r"at different epochs, by .* row for each training and epoch"):
        read(wide({name: steps, "val_acc_#": accuracies}))


@pytest.mark.parametrize("name", ["steps", "eval_epochs", "epoch"])
@pytest.mark.parametrize("step", [1, 5])
def test_steps_beside_values_of_an_unknown_metric_are_not_taken_for_accuracies(
    tmp_path, accuracies, rates, name, step
):
    steps = [step * t for t in range(1, 7)]
    rows = [
        {"lr": lr, name: steps, "val_jaccard": list(row)} for lr, row in zip(rates, accuracies, strict=True)
    ]
    path = tmp_path / "curves.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(CurvesError, match="'val_jaccard' does not say whether more is better"):
        read(path)
    curves = read(path, direction="maximize")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"in val_jaccard_{step} to val_jaccard_{6 * step};" in curves.understood
    path.write_text(json.dumps([{"epochs": steps, "steps": steps}] * 2))
    with pytest.raises(CurvesError, match="equally good"):
        read(path)


def test_steps_at_which_something_else_was_measured_are_no_parameters(wide, accuracies, rates):
    steps = np.arange(1, 25) * np.where(np.arange(8) % 2, 100, 150)[:, None]
    for several in (steps, steps[:, :3]):
        curves = read(wide({"lr": rates, "train_steps_#": several, "val_acc_#": accuracies}))
        assert [*curves.architecture, *curves.hyperparameters] == ["lr"]
        assert "left out: train_steps (other curves)" in curves.understood
    places = read(wide({"x_#": rates[:, None] * np.arange(1, 9), "val_acc_#": accuracies}))
    assert len(places.hyperparameters) == 8
    milestones = read(wide({"steps_#": steps[:, :2], "val_acc_#": accuracies}))
    assert list(milestones.hyperparameters) == ["steps_1", "steps_2"]


@pytest.mark.parametrize("name", ["width", "depth", "lr", "dropout", "hp_x", "num_samples", "tokens"])
def test_flat_curves_in_order_of_a_parameter_with_even_steps_are_read(wide, name):
    """The rows go up as epochs would; the parameter says that they are trainings."""
    rng = np.random.default_rng(0)
    values = np.linspace(0.6, 0.95, 8)[:, None] - 0.05 * np.exp(-0.3 * np.arange(30))
    values += 0.003 * rng.normal(size=(8, 30))
    np.testing.assert_allclose(read(wide({name: 16 * np.arange(1, 9), "val_acc_#": values})).values, values)


def test_results_at_thresholds_are_no_epochs_between_others(wide, accuracies):
    thresholds = {f"mAP_0.{percent}": accuracies[:, -1] * 0.9 for percent in (50, 60, 70, 80, 90)}
    np.testing.assert_array_equal(read(wide({**thresholds, "mAP_#": accuracies})).values, accuracies)


@pytest.mark.parametrize("name", ["train_images_#", "num_samples_#"])
def test_counts_of_classes_stay_parameters(wide, accuracies, name):
    counts = np.random.default_rng(0).integers(100, 900, (8, 10))
    curves = read(wide({"val_acc_#": accuracies, name: counts}))
    assert len(curves.architecture | curves.hyperparameters) == 10


@pytest.mark.parametrize(("name", "cell"), [("epoch", "{}/8"), ("step", "{},000"), ("Epoch", "Epoch {}")])
def test_numbers_of_epochs_that_are_text_are_named(tmp_path, name, cell):
    table = pd.DataFrame({name: [cell.format(t) for t in range(1, 7)], "val_acc": np.linspace(0.1, 0.6, 6)})
    table.assign(run="a").to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(CurvesError, match=f"row 1, column '{name}': '{cell.format(1)}' is not a number"):
        read(tmp_path / "long.csv")


@pytest.mark.parametrize("name", ["epochs", "epoch_num", "steps", "iterations"])
def test_the_message_says_how_to_call_a_column_that_numbers_epochs(tmp_path, name):
    table = pd.DataFrame({"run": "a", name: range(1, 7), "val_acc": np.linspace(0.1, 0.6, 6)})
    table.to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(CurvesError, match=rf"such as epoch \(if {name} numbers the epochs, call it epoch\)"):
        read(tmp_path / "long.csv")


@pytest.mark.parametrize(
    ("name", "numbers", "said"),
    [
        ("acc@{}", range(1, 7), "expected columns such as acc_1, acc_2, .* or a row per epoch with"),
        ("acc_{}", (50, 100), r"'acc_1' is missing.* \(if there are no others, call them acc_1 and acc_2\)"),
    ],
)
def test_the_message_says_how_to_call_columns_of_epochs(tmp_path, accuracies, rates, name, numbers, said):
    table = pd.DataFrame(accuracies[:, : len(numbers)], columns=[name.format(t) for t in numbers])
    table.assign(lr=rates).to_csv(tmp_path / "wide.csv", index=False)
    with pytest.raises(CurvesError, match=said):
        read(tmp_path / "wide.csv")
    table.columns = [f"acc_{t}" for t in range(1, len(numbers) + 1)]
    table.assign(lr=rates).to_csv(tmp_path / "wide.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "wide.csv").values, accuracies[:, : len(numbers)])


def test_the_rows_of_a_file_for_a_training_have_to_be_numbered_beside_what_is_no_metric(tmp_path, accuracies):
    said = r"no column numbers the epochs; number the rows in a column epoch"
    for i, row in enumerate(accuracies):
        table = pd.DataFrame({"grad_norm": 1 - row, "n_steps": 100, "val_acc": row})
        table.to_csv(tmp_path / f"{i}.csv", index=False)
    with pytest.raises(CurvesError, match=rf"0.csv of 8 files, .*{said}; found"):
        read(tmp_path)
    table.assign(epoch_id=range(6)).to_csv(tmp_path / "0.csv", index=False)
    with pytest.raises(CurvesError, match=rf"{said} \(if epoch_id numbers the epochs, call it epoch\)"):
        read(tmp_path)


@pytest.mark.parametrize("counter", ["epoch_id", "train_epoch", "iters", "epochs", "n_updates"])
def test_a_column_of_top_1_accuracies_is_not_taken_for_epoch_1(tmp_path, long, counter):
    table = long.rename(columns={"epoch": counter, "val_acc": "val_acc1"})
    table.to_csv(tmp_path / "long.csv", index=False)
    said = (
        rf"val_acc1 may be epoch 1, or its rows may be epochs; .*if {counter} numbers the epochs, call it ep"
    )
    with pytest.raises(CurvesError, match=said):
        read(tmp_path / "long.csv")
    assert read(tmp_path / "long.csv", curve="val_acc").T == 1


def test_a_number_in_the_name_of_a_training_is_not_taken_for_epoch_1(tmp_path, accuracies):
    names = ["calm-tree-1/val_acc", "happy-dog-2/val_acc", "brave-sun-3/val_acc"]
    table = pd.DataFrame(accuracies[:3].T, columns=names)
    table.assign(timestep=range(6)).to_csv(tmp_path / "curves.csv", index=False)
    with pytest.raises(CurvesError, match="calm-tree-1/val_acc may be epoch 1, or its rows may be epochs"):
        read(tmp_path / "curves.csv")


def test_a_single_epoch_that_is_numbered_is_read(wide, accuracies, rates):
    for name in ("val_acc_#", "epoch_#_acc"):
        curves = read(wide({"lr": rates, "epochs": np.full(8, 1), name: accuracies[:, :1]}))
        np.testing.assert_array_equal(curves.values, accuracies[:, :1])
