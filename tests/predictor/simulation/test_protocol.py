"""All rules on all sets in the same orders: what is counted, and that processes change nothing."""

import os
from pathlib import Path

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves, PredictorError
from predictor.rules.names import RuleSpec, parse_rules
from predictor.simulation.engine import arrival_order, simulate
from predictor.simulation.protocol import CurveSet, run_protocol


@pytest.fixture
def sets(make_curves):
    losses = LearningCurves(1 - make_curves(12, 4, seed=5).values, metric="loss")
    return [CurveSet.of("a", make_curves(25, 6, seed=4)), CurveSet.of("b", losses)]


def numbers(trials):
    return [
        (
            t.curve_set.name,
            str(t.rule),
            order,
            r.order.tolist(),
            r.epochs.tolist(),
            r.final.tolist(),
            r.decisions,
        )
        for t in trials
        for order, r in zip(t.orders, t.results, strict=True)
    ]


def test_results_do_not_depend_on_the_number_of_processes(sets):
    pytest.importorskip("optuna")
    rules = parse_rules("paper:burn_in=5,n_settings=4,Delta=0.8,median")
    alone, shared = (run_protocol(sets, rules, range(3), jobs) for jobs in (1, 2))
    assert numbers(alone) == numbers(shared)
    assert any(trial.stopped_share for trial in alone)


def test_every_rule_on_every_set_in_every_order_with_a_fresh_rule(sets, cut_after):
    rules = [RuleSpec("none"), RuleSpec("cut-after", {"burn_in": 3})]
    trials = run_protocol(sets, rules, [7, 2])
    assert [(t.curve_set.name, t.rule.name) for t in trials] == [
        ("a", "none"), ("a", "cut-after"), ("b", "none"), ("b", "cut-after"),
    ]  # fmt: skip
    assert cut_after.made == 2 * 2
    for trial in trials:
        for order, result in zip([7, 2], trial.results, strict=True):
            curves = trial.curve_set.curves
            alone = simulate(curves, trial.rule.make(), arrival_order(order, len(curves)))
            assert result.epochs.tolist() == alone.epochs.tolist()


def test_means_counts_and_shares(cut_after):
    curves = LearningCurves(np.array([[0.1, 0.3], [0.1, 0.8], [0.1, 0.5], [0.1, 0.7985]]))
    (trial,) = run_protocol([CurveSet.of("s", curves)], [RuleSpec("cut-after")], range(6))
    assert trial.stopped_share == 0.5
    assert trial.speed_up == pytest.approx(8 / 6)
    final = curves.values[:, -1]
    kept = [final[arrival_order(order, 4)[:2]].max() for order in range(6)]
    lost = [np.sum(final > best) for best in kept]
    assert trial.regrets == pytest.approx([0.8 - best for best in kept])
    assert trial.recovered == kept.count(0.8)
    assert trial.within_tolerance == sum(best >= 0.798 for best in kept) > trial.recovered
    assert trial.false_stop_share == pytest.approx(sum(lost) / 12)
    assert trial.ms_per_decision > 0


def test_a_regret_of_exactly_the_tolerance_is_within_it(cut_after):
    curves = LearningCurves(np.array([[0.1, 0.798], [0.1, 0.8]]))
    assert 0.8 - 0.798 > 0.002  # in floating point
    (trial,) = run_protocol([CurveSet.of("s", curves)], [RuleSpec("cut-after", {"burn_in": 1})], range(10))
    assert 0 < trial.recovered < 10
    assert trial.within_tolerance == 10


def test_without_a_stop_there_is_no_share_of_false_stops(sets):
    assert run_protocol(sets[:1], [RuleSpec("none")], [0])[0].false_stop_share is None


@pytest.mark.parametrize(
    ("metric", "tolerance"), [("accuracy", 0.002), ("perplexity", 0.01), ("loss", 0.01), ("error", 0.002)]
)
def test_tolerances(metric, tolerance):
    curves = LearningCurves(np.array([[0.2, 0.4], [0.2, 0.3]]), metric=metric)
    assert CurveSet.of("s", curves).tolerance == tolerance
    assert CurveSet.of("s", curves, 0.0).tolerance == 0.0


