import numpy as np
import pytest
from scipy.stats import norm

from predictor import LearningCurves, PredictorError
from predictor.evaluation.methods import (
    Variant,
    forecast,
    parse_features,
    probability_transform,
    variants,
)
from predictor.models.names import METHODS
from predictor.models.uncertainty import make_uncertainty

SETTINGS = {"random_state": 0, "n_settings": 3, "uncertainties": ["loocv", "conformal", "level"]}


@pytest.mark.parametrize("method", METHODS)
def test_without_time_series_nothing_is_known_about_the_curve_so_far(curves, method):
    if method == "random-forest":
        pytest.skip("hundreds of trees; its features are made by the same code")
    variant, tau = Variant(method, ("AP", "HP")), 3
    shuffled = curves.values.copy()
    shuffled[:, :tau] = shuffled[::-1, :tau]
    other = LearningCurves(shuffled, curves.architecture, curves.hyperparameters)
    one = forecast(variant, curves[:40], curves[40:], tau, **SETTINGS)
    two = forecast(variant, other[:40], other[40:], tau, **SETTINGS)
    np.testing.assert_array_equal(one.y_hat, two.y_hat)


def test_all_uncertainties_belong_to_the_same_predictions(curves):
    made = forecast(Variant("ols"), curves[:40], curves[40:], 3, **SETTINGS)
    alone = forecast(Variant("ols"), curves[:40], curves[40:], 3, **{**SETTINGS, "uncertainties": ["level"]})
    assert list(made.pit) == ["loocv", "conformal", "level"]
    np.testing.assert_array_equal(made.y_hat, alone.y_hat)
    np.testing.assert_array_equal(made.pit["level"], alone.pit["level"])


def test_the_transform_of_a_normal_distribution_is_its_distribution_function():
    residuals = np.array([-1.0, 1.0, -2.0, 2.0])
    uncertainty = make_uncertainty("loocv", residuals, np.zeros(4))
    y, y_hat = np.array([0.3, -1.0, 2.0]), np.array([0.0, 1.0, 2.0])
    expected = norm(y_hat, np.sqrt(2.5)).cdf(y)
    np.testing.assert_allclose(probability_transform(uncertainty, y, y_hat), expected)


def test_baselines_are_asked_with_their_own_uncertainty(curves):
    made = forecast(Variant("last-seen"), curves[:40], curves[40:], 3, **SETTINGS)
    np.testing.assert_allclose(made.y_hat, curves.values[40:, 2])
    sigma = np.sqrt(np.mean((curves.final - curves.values[:, 2])[:40] ** 2))
    expected = norm(curves.values[40:, 2], sigma).cdf(curves.final[40:])
    np.testing.assert_allclose(made.pit["own"], expected)


def test_every_method_with_every_feature_set_and_baselines_once():
    made = variants(["ols", "last-seen"], [("TS",), ("TS", "AP")])
    assert made == [Variant("ols", ("TS",)), Variant("ols", ("TS", "AP")), Variant("last-seen")]
    assert [v.feature_names for v in made] == ["TS", "TS+AP", "-"]
    assert variants(["nu-svr-rbf"], [])[0].feature_names == "TS+AP+HP"


def test_feature_sets_are_written_with_plus():
    assert parse_features("HP+TS") == ("TS", "HP")
    with pytest.raises(PredictorError, match="XY"):
        parse_features("TS+XY")


def test_settings_are_for_the_search_of_nu_svr():
    assert Variant("nu-svr-linear").model(0, 7).n_settings == 7
    assert Variant("nu-svr-rbf").model(0, None).n_settings == 1000
    assert Variant("random-forest").model(0, 7).n_settings is None


def test_the_stack_is_told_with_all_features_that_its_members_have(curves):
    members = Variant("stacked").model(0, 3).fit(curves[:40], taus=[3]).model(3).members.values()
    used = {name for member in members for name in member.features.sets_}
    assert set(Variant("stacked").feature_names.split("+")) == used
    assert Variant("stacked", ("TS",)).feature_names == "TS"
