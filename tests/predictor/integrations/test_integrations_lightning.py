import pickle
import warnings

import numpy as np
import pytest

from predictor import Decision
from predictor.errors import CurvesError
from predictor.integrations.recorded import CurveStore

lightning = pytest.importorskip("lightning")
torch = pytest.importorskip("torch")
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from predictor.integrations.lightning import StoppingRuleCallback  # noqa: E402

T = 8


@pytest.fixture(autouse=True)
def quiet_lightning():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Scripted(lightning.LightningModule):
    """Logs the accuracies that it is told to, one per validation run."""

    def __init__(self, values, name="val_accuracy", crash_after=None):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.values = values
        self.name = name
        self.crash_after = crash_after

    def training_step(self, batch, index):
        if self.current_epoch == self.crash_after:
            raise RuntimeError("the device caught fire")
        return self.layer(batch[0]).sum()

    def validation_step(self, batch, index):
        self.log(self.name, torch.tensor(self.values[self.current_epoch], dtype=torch.float64))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def fit(module, callbacks, tmp_path, checkpoint=None, data=None, **options):
    data = data or (DataLoader(TensorDataset(torch.zeros(1, 1))),) * 2
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        accelerator="cpu",
        default_root_dir=tmp_path,
        callbacks=callbacks,
        **{"max_epochs": T, "enable_checkpointing": False, **quiet, **options},
    )
    trainer.fit(module, *data, ckpt_path=checkpoint)
    return trainer


def test_decides_as_the_rule_asked_directly(fresh_rule, values, rates, epochs_asked_directly, tmp_path):
    rule, store = fresh_rule(), CurveStore(tmp_path / "curves.npz", T)
    for row, rate in zip(values, rates, strict=True):
        fit(Scripted(row), StoppingRuleCallback(store, rule, "val_accuracy", {"lr": rate}), tmp_path)
    expected = epochs_asked_directly(fresh_rule(), values, rates)
    stored = store.history()
    assert stored.observed.tolist() == expected
    for row, value, epochs in zip(stored.values, values, expected, strict=True):
        np.testing.assert_array_equal(row[:epochs], value[:epochs])


def test_the_sanity_check_before_the_training_does_not_count(values, tmp_path, stop_after):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, stop_after(3), "val_accuracy")
    trainer = fit(Scripted(values[0]), callback, tmp_path, num_sanity_val_steps=1)
    assert trainer.current_epoch == 3
    assert store.history().observed.tolist() == [3]
    assert callback.decision == Decision(True, "as told")


def test_a_resumed_training_has_its_whole_curve(values, tmp_path, stop_after):
    store = CurveStore(tmp_path / "curves.npz", T)

    def callback():
        return StoppingRuleCallback(store, stop_after(6), "val_accuracy")

    with pytest.raises(RuntimeError, match="fire"):
        fit(Scripted(values[0], crash_after=4), callback(), tmp_path, enable_checkpointing=True)
    assert len(store.history()) == 0
    [checkpoint] = tmp_path.rglob("*.ckpt")
    fit(Scripted(values[0]), callback(), tmp_path, checkpoint)
    np.testing.assert_array_equal(store.history().values[0, :6], values[0, :6])
    assert store.history().observed.tolist() == [6]


def test_a_training_that_is_resumed_after_its_last_epoch_is_stored_once(values, tmp_path, listener):
    store = CurveStore(tmp_path / "curves.npz", T)

    def leg(epochs, checkpoint=None):
        callback = StoppingRuleCallback(store, listener, "val_accuracy")
        return fit(Scripted(values[0]), callback, tmp_path, checkpoint, max_epochs=epochs)

    trainer = leg(3)
    trainer.validate(trainer.lightning_module, DataLoader(TensorDataset(torch.zeros(1, 1))), verbose=False)
    trainer.save_checkpoint(tmp_path / "leg.ckpt")
    leg(T, tmp_path / "leg.ckpt")
    assert len(listener.asked[-1][1]) == 0
    np.testing.assert_array_equal(store.history().values, values[:1])


def test_a_trainer_that_fits_its_module_further_goes_on_with_the_curve(values, tmp_path, listener):
    store, module = CurveStore(tmp_path / "curves.npz", T), Scripted(values[0])
    trainer = fit(module, StoppingRuleCallback(store, listener, "val_accuracy"), tmp_path, max_epochs=3)
    trainer.validate(module, DataLoader(TensorDataset(torch.zeros(1, 1))), verbose=False)
    trainer.fit_loop.max_epochs = T
    trainer.fit(module, *(DataLoader(TensorDataset(torch.zeros(1, 1))),) * 2)
    assert len(listener.asked[-1][1]) == 0
    np.testing.assert_array_equal(store.history().values, values[:1])


