"""The weights of a stack, and the limits that its forecasts keep to."""

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.models.stacked_tau import Limits, stack_weights


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
    """A loss of 61 after three epochs, where completed ones had 2 at most, may come down to theirs."""
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


def test_after_one_epoch_a_curve_beyond_all_that_was_seen_may_end_like_the_best():
    limits = Limits.of(LearningCurves([[2.0, 1.5], [1.5, 1.2]], metric="loss"), 1)
    curve = LearningCurves([[61.0, np.nan]], metric="loss")
    assert limits.clip(np.array([10.0]), curve).tolist() == [-1.2]


@pytest.mark.parametrize(
    ("metric", "of", "limits"),
    [
        ("accuracy", lambda y: y, (0, 1)),
        ("accuracy", lambda y: 100 * y, (0, 100)),
        ("loss", lambda y: 3 - y, (-np.inf, 0)),
        ("error", lambda y: 1 - y, (-np.inf, 0)),
        ("loss", lambda y: -y, (-np.inf, np.inf)),  # such as a log-likelihood
        ("perplexity", lambda y: 3 - y, (-np.inf, np.inf)),
    ],
)
def test_forecasts_stay_within_what_the_metric_has(curves, metric, of, limits):
    others = LearningCurves(of(curves.values), curves.architecture, metric=metric)
    assert Limits.of(others, 3).scores == limits
