"""Messages about names."""

import pytest

from predictor import PredictorError, make_method
from predictor.models.names import make_predictor
from predictor.models.regressors import make_regressor
from predictor.models.uncertainty import make_uncertainty


@pytest.mark.parametrize(
    ("make", "wrong", "right"),
    [
        (make_method, "stakced", "stacked"),
        (make_predictor, "last-sene", "last-seen"),
        (lambda name: make_regressor(name, None, 0), "robustgp", "robust-gp"),
        (lambda name: make_uncertainty(name, None, None), "conformul", "conformal"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_one(make, wrong, right):
    with pytest.raises(PredictorError, match=rf"'{wrong}' is not known; .*\]; did you mean '{right}'\?$"):
        make(wrong)
    with pytest.raises(PredictorError, match=r"'xyzzy' is not known; expected one of \[[^]]+\]$"):
        make("xyzzy")
