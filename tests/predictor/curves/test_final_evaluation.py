"""Values of the best checkpoint, measured once more after training."""

import numpy as np
import pandas as pd
import pytest

from predictor import LearningCurves


@pytest.fixture
def overfitted():
    """(3, 12) accuracies that are best in the ninth epoch."""
    epochs = np.arange(12)
    end = np.array([[0.4], [0.6], [0.8]])
    return np.round(end * (1 - np.exp(-0.3 * (epochs + 1))) - 0.1 * (epochs > 8), 4)


@pytest.fixture
def read(tmp_path):
    """Reads rows of three trainings: each a dict by column."""

    def from_rows(rows):
        pd.DataFrame(rows).to_csv(tmp_path / "log.csv", index=False)
        return LearningCurves.read(tmp_path / "log.csv")

    return from_rows


def logged(values, last):
    """Rows of an epoch each, with a training metric, and one row more after each training."""
    return [
        row
        for i, run in enumerate(values)
        for row in (
            *(
                {"run": f"r{i}", "epoch": t, "train_loss": 1 - value, "val_acc": value}
                for t, value in enumerate(run)
            ),
            {"run": f"r{i}", **last(run)},
        )
    ]


@pytest.mark.parametrize("epoch", [12, 11])
def test_an_evaluation_of_the_best_checkpoint_after_training_is_left_out(read, overfitted, epoch):
    """As Lightning logs it in an epoch more, and transformers in the last one again."""
    curves = read(logged(overfitted, lambda run: {"epoch": epoch, "val_acc": run.max()}))
    np.testing.assert_array_equal(curves.values, overfitted)
    assert "left out: the last epoch of 3 trainings (repeats an earlier value" in curves.understood


def test_a_last_epoch_with_training_metrics_may_be_as_good_as_the_best(read, overfitted):
    curves = read(logged(overfitted, lambda run: {"epoch": 12, "train_loss": 0.1, "val_acc": run.max()}))
    np.testing.assert_array_equal(curves.values[:, 12], overfitted.max(axis=1))
    assert "the best checkpoint" not in curves.understood


@pytest.mark.parametrize("steps", [8, 1])
def test_one_step_after_the_last_epoch_there_is_no_epoch_unless_each_has_one(read, overfitted, steps):
    """As in Lightning's table of a training without training metrics."""
    values = np.column_stack([overfitted, overfitted.max(axis=1)])
    after = [*(steps * np.arange(1, 13) - 1), steps * 12]
    runs = [{"run": i, "epoch": range(13), "step": after, "val_acc": run} for i, run in enumerate(values)]
    curves = read(pd.concat(map(pd.DataFrame, runs)))
    np.testing.assert_array_equal(curves.values, overfitted if steps > 1 else values)


def test_values_at_chance_may_stay_alike(read, overfitted):
    at_chance = np.where(np.arange(12) < 1, overfitted, 0.1)
    curves = read(logged(at_chance, lambda run: {"epoch": 12, "val_acc": 0.1}))
    assert curves.T == 13


@pytest.mark.parametrize("epoch", [12, 11])
def test_a_new_value_is_that_of_the_last_epoch(read, overfitted, epoch):
    """Of a training that went on, or was begun again with its last epoch."""
    curves = read(logged(overfitted, lambda run: {"epoch": epoch, "val_acc": run.max() + 0.01}))
    np.testing.assert_array_equal(curves.values[:, epoch], overfitted.max(axis=1) + 0.01)


def test_of_an_earlier_epoch_the_last_value_counts(read, overfitted):
    curves = read(logged(overfitted, lambda run: {"epoch": 7, "val_acc": run.max()}))
    np.testing.assert_array_equal(curves.values[:, 7], overfitted.max(axis=1))
