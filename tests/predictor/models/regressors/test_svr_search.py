import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from predictor import CurveFeatures, PredictorError
from predictor.models.regressors import NuSvrSearch


def plain_loop(kernel, settings, X, y):
    scores = []
    for C, nu, gamma in settings:
        model = TransformedTargetRegressor(
            NuSVR(kernel=kernel, C=C, nu=nu, gamma=gamma), transformer=StandardScaler()
        )
        scores.append(cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=KFold(3)).mean())
    return np.array(scores)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_scores_and_choice_are_those_of_the_plain_loop(make_curves, kernel):
    curves = make_curves(100, 20, seed=5)
    X = CurveFeatures(tau=5).fit(curves).transform(curves)
    search = NuSvrSearch(kernel=kernel, n_settings=60, random_state=2).fit(X, curves.final)
    expected = plain_loop(kernel, search.settings_, X, curves.final)
    np.testing.assert_allclose(search.scores_, expected, rtol=0, atol=1e-9)
    assert search.best_ == np.argmax(expected)


def test_settings_follow_the_published_distributions():
    search = NuSvrSearch(n_settings=4000, random_state=1)
    settings = search._draw()
    for column in (0, 2):
        logs = np.log10(settings[:, column])
        assert -5 <= logs.min() < -4.9
        assert 0.9 < logs.max() <= 1
        np.testing.assert_allclose(np.quantile(logs, [0.25, 0.5, 0.75]), [-3.5, -2, -0.5], atol=0.15)
    assert 0 < settings[:, 1].min() < 0.01
    assert settings[:, 1].max() <= 1
    np.testing.assert_allclose(np.quantile(settings[:, 1], [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)
    np.testing.assert_allclose(np.corrcoef(settings.T), np.eye(3), atol=0.06)


def test_other_seeds_draw_other_settings():
    assert not np.array_equal(NuSvrSearch(random_state=1)._draw(), NuSvrSearch(random_state=2)._draw())


def test_narrowed_search_chooses_among_the_best(curves):
    X = CurveFeatures(tau=3).fit(curves).transform(curves)
    first = NuSvrSearch(n_settings=80).fit(X[:40], curves.final[:40])
    narrowed = first.narrowed().fit(X, curves.final)
    cut = np.sort(first.scores_)[-20]
    best = {tuple(row) for row in first.settings_[first.scores_ >= cut]}
    assert {tuple(row) for row in narrowed.settings_} == best


def test_no_settings_is_refused():
    with pytest.raises(PredictorError, match="n_settings = 0"):
        NuSvrSearch(n_settings=0).fit(np.ones((6, 1)), np.arange(6.0))
