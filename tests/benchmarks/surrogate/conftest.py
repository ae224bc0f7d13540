"""Records made by a known rule, so that it is known what a surrogate must learn from them."""

import numpy as np
import pytest
from surrogate import SurrogateTrainer

from state_space import preset

T = 8
SPACE = preset("cifar10")
RATES = 1e-3 * 0.4 ** np.arange(5)


def networks(count, seed):
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(count)]


def heights(architectures):
    """The rule: deep networks and networks with GAP are better."""
    depth = np.array([a.depth for a in architectures])
    gap = np.array([str(a).count("GAP") for a in architectures])
    return 0.3 + 0.02 * depth + 0.1 * gap


def curves(heights, spread, seed):
    """y_t = height (1 - 0.5^t), with a deviation for each network and a tenth of it as jitter."""
    rng = np.random.default_rng(seed)
    deviations = spread * rng.standard_normal((len(heights), 1))
    jitter = spread / 10 * rng.standard_normal((len(heights), T))
    return (heights[:, None] + deviations) * (1 - 0.5 ** np.arange(1, T + 1)) + 0.1 + jitter


@pytest.fixture(scope="session")
def make():
    """make.networks(count, seed), make.heights(networks), make.curves(heights, spread, seed)."""

    class Make:
        pass

    Make.networks, Make.heights, Make.curves = (staticmethod(f) for f in (networks, heights, curves))
    Make.T, Make.RATES = T, RATES
    return Make


@pytest.fixture(scope="session")
def records():
    """200 networks, their curves, and their learning rates: every other one needed two attempts."""
    known = networks(200, seed=0)
    return known, curves(heights(known), 0.02, seed=1), RATES[np.arange(200) % 2]


@pytest.fixture(scope="session")
def trainer(records):
    return SurrogateTrainer.fit(*records)
