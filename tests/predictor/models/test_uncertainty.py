import numpy as np
import pytest
from scipy.stats import norm

from predictor import PredictorError
from predictor.models.uncertainty import make_uncertainty

RNG = np.random.default_rng(0)


def test_loocv_is_the_closed_form():
    residuals = np.array([0.1, -0.2, 0.05])
    spread = make_uncertainty("loocv", residuals, np.zeros(3))
    sigma = np.sqrt((0.01 + 0.04 + 0.0025) / 3)
    y_hat = np.array([0.5, 0.8])
    np.testing.assert_allclose(spread.std(y_hat), sigma)
    np.testing.assert_allclose(spread.probability_below(0.7, y_hat), norm.cdf((0.7 - y_hat) / sigma))


def test_conformal_counts_residuals_and_is_never_certain():
    spread = make_uncertainty("conformal", np.array([-2.0, -1.0, 0.0, 1.0]), np.zeros(4))
    y_hat = np.array([0.0, 1.5, 9.0, -9.0])
    np.testing.assert_allclose(spread.probability_below(0.0, y_hat), [0.6, 0.2, 0.0, 0.8])


def test_conformal_holds_its_promise_on_skewed_errors():
    """Of thresholds declared safe with probability p, about 1 - p are exceeded, whatever the errors."""
    exceeded = []
    for _ in range(400):
        errors = RNG.exponential(size=60) - 1
        spread = make_uncertainty("conformal", errors[:-1], np.zeros(59))
        candidates = np.linspace(-1, 6, 200)
        safe = [b for b in candidates if spread.probability_below(b, np.zeros(1))[0] >= 0.9]
        exceeded.append(errors[-1] > safe[0])
    assert 0.05 < np.mean(exceeded) < 0.15


def test_level_is_the_closed_form():
    residuals, levels = np.array([0.1, -0.2, 0.05]), np.array([0.2, 0.5, 0.9])
    overall, bandwidth = np.mean(residuals**2), 0.5 * np.std(levels)
    weights = np.exp(-((0.6 - levels) ** 2) / (2 * bandwidth**2))
    expected = np.sqrt((weights @ residuals**2 + 5 * overall) / (weights.sum() + 5))
    spread = make_uncertainty("level", residuals, levels)
    np.testing.assert_allclose(spread.std(np.array([0.6])), expected)


def test_level_follows_errors_that_shrink_towards_the_top():
    levels = np.linspace(0, 1, 200)
    residuals = RNG.normal(size=200) * np.where(levels > 0.5, 0.01, 0.1)
    spread = make_uncertainty("level", residuals, levels)
    low, high = spread.std(np.array([0.0, 1.0]))
    assert 0.08 < low < 0.13
    assert high < 0.05


def test_level_is_the_overall_sigma_where_nothing_was_seen():
    residuals = RNG.normal(size=50)
    spread = make_uncertainty("level", residuals, np.zeros(50) + 1e-3 * RNG.normal(size=50))
    np.testing.assert_allclose(spread.std(np.array([100.0])), np.sqrt(np.mean(residuals**2)))


@pytest.mark.parametrize("name", ["loocv", "conformal", "level"])
def test_perfect_models_do_not_divide_by_zero(name):
    spread = make_uncertainty(name, np.zeros(5), np.ones(5))
    below = spread.probability_below(1.0, np.array([0.5, 1.5]))
    assert below[0] >= 5 / 6
    assert below[1] == 0
    assert np.isfinite(spread.std(np.array([1.0]))).all()


@pytest.mark.parametrize("name", ["loocv", "conformal", "level"])
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-13, 0.5, 1e6])
def test_what_rounding_leaves_of_equal_results_is_nothing_beside_sigma(name, size):
    """A network as good as all others is not certain to be worse than they are."""
    sigma = make_uncertainty(name, np.zeros(5), np.full(5, size)).std(np.array([size]))[0]
    assert 4 * np.spacing(size) < sigma <= 1e-12 * max(size, 1.0)


@pytest.mark.parametrize("name", ["loocv", "conformal", "level"])
def test_the_smallest_sigma_does_not_know_the_sign_of_scores(name):
    """Scores of losses are negative."""
    losses, accuracies = (make_uncertainty(name, np.zeros(5), np.full(5, y)) for y in (-1e-3, 1e-3))
    assert losses.std(np.array([-1e-3])) == accuracies.std(np.array([1e-3])) == pytest.approx(1e-15)


def test_unknown_names_are_refused():
    with pytest.raises(PredictorError, match="'bayes'"):
        make_uncertainty("bayes", np.zeros(3), np.zeros(3))
