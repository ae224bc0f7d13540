"""The result that is expected of a stopped training."""

import numpy as np
import pytest

from predictor import CurvesError, Decision, EarlyStopper, LearningCurves, SequentialRegression, make_method
from predictor.rules import growing
from predictor.rules.reward import Expected, ForecastAtStop, LastSeen, ModelForecaster

STOP = Decision(stop=True, reason="hopeless", probability=0.99)
CONTINUE = Decision(stop=False, reason="promising", probability=0.2, y_hat_T=0.6)


class Always:
    """A rule with one answer."""

    def __init__(self, decision):
        self.decision = decision

    def decide(self, curve, history):
        return self.decision


def ols():
    return SequentialRegression(regressor="ols", features=("TS",))


def perplexities(curves):
    return LearningCurves(np.exp(5 - curves.values), metric="perplexity")


def test_the_last_value_seen(curves):
    assert LastSeen().forecast(curves[7].until(3), curves[:0]) == Expected(curves.values[7, 2], None)


def test_a_model_needs_some_completed_networks_and_until_then_it_is_the_last_value(curves):
    history = LearningCurves.concatenate(curves[:5], curves[5:30].until(4))
    curve = curves[40].until(3)
    assert ModelForecaster().forecast(curve, history) == Expected(curves.values[40, 2], None)
    one_more = LearningCurves.concatenate(history, curves[31:32])
    assert ModelForecaster().forecast(curve, one_more).sigma > 0


@pytest.mark.parametrize(
    ("completed", "size"), [(6, 6), (7, 7), (8, 7), (11, 10), (12, 12), (14, 13), (20, 18)]
)
def test_it_is_the_projects_method_fitted_to_a_growing_number_of_completed_networks(curves, completed, size):
    history = LearningCurves.concatenate(curves[30:40].until(2), curves[:completed])
    model = make_method().fit(curves[:size], taus=[3])
    for row in (50, 55):
        expected = ModelForecaster().forecast(curves[row].until(3), history)
        y_hat, sigma = model.predict(curves[row], 3, return_std=True)
        assert expected.y_hat_T == pytest.approx(min(y_hat[0], curves.final[:completed].max()))
        assert expected.sigma == pytest.approx(sigma[0])


def test_only_completed_networks_that_are_due_or_others_than_before_are_learned_from(curves, monkeypatch):
    read = []
    monkeypatch.setattr(growing, "_fingerprint", lambda known: (read.append(1), known.values.tobytes())[1])
    models, history = (
        ModelForecaster(ols())._models,
        LearningCurves.concatenate(curves[:6], curves[6:9].until(2)),
    )
    first = models.fitted(history)
    assert len(read) == 1
    assert models.fitted(LearningCurves.concatenate(history, curves[9:12].until(3))) is first
    assert models.fitted(history) is first
    assert len(read) == 1
    other = models.fitted(curves[1:9])
    assert len(read) == 3
    np.testing.assert_array_equal(other.curves_.values, curves.values[1:8])
    assert models.fitted(history) is first


def test_searches_from_before_the_stack_get_the_forecaster_that_they_began_with():
    """What a resumed search must name: the arguments that `ModelForecaster()` then stood for."""
    pinned = ModelForecaster(make_method("robust-gp"), first=6, growth=1.15)
    model = pinned._models.model
    assert type(model) is SequentialRegression
    assert model.get_params() == {
        "regressor": "robust-gp", "features": ("TS-summary", "log-AP", "log-HP"), "target": "increment",
        "n_settings": 1000, "random_state": 0, "n_jobs": 1, "uncertainty": "loocv", "hold_flat": True,
        "max_curves": 500,
    }  # fmt: skip
    assert (pinned._models.first, pinned._models.growth) == (6, 1.15)


def test_it_is_much_nearer_than_the_last_value(curves):
    def error(forecaster):
        forecasts = [forecaster.forecast(curves[row].until(3), curves[:40]).y_hat_T for row in range(40, 60)]
        return np.abs(forecasts - curves.values[40:, -1]).mean()

    assert error(ModelForecaster()) < 0.5 * error(LastSeen())


