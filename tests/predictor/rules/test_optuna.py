import copy
import os
import pickle
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pytest

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError, PredictorError
from predictor.extras import MissingPackageError
from predictor.rules.optuna import OptunaRule, make_pruner_rule

T = 30
PRUNERS = {
    "median": lambda: optuna.pruners.MedianPruner(),
    "percentile-25": lambda: optuna.pruners.PercentilePruner(25.0),
    "successive-halving": lambda: optuna.pruners.SuccessiveHalvingPruner(reduction_factor=3),
    "hyperband": lambda: optuna.pruners.HyperbandPruner(reduction_factor=3),
    "patient": lambda: optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(), patience=2),
}


@pytest.fixture(autouse=True)
def quiet_optuna():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def random_values(n, seed):
    rng = np.random.default_rng(seed)
    limit, speed = rng.uniform(0.2, 0.9, (n, 1)), rng.uniform(0.05, 1, (n, 1))
    return limit * (1 - np.exp(-speed * np.arange(1, T + 1))) + rng.normal(0, 0.03, (n, T))


def epochs_of_a_real_study(pruner, values, study_name="predictor"):
    """Epochs that each training gets when Optuna itself runs the study."""
    study = optuna.create_study(direction="maximize", pruner=pruner, study_name=study_name)
    epochs = []
    for row in values:
        trial = study.ask()
        for epoch, value in enumerate(row, start=1):
            trial.report(value, epoch)
            if epoch < T and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, row[-1])
        epochs.append(epoch)
    return epochs


def history_of(values, epochs):
    seen = np.array([np.where(np.arange(T) < n, row, np.nan) for row, n in zip(values, epochs, strict=False)])
    return LearningCurves(seen.reshape(-1, T))


def epochs_by(rule, values, between=lambda row, tau, history: None):
    """Epochs that each training gets when the rule decides."""
    epochs = []
    for row, value in enumerate(values):
        history = history_of(values, epochs)
        for tau in range(1, T + 1):
            if tau < T and rule.decide(LearningCurves(value[None]).until(tau), history).stop:
                break
            between(row, tau, history)
        epochs.append(tau)
    return epochs


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PRUNERS)
def test_decides_as_a_study_that_optuna_runs(name, seed):
    values = random_values(60, seed)
    expected = epochs_of_a_real_study(PRUNERS[name](), values)
    assert epochs_by(make_pruner_rule(name), values) == expected
    assert min(expected) < T  # the pruner did prune


@pytest.mark.parametrize("name", PRUNERS)
def test_a_fresh_rule_decides_as_one_that_saw_everything(name):
    values = random_values(60, 2)
    epochs = epochs_by(make_pruner_rule(name), values)
    for row in (1, 7, 30, 59):
        history = history_of(values, epochs[:row])
        answers = [
            make_pruner_rule(name).decide(LearningCurves(values[row : row + 1]).until(tau), history).stop
            for tau in range(1, epochs[row] + (epochs[row] < T))
        ]
        assert answers == [tau == epochs[row] < T for tau in range(1, len(answers) + 1)]


def test_a_pruner_without_notes_is_asked_only_what_somebody_wants_to_know(monkeypatch):
    """Replaying all epochs of 11 long trainings took minutes: Optuna reads all values for each question."""
    asked = []
    prune = optuna.pruners.PercentilePruner.prune
    monkeypatch.setattr(
        optuna.pruners.PercentilePruner, "prune", lambda *its: asked.append(its[2].last_step) or prune(*its)
    )
    values = random_values(12, 5)
    make_pruner_rule("median").decide(LearningCurves(values[11:]).until(20), history_of(values, [T] * 11))
    assert asked == [20]


