"""One simulated search: closed forms, and a plain reimplementation on small random curves."""

import math
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor import CurvesError, Decision, LearningCurves, NoStopping, PredictorError
from predictor.rules.asha import Asha
from predictor.rules.names import parse_rules
from predictor.simulation.engine import Result, arrival_order, simulate, simulate_paused
from predictor.simulation.protocol import CurveSet, run_protocol


class Stops:
    """Stops where a function of (curve, history) says so, and remembers what it was shown."""

    def __init__(self, when):
        self.when = when
        self.shown = []

    def decide(self, curve, history):
        self.shown.append((curve.values.copy(), history.values.copy()))
        return Decision(stop=bool(self.when(curve, history)), reason="")


def always(curve, history):
    return True


def after_burn_in(k):
    return lambda curve, history: history.completed.sum() >= k


def below_median_of_finished(curve, history):
    """Depends on the newest epoch, on how long the curve is, and on stopped and completed networks."""
    tau = int(curve.observed[0])
    seen = history.scores[history.observed >= tau, tau - 1]
    return len(seen) > 1 and curve.scores[0, tau - 1] < np.median(seen)


def plain_protocol(values, larger_is_better, order, stop):
    """The protocol again, with lists and without the package: epochs, speed-up, regret, false stops."""
    T, sign = len(values[0]), 1 if larger_is_better else -1
    finished, epochs, false_stops = [], {}, 0
    for network in order:
        best = max((sign * row[-1] for row in finished if len(row) == T), default=-math.inf)
        trained = T
        for tau in range(1, T):
            if stop(values[network][:tau], finished, sign):
                trained = tau
                break
        finished.append(values[network][:trained])
        epochs[network] = trained
        false_stops += trained < T and sign * values[network][-1] > best
    kept = max((sign * values[n][-1] for n in order if epochs[n] == T), default=-math.inf)
    best = max(sign * row[-1] for row in values)
    return [epochs[n] for n in order], len(order) * T / sum(epochs.values()), best - kept, false_stops


def plain_median(seen, finished, sign):
    tau = len(seen)
    others = sorted(sign * row[tau - 1] for row in finished if len(row) >= tau)
    if len(others) < 2:
        return False
    middle = len(others) // 2
    median = others[middle] if len(others) % 2 else (others[middle - 1] + others[middle]) / 2
    return sign * seen[-1] < median


@st.composite
def recorded_curves(draw):
    n, T = draw(st.integers(1, 7)), draw(st.integers(2, 5))
    cell = st.integers(1, 8).map(lambda eighth: eighth / 8)  # few values: ties and duplicates
    values = draw(st.lists(st.lists(cell, min_size=T, max_size=T), min_size=n, max_size=n))
    return values, draw(st.permutations(range(n)))


@given(recorded_curves(), st.sampled_from(["accuracy", "loss"]))
@settings(max_examples=150)
def test_agrees_with_a_plain_reimplementation(case, metric):
    values, order = case
    rule = Stops(below_median_of_finished)
    result = simulate(LearningCurves(np.array(values), metric=metric), rule, order)
    epochs, speed_up, regret, false_stops = plain_protocol(values, metric == "accuracy", order, plain_median)
    assert result.epochs.tolist() == epochs
    assert result.speed_up == pytest.approx(speed_up)
    assert result.regret == pytest.approx(regret)
    assert result.recovered == (regret == 0)
    assert result.false_stops == false_stops
    assert result.stopped == sum(e < len(values[0]) for e in epochs)
    assert result.decisions == sum(min(e, len(values[0]) - 1) for e in epochs) == len(rule.shown)


def test_a_rule_sees_the_epochs_so_far_and_the_finished_networks_and_nothing_else(make_curves):
    curves, order = make_curves(4, 3, seed=2), [2, 0, 3, 1]
    rule = Stops(lambda curve, history: len(history) == 1 and curve.observed[0] == 2)
    simulate(curves, rule, order)
    nan, v = np.nan, curves.values
    finished = np.array([v[2], [v[0, 0], v[0, 1], nan], v[3]])
    expected = [(row, tau, min(place, 3)) for place, row in enumerate(order) for tau in (1, 2)]
    assert len(rule.shown) == len(expected)
    for (look, history), (row, tau, size) in zip(rule.shown, expected, strict=True):
        np.testing.assert_array_equal(look, [[*v[row, :tau], *[nan] * (3 - tau)]])
        np.testing.assert_array_equal(history, finished[:size])


@pytest.mark.parametrize("metric", ["accuracy", "perplexity"])
def test_without_stopping_nothing_is_gained_or_lost(make_curves, metric):
    curves = LearningCurves(make_curves(20, 5, seed=0).values, metric=metric)
    result = simulate(curves, NoStopping(), arrival_order(0, 20))
    assert (result.speed_up, result.regret, result.recovered) == (1.0, 0.0, True)
    assert (result.stopped, result.false_stops, result.epochs_trained) == (0, 0, 100)
    assert result.decisions == 20 * 4


@pytest.mark.parametrize("k", [1, 7, 20])
def test_stopping_everything_after_a_burn_in_has_a_closed_form(make_curves, k):
    curves = make_curves(20, 5, seed=0)
    order = arrival_order(3, 20)
    result = simulate(curves, Stops(after_burn_in(k)), order)
    assert result.speed_up == pytest.approx(20 * 5 / (k * 5 + (20 - k)))
    kept = curves.values[order[:k], -1].max()
    assert result.regret == pytest.approx(curves.values[:, -1].max() - kept)
    assert result.false_stops == np.sum(curves.values[order[k:], -1] > kept)


