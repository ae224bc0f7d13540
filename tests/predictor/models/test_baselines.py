import pytest

from predictor.errors import PredictorError
from predictor.models.base import BaselinePredictor
from predictor.models.names import PREDICTORS, make_predictor


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_can_be_made_with_a_seed(name):
    model = make_predictor(name, 7)
    assert isinstance(model, BaselinePredictor)
    assert model.get_params().get("random_state", 7) == 7


def test_an_unknown_name_is_quoted():
    with pytest.raises(PredictorError, match="'last-sene' is not known; expected one of"):
        make_predictor("last-sene")
