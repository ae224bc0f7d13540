import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from predictor.models.regressors import NuSvr, svr


@pytest.fixture
def data(curves):
    X = np.column_stack([curves.values[:, :3], curves.architecture["depth"]])
    return X, curves.final


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("solver", ["private", "public"])
def test_predictions_are_those_of_scikit_learn(data, monkeypatch, kernel, solver):
    if solver == "public":
        monkeypatch.setattr(svr, "_libsvm_fit", None)
    X, y = data
    model = NuSVR(kernel=kernel, C=2.0, nu=0.3, gamma=0.2)
    peer = TransformedTargetRegressor(make_pipeline(StandardScaler(), model), transformer=StandardScaler())
    ours = NuSvr(kernel=kernel, C=2.0, nu=0.3, gamma=0.2).fit(X[:40], y[:40])
    np.testing.assert_allclose(ours.predict(X[40:]), peer.fit(X[:40], y[:40]).predict(X[40:]), rtol=1e-10)


def test_squared_distances():
    A, B = np.random.default_rng(0).normal(size=(2, 6, 3))
    expected = ((A[:, None] - B[None]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(svr.similarity(A, B, "rbf"), expected, atol=1e-12)
    assert np.all(svr.similarity(A, A, "rbf") >= 0)
