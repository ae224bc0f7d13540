import numpy as np
import pytest
from scipy.stats import t

from predictor.rules.envelope.student import StudentMixture, student_log_density


@pytest.fixture
def mixture():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(3), size=4).T
    return StudentMixture(
        weights, np.array([5.0, 5.0, 9.0, 30.0]), rng.normal(size=(3, 4)), rng.uniform(0.1, 2, (3, 4))
    )


def test_probabilities_are_those_of_scipy(mixture):
    parts = t.sf(0.7, mixture.df, mixture.locations, np.sqrt(mixture.squared_scales))
    np.testing.assert_allclose(mixture.exceeds(0.7), (mixture.weights * parts).sum(axis=0))


def test_far_tails_keep_their_order():
    far = StudentMixture(np.ones((1, 2)), np.full(2, 60.0), np.array([[-1e3, -1e4]]), np.ones((1, 2)))
    near, farther = far.exceeds(0.0)
    assert 0 < farther < near < 1e-30


def test_mean_and_variance_are_those_of_draws(mixture):
    rng = np.random.default_rng(1)
    for k in range(4):
        part = rng.choice(3, size=400_000, p=mixture.weights[:, k])
        draws = mixture.locations[part, k] + np.sqrt(mixture.squared_scales[part, k]) * rng.standard_t(
            mixture.df[k], len(part)
        )
        assert mixture.mean[k] == pytest.approx(draws.mean(), abs=0.01)
        assert mixture.variance[k] == pytest.approx(draws.var(), rel=0.03)


def test_the_density_is_that_of_scipy():
    x, location, variance = np.array([0.1, -3.0]), np.array([1.0, 2.0]), np.array([0.5, 4.0])
    np.testing.assert_allclose(
        student_log_density(x, 7.0, location, variance), t.logpdf(x, 7.0, location, np.sqrt(variance))
    )
