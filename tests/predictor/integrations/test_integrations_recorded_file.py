"""Which file a store of curves keeps, and what may be added to it."""

import numpy as np
import pytest

from predictor import CurvesError
from predictor.integrations.recorded import CurveStore


def test_a_relative_file_stays_where_it_was_meant(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = CurveStore("curves.npz", 2, metric="accuracy")
    monkeypatch.chdir("elsewhere")
    store.add([0.1, 0.2])
    assert (tmp_path / "curves.npz").exists()
    assert len(store.history()) == 1


def test_a_file_of_the_same_size_in_the_place_of_another_is_read(tmp_path):
    path = tmp_path / "curves.npz"
    store = CurveStore(path, 2, metric="accuracy")
    store.add([0.1, 0.2])
    assert store.history().values.tolist() == [[0.1, 0.2]]
    size = path.stat().st_size
    path.unlink()
    CurveStore(path, 2, metric="accuracy").add([0.3, 0.4])
    assert path.stat().st_size == size
    assert store.history().values.tolist() == [[0.3, 0.4]]


def test_parameters_may_come_in_any_order(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    store.add([0.1, 0.2], {"lr": 1.0, "width": 2.0})
    store.add([0.3, 0.4], {"width": 4.0, "lr": 3.0})
    found = store.history().hyperparameters | store.history().architecture
    assert {name: column.tolist() for name, column in found.items()} == {"lr": [1, 3], "width": [2, 4]}


def test_a_training_without_a_value_up_to_its_end_is_not_added(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    store.add([np.nan, np.nan, 0.5])
    assert len(store.history()) == 0


@pytest.mark.parametrize("values", [0.5, [[0.1, 0.2]], "0.5", ["high"]])
def test_what_are_no_values_of_one_training_is_quoted(tmp_path, values):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    with pytest.raises(CurvesError, match=r"values = .*; expected those of one training"):
        store.add(values)


def test_no_epochs_are_refused_at_once(tmp_path):
    with pytest.raises(CurvesError, match="T = 0"):
        CurveStore(tmp_path / "curves.npz", 0, metric="accuracy")


def test_a_file_of_losses_that_were_taken_for_maximized_is_refused_with_the_direction(tmp_path):
    path = tmp_path / "curves.npz"  # as the first commits wrote it
    CurveStore(path, 2, metric="val_loss", direction="maximize").add([3.0, 2.0])
    with pytest.raises(CurvesError, match="have direction = 'maximize', not 'minimize'; use another file"):
        CurveStore(path, 2, metric="val_loss")
    with pytest.raises(CurvesError, match="but the store's val_loss maximized; use another file"):
        CurveStore(path, 2).monitor("val_loss")


def test_the_other_direction_of_a_metric_of_ones_own_is_refused(tmp_path):
    path = tmp_path / "curves.npz"
    CurveStore(path, 2, metric="ours", direction="maximize").add([0.1, 0.2])
    assert CurveStore(path, 2, metric="ours").direction == "maximize"
    with pytest.raises(CurvesError, match="have direction = 'maximize', not 'minimize'; use another file"):
        CurveStore(path, 2, metric="ours", direction="minimize")
