import numpy as np
import pytest

from predictor import LearningCurves


def synthetic_curves(n: int, T: int, seed: int) -> LearningCurves:
    """Saturating accuracy curves whose limit depends on depth, weights and rate, with a little noise."""
    rng = np.random.default_rng([seed, n, T])
    depth, lr = rng.integers(2, 12, n).astype(float), rng.choice([1e-3, 4e-4], n)
    weights = np.exp(rng.uniform(10, 15, n))
    limit = 0.3 + 0.04 * depth + 0.01 * np.log(weights) - 100 * (1e-3 - lr)
    speed = rng.uniform(0.1, 0.6, n)
    t = np.arange(1, T + 1)
    values = limit[:, None] * (1 - np.exp(-speed[:, None] * t)) + rng.normal(0, 0.004, (n, T))
    return LearningCurves(
        np.clip(values, 0.01, 1),
        {"depth": depth, "num_params": weights},
        {"lr": lr},
        names=[f"net {i}" for i in range(n)],
    )


@pytest.fixture(scope="session")
def make_curves():
    return synthetic_curves


@pytest.fixture(scope="session")
def curves():
    return synthetic_curves(60, 8, seed=0)
