"""The Gaussian process against scikit-learn's, and its closed forms against fits with a row left out."""

import numpy as np
import pytest
import scipy.linalg  # noqa: F401
from scipy.stats import multivariate_t
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from predictor.rules.envelope.gaussian_process import (
    PRIOR_RATE,
    PRIOR_SHAPE,
    GaussianProcess,
    Kernel,
    log_evidence,
    one_thread,
)

KERNEL = Kernel(relevance=0.4, rbf=0.7, length=1.3, noise=0.2)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 3))
    return X, X[:, 0] + np.sin(2 * X[:, 1]) + rng.normal(0, 0.3, 12), rng.normal(size=(5, 3))


@pytest.fixture
def extra():
    return np.random.default_rng(1).uniform(0, 0.5, 12)


def test_predictions_are_those_of_scikit_learn(data, extra):
    X, y, new = data
    weights = np.array([1.0, 0.4, 0.4])
    kernel = DotProduct(1.0) + ConstantKernel(0.7) * RBF(1.3)
    peer = GaussianProcessRegressor(kernel, alpha=0.2 + extra, optimizer=None).fit(X * weights, y)
    mean, std = peer.predict(new * weights, return_std=True)
    own_mean, own_variance = GaussianProcess.fit(KERNEL, X, y, extra).predict(new)
    np.testing.assert_allclose(own_mean, mean, rtol=1e-8)
    np.testing.assert_allclose(own_variance - 0.2, std**2, rtol=1e-6)


@pytest.mark.parametrize("i", [0, 5, 11])
def test_a_prediction_without_a_row_is_that_of_a_fit_without_it(data, extra, i):
    X, y, new = data
    rest = np.delete(np.arange(12), i)
    mean, variance = GaussianProcess.fit(KERNEL, X[rest], y[rest], extra[rest]).predict(new[:1])
    process = GaussianProcess.fit(KERNEL, X, y, extra)
    assert process.predict_without(i, new[:1]) == pytest.approx((mean[0], variance[0]), rel=1e-9)


def test_the_evidence_is_a_multivariate_student_t(data, extra):
    X, y, _ = data
    C = KERNEL(X, X) + np.diag(0.2 + extra)
    peer = multivariate_t(np.zeros(12), C * PRIOR_RATE / PRIOR_SHAPE, df=2 * PRIOR_SHAPE)
    assert GaussianProcess.fit(KERNEL, X, y, extra).log_evidence == pytest.approx(peer.logpdf(y))
    evidence = log_evidence(KERNEL, KERNEL(X, X), y)
    assert evidence == pytest.approx(GaussianProcess.fit(KERNEL, X, y).log_evidence)


def test_leave_one_out_is_a_fit_without_the_row(data, extra):
    X, y, _ = data
    process = GaussianProcess.fit(KERNEL, X, y, extra)
    means, variances = process.leave_one_out()
    df, scales = process.scale_left_out()
    for i in range(len(y)):
        rest = np.delete(np.arange(len(y)), i)
        refit = GaussianProcess.fit(KERNEL, X[rest], y[rest], extra[rest])
        mean, variance = refit.predict(X[[i]])
        assert means[i] == pytest.approx(mean[0])
        assert variances[i] == pytest.approx(variance[0] + extra[i])
        assert (df, scales[i]) == pytest.approx(refit.scale())


def test_the_diagonal_is_that_of_the_covariances(data):
    X = data[0]
    np.testing.assert_allclose(KERNEL.diagonal(X), np.diag(KERNEL(X, X)))


def threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_takes_one_thread_inside_and_as_many_as_before_outside():
    assert np.ones((2, 2)) @ np.ones(2) is not None
    with threadpool_limits(2, user_api="blas"):
        assert set(threads()) == {2}
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {2}


def test_where_there_is_one_thread_already_nothing_is_set(monkeypatch):
    with threadpool_limits(1, user_api="blas"):
        monkeypatch.setattr(ThreadpoolController, "limit", None)
        with one_thread():
            assert set(threads()) == {1}


def test_covariances_and_targets_of_a_single_input_are_told_by_a_few_points(extra):
    rng = np.random.default_rng(2)
    X = np.concatenate([rng.normal(size=(150, 1)), np.full((10, 1), 0.3)])  # some are the same
    process = GaussianProcess.fit(KERNEL, X, np.sin(X[:, 0]) + rng.normal(0, 0.3, 160), np.resize(extra, 160))
    points = process.condensed()
    assert len(points.X) <= 25
    new = np.linspace(-8, 8, 41)[:, None]  # far outside, too
    mean, variance = process.predict(new)
    cross = KERNEL(new, points.X)
    np.testing.assert_allclose(cross @ points.alpha, mean, rtol=1e-6, atol=1e-7)
    explained = ((points.whitener @ cross.T) ** 2).sum(axis=0)
    np.testing.assert_allclose(KERNEL.diagonal(new) - explained + KERNEL.noise, variance, rtol=1e-6)
