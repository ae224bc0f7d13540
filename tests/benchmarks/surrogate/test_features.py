from math import log

import numpy as np
import pytest
from surrogate.features import FEATURES, architecture_features

from state_space import Architecture, preset

IMAGES = (3, 32, 32)
NETWORK = Architecture.parse(
    "[C(64,5,1), C(128,1,1), D(1,5), P(5,3), C(256,3,1), D(2,5), P(2,2), C(512,3,1), D(3,5), "
    "FC(128), D(4,5), SM(10)]"
)


def named(architecture, shape=IMAGES):
    return dict(zip(FEATURES, architecture_features(architecture, shape), strict=True))


def test_a_network_counted_by_hand():
    """Sides 32, 32, 10, 10, 5, 5; fields 5, 5, 9 (stride 3), 15, 18 (stride 6), 30."""
    weights = 64 * 3 * 25 + 128 * 64 + 256 * 128 * 9 + 512 * 256 * 9 + 128 * 512 * 25
    assert named(NETWORK) == pytest.approx(
        {
            "log weights, terminal excluded": log(weights + 1),
            "convolutions": 4,
            "1x1 convolutions": 1,
            "convolutions before the first pooling": 2,
            "those larger than 1x1": 1,
            "convolutions after two or more poolings": 1,
            "5x5 poolings": 1,
            "place of the last pooling, as a share of the chosen layers; 1.5 without": 5 / 7,
            "fully connected layers": 1,
            "global average pooling": 0,
            "log side of the last feature map": log(5),
            "log receptive field": log(30),
            "mean log2 width of the convolutions": (6 + 7 + 8 + 9) / 4,
            "log2 width of the first convolution": 6,
            "size of the first convolution": 5,
            "size of the last convolution": 3,
            "dropout layers": 4,
            "sum of the dropout rates": (1 + 2 + 3 + 4) / 10,
        }
    )


def test_weights_are_those_of_the_architecture_without_its_terminal():
    rng = np.random.default_rng(0)
    for _ in range(200):
        network = preset("cifar10").sample(rng)
        chosen = sum(s.weights for s in network.stages(IMAGES) if s.layer in network.chosen)
        assert named(network)["log weights, terminal excluded"] == pytest.approx(log(chosen + 1))


def test_a_network_without_a_convolution_has_features_too():
    dense = named(Architecture.parse("[FC(64), FC(32), SM(10)]"), (1, 4, 4))
    assert dense["log weights, terminal excluded"] == pytest.approx(log(16 * 64 + 64 * 32 + 1))
    assert dense["convolutions"] == dense["size of the first convolution"] == 0


@pytest.mark.parametrize("name", ["cifar10", "svhn", "laptop", "first-run"])
def test_every_network_of_every_space_has_finite_features(name):
    space, rng = preset(name), np.random.default_rng(0)
    for _ in range(200):
        features = architecture_features(space.sample(rng), space.input_shape)
        assert np.isfinite(features).all()
