"""The weights of a stack, and the limits that its forecasts keep to."""

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.models.stacked import StackedRegression
from predictor.models.stacked_tau import Explosions, Limits, capped, stack_weights


def test_weights_fall_with_a_power_of_the_error_that_grows_with_the_number_of_curves():
    np.testing.assert_allclose(stack_weights([1.0, 2.0, 1.0], 30), np.array([4, 1, 4]) / 9)  # the square
    np.testing.assert_allclose(stack_weights([1.0, 2.0], 10**9), np.array([8, 1]) / 9)  # the cube
    np.testing.assert_allclose(stack_weights([0.0, 1.0], 20), [1, 0])
    np.testing.assert_allclose(stack_weights([0.0, 0.0], 20), [0.5, 0.5])


def test_forecasts_stay_within_what_the_completed_curves_did(curves):
    limits = Limits.of(curves[:40], 3)
    increments = curves.final[:40] - curves.scores[:40, 2]
    margin = 0.1 * increments.max()  # all rise, and 0 is possible
    assert limits.increments == pytest.approx((-margin, increments.max() + margin))
    wild = curves[40:].scores[:, 2] + np.linspace(-3, 3, 20)
    clipped = limits.clip(wild, curves[40:])
    assert np.all((clipped >= 0) & (clipped <= 1))
    change = clipped - curves[40:].scores[:, 2]
    assert np.all((change >= -margin - 1e-12) & (change <= increments.max() + margin + 1e-12))
    inside = curves[40:].scores[:, 2] + 0.5 * increments.max()
    np.testing.assert_array_equal(limits.clip(inside, curves[40:]), np.minimum(inside, 1))


def test_a_curve_that_moved_beyond_all_that_was_seen_may_end_like_the_best():
    """A loss of 61 after three epochs, where completed ones had at most 2, may still come down to theirs."""
    losses = [[2.0, 1.5, 1.2, 1.0], [1.5, 1.0, 0.9, 0.8], [2.0, 1.9, 2.0, 1.9]]
    limits = Limits.of(LearningCurves(losses, metric="loss"), 3)
    margin = 0.1 * 0.2  # losses fall by 0.2, 0.1 and 0.1, and 0 is possible
    worse, better, alike = 61.0, 0.3, 1.6
    curves = LearningCurves([[3.0, 2.5, y_tau, np.nan] for y_tau in (worse, better, alike)], metric="loss")
    lowest, highest = -limits.clip(np.full(3, 10.0), curves), -limits.clip(np.full(3, -99.0), curves)
    np.testing.assert_allclose(lowest, [0.8, better - 0.2 - margin, alike - 0.2 - margin])
    np.testing.assert_allclose(highest, [worse + margin, better + margin, alike + margin])


def test_a_curve_that_stays_beyond_all_that_was_seen_keeps_to_their_increments():
    """Two runs on PTB came from perplexities of 699 to 680 in 13 epochs, and ended at 681."""
    completed = [[300.0, 200.0, 150.0, 100.0], [280.0, 170.0, 120.0, 90.0], [290.0, 280.0, 270.0, 262.0]]
    limits = Limits.of(LearningCurves(completed, metric="perplexity"), 3)
    still = LearningCurves([[699.1, 707.4, 680.3, np.nan]], metric="perplexity")
    best = limits.clip(np.array([10.0]), still)[0]
    np.testing.assert_allclose(best, -np.log(680.3) + 1.1 * np.log(150 / 100))


def test_limits_are_of_what_was_seen_and_of_the_ends():
    """Losses of 1 and 1.5 after two epochs fall by 0.2 and 0.3; that one began at 3 says nothing."""
    limits = Limits.of(LearningCurves([[3.0, 1.0, 0.8], [2.0, 1.5, 1.2]], metric="loss"), 2)
    assert (limits.tau, limits.lowest, limits.best) == (2, -1.5, -0.8)
    assert limits.increments == pytest.approx((-0.03, 0.33))


def test_a_curve_beyond_all_that_was_seen_may_improve_as_much_as_any_did():
    """From 5.1 by 4, and a tenth of that, beyond the best, 1."""
    limits = Limits.of(LearningCurves([[5.0, 1.0], [1.5, 1.2]], metric="loss"), 1)
    curve = LearningCurves([[5.1, np.nan]], metric="loss")
    assert limits.clip(np.array([10.0]), curve) == pytest.approx([-0.7])


@pytest.mark.parametrize(("n", "low"), [(4, -3.0), (5, -4.0), (9, -7.0)])
def test_explosions_are_told_by_three_quarters_of_the_worst_epoch(n, low):
    """Losses of 1, 2, ..., n, and then 0.5."""
    curves = LearningCurves([[float(k), 0.5] for k in range(1, n + 1)], metric="loss")
    assert Explosions.of(curves) == Explosions(low, -0.5)


def test_after_one_epoch_a_curve_beyond_all_that_was_seen_may_end_like_the_best():
    limits = Limits.of(LearningCurves([[2.0, 1.5], [1.5, 1.2]], metric="loss"), 1)
    curve = LearningCurves([[61.0, np.nan]], metric="loss")
    assert limits.clip(np.array([10.0]), curve).tolist() == [-1.2]


