import numpy as np

from predictor.models.regressors import OrdinaryLeastSquares


def test_predictions_are_those_of_least_squares():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(30, 5)), rng.normal(size=30)
    X[:, 4] = X[:, 0] - X[:, 1]  # like the differences of a curve
    design = np.column_stack([X, np.ones(30)])
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(OrdinaryLeastSquares().fit(X, y).predict(X), expected)
