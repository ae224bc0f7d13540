"""A network as an immutable value: its layers, its published notation and its counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import get_args

from state_space.errors import NotationError, quoted
from state_space.layers import (
    Chosen,
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Softmax,
    Terminal,
)
from state_space.notation import parse_layers
from state_space.shapes import PUBLISHED_SHAPE, Shape, Stage, stages

_CHOSEN = get_args(Chosen)
_dropout = cache(Dropout)


@dataclass(frozen=True, slots=True)
class Architecture:
    """The layers of a network, dropout and the final softmax included.

    Raises:
        NotationError: the layers make no network. SM ends it, GAP comes directly before SM with the same
            number of classes, only FC and SM come after FC, and dropout follows a C, P or FC layer.

    Example:
        >>> from state_space import Architecture
        >>> network = Architecture.parse("[C(64,3,1), P(2,2), D(1,1), SM(10)]")
        >>> network.parameters((3, 32, 32))
        165642
        >>> [str(layer) for layer in network.chosen]
        ['C(64,3,1)', 'P(2,2)']
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers or not isinstance(self.layers[-1], Softmax):
            last = quoted(str(self.layers[-1])) if self.layers else "nothing"
            raise NotationError(f"a network must end with SM(c), not with {last}")
        previous: Layer | None = None
        flat = False
        for number, layer in enumerate(self.layers, 1):
            problem = _problem(layer, previous, flat, number == len(self.layers))
            if problem:
                raise NotationError(f"layer {number}, {str(layer)!r}: {problem}")
            flat = flat or isinstance(layer, FullyConnected)
            previous = layer

    @classmethod
    def parse(cls, text: str) -> Architecture:
        """Read the published notation; `D` tokens are kept as they are, missing ones stay missing.

        Raises:
            NotationError: one line that quotes the token at fault.
        """
        return cls(parse_layers(text))

    @classmethod
    def with_dropout(cls, chosen: Sequence[Chosen], terminal: Terminal) -> Architecture:
        """The network of the `chosen` layers ended by `terminal`, with dropout placed by rule.

        A dropout layer follows every chosen layer at an even position, counted from 1, and every FC layer.
        The i-th is D(i, n), n = floor((m-k)/2) + k with m = chosen layers + 1 and k = FC layers.
        """
        k = sum(isinstance(layer, FullyConnected) for layer in chosen)
        n = (len(chosen) + 1 - k) // 2 + k
        layers: list[Layer] = []
        i = 0
        for position, layer in enumerate(chosen, 1):
            layers.append(layer)
            if position % 2 == 0 or isinstance(layer, FullyConnected):
                i += 1
                layers.append(_dropout(i, n))
        layers.append(terminal)
        if isinstance(terminal, GlobalAveragePooling):
            layers.append(Softmax(terminal.classes))
        return cls(tuple(layers))

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.layers))}]"

    def normalised(self) -> Architecture:
        """The same network with batch normalisation after every convolution; GAP's own has none.

        Example:
            >>> from state_space import Architecture
            >>> str(Architecture.parse("[C(64,3,1), V(64,3,1), GAP(10), SM(10)]").normalised())
            '[CB(64,3,1), VB(64,3,1), GAP(10), SM(10)]'
        """
        layers = (
            replace(layer, batch_norm=True) if isinstance(layer, Convolution) else layer
            for layer in self.layers
        )
        return Architecture(tuple(layers))

    @property
    def chosen(self) -> tuple[Chosen, ...]:
        """The C, P and FC layers in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, _CHOSEN))

    @property
    def terminal(self) -> Terminal:
        """The layer whose choice ended the network: the GAP layer if it has one, else the SM layer."""
        before = self.layers[-2] if len(self.layers) > 1 else None
        return before if isinstance(before, GlobalAveragePooling) else Softmax(self.classes)

    @property
    def classes(self) -> int:
        """The number of classes in its notation."""
        last = self.layers[-1]
        assert isinstance(last, Softmax)
        return last.classes

    @property
    def depth(self) -> int:
        """Number of layers as published: all except dropout, including GAP and SM."""
        return sum(not isinstance(layer, Dropout) for layer in self.layers)

    @property
    def num_params(self) -> int:
        """Number of weights as published, `weights((3, 32, 32))`: a feature of models, not the true count."""
        return self.weights(PUBLISHED_SHAPE)

    def weights(self, input_shape: Shape) -> int:
        """The authors' count of weights, on images of `input_shape` = (channels, height, width).

        Bias-free weights of all C, FC and GAP layers, plus d*d*f*f (or d*d) when C(d,f,l) (or FC(d)) is the
        last layer before SM, as if the softmax layer were a copy of it. Raises ShapeError if the images are
        too small.
        """
        total = sum(s.weights for s in self._counted(input_shape) if not isinstance(s.layer, Softmax))
        match next((layer for layer in reversed(self.layers[:-1]) if not isinstance(layer, Dropout)), None):
            case Convolution(width, size):
                return total + width**2 * size**2
            case FullyConnected(width):
                return total + width**2
        return total

    def parameters(self, input_shape: Shape, num_classes: int | None = None) -> int:
        """The true number of trained parameters of the built network.

        Biases, the softmax layer, and the scales and shifts of batch normalisations are among them.
        `input_shape` is (channels, height, width); `num_classes` is by default the number in the notation.
        Raises ShapeError if the images are too small.
        """
        return sum(stage.parameters for stage in self._counted(input_shape, num_classes))

    def macs(self, input_shape: Shape, num_classes: int | None = None) -> int:
        """Multiply-accumulate operations for one image, those of convolutions and dense layers.

        Biases, batch normalisation, ReLU, pooling and means are not counted.
        `input_shape` is (channels, height, width); `num_classes` is by default the number in the notation.
        Raises ShapeError if the images are too small.
        """
        return sum(stage.macs for stage in self._counted(input_shape, num_classes))

    def stages(self, input_shape: Shape, num_classes: int | None = None) -> Iterator[Stage]:
        """Each layer with the shapes before and after it, to count or build the network."""
        return stages(self.layers, input_shape, self.classes if num_classes is None else num_classes)

    def _counted(self, input_shape: Shape, num_classes: int | None = None) -> tuple[Stage, ...]:
        """`stages`, found once for several counts of one network."""
        classes = self.classes if num_classes is None else num_classes
        return _stages(self.layers, tuple(input_shape), classes)


@lru_cache(maxsize=4)
def _stages(layers: tuple[Layer, ...], input_shape: Shape, num_classes: int) -> tuple[Stage, ...]:
    return tuple(stages(layers, input_shape, num_classes))


def _problem(layer: Layer, previous: Layer | None, flat: bool, last: bool) -> str | None:
    """What is wrong with `layer` after `previous`, if anything; `flat`: whether an FC layer came before."""
    if isinstance(previous, GlobalAveragePooling):
        if not isinstance(layer, Softmax) or layer.classes != previous.classes:
            return f"{previous} must be followed by SM({previous.classes})"
    elif isinstance(layer, Dropout):
        if not isinstance(previous, _CHOSEN):
            return "a dropout layer must follow a C, P or FC layer"
    elif isinstance(layer, Softmax):
        if not last:
            return "nothing may follow SM"
    elif flat and not isinstance(layer, FullyConnected):
        return "only FC(d) or SM(c) may follow FC, which leaves no map"
    return None
