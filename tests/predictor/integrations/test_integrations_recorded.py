import multiprocessing
import subprocess
import sys
import time

import numpy as np
import pytest

from predictor import LearningCurves, NoStopping
from predictor.errors import CurvesError, PredictorError
from predictor.integrations.recorded import CurveStore

T = 8


def train_all(store, rule, values, rates):
    """Epochs that each training gets in a plain loop."""
    epochs = []
    for row, rate in zip(values, rates, strict=True):
        with store.training(rule, {"lr": rate}) as training:
            for value in row:
                if training.report(value).stop:
                    break
        epochs.append(len(training.values))
    return epochs


@pytest.mark.parametrize("rule", ["rank-envelope", NoStopping, None])
def test_the_name_or_the_class_of_a_rule_is_no_rule(rule, tmp_path):
    store = CurveStore(tmp_path / "curves.npz", T, metric="accuracy")
    with pytest.raises(PredictorError, match=r"rule = .*; expected a stopping rule, such as make_rule"):
        store.training(rule)


@pytest.mark.parametrize("value", ["a", "0.5", None, [0.1, 0.2], 10**400])
def test_a_value_that_is_no_number_is_quoted(value, tmp_path):
    training = CurveStore(tmp_path / "curves.npz", T, metric="accuracy").training(NoStopping())
    training.report(0.5)
    with pytest.raises(CurvesError, match=r"value = .*; expected a number"):
        training.report(value)
    assert training.values == [0.5]


def test_decides_as_the_rule_asked_directly(fresh_rule, values, rates, epochs_asked_directly, tmp_path):
    expected = epochs_asked_directly(fresh_rule(), values, rates)
    assert (
        train_all(CurveStore(tmp_path / "curves.npz", T, metric="accuracy"), fresh_rule(), values, rates)
        == expected
    )


def test_a_minimised_metric_is_decided_as_the_rule_asked_directly(
    fresh_rule, values, rates, epochs_asked_directly, tmp_path
):
    losses = 1 - values
    expected = epochs_asked_directly(fresh_rule(), losses, rates, metric="loss")
    store = CurveStore(tmp_path / "curves.npz", T, metric="loss")
    assert train_all(store, fresh_rule(), losses, rates) == expected


def test_each_process_may_have_one_training(fresh_rule, values, rates, epochs_asked_directly, tmp_path):
    """As in programs that are started once per training: nothing but the file is shared."""
    path, epochs = tmp_path / "curves.npz", []
    for row, rate in zip(values, rates, strict=True):
        epochs += train_all(CurveStore(path, T, metric="accuracy"), fresh_rule(), [row], [rate])
    assert epochs == epochs_asked_directly(fresh_rule(), values, rates)


def test_the_file_is_read_as_any_curves(values, rates, tmp_path):
    path = tmp_path / "folder" / "curves.npz"
    train_all(CurveStore(path, T, metric="accuracy"), NoStopping(), values, rates)
    curves = LearningCurves.read(path)
    np.testing.assert_equal(curves.values, values)
    np.testing.assert_equal(curves.hyperparameters["lr"], rates)


def test_the_history_is_one_object_until_it_grows(tmp_path):
    store, other = (CurveStore(tmp_path / "curves.npz", 2, metric="accuracy") for _ in range(2))
    store.add([0.1, 0.2])
    first = store.history()
    assert store.history() is first
    other.add([0.3])
    assert store.history().observed.tolist() == [2, 1]


def test_a_training_that_crashes_is_not_added(tmp_path, caplog):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")

    def interrupted():
        with store.training(NoStopping()) as training:
            training.report(0.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(store.history()) == 0
    assert caplog.text == ""


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, 0.5]])
def test_a_training_without_a_first_value_is_not_added(tmp_path, values):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    store.add(values)
    assert len(store.history()) == 0


def test_a_diverged_training_is_stopped_and_added_as_far_as_it_came(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 4, metric="accuracy")
    with store.training(NoStopping()) as training:
        assert not training.report(0.5).stop
        assert training.report(float("nan")).stop
    assert store.history().observed.tolist() == [1]


