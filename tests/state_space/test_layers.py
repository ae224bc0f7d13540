import dataclasses

import pytest

from state_space import (
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    NotationError,
    Pooling,
    Softmax,
)

NOTATION = {
    "C(64,3,1)": Convolution(64, 3),
    "C(64,3,2)": Convolution(64, 3, 2),
    "V(64,3,1)": Convolution(64, 3, padded=False),
    "CB(64,3,1)": Convolution(64, 3, batch_norm=True),
    "VB(64,5,2)": Convolution(64, 5, 2, padded=False, batch_norm=True),
    "P(5,3)": Pooling(5, 3),
    "FC(128)": FullyConnected(128),
    "D(2,7)": Dropout(2, 7),
    "GAP(10)": GlobalAveragePooling(10),
    "SM(10)": Softmax(10),
}


@pytest.mark.parametrize(("text", "layer"), NOTATION.items())
def test_the_text_of_a_layer_is_its_notation(text, layer):
    assert str(layer) == text


def test_layers_are_values():
    assert len({*NOTATION.values(), Convolution(64, 3, 1), Pooling(5, 3), Softmax(10)}) == len(NOTATION)
    assert GlobalAveragePooling(10) != Softmax(10)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Softmax(10).classes = 3  # type: ignore[misc]


def test_dropout_rises_linearly_to_one_half():
    assert [Dropout(i, 4).rate for i in (1, 2, 3, 4)] == [0.125, 0.25, 0.375, 0.5]


def test_the_largest_number_in_a_layer_has_five_digits():
    assert str(Convolution(99_999, 99_999, 99_999)) == "C(99999,99999,99999)"


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (Convolution, (0, 3, 1)),
        (Convolution, (64, 3, 0)),
        (Convolution, (64, 2, 1)),
        (Convolution, (64.0, 3, 1)),
        (Pooling, (2, -1)),
        (FullyConnected, (100_000,)),
        (FullyConnected, (True,)),
        (Dropout, (3, 2)),
        (GlobalAveragePooling, (0,)),
        (Softmax, (0,)),
    ],
)
def test_impossible_numbers_are_refused_with_the_layer_quoted(kind, numbers):
    with pytest.raises(NotationError) as caught:
        kind(*numbers)
    written = ",".join(map(str, numbers))
    assert f"({written})'" in str(caught.value)
