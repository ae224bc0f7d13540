import numpy as np
import pytest

from state_space import StateSpace, StateSpaceError


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("conv_widths", (), "conv_widths must name at least one number"),
        ("conv_widths", 64, "conv_widths must be a sequence of whole numbers, not 64"),
        ("conv_widths", (64, 0), "each of conv_widths must be a whole number from 1 to 99999, not 0"),
        ("conv_widths", (64, 64), "conv_widths must not repeat a value, but it repeats 64"),
        ("conv_sizes", (1, 2), "conv_sizes must be odd numbers, but 2 is even"),
        ("conv_sizes", (33, 35), "no convolution fits"),
        ("pools", (2, 2), "pools must be (receptive field, stride) pairs, but 2 is not one"),
        ("pools", ((2, 2, 2),), "pairs, but (2, 2, 2) is not one"),
        ("pools", ((2, 0),), "a stride in pools must be a whole number from 1"),
        ("pools", ((2, 2), (2, 2)), "pools must not repeat a value, but it repeats (2, 2)"),
        ("pools", "ab", "pools must be (receptive field, stride) pairs, not 'ab'"),
        ("fc_widths", ("512",), "each of fc_widths must be a whole number from 1 to 99999, not '512'"),
        ("max_fc", -1, "max_fc must be a whole number from 0 to 500, not -1"),
        ("layer_limit", 0, "layer_limit must be a whole number from 1 to 500, not 0"),
        ("layer_limit", True, "layer_limit must be a whole number from 1 to 500, not True"),
        ("fc_below", 0, "fc_below must be a whole number from 1"),
        ("image_size", 32.0, "image_size must be a whole number from 2 to 99999, not 32.0"),
        ("channels", 0, "channels must be a whole number from 1 to 99999, not 0"),
        ("conv_padding", "vaild", "conv_padding must be same or valid, not 'vaild'; did you mean 'valid'?"),
        ("conv_padding", 0, "conv_padding must be same or valid, not 0"),
        ("batch_norm", 1, "batch_norm must be True or False, not 1"),
        ("initial_pooling", "no", "initial_pooling must be True or False, not 'no'"),
        ("num_classes", 1, "num_classes must be a whole number from 2 to 99999, not 1"),
    ],
)
def test_a_value_of_no_use_is_refused_by_name(field, value, words):
    with pytest.raises(StateSpaceError) as caught:
        StateSpace(**{field: value})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lists_and_numpy_numbers_become_plain_values():
    space = StateSpace(conv_widths=[np.int64(64), 128, 256, 512], pools=[[5, 3], [3, 2], [2, 2]])
    assert space == StateSpace()
    assert hash(space) == hash(StateSpace())
    assert type(space.conv_widths[0]) is int


def test_a_space_without_pooling_or_dense_layers_is_a_space():
    space = StateSpace(pools=(), fc_widths=())
    network = space.sample(np.random.default_rng(0))
    assert space.contains(network)


def test_a_convolution_must_be_smaller_than_the_image():
    """As in every other map: one as large as the image is never offered."""
    with pytest.raises(StateSpaceError, match="no convolution fits"):
        StateSpace(conv_sizes=(3,), image_size=3)
    space = StateSpace(conv_widths=(8,), conv_sizes=(3, 5), image_size=4)
    assert [str(action) for action in space.actions(space.start())] == ["C(8,3,1)"]
