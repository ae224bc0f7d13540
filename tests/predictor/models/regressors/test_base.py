import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from predictor.models.regressors.base import Standardizer, r2_scores


@pytest.mark.parametrize("rows", [3, 33, 67, 500])
def test_standardising_is_scikit_learns_to_the_last_bit(rows):
    X = np.random.default_rng(rows).lognormal(size=(rows, 9)) * np.logspace(-6, 6, 9)
    X[:, 4] = 0.1
    np.testing.assert_array_equal(Standardizer.fit(X).transform(X), StandardScaler().fit_transform(X))
    y = X[:, 0].copy()
    np.testing.assert_array_equal(
        Standardizer.fit(y).transform(y), StandardScaler().fit_transform(y[:, None])[:, 0]
    )


def test_unknown_values_are_left_out_and_become_the_mean():
    X = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    scaler = Standardizer.fit(X)
    np.testing.assert_array_equal(scaler.transform(X), [[-1, 0], [0, 0], [1, 0]])


@given(arrays(np.float64, (5, 3), elements=st.floats(-1e6, 1e6)))
def test_inverse_undoes_transform(X):
    scaler = Standardizer.fit(X)
    np.testing.assert_allclose(scaler.inverse(scaler.transform(X)), X, atol=1e-6)


def test_r2_is_scikit_learns():
    rng = np.random.default_rng(0)
    y, predictions = rng.normal(size=7), rng.normal(size=(5, 7))
    np.testing.assert_allclose(r2_scores(y, predictions), [r2_score(y, row) for row in predictions])
    constant = np.ones(4)
    assert r2_scores(constant, np.array([[1.0] * 4, [2.0] * 4])).tolist() == [1.0, 0.0]