def test_if_nothing_completes_the_regret_is_infinite_and_every_stop_false(make_curves):
    result = simulate(make_curves(6, 4, seed=0), Stops(always), range(6))
    assert (result.regret, result.recovered, result.false_stops) == (math.inf, False, 6)
    assert result.speed_up == 4.0


def test_perplexities_are_better_when_smaller_and_compared_on_the_log_scale():
    values = np.array([[200.0, 100.0], [150.0, 80.0], [300.0, 120.0]])
    curves = LearningCurves(values, metric="perplexity")
    lost = simulate(curves, Stops(lambda curve, history: curve.values[0, 0] == 150), [0, 1, 2])
    assert lost.regret == pytest.approx(math.log(100 / 80))
    assert (lost.recovered, lost.false_stops) == (False, 1)
    kept = simulate(curves, Stops(lambda curve, history: curve.values[0, 0] == 300), [0, 1, 2])
    assert (kept.regret, kept.recovered, kept.false_stops) == (0.0, True, 0)


def test_one_of_two_equal_best_networks_is_enough():
    curves = LearningCurves(np.array([[0.2, 0.9], [0.1, 0.5], [0.2, 0.9]]))
    result = simulate(curves, Stops(lambda curve, history: len(history) == 2), [0, 1, 2])
    assert (result.recovered, result.regret, result.false_stops) == (True, 0.0, 0)


def test_equal_curves_and_a_single_one_have_defined_results():
    equal = simulate(LearningCurves(np.full((5, 3), 0.5)), Stops(after_burn_in(2)), range(5))
    assert (equal.recovered, equal.false_stops, equal.speed_up) == (True, 0, 15 / 9)
    single = simulate(LearningCurves(np.array([[0.1, 0.2, 0.3]])), NoStopping(), [0])
    assert (single.recovered, single.speed_up) == (True, 1.0)


def test_orders_of_arrival_are_those_of_the_protocol():
    np.testing.assert_array_equal(arrival_order(4, 9), np.random.default_rng(1004).permutation(9))
    assert arrival_order(0, 50).tolist() != arrival_order(1, 50).tolist()


@pytest.mark.parametrize(
    ("values", "order", "error", "quoted"),
    [
        ([[0.1], [0.2]], [0, 1], CurvesError, "T = 1"),
        ([[0.1, np.nan], [0.2, 0.3]], [0, 1], CurvesError, "1 of 2"),
        (np.empty((0, 3)), [], CurvesError, "0 of 0"),
        ([[0.1, 0.2], [0.2, 0.3]], [0, 0], PredictorError, "0 to 1 once"),
        ([[0.1, 0.2], [0.2, 0.3]], [0, 1, 0], PredictorError, "0 to 1 once"),
        ([[0.1, 0.2], [0.2, 0.3]], [0], PredictorError, "0 to 1 once"),
        ([[0.1, 0.2], [0.2, 0.3]], [1, 2], PredictorError, "0 to 1 once"),
    ],
)
def test_what_cannot_be_simulated_is_one_clear_line(values, order, error, quoted):
    with pytest.raises(error, match=quoted) as caught:
        simulate(LearningCurves(np.array(values)), NoStopping(), order)
    assert "\n" not in str(caught.value)


def test_anytime_regret_is_of_what_was_completed_by_then_over_the_median_gap():
    """Four networks of two epochs; the third is stopped after one: 2, 4, 5 and 7 of 8 epochs."""
    curves = LearningCurves(np.array([[0.1, 0.5], [0.1, 0.7], [0.1, 0.9], [0.1, 0.8]]))
    result = simulate(curves, Stops(lambda curve, history: len(history) == 2), np.arange(4))
    assert result.epochs.tolist() == [2, 2, 1, 2]
    gap = 0.9 - 0.75
    assert result.median_gap == pytest.approx(gap)
    shares = [0.1, 0.25, 0.49, 0.5, 0.86, 0.875, 1.0]
    expected = np.array([np.inf, 0.4, 0.4, 0.2, 0.2, 0.1, 0.1]) / gap
    np.testing.assert_allclose(result.anytime_regret(shares), expected)


@pytest.mark.parametrize(
    ("final", "gap"),
    [
        ([0.9, 0.5, 0.6], 0.3),
        ([0.9, 0.5, 0.9], 0.9 - 2.3 / 3),  # the median is the best: the mean counts
        ([0.7, 0.7, 0.7], 1.0),
    ],
)
def test_the_gap_is_to_the_median_or_else_to_the_mean(final, gap):
    curves = LearningCurves(np.column_stack([np.full(3, 0.1), final]))
    assert simulate(curves, NoStopping(), range(3)).median_gap == pytest.approx(gap)


def test_what_is_completed_at_a_share_counts_although_shares_are_rounded():
    """0.29 * 100 is 28.999999999999996."""
    final, ended = np.linspace(0.9, 0, 10), np.arange(29, 39)
    result = Result(np.arange(10), np.full(10, 10), final, 10, ended, decisions=0, seconds=0.0)
    assert result.anytime_regret([0.289, 0.29]).tolist() == [math.inf, 0]


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


def test_all_questions_are_counted_and_timed(make_curves, monkeypatch):
    """On a clock that ticks when it is read: a question takes one second."""
    monkeypatch.setattr("predictor.simulation.engine.perf_counter", count().__next__)
    rungs = simulate_paused(LearningCurves(np.array([D, C, B, A])), Asha(reduction_factor=2), [3, 2, 1, 0])
    assert rungs.decisions == rungs.seconds == 7 + 1  # the last one, when nothing may go on any more
    rule = simulate(make_curves(3, 4, seed=0), NoStopping(), range(3))
    assert rule.decisions == rule.seconds == 3 * 3


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