class Counting(Scripted):
    """Logs how many batches it was trained on; four make an epoch."""

    def __init__(self):
        super().__init__(())
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def training_step(self, batch, index):
        self.batches += 1
        return super().training_step(batch, index)

    def validation_step(self, batch, index):
        self.log(self.name, self.batches.double())

    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.zeros(4, 1)))


VALIDATED = [
    (4, {}),
    (2, {"val_check_interval": 0.5}),
    (8, {"check_val_every_n_epoch": 2}),
    (3, {"check_val_every_n_epoch": None, "val_check_interval": 3}),
]
"""Batches between two validation runs, and how Lightning is told so."""


@pytest.fixture(params=[(*how, saved) for how in VALIDATED for saved in (False, True)])
def resumed(request, tmp_path, listener):
    """resumed(listened=...): a curve that goes on after 16 of 32 batches, and the batches between two runs.

    The checkpoint is saved after a validation run or at the end of an epoch; a callback may have listened.
    """
    batches, options, after_validation = request.param
    data = None, DataLoader(TensorDataset(torch.zeros(1, 1)))

    def callback(name):
        store = CurveStore(tmp_path / name, 32 // batches)
        return store, StoppingRuleCallback(store, listener, "val_accuracy")

    def curve(*, listened):
        saving = lightning.pytorch.callbacks.ModelCheckpoint(
            tmp_path, save_on_train_epoch_end=not after_validation
        )
        before = [callback("first.npz")[1], saving] if listened else saving
        fit(Counting(), before, tmp_path, data=data, max_epochs=4, enable_checkpointing=True, **options)
        store, after = callback("second.npz")
        fit(Counting(), after, tmp_path, saving.best_model_path, data=data, **options)
        [observed] = store.history().values
        return observed, batches

    return curve


def test_in_a_resumed_training_each_validation_run_is_in_its_place(resumed):
    """Lightning before 2.5 repeats the run that a checkpoint was saved after."""
    observed, batches = resumed(listened=True)
    np.testing.assert_array_equal(observed, np.arange(batches, 33, batches)[: 32 // batches])


def test_of_a_checkpoint_without_the_curve_the_validation_runs_before_are_not_observed(resumed):
    observed, batches = resumed(listened=False)
    expected = np.arange(batches, 33, batches, dtype=float)
    expected[: 16 // batches - 1] = np.nan
    if np.isnan(observed[16 // batches - 1]):  # before Lightning 2.5 the last one is repeated
        expected[16 // batches - 1] = np.nan
    np.testing.assert_array_equal(observed, expected)


def test_one_callback_may_serve_several_trainings(values, tmp_path, stop_after):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, stop_after(2), "val_accuracy")
    for row in values[:3]:
        fit(Scripted(row), callback, tmp_path)
    pickle.dumps(callback)  # as for processes that are started
    np.testing.assert_array_equal(store.history().values[:, :2], values[:3, :2])


def test_a_training_that_crashes_is_not_added_and_forgotten(values, tmp_path, stop_after, caplog):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, stop_after(6), "val_accuracy")
    with pytest.raises(RuntimeError, match="fire"):
        fit(Scripted(values[0], crash_after=3), callback, tmp_path)
    assert len(store.history()) == 0
    fit(Scripted(values[1]), callback, tmp_path)
    np.testing.assert_array_equal(store.history().values[:, :6], values[1:2, :6])
    assert "never ended" not in caplog.text


def test_a_trial_run_of_one_batch_is_no_training(values, tmp_path, stop_after):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, stop_after(1), "val_accuracy")
    fit(Scripted(values[0]), callback, tmp_path, fast_dev_run=True)
    assert len(store.history()) == 0


def test_a_metric_that_is_not_logged_is_named(values, tmp_path, stop_after):
    store = CurveStore(tmp_path / "curves.npz", T)
    callback = StoppingRuleCallback(store, stop_after(1), "accuracy")
    with pytest.raises(CurvesError, match=r"'accuracy' is not logged; expected one of \['val_accuracy'\]"):
        fit(Scripted(values[0]), callback, tmp_path)


def test_more_epochs_than_the_store_is_for_are_told_once_and_not_looked_at(
    values, tmp_path, caplog, stop_after
):
    store = CurveStore(tmp_path / "curves.npz", 2)
    fit(Scripted(values[0]), StoppingRuleCallback(store, stop_after(99), "val_accuracy"), tmp_path)
    np.testing.assert_allclose(store.history().values, values[:1, :2], rtol=1e-6)
    assert [record.getMessage() for record in caplog.records if "predictor" in record.name] == [
        "T = 2, but a training came to epoch 3: epochs after T are ignored"
    ]


def test_the_direction_is_that_of_what_is_monitored(tmp_path, stop_after):
    store = CurveStore(tmp_path / "curves.npz", 2)
    StoppingRuleCallback(store, stop_after(99), "val_loss")
    assert (store.history().metric, store.history().direction) == ("loss", "minimize")