def test_nothing_that_is_given_up_is_better_than_the_best(curves):
    steep = LearningCurves(1.5 * curves.values)
    plain = ols().fit(curves[:20]).predict(steep[0], 3)
    best = curves.final[:20].max()
    assert ModelForecaster(ols()).forecast(steep[0].until(3), curves[:20]).y_hat_T == best < plain
    losing, steep = perplexities(curves), perplexities(steep)
    forecast = ModelForecaster(ols()).forecast(steep[0].until(3), losing[:20])
    assert forecast.y_hat_T == pytest.approx(losing.values[:20, -1].min())


def test_forecasts_of_perplexities_are_perplexities(curves):
    losing = perplexities(curves)
    expected = ModelForecaster(ols()).forecast(losing[50].until(7), losing[:30])
    assert expected.y_hat_T == pytest.approx(losing.values[50, -1], rel=0.05)


def test_a_fresh_one_after_a_crash_forecasts_the_same(curves):
    old = ModelForecaster()
    for size in (6, 12, 25):  # the old one has fitted along the way
        old.forecast(curves[50].until(2), curves[:size])
    for row in (45, 50):
        curve = curves[row].until(4)
        assert ModelForecaster().forecast(curve, curves[:30]) == old.forecast(curve, curves[:30])


@pytest.mark.parametrize("forecaster", [LastSeen(), ModelForecaster()])
def test_only_one_running_training_can_be_forecast(curves, forecaster):
    for curve in (curves[:2].until(3), curves[0], curves[0].until(0), LearningCurves(curves.values[:1, :5])):
        with pytest.raises(CurvesError, match="expected one running curve"):
            forecaster.forecast(curve, curves)


def test_a_decision_to_go_on_stays_as_it_is(curves):
    rule = ForecastAtStop(Always(CONTINUE), LastSeen())
    assert rule.decide(curves[7].until(3), curves[:5]) == CONTINUE


def test_a_decision_to_stop_says_what_would_have_become_of_the_network(curves):
    history = LearningCurves.concatenate(curves[:9], curves[9:12].until(2))
    decision = ForecastAtStop(Always(STOP), LastSeen()).decide(curves[20].until(3), history)
    assert (decision.y_hat_T, decision.sigma) == (curves.values[20, 2], None)
    assert decision.y_best == curves.values[:9, -1].max()
    assert (decision.stop, decision.reason, decision.probability) == (True, "hopeless", 0.99)


def test_the_rules_own_best_is_kept_and_there_may_be_none(curves):
    own = Decision(stop=True, reason="hopeless", y_hat_T=0.1, y_best=0.123)
    assert ForecastAtStop(Always(own), LastSeen()).decide(curves[20].until(3), curves[:9]).y_best == 0.123
    assert ForecastAtStop(Always(STOP), LastSeen()).decide(curves[20].until(3), curves[:0]).y_best is None


def test_the_published_criterion_says_it_itself(curves):
    """Its model is that of a forecaster refitted at the same numbers of curves."""
    stopper = EarlyStopper(Delta=0.5, burn_in=10, model=ols())
    forecaster = ModelForecaster(ols(), first=10, growth=1.5)
    stops = 0
    for row in range(25, 60):
        curve = curves[row].until(4)
        decision = stopper.decide(curve, curves[:25])
        if decision.stop:
            stops += 1
            assert forecaster.forecast(curve, curves[:25]).y_hat_T == pytest.approx(decision.y_hat_T)
    assert stops > 5


def test_what_is_expected_of_a_perplexity_is_a_perplexity_also_without_a_model():
    history = LearningCurves(np.array([[90.0, 60.0, 50.0], [80.0, 50.0, 40.0]]), metric="perplexity")
    curve = LearningCurves(np.array([[300.0, 200.0, np.nan]]), metric="perplexity")
    decision = ForecastAtStop(Always(STOP), LastSeen()).decide(curve, history)
    assert decision.y_hat_T == 200
    assert decision.y_best == pytest.approx(40)


class Expects:
    """A forecaster with one answer."""

    def forecast(self, curve, history):
        return Expected(0.5, 0.1)


def test_a_decision_to_stop_gets_both_numbers_of_the_forecaster(curves):
    own = Decision(stop=True, reason="hopeless", y_hat_T=0.9, sigma=0.3, y_best=0.7)
    decision = ForecastAtStop(Always(own), Expects()).decide(curves[20].until(3), curves[:9])
    assert (decision.y_hat_T, decision.sigma, decision.y_best) == (0.5, 0.1, 0.7)
