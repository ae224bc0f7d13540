from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from predictor import CurvesError, LearningCurves
from predictor.evaluation.experiment import evaluate
from predictor.evaluation.methods import Variant
from predictor.models.base import LastSeenValue
from predictor.models.names import PREDICTORS


def numbers(results):
    return [(result.name, cell.to_dict()) for result in results for cell in result.cells]


def test_r2_is_that_of_a_loop_written_by_hand(curves, plan):
    (result,) = evaluate({"a set": curves}, plan)
    for cell in result.cells[::3]:
        assert cell.variant.method == "ols"
        for one, number in zip(cell.results, (5, 6, 7), strict=True):
            order = np.random.default_rng(number).permutation(60)
            X, y = curves.values[:, : cell.tau], curves.values[:, -1]
            model = LinearRegression().fit(X[order[:30]], y[order[:30]])
            expected = r2_score(y[order[30:]], model.predict(X[order[30:]]))
            assert one.r2_metric == pytest.approx(expected)
    assert [cell.tau for cell in result.cells] == [2, 2, 2, 4, 4, 4]


def test_results_do_not_depend_on_processes_nor_on_company(curves, perplexities, plan):
    plan = replace(plan, variants=(*plan.variants, Variant("nu-svr-rbf")), n_settings=8)
    sets = {"one": curves, "two": perplexities}
    together = evaluate(sets, plan, jobs=1)
    assert numbers(evaluate(sets, plan, jobs=2)) == numbers(together)
    alone = evaluate({"two": perplexities}, replace(plan, variants=plan.variants[3:]))
    assert numbers(alone) == [
        row for row in numbers(together) if row[0] == "two" and row[1]["method"] == "nu-svr-rbf"
    ]
    later = evaluate({"one": curves}, replace(plan, splits=(6,), fractions=(0.5,)))
    for cell, other in zip(later[0].cells, together[0].cells[4:], strict=True):
        assert cell.results[0].to_dict() == other.results[1].to_dict()


def test_depth_generalisation_trains_on_shallow_networks(curves, plan):
    depth = curves.architecture["depth"]
    plan = replace(plan, depth_limits=(8.0,), n_train=20, fractions=(0.5,))
    (result,) = evaluate({"a set": curves}, plan)
    assert {cell.depth_limit for cell in result.cells} == {8.0}
    for cell in result.cells:
        for one in cell.results:
            np.testing.assert_array_equal(one.y, curves.final[depth > 8])


def test_only_completed_curves_take_part(curves, plan):
    mixed = LearningCurves.concatenate(curves[:50], curves[50:].until(5))
    (result,) = evaluate({"a set": mixed}, plan)
    assert (result.n_read, len(result.curves)) == (60, 50)
    assert numbers([result]) == numbers(evaluate({"a set": curves[:50]}, plan))


def test_lce_gets_a_limited_number_of_test_curves(curves, plan, monkeypatch):
    monkeypatch.setitem(PREDICTORS, "lce", lambda seed: LastSeenValue())
    plan = replace(plan, variants=(Variant("lce"), Variant("last-seen")), lce_curves=4, splits=(5,))
    (result,) = evaluate({"a set": curves}, plan)
    limited, full = (cell.results[0] for cell in result.cells[:2])
    assert (len(limited.y), len(full.y)) == (4, 30)
    np.testing.assert_array_equal(limited.y_hat, full.y_hat[:4])


def test_progress_sees_every_outcome(curves, plan):
    seen = []

    def progress(results, total):
        for one in results:
            seen.append((one.split, total))
            yield one

    evaluate({"a set": curves}, plan, progress=progress)
    assert seen == [(number, 18) for _ in range(6) for number in (5, 6, 7)]


@pytest.mark.parametrize(
    ("values", "part"),
    [
        (np.ones((60, 1)), "T = 1"),
        (np.full((60, 4), 0.1), "all 60 completed curves end at 0.1"),
        (np.random.default_rng(0).random((1, 4)), "1 completed curve is too few"),
        (np.full((30, 4), [0.1, 0.2, np.nan, np.nan]), "none of 30 curves is completed"),
        (np.random.default_rng(0).random((30, 4)), "30 completed curves are too few to train on 30"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(plan, values, part):
    with pytest.raises(CurvesError, match=f"bad set: .*{part}"):
        evaluate({"bad set": LearningCurves(values)}, plan)


def test_a_set_of_which_no_curve_is_completed_is_refused_with_how_it_was_read(plan):
    curves = LearningCurves(np.array([[0.1, np.nan]]), understood="1 curve that begins late")
    with pytest.raises(CurvesError, match=r"none of 1 curves .*; read as 1 curve that begins late"):
        evaluate({"a set": curves}, plan)
