import numpy as np
import pytest

from predictor import CurvesError, LearningCurves

optuna = pytest.importorskip("optuna")
read = LearningCurves.read


@pytest.fixture
def study_of(losses):
    def fill(storage, name="one"):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(storage=storage, study_name=name, direction="minimize")
        for i, curve in enumerate(losses):
            trial = study.ask({"lr": optuna.distributions.FloatDistribution(0, 1)})
            for step, value in enumerate(curve if i != 3 else curve[:2]):
                trial.report(value, 10 * step)
            study.tell(
                trial,
                state=optuna.trial.TrialState.PRUNED if i == 3 else None,
                values=None if i == 3 else curve[-1],
            )
        crashed = study.ask()
        crashed.report(0.0, 0)
        study.tell(crashed, state=optuna.trial.TrialState.FAIL)
        return study

    return fill


@pytest.mark.parametrize("place", ["file", "url", "journal"])
def test_the_trials_of_a_study(tmp_path, study_of, losses, place):
    if place == "journal":
        path = str(tmp_path / "journal.log")
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    else:
        storage = f"sqlite:///{tmp_path}/study.db"
        path = tmp_path / "study.db" if place == "file" else storage
    study = study_of(storage)
    curves = read(path)
    expected = losses.copy()
    expected[3, 2:] = np.nan
    np.testing.assert_array_equal(curves.values, expected)
    assert curves.direction == "minimize"
    np.testing.assert_array_equal(
        curves.hyperparameters["lr"], [trial.params["lr"] for trial in study.trials[:8]]
    )


@pytest.mark.parametrize("place", ["file", "journal"])
def test_steps_that_count_down_are_read_in_the_order_of_training(tmp_path, losses, place):
    path = str(tmp_path / ("study.db" if place == "file" else "journal.log"))
    storage = f"sqlite:///{path}"
    if place == "journal":
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    study = optuna.create_study(storage=storage, direction="minimize")
    for curve in losses:
        trial = study.ask()
        for left, value in zip(range(len(curve), 0, -1), curve, strict=True):
            trial.report(value, left)
        study.tell(trial, curve[-1])
    curves = read(storage if place == "file" else path)
    np.testing.assert_array_equal(curves.values, losses)
    assert "steps with a minus, as they count down" in curves.understood


def _study_of_names(tmp_path, losses, names, metric="loss"):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/study.db", direction="minimize")
    study.set_metric_names([metric])
    for i, curve in enumerate(losses):
        trial = study.ask()
        for name in names:
            trial.suggest_categorical(name, ["m"]) if name == "text" else trial.suggest_int(name, i, i)
        for step, value in enumerate(curve):
            trial.report(value, step)
        study.tell(trial, curve[-1])
    return tmp_path / "study.db"


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_study_without_parameters_has_nothing_to_leave_out(tmp_path, losses):
    understood = read(_study_of_names(tmp_path, losses, [])).understood
    assert "no parameters" in understood
    assert "left out" not in understood


def test_a_trial_with_the_mean_of_others_is_a_trial(tmp_path):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/study.db", direction="minimize")
    for pooling, loss in {"max": 0.5, "mean": 0.4, "none": 0.3, "last": 0.5}.items():
        study.enqueue_trial({"pooling": pooling})
        trial = study.ask()
        trial.suggest_categorical("pooling", ["max", "mean", "none", "last"])
        for step in (1, 2):
            trial.report(loss / step, step)
        study.tell(trial, loss / 2)
    assert len(read(tmp_path / "study.db", metric="loss")) == 4


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_parameters_of_a_study_are_parameters_whatever_their_names(tmp_path, losses):
    numbers = ["run", "id", "version", "model", "name", "epoch", "time", "acc_1", "x_1", "x_2", "rank"]
    curves = read(_study_of_names(tmp_path, losses, [*numbers, "text"]))
    assert sorted({**curves.architecture, **curves.hyperparameters}) == sorted(numbers)
    for name in numbers:
        np.testing.assert_array_equal(curves.hyperparameters[name], np.arange(8))
    assert "left out: text (text)" in curves.understood


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    "metric", ["time", "name", "epoch", "id", "run", "step", "lr", "config/jaccard", "jaccard"]
)
def test_the_metric_of_a_study_may_have_any_name(tmp_path, losses, metric):
    path = _study_of_names(tmp_path, losses, ["lr", "run"], metric)
    for curves in (read(path), read(path, curve=metric)):
        np.testing.assert_array_equal(curves.values, losses)
        assert (curves.metric, curves.direction) == (metric.replace("/", "_"), "minimize")
        assert list(curves.hyperparameters) == ["lr", "run"]


def test_one_of_several_studies_is_named(tmp_path, study_of):
    storage = f"sqlite:///{tmp_path}/study.db"
    study_of(storage)
    study_of(storage, "two")
    with pytest.raises(CurvesError, match=r"2 studies: \['one', 'two'\]; put #NAME behind the storage"):
        read(storage)
    assert len(read(f"{storage}#two")) == 8
    with pytest.raises(CurvesError, match="no study 'x'"):
        read(f"{storage}#x")


@pytest.mark.parametrize("place", ["file", "journal"])
def test_one_of_several_studies_in_a_file_is_named(tmp_path, study_of, losses, place):
    path = str(tmp_path / ("study.db" if place == "file" else "journal.log"))
    storage = f"sqlite:///{path}"
    if place == "journal":
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    study_of(storage, "one")
    study_of(storage, "two #2")
    np.testing.assert_array_equal(read(f"{path}#two #2").values[0], losses[0])
    with pytest.raises(CurvesError, match=r"no study 'x'; there are \['one', 'two #2'\]"):
        read(f"{path}#x")


def test_a_path_may_hold_the_sign_of_a_study(tmp_path, study_of):
    (tmp_path / "#1").mkdir()
    study_of(f"sqlite:///{tmp_path}/#1/study.db")
    assert len(read(tmp_path / "#1" / "study.db")) == 8


def test_a_storage_that_cannot_be_opened_is_one_line(tmp_path):
    with pytest.raises(CurvesError, match="cannot be read by Optuna") as caught:
        read(f"sqlite:///{tmp_path}/no/where.db")
    assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(CurvesError, match=r"cannot be read by Optuna: no file .*/typo\.db"):
        read(f"sqlite:///{tmp_path}/typo.db#one")
    assert not (tmp_path / "typo.db").exists()


def test_of_a_study_with_two_objectives_the_direction_is_asked_for(tmp_path, losses):
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, study_name="two", directions=["minimize", "maximize"])
    for curve in losses:
        values = dict(enumerate(curve.tolist()))
        study.add_trial(optuna.trial.create_trial(values=[curve[-1], 5], intermediate_values=values))
    with pytest.raises(CurvesError, match=r"'two' has 2 objectives; say .* --direction"):
        read(url)
    np.testing.assert_array_equal(read(url, direction="minimize").values, losses)