def add_many(path, worker, n):
    store = CurveStore(path, 2, metric="accuracy")
    for number in range(n):
        store.add([worker, number], {"lr": worker})


def test_nothing_is_lost_when_processes_add_at_once(tmp_path):
    context, path = multiprocessing.get_context("fork"), tmp_path / "curves.npz"
    workers = [context.Process(target=add_many, args=(path, worker, 25)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stored = CurveStore(path, 2, metric="accuracy").history().values.tolist()
    assert sorted(stored) == [[worker, number] for worker in range(4) for number in range(25)]
    for worker in range(4):  # in the order in which they ended
        assert [number for who, number in stored if who == worker] == list(range(25))


def add_for_ever(path, added):
    store = CurveStore(path, 500, metric="accuracy")
    while True:
        store.add([added.value] * 500)
        added.value += 1


def test_a_kill_leaves_a_whole_file_and_no_lock(tmp_path):
    context, path = multiprocessing.get_context("fork"), tmp_path / "curves.npz"
    added = context.Value("i", 0)
    for kill in range(1, 21):
        adding = context.Process(target=add_for_ever, args=(path, added))
        adding.start()
        while added.value < 3 * kill:
            time.sleep(0.0007)
        adding.kill()
        adding.join()
        stored = CurveStore(path, 500, metric="accuracy").history().values[:, 0]
        assert len(stored) - added.value in (0, 1)  # replaced, but not yet counted
        added.value = len(stored)
        CurveStore(path, 500, metric="accuracy").add([added.value])  # the lock is free
        added.value += 1


def test_trainings_with_other_parameters_are_refused_when_they_begin(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    store.add([0.1, 0.2], {"lr": 0.1})
    with pytest.raises(CurvesError, match=r"parameters \['lr'\], but this one has \['lr', 'width'\]"):
        store.training(NoStopping(), {"lr": 0.1, "width": 3})


@pytest.mark.parametrize(
    ("T", "metric", "message"),
    [
        (3, "accuracy", r"T = 2, not 3"),
        (2, "loss", r"metric = np.str_\('accuracy'\)|metric = 'accuracy', not 'loss'"),
    ],
)
def test_a_file_with_other_curves_is_refused(tmp_path, T, metric, message):
    CurveStore(tmp_path / "curves.npz", 2, metric="accuracy").add([0.1, 0.2])
    with pytest.raises(CurvesError, match=message):
        CurveStore(tmp_path / "curves.npz", T, metric=metric)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "curves.npz").write_bytes(b"garbage")
    with pytest.raises(CurvesError, match=r"curves.npz: not an .npz file"):
        CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(CurvesError, match=r"curves.csv: curves are kept in an .npz file"):
        CurveStore(tmp_path / "curves.csv", 2)


def test_a_place_that_cannot_be_is_named_before_the_training(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CurvesError, match="its folder cannot be made"):
        CurveStore(tmp_path / "file" / "x" / "curves.npz", 2, metric="accuracy").training(NoStopping())


def test_a_full_disk_keeps_what_was_stored(small_disk, fill):
    store = CurveStore(small_disk / "curves.npz", 100_000, metric="accuracy")
    store.add(np.full(100_000, 0.5))
    fill(500_000)
    with pytest.raises(CurvesError, match="cannot be written: No space left on device"):
        store.add(np.full(100_000, 0.5))
    assert len(store.history()) == 1
    assert sorted(path.name for path in small_disk.glob("*.npz*")) == ["curves.npz", "curves.npz.lock"]
    assert not list(small_disk.glob(".curves*"))


def test_a_file_system_that_became_read_only_is_one_line(tmp_path, mounted):
    mounted(tmp_path / "disk", "size=1m")
    store = CurveStore(tmp_path / "disk" / "curves.npz", 2, metric="accuracy")
    store.add([0.1, 0.2])
    subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
    with pytest.raises(CurvesError, match="cannot be written: Read-only file system"):
        store.add([0.1, 0.2])
    assert len(store.history()) == 1


def test_other_files_beside_the_store_stay_as_they_are(tmp_path):
    neighbour = tmp_path / "curves.new.npz"
    neighbour.write_bytes(b"somebody else's")
    CurveStore(tmp_path / "curves.npz", 2, metric="accuracy").add([0.1, 0.2])
    assert neighbour.read_bytes() == b"somebody else's"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "curves.new.npz",
        "curves.npz",
        "curves.npz.lock",
    ]


def test_the_mode_of_the_file_stays(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    store.add([0.1, 0.2])
    store.path.chmod(0o640)
    store.add([0.1, 0.2])
    assert store.path.stat().st_mode & 0o777 == 0o640


def test_which_way_is_better_is_asked_for(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 2)
    with pytest.raises(
        CurvesError, match=r"whether more is better; say CurveStore\(\.\.\., metric='accuracy'\)"
    ):
        store.training(NoStopping())
    CurveStore(tmp_path / "curves.npz", 2, metric="loss").add([0.1, 0.2])
    assert CurveStore(tmp_path / "curves.npz", 2).history().direction == "minimize"  # the file says it


def test_epochs_that_are_passed_over_are_not_observed(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 4, metric="accuracy")
    with store.training(NoStopping()) as training:
        training.report(0.5, 2)
        training.report(0.6)
    np.testing.assert_equal(store.history().values, [[np.nan, 0.5, 0.6, np.nan]])


def test_trainings_of_different_metrics_are_not_mixed_unless_one_is_said(tmp_path):
    path = tmp_path / "curves.npz"
    first = CurveStore(path, 2)
    first.monitor("val_loss")
    first.add([0.5, 0.4])
    for store in (first, CurveStore(path, 2)):
        store.monitor("loss")
        with pytest.raises(CurvesError, match=r"metric = 'loss', but 'val_mae' is mae; use another file"):
            store.monitor("val_mae")
    CurveStore(path, 2, metric="loss").monitor("val_mae")


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val_neg_log_loss", "maximize"),
        ("-val_loss", "maximize"),
        ("minus_val_loss", "maximize"),
        ("neg_mean_poisson_deviance", "maximize"),
        ("val_d2_log_loss_score", "maximize"),
        ("1-val_accuracy", "minimize"),
        ("val_negative_log_likelihood", "minimize"),
    ],
)
def test_the_direction_of_what_is_monitored_is_that_of_all_its_trainings(name, direction, tmp_path):
    path = tmp_path / "curves.npz"
    store = CurveStore(path, 2)
    for _ in range(2):  # a callback for each training
        store.monitor(name)
        with store.training(NoStopping()) as training:
            training.report(-0.5)
    assert store.history().direction == direction
    again = CurveStore(path, 2)
    again.monitor(name)
    assert again.history().direction == direction


