import numpy as np
import pytest
from scipy.stats import norm

from predictor import CurvesError, EarlyStopper, LearningCurves, PredictorError, SequentialRegression
from predictor.models.names import make_method
from predictor.rules.published import _tell_out_of_reach


def ols():
    return SequentialRegression(regressor="ols", features=("TS",))


@pytest.mark.parametrize(("delta", "nth"), [(0.0, 1), (0.03, 1), (0.0, 4)])
def test_the_criterion_is_the_closed_form(curves, delta, nth):
    stopper = EarlyStopper(
        Delta=0.9, tolerance=delta, nth_best=nth, burn_in=20, model=ols(), refit_growth=None
    )
    history = curves[:30]
    model = ols().fit(history[:20])
    y_best = np.sort(history.final)[-nth]
    stops = []
    for row in range(30, 60):
        decision = stopper.decide(curves[row].until(4), history)
        y_hat = float(model.predict(curves[row], 4)[0])
        p = norm.cdf((y_best - delta - y_hat) / model.sigma_[3])
        assert decision.probability == pytest.approx(p)
        assert decision.y_hat_T == pytest.approx(y_hat)
        assert decision.sigma == pytest.approx(model.sigma_[3])
        assert decision.y_best == y_best
        assert decision.stop == (p >= 0.9)
        which = "4th best" if nth == 4 else "best less the tolerance" if delta else "best"
        assert f"no better than {y_best - delta:.4f}, the {which}) = " in decision.reason
        stops.append(decision.stop)
    assert 0 < sum(stops) < len(stops)


def test_no_network_is_stopped_during_the_burn_in_or_before_the_first_epoch(curves):
    stopper = EarlyStopper(Delta=0.01, burn_in=30, model=ols())
    history = LearningCurves.concatenate(curves[:29], curves[30:50].until(3))
    decision = stopper.decide(curves[55].until(5), history)
    assert not decision.stop
    assert "29 of 30" in decision.reason
    full = LearningCurves.concatenate(history, curves[29:30])
    assert not stopper.decide(curves[55].until(0), full).stop
    assert not stopper.decide(curves[55], full).stop
    assert stopper.decide(curves[55].until(5), full).probability is not None


def with_a_loss_of(last, n=40, T=5):
    """Losses that end between 0.3 and 1.5, except for one that ends at `last`."""
    ends = np.random.default_rng(0).uniform(0.3, 1.5, (n, 1))
    values = ends + np.exp(-np.arange(1.0, T + 1)) + np.random.default_rng(1).normal(0, 0.01, (n, T))
    values[5, 3:] = last
    return LearningCurves(values, metric="loss")


def ask_about_a_loss(stopper, history, ends=(1.4, 1.3)):
    for end in ends:
        curve = LearningCurves(end + np.exp(-np.arange(1.0, history.T + 1))[None], metric="loss").until(2)
        decision = stopper.decide(curve, history)
    return decision


def test_a_result_far_off_that_makes_sigma_many_times_larger_is_told_once(caplog):
    stopper = EarlyStopper(burn_in=20, model=SequentialRegression(n_settings=20))
    assert ask_about_a_loss(stopper, with_a_loss_of(1.0)).stop
    assert caplog.text == ""
    assert not ask_about_a_loss(stopper, with_a_loss_of(10.0)).stop
    assert caplog.text.count("without the 2 of 30 completed results that were predicted worst") == 1


def test_a_sigma_that_is_small_beside_the_spread_of_results_is_not_told(caplog):
    """All but four results are predicted to a thousandth: sigma grows, but still stops what is worse."""
    rng, T = np.random.default_rng(0), 10
    ends, rises = rng.uniform(0.3, 0.9, (120, 1)), 1 - np.exp(-0.6 * np.arange(1, T + 1))
    values = ends * rises / rises[-1] + 1e-4 * rng.normal(size=(120, T))
    values[:4, -1] += 0.03
    stopper, history = EarlyStopper(burn_in=100, model=make_method("robust-gp")), LearningCurves(values)
    worst = LearningCurves(values[ends.argmin()][None]).until(5)
    assert stopper.decide(worst, history).stop
    assert caplog.text == ""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_result_too_large_to_compute_with_gives_no_probability():
    decision = ask_about_a_loss(EarlyStopper(burn_in=20, model=ols()), with_a_loss_of(1e300))
    assert (decision.stop, decision.probability) == (False, None)
    assert decision.reason == "no forecast after epoch 2: a completed result is too large"


