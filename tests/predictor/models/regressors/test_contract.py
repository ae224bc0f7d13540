"""What every regressor of the package promises, whatever it is."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from predictor import PredictorError
from predictor.models.regressors import (
    REGRESSORS,
    ForestSearch,
    NuSvrSearch,
    RobustGaussianProcess,
    make_regressor,
)


@pytest.fixture(params=sorted(REGRESSORS))
def regressor(request):
    if request.param == "random-forest":
        return make_regressor(request.param, 2, 0).set_params(trees=(10, 20))
    return make_regressor(request.param, 30 if request.param == "nu-svr-linear" else 100, 0)


@pytest.fixture
def linear_data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(48, 4))
    return X, 1e3 + 50 * (X @ [1.0, -2.0, 0.5, 0.0] + 0.05 * rng.normal(size=48))


def test_scikit_learn_conventions(regressor):
    """With few settings to choose from: the checks fit hundreds of times."""
    if isinstance(regressor, NuSvrSearch):
        regressor.set_params(n_settings=20)
    failed = [
        (result["check_name"], result["exception"])
        for result in check_estimator(regressor, on_fail=None, on_skip=None)
        if result["status"] == "failed"
    ]
    assert not failed


def test_learns_a_target_of_any_scale(regressor, linear_data):
    X, y = linear_data
    score = cross_val_score(regressor, X, y, cv=4).mean()
    assert score > (0.5 if isinstance(regressor, ForestSearch) else 0.9)


def test_scales_of_inputs_and_target_do_not_matter(regressor, linear_data):
    X, y = linear_data
    scale = np.array([1.0, 1e6, 1e-4, 3.0])
    plain = clone(regressor).fit(X, y).predict(X)
    scaled = clone(regressor).fit(X * scale + 5, 0.01 * y - 7).predict(X * scale + 5)
    np.testing.assert_allclose(scaled, 0.01 * plain - 7, atol=0.02)  # libsvm stops at a tolerance


def test_works_in_a_pipeline(regressor, linear_data):
    X, y = linear_data
    assert make_pipeline(MinMaxScaler(), regressor).fit(X, y).predict(X).shape == y.shape


def test_same_seed_same_predictions(regressor, linear_data):
    X, y = linear_data
    np.testing.assert_array_equal(
        clone(regressor).fit(X, y).predict(X), clone(regressor).fit(X, y).predict(X)
    )


@pytest.mark.parametrize("rows", [3, 4, 5, 7])
def test_few_rows_are_enough(regressor, linear_data, rows):
    X, y = linear_data[0][:rows], linear_data[1][:rows]
    fitted = regressor.fit(X, y)
    assert np.isfinite(fitted.predict(X)).all()
    assert np.isfinite(fitted.held_out_predictions(X, y, rows)).all()


def test_constant_columns_duplicates_and_a_constant_target_are_harmless(regressor, linear_data):
    X, y = linear_data[0].copy(), linear_data[1]
    X[:, 1] = 0.001
    doubled = regressor.fit(np.vstack([X, X]), np.concatenate([y, y]))
    assert np.isfinite(doubled.predict(X)).all()
    np.testing.assert_allclose(clone(regressor).fit(X, np.full(48, 0.1)).predict(X), 0.1)


def test_unknown_inputs_count_as_the_mean(regressor, linear_data):
    X, y = linear_data
    fitted = regressor.fit(X, y)
    hidden = X[:1].copy()
    hidden[0, 2] = np.nan
    filled = hidden.copy()
    filled[0, 2] = X[:, 2].mean()
    np.testing.assert_allclose(fitted.predict(hidden), fitted.predict(filled))


def test_held_out_predictions_are_those_of_models_without_the_row(regressor, linear_data):
    X, y = linear_data[0][:12], linear_data[1][:12]
    fitted = regressor.fit(X, y)
    predictions = fitted.held_out_predictions(X, y, 12)
    if isinstance(regressor, ForestSearch | RobustGaussianProcess):  # their own tests know better
        assert np.all(predictions != fitted.predict(X))
        return
    for row in range(12):
        rest = np.arange(12) != row
        alone = clone(fitted.chosen()).fit(X[rest], y[rest]).predict(X[row : row + 1])
        np.testing.assert_allclose(predictions[row], alone[0])


def test_ols_leave_one_out_is_that_of_scikit_learn(linear_data):
    X, y = linear_data
    ours = make_regressor("ols", None, 0).fit(X, y).held_out_predictions(X, y, len(y))
    np.testing.assert_allclose(ours, cross_val_predict(LinearRegression(), X, y, cv=len(y)))


def test_unknown_names_are_refused():
    with pytest.raises(PredictorError, match="'svm'"):
        make_regressor("svm", None, 0)
