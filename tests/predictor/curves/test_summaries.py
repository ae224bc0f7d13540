"""Rows that sum up the trainings beside them are none of them."""

import json

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read
STATISTICS = {
    "mean": np.mean, "Average": np.mean, "std": np.std, "stdv": np.std, "median": np.median, "MAX": np.max,
    "sd": lambda values, axis: np.std(values, axis=axis, ddof=1),
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
    with pytest.raises(CurvesError, match=rf"{statistic} in (run|name) is no training: .* leave it out"):
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
