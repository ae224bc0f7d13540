"""Trials run one after the other, and a tuning that was cut goes on without training anything twice."""

import pytest
from optuna.pruners import NopPruner
from optuna.trial import Trial, TrialState

from metaqnn.tune import TuneError
from trainers import EpochReport, Outcome, TrainingResult

T = 6
RULE = "optuna.MedianPruner:n_startup_trials=1"


def curves(study):
    return [(trial.params, trial.state, trial.intermediate_values) for trial in study.trials]


class Cut:
    """Ends the process, as far as a test can, at the n-th event."""

    def __init__(self, event):
        self.left = event

    def __call__(self, number, what):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def known():
    """The curves of uninterrupted tunings, by their settings."""
    return {}


@pytest.fixture
def undisturbed(known, tuning, formula_family_trainer):
    """undisturbed(**settings): the curves of that tuning, uninterrupted."""

    def run(**asked):
        key = tuple(asked.items())
        if key not in known:
            known[key] = curves(tuning(formula_family_trainer(), folder="whole", **asked))
        return known[key]

    return run


def test_trials_are_trained_as_many_as_asked_for(tuning, formula_family_trainer):
    trainer = formula_family_trainer()
    study = tuning(trainer, trials=3)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3
    for trial in study.trials:
        assert (
            trial.value
            == trial.intermediate_values[T]
            == pytest.approx((0.9 - trial.params["dropout"]) * (1 - 0.5**T))
        )
        assert trial.user_attrs == {"parameters": 100, "depth": 2, "outcome": "completed"}
    tuning(trainer, trials=5)
    assert len(trainer.trained) == 5 * T


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("event", [1, 4, 6, 7, 8, 20])
def test_a_tuning_that_was_cut_ends_as_an_undisturbed_one_and_trains_no_epoch_twice(
    event, sampler, tuning, formula_family_trainer, undisturbed
):
    whole = undisturbed(sampler=sampler, stopping=RULE)
    trainer = formula_family_trainer()
    with pytest.raises(KeyboardInterrupt):
        tuning(trainer, heard=Cut(event), sampler=sampler, stopping=RULE)
    study = tuning(trainer, sampler=sampler, stopping=RULE)
    assert curves(study) == whole
    assert len(trainer.trained) == len(set(trainer.trained)) == sum(len(c) for *_, c in whole)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("suggestion", [4, 63])  # of 6 for each trial; TPE models them from trial 10 on
def test_a_trial_that_was_cut_between_its_hyper_parameters_gets_the_same_as_an_undisturbed_one(
    suggestion, sampler, tuning, formula_family_trainer, monkeypatch, undisturbed
):
    whole = undisturbed(trials=11, sampler=sampler)
    left, suggest = iter(range(1, suggestion)), Trial._suggest

    def cut(*arguments):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return suggest(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Trial, "_suggest", cut)
        with pytest.raises(KeyboardInterrupt):
            tuning(formula_family_trainer(), trials=11, sampler=sampler)
    assert curves(tuning(formula_family_trainer(), trials=11, sampler=sampler)) == whole


def test_no_epoch_is_told_twice_after_a_cut_or_where_a_worker_begins_a_trial_again(
    tuning, formula_family_trainer, monkeypatch
):
    class Again(formula_family_trainer):
        def train(self, configuration, *, on_epoch, **options):
            for epoch in (1, 2, 3):  # of a worker that was lost
                on_epoch(EpochReport(1, 0.1, epoch, 0.5, 1.0, 0.1))
            return super().train(configuration, on_epoch=on_epoch, **options)

    def noted(trial, value, step):
        told.append((trial.number, step))
        report(trial, value, step)

    told, report = [], Trial.report
    monkeypatch.setattr(Trial, "report", noted)
    with pytest.raises(KeyboardInterrupt):
        tuning(Again(), trials=2, heard=Cut(5))
    tuning(Again(), trials=2)
    assert told == [(number, epoch) for number in (0, 1) for epoch in range(1, T + 1)]


def test_hyper_parameters_differ_between_trials_and_seeds(tuning, formula_family_trainer):
    first = tuning(formula_family_trainer(), trials=4, sampler="random")
    other = tuning(formula_family_trainer(), trials=4, sampler="random", folder="other", seed=1)
    rates = [trial.params["lr"] for trial in (*first.trials, *other.trials)]
    assert len({*rates}) == 8


