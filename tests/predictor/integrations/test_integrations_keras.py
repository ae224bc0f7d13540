import os
import sys

import numpy as np
import pytest

from predictor import Decision
from predictor.errors import CurvesError
from predictor.extras import MissingPackageError
from predictor.integrations.recorded import CurveStore

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from predictor.integrations.keras import StoppingRuleCallback  # noqa: E402

T = 8


@pytest.fixture(scope="module")
def model():
    """The smallest model there is; what it learns does not matter."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    return model


class Scripted(keras.callbacks.Callback):
    """Puts the accuracies that it is told to into the logs, before other callbacks see them."""

    def __init__(self, values, crash_after=None):
        super().__init__()
        self.values = values
        self.crash_after = crash_after

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.crash_after:
            raise RuntimeError("the device caught fire")
        logs["val_accuracy"] = self.values[epoch]


def fit(model, values, callback, crash_after=None, **options):
    callbacks = [Scripted(values, crash_after), callback]
    options = {"epochs": T, "verbose": 0, **options}
    return len(model.fit(np.zeros((1, 1)), np.zeros(1), callbacks=callbacks, **options).epoch)


def test_decides_as_the_rule_asked_directly(
    fresh_rule, values, rates, epochs_asked_directly, model, tmp_path
):
    rule, store = fresh_rule(), CurveStore(tmp_path / "curves.npz", T)
    epochs = [
        fit(model, row, StoppingRuleCallback(store, rule, parameters={"lr": rate}))
        for row, rate in zip(values, rates, strict=True)
    ]
    expected = epochs_asked_directly(fresh_rule(), values, rates)
    assert epochs == expected
    stored = store.history()
    assert stored.observed.tolist() == expected
    for row, value, observed in zip(stored.values, values, expected, strict=True):
        np.testing.assert_array_equal(row[:observed], value[:observed])


class StopAfter:
    """Stops after so many epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def decide(self, curve, history):
        return Decision(int(curve.observed[0]) == self.epochs, "as told")


def test_one_callback_may_serve_several_trainings(model, values, tmp_path):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, StopAfter(2))
    assert [fit(model, row, callback) for row in values[:3]] == [2, 2, 2]
    np.testing.assert_array_equal(store.history().values[:, :2], values[:3, :2])
    assert callback.decision == Decision(True, "as told")


def test_a_training_that_crashes_is_not_added(model, values, tmp_path):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, StopAfter(7))
    with pytest.raises(RuntimeError, match="fire"):
        fit(model, values[0], callback, crash_after=3)
    assert len(store.history()) == 0
    assert fit(model, values[1], callback) == 7
    np.testing.assert_array_equal(store.history().values[0, :7], values[1, :7])


def test_a_training_without_its_beginning_is_neither_judged_nor_added(model, values, tmp_path):
    store = CurveStore(tmp_path / "curves.npz", T)
    assert fit(model, values[0], StoppingRuleCallback(store, StopAfter(1)), initial_epoch=3) == T - 3
    assert len(store.history()) == 0


def test_a_metric_that_is_not_logged_is_named(model, values, tmp_path):
    callback = StoppingRuleCallback(CurveStore(tmp_path / "curves.npz", T), StopAfter(1), "val_auc")
    with pytest.raises(CurvesError, match=r"'val_auc' is not logged; there are \['loss', 'val_accuracy'\]"):
        fit(model, values[0], callback)


def test_without_keras_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(sys.modules, "predictor.integrations.keras")
    with pytest.raises(MissingPackageError, match=r"pip install 'metaqnn\[keras\]'"):
        import predictor.integrations.keras  # noqa: F401
