"""What a search costs, against counting by hand."""

import pytest

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.session.estimate import floating_point_work, mean_macs, processor_speed
from state_space import StateSpace

ONE = StateSpace(conv_widths=(8,), conv_sizes=(1,), layer_limit=1, image_size=4, channels=3)
CONV = 4 * 4 * 3 * 8
GAP, SM = CONV + 4 * 4 * 8 * 10, CONV + 4 * 4 * 8 * 10
"""On a 4x4 map, GAP's 1x1 convolution to 10 classes and SM's dense layer cost the same."""


def test_the_mean_over_networks():
    assert mean_macs(ONE) == GAP == SM


def test_work_is_three_passes_of_two_operations_per_image_epoch_and_network():
    config = SearchConfig.of(epochs=7, schedule=EpsilonSchedule.parse("1.0:11,0.1:2"))
    assert floating_point_work(config, ONE, images=50) == pytest.approx(GAP * 2 * 3 * 50 * 7 * 13)


def test_this_processor_has_a_credible_speed():
    assert 1e8 < processor_speed(side=256) < 1e14
