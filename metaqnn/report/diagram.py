"""Architectures as chains of coloured blocks."""

from __future__ import annotations

from dataclasses import dataclass

from state_space import Architecture, Layer
from state_space.errors import StateSpaceError
from state_space.layers import Convolution, Dropout, FullyConnected, GlobalAveragePooling, Pooling


@dataclass(frozen=True)
class Block:
    """A layer in a diagram.

    Attributes:
        kind: its class in the style sheet: convolution, pooling, fully-connected, dropout or end.
        name: the first line: the kind of layer.
        size: the second line: its size.
        title: the layer in words.
    """

    kind: str
    name: str
    size: str
    title: str


def blocks(architecture: str) -> list[Block]:
    """The layers of a network, from its notation; none if the text is not a network."""
    try:
        return [_block(layer) for layer in Architecture.parse(architecture).layers]
    except StateSpaceError:
        return []


def _block(layer: Layer) -> Block:
    match layer:
        case Convolution(width, size, stride):
            step = "" if stride == 1 else f", stride {stride}"
            padding = "" if layer.padded else ", no padding"
            norm = ", batch normalisation" if layer.batch_norm else ""
            title = f"convolution of {width} filters, {size}x{size}{step}{padding}{norm}"
            return Block("convolution", f"conv {size}×{size}", str(width), title)
        case Pooling(size, stride):
            title = f"max pooling, {size}x{size}, stride {stride}"
            return Block("pooling", f"pool {size}×{size}", f"/{stride}", title)
        case FullyConnected(width):
            return Block("fully-connected", "FC", str(width), f"fully connected, {width} neurons")
        case Dropout():
            return Block("dropout", "drop", f"{layer.rate:.0%}", f"dropout at a rate of {layer.rate:.3g}")
        case GlobalAveragePooling(classes):
            return Block("end", "GAP", str(classes), f"global average pooling to {classes} classes")
    return Block("end", "SM", str(layer.classes), f"softmax over {layer.classes} classes")
