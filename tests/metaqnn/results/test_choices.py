"""Choices in numbers, and which of them matter."""

import numpy as np
import pytest

from metaqnn.results.choices import choices, importance
from state_space import StateSpace
from state_space.errors import StateSpaceError

SPACE = StateSpace(channels=3, image_size=32, num_classes=10)


@pytest.fixture(scope="module")
def networks():
    rng = np.random.default_rng(0)
    return list(dict.fromkeys(str(SPACE.sample(rng)) for _ in range(400)))


def test_a_network_in_numbers():
    assert choices("[C(64,3,1), C(128,1,1), P(2,2), C(64,5,1), FC(128), SM(10)]") == {
        "layers": 5,
        "convolutions": 3,
        "pooling layers": 1,
        "fully connected layers": 1,
        "filters per convolution": pytest.approx(256 / 3),
        "receptive field": 3,
    }
    assert set(choices("[SM(10)]").values()) == {0}


@pytest.mark.parametrize("name", ["pooling layers", "filters per convolution"])
def test_what_the_accuracy_was_made_of_matters_most(networks, name):
    values = np.array([choices(network)[name] for network in networks])
    noise = 0.01 * np.random.default_rng(1).standard_normal(len(values))
    found = importance(networks, list(0.5 + 0.1 * values / values.max() + noise))
    assert next(iter(found.losses)) == name
    assert found.explained > 0.5
    assert list(found.losses.values()) == sorted(found.losses.values(), reverse=True)


def test_noise_is_explained_by_nothing(networks):
    found = importance(networks, list(np.random.default_rng(2).random(len(networks))))
    assert found.explained < 0.15
    assert max(found.losses.values()) < 0.15  # measured on other networks than it learned from


def test_the_same_networks_have_the_same_importances(networks):
    accuracies = list(np.random.default_rng(3).random(40))
    assert importance(networks[:40], accuracies) == importance(networks[:40], accuracies)


def test_text_that_is_no_network_is_refused():
    with pytest.raises(StateSpaceError):
        importance(["[SM(10)]", "<b>", "[SM(10)]", "<b>"], [0.1] * 4)
