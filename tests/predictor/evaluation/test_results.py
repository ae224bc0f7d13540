import statistics

import numpy as np
import pytest
from sklearn.metrics import r2_score

from predictor.evaluation.methods import Forecasts, Variant
from predictor.evaluation.results import Cell, SplitResult, coverage, mean_std, pit_counts, r2, split_result
from predictor.evaluation.splits import Split


def test_r2_is_scikit_learns():
    rng = np.random.default_rng(1)
    y, y_hat = rng.normal(size=(2, 30))
    assert r2(y, y_hat) == pytest.approx(r2_score(y, y_hat))
    assert r2(y, y) == 1
    assert np.isnan(r2(np.full(3, 0.5), np.array([0.5, 0.4, 0.6])))


def test_perplexities_are_judged_in_both_units(perplexities):
    y_hat = perplexities.final + np.random.default_rng(0).normal(0, 0.05, len(perplexities))
    split = Split(3, np.arange(7), np.arange(len(perplexities)))
    found = split_result(Forecasts(y_hat, {}), split, perplexities)
    assert found.r2_scores == pytest.approx(r2_score(-np.log(perplexities.values[:, -1]), y_hat))
    assert found.r2_metric == pytest.approx(r2_score(perplexities.values[:, -1], np.exp(-y_hat)))
    assert found.r2_metric != pytest.approx(found.r2_scores)
    assert (found.split, found.n_train) == (3, 7)


def test_uniform_values_are_covered_as_they_should_be():
    pit = (np.arange(1000) + 0.5) / 1000
    np.testing.assert_allclose(coverage(pit), [0.5, 0.8, 0.9, 0.95, 0.99], atol=1e-9)
    np.testing.assert_array_equal(pit_counts(pit), np.full(10, 100))
    assert coverage(np.array([0.0, 1.0])) == [0.0] * 5
    np.testing.assert_array_equal(pit_counts(np.array([0.0, 1.0])), [1, *[0] * 8, 1])


def test_mean_and_sample_deviation_of_what_is_defined():
    values = [0.2, 0.5, 0.9]
    mean, std = mean_std([*values, float("nan")])
    assert mean == pytest.approx(statistics.mean(values))
    assert std == pytest.approx(statistics.stdev(values))
    assert mean_std([0.4])[0] == 0.4
    assert np.isnan(mean_std([0.4])[1])
    assert np.isnan(mean_std([float("nan")])[0])


def test_a_cell_pools_its_splits():
    ones = np.ones(2)
    results = tuple(
        SplitResult(split, 5, ones, ones, value, value, {"loocv": np.array([value, 0.5])})
        for split, value in ((0, 0.6), (1, 0.8))
    )
    cell = Cell(Variant("ols", ("TS",)), 0.25, 5, None, results)
    assert cell.mean_std("r2_metric") == pytest.approx((0.7, statistics.stdev([0.6, 0.8])))
    as_dict = cell.to_dict()
    assert [row["split"] for row in as_dict["splits"]] == [0, 1]
    assert as_dict["calibration"]["loocv"]["coverage"]["0.5"] == 0.75  # 0.8 is outside [0.25, 0.75]
    assert sum(as_dict["calibration"]["loocv"]["pit_histogram"]) == 4


def test_the_worst_split_and_the_coverage_of_each():
    ones = np.ones(4)
    covered = np.array([0.5, 0.94, 0.05, 0.5]), np.array([0.5, 0.97, 0.99, 0.02])  # 90%: 0.05 to 0.95
    results = tuple(
        SplitResult(split, 5, ones, ones, value, -value, {"loocv": pit})
        for split, value, pit in ((7, 0.8, covered[0]), (9, 0.6, covered[1]))
    )
    cell = Cell(Variant("ols", ("TS",)), 0.25, 5, None, results)
    assert (cell.worst("r2_metric"), cell.worst("r2_scores")) == ((0.6, 9), (-0.8, 7))
    assert cell.covered("loocv", 0.9) == [1.0, 0.25]
    summary = cell.to_dict()["r2_metric"]
    assert (summary["worst"], summary["worst_split"]) == (0.6, 9)


def test_splits_without_an_r2_are_not_the_worst():
    ones, nothing = np.ones(2), float("nan")
    results = [SplitResult(split, 5, ones, ones, r2, r2, {}) for split, r2 in ((0, nothing), (1, 0.3))]
    cell = Cell(Variant("ols", ("TS",)), 0.25, 5, None, tuple(results))
    assert cell.worst("r2_metric") == (0.3, 1)
    assert np.isnan(Cell(cell.variant, 0.25, 5, None, tuple(results[:1])).worst("r2_metric")[0])