def test_the_best_is_sought_among_all_completed_and_only_those(curves):
    stopper = EarlyStopper(burn_in=20, model=ols(), refit_growth=None)
    values = curves.values[:22].copy()
    values[20] = 0.99
    values[21, :-1], values[21, -1] = 1.0, np.nan
    history = LearningCurves(values, curves[:22].architecture, curves[:22].hyperparameters)
    assert stopper.decide(curves[50].until(3), history).y_best == 0.99


@pytest.mark.parametrize(
    ("completed", "growth", "size"),
    [
        (10, 1.5, 10),
        (14, 1.5, 10),
        (15, 1.5, 15),
        (21, 1.5, 15),
        (22, 1.5, 22),
        (33, 1.5, 33),
        (60, None, 10),
        (60, 2.0, 40),
    ],
)
def test_refits_follow_a_schedule_of_completed_networks(curves, completed, growth, size):
    stopper = EarlyStopper(burn_in=10, model=ols(), refit_growth=growth)
    decision = stopper.decide(curves[59].until(4), curves[:completed])
    expected = ols().fit(curves[:size])
    assert decision.y_hat_T == pytest.approx(float(expected.predict(curves[59], 4)[0]), rel=1e-12)


def test_a_fresh_stopper_after_a_crash_decides_the_same(make_curves):
    curves = make_curves(60, 6, seed=2)
    settings = {"burn_in": 12, "Delta": 0.8}
    old = EarlyStopper(**settings, model=SequentialRegression(n_settings=10))
    for size in (12, 20, 30):  # the old one has fitted along the way
        old.decide(curves[50].until(2), curves[:size])
    fresh = EarlyStopper(**settings, model=SequentialRegression(n_settings=10))
    for row in (45, 50, 55):
        assert fresh.decide(curves[row].until(2), curves[:44]) == old.decide(
            curves[row].until(2), curves[:44]
        )


def test_predictions_of_perplexities_are_perplexities(curves):
    perplexities = LearningCurves(np.exp(5 - curves.values), metric="perplexity")
    decision = EarlyStopper(burn_in=20, model=ols()).decide(perplexities[50].until(7), perplexities[:30])
    assert decision.y_hat_T == pytest.approx(perplexities.values[50, -1], rel=0.05)
    assert decision.y_best == pytest.approx(perplexities.values[:30, -1].min())


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"Delta": 0.0}, "Delta = 0.0"),
        ({"Delta": 1.2}, "Delta = 1.2"),
        ({"Delta": float("nan")}, "Delta = nan"),
        ({"tolerance": -0.1}, "tolerance = -0.1"),
        ({"nth_best": 0}, "nth_best = 0"),
        ({"burn_in": 2}, "burn_in = 2"),
        ({"burn_in": 5, "nth_best": 6}, "burn_in = 5"),
        ({"refit_growth": 1.0}, "refit_growth = 1.0"),
    ],
)
def test_wrong_settings_quote_the_value(settings, part):
    with pytest.raises(PredictorError, match=part) as caught:
        EarlyStopper(**settings)
    assert "\n" not in str(caught.value)


def test_more_than_one_curve_or_other_lengths_are_refused(curves):
    stopper = EarlyStopper(burn_in=10, model=ols())
    with pytest.raises(CurvesError, match="2 curves"):
        stopper.decide(curves[:2], curves)
    with pytest.raises(CurvesError, match="7 epochs"):
        stopper.decide(LearningCurves(curves.values[:1, :7]), curves)


