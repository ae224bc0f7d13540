import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_space import (
    Architecture,
    Convolution,
    Dropout,
    GlobalAveragePooling,
    Pooling,
    ShapeError,
    Softmax,
)
from state_space.shapes import side_after


def test_each_layer_is_given_its_shapes():
    network = Architecture.parse("C(8,5,1), P(5,3), D(1,2), C(4,3,2), P(2,2), FC(6), SM(10)")
    found = [(str(s.layer), s.input_shape, s.output_shape) for s in network.stages((3, 32, 20))]
    assert found == [
        ("C(8,5,1)", (3, 32, 20), (8, 32, 20)),
        ("P(5,3)", (8, 32, 20), (8, 10, 6)),
        ("D(1,2)", (8, 10, 6), (8, 10, 6)),
        ("C(4,3,2)", (8, 10, 6), (4, 5, 3)),
        ("P(2,2)", (4, 5, 3), (4, 2, 1)),
        ("FC(6)", (4, 2, 1), (6,)),
        ("SM(10)", (6,), (10,)),
    ]


def test_without_padding_maps_shrink_by_what_the_window_lacks():
    network = Architecture.parse("V(8,5,1), CB(4,3,1), VB(2,3,2), SM(10)")
    assert [s.output_shape for s in network.stages((3, 12, 9))] == [(8, 8, 5), (4, 8, 5), (2, 3, 2), (10,)]
    assert [s.norms for s in network.stages((3, 12, 9))] == [0, 8, 4, 0]


def test_the_softmax_after_average_pooling_is_free():
    gap, softmax = Architecture.parse("GAP(10), SM(10)").stages((3, 4, 5))
    assert (gap.weights, gap.biases, gap.macs, gap.output_shape) == (30, 10, 30 * 20, (10,))
    assert (softmax.weights, softmax.biases, softmax.macs, softmax.output_shape) == (0, 0, 0, (10,))


def test_the_classes_of_the_data_replace_those_of_the_notation():
    *_, softmax = Architecture.parse("C(8,1,1), SM(10)").stages((3, 2, 2), 100)
    assert softmax.output_shape == (100,)
    assert softmax.weights == 8 * 2 * 2 * 100


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5))
def test_sides_count_the_windows(side, size, stride):
    if size <= side:
        windows = len(range(0, side - size + 1, stride))  # where a window that fits may begin
        assert side_after(Pooling(size, stride), side) == windows
    if size % 2:
        padded = side + 2 * (size // 2)
        assert side_after(Convolution(1, size, stride), side) == len(range(0, padded - size + 1, stride))
        if size <= side:
            assert side_after(Convolution(1, size, stride, padded=False), side) == windows


def test_dropout_keeps_the_map_and_terminations_leave_a_vector():
    assert [side_after(layer, 7) for layer in (Dropout(1, 1), GlobalAveragePooling(2), Softmax(2))] == [
        7,
        1,
        1,
    ]


@pytest.mark.parametrize("layer", ["P(5,3)", "V(8,5,1)"])
def test_a_window_as_large_as_the_map_fits(layer):
    first, _ = Architecture.parse(f"{layer}, SM(10)").stages((3, 5, 7))
    assert first.output_shape[1] == 1


@pytest.mark.parametrize(
    ("text", "shape", "classes", "words"),
    [
        ("C(8,1,1), P(5,3), SM(10)", (3, 4, 8), 10, "layer 2, P(5,3), has a window larger than the 4x8 map"),
        ("C(8,1,1), V(8,5,1), SM(10)", (3, 4, 8), 10, "layer 2, V(8,5,1), has a window larger than the 4x8"),
        ("C(8,1,1), SM(10)", (3, 32), 10, "(channels, height, width), not (3, 32)"),
        ("C(8,1,1), SM(10)", (3, 0, 32), 10, "height must be at least 1, not 0"),
        ("C(8,1,1), SM(10)", (3, 32, 32), 0, "num_classes must be at least 1, not 0"),
    ],
)
def test_images_that_do_not_fit_are_refused(text, shape, classes, words):
    with pytest.raises(ShapeError) as caught:
        Architecture.parse(text).parameters(shape, classes)
    assert words in str(caught.value)
