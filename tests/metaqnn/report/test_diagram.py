"""Blocks of a diagram say what the layers are."""

import pytest

from metaqnn.report.diagram import blocks
from state_space import Architecture


def test_every_layer_is_a_block_in_order():
    text = "[C(64,3,1), P(5,3), D(1,2), FC(128), D(2,2), SM(10)]"
    found = blocks(text)
    assert len(found) == len(Architecture.parse(text).layers)
    assert [block.kind for block in found] == [
        "convolution", "pooling", "dropout", "fully-connected", "dropout", "end"
    ]  # fmt: skip
    assert [block.size for block in found] == ["64", "/3", "25%", "128", "50%", "10"]
    assert found[0].title == "convolution of 64 filters, 3x3"
    assert found[1].title == "max pooling, 5x5, stride 3"


def test_global_average_pooling_and_strides_are_named():
    convolution, pooling, softmax = blocks("[C(8,5,2), GAP(7), SM(7)]")
    assert convolution.title.endswith("stride 2")
    assert (pooling.name, softmax.name) == ("GAP", "SM")


def test_variants_of_convolutions_are_told():
    found, *_ = blocks("[VB(8,5,1), SM(7)]")
    assert found.title == "convolution of 8 filters, 5x5, no padding, batch normalisation"


@pytest.mark.parametrize("text", ["", "<img onerror=x>", "[C(64,3,1)]", "nothing"])
def test_text_that_is_no_network_has_no_blocks(text):
    assert blocks(text) == []
