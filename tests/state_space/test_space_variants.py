"""The options of the authors' code: small spaces, in which all walks are compared with all sequences."""

import re
from itertools import product

import pytest

from state_space import (
    Architecture,
    Convolution,
    FullyConnected,
    GlobalAveragePooling,
    Pooling,
    Softmax,
    StateSpace,
)

TERMINALS = (GlobalAveragePooling, Softmax)


def walks(space):
    """The chosen layers of all walks, whole or cut off."""
    open_ends = [(space.start(), ())]
    while open_ends:
        state, chosen = open_ends.pop()
        yield chosen
        following = [layer for layer in space.actions(state) if not isinstance(layer, TERMINALS)]
        open_ends += [(space.step(state, layer), (*chosen, layer)) for layer in following]


def everything(space):
    """All sequences of layers that the space knows."""
    variant = {"padded": space.conv_padding == "same", "batch_norm": space.batch_norm}
    layers = [
        *(Convolution(d, f, **variant) for d in space.conv_widths for f in space.conv_sizes),
        *(Pooling(*pair) for pair in space.pools),
        *map(FullyConnected, space.fc_widths),
    ]
    for number in range(space.layer_limit + 1):
        yield from product(layers, repeat=number)


def may_be(space, layers):
    """Whether the order of the kinds and the size of every map allow that sequence."""
    kinds = "".join(str(layer)[0] for layer in layers)  # C or V, P, F
    first = "CVP" if space.initial_pooling else "CV"
    order = rf"([{first}][CVP]*F{{0,{space.max_fc}}})?"
    if not re.fullmatch(order, kinds) or ("PP" in kinds and not space.consecutive_pooling):
        return False
    side, widest = space.image_size, None
    for layer in layers:
        if isinstance(layer, FullyConnected):
            if side >= space.fc_below or (widest is not None and layer.width > widest):
                return False
            widest = layer.width
        elif layer.size >= side:
            return False
        elif isinstance(layer, Pooling) or not layer.padded:
            side = len(range(0, side - layer.size + 1, layer.stride))
    return True


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("initial", [False, True])
@pytest.mark.parametrize("consecutive", [False, True])
@pytest.mark.parametrize("max_fc", [0, 1, 3])
def test_walks_lead_to_exactly_the_sequences_that_are_allowed(padding, initial, consecutive, max_fc):
    space = StateSpace(
        conv_widths=(2,), conv_sizes=(1, 3), pools=((2, 2), (3, 1)), fc_widths=(4, 2), max_fc=max_fc,
        layer_limit=4, fc_below=6, image_size=7, num_classes=2, conv_padding=padding,
        batch_norm=initial, initial_pooling=initial, consecutive_pooling=consecutive,
    )  # fmt: skip
    expected = [layers for layers in everything(space) if may_be(space, layers)]
    assert sorted(walks(space), key=str) == sorted(expected, key=str)
    assert len(expected) > 50


def test_a_network_belongs_to_the_space_of_its_variant_alone():
    texts = {"C(64,3,1)": {}, "V(64,3,1)": {"conv_padding": "valid"}, "CB(64,3,1)": {"batch_norm": True}}
    for text, options in texts.items():
        space = StateSpace(**options)
        assert [other for other in texts if space.contains(Architecture.parse(f"{other}, SM(10)"))] == [text]
