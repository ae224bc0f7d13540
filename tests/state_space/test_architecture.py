import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_space import (
    Architecture,
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    NotationError,
    Pooling,
    ShapeError,
    Softmax,
    preset,
)


def test_a_published_network_has_its_published_text_and_counts(published):
    text, num_params, depth = published
    network = Architecture.parse(text)
    assert (str(network), network.num_params, network.depth) == (text, num_params, depth)


@pytest.mark.data
def test_all_published_networks_have_their_published_text_and_counts():
    folder = os.environ.get("METAQNN_DATA_DIR")
    if not folder:
        pytest.skip("METAQNN_DATA_DIR is not set")
    with (Path(folder) / "curves" / "metaqnn_cifar10.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1000
    space = preset("cifar10")
    for row in rows:
        network = Architecture.parse(row["net"])
        assert (str(network), network.num_params, network.depth) == (
            row["net"],
            int(row["num_params"]),
            int(row["depth"]),
        )
        assert space.explain(network) is None
    as_ruled = [
        Architecture.with_dropout(network.chosen, network.terminal) == network
        for network in (Architecture.parse(row["net"]) for row in rows)
    ]
    assert 0.75 < sum(as_ruled) / len(rows) < 0.77


@pytest.mark.parametrize(
    ("chosen", "terminal", "text"),
    [
        ([], Softmax(10), "[SM(10)]"),
        ([Convolution(8, 1)], Softmax(10), "[C(8,1,1), SM(10)]"),
        (
            [Convolution(8, 1), Pooling(2, 2), Convolution(8, 3)],
            GlobalAveragePooling(3),
            "[C(8,1,1), P(2,2), D(1,2), C(8,3,1), GAP(3), SM(3)]",
        ),
        (
            [Convolution(8, 1), FullyConnected(9), FullyConnected(9)],
            Softmax(2),
            "[C(8,1,1), FC(9), D(1,3), FC(9), D(2,3), SM(2)]",
        ),
    ],
)
def test_dropout_is_placed_by_rule(chosen, terminal, text):
    assert str(Architecture.with_dropout(chosen, terminal)) == text


def test_most_published_networks_have_dropout_by_rule_and_some_do_not():
    by_rule = Architecture.parse("[C(64,1,1), P(2,2), D(1,2), C(64,5,1), P(3,2), D(2,2), SM(10)]")
    assert Architecture.with_dropout(by_rule.chosen, by_rule.terminal) == by_rule
    other = Architecture.parse("[C(256,5,1), C(256,3,1), D(1,1), C(128,5,1), GAP(10), SM(10)]")
    assert other.layers[2] == Dropout(1, 1)  # the rule says D(1,2); what was read wins
    assert Architecture.with_dropout(other.chosen, other.terminal) != other


def test_missing_dropout_stays_missing_and_changes_no_count(published):
    text, num_params, depth = published
    network = Architecture.parse(text)
    bare = Architecture(tuple(layer for layer in network.layers if not isinstance(layer, Dropout)))
    assert "D(" not in str(bare)
    assert (bare.num_params, bare.depth, bare.chosen) == (num_params, depth, network.chosen)
    assert bare.parameters((3, 32, 32)) == network.parameters((3, 32, 32))


def test_architectures_are_values(published):
    one, other = Architecture.parse(published[0]), Architecture.parse(published[0])
    assert one == other
    assert hash(one) == hash(other)
    assert one != Architecture.parse("C(64,1,1), SM(10)")


def test_counts_of_a_small_network_by_hand():
    network = Architecture.parse("C(4,3,1), P(2,2), C(6,1,1), FC(5), D(1,1), SM(7)")
    conv1, conv2 = 3 * 3 * 2 * 4, 1 * 1 * 4 * 6
    dense, softmax = 3 * 3 * 6 * 5, 5 * 7
    assert network.weights((2, 6, 6)) == conv1 + conv2 + dense + 5 * 5
    assert network.parameters((2, 6, 6), 7) == conv1 + 4 + conv2 + 6 + dense + 5 + softmax + 7
    assert network.macs((2, 6, 6), 7) == conv1 * 36 + conv2 * 9 + dense + softmax


def test_counts_of_variants_by_hand():
    network = Architecture.parse("VB(4,3,1), P(2,2), CB(6,1,1), SM(7)")
    conv1, conv2, softmax = 3 * 3 * 2 * 4, 4 * 6, 6 * 2 * 2 * 7
    assert network.weights((2, 6, 6)) == conv1 + conv2 + 6 * 6  # as published: normalisations do not count
    assert network.parameters((2, 6, 6)) == conv1 + 3 * 4 + conv2 + 3 * 6 + softmax + 7
    assert network.macs((2, 6, 6)) == conv1 * 16 + conv2 * 4 + softmax
    assert network.depth == 4


def test_normalised_changes_convolutions_alone():
    network = Architecture.parse("[C(4,3,1), P(2,2), D(1,2), VB(6,1,2), FC(5), D(2,2), SM(7)]")
    expected = "[CB(4,3,1), P(2,2), D(1,2), VB(6,1,2), FC(5), D(2,2), SM(7)]"
    assert str(network.normalised()) == expected
    assert network.normalised().normalised() == network.normalised()


@pytest.mark.parametrize(
    ("ending", "extra"),
    [("C(4,3,1), SM(9)", 4 * 4 * 3 * 3), ("C(4,3,1), P(2,2), SM(9)", 0), ("C(4,3,1), GAP(9), SM(9)", 4 * 9)],
)
def test_the_published_count_copies_the_layer_before_softmax(ending, extra):
    assert Architecture.parse(ending).num_params == 3 * 4 * 9 + extra


def test_without_a_number_of_classes_the_notation_gives_it(published):
    network = Architecture.parse(published[0])
    assert network.parameters((3, 32, 32)) == network.parameters((3, 32, 32), 10)
    assert network.macs((3, 32, 32)) == network.macs((3, 32, 32), 10)
    assert network.parameters((3, 32, 32), 100) > network.parameters((3, 32, 32), 10)


def torch_network(network, classes):
    """The network in torch's lazy layers, which find their own input sizes."""
    from torch import nn

    modules, averaged = [], False
    for layer in network.layers:
        match layer:
            case Convolution(width, size, stride):
                padding = size // 2 if layer.padded else 0
                norm = [nn.LazyBatchNorm2d()] if layer.batch_norm else []
                modules += [nn.LazyConv2d(width, size, stride, padding=padding), *norm, nn.ReLU()]
            case Pooling(size, stride):
                modules.append(nn.MaxPool2d(size, stride))
            case FullyConnected(width):
                modules += [nn.Flatten(), nn.LazyLinear(width), nn.ReLU()]
            case Dropout():
                modules.append(nn.Dropout(layer.rate))
            case GlobalAveragePooling():
                modules += [nn.LazyConv2d(classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
                averaged = True
            case Softmax():
                modules += [] if averaged else [nn.Flatten(), nn.LazyLinear(classes)]
    return nn.Sequential(*modules)


@settings(max_examples=25)
@given(
    st.sampled_from(["cifar10", "svhn", "laptop", "first-run"]),
    st.fixed_dictionaries(
        {},
        optional={
            "conv_padding": st.just("valid"),
            **{name: st.just(True) for name in ("batch_norm", "initial_pooling", "consecutive_pooling")},
            "max_fc": st.integers(0, 4),
        },
    ),
    st.integers(0, 2**32),
    st.integers(2, 200),
)
def test_true_counts_are_those_of_the_network_that_torch_builds(name, options, seed, classes):
    import numpy as np
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    space = replace(preset(name), **options)
    network = space.sample(np.random.default_rng(seed))
    with torch.device("meta"):
        built = torch_network(network, classes).eval()
        image = torch.empty(1, *space.input_shape)
    built(image)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert built(image).shape == (1, classes)
    assert network.parameters(space.input_shape, classes) == sum(p.numel() for p in built.parameters())
    assert network.macs(space.input_shape, classes) == counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C(8,3,1)", "must end with SM(c), not with 'C(8,3,1)'"),
        ("C(8,3,1), GAP(10)", "must end with SM(c), not with 'GAP(10)'"),
        ("C(8,3,1), GAP(10), SM(9)", "layer 3, 'SM(9)': GAP(10) must be followed by SM(10)"),
        ("GAP(10), C(8,3,1), SM(10)", "layer 2, 'C(8,3,1)': GAP(10) must be followed by SM(10)"),
        ("SM(10), SM(10)", "layer 1, 'SM(10)': nothing may follow SM"),
        ("FC(8), C(8,3,1), SM(10)", "layer 2, 'C(8,3,1)': only FC(d) or SM(c) may follow FC"),
        ("FC(8), D(1,1), P(2,2), SM(10)", "layer 3, 'P(2,2)': only FC(d) or SM(c) may follow FC"),
        ("FC(8), GAP(10), SM(10)", "layer 2, 'GAP(10)': only FC(d) or SM(c) may follow FC"),
        ("D(1,1), C(8,3,1), SM(10)", "layer 1, 'D(1,1)': a dropout layer must follow"),
        ("C(8,3,1), D(1,2), D(2,2), SM(10)", "layer 3, 'D(2,2)': a dropout layer must follow"),
    ],
)
def test_layers_that_make_no_network_are_refused(text, words):
    with pytest.raises(NotationError) as caught:
        Architecture.parse(text)
    assert words in str(caught.value)


def test_no_layers_make_no_network():
    with pytest.raises(NotationError, match="not with nothing"):
        Architecture(())


def test_a_network_for_larger_images_has_no_published_count():
    network = Architecture.parse("C(8,3,1), P(5,3), C(8,3,1), P(5,3), C(8,3,1), P(5,3), SM(10)")
    with pytest.raises(ShapeError, match="layer 6"):
        _ = network.num_params
    assert network.weights((3, 64, 64)) == 8 * 9 * (3 + 8 + 8)
