"""Rows that sum up the trainings beside them are not trainings themselves."""

import json

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read
STATISTICS = {
    "mean": np.mean, "Average": np.mean, "std": np.std, "stdv": np.std, "median": np.median, "MAX": np.max,
    "sd": lambda values, axis: np.std(values, axis=axis, ddof=1), "all": np.mean, "Overall": np.mean,
}  # fmt: skip


def _write(path, kind, names, values):
    """A row per epoch, a row per training, or lists by name in JSON."""
    if kind == "json":
        path.write_text(json.dumps({n: {"val_acc": list(row)} for n, row in zip(names, values, strict=True)}))
    elif kind == "wide":
        columns = [f"acc_{epoch + 1}" for epoch in range(values.shape[1])]
        pd.DataFrame(values, columns=columns).assign(run=names).to_csv(path, index=False)
    else:
        n, T = values.shape
        table = {"run": np.repeat(names, T), "epoch": np.tile(np.arange(T), n), "acc": values.ravel()}
        pd.DataFrame(table).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("kind", ["long", "wide", "json"])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_row_with_the_name_and_the_values_of_a_summary_is_refused(tmp_path, accuracies, kind, statistic):
    summary = np.round(STATISTICS[statistic](accuracies, axis=0), 2)
    names = [*(f"seed{i}" for i in range(len(accuracies))), statistic]
    path = _write(tmp_path / "curves", kind, names, np.vstack([accuracies, summary]))
    with pytest.raises(
        CurvesError,
        match=rf"{statistic} in (run|name) is no training: .* the (?!all|overall)\w+ of .* leave it out",
    ):
        read(path)


@pytest.mark.parametrize("kind", ["long", "wide", "json"])
def test_trainings_that_are_called_as_a_summary_and_have_other_values_are_read(tmp_path, accuracies, kind):
    names = ["mean", "max", "sum", "attention", "last", "first", "none", "min"]
    path = _write(tmp_path / "curves", kind, names, accuracies)
    np.testing.assert_array_equal(read(path).values, accuracies)
    pair = _write(tmp_path / "pair", kind, names[1:3], accuracies[1:3])
    np.testing.assert_array_equal(read(pair).values, accuracies[1:3])


def test_ways_of_pooling_of_trainings_that_are_nearly_alike_are_no_summaries(tmp_path):
    values = 0.985 + 0.004 * np.random.default_rng(0).random((6, 3)).round(2)
    for names in (
        ["max", "none", "none", "none", "none", "avg"],
        ["max", "max", "none", "none", "none", "avg"],
    ):
        path = _write(tmp_path / "curves", "wide", names, values)
        np.testing.assert_array_equal(read(path).values, values)
    values = np.array([[0.5, 0.7], [0.5, 0.7], [0.5, 0.7], [0.4, 0.6]])
    path = _write(tmp_path / "curves", "wide", ["max", "max", "none", "none"], values)
    np.testing.assert_array_equal(read(path).values, values)


LONGER = {
    "mean acc": np.mean, "avg_acc": np.mean, "acc mean": np.mean, "Average accuracy": np.mean,
    "mean_of_runs": np.mean, "total mean": np.mean, "Mean (8 seeds)": np.mean, "std_acc": np.std,
    "standard deviation": np.std, "val_acc.max": np.max,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["long", "wide", "json"])
@pytest.mark.parametrize("name", LONGER)
def test_a_summary_is_refused_under_a_longer_name_too(tmp_path, accuracies, kind, name):
    names = [*(f"run {i}" for i in range(len(accuracies))), name]
    values = np.vstack([accuracies, np.round(LONGER[name](accuracies, axis=0), 3)])
    path = _write(tmp_path / "curves", kind, names, values)
    with pytest.raises(CurvesError, match=r" is no training: .* of the others; leave it out$"):
        read(path)


@pytest.mark.parametrize(
    "names", [["all", "none", "some", "mean"], ["freeze_all 1", "freeze_all 2", "freeze_all mean"]]
)
def test_a_training_may_be_called_all_beside_a_mean(tmp_path, accuracies, names):
    values = accuracies[: len(names) - 1]
    values = np.vstack([values, values.mean(axis=0)]).round(6)
    with pytest.raises(CurvesError, match=r"mean in (run|name) is no training"):
        read(_write(tmp_path / "curves", "long", names, values))
    trainings = read(_write(tmp_path / "curves", "long", names[:-1], values[:-1]))
    np.testing.assert_array_equal(trainings.values, values[:-1])


def test_the_mean_of_the_trainings_that_are_called_as_it_is_is_refused(tmp_path, accuracies):
    """One of each network, among all trainings, in one column or in two."""
    values = np.vstack([accuracies[:2], accuracies[:2].mean(axis=0), accuracies[2:5]])
    values = np.vstack([values, accuracies[2:5].mean(axis=0)]).round(6)
    networks, seeds = ["resnet"] * 3 + ["vgg"] * 4, ["1", "2", "mean", "1", "2", "3", "mean"]
    names = [f"{network}_{seed}" for network, seed in zip(networks, seeds, strict=True)]
    with pytest.raises(CurvesError, match=r"resnet_mean in run is no training: .* give it another name"):
        read(_write(tmp_path / "curves.csv", "wide", names, values))
    table = pd.DataFrame(values, columns=[f"acc_{epoch}" for epoch in range(1, 7)])
    table.assign(run=networks, seed=seeds).to_csv(tmp_path / "columns.csv", index=False)
    with pytest.raises(CurvesError, match="resnet mean in run, seed is no training"):
        read(tmp_path / "columns.csv")


@pytest.mark.parametrize("kind", ["long", "wide", "json"])
def test_trainings_with_the_word_of_a_summary_in_their_names_are_read(tmp_path, accuracies, kind):
    names = ["mean-teacher", "meanpool_3", "max_lr=3", "avg-pool", "max-pool", "r1", "r2", "r3"]
    curves = read(_write(tmp_path / "curves", kind, names, accuracies))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "read as" not in curves.understood


def test_it_is_told_that_a_row_that_is_called_as_a_summary_is_read_as_a_training(tmp_path, accuracies):
    names = ["mean acc", "a", "b", "c", "d", "e", "f", "g"]
    curves = read(_write(tmp_path / "curves.csv", "wide", names, accuracies))
    assert "; mean acc read as a training, by its values;" in curves.understood


def test_a_table_of_nothing_but_statistics_is_refused(tmp_path, accuracies):
    columns = [f"acc_{epoch}" for epoch in range(1, 7)]
    pd.DataFrame(accuracies, columns=columns).describe().to_csv(tmp_path / "described.csv")
    with pytest.raises(CurvesError, match=r"count, mean, .* in the column without a name sum up trainings"):
        read(tmp_path / "described.csv")
    table = pd.DataFrame([accuracies.mean(axis=0), accuracies.std(axis=0)], columns=columns)
    table.assign(pooling=["mean", "std"]).to_csv(tmp_path / "pooling.csv", index=False)
    assert len(read(tmp_path / "pooling.csv")) == 2
