"""Images in ImageFolder layout: a folder per class, in a folder or a tar archive."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from tqdm import tqdm

from state_space.errors import printable
from trainers.datasets.content import Content
from trainers.datasets.dataset import ImageDataset
from trainers.datasets.decoding import UPPER_BYTE, levels_of
from trainers.datasets.images import MAX_PIXELS
from trainers.datasets.members import Member, read_archive, read_folder

_BARS_SHOWN = ContextVar("bars_shown", default=True)


def read_image_folder(
    source: Path,
    name: str,
    image_size: int | None = None,
    *,
    own_validation: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> ImageDataset:
    """Read `train/<class>/*` and optional `test/<class>/*` (or `val`), or `<class>/*` = all training.

    Classes and images are in alphabetical order, so that a folder and its archive give the same data set.
    Where any image has colour, grey ones are repeated to RGB. Files that cannot be decoded are left out; the
    data set's `notes` say so, and its `unreadable` tells the first. Grey pixels of more than 8 bits are
    scaled by the range of all training images, see `levels_of`.

    Args:
        source: a folder or a tar archive.
        name: name of the data set.
        image_size: resize every image to a square of this side.
        own_validation: whether `val` is a validation set, see `find_layout`.
        max_pixels: largest image that is decoded, see `decode_image`.

    Raises:
        DatasetError: see `read_folder`, `read_archive` and `find_layout`; or no image can be decoded,
            or the images differ in size.
    """
    content = Content(str(source), image_size, max_pixels)
    with _decoding(source.name) as progress:
        for member in members_of(source):
            content.add(member)
            progress.update(member.data is not None)
    content.follow_links()
    layout = content.layout(own_validation)
    levels = levels_of([content.deep[parts] for parts, _ in layout.train if parts in content.deep])
    if levels not in (None, UPPER_BYTE):
        with _decoding(source.name) as progress:
            for member in members_of(source):
                progress.update(content.decode_again(member, levels))
    return content.dataset(name, layout, levels or UPPER_BYTE)


def members_of(source: Path) -> Iterator[Member]:
    """What is in a folder or archive."""
    return read_folder(source) if source.is_dir() else read_archive(source)


@contextmanager
def decoding_bar(shown: bool) -> Iterator[None]:
    """Whether a progress bar is shown in this block where decoding images takes long."""
    token = _BARS_SHOWN.set(shown)
    try:
        yield
    finally:
        _BARS_SHOWN.reset(token)


@contextmanager
def _decoding(name: str) -> Iterator[tqdm]:
    """A bar, and none of Pillow's warnings about damaged metadata.

    Images are decoded one by one: on 32 x 32 images a pool of two threads took twice the time of none.
    """
    with (
        warnings.catch_warnings(),
        tqdm(
            desc=printable(f"decoding {name}", keep=""),
            unit=" images",
            delay=1,
            leave=False,
            disable=not _BARS_SHOWN.get(),
        ) as progress,
    ):
        warnings.filterwarnings("ignore", module="PIL")
        yield progress
