"""Accelerated Hyperband against its formula and against Optuna's own, on curves whose ends are known."""

import numpy as np
import pytest
from optuna.pruners import HyperbandPruner

from metaqnn.tune.hyperband import AcceleratedHyperband
from predictor import LearningCurves
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
    pruner = AcceleratedHyperband(8, min_epochs=2, eta=3)
    assert [pruner.rung_after(0, tau) for tau in (1, 2, 5, 6, 7)] == [2, 6, 6, 8, 8]


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


def test_it_stops_by_the_probability_to_miss_the_kappa_n_th_best(curves):
    """Asked about a trial of the last bracket, whose only rung is T: against the model asked directly."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = accelerated(kappa=0.5, Delta=0.8)
    study = optuna.create_study(direction="maximize", pruner=pruner, study_name="study")
    pruner._try_initialization(study)
    last = [n for n in range(200) if pruner._get_bracket_id(study, type("T", (), {"number": n})) == 2]
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