def test_what_is_monitored_and_tells_no_direction_is_asked_about_at_once(tmp_path):
    with pytest.raises(CurvesError, match=r"'val_entropy' does not say whether more is better"):
        CurveStore(tmp_path / "curves.npz", 2).monitor("val_entropy")
    store = CurveStore(tmp_path / "curves.npz", 2, direction="minimize")
    store.monitor("val_entropy")
    assert store.history().direction == "minimize"


def test_metrics_are_told_apart_by_names_of_their_own_too(tmp_path):
    store = CurveStore(tmp_path / "curves.npz", 2)
    store.monitor("val_d2_log_loss_score")
    with pytest.raises(CurvesError, match=r"metric = 'd2', but 'val_r2' is r2; use another file"):
        store.monitor("val_r2")


def test_an_epoch_before_the_first_is_refused(tmp_path):
    """Counted from 0, epoch 1 would overwrite the epoch before it, and no training would reach T."""
    training = CurveStore(tmp_path / "curves.npz", 4, metric="accuracy").training(NoStopping())
    with pytest.raises(CurvesError, match=r"epoch = 0; epochs are counted from 1"):
        training.report(0.5, epoch=0)
    assert training.values == []


def test_a_length_that_no_training_comes_to_is_told_once(tmp_path, caplog):
    for _ in range(4):
        store = CurveStore(tmp_path / "curves.npz", 5, metric="accuracy")
        with store.training(NoStopping()) as training:
            for value in (0.1, 0.2, 0.3):
                training.report(value)
    assert (
        caplog.text.count("T = 5, but the 3 trainings that came to their end have 3 values: say T = 3") == 1
    )