@pytest.mark.parametrize("name", PRUNERS)
def test_other_trainings_asked_about_in_between_do_not_matter(name):
    values, others = random_values(30, 3), random_values(30, 4)
    rule = make_pruner_rule(name)

    def ask_about_another(row, tau, history):
        rule.decide(LearningCurves(others[row][None]).until(max(T // 2, tau - 1)), history)

    assert epochs_by(rule, values, ask_about_another) == epochs_by(make_pruner_rule(name), values)


def test_another_history_is_not_mistaken_for_the_one_before():
    rule, curve = make_pruner_rule("median"), LearningCurves(np.full((1, T), 0.5)).until(3)
    better, worse = LearningCurves(np.full((6, T), 0.9)), LearningCurves(np.full((6, T), 0.1))
    assert [rule.decide(curve, history).stop for history in (better, worse, better, better[:3])] == [
        *(True, False, True, False)
    ]


def test_perplexities_lower_is_better():
    history = LearningCurves(np.full((6, T), 90.0), metric="perplexity")
    for value, stop in ((150.0, True), (80.0, False)):
        curve = LearningCurves(np.full((1, T), value), metric="perplexity").until(2)
        assert make_pruner_rule("median").decide(curve, history).stop == stop


def test_the_pruner_passed_in_is_not_changed():
    pruner = optuna.pruners.HyperbandPruner()
    before = copy.deepcopy(vars(pruner))
    epochs_by(OptunaRule(pruner), random_values(10, 5))
    assert vars(pruner) == before


def test_a_copy_decides_alike():
    values = random_values(20, 6)
    rule = make_pruner_rule("successive-halving")
    expected = epochs_by(rule, values)
    assert epochs_by(copy.deepcopy(rule), values) == expected


def test_threads_that_share_a_rule_get_the_decisions_of_their_own_history():
    rule, curve = make_pruner_rule("median"), LearningCurves(np.full((1, T), 0.5)).until(3)
    histories = {stop: LearningCurves(np.full((6, T), value)) for stop, value in ((True, 0.9), (False, 0.1))}

    def decide_often(expected):
        return {rule.decide(curve, histories[expected]).stop for _ in range(100)} == {expected}

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(decide_often, [True, False] * 2))
    assert copy.deepcopy(rule).decide(curve, histories[True]).stop
    assert pickle.loads(pickle.dumps(make_pruner_rule("patient"))).decide(curve, histories[True])


def test_the_name_of_the_study_draws_hyperbands_brackets():
    values = random_values(60, 7)
    rule = OptunaRule(PRUNERS["hyperband"](), study_name="another")
    assert epochs_by(rule, values) == epochs_of_a_real_study(PRUNERS["hyperband"](), values, "another")


@pytest.mark.parametrize("name", sorted({*PRUNERS} - {"hyperband"}))
def test_a_training_stopped_before_its_first_epoch_counts_for_nothing(name):
    """Except that it has a number, from which the brackets of Hyperband follow."""
    others = np.full((6, T), 0.9)
    history = LearningCurves(np.vstack([np.full((1, T), np.nan), others]))
    for value, stop in ((0.1, name != "patient"), (0.95, False)):
        curve, rule = LearningCurves(np.full((1, T), value)).until(1), make_pruner_rule(name)
        assert rule.decide(curve, history).stop == rule.decide(curve, LearningCurves(others)).stop == stop


def test_beside_a_training_stopped_before_its_first_epoch_hyperband_decides():
    history = LearningCurves(np.vstack([np.full((1, T), np.nan), np.full((6, T), 0.9)]))
    decision = make_pruner_rule("hyperband").decide(LearningCurves(np.full((1, T), 0.95)).until(1), history)
    assert not decision.stop  # the best so far


def test_what_is_not_a_pruner_is_quoted():
    with pytest.raises(PredictorError, match="pruner 'median'"):
        OptunaRule("median")


def test_the_curve_must_be_as_long_as_the_history():
    with pytest.raises(CurvesError, match="1 curves of 3 epochs"):
        make_pruner_rule("median").decide(LearningCurves(np.zeros((1, 3))), LearningCurves(np.zeros((1, 4))))


def test_without_optuna_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'optuna'"):
        make_pruner_rule("median")


def speed_up(rule, curves, order):
    """(networks x T) / (epochs trained) when networks arrive in this order."""
    values, n_epochs = curves.values[order], curves.T
    seen, trained = np.full_like(values, np.nan), 0
    for row, value in enumerate(values):
        history = LearningCurves(seen[:row])
        looks = ((tau, LearningCurves(value[None]).until(tau)) for tau in range(1, n_epochs))
        tau = next((tau for tau, look in looks if rule.decide(look, history).stop), n_epochs)
        seen[row, :tau] = value[:tau]
        trained += tau
    return values.size / trained


@pytest.mark.data
def test_successive_halving_saves_as_much_on_published_curves_as_measured_elsewhere():
    if "METAQNN_DATA_DIR" not in os.environ:
        pytest.skip("METAQNN_DATA_DIR is not set")
    curves = LearningCurves.read(Path(os.environ["METAQNN_DATA_DIR"]) / "curves" / "metaqnn_cifar10.csv")
    orders = [np.random.default_rng(1000 + o).permutation(len(curves)) for o in range(10)]
    rule = make_pruner_rule("successive-halving")
    assert np.mean([speed_up(rule, curves, order) for order in orders]) == pytest.approx(7.0, abs=0.06)
