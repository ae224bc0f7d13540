import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from predictor.models.regressors import OrdinaryLeastSquares, RidgeRegression


def test_predictions_are_those_of_least_squares():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(30, 5)), rng.normal(size=30)
    X[:, 4] = X[:, 0] - X[:, 1]  # like the differences of a curve
    design = np.column_stack([X, np.ones(30)])
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(OrdinaryLeastSquares().fit(X, y).predict(X), expected)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_ridge_predictions_are_those_of_scikit_learn_on_the_standardised_scale(penalty):
    rng = np.random.default_rng(2)
    X, y = rng.normal(3, [1, 10, 0.1], size=(30, 3)), rng.normal(7, 2, size=30)
    Z = StandardScaler().fit_transform(X)
    expected = Ridge(alpha=penalty).fit(Z, y).predict(Z)
    np.testing.assert_allclose(RidgeRegression(penalty).fit(X, y).predict(X), expected)


def test_where_a_combination_of_columns_ends_least_squares_fails_and_ridge_does_not():
    """As with deeper networks: weights are nearly a function of depth and width, but another one there."""
    rng = np.random.default_rng(3)
    x, noise = rng.normal(size=(2, 80))
    X, y = np.column_stack([x, x + 1e-3 * noise]), x + 0.1 * noise
    elsewhere = [[1.0, 1.5]]
    assert OrdinaryLeastSquares().fit(X, y).predict(elsewhere) > 40
    assert RidgeRegression().fit(X, y).predict(elsewhere) == pytest.approx(1.25, abs=0.1)
