import numpy as np
import pytest

from predictor import (
    CurvesError,
    Decision,
    EarlyStopper,
    LearningCurves,
    NoStopping,
    RankEnvelope,
    SequentialRegression,
    StoppingRule,
)
from predictor.rules import make_rule
from predictor.rules.base import by_probability
from predictor.rules.reward import LastSeen


@pytest.fixture(params=["none", "early"])
def rule(request):
    if request.param == "none":
        return NoStopping()
    return EarlyStopper(burn_in=10, model=SequentialRegression(regressor="ols"))


def test_every_rule_answers_the_contract(rule, curves):
    assert isinstance(rule, StoppingRule)
    for history in (curves[:0], curves[:5], curves[:40]):
        for tau in (1, 4):
            decision = rule.decide(curves[50].until(tau), history)
            assert isinstance(decision, Decision)
            assert decision.reason
            assert "\n" not in decision.reason


def test_decisions_depend_on_the_arguments_alone(rule, curves):
    """Interleaved trials, other histories in between, and equal histories that are other objects."""
    first = rule.decide(curves[50].until(3), curves[:30])
    rule.decide(curves[51].until(5), curves[10:45])
    rule.decide(curves[52].until(1), curves[:50])
    copy = LearningCurves(curves.values.copy(), curves.architecture, curves.hyperparameters)
    assert rule.decide(copy[50].until(3), copy[:30]) == first


@pytest.mark.parametrize(
    "name", ["rank-envelope", "rank-envelope:ranks=seen", "published:method=ols", "median"]
)
def test_an_array_that_is_filled_again_is_another_history(make_curves, name):
    """The next experiment's results in the same memory."""
    rule, memory = make_rule(name), np.empty((120, 6))
    running = LearningCurves(np.array([[0.1, 0.15, 0.2, np.nan, np.nan, np.nan]]))
    for factor in (1.0, 0.1):
        memory[:] = factor * make_curves(120, 6, seed=1).values
        decision = rule.decide(running, LearningCurves(memory))
        assert decision == make_rule(name).decide(running, LearningCurves(memory.copy()))


def test_the_rule_that_never_stops(curves):
    assert not any(NoStopping().decide(curve.until(2), curves).stop for curve in (curves[0], curves[1]))


def test_decisions_are_immutable():
    with pytest.raises(AttributeError):
        Decision(stop=True, reason="x").stop = False  # type: ignore[misc]


def test_fields_may_be_absent():
    decision = Decision(stop=False, reason="burn-in")
    assert (decision.probability, decision.y_hat_T, decision.sigma, decision.y_best) == (None,) * 4
    assert np.isfinite(Decision(stop=True, reason="", probability=0.5).probability)


@pytest.mark.parametrize("judge", [EarlyStopper().decide, RankEnvelope().decide, LastSeen().forecast])
@pytest.mark.parametrize(
    ("measure", "said"), [({}, r"'accuracy' \(maximize\)"), ({"metric": "error"}, r"'error' \(minimize\)")]
)
def test_a_curve_of_another_metric_than_the_history_is_refused(judge, measure, said):
    """A loss of 5 would be the best accuracy of all; whoever forgets to name the metric is told so."""
    losses = LearningCurves(2 - np.linspace(0.2, 0.8, 30)[:, None] * [0.4, 0.7, 0.9, 1.0], metric="loss")
    worst = np.array([[5.0, np.nan, np.nan, np.nan]])
    with pytest.raises(CurvesError, match=rf"{said} are compared with curves of metric='loss' \(minimize\)"):
        judge(LearningCurves(worst, **measure), losses)
    with pytest.raises(CurvesError, match=r"'loss' \(maximize\)"):
        judge(LearningCurves(worst, metric="loss", direction="maximize"), losses)


def test_a_metric_under_another_name_is_the_same_metric():
    values = np.linspace(0.2, 0.8, 30)[:, None] * [0.4, 0.7, 0.9, 1.0]
    running = LearningCurves([[0.3, np.nan, np.nan, np.nan]], metric="val_acc")
    assert RankEnvelope().decide(running, LearningCurves(values)) == RankEnvelope().decide(
        LearningCurves(running.values), LearningCurves(values)
    )


@pytest.mark.parametrize(
    ("p", "stop", "sign"), [(0.9, True, ">="), (0.8999, False, "<"), (np.nan, False, "<")]
)
def test_a_training_stops_at_a_probability_of_delta(p, stop, sign):
    """Forecasts are on the scale of scores, here minus the logarithm; decisions are in the metric's units."""
    running = LearningCurves([[9.0, 8.0, np.nan]], metric="perplexity")
    said = by_probability(running, p, 0.9, "no better", y_hat=-np.log(7), y_best=-np.log(5), sigma=0.1)
    assert said.stop is stop
    assert said.reason == f"p(no better) = {p:.4f} {sign} Delta = 0.9 after epoch 2"
    assert (said.y_hat_T, said.y_best, said.sigma) == (pytest.approx(7), pytest.approx(5), 0.1)
