"""Finished trials are read once each, and make the history that reading them all at once would make."""

from datetime import datetime, timedelta

import numpy as np
import pytest

optuna = pytest.importorskip("optuna")

from predictor.errors import CurvesError  # noqa: E402
from predictor.integrations import optuna_trials  # noqa: E402
from predictor.integrations.optuna_trials import FinishedTrials, Steps, training_of  # noqa: E402
from predictor.integrations.trainings import CurveFormat  # noqa: E402

T = 6
FORMAT = CurveFormat(T, "accuracy", "maximize", ("lr",))
START = datetime(2024, 1, 1)


def finished(number, steps, at, completed=True):
    values = dict(zip(steps, np.random.default_rng(number).random(len(steps)).tolist(), strict=True))
    state = optuna.trial.TrialState.COMPLETE if completed else optuna.trial.TrialState.PRUNED
    trial = optuna.trial.create_trial(
        state=state,
        value=values[steps[-1]] if values else 0.5,
        params={"lr": 0.1 * (number + 1)},
        distributions={"lr": optuna.distributions.FloatDistribution(0, 100)},
        intermediate_values=values,
    )
    trial.number, trial.datetime_complete = number, START + timedelta(seconds=at)
    return trial


def studies():
    rng = np.random.default_rng(0)
    up = [range(1, 1 + int(rng.integers(1, T + 1))) for _ in range(12)]
    yield "counting up", [finished(n, list(steps), n, len(steps) == T) for n, steps in enumerate(up)]
    down = [list(steps)[::-1] for steps in up]
    yield "counting down", [finished(n, steps, n) for n, steps in enumerate(down)]
    yield "first up, then mostly down", [finished(n, s, n) for n, s in enumerate([*up[:3], *down[3:]])]
    tenths = [[10 * step for step in steps] for steps in up]
    yield "other steps later", [finished(n, list(s), n) for n, s in enumerate([*up[:5], *tenths])]
    yield "in another order", [finished(n, list(s), -n % 5) for n, s in enumerate(up)]
    yield "without values", [finished(n, list(s) if n % 3 else [], n) for n, s in enumerate(up)]


@pytest.mark.parametrize(
    ("name", "trials"), list(studies()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_one_after_the_other_as_all_at_once(name, trials):
    growing = FinishedTrials(FORMAT)
    for size in range(len(trials) + 1):
        growing.follow(trials[:size])
        fresh = FinishedTrials(FORMAT)
        fresh.follow(trials[:size])
        assert (growing.steps, growing.lengths) == (fresh.steps, fresh.lengths)
        np.testing.assert_array_equal(growing.curves.values, fresh.curves.values)
        np.testing.assert_array_equal(
            growing.curves.hyperparameters["lr"], fresh.curves.hyperparameters["lr"]
        )
        assert growing.curves.metric == "accuracy"


def test_a_trial_that_finished_stands_in_order_of_finishing_at_its_steps():
    trials = [finished(0, [1, 2, 3], at=9), finished(1, [1, 2], at=4, completed=False)]
    known = FinishedTrials(FORMAT)
    assert known.follow(trials)
    assert known.steps == Steps((1, 2, 3))
    first, second = trials[1].intermediate_values, trials[0].intermediate_values
    np.testing.assert_array_equal(known.curves.values[0, :3], [first[1], first[2], np.nan])
    np.testing.assert_array_equal(known.curves.values[1, :3], list(second.values()))
    assert known.curves.hyperparameters["lr"].tolist() == pytest.approx([0.2, 0.1])
    assert known.lengths == [3]


def test_of_a_machine_whose_clock_is_behind_only_what_finished_after_it_is_read_again(monkeypatch):
    read = []
    monkeypatch.setattr(optuna_trials, "training_of", lambda *args: read.append(1) or training_of(*args))
    trials = [finished(n, [1, 2, 3], 10 * n - 35 * (n % 2), n % 4 == 0) for n in range(40)]
    known = FinishedTrials(FORMAT)
    for size in range(1, 41):
        known.follow(trials[:size])
    assert len(read) <= 3 * 40
    fresh = FinishedTrials(FORMAT)
    fresh.follow(trials)
    assert known.lengths == fresh.lengths == [3] * 10
    np.testing.assert_array_equal(known.curves.values, fresh.curves.values)


def test_nothing_is_read_again_while_there_is_nothing_new():
    trials = [finished(n, [1, 2, 3], n) for n in range(4)]
    known = FinishedTrials(FORMAT)
    known.follow(trials)
    curves = known.curves
    assert not known.follow(list(trials))
    assert known.curves is curves


def test_of_another_study_of_the_same_name_all_is_read_anew():
    known = FinishedTrials(FORMAT)
    known.follow([finished(n, [1, 2, 3], n) for n in range(4)])
    assert known.follow([finished(0, [1, 2], 9)])
    assert (len(known.curves), known.steps) == (1, Steps((1, 2)))
    known.follow([])
    assert len(known.curves) == 0


def state_of(trial, state):
    running = optuna.trial.create_trial(state=state, intermediate_values=trial.intermediate_values)
    running.number, running.datetime_complete = trial.number, None
    return running


def test_trials_of_other_workers_are_taken_in_when_they_finish_however_late():
    states = optuna.trial.TrialState
    trials = [finished(n, [1, 2, 3], at) for n, at in enumerate([10, 40, 20, 30])]
    going = [state_of(trial, states.RUNNING) for trial in trials]
    waiting = [state_of(trials[3], states.WAITING)]
    known = FinishedTrials(FORMAT)
    assert not known.follow(going[:2])
    assert known.follow([trials[0], *going[1:3], *waiting])
    assert known.follow([trials[0], going[1], trials[2], going[3]])
    assert not known.follow([trials[0], going[1], trials[2], going[3]])
    assert known.follow([trials[0], going[1], *trials[2:]])
    assert known.follow(trials)
    rates = [0.1, 0.3, 0.4, 0.2]  # in order of finishing
    assert known.curves.hyperparameters["lr"].tolist() == pytest.approx(rates)


def test_a_trial_that_fails_is_not_waited_for():
    trials = [finished(n, [1, 2, 3], n) for n in range(3)]
    going = state_of(trials[1], optuna.trial.TrialState.RUNNING)
    failed = optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)
    known = FinishedTrials(FORMAT)
    known.follow([trials[0], going])
    assert not known.follow([trials[0], failed])
    assert known.follow([trials[0], failed, trials[2]])
    assert known.curves.hyperparameters["lr"].tolist() == pytest.approx([0.1, 0.3])


def test_after_a_parameter_that_is_no_number_every_call_says_so():
    trials = [finished(n, [1, 2, 3], n) for n in range(2)]
    trials[1].params["lr"] = "high"
    known = FinishedTrials(FORMAT)
    for _ in range(2):
        with pytest.raises(CurvesError, match="'lr' of trial 1 is 'high'"):
            known.follow(trials)