@pytest.mark.parametrize("scale", [1e-6, 1e-13, 1e-30, 1e-100])
@pytest.mark.parametrize("uncertainty", ["loocv", "level"])
def test_the_unit_of_a_loss_changes_no_decision(curves, scale, uncertainty):
    """Losses of 1e-13 are as far apart, beside one another, as those of 1."""

    def probabilities(factor):
        losses = LearningCurves(factor * (2 - curves.values), metric="loss")
        model = SequentialRegression(regressor="ols", features=("TS",), uncertainty=uncertainty)
        rule = EarlyStopper(burn_in=20, model=model)
        return [rule.decide(losses[row].until(3), losses[:30]).probability for row in range(30, 60)]

    ordinary = probabilities(1.0)
    assert min(ordinary) < 0.9 < 0.999 < max(ordinary)
    np.testing.assert_allclose(probabilities(scale), ordinary, atol=1e-6)


def test_delta_1_stops_what_is_certain(curves):
    stopper = EarlyStopper(Delta=1, burn_in=20, model=ols())
    decision = stopper.decide(LearningCurves(curves.values[:1] / 100).until(4), curves[:30])
    assert (decision.stop, decision.probability) == (True, 1.0)


@pytest.mark.parametrize(
    ("burn_in", "growth", "Delta", "told"),
    [
        (98, None, 0.99, True),
        (99, None, 0.99, False),
        (50, 1.5, 0.99, False),
        (50, 1.5, 0.999, True),  # at most 500 curves are learned from
        (50, None, 0.95, False),
        (50, 1.5, 1.0, True),
    ],
)
def test_a_delta_that_conformal_probabilities_never_reach_is_told(caplog, burn_in, growth, Delta, told):
    _tell_out_of_reach.cache_clear()
    for _ in range(2):
        EarlyStopper(
            Delta=Delta,
            burn_in=burn_in,
            refit_growth=growth,
            model=make_method("ols", uncertainty="conformal"),
        )
    assert caplog.text.count("stops nothing") == told


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"burn_in": 98}, "98 networks to learn from (burn_in)|at most 0.9898, or a larger burn_in"),
        ({"burn_in": 98, "Delta": 0.999}, "(burn_in)|choose at most 0.9898"),
        ({"burn_in": 999, "Delta": 0.999}, "500 networks to learn from (max_curves)|choose at most 0.998"),
        ({"burn_in": 99, "Delta": 1}, "no probability is 1, however many|choose a smaller one"),
    ],
)
def test_the_limit_that_keeps_delta_out_of_reach_is_named_and_only_what_helps_is_advised(
    caplog, settings, said
):
    _tell_out_of_reach.cache_clear()
    model = make_method("ols", uncertainty="conformal")
    EarlyStopper(**{"Delta": 0.99, "refit_growth": None, **settings}, model=model)
    (line,) = caplog.messages
    limit, advice = said.split("|")
    assert limit in line
    assert line.endswith(advice)


@pytest.mark.parametrize(
    ("growth", "flat", "Delta", "said"),
    [
        (None, 1, 0.95, "19 networks to learn from after epoch 3 (without 1 flat)|at most 0.95, or a larger"),
        (
            1.5,
            1,
            0.95,
            "19 networks to learn from after epoch 3 (without 1 flat)|a later fit to more networks may",
        ),
        (1.5, 0, 0.99, "20 networks to learn from after epoch 3,|a later fit to more networks may"),
        (None, 0, 0.95, None),
    ],
)
def test_flat_networks_that_put_delta_out_of_reach_are_told_at_the_first_decision(
    curves, caplog, growth, flat, Delta, said
):
    _tell_out_of_reach.cache_clear()
    history = LearningCurves(np.vstack([np.full((flat, curves.T), 0.1), curves.values[flat:20]]))
    model = make_method("ols", hold_flat=True, uncertainty="conformal")
    rule = EarlyStopper(Delta=Delta + 1e-9, burn_in=20, refit_growth=growth, model=model)
    assert caplog.text == ""
    for _ in range(2):
        rule.decide(LearningCurves(curves.values[50:51]).until(3), history)
    assert len(caplog.messages) == (said is not None)
    assert all(part in caplog.text for part in (said or "").split("|"))
