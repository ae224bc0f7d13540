import numpy as np
import pytest

from predictor import LearningCurves, PredictorError, make_method
from predictor.models.base import BaselinePredictor
from predictor.models.names import METHODS, PREDICTORS, make_predictor
from predictor.models.regressors import ForestSearch


def few(name):
    if name == "stacked":
        return make_method(name, n_settings=3)
    if name == "random-forest":
        return make_method(name, regressor=ForestSearch(n_settings=1, trees=(10, 20)))
    return make_method(name, n_settings=3)


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("metric", ["accuracy", "perplexity"])
def test_every_method_predicts_any_metric(make_curves, name, metric):
    curves = make_curves(40, 5, seed=3)
    if metric == "perplexity":
        curves = LearningCurves(
            np.exp(6 - curves.values), curves.architecture, curves.hyperparameters, metric
        )
    y_hat, std = few(name).fit(curves[:30], taus=[3]).predict(curves[30:], 3, return_std=True)
    assert np.isfinite(y_hat).all()
    assert np.all(std > 0)


def test_the_published_methods_use_the_published_features_and_settings():
    for name in ("nu-svr-rbf", "nu-svr-linear", "ols"):
        model = make_method(name)
        assert (model.features, model.target, model.uncertainty) == (("TS", "AP", "HP"), "final", "loocv")
        assert model.n_settings == 1000
        assert not model.hold_flat


def test_arguments_can_be_changed():
    assert make_method("ols", features=("TS",)).features == ("TS",)


def test_unknown_methods_are_refused():
    with pytest.raises(PredictorError, match="'lstm'"):
        make_method("lstm")


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_can_be_made_with_a_seed(name):
    model = make_predictor(name, 7)
    assert isinstance(model, BaselinePredictor)
    assert model.get_params().get("random_state", 7) == 7


def test_an_unknown_name_is_quoted():
    with pytest.raises(PredictorError, match="'last-sene' is not known; expected one of"):
        make_predictor("last-sene")
