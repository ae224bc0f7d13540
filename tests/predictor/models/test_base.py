import numpy as np
import pytest
from scipy.stats import norm

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError, PredictorError
from predictor.models.base import Forecast, LastSeenValue, UnitScale


def test_forecast_is_the_mixture_of_its_normal_distributions():
    forecast = Forecast(means=np.array([[0.2, 0.5, 0.6]]), sigmas=np.array([[0.1, 0.2, 0.05]]))
    rng = np.random.default_rng(0)
    part = rng.integers(3, size=400_000)
    draws = rng.normal(forecast.means[0, part], forecast.sigmas[0, part])
    assert forecast.mean[0] == pytest.approx(draws.mean(), abs=2e-3)
    assert forecast.std[0] == pytest.approx(draws.std(), abs=2e-3)
    assert forecast.probability_below(0.45)[0] == pytest.approx(np.mean(draws <= 0.45), abs=3e-3)


def test_accuracies_keep_their_scale():
    scale = UnitScale.fit(LearningCurves(np.array([[0.1, 0.4]])))
    assert (scale.offset, scale.slope) == (0.0, 1.0)


@pytest.mark.parametrize("values", [[[200.0, 90.0], [150.0, 80.0]], [[50.0, 50.0], [50.0, 50.0]]])
def test_perplexities_are_mapped_into_the_unit_interval_and_back(values):
    curves = LearningCurves(np.array(values), metric="perplexity")
    scale = UnitScale.fit(curves)
    unit = scale.to_unit(curves.scores)
    assert unit.min() == pytest.approx(0.1)
    assert unit.max() <= 0.9 + 1e-12
    assert np.argmax(unit) == np.argmin(curves.values)
    np.testing.assert_allclose(curves.to_values(scale.to_scores(unit)), curves.values)


@pytest.mark.parametrize("n", [4, 10, 100])
def test_a_loss_that_exploded_leaves_the_scale_of_the_others_alone(n):
    losses = np.linspace(2.0, 0.5, 10) + np.linspace(0, 0.5, n)[:, None]
    before = UnitScale.fit(LearningCurves(losses, metric="loss"))
    losses[n // 2, 0] = 1e8
    curves = LearningCurves(losses, metric="loss")
    scale = UnitScale.fit(curves)
    assert before.slope / 2.5 < scale.slope <= before.slope
    assert scale.to_unit(curves.scores).min() == pytest.approx(0.1)


def test_percentages_are_not_taken_for_fractions():
    curves = LearningCurves(np.array([[10.0, 40.0, 80.0]]))
    assert UnitScale.fit(curves).to_unit(curves.scores).max() == pytest.approx(0.9)


def test_each_curve_is_looked_at_up_to_its_own_last_epoch():
    values = np.array([[0.1, 0.2, np.nan], [0.3, np.nan, np.nan], [0.1, 0.5, 0.9]])
    model = LastSeenValue().fit(LearningCurves(values))
    y_hat, std = model.predict(LearningCurves(values), return_std=True)
    np.testing.assert_array_equal(y_hat, [0.2, 0.3, 0.9])
    np.testing.assert_allclose(std, [0.4, 0.8, 0.0])


def test_probability_below_agrees_with_predict():
    values = np.array([[0.1, 0.2, np.nan], [0.1, 0.5, 0.9]])
    model = LastSeenValue().fit(LearningCurves(values))
    probability, y_hat = model.probability_below(LearningCurves(values), 0.6)
    np.testing.assert_array_equal(y_hat, model.predict(LearningCurves(values)))
    np.testing.assert_allclose(probability, [norm.cdf(0.6, 0.2, 0.4), 0.0])


@pytest.mark.parametrize(
    ("curves", "tau", "error", "quoted"),
    [
        (np.array([[0.1, 0.2, 0.3]]), 3, PredictorError, "tau = 3"),
        (np.array([[0.1, 0.2, 0.3]]), 0, PredictorError, "tau = 0"),
        (np.array([[0.1, np.nan, np.nan]]), 2, CurvesError, "1 epochs"),
        (np.full((1, 3), np.nan), None, CurvesError, "0 epochs"),
        (np.array([[0.1, 0.2]]), 1, CurvesError, "T = 2"),
    ],
)
def test_what_cannot_be_forecast_is_one_clear_line(curves, tau, error, quoted):
    model = LastSeenValue().fit(LearningCurves(np.array([[0.1, 0.2, 0.4]])))
    with pytest.raises(error, match=quoted) as caught:
        model.predict(LearningCurves(curves), tau)
    assert "\n" not in str(caught.value)


def test_one_epoch_leaves_nothing_to_predict():
    with pytest.raises(CurvesError, match="T = 1"):
        LastSeenValue().fit(LearningCurves(np.array([[0.3]])))


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


def test_a_baseline_refuses_curves_of_another_metric():
    model = LastSeenValue().fit(LearningCurves(VALUES))
    with pytest.raises(CurvesError, match=r"metric='loss' \(minimize\) are compared with .*'accuracy'"):
        model.predict(LearningCurves(VALUES, metric="loss"), tau=1)


def test_a_sigma_of_tiny_losses_is_tiny():
    losses = 1e-13 * np.array([[3.0, 2.0], [2.5, 2.0], [4.0, 1.0]])
    model = LastSeenValue().fit(LearningCurves(losses, metric="loss"))
    assert model.sigma_[0] == pytest.approx(1e-13 * np.sqrt((1 + 0.25 + 9) / 3))


def test_a_forecast_of_no_curves_is_refused():
    curves = LearningCurves(np.array([[0.1, 0.2, 0.3]]))
    with pytest.raises(CurvesError, match="no curves"):
        LastSeenValue().fit(curves).forecast(curves[:0], tau=1)
