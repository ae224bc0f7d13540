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


def test_a_store_stays_where_it_was_made_when_the_program_changes_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = CurveStore("own.npz", 4, metric="accuracy")
    for folder in (tmp_path, tmp_path / "out"):
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        with store.training(NoStopping()) as training:
            training.report(0.5)
    assert len(store.history()) == 2
    assert list(tmp_path.rglob("*.npz")) == [tmp_path / "own.npz"]
