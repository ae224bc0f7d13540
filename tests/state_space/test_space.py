"""The walk is checked against `legal`, which judges a whole sequence of layers at once, without states."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from state_space import (
    Architecture,
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    Pooling,
    Softmax,
    StateSpace,
    StateSpaceError,
    preset,
)

SMALL = StateSpace(conv_widths=(8, 16), fc_widths=(4, 2), layer_limit=4, image_size=8, num_classes=3)


def some(values, least=1):
    return st.lists(st.sampled_from(values), unique=True, min_size=least, max_size=3).map(tuple)


spaces = st.builds(
    StateSpace,
    conv_widths=some([1, 4, 8, 64]),
    conv_sizes=some([3, 5, 7]).map(lambda sizes: (1, *sizes)),
    pools=some([(1, 1), (2, 2), (2, 3), (3, 2), (3, 1), (5, 3)], least=0),
    fc_widths=some([2, 8, 32, 128], least=0),
    max_fc=st.integers(0, 3),
    layer_limit=st.integers(1, 12),
    fc_below=st.integers(1, 40),
    image_size=st.integers(2, 40),
    channels=st.integers(1, 4),
    num_classes=st.integers(2, 100),
    conv_padding=st.sampled_from(["same", "valid"]),
    batch_norm=st.booleans(),
    initial_pooling=st.booleans(),
    consecutive_pooling=st.booleans(),
)


def sides(space, layers):
    """Side of the map before each layer, and after the last."""
    result = [space.image_size]
    for layer in layers:
        n = result[-1]
        if isinstance(layer, Convolution) and space.conv_padding == "valid":
            n = len(range(layer.size, n + 1))
        result.append((n - layer.size) // layer.stride + 1 if isinstance(layer, Pooling) else n)
    return result


def legal(space, layers):
    """Whether the chosen layers may begin a network of the space: the rules of the grammar, one by one."""
    widths = [layer.width for layer in layers if isinstance(layer, FullyConnected)]
    kinds = "".join("CPF"[[Convolution, Pooling, FullyConnected].index(type(layer))] for layer in layers)
    before = sides(space, layers)
    return (
        len(layers) <= space.layer_limit
        and not kinds.startswith("F")
        and (space.initial_pooling or not kinds.startswith("P"))
        and (space.consecutive_pooling or "PP" not in kinds)
        and "FC" not in kinds
        and "FP" not in kinds
        and len(widths) <= space.max_fc
        and widths == sorted(widths, reverse=True)
        and all(n > layer.size for n, layer in zip(before, layers, strict=False) if hasattr(layer, "size"))
        and ("F" not in kinds or before[kinds.index("F")] < space.fc_below)
    )


def candidates(space):
    """Every layer that the space knows, in canonical order."""
    return [
        *(
            Convolution(d, f, 1, padded=space.conv_padding == "same", batch_norm=space.batch_norm)
            for d in space.conv_widths
            for f in space.conv_sizes
        ),
        *(Pooling(f, l) for f, l in space.pools),  # noqa: E741
        *map(FullyConnected, space.fc_widths),
    ]


@given(spaces, st.integers(0, 2**32))
def test_actions_along_a_walk_are_those_that_the_grammar_allows(space, seed):
    rng = np.random.default_rng(seed)
    state, chosen = space.start(), []
    while not state.terminated:
        expected = [layer for layer in candidates(space) if legal(space, [*chosen, layer])]
        if chosen:
            spatial = not isinstance(chosen[-1], FullyConnected)
            expected += [GlobalAveragePooling(space.num_classes)] if spatial else []
            expected += [Softmax(space.num_classes)]
        assert list(space.actions(state)) == expected
        action = expected[rng.integers(len(expected))]
        state = space.step(state, action)
        chosen.append(action)
        assert state.size >= 1
        if not state.terminated and not isinstance(action, FullyConnected):
            assert state.size == sides(space, chosen)[-1]
    assert space.actions(state) == ()


@given(spaces, st.integers(0, 2**32))
def test_a_sample_is_a_network_of_the_space(space, seed):
    network = space.sample(np.random.default_rng(seed))
    assert legal(space, list(network.chosen))
    assert network.classes == space.num_classes
    assert network.terminal in (GlobalAveragePooling(space.num_classes), Softmax(space.num_classes))
    assert Architecture.parse(str(network)) == network
    assert space.contains(network)
    assert space.build([action for _, action in space.path(network)]) == network
    assert network.parameters(space.input_shape, space.num_classes) > 0


@given(spaces, st.integers(0, 2**32))
def test_a_path_is_a_walk_from_start_to_termination(space, seed):
    network = space.sample(np.random.default_rng(seed))
    path = space.path(network)
    states = [state for state, _ in path]
    actions = [action for _, action in path]
    assert states[0] == space.start()
    assert actions == [*network.chosen, network.terminal]
    for (state, action), (after, _) in pairwise(path):
        assert space.step(state, action) == after
    assert [state.depth for state in states] == list(range(len(path)))
    assert not any(state.terminated for state in states)
    assert space.step(*path[-1]).terminated


@given(spaces, st.lists(st.integers(0, 30), max_size=8), st.booleans())
def test_a_network_is_contained_exactly_if_the_grammar_allows_it(space, picks, average):
    layers = candidates(space)
    chosen = [layers[pick % len(layers)] for pick in picks]
    flat = next((i for i, layer in enumerate(chosen) if isinstance(layer, FullyConnected)), len(chosen))
    chosen = chosen[:flat] + [layer for layer in chosen[flat:] if isinstance(layer, FullyConnected)]
    spatial = flat == len(chosen)
    end = GlobalAveragePooling if average and spatial else Softmax
    network = Architecture.with_dropout(chosen, end(space.num_classes))
    assert space.contains(network) == (bool(chosen) and legal(space, chosen))


def test_a_sample_depends_on_the_generator_alone():
    fresh = StateSpace()
    used = StateSpace()
    for seed in range(50):
        used.sample(np.random.default_rng(seed))
    draw = [[str(space.sample(np.random.default_rng(s))) for s in range(20)] for space in (fresh, used)]
    assert draw[0] == draw[1]
    assert len(set(draw[0])) > 10


def test_a_sample_takes_one_number_more_than_the_layer_limit_however_long_it_is():
    for seed in range(10):
        used, fresh = np.random.default_rng(seed), np.random.default_rng(seed)
        SMALL.sample(used)
        fresh.random(4 + 1)
        assert used.random() == fresh.random()


def test_samples_draw_uniformly_from_the_allowed_actions(rng):
    paths = [SMALL.path(SMALL.sample(rng)) for _ in range(6000)]
    by_state = {}
    for path in paths:
        for state, action in path:
            by_state.setdefault(state, Counter())[action] += 1
    tested = [(state, counts) for state, counts in by_state.items() if counts.total() >= 400]
    assert len(tested) >= 5
    for state, counts in tested:
        observed = [counts[action] for action in SMALL.actions(state)]
        assert len(counts) == len(observed)
        assert chisquare(observed).pvalue > 1e-4


def test_pooling_from_one_observation_leads_to_two():
    space = preset("cifar10")

    def after(text):
        network = Architecture.parse(text)
        *_, (before, _), (state, _) = space.path(network)
        return before.observed, state.observed

    # Both stand at depth 3 with a map of at least 8; halving leads to 7 in one and to 8 in the other.
    one = after("C(64,3,1), P(3,2), C(64,3,1), P(2,2), SM(10)")
    other = after("C(64,3,1), P(2,2), C(64,3,1), P(2,2), SM(10)")
    assert one[0] == other[0]
    assert (one[1].size_bin, other[1].size_bin) == (4, 8)


@pytest.mark.parametrize("text", ["C(64,3,1), C(64,3,1), GAP(10), SM(10)", "C(64,3,1), C(64,3,1), SM(10)"])
def test_dropout_does_not_matter_for_membership(text):
    space = preset("cifar10")
    bare = Architecture.parse(text)
    odd = Architecture((bare.layers[0], Dropout(1, 9), *bare.layers[1:]))
    ruled = space.build([action for _, action in space.path(bare)])
    assert space.contains(bare)
    assert space.contains(odd)
    assert space.path(bare) == space.path(odd) == space.path(ruled)
    assert len({bare, odd, ruled}) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SM(10)", "layer 1 of the network, SM(10) is not allowed after the start"),
        ("P(2,2), SM(10)", "layer 1 of the network, P(2,2)"),
        ("VB(64,3,1), SM(10)", "VB(64,3,1) is not allowed after the start"),
        ("C(65,3,1), SM(10)", "C(65,3,1) is not allowed after the start (map side 32): allowed is C(64|128"),
        ("C(64,3,2), SM(10)", "C(64,3,2) is not allowed"),
        ("C(64,3,1), SM(11)", "layer 2 of the network, SM(11) is not allowed"),
        ("C(64,3,1), GAP(9), SM(9)", "layer 2 of the network, GAP(9) is not allowed"),
        (
            "C(64,3,1), D(1,1), P(2,2), P(2,2), SM(10)",
            "layer 3 of the network, P(2,2) is not allowed after P",
        ),
        ("C(64,3,1), FC(512), SM(10)", "FC(512) is not allowed after C (map side 32, depth 1)"),
        (
            "C(64,1,1), P(5,3), C(64,1,1), P(5,3), FC(128), FC(256), SM(10)",
            "layer 6 of the network, FC(256) is not allowed after FC (depth 5): allowed is FC(128), SM(10)",
        ),
        (
            "C(64,1,1), P(5,3), C(64,1,1), P(5,3), C(64,3,1), SM(10)",
            "layer 5 of the network, C(64,3,1) is not allowed after P (map side 2, depth 4): "
            "allowed is C(64|128|256|512,1,1), FC(512), FC(256), FC(128), GAP(10), SM(10)",
        ),
        (
            ", ".join(["C(64,1,1)"] * 19 + ["SM(10)"]),
            "layer 19 of the network, C(64,1,1) is not allowed after C (map side 32, depth 18): "
            "allowed is GAP(10), SM(10)",
        ),
    ],
)
def test_a_network_outside_is_explained_by_its_first_layer_outside(text, words):
    space, network = preset("cifar10"), Architecture.parse(text)
    message = space.explain(network)
    assert words in message
    assert "\n" not in message
    assert not space.contains(network)
    with pytest.raises(StateSpaceError, match="layer"):
        space.path(network)


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([], "must end with GAP or SM, not after the start"),
        ([Convolution(8, 1)], "must end with GAP or SM, not after C (map"),
        ([Convolution(8, 1), Softmax(3), Softmax(3)], "after a terminated network: allowed is nothing"),
        ([Convolution(8, 1), GlobalAveragePooling(3), Softmax(3)], "not allowed after a terminated network"),
        ([Convolution(8, 1), Dropout(1, 1), Softmax(3)], "D(1,1) is not allowed"),
    ],
)
def test_only_a_whole_walk_builds_a_network(actions, words):
    with pytest.raises(StateSpaceError) as caught:
        SMALL.build(actions)
    assert words in str(caught.value)


def test_a_map_of_one_pixel_allows_no_window():
    space = StateSpace(image_size=2, pools=((1, 2),), conv_sizes=(1,))
    state = space.step(space.step(space.start(), Convolution(64, 1)), Pooling(1, 2))
    assert state.size == 1
    assert {type(action) for action in space.actions(state)} == {
        FullyConnected,
        GlobalAveragePooling,
        Softmax,
    }


def test_the_longest_network_still_parses():
    space = StateSpace(layer_limit=500, conv_widths=(99_999,), conv_sizes=(1,), pools=(), max_fc=500)
    network = space.build([Convolution(99_999, 1)] * 500 + [GlobalAveragePooling(10)])
    assert Architecture.parse(str(network)) == network
