"""Which column numbers the epochs, and which tell the trainings apart."""

import pytest

from predictor import CurvesError, LearningCurves


def test_a_step_that_is_the_same_in_all_rows_is_named_as_the_cause(tmp_path, long):
    """As MLflow has it where values were logged without a step."""
    long.drop(columns="epoch").assign(step=0).to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(
        CurvesError, match="numbers the epochs: it is 0 in all rows; number the values of each"
    ):
        LearningCurves.read(tmp_path / "long.csv")
