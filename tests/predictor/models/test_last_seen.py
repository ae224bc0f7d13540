import numpy as np
import pytest

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError
from predictor.models.last_seen import LastSeenValue

VALUES = np.array([[0.1, 0.3, 0.5], [0.2, 0.2, 0.9], [0.6, np.nan, np.nan]])


def test_the_forecast_is_the_last_value_and_sigma_the_root_mean_square_of_what_was_still_to_come():
    model = LastSeenValue().fit(LearningCurves(VALUES))
    y_hat, std = model.predict(LearningCurves(VALUES), tau=1, return_std=True)
    np.testing.assert_array_equal(y_hat, [0.1, 0.2, 0.6])
    np.testing.assert_allclose(std, np.sqrt((0.4**2 + 0.7**2) / 2))
    assert model.sigma_[1] == pytest.approx(np.sqrt((0.2**2 + 0.7**2) / 2))


def test_perplexities_are_forecast_on_the_log_scale():
    curves = LearningCurves(np.array([[100.0, 80.0]]), metric="perplexity")
    y_hat = LastSeenValue().fit(curves).predict(curves, tau=1)
    assert curves.to_values(y_hat)[0] == pytest.approx(100.0)


def test_without_a_completed_curve_there_is_no_sigma():
    with pytest.raises(CurvesError, match="none of 1 curves is completed"):
        LastSeenValue().fit(LearningCurves(VALUES[2:]))
