"""Feature-map sizes and weights along a network: the one place that defines how large each layer is.

The networks that are built have exactly these sizes: convolutions pad by floor(f/2) on each side, or not at
all, pooling does not pad and drops an incomplete last window, a dense layer sees the flattened map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

from state_space.errors import ShapeError, quoted
from state_space.layers import (
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Pooling,
    Softmax,
)

Shape = tuple[int, ...]
"""(channels, height, width) of a feature map, or (features,) of a vector."""

PUBLISHED_SHAPE = (3, 32, 32)
"""The image shape for which the authors counted weights."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer in its place: its input and output (shapes without batch), and its cost.

    `weights`, `biases` and `norms`, the scales and shifts of a batch normalisation, are trained numbers;
    `macs` is multiply-accumulates per image, without those of the normalisation, which can be made part of
    the weights. The softmax after a global average pooling has neither weights nor biases.
    """

    layer: Layer
    input_shape: Shape
    output_shape: Shape
    weights: int = 0
    biases: int = 0
    macs: int = 0
    norms: int = 0

    @property
    def parameters(self) -> int:
        """All trained numbers."""
        return self.weights + self.biases + self.norms


def side_after(layer: Layer, side: int) -> int:
    """Representation size n after a layer whose input map has that side; 1 if the output is a vector."""
    match layer:
        case Convolution():
            return (side + 2 * layer.padding - layer.size) // layer.stride + 1
        case Pooling():
            return (side - layer.size) // layer.stride + 1
        case Dropout():
            return side
        case _:
            return 1


def stages(layers: Iterable[Layer], input_shape: Shape, num_classes: int) -> Iterator[Stage]:
    """Each layer with its shapes and counts, for images of `input_shape` = (channels, height, width).

    GAP and SM are made for `num_classes` classes, whatever number the layers themselves name: that belongs
    to the data on which the network was found. Raises ShapeError where the window of a pooling layer, or of a
    convolution without padding, exceeds its map.
    """
    shape = _checked(input_shape)
    _positive("num_classes", num_classes)
    averaged = False
    for number, layer in enumerate(layers, 1):
        try:
            stage = Stage(layer, shape, shape) if averaged else _stage(layer, shape, num_classes)
        except ShapeError as error:
            image = "x".join(map(str, input_shape))
            raise ShapeError(f"layer {number}, {layer}, {error} (images of {image})") from None
        yield stage
        shape = stage.output_shape
        averaged = isinstance(layer, GlobalAveragePooling)


def _stage(layer: Layer, shape: Shape, num_classes: int) -> Stage:
    match layer:
        case Dropout():
            return Stage(layer, shape, shape)
        case FullyConnected():
            return _dense(layer, shape, layer.width)
        case Softmax():
            return _dense(layer, shape, num_classes)
        case GlobalAveragePooling():
            weights = num_classes * shape[0]
            return Stage(layer, shape, (num_classes,), weights, num_classes, weights * prod(shape[1:]))
    channels, height, width = shape
    if _reach(layer) > min(height, width):
        raise ShapeError(f"has a window larger than the {height}x{width} map before it")
    sides = (side_after(layer, height), side_after(layer, width))
    if isinstance(layer, Pooling):
        return Stage(layer, shape, (channels, *sides))
    weights = layer.width * channels * layer.size**2
    norms = 2 * layer.width if layer.batch_norm else 0
    return Stage(layer, shape, (layer.width, *sides), weights, layer.width, weights * prod(sides), norms)


def _reach(layer: Convolution | Pooling) -> int:
    """The smallest side of a map that holds a window of the layer, padding included."""
    return layer.size - 2 * layer.padding if isinstance(layer, Convolution) else layer.size


def _dense(layer: Layer, shape: Shape, outputs: int) -> Stage:
    weights = prod(shape) * outputs
    return Stage(layer, shape, (outputs,), weights, outputs, weights)


def _checked(input_shape: Shape) -> Shape:
    if len(input_shape) != 3:
        raise ShapeError(f"input_shape must be (channels, height, width), not {quoted(input_shape)}")
    for name, number in zip(("channels", "height", "width"), input_shape, strict=True):
        _positive(name, number)
    return tuple(input_shape)


def _positive(name: str, number: int) -> None:
    if number < 1:
        raise ShapeError(f"{name} must be at least 1, not {number}")
