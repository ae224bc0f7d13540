"""Which column numbers the epochs, and which tell the trainings apart."""

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves


def test_a_step_that_is_the_same_in_all_rows_is_named_as_the_cause(tmp_path, long):
    """As MLflow has it where values were logged without a step."""
    long.drop(columns="epoch").assign(step=0).to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(
        CurvesError, match="numbers the epochs: it is 0 in all rows; number the values of each"
    ):
        LearningCurves.read(tmp_path / "long.csv")


@pytest.mark.parametrize("name", ["name", "lr"])
def test_a_training_that_was_resumed_under_a_new_id_is_one(tmp_path, long, accuracies, name):
    """As Weights & Biases and MLflow write it, where another column tells the trainings apart."""
    later = np.where(long["epoch"] > 3, "_resumed", "")
    columns = {"run_id": long["run"] + later, name: long["run"] if name == "name" else long["lr"]}
    table = long.assign(**columns)[["run_id", name, "epoch", "val_acc"]]
    for rows in (table, table.sample(frac=1, random_state=0).sort_values("epoch", kind="stable")):
        rows.to_csv(tmp_path / "long.csv", index=False)
        curves = LearningCurves.read(tmp_path / "long.csv")
        np.testing.assert_array_equal(np.sort(curves.values, axis=0), np.sort(accuracies, axis=0))
        assert f"trainings told apart by {name};" in curves.understood
