import pytest

from predictor.baselines import PREDICTORS, RULES, BaselinePredictor, LceRule, make_predictor, make_rule
from predictor.errors import PredictorError
from predictor.stopping import StoppingRule


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_can_be_made_with_a_seed(name):
    model = make_predictor(name, 7)
    assert isinstance(model, BaselinePredictor)
    assert model.get_params().get("random_state", 7) == 7


@pytest.mark.parametrize("name", RULES)
def test_every_rule_can_be_made(name):
    assert isinstance(make_rule(name), StoppingRule)


def test_the_seed_reaches_the_extrapolation():
    rule = make_rule("lce", 5)
    assert isinstance(rule, LceRule)
    assert rule.model.random_state == 5


@pytest.mark.parametrize("make", [make_predictor, make_rule])
def test_an_unknown_name_is_quoted(make):
    with pytest.raises(PredictorError, match="'medain' is not known; expected one of"):
        make("medain")