@pytest.mark.parametrize(
    ("metric", "of", "limits"),
    [
        ("accuracy", lambda y: y, (0, 1)),
        ("accuracy", lambda y: 100 * y, (0, 100)),
        ("accuracy", lambda y: y / y.max(), (0, 1)),
        ("accuracy", lambda y: y - 0.5, (-np.inf, np.inf)),  # whatever that may be
        ("accuracy", lambda y: 1000 * y, (-np.inf, np.inf)),
        ("loss", lambda y: 3 - y, (-np.inf, 0)),
        ("error", lambda y: 1 - y, (-np.inf, 0)),
        ("loss", lambda y: -y, (-np.inf, np.inf)),  # such as a log-likelihood
        ("perplexity", lambda y: 3 - y, (-np.inf, np.inf)),
    ],
)
def test_forecasts_stay_within_what_the_metric_has(curves, metric, of, limits):
    others = LearningCurves(of(curves.values), curves.architecture, metric=metric)
    assert Limits.of(others, 3).scores == limits


def test_one_curve_that_nobody_foresaw_says_nothing_about_the_members():
    """Of 40 curves, all members miss one by about 1000: who misses it by a little less does not matter."""
    errors = np.column_stack([np.full(40, 0.03), np.full(40, 0.2), np.full(40, 0.05)])
    before = stack_weights((errors**2).sum(axis=0), 40)
    missed = errors.copy()
    missed[5] = [1000.0, 990.0, 1010.0]
    squares = capped(missed**2)
    assert squares[5].tolist() == pytest.approx([100 * 0.05**2] * 3)  # ten times the middle member's 0.05
    np.testing.assert_array_equal(np.delete(squares, 5, axis=0), np.delete(errors, 5, axis=0) ** 2)
    assert np.argsort(stack_weights(squares.sum(axis=0), 40)).tolist() == np.argsort(before).tolist()


def test_where_nearly_all_are_foreseen_exactly_the_others_count_in_full():
    squares = np.zeros((20, 3))
    squares[0] = [1.0, 4.0, 9.0]
    np.testing.assert_array_equal(capped(squares), squares)


def test_a_loss_explodes_ten_times_as_far_below_its_beginning_as_the_best_is_above_it():
    """Losses begin at 2 and end at 0.5: 2 + 10 * 1.5 = 17 is as far as one goes; one that began at 7: 72."""
    explosions = Explosions.of(LearningCurves([[2.0, 1.0, 0.5]] * 4, metric="loss"))
    curves = LearningCurves([[2.0, 16.9, 1e6], [1.0, 17.1, 0.4], [7.0, 80.0, np.nan]], metric="loss")
    limited = explosions.limited(curves).values
    np.testing.assert_allclose(limited, [[2.0, 16.9, 17.0], [1.0, 17.0, 0.4], [7.0, 72.0, np.nan]])
    usual = LearningCurves([[3.0, 2.0, 1.0]], metric="loss")
    assert explosions.limited(usual) is usual


def test_losses_that_begin_alike_and_all_get_worse_do_not_explode():
    """As networks that are pruned step by step: all begin at the loss of one trained network."""
    rng = np.random.default_rng(0)
    rises = rng.uniform(0.1, 0.9, (60, 1)) * np.linspace(0, 1, 8)
    curves = LearningCurves(0.3 + rises + rng.normal(0, 0.002, (60, 8)), metric="loss")
    assert Explosions.of(curves).limited(curves) is curves
    model = StackedRegression(n_settings=5).fit(curves[:30], taus=[4])
    assert model.score(curves[30:], 4) > 0.9


def test_the_forecast_of_a_loss_that_has_exploded_is_far_below_all_others_and_no_further(make_curves):
    losses = 3 - 2 * make_curves(40, 8, seed=2).values
    model = StackedRegression(n_settings=5).fit(LearningCurves(losses, metric="loss"), taus=[4])
    running = np.full((1, 8), np.nan)
    running[0, :4] = [3.0, 30.0, 1e3, 1e6]
    forecast = -model.predict(LearningCurves(running, metric="loss"), 4)[0]
    assert losses[:, -1].max() < forecast < 100


def test_accuracies_do_not_explode(curves):
    assert Explosions.of(curves) is None


@pytest.mark.parametrize("metric", ["loss", "perplexity"])
def test_an_explosion_among_the_completed_costs_the_others_little(make_curves, metric):
    losses = 3 - 2 * make_curves(100, 8, seed=2).values
    exploded = losses[:40].copy()
    exploded[7, 4:] = [30.0, 1e3, 1e4, 1e6]
    rest = LearningCurves(losses[40:], metric=metric)
    error = {}
    for name, values in (("usual", losses[:40]), ("exploded", exploded)):
        model = StackedRegression(n_settings=5).fit(LearningCurves(values, metric=metric), taus=[4])
        error[name] = np.sqrt(np.mean((rest.final - model.predict(rest, 4)) ** 2))
    assert error["exploded"] < 3 * error["usual"]
    assert error["exploded"] < 0.4 * rest.final.std()


def test_a_loss_that_is_already_below_zero_may_be_forecast_there():
    losses = np.linspace(2.0, 0.1, 30)[:, None] * [1.0, 0.5, 0.3]
    limits = Limits.of(LearningCurves(losses, metric="loss"), 2)
    seen = LearningCurves(np.array([[0.5, 0.1, np.nan], [0.5, -0.2, np.nan]]), metric="loss")
    assert limits.clip(np.array([0.4, 0.4]), seen).tolist() == [0.0, 0.4]
