"""The rows of trainings that were resumed, and so repeat an epoch."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

EPOCHS = [*range(1, 9), *range(8, 13)]
VALUES = np.round(0.8 - 0.7 * 0.8 ** np.arange(13), 4)
LAST = np.delete(VALUES, 7)
"""Those of the twelve epochs, of which the eighth is repeated."""


@pytest.fixture
def read(tmp_path):
    def from_table(table):
        table.to_csv(tmp_path / "log.csv", index=False)
        return LearningCurves.read(tmp_path / "log.csv")

    return from_table


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("by_epoch", [True, False])
def test_the_newest_value_of_an_epoch_counts_in_whichever_order_the_rows_are(read, step, by_epoch):
    table = pd.concat(pd.DataFrame({"run": f"r{i}", "epoch": EPOCHS, "val_acc": VALUES}) for i in range(3))
    table = table.sort_values("epoch", kind="stable") if by_epoch else table
    curves = read(table[::step])
    np.testing.assert_array_equal(curves.values, [LAST] * 3)
    assert f"the {'last' if step > 0 else 'first'} one counts" in curves.understood


def single(**more):
    return pd.DataFrame({**more, "epoch": EPOCHS, "val_acc": VALUES})


def test_a_single_training_may_be_resumed(read):
    np.testing.assert_array_equal(read(single()).values, [LAST])
    np.testing.assert_array_equal(read(single(run="a")).values, [LAST])


@pytest.mark.parametrize("end", [[3], [12]])
def test_rows_that_do_not_go_on_from_the_repeated_epoch_are_of_no_resumed_training(read, end):
    """But of another, which was broken off, or a value measured after training."""
    with pytest.raises(CurvesError, match="no column that tells the trainings apart"):
        read(pd.DataFrame({"epoch": [*range(1, 13), *end], "val_acc": VALUES}))


def test_a_training_that_begins_late_is_said_to(read):
    """As a resumed one with a file of its own does."""
    epochs = pd.DataFrame({"epoch": range(1, 14), "val_acc": VALUES})
    parts = {"a": epochs[:4], "a2": epochs[4:], "b": epochs, "c": epochs}
    said = read(pd.concat(part.assign(run=run) for run, part in parts.items())).understood
    assert "1 of 4 trainings begins late and counts as not observed" in said
    assert "in between" not in said


@pytest.mark.parametrize("n", [1, 2])
def test_a_value_of_step_0_before_the_first_epoch_is_no_training(read, n):
    """As Lightning logs it if `validate()` comes before `fit()`."""
    values = np.array([VALUES, VALUES / 2])[:n]
    numbered = pd.DataFrame({"epoch": [0, *range(12)], "step": [0, *range(7, 103, 8)]})
    curves = read(pd.concat(numbered.assign(val_acc=one) for one in values))
    np.testing.assert_array_equal(curves.values, values[:, 1:])
    assert f"left out: {n} value{'s' * (n > 1)} of step 0, before the first epoch" in curves.understood


def test_a_first_row_in_a_table_whose_rows_are_counted_may_be_a_training(read):
    counted = pd.DataFrame({"epoch": [0, *range(12)], "step": range(13), "val_acc": VALUES})
    assert read(counted).observed.tolist() == [1, 12]


def test_steps_that_most_trainings_lack_are_said_to_have_to_be_alike(read):
    """As those of batches of different sizes are not."""
    steps = [size * np.arange(1, 9) for size in (100, 200, 100, 200)]
    table = pd.concat(
        pd.DataFrame({"run": i, "global_step": one, "val_acc": VALUES[:8]}) for i, one in enumerate(steps)
    )
    said = "2 of 4 trainings begin late and count as not observed (put together the rows"
    assert f"{said} of a resumed training, and number the values alike)" in read(table).understood
    assert read(table.assign(global_step=[*range(1, 9)] * 4)).completed.all()


@pytest.mark.parametrize("lost", ["r9", ""])
def test_a_training_without_a_value_is_named(read, lost):
    """As one that logs `val_acc` while others log `val_accuracy`."""
    runs = {"a": "val_accuracy", "b": "val_accuracy", lost: "val_acc"}
    table = pd.concat(single(run=run).rename(columns={"val_acc": name}) for run, name in runs.items())
    named = lost or "without a name"
    assert f"; 1 training without a value left out ({named}); " in f"{read(table).understood}; "


def test_a_file_for_each_epoch_is_refused_as_one_training(tmp_path):
    """As AllenNLP writes them, with those of the best epoch beside them."""
    for name, epoch in [*((f"metrics_epoch_{epoch}", epoch) for epoch in range(6)), ("metrics", 5)]:
        values = f'{{"best_epoch": {epoch}, "epoch": {epoch}, "validation_accuracy": 0.{epoch}1}}'
        (tmp_path / f"{name}.json").write_text(values)
    with pytest.raises(CurvesError, match=r"7 trainings has one value, .* put them into one file"):
        LearningCurves.read(tmp_path)
