"""A trained network on disk: its weights alone, a third of what its checkpoint held."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from state_space import Architecture, Convolution
from state_space.errors import StateSpaceError
from trainers.checkpoint import UnusableFile, are_tensors, forms, read_content, write_content
from trainers.networks import build_network
from trainers.normalisation import CHANNELS, GLOBAL_CONTRAST, Normalisation

_FORMAT = 2
_BEFORE_NORMALISATION = 1


class WeightsError(ValueError):
    """A file that holds no trained network; the message says why."""


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """The weights after the last epoch of a training, and what they are weights of."""

    architecture: str
    """In the published notation."""
    input_shape: tuple[int, int, int]
    """(channels, height, width) of the images."""
    num_classes: int
    """Number of logits."""
    accuracy: float
    """Accuracy after the last epoch, as the training reported it: on the validation images in a search, on
    training images in a long training."""
    weights: dict[str, Tensor]
    """`state_dict` of the module that `build` makes."""
    normalisation: Normalisation | None = None
    """What is done to pixels before the network sees them; None in files of a search: there it is that of the
    channels of the images that were trained on, `Normalisation.of`."""

    def build(self) -> nn.Module:
        """The trained network, on the CPU.

        Raises:
            WeightsError: the weights are not those of such a network.
        """
        try:
            architecture = Architecture.parse(self.architecture)
            numbers = architecture.parameters(self.input_shape, self.num_classes) + _measured(architecture)
        except StateSpaceError as error:
            raise WeightsError(f"these are not the weights of a network: {error}") from None
        # Counted before anything is built: there is memory for as much as the weights themselves take.
        if sum(weight.numel() for weight in self.weights.values()) == numbers:
            network = build_network(architecture, self.input_shape, self.num_classes)
            if forms(network.state_dict()) == forms(self.weights):
                network.load_state_dict(self.weights)
                return network
        raise WeightsError(
            f"these are not the weights of {self.architecture} on images of {self.input_shape}"
        )

    def save(self, path: Path) -> None:
        """Write a file as `Checkpoint` does: wholly or not at all. Raises OSError."""
        names = self.__slots__
        write_content({"format": _FORMAT, **dict(zip(names, astuple(self), strict=True))}, path)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Inverse of `save`; nothing in the file can run code.

        Raises:
            WeightsError: there is no such file, or it is damaged, or of another version.
            MemoryError: it does not fit.
        """
        path = Path(path)
        try:
            content = read_content(path, _BEFORE_NORMALISATION, _FORMAT)
        except (OSError, UnusableFile) as error:
            raise WeightsError(f"{str(path)!r} holds no trained network: {error}") from None
        return cls.of(content, path)

    @classmethod
    def of(cls, content: Mapping[str, Any], path: Path) -> Self:
        """The network that a file describes.

        Args:
            content: the fields below and perhaps others, of any values; `normalisation` as a tuple.
            path: of the file, for messages.

        Raises:
            WeightsError: a field is missing or cannot be what it should.
        """
        known = {name: content[name] for name in cls.__slots__ if name in content}
        missing = {*cls.__slots__} - {"normalisation"} - known.keys()
        if missing:
            raise WeightsError(
                f"{str(path)!r} holds no trained network: it has no {', '.join(sorted(missing))}"
            )
        for name in known:
            if not _is_right(name, known):
                raise WeightsError(f"{str(path)!r} holds no trained network: its {name} cannot be right")
        if known.get("normalisation") is not None:
            known["normalisation"] = Normalisation(*known["normalisation"])
        return cls(**known)


def _measured(architecture: Architecture) -> int:
    """Numbers that are not parameters: means and variances of what is normalised, and counts of batches."""
    convolutions = (layer for layer in architecture.layers if isinstance(layer, Convolution))
    return sum(2 * layer.width + 1 for layer in convolutions if layer.batch_norm)


def _is_right(name: str, content: dict[str, Any]) -> bool:
    """Whether that field of a file has the right form; those before it have."""
    value = content[name]
    match name:
        case "architecture":
            return isinstance(value, str)
        case "input_shape":
            return isinstance(value, tuple) and len(value) == 3 and all(map(_is_count, value))
        case "num_classes":
            return _is_count(value)
        case "accuracy":
            return isinstance(value, float)
        case "weights":
            return are_tensors(value)
    return value is None or _is_normalisation(value, content["input_shape"][0])


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value < 2**31  # True is none


def _is_normalisation(value: object, channels: int) -> bool:
    match value:
        case (kind, None, None):
            return kind == GLOBAL_CONTRAST
        case (kind, tuple(mean), tuple(std)) if len(mean) == len(std) == channels:
            return kind == CHANNELS and all(isinstance(number, float) for number in (*mean, *std))
    return False
