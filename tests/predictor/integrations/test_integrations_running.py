"""One training of a program's own, from its first value to its end."""

import pytest

from predictor import NoStopping
from predictor.errors import CurvesError
from predictor.integrations.recorded import CurveStore


@pytest.fixture
def store(tmp_path):
    return CurveStore(tmp_path / "curves.npz", 4, metric="accuracy")


def test_a_training_that_is_ended_twice_is_stored_once_and_takes_no_more_values(store):
    for best in (0.5, 0.6):
        with store.training(NoStopping()) as training:
            training.report(best)
            training.end()
            with pytest.raises(CurvesError, match=r"this training has ended; the next one is another store"):
                training.report(0.9)
        training.end()
    assert store.history().values[:, 0].tolist() == [0.5, 0.6]
