"""Optuna: a value's place is its step."""

import numpy as np
import pytest

from predictor import Decision
from predictor.integrations.recorded import CurveStore
from predictor.rules.names import make_rule

optuna = pytest.importorskip("optuna")

from predictor.integrations.optuna import StoppingRulePruner  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)
T = 10


def run(study, end, steps, progress=None):
    """Run a trial with the value end (1 - exp(-progress / 4)) at each step; return how many it reported."""
    trial = study.ask()
    for number, (step, epoch) in enumerate(zip(steps, progress or range(1, T + 1), strict=True), start=1):
        value = end * (1 - np.exp(-epoch / 4))
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return number
    study.tell(trial, value)
    return number


@pytest.fixture(params=["memory", "database"])
def study_with(request, tmp_path):
    """Makes studies in memory, where values keep their order, and in SQLite, which sorts them by step."""

    def make(rule):
        storage = f"sqlite:///{tmp_path}/study.db" if request.param == "database" else None
        return optuna.create_study(storage=storage, direction="maximize", pruner=StoppingRulePruner(rule, T))

    return make


def test_trials_are_compared_at_equal_steps(study_with):
    study = study_with(make_rule("median"))
    for end in (0.4, 0.45, 0.5, 0.55, 0.6, 0.65):
        run(study, end, range(10, 101, 10))
    halves = [epoch / 2 for epoch in range(1, 21)]
    assert (
        run(study, 0.9, range(5, 101, 5), halves) == 20
    )  # the best; at step 5 there is nothing to compare with
    assert run(study, 0.1, range(5, 101, 5), halves) == 2


@pytest.mark.parametrize(
    "steps", [range(T), range(1, T + 1), range(10, 101, 10), range(T - 1, -1, -1), range(90, -1, -10)]
)
def test_the_rule_sees_the_curves_in_the_order_of_training(study_with, steps, listener):
    study = study_with(listener)
    for end in (0.5, 0.6, 0.7):
        run(study, end, steps)
    curve, history = (curves.values for curves in listener.asked[-1])
    expected = 1 - np.exp(-np.arange(1, T + 1) / 4)
    np.testing.assert_allclose(history, np.outer([0.5, 0.6], expected))
    np.testing.assert_allclose(curve[0, :9], 0.7 * expected[:9])


def test_of_steps_that_count_down_the_best_trial_is_not_pruned(study_with):
    study = study_with(make_rule("median"))
    epochs = [run(study, end, range(T - 1, -1, -1)) for end in (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.99, 0.2)]
    assert epochs[-2:] == [T, 1]


def test_steps_go_on_counting_down_however_many_trials_are_pruned(study_with):
    """A database sorts the steps of a pruned trial, which has no final value: alone it tells nothing."""

    class AfterTwoValues:
        def decide(self, curve, history):
            return Decision(bool(history.completed.sum() >= 3 and curve.observed[0] >= 2), "as told")

    study = study_with(AfterTwoValues())
    assert [run(study, end, range(T, 0, -1)) for end in np.linspace(0.1, 0.9, 11)] == [T] * 3 + [2] * 8


def test_a_trial_that_was_resumed_in_the_middle_is_compared_from_there(study_with, listener):
    study = study_with(listener)
    for end in (0.5, 0.6, 0.7):
        run(study, end, range(T))
    run(study, 0.9, range(4, T), range(5, T + 1))
    curve, history = (curves.values for curves in listener.asked[-1])
    expected = 1 - np.exp(-np.arange(5, T + 1) / 4)
    np.testing.assert_allclose(history, np.outer([0.5, 0.6, 0.7], expected))
    np.testing.assert_allclose(curve[0, :5], 0.9 * expected[:5])


def test_a_value_that_is_not_finite_is_pruned_at_any_step(study_with, listener):
    study = study_with(listener)
    run(study, 0.5, range(T))
    trial = study.ask()
    trial.report(float("nan"), 1000)
    assert trial.should_prune()


@pytest.mark.parametrize("sparse", [0.3, 0.5, 0.7])
def test_trials_that_report_less_often_are_compared_as_in_a_plain_loop(tmp_path, sparse, caplog):
    rng = np.random.default_rng(0)
    ends, every = rng.uniform(0.3, 0.9, 40), np.where(rng.random(40) < sparse, 5, 1)
    every[0] = 1
    rule = "rank-envelope"
    study = optuna.create_study(direction="maximize", pruner=StoppingRulePruner(make_rule(rule), T))
    store, loop_rule = CurveStore(tmp_path / "curves.npz", T, metric="accuracy"), make_rule(rule)
    found = []
    for end, between in zip(ends, every, strict=True):
        epochs = range(between, T + 1, between)
        reported = run(study, end, [epoch - 1 for epoch in epochs], epochs)
        with store.training(loop_rule) as training:
            for epoch in epochs:
                if training.report(end * (1 - np.exp(-epoch / 4)), epoch).stop:
                    break
        found.append((reported * between, len(training.values)))
    assert [mine for mine, _ in found] == [plain for _, plain in found]
    assert sum(mine < T for mine, _ in found) > 20
    assert caplog.text == ""


@pytest.mark.parametrize("T", [10, 14])
def test_trials_whose_steps_differ_are_told_so_and_their_values_counted(T, listener, caplog):
    """With the batch sizes 32, 64 and 128 an epoch ends at other steps."""
    study = optuna.create_study(direction="maximize", pruner=StoppingRulePruner(listener, T))
    for _ in range(2):
        for steps in (range(1562, 15621, 1562), range(781, 7811, 781), range(390, 3901, 390)):
            assert run(study, 0.5, steps) == 10
    told = {
        10: "10 values did so at different steps, such as 1562, 3124, ..., 15620 and 781, 1562, ..., 7810",
        14: "T = 14, but the 3 trainings that came to their end have 10 values: say T = 10",
    }
    assert len(caplog.messages) == 1
    assert told[T] in caplog.text


@pytest.mark.parametrize("steps", [range(T), range(1, T + 1)])
def test_trials_that_diverged_are_not_told_to_have_other_steps(steps, listener, caplog):
    study = optuna.create_study(direction="maximize", pruner=StoppingRulePruner(listener, T))
    values = {step: np.nan if step == 2 else 0.5 for step in range(T)}
    study.add_trials([optuna.trial.create_trial(value=0.5, intermediate_values=values)] * 4)
    run(study, 0.5, steps)
    assert not caplog.records


def test_a_few_trials_of_other_steps_are_not_told(listener, caplog):
    study = optuna.create_study(direction="maximize", pruner=StoppingRulePruner(listener, T))
    for steps in [range(T)] * 3 + [range(0, 10 * T, 10)] * 2:
        run(study, 0.5, steps)
    assert not caplog.records
