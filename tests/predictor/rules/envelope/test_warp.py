import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from predictor import CurvesError
from predictor.rules.envelope.warp import ColumnScale, Warp, parameter_matrix

SCORES = arrays(np.float64, st.integers(1, 20), elements=st.floats(0, 1).map(lambda x: round(x, 4)))


def test_the_warp_is_the_closed_form():
    warp = Warp.of(np.array([0.9, 0.8, 0.5, 0.1, 0.0]))
    assert (warp.best, warp.gap) == (0.9, pytest.approx(0.4))
    assert warp(0.9) == 0
    assert warp(0.5) == pytest.approx(-np.log(2))
    assert warp(-0.3) == pytest.approx(-np.log(4))
    assert warp(1.3) == pytest.approx(np.log(2))


@given(SCORES, st.floats(-3, 3), st.floats(-3, 3))
def test_the_warp_increases_and_is_undone_by_its_inverse(scores, a, b):
    warp = Warp.of(scores)
    assert warp.gap > 0
    assert (warp(a) < warp(b)) == (a < b) or abs(a - b) < 1e-9 * warp.gap
    assert warp.inverse(warp(a)) == pytest.approx(a, rel=1e-6, abs=1e-6)


@given(SCORES, st.floats(0.1, 10), st.floats(-5, 5))
def test_the_warp_does_not_know_units(scores, factor, offset):
    if np.ptp(scores) == 0:
        return
    moved = factor * scores + offset
    np.testing.assert_allclose(Warp.of(moved)(moved), Warp.of(scores)(scores), atol=1e-8)


def test_when_half_are_as_good_as_the_best_the_mean_gap_counts():
    assert Warp.of(np.array([0.5, 0.5, 0.5, 0.1])).gap == pytest.approx(0.1)
    assert Warp.of(np.full(4, 0.5)).gap == 1.0


def test_standardised_columns():
    X = np.array([[1.0, 7.0, np.nan, np.nan], [2.0, 7.0, 4.0, np.nan], [6.0, 7.0, 8.0, np.nan]])
    Z = ColumnScale.of(X)(X)
    np.testing.assert_allclose(Z[:, 0], (X[:, 0] - 3) / X[:, 0].std())
    np.testing.assert_allclose(Z[:, 1:], [[0, 0, 0], [0, -1, 0], [0, 1, 0]])


def test_a_constant_column_stays_zero_for_new_values():
    X = np.full((5, 1), 0.1)
    assert ColumnScale.of(X)(np.array([[3.0]])) == 0


def test_a_column_that_varies_by_rounding_alone_stays_zero():
    X = np.array([[0.3], [0.1 + 0.2]])
    assert X[0] != X[1]
    np.testing.assert_array_equal(ColumnScale.of(X)(X), 0)


def test_parameters_enter_by_logarithm_where_all_were_positive():
    parameters = {
        "lr": np.array([-1.0, np.nan]),
        "depth": np.array([1.0, np.e]),
        "dropout": np.array([0.0, 0.5]),
    }
    matrix = parameter_matrix(parameters, {"dropout": False, "depth": True, "lr": True})
    np.testing.assert_allclose(matrix, [[0, 0, np.nan], [0.5, 1, np.nan]])


def test_a_missing_parameter_is_named():
    with pytest.raises(CurvesError, match="'depth' of the history is missing; got \\['lr'\\]"):
        parameter_matrix({"lr": np.ones(2)}, {"lr": True, "depth": True})
