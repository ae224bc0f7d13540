"""What one training leaves in the database, and how its end becomes a reward."""

import numpy as np
import pytest

from metaqnn.search.events import Job
from metaqnn.search.knowledge import History
from metaqnn.search.monitor import TrainingMonitor
from predictor import Decision
from state_space import Architecture
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance

T = 4
CHANCE = Chance(0.1, 0.15)
CONTINUE = Decision(False, "promising", 0.2, 0.6, 0.05, 0.5)
STOP = Decision(True, "hopeless", 0.999, 0.31, 0.02, 0.5)


class Log:
    """Stands for the database, the stopping rule and the listener at once; notes what it hears in order."""

    def __init__(self, *decisions):
        self.events, self.curves = [], []
        self._decisions = list(decisions)

    def decide(self, curve, history):
        self.events.append("decide")
        self.curves.append(curve)
        return self._decisions.pop(0) if self._decisions else CONTINUE

    def add_epoch(self, network_id, report, decision):
        self.events.append(("stored", network_id, report.epoch, decision))

    def heard(self, job, report, decision):
        self.events.append("heard")


def monitor_of(log, stored=(), chance=CHANCE, **more):
    architecture = Architecture.parse("[C(8,1,1), SM(10)]")
    return TrainingMonitor(
        job=Job(17, 1, 1.0, architecture, 100, 2),
        stored={(report.attempt, report.epoch): (report, decision) for report, decision in stored},
        database=log,
        history=History(T),
        rule=log,
        epochs=T,
        chance=chance,
        heard=log.heard,
        **more,
    )


def train(monitor, accuracies, *, attempt=1):
    return [
        monitor.on_epoch(EpochReport(attempt, 0.001 / attempt, epoch, accuracy, 1.0, 0.1))
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]


def ended(outcome):
    return TrainingResult(outcome, (), 0.001, 1, 2.5, "a message")


def test_each_epoch_is_decided_stored_and_heard_in_this_order():
    log = Log()
    assert train(monitor_of(log), [0.3]) == [False]
    assert log.events == ["decide", ("stored", 17, 1, CONTINUE), "heard"]


def test_the_rule_sees_the_curve_so_far():
    log = Log()
    train(monitor_of(log), [0.3, 0.4])
    np.testing.assert_array_equal(log.curves[-1].values, [[0.3, 0.4, np.nan, np.nan]])


def test_the_rule_is_not_asked_after_the_last_epoch_nor_at_chance_after_the_first():
    log = Log()
    monitor = monitor_of(log)
    train(monitor, [0.15])
    assert log.events == [("stored", 17, 1, None), "heard"]
    train(monitor, [0.3, 0.1, 0.5, 0.6], attempt=2)
    assert log.events.count("decide") == 3
    assert log.events[-2] == ("stored", 17, 4, None)


def test_what_has_learned_nothing_is_not_judged_before_it_has_had_its_chance_of_a_lower_rate():
    log = Log(STOP)
    monitor = monitor_of(log, chance=Chance(0.1, 0.15, epoch=3))
    assert train(monitor, [0.12, 0.15, 0.15]) == [False] * 3  # the trainer starts it again
    assert "decide" not in log.events
    assert train(monitor, [0.12, 0.16], attempt=2) == [False, True]


def test_what_has_learned_is_judged_before_others_are_tested_for_chance():
    assert train(monitor_of(Log(STOP), chance=Chance(0.1, 0.15, epoch=3)), [0.16]) == [True]


def test_where_nothing_is_tested_for_chance_everything_is_judged():
    assert train(monitor_of(Log(STOP), chance=Chance(0.1, 0.15, epoch=None)), [0.1]) == [True]


def test_a_completed_network_is_rewarded_with_its_last_accuracy():
    monitor = monitor_of(Log())
    train(monitor, [0.1])
    train(monitor, [0.3, 0.4, 0.7, 0.6], attempt=2)
    result = monitor.result(TrainingResult(Outcome.COMPLETED, (), 0.001, 2, 2.5, "done"))
    assert (result.outcome, result.reward, result.final_accuracy) == ("completed", 0.6, 0.6)
    assert result.predicted_accuracy is None
    assert (result.attempt, result.epochs, result.last_accuracy) == (2, 4, 0.6)
    assert (result.seconds, result.message) == (2.5, "done")
    assert list(monitor.curve().values[0]) == [0.3, 0.4, 0.7, 0.6]
    assert list(monitor.curve().hyperparameters["learning_rate"]) == [0.0005]


def test_a_stopped_network_is_rewarded_with_its_prediction():
    monitor = monitor_of(Log(CONTINUE, STOP))
    assert train(monitor, [0.2, 0.3]) == [False, True]
    result = monitor.result(ended(Outcome.STOPPED))
    assert (result.outcome, result.reward, result.predicted_accuracy) == ("stopped", 0.31, 0.31)
    assert (result.final_accuracy, result.last_accuracy, result.epochs) == (None, 0.3, 2)


