import numpy as np
import pytest

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError, PredictorError
from predictor.models.lce import LearningCurveExtrapolation
from predictor.rules.lce import LceRule

T = 20
EPOCHS = np.arange(1.0, T + 1)


def saturating(limit):
    return limit * (1 - np.exp(-0.5 * EPOCHS)) + 0.002 * np.sin(7 * EPOCHS)


def rule(**settings):
    return LceRule(model=LearningCurveExtrapolation(n_steps=300, burn_in=150), **settings)


def ask(rule, limit, tau, history=(0.8, 0.6)):
    records = np.array([saturating(one) for one in history]).reshape(-1, T)
    return rule.decide(LearningCurves(saturating(limit)[None]).until(tau), LearningCurves(records))


def test_a_hopeless_curve_is_stopped_and_a_promising_one_is_not():
    hopeless, promising = ask(rule(), 0.3, 8), ask(rule(), 0.95, 8)
    assert hopeless.stop
    assert hopeless.probability > 0.95
    assert hopeless.y_hat_T == pytest.approx(0.3, abs=0.1)
    assert hopeless.y_best == pytest.approx(saturating(0.8)[-1])
    assert not promising.stop
    assert promising.probability < 0.5


def test_perplexities_are_compared_the_right_way_round():
    def perplexity(limit):
        return np.exp(6 - 2 * saturating(limit))[None]

    history = LearningCurves(perplexity(0.7), metric="perplexity")
    stop = {
        limit: rule().decide(LearningCurves(perplexity(limit), metric="perplexity").until(10), history).stop
        for limit in (0.2, 0.95)
    }
    assert stop == {0.2: True, 0.95: False}


def test_nothing_is_stopped_before_a_network_is_completed():
    assert not ask(rule(), 0.1, 8, history=()).stop


@pytest.mark.parametrize(("tau", "looks"), [(2, False), (4, True), (5, False), (7, True), (20, False)])
def test_looks_come_at_first_and_then_every_so_many_epochs(tau, looks):
    decision = ask(rule(first=4, every=3), 0.1, tau)
    assert (decision.probability is not None) == looks


@pytest.mark.parametrize("setting", [{"Delta": 0.0}, {"Delta": 1.1}, {"every": 0}, {"first": 0}])
def test_impossible_settings_are_quoted(setting):
    ((name, value),) = setting.items()
    with pytest.raises(PredictorError, match=f"{name} = {value}"):
        LceRule(**setting)


def test_the_curve_must_be_one_and_as_long_as_the_history():
    with pytest.raises(CurvesError, match="2 curves of 3 epochs"):
        rule().decide(LearningCurves(np.zeros((2, 3))), LearningCurves(np.zeros((1, 3))))
