import numpy as np
import pytest
from surrogate.curves import NEIGHBOURS, CurveModel

EPOCHS = np.arange(1, 9)
CHANCE = 0.1


@pytest.fixture(scope="module")
def records():
    """Features x of which the first decides how high a curve gets."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    height = 0.5 + 0.1 * np.tanh(X[:, 0]) + 0.05 * rng.standard_normal(300)
    return X, CHANCE + height[:, None] * (1 - 0.6**EPOCHS) + 0.004 * rng.standard_normal((300, 8))


@pytest.fixture(scope="module")
def model(records):
    return CurveModel.fit(*records, CHANCE)


def test_expected_curves_follow_the_features(model):
    low, high = (model.expected(np.array([x, 0.0, 0.0, 0.0])) for x in (-1.5, 1.5))
    assert high[-1] - low[-1] == pytest.approx(0.2 * np.tanh(1.5), abs=0.05)


def test_far_from_all_records_the_mean_is_expected(model, records):
    """The kernel vanishes there."""
    far = model.expected(np.full(4, 1e6))
    assert far == pytest.approx(np.median(records[1], axis=0), abs=0.02)


def test_deviations_and_noise_are_recorded_ones_of_networks_like_it(model):
    """Each number in [0, 1) picks one of NEIGHBOURS recorded networks, and all of them get picked."""
    x = np.zeros(4)
    grid = (np.arange(4 * NEIGHBOURS) + 0.5) / (4 * NEIGHBOURS)
    curves = {tuple(model.curve(x, x, u, 0.0)) for u in grid}
    jitters = {tuple(model.curve(x, x, 0.0, u)) for u in grid}
    assert len(curves) == len(jitters) == NEIGHBOURS
    ends = np.array([curve[-1] for curve in curves])
    assert np.std(ends) == pytest.approx(0.05, rel=0.25)
    assert np.std([curve[-1] for curve in jitters]) < 0.01


def test_curves_stay_between_chance_and_one(records):
    X, values = records
    extreme = np.clip(5 * (values - 0.5), CHANCE, 1.0)  # many of them at the limits
    model = CurveModel.fit(X, extreme, CHANCE)
    for x, u in zip(X, np.linspace(0, 0.999, len(X)), strict=True):
        curve = model.curve(3 * x, 3 * x, u, u)
        assert ((curve >= CHANCE) & (curve <= 1)).all()


def test_a_network_deviates_alike_at_every_rate(model):
    """What is chosen depends on the features at the first rate only."""
    first, slower = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, 0.0])

    def difference(features):
        low, high = (model.curve(features, first, u, 0.3) for u in (0.1, 0.9))
        return np.log((high - CHANCE) / (1 - high)) - np.log((low - CHANCE) / (1 - low))

    assert difference(slower) == pytest.approx(difference(first))


def test_a_feature_that_never_varies_does_not_matter(records):
    X, values = records
    constant = np.column_stack([X, np.full(len(X), 7.0)])
    one, other = CurveModel.fit(X, values, CHANCE), CurveModel.fit(constant, values, CHANCE)
    assert other.expected(constant[0]) == pytest.approx(one.expected(X[0]))


def test_fewer_records_than_neighbours(records):
    X, values = records
    model = CurveModel.fit(X[:30], values[:30], CHANCE)
    assert np.isfinite([model.curve(X[40], X[40], u, u) for u in (0.0, 0.5, 0.999)]).all()
