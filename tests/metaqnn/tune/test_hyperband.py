"""Hyperband against Li et al.'s and Optuna's, accelerated Hyperband against its formula."""

import pickle
from collections import defaultdict
from math import ceil

import numpy as np
import optuna
import pytest
from optuna.pruners import HyperbandPruner

from metaqnn.tune.hyperband import AcceleratedHyperband, Hyperband
from predictor import LearningCurves, PredictorError
from predictor.models.names import make_method

T = 9


def fast():
    return make_method("ols", n_jobs=1)


@pytest.fixture(scope="module")
def curves():
    """Heights between 0.2 and 0.9 that show from the first epoch on."""
    rng = np.random.default_rng(0)
    heights = rng.uniform(0.2, 0.9, (80, 1))
    epochs = np.arange(1, T + 1)
    return LearningCurves(heights * (1 - 0.6**epochs) + 0.001 * rng.standard_normal((80, T)))


def accelerated(**changes):
    return AcceleratedHyperband(T, **{"burn_in": 5, "model": fast(), **changes})


@pytest.mark.parametrize(
    ("bracket", "tau", "rung"), [(0, 0, 1), (0, 1, 3), (0, 2, 3), (0, 3, 9), (1, 1, 3), (1, 8, 9), (2, 1, 9)]
)
def test_the_next_rung_is_a_power_of_eta_or_the_end(bracket, tau, rung):
    assert accelerated().rung_after(bracket, tau) == rung


def test_the_last_rung_is_T_where_T_is_no_power():  # noqa: N802
    pruner = AcceleratedHyperband(8, min_epochs=2, eta=3, model=fast())
    assert [pruner.rung_after(0, tau) for tau in (1, 2, 3, 7)] == [3, 3, 8, 8]


@pytest.mark.parametrize(
    ("epochs", "eta", "least", "rungs"),
    [
        (81, 3, 1, (1, 3, 9, 27)),
        (60, 3, 1, (2, 7, 20)),  # 2.2, 6.7, 20
        (60, 3, 2, (2, 7, 20)),
        (60, 3, 3, (7, 20)),
        (243, 3, 1, (1, 3, 9, 27, 81)),  # whose logarithm is 4.999... in floating-point numbers
        (1000, 10, 1, (1, 10, 100)),
        (9, 4, 1, (2,)),
    ],
)
def test_the_rungs_are_those_of_li_et_al_rounded(epochs, eta, least, rungs):
    """T / eta^s down to s_max, the largest s with T / eta^s >= the least: Algorithm 1 of the paper."""
    assert Hyperband(epochs, eta=eta, min_epochs=least).rungs == rungs


@pytest.mark.parametrize("epochs", [9, 60])
def test_bracket_s_trains_one_of_eta_to_the_s_to_the_end_and_the_last_bracket_all(epochs):
    rng, pruner = np.random.default_rng(0), Hyperband(epochs)
    study = optuna.create_study(direction="maximize", pruner=pruner, study_name="study")
    ended = defaultdict(list)
    for height in rng.random(400 if epochs == 9 else 800):
        trial = study.ask()
        whole = not any(_prunes(trial, height, epoch) for epoch in range(1, epochs))
        bracket = pruner._get_bracket_id(study, study.get_trials(deepcopy=False)[-1])
        ended[len(pruner.rungs) - bracket].append(whole)
        study.tell(trial, height if whole else None, state=None if whole else optuna.trial.TrialState.PRUNED)
    for s, wholes in ended.items():
        assert np.mean(wholes) == pytest.approx(3.0**-s, rel=0.6 if s else 0)
    sizes = [len(ended[s]) for s in sorted(ended)]
    assert sizes == sorted(sizes)  # n_s = ceil((s_max + 1) / (s + 1) eta^s)


def _prunes(trial, value, epoch):
    trial.report(value, epoch)
    return trial.should_prune()


