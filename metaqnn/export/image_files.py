"""Whether `model.py` opens image files as they were opened for the training."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from metaqnn.export.card import ExportError
from metaqnn.export.formats import load_source
from trainers import DatasetError, ImageDataset
from trainers.datasets import image_files
from trainers.datasets.images import MAX_PIXELS, decode_image, with_channels
from trainers.datasets.notes import digest_of

MOST = 300
"""About how many files are opened, spread over the data set: all, if there are fewer than twice as many."""


@dataclass(frozen=True)
class ImageFiles:
    """The files that a data set was read from, and what became of them.

    Attributes:
        name: of the data set, as the search calls it.
        data_dir: where it is looked for first.
        dataset: the images as networks saw them.
        image_size: to which they were resized; None for their own size.
        max_pixels: of the largest file that was decoded.
    """

    name: str
    data_dir: str | None
    dataset: ImageDataset
    image_size: int | None
    max_pixels: int = MAX_PIXELS

    def check(self, folder: Path) -> int:
        """Compare what `read_image` of a written `model.py` gives with the images of the data set.

        Returns:
            How many files were compared: 0 where the data set has none, or its networks take other than
            grey or RGB images.

        Raises:
            ExportError: an image differs; names its file.
        """
        module = load_source(folder)
        if not hasattr(module, "read_image"):
            return 0
        compared = 0
        for name, data, expected in self._sample():
            found = module.read_image(io.BytesIO(data))[0].permute(1, 2, 0) * 255
            if not np.array_equal(found.round().byte().numpy(), expected):
                raise ExportError(f"model.py opens {name!r} of {self.name!r} differently from the training")
            compared += 1
        return compared

    def _sample(self) -> Iterator[tuple[str, bytes, np.ndarray]]:
        """Names and content of some files, with their images in the data set."""
        known, images = self._digests()
        every = max(1, images // MOST)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")
            for member in image_files(self.name, self.data_dir):
                if member.data is None or crc32(str(member).encode("utf-8", "surrogateescape")) % every:
                    continue
                pixels = self._decoded(member.data)
                if pixels is not None and digest_of(pixels) in known:
                    yield str(member), member.data, pixels

    def _decoded(self, data: bytes) -> np.ndarray | None:
        """An image as the data set has it: (height, width, channels); None for a file that was left out."""
        dataset = self.dataset
        try:
            pixels = decode_image(data, "", self.image_size, dataset.levels, self.max_pixels).pixels
        except DatasetError:
            return None
        return with_channels(pixels, dataset.input_shape[0])

    def _digests(self) -> tuple[set[bytes], int]:
        """The digests of all images of the data set, and how many images there are."""
        dataset = self.dataset
        parts = (dataset.train_images, dataset.validation_images, dataset.test_images)
        return {digest_of(image) for part in parts for image in part}, sum(map(len, parts))
