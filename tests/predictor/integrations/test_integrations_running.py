"""One training in a program of one's own, from its first value to its end."""

import numpy as np
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
            with pytest.raises(
                CurvesError, match=r"this training has ended; begin the next one with store.training"
            ):
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


@pytest.mark.parametrize("epoch", [3, 3.0, np.float32(3), np.int64(3)])
def test_an_epoch_is_a_whole_number_of_any_kind(store, epoch):
    with store.training(NoStopping()) as training:
        training.report(0.5, epoch)
    assert np.isfinite(store.history().values).tolist() == [[False, False, True, False]]


@pytest.mark.parametrize("epoch", [1.5, "5", float("nan"), float("inf"), [1]])
def test_an_epoch_that_is_no_whole_number_is_quoted(store, epoch):
    training = store.training(NoStopping())
    with pytest.raises(CurvesError, match=r"epoch = .*; expected a whole number, at least 1"):
        training.report(0.5, epoch)
    training.end()


def test_names_without_values_and_several_trainings_in_one_are_quoted(store):
    with pytest.raises(CurvesError, match=r"parameters = \['learning_rate'\]; expected values by name"):
        store.training(NoStopping(), ["learning_rate"])
    with pytest.raises(CurvesError, match=r"values = \[\[0.1, 0.2\]\]; expected those of one training"):
        store.add([[0.1, 0.2]])
    for several in ([[0.1, 0.2], [0.3]], ["high"]):
        with pytest.raises(CurvesError, match="expected those of one training, one number per epoch"):
            store.add(several)
    with pytest.raises(CurvesError, match=r"parameters = \['learning_rate'\]; expected values by name"):
        store.add([0.1, 0.2], ["learning_rate"])
    with pytest.raises(CurvesError, match=r"epoch = 1e\+300; expected at most 100,000,000"):
        store.training(NoStopping(), {}).report(0.1, 1e300)


def test_a_training_in_legs_is_decided_and_stored_like_a_whole_one(
    fresh_rule, values, rates, epochs_asked_directly, tmp_path
):
    rule, store = fresh_rule(), CurveStore(tmp_path / "curves.npz", values.shape[1], metric="accuracy")
    for row, rate in zip(values, rates, strict=True):
        earlier, stopped = [], False
        while not stopped and len(earlier) < store.T:
            with store.training(rule, {"lr": rate}) as training:
                training.values = list(earlier)
                for value in row[len(earlier) : len(earlier) + 3]:
                    if stopped := training.report(value).stop:
                        break
            earlier = training.values
    assert store.history().observed.tolist() == epochs_asked_directly(fresh_rule(), values, rates)


def test_only_the_latest_curve_with_the_same_values_and_parameters_is_an_earlier_leg(store, listener):
    for values, width in ([0.5, 0.6], 1), ([0.5, 0.6], 1), ([0.5, 0.6], 2), ([0.5], 1), ([0.5, 0.6, 0.7], 1):
        store.add(values, {"width": width})
    with store.training(listener, {"width": 1}) as training:
        training.values = [0.5, 0.6]
        training.report(0.65)
    [(_, asked)] = listener.asked
    for curves in asked, store.history()[np.arange(4)]:
        assert curves.observed.tolist() == [2, 2, 1, 3]
        assert curves.architecture["width"].tolist() == [1, 2, 1, 1]
    assert store.history().observed.tolist() == [2, 2, 1, 3, 3]
    assert listener.asked[0][1] is not store.history()


@pytest.mark.parametrize(
    ("T", "parameters", "message"),
    [
        (4, {"width": 3}, r"have the parameters \['width'\], but this one has \['lr'\]"),
        (2, {"lr": 0.1}, "curves differ in number of epochs"),
    ],
)
def test_a_resumed_training_beside_others_that_do_not_compare_is_refused_with_the_reason(
    tmp_path, store, T, parameters, message
):
    training = store.training(NoStopping(), {"lr": 0.1})
    training.values = [0.5, 0.6]
    CurveStore(store.path, T, metric="accuracy").add([0.4, 0.5], parameters)  # by another program
    training.report(0.7)
    with pytest.raises(CurvesError, match=message):
        training.end()


def test_a_resumed_training_that_reports_nothing_more_is_stored_once(store):
    for _ in range(2):
        with store.training(NoStopping(), {"lr": None}) as training:
            training.values = [0.5, np.nan]
    assert len(store.history()) == 1