@pytest.mark.parametrize("metric", ["accuracy", "perplexity"])
def test_of_trials_that_are_equally_good_the_earlier_ones_go_on(metric, recorded):
    """A convnet at chance is at exactly 0.1: of 60, each bracket with a rung keeps the first."""
    chance = LearningCurves(np.full((60, T), 0.1 if metric == "accuracy" else 10.0), metric=metric)
    pruner = Hyperband(T)
    epochs = recorded(pruner, chance)
    study = optuna.create_study(pruner=pruner, study_name="study")
    brackets = [pruner._get_bracket_id(study, _Numbered(number)) for number in range(60)]
    whole = [number for number in range(60) if epochs[number] == T]
    without_rung = {number for number in range(60) if brackets[number] == 2}
    assert whole == sorted({brackets.index(0), brackets.index(1)} | without_rung)


def test_of_equally_good_trials_the_earlier_goes_on_even_if_it_reaches_the_rung_later():
    """As with several workers."""
    pruner = Hyperband(T)
    study = optuna.create_study(direction="maximize", pruner=pruner, study_name="study")
    asked = (study.ask() for _ in range(40))
    earlier, later, *_ = [trial for trial in asked if pruner._get_bracket_id(study, trial) == 0]
    assert not _prunes(later, 0.1, 1)  # it is the first one there
    assert not _prunes(earlier, 0.1, 1)
    assert later.should_prune()


@pytest.mark.parametrize("epochs", [9, 60])
def test_a_seed_draws_brackets_in_the_shares_of_li_et_al_whatever_the_study_is_called(epochs):
    """n_s = ceil((s_max + 1) / (s + 1) eta^s): 9, 5 and 3 for T = 9."""
    most = len(Hyperband(epochs).rungs)
    sizes = [ceil((most + 1) / (s + 1) * 3**s) for s in range(most, -1, -1)]
    for seed in (0, 1):
        first, second = (_brackets(Hyperband(epochs, seed=seed), name) for name in ("one", "other"))
        assert first == second
        shares = np.bincount(first) / len(first)
        assert shares == pytest.approx(np.divide(sizes, sum(sizes)), abs=0.03)
    assert first != _brackets(Hyperband(epochs, seed=0), "other")


def test_a_seed_has_the_same_brackets_for_ever():
    """A resumed tuning goes on with them. Of 9 + 5 + 3 trials, 9 go to the first bracket, 5 to the second."""
    drawn = [int(np.random.default_rng((4, 9, number)).integers(2**31)) % 17 for number in range(50)]
    expected = [0 if draw < 9 else 1 if draw < 14 else 2 for draw in drawn]
    assert _brackets(Hyperband(T, seed=4), "study", 50) == expected


def _brackets(pruner, name, trials=2000):
    study = optuna.create_study(study_name=name)
    return [pruner._get_bracket_id(study, _Numbered(number)) for number in range(trials)]


def test_a_bracket_is_known_before_the_first_epoch_so_that_a_resumed_sampler_sees_the_same_trials():
    study = optuna.create_study(pruner=Hyperband(T), study_name="study")
    brackets = [Hyperband(T)._get_bracket_id(study, _Numbered(number)) for number in range(20)]
    assert {*brackets} == {0, 1, 2}


class _Numbered:
    def __init__(self, number):
        self.number = number


def test_without_enough_trainings_it_is_hyperband(curves, recorded):
    plain = recorded(HyperbandPruner(min_resource=1, max_resource=T, reduction_factor=3), curves)
    assert np.array_equal(recorded(accelerated(burn_in=1000), curves), plain)


def test_it_trains_fewer_epochs_than_hyperband_and_keeps_the_best(curves, recorded):
    plain = recorded(HyperbandPruner(min_resource=1, max_resource=T, reduction_factor=3), curves)
    fewer = recorded(accelerated(), curves)
    assert fewer.sum() < plain.sum()
    assert curves.final[fewer == T].max() == curves.final[plain == T].max()


def test_the_smaller_the_share_to_be_among_the_fewer_epochs(curves, recorded):
    epochs = [recorded(accelerated(kappa=kappa), curves).sum() for kappa in (0.1, 0.5, 1.0)]
    assert epochs == sorted(epochs)
    assert epochs[0] < epochs[-1]


