"""Curves added one after the other make the same set as curves given all at once."""

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves.growing import GrowingCurves, begins_with, lasting
from predictor.curves.learning_curves import FACTS


def some_curves(n=150):
    rng = np.random.default_rng(0)
    values = rng.uniform(0.1, 0.9, (n, 4))
    values[::3, 2:] = np.nan
    values[5, 1] = np.inf
    depth, rate = rng.integers(1, 9, n), rng.uniform(size=n)
    return LearningCurves(-values, {"depth": depth}, {"rate": rate}, "loss")


@pytest.mark.parametrize("first", [0, 1, 70])
def test_they_are_those_of_a_set_made_at_once(first):
    """More than fit without growing."""
    expected = some_curves()
    growing = GrowingCurves(expected[:first])
    for row in range(first, len(expected)):
        growing.append(expected[row])
    made = growing.curves
    assert (made.metric, made.direction) == ("loss", "minimize")
    np.testing.assert_array_equal(made.values, expected.values)
    np.testing.assert_array_equal(made.architecture["depth"], expected.architecture["depth"])
    np.testing.assert_array_equal(made.hyperparameters["rate"], expected.hyperparameters["rate"])
    for fact in FACTS:
        np.testing.assert_array_equal(getattr(made, fact), getattr(expected, fact), fact)
        np.testing.assert_array_equal(getattr(made[3:99:2], fact), getattr(expected[3:99:2], fact), fact)


def test_what_was_handed_out_never_changes():
    expected, growing, seen = some_curves(), GrowingCurves(some_curves()[:0]), []
    for row in range(len(expected)):
        growing.append(expected[row])
        seen.append(growing.curves)
        assert growing.curves is seen[-1]
    for number, curves in enumerate(seen, start=1):
        np.testing.assert_array_equal(curves.values, expected.values[:number])
        np.testing.assert_array_equal(curves.final, expected.final[:number])
    with pytest.raises(ValueError, match="read-only"):
        seen[-1].observed[0] = 1


def test_what_was_handed_out_stays_when_only_the_first_curves_are_kept():
    expected = some_curves(10)
    growing = GrowingCurves(expected)
    whole = growing.curves
    growing.keep(3)
    np.testing.assert_array_equal(growing.curves.values, expected.values[:3])
    growing.append(expected[7:])
    np.testing.assert_array_equal(whole.values, expected.values)
    np.testing.assert_array_equal(growing.curves.values, expected.values[[0, 1, 2, 7, 8, 9]])
    np.testing.assert_array_equal(growing.curves.completed, expected.completed[[0, 1, 2, 7, 8, 9]])


def test_curves_of_another_kind_are_refused():
    growing = GrowingCurves(some_curves())
    with pytest.raises(CurvesError, match="differ in hyper-parameters"):
        growing.append(LearningCurves(np.zeros((1, 4)), {"depth": np.ones(1)}, metric="loss"))


def test_nothing_is_found_out_about_all_curves_when_one_is_added(monkeypatch):
    growing, completed, isfinite = GrowingCurves(some_curves()), some_curves().completed, np.isfinite

    def of_one(values):
        assert np.size(values) <= 4
        return isfinite(values)

    monkeypatch.setattr(np, "isfinite", of_one)
    growing.append(some_curves()[4])
    np.testing.assert_array_equal(growing.curves[1:].completed, [*completed[1:], completed[4]])


def test_curves_begin_with_their_first_ones_and_with_nothing_that_differs(make_curves):
    curves = make_curves(40, 12, seed=2)
    later = LearningCurves.concatenate(curves[15:25].until(3), curves[25:30], curves[30:35].until(1))
    assert begins_with(later, later[:7])
    assert begins_with(later, later)
    assert not begins_with(later[:7], later)
    assert not begins_with(curves, later[:7])
    deeper = {**curves.architecture, "depth": curves.architecture["depth"] + 1}
    changed = LearningCurves(curves.values, deeper, curves.hyperparameters)
    assert not begins_with(changed, curves[:3])
    assert not begins_with(LearningCurves(curves.values), curves[:3])
    assert not begins_with(curves, LearningCurves(curves.values[:3]))
    up, down = (LearningCurves(curves.values, metric="ours", direction=d) for d in ("maximize", "minimize"))
    assert begins_with(up, up[:3])
    assert not begins_with(up, down[:3])
    assert not begins_with(LearningCurves(curves.values, metric="loss"), LearningCurves(curves.values))


def test_memory_that_somebody_may_have_changed_is_compared(make_curves):
    memory = make_curves(5, 4, seed=2).values.copy()
    before = lasting(LearningCurves(memory))
    assert begins_with(LearningCurves(memory), before)
    memory[0, 0] += 0.1
    assert not begins_with(LearningCurves(memory), before)


def test_memory_of_growing_curves_is_not_compared(make_curves, monkeypatch):
    """However many there are, asking costs the same."""
    curves = make_curves(40, 12, seed=2)
    growing = GrowingCurves(curves[:30])
    before = growing.curves
    growing.append(curves[30:])
    assert not begins_with(growing.curves, before[::2])  # which begin in the same place
    monkeypatch.delattr(np, "array_equal")
    assert lasting(before) is before
    assert begins_with(growing.curves, before[:20])
