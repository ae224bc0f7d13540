from dataclasses import replace

import pytest

from state_space import FullyConnected, Pooling, State

STATE = State("C", 3, 5, 1, 64, 0, 15, False)


@pytest.mark.parametrize(("sizes", "size_bin"), [((8, 9, 15, 32, 224), 8), ((4, 5, 6, 7), 4), ((1, 2, 3), 1)])
def test_the_agent_sees_the_bin_of_the_size(sizes, size_bin):
    views = {replace(STATE, size=size).observed for size in sizes}
    assert len(views) == 1
    assert views.pop().size_bin == size_bin


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "P"},
        {"depth": 4},
        {"receptive_field": 3},
        {"stride": 2},
        {"width": 128},
        {"fc_count": 1},
        {"size": 7},
        {"size": 3},
        {"terminated": True},
    ],
)
def test_everything_else_is_seen(change):
    assert replace(STATE, **change).observed != STATE.observed


def test_states_of_different_true_size_differ_though_they_look_alike():
    other = replace(STATE, size=16)
    assert other != STATE
    assert (other.observed, hash(other.observed)) == (STATE.observed, hash(STATE.observed))


def test_after_a_dense_layer_the_size_of_the_map_before_it_is_not_seen():
    views = {replace(STATE, size=size).after(FullyConnected(64)).observed for size in (2, 7)}
    assert [view.size_bin for view in views] == [1]


def test_after_pooling_the_width_of_the_convolution_before_it_is_not_seen():
    views = {replace(STATE, width=width).after(Pooling(2, 2)).observed for width in (64, 128)}
    assert [(view.width, view.receptive_field, view.stride) for view in views] == [(0, 2, 2)]
