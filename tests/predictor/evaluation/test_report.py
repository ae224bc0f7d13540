import json

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.evaluation.experiment import evaluate
from predictor.evaluation.report import as_dict, as_rows, as_text, mean_std_text, score_name


@pytest.fixture
def results(curves, perplexities, plan):
    return evaluate({"accuracies": curves, "perplexities": perplexities}, plan)


def test_units_are_named(results, plan):
    accuracies, perplexities = as_text(results, plan, calibration=False).split("\n\nperplexities: ")
    assert "R^2 of accuracy" in accuracies
    assert "log" not in accuracies.replace("log-AP+log-HP", "")
    assert "R^2 of perplexity" in perplexities
    assert "R^2 of -log(perplexity)" in perplexities
    assert "60 of 60 curves completed, T = 8; 30 training curves, 3 splits (5-7)" in accuracies


def test_a_line_for_every_cell_and_one_for_every_coverage(results, plan):
    text = as_text(results, plan, calibration=True)
    assert text.count("last-seen") == 8  # two sets, two fractions, two tables
    assert "95%" in text


def test_json_and_csv_hold_every_split(results, plan):
    everything = json.loads(json.dumps(as_dict(results, plan), allow_nan=False))
    assert [found["scores"] for found in everything["sets"]] == ["accuracy", "-log(perplexity)"]
    rows = as_rows(results)
    assert len(rows) == 2 * 6 * 3
    cell = everything["sets"][1]["results"][4]
    mine = [
        r for r in rows if r["set"] == "perplexities" and r["method"] == "robust-gp" and r["fraction"] == 0.5
    ]
    assert [row["r2_scores"] for row in mine] == [split["r2_scores"] for split in cell["splits"]]
    assert np.mean([row["r2_metric"] for row in mine]) == pytest.approx(cell["r2_metric"]["mean"])
    assert mine[0]["coverage_0.9"] == cell["splits"][0]["calibration"]["loocv"]["coverage"]["0.9"]


def test_scores_of_other_metrics():
    assert score_name(LearningCurves(np.ones((1, 1)), metric="loss")) == "-loss"
    assert score_name(LearningCurves(np.ones((1, 1)), metric="F1")) == "f1"


def test_a_deviation_only_where_there_is_one():
    assert mean_std_text(0.94479, 0.005) == "0.9448 ± 0.0050"
    assert mean_std_text(0.5, float("nan")) == "0.5000"
    assert mean_std_text(float("nan"), float("nan")) == "not defined"


def test_the_worst_split_and_the_coverage_stand_beside_the_mean(results, plan):
    table = as_text(results, plan, calibration=False).split("\nperplexities: ")[1]
    line, cell = next(found for found in table.splitlines() if found.startswith("ols")), results[1].cells[0]
    worst, split = min((one.r2_scores, one.split) for one in cell.results)
    held = [100 * np.mean(np.abs(one.pit["loocv"] - 0.5) <= 0.45) for one in cell.results]
    assert f"{worst:.4f} ({split})" in line
    assert line.endswith(f"{np.mean(held):.1f}% ({min(held):.1f}-{max(held):.1f})")
