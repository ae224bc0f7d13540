import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct

from predictor.models.regressors import RobustGaussianProcess
from predictor.models.regressors.base import Standardizer
from predictor.models.regressors.gaussian_process import JITTER, _negative_log_posterior


@pytest.fixture
def data():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(40, 3))
    return X, np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.05 * rng.normal(size=40)


def peer_of(model):
    d = len(model.log_parameters_) - 3
    lengths, (s, v, _) = np.exp(model.log_parameters_[:d]), np.exp(2 * model.log_parameters_[d:])
    kernel = ConstantKernel(s) * RBF(lengths) + ConstantKernel(v) * DotProduct(1e-9)
    noise = np.exp(2 * model.log_parameters_[-1]) / model.weights_ + JITTER
    return lambda rows: GaussianProcessRegressor(kernel, alpha=noise[rows], optimizer=None)


def test_predictions_are_those_of_scikit_learn_with_the_same_kernel(data):
    X, y = data
    model = RobustGaussianProcess(df=np.inf).fit(X[:30], y[:30])
    inputs, target = Standardizer.fit(X[:30]), Standardizer.fit(y[:30])
    peer = peer_of(model)(slice(None)).fit(inputs.transform(X[:30]), target.transform(y[:30]))
    expected = target.inverse(peer.predict(inputs.transform(X[30:])))
    np.testing.assert_allclose(model.predict(X[30:]), expected, rtol=1e-6)


def test_leave_one_out_is_an_explicit_loop_with_the_same_kernel(data):
    X, y = data
    model = RobustGaussianProcess(df=np.inf).fit(X, y)
    Z, t = Standardizer.fit(X).transform(X), Standardizer.fit(y).transform(y)
    make = peer_of(model)
    expected = [
        make(np.arange(40) != row).fit(np.delete(Z, row, 0), np.delete(t, row)).predict(Z[row : row + 1])[0]
        for row in range(40)
    ]
    held_out = model.held_out_predictions(X, y, 40)
    np.testing.assert_allclose(held_out, Standardizer.fit(y).inverse(np.array(expected)), rtol=1e-5)


def test_value_and_gradient_of_the_posterior(data):
    Z, t = data
    means, deviations = np.array([0.5, 0.5, 0.5, 0, -1, -1.5]), np.array([0.25, 0.25, 0.25, 1, 1, 1])
    weights = np.random.default_rng(0).uniform(0.3, 1.2, 40)
    point = means + 0.3
    arguments = (means, deviations, Z, Z[:, :2] @ Z[:, :2].T, t, weights)
    error = check_grad(
        lambda p: _negative_log_posterior(p, *arguments)[0],
        lambda p: _negative_log_posterior(p, *arguments)[1],
        point,
    )
    assert error < 1e-3
    s, v, noise = np.exp(2 * point[3:])
    distances = (((Z[:, None] - Z) / np.exp(point[:3])) ** 2).sum(axis=-1)
    K = s * np.exp(-distances / 2) + v * Z[:, :2] @ Z[:, :2].T + np.diag(noise / weights + JITTER)
    likelihood = multivariate_normal(np.zeros(40), K).logpdf(t) + 20 * np.log(2 * np.pi)
    prior = -0.5 * (((point - means) / deviations) ** 2).sum()
    assert _negative_log_posterior(point, *arguments)[0] == pytest.approx(-likelihood - prior)


def test_runs_that_jump_lose_their_weight_and_their_influence(data):
    X, y = data
    spoilt = y.copy()
    spoilt[[3, 17]] += 4.0
    robust = RobustGaussianProcess().fit(X, spoilt)
    normal = RobustGaussianProcess(df=np.inf).fit(X, spoilt)
    assert set(np.argsort(robust.weights_)[:2]) == {3, 17}
    rest = np.delete(np.arange(40), [3, 17])
    error = [np.abs(model.predict(X[rest]) - y[rest]).mean() for model in (robust, normal)]
    assert error[0] < 0.7 * error[1]


def test_goes_on_beyond_the_training_range():
    X = np.linspace(0, 1, 30)[:, None]
    model = RobustGaussianProcess().fit(X, 2 * X[:, 0])
    assert model.predict(np.array([[1.5]]))[0] == pytest.approx(3.0, abs=0.15)


def test_only_linear_columns_go_on_beyond_the_training_range():
    X = np.random.default_rng(1).uniform(0, 1, (60, 2))
    y = 2 * X[:, 0] + 2 * X[:, 1]
    model = RobustGaussianProcess(n_linear=1).fit(X, y)
    assert model.score(X, y) > 0.99
    middle, far = model.predict(np.array([[0.5, 0.5], [0.5, 50.0]]))
    farther = model.predict(np.array([[0.5, 500.0]]))[0]
    assert middle == pytest.approx(2.0, abs=0.05)
    assert far == pytest.approx(farther)  # the RBF part has ended: back at the linear part's own value
    assert abs(far - 101) > 90
    assert model.predict(np.array([[500.5, 500.0]]))[0] - farther > 500


def test_curve_columns_are_linear_unless_chosen_otherwise():
    assert RobustGaussianProcess().knowing(4).n_linear == 4
    assert RobustGaussianProcess().knowing(0).n_linear is None
    assert RobustGaussianProcess(n_linear=2).knowing(4).n_linear == 2