@pytest.mark.parametrize(("predicted", "reward"), [(1.2, 1.0), (-0.3, 0.0), (None, 0.3)])
def test_a_reward_is_an_accuracy(predicted, reward):
    monitor = monitor_of(Log(Decision(True, "hopeless", y_hat_T=predicted)))
    train(monitor, [0.3])
    result = monitor.result(ended(Outcome.STOPPED))
    assert (result.reward, result.predicted_accuracy) == (reward, predicted)


@pytest.mark.parametrize("predicted", [-2e12, float("nan"), float("inf")])
def test_a_forecast_that_no_database_takes_is_none(predicted):
    log = Log(Decision(True, "hopeless", y_hat_T=predicted))
    monitor = monitor_of(log)
    train(monitor, [0.3])
    assert log.events[1][3].y_hat_T is None
    result = monitor.result(ended(Outcome.STOPPED))
    assert (result.reward, result.predicted_accuracy) == (0.3, None)


def test_an_audited_network_is_not_stopped_and_the_rule_not_asked_again():
    log = Log(CONTINUE, STOP)
    monitor = monitor_of(log, audited=True)
    assert train(monitor, [0.2, 0.3, 0.3, 0.4]) == [False] * 4
    stored = [event[3] for event in log.events if event[0] == "stored"]
    assert stored == [CONTINUE, STOP, None, None]
    result = monitor.result(ended(Outcome.COMPLETED))
    assert (result.outcome, result.reward, result.predicted_accuracy) == ("completed", 0.4, None)


def test_an_audit_that_was_interrupted_goes_on_as_one():
    log = Log()
    stored = [(EpochReport(1, 0.001, 1, 0.3, 1.0, 0.1), STOP)]
    assert train(monitor_of(log, stored=stored, audited=True), [0.3, 0.4, 0.5]) == [False] * 3
    assert "decide" not in log.events


def test_an_audit_ends_with_the_attempt_it_is_about():
    log = Log(STOP, CONTINUE, STOP)
    monitor = monitor_of(log, audited=True)
    train(monitor, [0.2])
    assert train(monitor, [0.3, 0.3, 0.3], attempt=2) == [False] * 3
    assert [event[3] for event in log.events if event[0] == "stored"] == [STOP, CONTINUE, STOP, None]


@pytest.mark.parametrize("outcome", [Outcome.CHANCE, Outcome.DIVERGED, Outcome.OUT_OF_MEMORY])
def test_a_failed_network_is_rewarded_with_chance(outcome):
    monitor = monitor_of(Log())
    train(monitor, [0.12])
    result = monitor.result(ended(outcome))
    assert (result.outcome, result.reward) == (outcome.value, 1 / 10)
    assert result.final_accuracy is result.predicted_accuracy is None


def test_a_failure_leaves_what_was_observed_in_the_last_attempt():
    monitor = monitor_of(Log())
    train(monitor, [0.3, 0.4])
    result = monitor.failure("timed_out", "silent")
    assert (result.attempt, result.epochs, result.last_accuracy) == (1, 2, 0.4)
    out_of_memory = TrainingResult(Outcome.OUT_OF_MEMORY, (), 0.0004, 2, 2.5, "in its first step")
    result = monitor.result(out_of_memory)
    assert (result.attempt, result.epochs, result.last_accuracy) == (2, 0, None)


def test_a_crash_before_the_first_epoch():
    result = monitor_of(Log()).failure("crashed", "Traceback ...")
    assert (result.outcome, result.reward, result.epochs) == ("crashed", 1 / 10, 0)
    assert result.message == "Traceback ..."


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.STOPPED])
def test_a_trainer_that_claims_an_end_without_any_epoch_has_crashed(outcome):
    result = monitor_of(Log()).result(ended(outcome))
    assert (result.outcome, result.reward, result.epochs) == ("crashed", 1 / 10, 0)
    assert result.message == f"the trainer says {outcome}, but has reported no epoch"


def test_epochs_that_are_stored_already_stay_as_they_are():
    """A training that was interrupted reports again what its checkpoint holds, perhaps rounded otherwise."""
    stored = [(EpochReport(1, 0.001, 1, 0.30, 1.0, 0.1), CONTINUE)]
    log = Log(STOP)
    monitor = monitor_of(log, stored=stored)
    assert train(monitor, [0.31, 0.4]) == [False, True]
    assert log.events == ["decide", ("stored", 17, 2, STOP), "heard"]
    np.testing.assert_array_equal(log.curves[0].values, [[0.30, 0.4, np.nan, np.nan]])


def test_a_decision_to_stop_that_is_stored_already_stops():
    stored = [(EpochReport(1, 0.001, 1, 0.3, 1.0, 0.1), STOP)]
    monitor = monitor_of(Log(), stored=stored)
    assert train(monitor, [0.3]) == [True]
    assert monitor.result(ended(Outcome.STOPPED)).predicted_accuracy == STOP.y_hat_T


def test_a_training_that_is_started_again_is_decided_about_once():
    """A worker died: the same monitor hears the first epochs twice."""
    log = Log(CONTINUE, CONTINUE, STOP)
    monitor = monitor_of(log)
    assert train(monitor, [0.3, 0.4]) == [False, False]
    assert train(monitor, [0.3, 0.4, 0.5]) == [False, False, True]
    assert [event[2] for event in log.events if event[0] == "stored"] == [1, 2, 3]