def test_a_rule_stops_trials_and_their_curves_are_kept(tuning, formula_family_trainer):
    study = tuning(formula_family_trainer(), trials=12, stopping=RULE)
    stopped = [trial for trial in study.trials if trial.state is TrialState.PRUNED]
    assert stopped
    assert all(0 < len(trial.intermediate_values) < T for trial in stopped)


def test_who_has_trained_to_the_end_is_not_stopped_there(tuning, formula_family_trainer, monkeypatch):
    """The pruner would stop everything after the last epoch."""

    class AtTheEnd(NopPruner):
        def prune(self, study, trial):
            return trial.last_step == T

    monkeypatch.setattr("metaqnn.tune.study.make_pruner", lambda *_, **__: AtTheEnd())
    study = tuning(formula_family_trainer(), trials=2)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2


def test_each_trial_has_random_numbers_of_its_own_and_the_last_value_counts(tuning, formula_family_trainer):
    class Falls(formula_family_trainer):
        def train(self, configuration, *, seed, on_epoch, checkpoint):
            seeds.append(seed)
            curve = tuple(0.9 - epoch / 10 for epoch in range(1, T + 1))
            for epoch, accuracy in enumerate(curve, 1):
                on_epoch(EpochReport(1, 0.1, epoch, accuracy, 1.0, 0.1))
            return TrainingResult(Outcome.COMPLETED, curve, 0.1, 1, 0.0, "")

    seeds = []
    study = tuning(Falls(), trials=3)
    assert [trial.value for trial in study.trials] == pytest.approx([0.3] * 3)
    tuning(Falls(), trials=3, folder="again")
    tuning(Falls(), trials=3, folder="other", seed=1)
    assert seeds[:3] == seeds[3:6]
    assert len({*seeds}) == 6


def test_a_failure_is_one_trial_and_says_why(tuning, formula_family_trainer):
    study = tuning(formula_family_trainer(failing=("trial-1.pt",)), trials=3)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert study.trials[1].user_attrs["outcome"] == "diverged"
    assert study.trials[1].user_attrs["message"] == "training loss nan in epoch 2"


@pytest.mark.parametrize(
    ("message", "gist"), [("Traceback:\nValueError: no\n", "ValueError: no"), (" \n", None)]
)
def test_a_trial_that_crashed_has_the_last_line_of_its_traceback_if_there_is_one(
    message, gist, tuning, formula_family_trainer, monkeypatch
):
    def crash(executor, coordinator):
        coordinator.on_failure(coordinator.next_task(), "crashed", message)

    monkeypatch.setattr("metaqnn.executors.SerialExecutor.run", crash)
    (trial,) = tuning(formula_family_trainer(), trials=1).trials
    assert trial.state is TrialState.FAIL
    assert (trial.user_attrs["outcome"], trial.user_attrs.get("message")) == ("crashed", gist)


def test_the_study_of_another_tuning_is_refused(tuning, formula_family_trainer):
    tuning(formula_family_trainer(), trials=1)
    with pytest.raises(TuneError, match="the study 'study' in that storage was begun with other settings"):
        tuning(formula_family_trainer(), trials=2, seed=5)


def test_checkpoints_of_trials_that_have_ended_are_removed(tuning, formula_family_trainer, tmp_path):
    tuning(formula_family_trainer(), trials=1)
    (tmp_path / "run" / "trial-0.pt").write_text("left by a kill")
    (tmp_path / "run" / "trial-7.pt.tmp").write_text("left by a kill")
    tuning(formula_family_trainer(), trials=2)
    assert not list((tmp_path / "run").glob("trial-*"))


def test_the_checkpoint_of_a_trial_is_gone_when_its_end_is_heard(tuning, formula_family_trainer, tmp_path):
    class Saves(formula_family_trainer):
        def train(self, configuration, *, checkpoint, **options):
            checkpoint.path.write_bytes(b"saved")
            return super().train(configuration, checkpoint=checkpoint, **options)

    def heard(number, what):
        there.append((what == "epoch", (tmp_path / "run" / f"trial-{number}.pt").exists()))

    there = []
    tuning(Saves(failing=("trial-1.pt",)), trials=3, heard=heard)
    assert {*there} == {(True, True), (False, False)}
