"""What a surrogate knows about an architecture before it is trained, as one vector of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log, log2

from state_space import Architecture, Layer
from state_space.layers import Convolution, Dropout, FullyConnected, GlobalAveragePooling, Pooling
from state_space.shapes import Shape, side_after

FEATURES = (
    "log weights, terminal excluded",
    "convolutions",
    "1x1 convolutions",
    "convolutions before the first pooling",
    "those larger than 1x1",
    "convolutions after two or more poolings",
    "5x5 poolings",
    "place of the last pooling, as a share of the chosen layers; 1.5 without",
    "fully connected layers",
    "global average pooling",
    "log side of the last feature map",
    "log receptive field",
    "mean log2 width of the convolutions",
    "log2 width of the first convolution",
    "size of the first convolution",
    "size of the last convolution",
    "dropout layers",
    "sum of the dropout rates",
)


def architecture_features(architecture: Architecture, input_shape: Shape) -> Sequence[float]:
    """The `FEATURES` of a network for images of (channels, height, width), which are square.

    Features of convolutions are 0 for a network that has none.
    """
    counts = _Counts(channels=input_shape[0], side=input_shape[1])
    for layer in architecture.layers:
        counts.add(layer)
    sizes, widths, before = counts.sizes, counts.widths, counts.convolutions_before_poolings
    return (
        log(counts.weights + 1),
        len(sizes),
        sizes.count(1),
        before[0] if before else len(sizes),
        counts.spatial_first,
        len(sizes) - before[1] if len(before) > 1 else 0,
        counts.wide_poolings,
        counts.last_pooling / counts.chosen if before else 1.5,
        counts.dense,
        isinstance(architecture.terminal, GlobalAveragePooling),
        log(counts.side),
        log(counts.receptive_field),
        sum(map(log2, widths)) / max(len(widths), 1),
        log2(widths[0]) if widths else 0.0,
        sizes[0] if sizes else 0,
        sizes[-1] if sizes else 0,
        len(counts.rates),
        sum(counts.rates),
    )


@dataclass(slots=True)
class _Counts:
    """The counts of the layers so far; `channels` and `side` are those of the last feature map."""

    channels: int
    side: int
    weights: int = 0
    receptive_field: int = 1
    stride: int = 1
    chosen: int = 0
    dense: int = 0
    spatial_first: int = 0
    wide_poolings: int = 0
    last_pooling: int = 0
    widths: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    convolutions_before_poolings: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def add(self, layer: Layer) -> None:
        if isinstance(layer, Convolution):
            self._convolve(layer)
        elif isinstance(layer, Pooling):
            self._pool(layer)
        elif isinstance(layer, FullyConnected):
            self._connect(layer)
        elif isinstance(layer, Dropout):
            self.rates.append(layer.rate)

    def _convolve(self, layer: Convolution) -> None:
        self.chosen += 1
        self.weights += layer.width * self.channels * layer.size**2
        self.channels = layer.width
        self.widths.append(layer.width)
        self.sizes.append(layer.size)
        self.spatial_first += layer.size > 1 and not self.convolutions_before_poolings
        self._slide(layer)

    def _pool(self, layer: Pooling) -> None:
        self.chosen += 1
        self.convolutions_before_poolings.append(len(self.sizes))
        self.wide_poolings += layer.size == 5
        self.last_pooling = self.chosen
        self._slide(layer)

    def _slide(self, layer: Convolution | Pooling) -> None:
        self.receptive_field += (layer.size - 1) * self.stride
        self.stride *= layer.stride
        self.side = side_after(layer, self.side)

    def _connect(self, layer: FullyConnected) -> None:
        self.chosen += 1
        area = 1 if self.dense else self.side**2
        self.weights += layer.width * self.channels * area
        self.channels = layer.width
        self.dense += 1
