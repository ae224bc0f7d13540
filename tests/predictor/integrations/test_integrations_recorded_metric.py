"""The metric of a `CurveStore` that has the name of a column, such as `val_acc`."""

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.integrations.recorded import CurveStore


def test_a_store_of_val_acc_goes_on_and_its_curves_are_accuracies(values, tmp_path):
    path = tmp_path / "curves.npz"
    np.savez(path, values=100 * values, metric="val_acc", direction="maximize")  # as it used to be written
    store = CurveStore(path, values.shape[1], metric="val_acc")
    store.monitor("val_acc")
    store.add(100 * values[0])
    again = CurveStore(path, values.shape[1], metric="val_acc")
    assert (len(again.history()), again.metric) == (len(values) + 1, "accuracy")
    assert "of accuracy (maximized, in percent)" in LearningCurves.read(path).understood


@pytest.mark.parametrize(
    ("metric", "direction", "expected"),
    [
        ("val_ppl", None, ("perplexity", "minimize")),
        ("val_ppl", "maximize", ("val_ppl", "maximize")),
        ("val_entropy", "maximize", ("entropy", "maximize")),
        ("d2_score", None, ("d2", "maximize")),
        ("consistency", "maximize", ("consistency", "maximize")),
    ],
)
def test_the_metric_has_the_name_that_the_package_gives_it(tmp_path, metric, direction, expected):
    path = tmp_path / "curves.npz"
    for _ in range(2):  # with and without a file
        store = CurveStore(path, 2, metric=metric, direction=direction)
        assert (store.history().metric, store.history().direction) == expected
        np.savez(path, values=[[3.0, 2.0]], metric=metric, direction=expected[1])
    read = LearningCurves.read(path)
    assert (read.metric, read.direction) == expected


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_metric_that_tells_no_direction_has_one_name_too(tmp_path, direction):
    store = CurveStore(tmp_path / "curves.npz", 2, direction=direction)
    store.monitor("val_entropy")
    store.add([0.5, 0.4])
    again = CurveStore(tmp_path / "curves.npz", 2, metric="val_entropy", direction=direction)
    assert len(again.history()) == 1
    assert again.metric == store.metric == "entropy"
