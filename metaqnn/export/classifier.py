"""Classifies image files with a trained network; each is opened as the training opened its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from metaqnn.export.card import TRAIN, ExportError
from metaqnn.export.ensemble import Ensemble
from metaqnn.export.exportable import Exportable
from trainers import DatasetError
from trainers.datasets.content import DARK, in_general
from trainers.datasets.images import MAX_PIXELS, Decoded, decode_image, with_channels
from trainers.datasets.members import read_member
from trainers.datasets.notes import Notes, remarks
from trainers.loader import ImageLoader
from trainers.normalisation import Normalisation
from trainers.steps import logits
from trainers.weights import TrainedNetwork

BATCH = 250


@dataclass(frozen=True)
class Prediction:
    """What a network says about one file.

    Attributes:
        file: its path, as it was given or found.
        probabilities: of the classes, in their order; float32, they sum to 1.
    """

    file: str
    probabilities: np.ndarray


@dataclass
class ImageClassifier:
    """A trained network and all that lies between a file and its classes.

    Attributes:
        name: which network it is, in words.
        network: its weights.
        normalisation: what is done to pixels before it sees them.
        classes: their names, in the order of the logits.
        levels: scale and offset for grey pixels of more than 8 bits.
        notes: remarks on the files that were left out or changed so far.
        unreadable: the error about the first file that could not be read; empty if there was none.

    Raises:
        ExportError: it takes neither grey nor RGB images.
    """

    name: str
    network: TrainedNetwork | Ensemble
    normalisation: Normalisation
    classes: tuple[str, ...]
    levels: tuple[float, float]
    notes: Notes = field(default_factory=Notes)
    unreadable: str = ""

    def __post_init__(self) -> None:
        channels = self.network.input_shape[0]
        if channels not in (1, 3):
            raise ExportError(f"{self.name} takes images of {channels} channels; image files have 1 or 3")

    @classmethod
    def of(cls, exportable: Exportable) -> ImageClassifier:
        """The classifier of a network in a run folder."""
        card = exportable.card
        trained_alone = card.weights_from == TRAIN
        name = card.run if trained_alone else f"{card.title} of {card.run}, {card.accuracy_text}"
        return cls(name, exportable.network, exportable.normalisation, card.classes, card.levels)

    def classify(
        self,
        files: Sequence[tuple[Path, int]],
        max_pixels: int = MAX_PIXELS,
        heard: Callable[[int], object] = lambda _: None,
    ) -> Iterator[Prediction]:
        """What the network says about each file that is an image.

        Files that cannot be read are left out, and `notes` says so.

        Args:
            files: their paths and sizes in bytes.
            max_pixels: of the largest file that is decoded.
            heard: is told how many more files were looked at.
        """
        module = self.network.build().eval()
        for start in range(0, len(files), BATCH):
            some = files[start : start + BATCH]
            opened = [(path, self._pixels(path, size, max_pixels)) for path, size in some]
            images = [(str(path), pixels) for path, pixels in opened if pixels is not None]
            if images:
                found = self._probabilities(module, np.stack([pixels for _, pixels in images]))
                yield from map(Prediction, [name for name, _ in images], found)
            heard(len(some))

    def _pixels(self, path: Path, size: int, max_pixels: int) -> np.ndarray | None:
        """An image as the network takes it, uint8 (height, width, channels); None for a file left out."""
        image = self._decoded(path, size, max_pixels)
        if image is None:
            return None
        self._note(path, image)
        return with_channels(image.pixels, self.network.input_shape[0])

    def _decoded(self, path: Path, size: int, max_pixels: int) -> Decoded | None:
        """The image in a file; None for a file left out."""
        where = f"image {str(path)!r}"
        try:
            member = read_member(path, path.parts, size)
        except DatasetError as error:
            self._leave_out(path, "unreadable: it is too large or may not be read", error)
            return None
        if member.too_large:
            self._leave_out(path, in_general(member.too_large), DatasetError(f"{where} {member.too_large}"))
            return None
        if member.data is None:
            self._leave_out(path, member.left_out)
            return None
        try:
            return decode_image(member.data, where, self.network.input_shape[1], self.levels, max_pixels)
        except DatasetError as error:
            self._leave_out(path, in_general(str(error).removeprefix(where).strip()), error)
            return None

    def _note(self, path: Path, image: Decoded) -> None:
        """Add the remarks on an image that was decoded."""
        for remark in remarks(image):
            self.notes.add(remark, (str(path),))
        if self._differs_in_range(image):
            self.notes.add(
                "of 16 bits, nearly black or white: their values have another range than the training images",
                (str(path),),
            )
        if image.pixels.ndim == 3 and self.network.input_shape[0] == 1:
            self.notes.add("in colour, made grey because the network takes grey images", (str(path),))

    def _differs_in_range(self, image: Decoded) -> bool:
        """Whether an image of more than 8 bits uses far fewer, or more, of them than the training images."""
        scale, offset = self.levels
        if image.deep is not None:
            return not DARK <= image.deep[1] * scale + offset < 2 * 256
        return image.deep_colour and int(image.pixels.max()) < DARK

    def _leave_out(self, path: Path, reason: str, error: DatasetError | None = None) -> None:
        self.notes.add(f"left out, {reason}", (str(path),))
        self.unreadable = self.unreadable or str(error or "")

    @torch.no_grad()
    def _probabilities(self, module: torch.nn.Module, images: np.ndarray) -> np.ndarray:
        labels = np.zeros(len(images), dtype=np.int64)
        loader = ImageLoader(images, labels, self.normalisation, torch.device("cpu"))
        batches = [logits(module, batch, torch.float32).softmax(1) for batch, _ in loader.in_order(BATCH)]
        return torch.cat(batches).numpy()
