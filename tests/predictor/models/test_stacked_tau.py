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


def test_a_curve_beyond_all_others_may_come_back_as_far_as_they_did():
    """Of losses around 1 after three epochs one is 2, and comes half way back; one is 0.2, and does, too."""
    losses = [[2.0, 1.5, 1.1, 1.0], [1.5, 1.0, 0.2, 0.6], [1.5, 1.0, 1.0, 0.9], [2.0, 1.9, 2.0, 1.5]]
    limits = Limits.of(LearningCurves(losses, metric="loss"), 3)
    median, margin = 1.05, 0.1 * (0.5 + 0.4)
    fall, rise = 0.5 + margin, 0.4 + margin
    worse, better, alike = 61.0, -10.0, 1.6
    curves = LearningCurves([[3.0, 2.5, y_tau, np.nan] for y_tau in (worse, better, alike)], metric="loss")
    lowest, highest = -limits.clip(np.full(3, 99.0), curves), -limits.clip(np.full(3, -99.0), curves)
    down, up = 0.5 / (2.0 - median) * (worse - median), 0.4 / (median - 0.2) * (median - better)
    np.testing.assert_allclose(lowest, [worse - down, better - fall, alike - fall])
    np.testing.assert_allclose(highest, [worse + rise, better + up, alike + rise])


def test_losses_have_no_limit_but_their_increments(curves):
    losses = LearningCurves(3 - curves.values, curves.architecture, metric="loss")
    assert Limits.of(losses, 3).scores == (-np.inf, np.inf)