def test_a_training_that_reports_nothing_is_told_and_one_that_diverges_at_once_is_not(tmp_path, caplog):
    store = CurveStore(tmp_path / "curves.npz", 5, metric="accuracy")
    with store.training(NoStopping()) as training:
        training.report(float("nan"))
    assert caplog.text == ""
    with store.training(NoStopping()):
        pass
    assert "curves.npz: a training that reported no value is not added" in caplog.text


TOLD_LOST = "curves.npz: a training was never ended, so it is not added"


def test_a_training_that_is_dropped_without_its_end_is_told_once(tmp_path, caplog):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    for _ in range(3):
        training = store.training(NoStopping())
        training.report(0.5)
        training.report(0.6)
    assert len(store.history()) == 0
    assert caplog.text.count(TOLD_LOST) == 1
    assert "with store.training(...) as training:, or call training.end()" in caplog.text


def test_the_end_of_a_program_tells_of_a_training_that_it_never_ended(tmp_path):
    """As in programs that are started once per training."""
    program = (
        "from predictor import NoStopping; from predictor.integrations.recorded import CurveStore\n"
        f"store = CurveStore({str(tmp_path / 'curves.npz')!r}, 2, metric='accuracy')\n"
        "training = store.training(NoStopping()); training.report(0.5); training.report(0.6)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert TOLD_LOST in ended.stderr


def test_a_training_that_is_ended_by_itself_is_added_and_nothing_is_told(tmp_path, caplog):
    store = CurveStore(tmp_path / "curves.npz", 2, metric="accuracy")
    training = store.training(NoStopping())
    training.report(0.5)
    training.end()
    del training
    assert store.history().observed.tolist() == [1]
    assert caplog.text == ""


def store_all(path, curves, **said):
    store = CurveStore(path, len(curves[0]), **said)
    for curve in curves:
        store.add(curve)


def test_a_falling_loss_that_is_called_accuracy_is_told_once_and_when_it_is_read(tmp_path, caplog):
    losses = [[2.5 + 0.1 * i, 2.0, 1.6 - 0.1 * i] for i in range(8)]
    store_all(tmp_path / "curves.npz", losses, metric="accuracy")
    said = "curves.npz: metric = 'accuracy', which falls in 5 of 5 trainings; if less is better, say another"
    assert caplog.text.count(said) == caplog.text.count("falls in") == 1
    understood = LearningCurves.read(tmp_path / "curves.npz").understood
    assert "worse at the end than at the beginning in 100% of the curves" in understood


def test_shares_among_percentages_are_told_of_once(tmp_path, caplog):
    values = [[20, 60, 90], [0.3, 0.7, 0.9], [0.2, 0.4, 0.5], [0.2, 0.5, 0.6]]
    store_all(tmp_path / "curves.npz", values, metric="accuracy")
    assert caplog.text.count("2 of 3 trainings go up within 0 to 1, beside percentages") == 1
    assert caplog.text.count("beside percentages") == 1


def test_one_training_at_a_chance_of_one_percent_is_no_share_among_percentages(tmp_path, caplog):
    store_all(tmp_path / "curves.npz", [[20, 40, 60], [10, 30, 70], [0.87, 0.98, 1.0]], metric="accuracy")
    assert caplog.text == ""


def test_curves_that_may_be_as_they_are_told_are_stored_in_silence(values, tmp_path, caplog):
    store_all(tmp_path / "accuracies.npz", values, metric="accuracy")
    store_all(tmp_path / "percentages.npz", 100 * values, metric="accuracy")
    store_all(tmp_path / "losses.npz", 3 - values, metric="loss")
    store_all(tmp_path / "overfitted.npz", 1 + values, metric="loss")
    store_all(tmp_path / "own.npz", 1 - values, metric="consistency", direction="maximize")
    assert caplog.text == ""
