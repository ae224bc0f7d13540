"""The same numbers as table, CSV and JSON."""

import csv
import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.rules.names import RuleSpec
from predictor.simulation.engine import arrival_order
from predictor.simulation.protocol import CurveSet, run_protocol
from predictor.simulation.report import as_anytime_table, as_csv, as_json, as_table


@pytest.fixture
def trials(make_curves, cut_after):
    perplexity = LearningCurves(np.array([[300.0, 90.0], [200.0, 80.0], [400.0, 100.0]]), metric="perplexity")
    sets = [CurveSet.of("acc.csv", make_curves(8, 4, seed=1)), CurveSet.of("ppl.csv", perplexity)]
    rules = [RuleSpec("none"), RuleSpec("cut-after", {"burn_in": 0}, "cut-after:burn_in=0")]
    return run_protocol(sets, rules, [0, 5])


def test_json_has_every_order_and_no_number_that_json_lacks(trials):
    accuracy, perplexity = json.loads(as_json(trials))["sets"]
    assert (accuracy["file"], accuracy["networks"], accuracy["epochs"]) == ("acc.csv", 8, 4)
    assert (perplexity["metric"], perplexity["tolerance"]) == ("perplexity", 0.01)
    assert perplexity["best"] == pytest.approx(80.0)
    none, cut = accuracy["rules"]
    assert (none["rule"], none["speed_up"], none["recovered"], none["regrets"]) == ("none", 1.0, 2, [0, 0])
    assert none["false_stop_share"] is None
    assert [order["order"] for order in cut["by_order"]] == [0, 5]
    assert [order["epochs_trained"] for order in cut["by_order"]] == [8, 8]
    assert cut["speed_up"] == 4.0
    assert cut["regrets"] == [None, None]  # nothing completed
    assert (cut["mean_regret"], cut["within_tolerance"], cut["false_stop_share"]) == (None, 0, 1.0)


def test_csv_has_one_row_for_each_set_and_rule(trials):
    rows = list(csv.DictReader(io.StringIO(as_csv(trials))))
    assert [(row["file"], row["rule"]) for row in rows] == [
        (file, rule) for file in ("acc.csv", "ppl.csv") for rule in ("none", "cut-after:burn_in=0")
    ]
    assert (rows[0]["speed_up"], rows[0]["false_stop_share"], rows[1]["mean_regret"]) == ("1.0", "", "")


def test_the_table_has_one_block_per_set_and_aligned_columns(trials):
    blocks = as_table(trials).split("\n\n")
    assert [block.split(":")[0] for block in blocks] == ["acc.csv", "ppl.csv"]
    assert "3 networks x 2 epochs, best perplexity 80" in blocks[1]
    assert "within 0.01" in blocks[1]
    none = next(line for line in blocks[0].splitlines() if line.startswith("none"))
    assert none.split()[1:5] == ["1.00x", "2", "of", "2"]
    assert len({len(line) for line in blocks[0].splitlines()[1:]}) == 1


def test_the_log_scale_regret_of_a_lost_perplexity(cut_after):
    curves = LearningCurves(np.array([[300.0, 90.0], [200.0, 80.0]]), metric="perplexity")
    order = next(o for o in range(20) if arrival_order(o, 2)[0] == 0)
    trials = run_protocol([CurveSet.of("p", curves)], [RuleSpec("cut-after", {"burn_in": 1})], [order])
    (rule,) = json.loads(as_json(trials))["sets"][0]["rules"]
    assert rule["regrets"] == pytest.approx([np.log(90 / 80)])


def test_the_anytime_table_is_in_percent_of_the_median_gap(trials):
    blocks = as_anytime_table(trials).split("\n\n")
    none, cut = blocks[0].splitlines()[-2:]
    values = [np.mean([result.anytime_regret(share) for result in trials[0].results]) for share in (0.2, 0.6)]
    columns = blocks[0].splitlines()[1].split()
    assert none.split()[columns.index("20%")] == f"{100 * values[0]:.2g}"
    assert none.split()[columns.index("60%")] == f"{100 * values[1]:.2g}"
    assert none.split()[-1] == "1.000"
    assert set(cut.split()[1:-1]) == {"-"}
    assert cut.split()[-1] == "0.250"


def test_a_regret_beyond_the_median_gap_is_no_power_of_ten():
    curves = LearningCurves(np.array([[0.1, 0.1], [0.2, 0.8], [0.3, 0.9]]))
    order = next(o for o in range(20) if arrival_order(o, 3)[0] == 0)
    trials = run_protocol([CurveSet.of("p", curves)], [RuleSpec("none")], [order])
    _, columns, _, line = as_anytime_table(trials).splitlines()
    assert line.split()[columns.split().index("60%")] == "800"  # (0.9 - 0.1) / (0.9 - 0.8)


@pytest.mark.parametrize(("regret", "shown"), [(0.994, "99"), (0.9951, "100"), (0.9999, "100"), (1.0, "100")])
def test_a_regret_that_rounds_to_the_median_gap_is_100(regret, shown):
    trial = SimpleNamespace(
        curve_set=CurveSet.of("p", LearningCurves(np.array([[0.1, 0.2], [0.2, 0.8]]))),
        rule="none",
        results=[SimpleNamespace(epochs=(2, 2))],
        anytime_regrets=lambda shares: [regret] * len(shares),
        end_share=1.0,
    )
    line = as_anytime_table([trial]).splitlines()[-1]
    assert set(line.split()[1:-1]) == {shown}


def test_decisions_of_more_than_a_second_are_told_in_whole_milliseconds(trials):
    slow = [replace(result, seconds=1.2342 * result.decisions) for result in trials[0].results]
    assert as_table([replace(trials[0], results=slow)]).split()[-1] == "1234"
