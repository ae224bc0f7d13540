import os

import numpy as np
import pytest

from predictor import Decision
from predictor.errors import CurvesError
from predictor.integrations.recorded import CurveStore
from predictor.rules.names import make_rule

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


def test_one_callback_may_serve_several_trainings(model, values, tmp_path, stop_after):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, stop_after(2))
    assert [fit(model, row, callback) for row in values[:3]] == [2, 2, 2]
    np.testing.assert_array_equal(store.history().values[:, :2], values[:3, :2])
    assert callback.decision == Decision(True, "as told")


def test_a_training_that_crashes_is_not_added(model, values, tmp_path, stop_after, caplog):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, stop_after(7))
    with pytest.raises(RuntimeError, match="fire"):
        fit(model, values[0], callback, crash_after=3)
    assert len(store.history()) == 0
    assert fit(model, values[1], callback) == 7
    np.testing.assert_array_equal(store.history().values[0, :7], values[1, :7])
    assert caplog.text == ""


def test_a_training_without_its_beginning_is_compared_from_where_it_goes_on(
    model, values, tmp_path, listener
):
    store = CurveStore(tmp_path / "curves.npz", T)
    fit(model, values[1], StoppingRuleCallback(store, listener))
    assert fit(model, values[0], StoppingRuleCallback(store, listener), initial_epoch=3) == T - 3
    curve, history = listener.asked[-1]
    np.testing.assert_array_equal(curve.values, [[*values[0, 3:7], np.nan]])
    np.testing.assert_array_equal(history.values, values[1:2, 3:])
    np.testing.assert_array_equal(store.history().values, [values[1], [*[np.nan] * 3, *values[0, 3:]]])


def test_a_model_that_is_fitted_further_goes_on_with_its_curve(model, values, tmp_path, listener):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, listener)
    fit(model, values[0], callback, epochs=3)
    fit(model, values[0], callback, initial_epoch=3)
    curve, history = listener.asked[-1]
    np.testing.assert_array_equal(curve.values, [[*values[0, :7], np.nan]])
    assert len(history) == 0
    np.testing.assert_array_equal(store.history().values, values[:1])
    fit(model, values[1], callback)  # from the first epoch on: another training
    fit(model, values[2], callback, initial_epoch=3, epochs=5)  # from its weights after epoch 3: one more
    stored = [*values[:2], [*values[1, :3], *values[2, 3:5], *[np.nan] * 3]]
    np.testing.assert_array_equal(store.history().values, stored)


def fit_a_line(store, rule, rate, monitor="val_loss", **options):
    keras.utils.set_random_seed(1)
    x = np.linspace(-1, 1, 32)[:, None]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
    callback = StoppingRuleCallback(store, rule, monitor)
    options = {"epochs": 6, "validation_data": (x, 3 * x + 1), "verbose": 0, **options}
    return model.fit(x, 3 * x + 1, callbacks=[callback], **options)


def test_a_monitored_loss_is_minimized_without_being_told(tmp_path):
    store, rule = CurveStore(tmp_path / "curves.npz", 6), make_rule("median")
    epochs = [
        len(fit_a_line(store, rule, rate).epoch) for rate in (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.2, 0.001)
    ]
    assert store.history().direction == "minimize"
    assert epochs[-2:] == [6, 1]  # the best rate is kept, the worst stopped


def test_a_monitored_name_that_tells_no_direction_or_another_one_is_refused(tmp_path, stop_after):
    with pytest.raises(CurvesError, match="'val_foo' does not say whether more is better"):
        StoppingRuleCallback(CurveStore(tmp_path / "a.npz", T), stop_after(1), "val_foo")
    with pytest.raises(
        CurvesError, match=r"'val_loss' is minimized, but the store's accuracy maximized; say .*'loss'"
    ):
        StoppingRuleCallback(CurveStore(tmp_path / "a.npz", T, metric="accuracy"), stop_after(1), "val_loss")
    store = CurveStore(tmp_path / "a.npz", T, direction="minimize")
    StoppingRuleCallback(store, stop_after(1), "val_foo")
    assert (store.history().metric, store.history().direction) == ("val_foo", "minimize")


def test_validation_every_second_epoch_stands_at_its_epochs(tmp_path, listener):
    store = CurveStore(tmp_path / "curves.npz", 6)
    losses = [
        fit_a_line(store, listener, rate, validation_freq=2).history["val_loss"] for rate in (0.05, 0.1)
    ]
    nan = np.nan
    np.testing.assert_allclose(store.history().values, [[nan, a, nan, b, nan, c] for a, b, c in losses])
    curve, history = listener.asked[-1]
    np.testing.assert_allclose(history.values, losses[:1])
    np.testing.assert_allclose(curve.values, [[*losses[1][:2], nan]])


def test_a_metric_that_is_not_logged_is_named(model, values, tmp_path, stop_after):
    callback = StoppingRuleCallback(CurveStore(tmp_path / "curves.npz", T), stop_after(1), "val_auc")
    with pytest.raises(
        CurvesError, match=r"'val_auc' is not logged; expected one of \['loss', 'val_accuracy'\]"
    ):
        fit(model, values[0], callback)


def test_a_training_that_is_never_validated_is_told(tmp_path, caplog, listener):
    store = CurveStore(tmp_path / "curves.npz", 3)
    fit_a_line(store, listener, 0.1, validation_data=None, epochs=3)
    assert "curves.npz: a training that reported no value is not added" in caplog.text