def test_perplexities_are_minimised(curves, recorded):
    worse = LearningCurves(1 / curves.values, metric="perplexity")
    epochs = recorded(accelerated(metric="perplexity"), worse)
    plain = recorded(HyperbandPruner(min_resource=1, max_resource=T, reduction_factor=3), worse)
    assert epochs.sum() < plain.sum()


def test_it_stops_by_the_probability_of_missing_the_kappa_n_th_best(curves):
    """Asked about a trial of the last bracket, whose only rung is T: against the model asked directly."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = accelerated(kappa=0.5, Delta=0.8)
    study = optuna.create_study(direction="maximize", pruner=pruner, study_name="study")
    last = [n for n in range(200) if pruner._get_bracket_id(study, _Numbered(n)) == 2]
    for values in curves.values[:40]:
        trial = study.ask()
        for epoch, value in enumerate(values, 1):
            trial.report(value, epoch)
        study.tell(trial, values[-1])
    while (trial := study.ask()).number not in last:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    curve = curves[70:71].until(2)
    for epoch in (1, 2):
        trial.report(curve.values[0, epoch - 1], epoch)
    decision = pruner.decide(study, study.trials[-1])
    rivals = sorted(curves.final[number] for number in last if number < 40)
    threshold = rivals[-max(1, -(-len(rivals) // 2))]
    size = int(5 * 1.5**5)  # the largest of 5, 7.5, ... that is at most 40
    assert size == 37
    p, y_hat = fast().fit(curves[:size], taus=[2]).probability_below(curve, threshold, 2)
    assert decision.y_best == pytest.approx(threshold)
    assert decision.y_hat_T == pytest.approx(float(y_hat[0]))
    assert decision.probability == pytest.approx(float(p[0]))
    assert decision.stop == (p[0] >= 0.8)


@pytest.fixture
def of_one_bracket():
    """of_one_bracket(pruner, rows): a study with those curves, each of a trial of the first bracket.

    The last row belongs to the trial that is asked about.
    """

    def make(pruner, rows):
        study = optuna.create_study(direction="maximize", pruner=pruner, study_name="study")
        for values in rows:
            while pruner._get_bracket_id(study, trial := study.ask()) != 0:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            for epoch, value in enumerate(values, 1):
                trial.report(value, epoch)
        return study, study.get_trials(deepcopy=False)[-1]

    return make


def test_nothing_is_predicted_before_the_first_epoch_or_without_rivals(curves, of_one_bracket):
    pruner = accelerated()
    rows = curves.values[:40]
    for epochs in ([], rows[0]):  # of which the second is at its end
        assert pruner.decide(*of_one_bracket(pruner, [*rows, epochs])).reason == "nothing to predict"
    study, trial = of_one_bracket(pruner, [[0.1, 0.2]])
    for _ in range(40):  # of other brackets, to the end
        if pruner._get_bracket_id(study, other := study.ask()) != 0:
            for epoch, value in enumerate(rows[other.number % 40], 1):
                other.report(value, epoch)
    assert not pruner.decide(study, trial).stop


def test_a_training_that_was_no_number_at_a_rung_has_not_reached_it(curves, of_one_bracket):
    pruner = accelerated(burn_in=7)
    diverged = [[0.1, 0.1, np.nan]] * 3
    asked = [*diverged, *curves.values[:6], [0.1, 0.1]]
    assert pruner.decide(*of_one_bracket(pruner, asked)).reason == "6 of 7 have reached epoch 3"


def test_all_brackets_count_for_the_burn_in_and_its_own_alone_are_compared_with(curves):
    study = optuna.create_study(direction="maximize", study_name="study")
    rivals, bracket = [], accelerated()._get_bracket_id
    for values in curves.values[:20]:
        trial = study.ask()
        for epoch, value in enumerate(values, 1):
            trial.report(value, epoch)
        rivals += [values[2]] if bracket(study, trial) == 0 else []
    while bracket(study, trial := study.ask()) != 0:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    trial.report(0.3, 1)
    decision = accelerated(burn_in=20).decide(study, study.trials[-1])
    assert 3 < len(rivals) < 20
    assert decision.y_best == sorted(rivals)[-ceil(len(rivals) / 3)]
    waiting = accelerated(burn_in=21).decide(study, study.trials[-1])
    assert (waiting.stop, waiting.reason) == (False, "20 of 21 have reached epoch 3")


def test_a_decision_follows_from_the_study_whatever_the_pruner_was_asked_before(curves, of_one_bracket):
    """Also where a training was no number on its way to the rung: it has not reached it."""
    used, known = accelerated(burn_in=11), [*curves.values[:10], [0.1, np.nan, 0.5]]
    assert used.decide(*of_one_bracket(used, [*known, [0.1, 0.1]])).reason == "10 of 11 have reached epoch 3"
    for last in (14, 20):
        asked = of_one_bracket(used, [*known, *curves.values[10:last], curves.values[50, :2]])
        decision = accelerated(burn_in=11).decide(*asked)
        assert used.decide(*asked) == decision
        assert decision.probability is not None


def test_a_trial_that_diverges_is_stopped_and_later_values_are_not_predicted_from(curves, of_one_bracket):
    pruner, known = accelerated(), curves.values[:10]
    for value in (np.inf, np.nan):
        decision = pruner.decide(*of_one_bracket(pruner, [*known, [0.1, value]]))
        assert (decision.stop, decision.reason) == (True, f"diverged: the value of epoch 2 is {value}")
    decision = pruner.decide(*of_one_bracket(pruner, [*known, [np.inf, 0.1]]))
    assert (decision.stop, decision.reason) == (False, "nothing to predict")


def test_who_is_surely_no_better_is_stopped_where_only_certainty_stops(curves, of_one_bracket):
    pruner = accelerated(Delta=1.0)
    decision = pruner.decide(*of_one_bracket(pruner, [*curves.values[:40], [-9.0, -9.0]]))
    assert (decision.probability, decision.stop) == (1.0, True)


def test_the_share_that_counts_as_the_best_is_by_default_the_one_that_goes_on():
    pruner = AcceleratedHyperband(16, eta=4, model=fast())
    assert (pruner.kappa, pruner.Delta, pruner.burn_in) == (1 / 4, 0.95, 100)


def test_copies_for_other_processes_are_without_models_and_decide_alike(curves, of_one_bracket):
    pruner = accelerated()
    study, trial = of_one_bracket(pruner, [*curves.values[:40], curves.values[50, :2]])
    decision = pruner.decide(study, trial)
    copied = pickle.loads(pickle.dumps(pruner))
    assert (len(pruner._models), copied._models) == (1, {})
    assert copied.decide(study, trial) == decision


@pytest.mark.parametrize(("kappa", "place"), [(0.28, 7), (0.3, 8), (1.0, 25), (0.001, 1)])
def test_of_25_rivals_the_best_28_percent_are_7(curves, kappa, place):
    """Although 0.28 * 25 is 7.000000000000001. With eta = T, the first bracket has one rung, at epoch 1."""
    pruner = accelerated(kappa=kappa, eta=T)
    study = optuna.create_study(direction="maximize", pruner=pruner, study_name="study")
    rivals = []
    while len(rivals) < 26:
        trial, values = study.ask(), curves.values[len(rivals)]
        if pruner._get_bracket_id(study, trial) != 0:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        rivals.append(values[-1])
        for epoch, value in enumerate(values[: T if len(rivals) < 26 else 2], 1):
            trial.report(value, epoch)
        if len(rivals) < 26:
            study.tell(trial, values[-1])
    assert pruner.decide(study, study.trials[-1]).y_best == pytest.approx(sorted(rivals[:25])[-place])


@pytest.mark.parametrize("Delta", [0, 7, np.nan])
def test_a_delta_that_is_no_probability_is_refused(Delta):
    with pytest.raises(PredictorError, match=rf"Delta = {Delta}; expected a probability in \(0, 1\]"):
        accelerated(Delta=Delta)
