"""Which columns are parameters."""

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


def test_numbered_columns_of_another_length_are_parameters(wide, accuracies):
    choices = np.arange(40).reshape(8, 5)
    curves = read(
        wide({"op_#": np.hstack([choices, choices[:, :2]]), "lr_#": accuracies, "acc_#": accuracies})
    )
    assert list(curves.hyperparameters) == [f"op_{number}" for number in range(1, 8)]


def test_ranks_of_trainings_are_no_parameters(wide, accuracies, rates):
    ranks = np.argsort(np.argsort(-np.random.default_rng(0).permutation(accuracies[:, -1]))) + 1
    curves = read(wide({"lr": rates, "rank": ranks, "num_layers": ranks, "acc_#": accuracies}))
    assert (list(curves.hyperparameters), list(curves.architecture)) == (["lr"], ["num_layers"])


def test_the_epoch_of_which_a_row_tells_is_no_parameter_and_the_number_of_epochs_is(wide, accuracies):
    later = np.array([5, 3, 4, 6, 2, 6, 1, 3])
    curves = read(wide({"epoch": later, "epochs": later, "acc_#": accuracies}))
    assert list(curves.hyperparameters) == ["epochs"]
    assert "left out: epoch (results)" in curves.understood


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


def test_infinite_parameters_are_read_as_unknown_and_said(wide, accuracies):
    curves = read(wide({"clip_norm": ["1.0", "inf"] * 4, "lr": np.arange(8) ** 2, "acc_#": accuracies}))
    np.testing.assert_array_equal(curves.hyperparameters["clip_norm"], [1.0, np.nan] * 4)
    assert "parameters clip_norm, lr; 4 infinite values of clip_norm taken as unknown" in curves.understood


def test_the_caller_says_which_columns_are_parameters(wide, accuracies):
    path = wide({"MaxAccuracy": accuracies.max(1), "lr": np.arange(8), "acc_#": accuracies})
    assert list(read(path, parameters=["MaxAccuracy"]).hyperparameters) == ["MaxAccuracy"]
    assert list(read(path, parameters="MaxAccuracy").hyperparameters) == ["MaxAccuracy"]
    assert not read(path, parameters=[]).hyperparameters
    with pytest.raises(CurvesError, match="no column 'x' for a parameter; there are MaxAccuracy, lr"):
        read(path, parameters=["x"])


def test_what_else_differs_beside_a_configuration_is_told_and_may_be_asked_for(tmp_path, long):
    depth = long.groupby("run").ngroup() % 3
    path = tmp_path / "long.csv"
    table = long.rename(columns={"lr": "params/lr"}).assign(depth=depth, seed=1, best_acc=long["lr"])
    table.to_csv(path, index=False)
    curves = read(path)
    assert curves.understood.endswith("parameters lr; left out: depth (beside params/lr)")
    asked = read(path, parameters=["lr", "depth"])
    assert asked.architecture["depth"].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert list(asked.hyperparameters) == ["lr"]


def test_a_column_of_a_configuration_may_be_asked_for_by_its_whole_name(tmp_path, long, rates):
    path = tmp_path / "long.csv"
    table = long.rename(columns={"lr": "params/lr"})
    table.to_csv(path, index=False)
    for name in ("lr", "params/lr"):
        ((found, values),) = read(path, parameters=[name]).hyperparameters.items()
        assert found == name
        np.testing.assert_array_equal(values, rates)
    table.assign(lr=long["lr"] * 2).to_csv(path, index=False)
    both = read(path, parameters=["lr", "params/lr"]).hyperparameters
    np.testing.assert_array_equal(both["lr"], rates * 2)
    np.testing.assert_array_equal(both["params/lr"], rates)
    assert read(path, parameters=["lr"]).understood.endswith(
        "parameters lr; left out: run, params/lr (not asked for)"
    )
    with pytest.raises(CurvesError, match="no column 'x' for a parameter; there are run, lr, params/lr"):
        read(path, parameters=["x"])
