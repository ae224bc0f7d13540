"""Images in ImageFolder layout: a folder per class, in a folder or a tar archive."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from state_space.errors import printable
from trainers.datasets.dataset import DatasetError, ImageDataset, shape_text
from trainers.datasets.images import SUFFIXES, decode_image
from trainers.datasets.layout import Layout, find_layout
from trainers.datasets.members import Member, read_archive, read_folder

MAX_DECODED_BYTES = 16 * 2**30
"""Most bytes of pixels that are decoded into memory."""

_LOG = logging.getLogger(__name__)
_BARS_SHOWN = ContextVar("bars_shown", default=True)

Parts = tuple[str, ...]


def read_image_folder(source: Path, name: str, image_size: int | None = None) -> ImageDataset:
    """Read ``train/<class>/*`` and optional ``test/<class>/*`` (or ``val``), or ``<class>/*`` = all training.

    Enclosing folders are ignored. Classes and images are in alphabetical order, so that a folder and its
    archive give the same data set. Where any image has colour, grey ones are repeated to RGB.

    Args:
        source: a folder or a tar archive.
        name: name of the data set.
        image_size: resize every image to a square of this side.

    Raises:
        DatasetError: see ``read_folder``, ``read_archive``, ``decode_image`` and ``find_layout``; or the
            images differ in size.
    """
    members = read_folder(source) if source.is_dir() else read_archive(source)
    folders: set[Parts] = set()
    pixels = _decode_all(_note_folders(members, folders), str(source), image_size)
    if not pixels:
        raise DatasetError(f"no images in {str(source)!r} (looked for {' '.join(SUFFIXES)})")
    layout = find_layout(pixels, folders, str(source))
    if layout.unused:
        _LOG.warning("%r: images in %s are not used", str(source), ", ".join(map(repr, layout.unused)))
    return _assemble(name, layout, pixels)


def _note_folders(members: Iterable[Member], folders: set[Parts]) -> Iterator[Member]:
    """Pass the image files on and put the folders aside: an empty class shows only there."""
    for member in members:
        if member.data is None:
            folders.add(member.parts)
        else:
            yield member


@contextmanager
def decoding_bar(shown: bool) -> Iterator[None]:
    """Whether a progress bar is shown in this block where decoding images takes long."""
    token = _BARS_SHOWN.set(shown)
    try:
        yield
    finally:
        _BARS_SHOWN.reset(token)


def _decode_all(members: Iterable[Member], source: str, image_size: int | None) -> dict[Parts, np.ndarray]:
    """Decode one by one: on 32 x 32 images a pool of two threads took twice the time of none."""
    pixels = _Pixels(source)
    with (
        warnings.catch_warnings(),
        tqdm(
            desc=printable(f"decoding {Path(source).name}", keep=""),
            unit=" images",
            delay=1,
            leave=False,
            disable=not _BARS_SHOWN.get(),
        ) as progress,
    ):
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # decode_image has its own limit
        for member in members:
            if member.data is not None:
                where = f"image {str(member)!r} of {source!r}"
                pixels.add(member.parts, decode_image(member.data, where, image_size))
                progress.update()
    return pixels.by_path


class _Pixels:
    """The decoded images by path; refuses the first one that differs in size from those before."""

    def __init__(self, source: str) -> None:
        self.by_path: dict[Parts, np.ndarray] = {}
        self._source = source
        self._bytes = 0
        self._first: tuple[Parts, tuple[int, ...]] | None = None

    def add(self, parts: Parts, image: np.ndarray) -> None:
        if self._first is None:
            self._first = parts, image.shape[:2]
        first_parts, shape = self._first
        if image.shape[:2] != shape:
            raise DatasetError(
                f"images of {self._source!r} differ in size: {'/'.join(first_parts)!r} is "
                f"{shape_text(shape)}, {'/'.join(parts)!r} is {shape_text(image.shape[:2])} "
                "(height x width); --image-size N resizes all to N x N"
            )
        self._bytes += image.nbytes
        if self._bytes > MAX_DECODED_BYTES:
            raise DatasetError(
                f"images of {self._source!r} need more than {MAX_DECODED_BYTES:,} bytes of memory; "
                "--image-size N makes them smaller"
            )
        self.by_path[parts] = image


def _assemble(name: str, layout: Layout, pixels: dict[Parts, np.ndarray]) -> ImageDataset:
    channels = 3 if any(image.ndim == 3 for image in pixels.values()) else 1
    side = next(iter(pixels.values())).shape[:2]

    def stack(files: list[tuple[Parts, int]]) -> tuple[np.ndarray, np.ndarray]:
        images = np.empty((len(files), *side, channels), dtype=np.uint8)
        for row, (parts, _) in enumerate(files):
            image = pixels[parts]
            images[row] = image if image.ndim == 3 else image[..., np.newaxis]  # grey broadcasts to RGB
        return images, np.array([label for _, label in files], dtype=np.int64)

    return ImageDataset(name, *stack(layout.train), *stack(layout.test), layout.class_names)
