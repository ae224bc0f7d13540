import copy
import multiprocessing
import pickle

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.errors import CurvesError
from predictor.rules.names import make_rule

optuna = pytest.importorskip("optuna")
from optuna.distributions import FloatDistribution  # noqa: E402
from optuna.trial import TrialState, create_trial  # noqa: E402

from predictor.integrations.optuna import StoppingRulePruner  # noqa: E402

T = 8


@pytest.fixture(autouse=True)
def quiet_optuna():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def epochs_in_study(rule, values, rates, direction="maximize", first_step=0, **options):
    """Epochs that each trial gets when Optuna runs the study."""
    pruner = StoppingRulePruner(rule, T, parameters=["lr"], **options)
    study = optuna.create_study(direction=direction, pruner=pruner)

    def objective(trial):
        trial.suggest_float("lr", 1e-5, 1)
        for step, value in enumerate(values[trial.number]):
            trial.report(value, step + first_step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return values[trial.number][-1]

    for rate in rates:
        study.enqueue_trial({"lr": rate})
    study.optimize(objective, n_trials=len(values))
    return [len(trial.intermediate_values) for trial in study.trials]


def test_between_looks_the_storage_is_not_read(values, monkeypatch):
    study = optuna.create_study(
        direction="maximize", pruner=StoppingRulePruner(make_rule("rank-envelope:burn_in=5"), T)
    )
    for row in values[:8].tolist():
        state, own = TrialState.COMPLETE, dict(enumerate(row, start=1))
        study.add_trial(create_trial(state=state, value=row[-1], intermediate_values=own))
    reads, get_trials = [], study.get_trials
    monkeypatch.setattr(study, "get_trials", lambda **how: reads.append(1) or get_trials(**how))
    trial, seen = study.ask(), []
    for step, value in enumerate(values.max(axis=0).tolist(), start=1):  # better than all: never pruned
        trial.report(value, step)
        reads.clear()
        assert not trial.should_prune()
        seen.append(len(reads))
    assert seen == [1, 1, 1, 1, 0, 1, 0, 0]  # looks after 1, 2, 3, 4 and 6 epochs


@pytest.mark.parametrize("first_step", [0, 1])
def test_decides_as_the_rule_asked_directly(fresh_rule, values, rates, epochs_asked_directly, first_step):
    expected = epochs_asked_directly(fresh_rule(), values, rates)
    assert epochs_in_study(fresh_rule(), values, rates, first_step=first_step) == expected


def test_a_minimising_study_is_decided_as_the_rule_asked_directly(
    fresh_rule, values, rates, epochs_asked_directly
):
    expected = epochs_asked_directly(fresh_rule(), 1 - values, rates, metric="loss")
    assert epochs_in_study(fresh_rule(), 1 - values, rates, "minimize", metric="loss") == expected


def finished(state, values, minute, **params):
    trial = create_trial(
        state=state,
        value=None if state == TrialState.FAIL else 0.5,
        params=params,
        distributions={name: FloatDistribution(0, 1) for name in params},
        intermediate_values=dict(enumerate(values)),
    )
    trial.datetime_complete = trial.datetime_complete.replace(minute=minute)
    return trial


def test_the_history_is_what_completed_or_was_pruned_in_order_of_finishing(listener):
    study = optuna.create_study(
        direction="maximize", pruner=StoppingRulePruner(listener, 3, parameters=["lr"])
    )
    study.add_trials(
        [
            finished(TrialState.COMPLETE, [0.1, 0.2, 0.3], 30, lr=0.1),
            finished(TrialState.PRUNED, [0.4], 10, lr=0.2),
            finished(TrialState.FAIL, [0.5, 0.6], 20),
            finished(TrialState.COMPLETE, [0.7, 0.8, 0.9], 20),
            finished(TrialState.COMPLETE, [], 40, lr=0.3),
        ]
    )
    running, other = study.ask(), study.ask()
    other.report(0.9, 0)
    running.report(0.5, 0)
    assert not running.should_prune()
    [(curve, history)] = listener.asked
    np.testing.assert_equal(history.values, [[0.4, np.nan, np.nan], [0.7, 0.8, 0.9], [0.1, 0.2, 0.3]])
    np.testing.assert_equal(history.hyperparameters["lr"], [0.2, np.nan, 0.1])
    np.testing.assert_equal(curve.values, [[0.5, np.nan, np.nan]])
    running.report(0.6, 1)
    running.should_prune()
    assert listener.asked[1][1] is history  # nothing has finished since


def test_a_value_that_is_not_finite_is_pruned(fresh_rule):
    study = optuna.create_study(direction="maximize", pruner=StoppingRulePruner(fresh_rule(), 3))
    trial = study.ask()
    assert not trial.should_prune()
    trial.report(0.5, 0)
    assert not trial.should_prune()
    trial.report(float("nan"), 1)
    assert trial.should_prune()


@pytest.mark.parametrize("finished_before", [0, 3])
def test_a_value_that_is_not_finite_is_told_at_its_own_epoch(finished_before, values, listener):
    pruner = StoppingRulePruner(listener, T)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for row in values[:finished_before]:
        study.add_trial(finished(TrialState.COMPLETE, row, 0))
    trial = study.ask()
    for step, value in enumerate([0.5, 0.6, float("nan")]):
        trial.report(value, step)
    assert pruner.decide(study, study.trials[-1]).reason == "diverged: the value of epoch 3 is nan"


@pytest.mark.parametrize(("T", "more"), [(2, "values after T are ignored"), (9, "none of them counts")])
def test_trials_of_another_length_than_said_are_told_once_and_never_an_error(fresh_rule, caplog, T, more):
    study = optuna.create_study(direction="maximize", pruner=StoppingRulePruner(fresh_rule(), T))
    for _ in range(5):
        trial = study.ask()
        for step in range(4):
            trial.report(0.1 * step, 2 * step + 1)
            assert not trial.should_prune()
        study.tell(trial, 0.3)
    assert (
        caplog.text.count(f"T = {T}, but the 3 trainings that came to their end have 4 values: say T = 4")
        == 1
    )
    assert more in caplog.text


def test_a_text_is_no_list_of_parameters(listener):
    with pytest.raises(CurvesError, match=r"parameters = 'lr'; expected a list of names, such as \['lr'\]"):
        StoppingRulePruner(listener, T, parameters="lr")


def test_a_parameter_that_no_finished_trial_has_is_told_once(listener, caplog):
    pruner = StoppingRulePruner(listener, 2, parameters=["lr", "rate"])
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for _ in range(5):
        pruner.decide(study, study.ask())
        study.add_trial(finished(TrialState.COMPLETE, [0.1, 0.2], 0, lr=0.1))
    assert caplog.text.count("parameters = ['rate']: none of the 3 trainings that ended has them") == 1


def test_copies_decide_alike(fresh_rule, values):
    pruner = StoppingRulePruner(fresh_rule(), T)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for row in values[:12]:
        study.add_trial(finished(TrialState.COMPLETE, row, 0))
    trial = study.ask()
    trial.report(values.min(), 0)
    frozen = study.trials[-1]
    decision = pruner.decide(study, frozen)
    for again in (copy.deepcopy(pruner), pickle.loads(pickle.dumps(pruner))):
        assert again.decide(study, frozen) == decision


@pytest.mark.parametrize("storage", [None, "sqlite:///{}/study.db"])
def test_an_objective_may_ask_for_the_whole_decision_about_its_trial(fresh_rule, values, storage, tmp_path):
    pruner = StoppingRulePruner(fresh_rule(), T)
    url = storage and storage.format(tmp_path)
    study, said = optuna.create_study(storage=url, direction="maximize", pruner=pruner), []
    for row in values[:12]:
        study.add_trial(finished(TrialState.COMPLETE, row.tolist(), 0))

    def objective(trial):
        trial.report(float(values.min()), 0)
        said.append(trial.study.pruner.decide(trial.study, trial))
        return 0.0

    study.optimize(objective, n_trials=1)
    assert said == [pruner.decide(study, study.trials[-1])]
    assert "after epoch 1" in said[0].reason


def test_another_study_has_another_history(listener):
    pruner = StoppingRulePruner(listener, 1)
    for value in (0.1, 0.2):
        study = optuna.create_study(direction="maximize", pruner=pruner)
        study.add_trial(finished(TrialState.COMPLETE, [value], 0))
        pruner.decide(study, create_trial(state=TrialState.RUNNING))
    assert [history.values.tolist() for _, history in listener.asked] == [[[0.1]], [[0.2]]]


def work(url, values, seed, n_trials):
    from predictor.rules.names import make_rule

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = StoppingRulePruner(make_rule("rank-envelope:burn_in=5"), T)
    study = optuna.load_study(study_name="shared", storage=url, pruner=pruner)
    rng = np.random.default_rng(seed)

    def objective(trial):
        row = values[rng.integers(len(values))]
        for step, value in enumerate(row):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return row[-1]

    study.optimize(objective, n_trials=n_trials)


def test_two_processes_share_a_study(values, tmp_path):
    """Each prunes by what the other one finished: neither gets through its own burn-in of 5 in 4 trials."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="shared", storage=url, direction="maximize")
    context = multiprocessing.get_context("fork")
    for n_trials in (2, 8):
        workers = [context.Process(target=work, args=(url, values, seed, n_trials)) for seed in (1, 2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
    states = [trial.state for trial in study.trials]
    assert len(states) == 20
    assert states[:4] == [TrialState.COMPLETE] * 4
    assert states.count(TrialState.PRUNED) > 0
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}
    check_against_the_rule(study)


def check_against_the_rule(study):
    """Check that the rule stops every pruned trial when asked with what had finished by then."""
    from predictor.rules.names import make_rule

    rule, trials = make_rule("rank-envelope:burn_in=5"), study.trials
    for trial in trials:
        if trial.state != TrialState.PRUNED:
            continue
        before = [other for other in trials if other.datetime_complete < trial.datetime_complete]
        before.sort(key=lambda other: other.datetime_complete)
        history = np.full((len(before), T), np.nan)
        for row, other in zip(history, before, strict=True):
            row[: len(other.intermediate_values)] = list(other.intermediate_values.values())
        curve = np.full((1, T), np.nan)
        curve[0, : len(trial.intermediate_values)] = list(trial.intermediate_values.values())
        # What the other process finished since this trial began, or was just storing then, may be missing.
        sure = sum(other.datetime_complete < trial.datetime_start for other in before) - 1
        answers = [
            rule.decide(LearningCurves(curve), LearningCurves(history[:n])).stop
            for n in range(max(sure, 5), len(history) + 1)
        ]
        assert any(answers)


def test_threads_share_a_study(values):
    study = optuna.create_study(direction="maximize")
    from predictor.rules.names import make_rule

    study.pruner = StoppingRulePruner(make_rule("rank-envelope:burn_in=5"), T)

    def objective(trial):
        for step, value in enumerate(values[trial.number % len(values)]):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials=40, n_jobs=4)
    states = [trial.state for trial in study.trials]
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}
