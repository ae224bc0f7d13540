"""Searches in which trainings pause: one worked out by hand, and what holds for all."""

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves
from predictor.rules.asha import Asha
from predictor.rules.names import parse_rules
from predictor.simulation.pausing import simulate_paused
from predictor.simulation.protocol import CurveSet, run_protocol

A, B, C, D = [0.1, 0.2, 0.2, 0.5], [0.3, 0.1, 0.1, 0.3], [0.2, 0.4, 0.4, 0.9], [0.0, 0.1, 0.1, 0.1]


@pytest.fixture
def worked_out():
    """Rungs 1, 2, 4: A1, B1, B to 2, C1, D1, C to 2, C to 4."""
    return simulate_paused(LearningCurves(np.array([D, C, B, A])), Asha(reduction_factor=2), [3, 2, 1, 0])


def test_trainings_pause_and_go_on(worked_out):
    assert worked_out.order.tolist() == [3, 2, 1, 0]
    assert worked_out.epochs.tolist() == [1, 2, 4, 1]
    assert worked_out.ended.tolist() == [8, 8, 8, 8]
    assert (worked_out.speed_up, worked_out.regret, worked_out.stopped) == (2.0, 0.0, 3)
    assert worked_out.false_stops == 0  # all were given up at the end, when 0.9 was known


def test_the_anytime_regret_counts_from_the_epoch_of_completion(worked_out):
    assert worked_out.anytime_regret([0.49, 0.5, 1]).tolist() == [np.inf, 0, 0]


@pytest.mark.parametrize("settings", [{}, {"reduction_factor": 2}, {"first": 0.3}])
def test_what_was_among_the_best_of_a_rung_has_gone_on(make_curves, settings):
    curves, schedule = make_curves(60, 10, seed=3), Asha(**settings)
    order = np.random.default_rng(0).permutation(60)
    result = simulate_paused(curves, schedule, order)
    rungs, scores = schedule.rungs(10), curves.scores[order]
    assert set(result.epochs) <= set(rungs)
    for rung in rungs[:-1]:
        here = np.flatnonzero(result.epochs >= rung)
        best = here[np.argsort(-scores[here, rung - 1])][: len(here) // schedule.reduction_factor]
        assert (result.epochs[best] > rung).all()
    completed = result.ended[result.completed]
    assert len(set(completed)) == len(completed)  # one training at a time
    assert result.ended.max() == result.epochs_trained
    assert completed.min() < result.epochs_trained / 2  # not only at the end


def test_perplexities_are_better_when_smaller():
    values = np.array([[300.0, 90.0], [200.0, 80.0]])
    result = simulate_paused(LearningCurves(values, metric="perplexity"), Asha(reduction_factor=2), [0, 1])
    assert result.epochs.tolist() == [1, 2]


def test_without_a_rung_below_the_last_epoch_everything_is_trained(make_curves):
    result = simulate_paused(make_curves(5, 4, seed=0), Asha(first=0.9), range(5))
    assert (result.speed_up, result.ended.tolist()) == (1.0, [4, 8, 12, 16, 20])


def test_the_protocol_simulates_it_beside_stopping_rules(make_curves):
    curve_set = CurveSet.of("s", make_curves(40, 9, seed=1))
    asha, none = run_protocol([curve_set], parse_rules("asha,none"), [4], subset=30)
    assert asha.results[0].order.tolist() == none.results[0].order.tolist()
    assert asha.speed_up > 2 > none.speed_up


def test_curves_that_are_not_completed_are_refused():
    with pytest.raises(CurvesError, match="0 of 1"):
        simulate_paused(LearningCurves(np.array([[0.1, np.nan]])), Asha(), [0])