def test_curves_that_are_not_completed_are_left_out_and_counted():
    values = np.array([[0.1, np.nan, np.nan], [0.1, 0.2, 0.3], [0.1, np.nan, 0.4], [0.1, 0.2, 0.2]])
    curve_set = CurveSet.of("s", LearningCurves(values))
    assert (len(curve_set.curves), curve_set.left_out) == (2, 2)


@pytest.mark.parametrize(
    ("values", "quoted"),
    [
        ([[0.1, np.nan]], "0 of 1 curves completed"),
        ([[0.1, 0.2], [0.3, np.nan]], "1 of 2 curves completed"),
        ([[0.1, 0.2], [0.15, 0.2]], "all 2 curves end at the same value"),
        ([[0.1], [0.2]], "T = 1"),
    ],
)
def test_sets_that_cannot_be_simulated(values, quoted):
    with pytest.raises(CurvesError, match=f"some-file.*{quoted}"):
        CurveSet.of("some-file", LearningCurves(np.array(values)))


def test_a_set_with_too_few_completed_curves_is_refused_with_how_it_was_read():
    curves = LearningCurves(np.array([[0.1, np.nan]]), understood="1 curve that begins late")
    with pytest.raises(CurvesError, match=r"0 of 1 curves completed .*; read as 1 curve that begins late"):
        CurveSet.of("some-file", curves)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_setting_that_is_none_names_the_rule(sets, jobs):
    rule = RuleSpec.parse("paper:burn_in=3,uncertainty=tarot")
    with pytest.raises(PredictorError, match=r"^rule 'paper:burn_in=3,uncertainty=tarot': .*'tarot'"):
        run_protocol(sets, [rule], [0, 1], jobs)


def test_what_a_rule_cannot_work_with_names_the_set_and_the_rule(sets, monkeypatch):
    def fails(*_):
        raise CurvesError("too few curves")

    monkeypatch.setattr("predictor.simulation.protocol.simulate", fails)
    with pytest.raises(CurvesError, match=r"^a, rule 'median': too few curves$"):
        run_protocol(sets, [RuleSpec.parse("median")], [0], 1)


def test_progress_gets_every_result(sets):
    seen = []

    def progress(results, total):
        for result in results:
            seen.append(total)
            yield result

    run_protocol(sets, [RuleSpec("none")], range(3), progress=progress)
    assert seen == [6] * 6


@pytest.mark.data
def test_optuna_on_metaqnn_cifar10_as_measured_with_optuna_itself():
    folder = os.environ.get("METAQNN_DATA_DIR")
    path = Path(folder or "", "curves", "metaqnn_cifar10.csv")
    if not folder or not path.is_file():
        pytest.skip("METAQNN_DATA_DIR is not set, or has no curves/metaqnn_cifar10.csv")
    pytest.importorskip("optuna")
    curve_set = CurveSet.of("cifar10", LearningCurves.read(path))
    median, percentile = run_protocol([curve_set], parse_rules("median,percentile-25"), range(10))
    assert (round(median.speed_up, 1), median.recovered) == (11.4, 10)
    assert (round(percentile.speed_up, 1), percentile.recovered) == (15.2, 10)


def test_a_subset_is_a_search_of_its_own(sets):
    trials = run_protocol(sets[:1], [RuleSpec("none")], range(3), subset=10)
    curves = sets[0].curves
    for order, result in zip(range(3), trials[0].results, strict=True):
        rows = arrival_order(order, 25)[:10]
        assert result.order.tolist() == rows.tolist()
        assert result.final.tolist() == curves.final[rows].tolist()
        assert result.regret == 0  # of these ten, not of all
    assert trials[0].stopped_share == 0


def test_a_subset_of_more_than_there_are_is_refused(sets):
    with pytest.raises(PredictorError, match="b: 13 networks of 12; expected 2 to 12"):
        run_protocol(sets, [RuleSpec("none")], [0], subset=13)
