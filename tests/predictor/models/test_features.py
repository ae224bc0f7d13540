import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from predictor import CurveFeatures, CurvesError, LearningCurves, PredictorError
from predictor.models.features import summary_features, time_series_features


def test_time_series_are_values_then_first_then_second_differences():
    features = time_series_features(np.array([[1.0, 3.0, 4.0, 8.0]]))
    assert features.tolist() == [[1, 3, 4, 8, 2, 1, 4, -1, 3]]
    assert time_series_features(np.array([[2.0]])).tolist() == [[2.0]]
    assert time_series_features(np.array([[2.0, 5.0]])).tolist() == [[2.0, 5.0, 3.0]]


@pytest.mark.parametrize(
    ("sets", "names"),
    [
        (("TS", "AP", "HP"), ["y_1", "y_2", "y_3", "dy_2", "dy_3", "ddy_3", "depth", "num_params", "lr"]),
        (("HP", "TS"), ["y_1", "y_2", "y_3", "dy_2", "dy_3", "ddy_3", "lr"]),
        (("AP",), ["depth", "num_params"]),
    ],
)
def test_feature_sets_select_columns(curves, sets, names):
    features = CurveFeatures(tau=3, features=sets).fit(curves)
    assert features.get_feature_names_out().tolist() == names
    assert features.transform(curves).shape == (len(curves), len(names))
    assert features.n_curve_ == sum("y_" in name for name in names)


def test_later_epochs_are_not_looked_at(curves):
    features = CurveFeatures(tau=4).fit(curves)
    np.testing.assert_array_equal(features.transform(curves), features.transform(curves.until(4)))


def test_parameters_that_never_vary_are_left_out():
    curves = LearningCurves(
        np.ones((3, 2)), {"depth": [2, 2, 2], "width": [1, 2, np.nan]}, {"lr": [np.nan] * 3}
    )
    features = CurveFeatures(tau=1).fit(curves)
    assert features.get_feature_names_out().tolist() == ["y_1", "width"]
    nothing = CurveFeatures(tau=1, features=("HP",)).fit(curves)
    assert nothing.transform(curves).tolist() == [[0.0]] * 3


def test_curves_that_are_too_short_or_lack_a_parameter_are_refused(curves):
    features = CurveFeatures(tau=4).fit(curves)
    with pytest.raises(CurvesError, match="tau = 4 of a curve with 3"):
        features.transform(curves.until(3))
    with pytest.raises(CurvesError, match="depth"):
        features.transform(LearningCurves(curves.values))


@pytest.mark.parametrize("sets", [(), ("TS", "XX"), "TS"])
def test_unknown_feature_sets_are_refused(curves, sets):
    with pytest.raises(PredictorError, match="expected some of"):
        CurveFeatures(features=sets).fit(curves)


def test_works_in_pipeline_and_cross_validation(curves):
    pipeline = make_pipeline(CurveFeatures(tau=5), LinearRegression())
    by_hand = CurveFeatures(tau=5).fit(curves).transform(curves)
    expected = cross_val_score(LinearRegression(), by_hand, curves.final, cv=3)
    np.testing.assert_allclose(cross_val_score(clone(pipeline), curves, curves.final, cv=3), expected)


def test_the_summary_is_block_means_then_last_then_best():
    features = summary_features(np.array([[1.0, 3.0, 5.0, 7.0, 2.0, 8.0, 4.0, 6.0, 9.0, 0.0]]))
    assert features.tolist() == [[2, 6, 5, 5, 4.5, 0, 9]]
    assert summary_features(np.array([[2.0, 1.0]])).tolist() == [[2, 1, 1, 2]]


def test_logarithms_only_of_parameters_that_are_positive():
    curves = LearningCurves(np.ones((2, 2)), {"width": [1.0, np.e]}, {"decay": [0.0, 0.1]})
    features = CurveFeatures(tau=1, features=("log-AP", "log-HP")).fit(curves)
    assert features.get_feature_names_out().tolist() == ["log width", "decay"]
    np.testing.assert_allclose(features.transform(curves), [[0, 0], [1, 0.1]])
    later = LearningCurves(np.ones((1, 2)), {"width": [0.0]}, {"decay": [0.1]})
    assert np.isnan(features.transform(later)[0, 0])
