import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from predictor import CurveFeatures
from predictor.models.regressors import ForestSearch
from predictor.models.regressors.forest import Forest


def test_scores_are_those_of_a_forest_per_setting(curves):
    X, y = CurveFeatures(tau=4).fit(curves).transform(curves), curves.final
    search = ForestSearch(n_settings=3, random_state=4, trees=(10, 60)).fit(X, y)
    expected = []
    for trees, ratio in search.settings_:
        forest = RandomForestRegressor(n_estimators=int(trees), max_features=ratio, random_state=4)
        model = TransformedTargetRegressor(forest, transformer=StandardScaler())
        expected.append(cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=KFold(3)).mean())
    np.testing.assert_allclose(search.scores_, expected)
    assert search.best_ == np.argmax(expected)


def test_settings_are_drawn_from_the_published_ranges(curves):
    X, y = curves.values[:3, :2], curves.final[:3]  # too few rows to search: the draws alone
    trees, ratios = ForestSearch(n_settings=400).fit(X, y).settings_.T
    assert 10 <= trees.min() < 30
    assert 780 < trees.max() <= 800
    assert 0.1 <= ratios.min() < 0.11
    assert 0.49 < ratios.max() <= 0.5


def test_held_out_predictions_are_scikit_learns_out_of_bag_ones(curves):
    X, y = CurveFeatures(tau=4).fit(curves).transform(curves), curves.final
    search = ForestSearch(n_settings=1, random_state=1, trees=(60, 90)).fit(X, y)
    trees, ratio = search.settings_[0]
    forest = RandomForestRegressor(
        n_estimators=int(trees), max_features=ratio, random_state=1, oob_score=True, bootstrap=True
    )
    peer = forest.fit(StandardScaler().fit_transform(X), (y - y.mean()) / y.std())
    expected = peer.oob_prediction_ * y.std() + y.mean()
    np.testing.assert_allclose(search.held_out_predictions(X, y, len(y)), expected)


def test_the_trees_are_scikit_learns_to_the_bit(curves):
    Z, t = CurveFeatures(tau=4).fit(curves).transform(curves), curves.final
    forest = Forest.fit(Z, t, trees=20, ratio=0.4, random_state=7)
    peer = RandomForestRegressor(n_estimators=20, max_features=0.4, random_state=7).fit(Z, t)
    np.testing.assert_array_equal(forest.votes(Z), [tree.predict(Z) for tree in peer.estimators_])
    one_by_one = np.hstack([forest.votes(Z[row : row + 1]) for row in range(len(Z))])
    np.testing.assert_array_equal(one_by_one, forest.votes(Z))
    drawn = [np.isin(np.arange(len(t)), rows) for rows in peer.estimators_samples_]
    np.testing.assert_array_equal(forest.outside, ~np.array(drawn))
