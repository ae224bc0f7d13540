"""A trained network on disk: its weights alone, a third of what its checkpoint held."""

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

from torch import Tensor, nn

from state_space import Architecture
from trainers.checkpoint import UnusableFile, read_content, write_content
from trainers.networks import build_network
from trainers.normalisation import Normalisation

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
        """The trained network, on the CPU."""
        network = build_network(Architecture.parse(self.architecture), self.input_shape, self.num_classes)
        network.load_state_dict(self.weights)
        return network

    def save(self, path: Path) -> None:
        """Write a file as `Checkpoint` does: wholly or not at all. Raises OSError."""
        names = self.__slots__
        write_content({"format": _FORMAT, **dict(zip(names, astuple(self), strict=True))}, path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Inverse of `save`; nothing in the file can run code.

        Raises:
            WeightsError: there is no such file, or it is damaged, or of another version.
        """
        try:
            content = read_content(path, _BEFORE_NORMALISATION, _FORMAT)
        except (OSError, UnusableFile) as error:
            raise WeightsError(f"{str(path)!r} holds no trained network: {error}") from None
        known = {name: content[name] for name in cls.__slots__ if name in content}
        missing = {*cls.__slots__} - {"normalisation"} - known.keys()
        if missing:
            raise WeightsError(
                f"{str(path)!r} holds no trained network: it has no {', '.join(sorted(missing))}"
            )
        if known.get("normalisation") is not None:
            known["normalisation"] = Normalisation(*known["normalisation"])
        return cls(**known)
