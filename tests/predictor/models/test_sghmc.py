import numpy as np
import pytest

from predictor.errors import PredictorError
from predictor.models.sghmc import ScaleAdaptedSGHMC


def moments(sampler, theta, gradient, n_steps, seed=0):
    """(d,) mean and standard deviation of the chain."""
    total, squares = np.zeros_like(theta), np.zeros_like(theta)
    for sample in sampler.run(theta, gradient, n_steps, np.random.default_rng(seed)):
        total += sample
        squares += sample**2
    mean = total / n_steps
    return mean, np.sqrt(squares / n_steps - mean**2)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (3.0, 0.2), (-2.0, 5.0)])
def test_samples_a_gaussian_from_exact_gradients(mean, sd):
    theta = np.full(200, mean + sd)  # 200 independent copies
    sampler = ScaleAdaptedSGHMC(
        epsilon=0.03 * np.sqrt(sd), alpha=0.05, burn_in=1000
    )  # epsilon^4 hardly counts
    found, spread = moments(sampler, theta, lambda: (theta - mean) / sd**2, 6000)
    assert found.mean() == pytest.approx(mean, abs=0.05 * sd)
    assert np.sqrt(np.mean(spread**2 + (found - mean) ** 2)) == pytest.approx(sd, rel=0.1)


def test_samples_the_posterior_of_a_mean_from_mini_batches():
    rng = np.random.default_rng(1)
    data = rng.normal(0.7, 1.0, size=(400, 100))  # 100 independent problems
    theta = np.zeros(100)

    def gradient():
        batch = data[rng.integers(len(data), size=40)]
        return len(data) * (theta - batch.mean(axis=0))

    mean, spread = moments(ScaleAdaptedSGHMC(epsilon=0.01, alpha=0.05, burn_in=1000), theta, gradient, 10000)
    posterior_sd = 1 / np.sqrt(len(data))
    assert np.abs(mean - data.mean(axis=0)).max() < posterior_sd
    assert np.sqrt(np.mean(spread**2)) == pytest.approx(posterior_sd, rel=0.15)


def test_draws_come_from_the_generator_alone():
    def chain(seed):
        theta = np.zeros(3)
        sampler = ScaleAdaptedSGHMC(epsilon=0.01, alpha=0.05, burn_in=5)
        steps = sampler.run(theta, lambda: theta, 5, np.random.default_rng(seed))
        return np.array([sample.copy() for sample in steps])

    np.testing.assert_array_equal(chain(1), chain(1))
    assert not np.array_equal(chain(1), chain(2))


@pytest.mark.parametrize("setting", [{"epsilon": 0.0}, {"alpha": 1.0}, {"burn_in": 0}])
def test_impossible_settings_are_quoted(setting):
    (name, value), *_ = setting.items()
    with pytest.raises(PredictorError, match=f"{name} = {value}"):
        ScaleAdaptedSGHMC(**{"epsilon": 0.01, "alpha": 0.05, "burn_in": 3000, **setting})
