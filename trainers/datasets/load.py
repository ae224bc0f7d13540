"""From what the user typed to a data set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from state_space.errors import printable
from trainers.datasets.cache import Source, default_cache_dir, read_cached
from trainers.datasets.dataset import DatasetError, ImageDataset, shape_text
from trainers.datasets.find import DATASET_NAMES, Wanted, find
from trainers.datasets.folder import members_of
from trainers.datasets.images import MAX_PIXELS, resize_images
from trainers.datasets.members import Member
from trainers.datasets.named import NAMED_SETS
from trainers.datasets.split import stratified_subset

MAX_IMAGE_SIZE = 1024
_LOG = logging.getLogger(__name__)


def load_dataset(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    extra: bool = False,
    own_validation: bool = False,
    max_pixels: int = MAX_PIXELS,
    strict: bool = False,
    tell: bool = True,
) -> ImageDataset:
    """Load a data set by name, from the user's own files, or from a function.

    `name` is looked up in this order:

    1. `module:function`: see `read_callable`; or what is written as a path and is there: an absolute one,
       `./NAME`, `../NAME`, `~/NAME` or `NAME/`.
    2. in `data_dir`: `NAME.npz`, `NAME.tar.gz`, `NAME.tgz`, `NAME.tar`, the folder `NAME`,
       and for a name in `DATASET_NAMES` torchvision's own layout, also inside `NAME`.
    3. a name in `DATASET_NAMES`: an earlier download, else a download into `data_dir` (the cache
       where that is not given or not writable).
    4. a path to a folder or tar archive (`read_image_folder`) or an `.npz` file (`read_npz`).

    Args:
        name: what to load.
        data_dir: folder to look in first.
        image_size: resize images to squares of this side in pixels (bilinear, antialiased, aspect ratio
            not kept); needed where images differ in size or are not square.
        limit: use at most this many training images, class proportions unchanged; the test set stays whole.
        seed: addresses the draw of `limit`.
        cache_dir: where decoded images and downloads are kept; default `default_cache_dir()`.
        download: whether a named data set may be downloaded.
        extra: add SVHN's extra set to its training images.
        own_validation: take a folder's `val`, or the arrays `x_val` and `y_val`, for its validation
            images. If not, `val` is the test set of a folder without `test`, and all else is not used.
        max_pixels: largest image file that is decoded, in pixels, see `decode_image`.
        strict: refuse a data set of which a file cannot be read; by default such files are left out.
        tell: whether the data set's `notes` are logged as warnings.

    Raises:
        DatasetError: nothing is found, or what is found cannot be used; one line.
    """
    _check_options(name, image_size, limit, extra)
    wanted = Wanted(extra=extra, own_validation=own_validation, max_pixels=max_pixels)
    try:
        cache = default_cache_dir() if cache_dir is None else Path(cache_dir).expanduser()
        folder = None if data_dir is None else Path(data_dir).expanduser()
        source = find(name, folder, cache, download, wanted)
    except (OSError, RuntimeError) as error:  # a folder that may not be read, or the home of no user
        raise DatasetError(f"cannot look for data set {name!r}: {error}") from error
    dataset = read_cached(_resizing(source), image_size, cache)
    if strict and dataset.unreadable:
        raise DatasetError(f"{dataset.unreadable} (without --strict such files are left out)")
    _check_square(dataset)
    for note in dataset.notes if tell else ():
        _LOG.warning("%s: %s", printable(repr(name), keep=""), printable(note, keep=""))
    return dataset if limit is None else _limited(dataset, limit, seed)


def image_files(name: str, data_dir: str | os.PathLike[str] | None = None) -> Iterator[Member]:
    """The files of a data set that is a folder or archive of images, and nothing for others.

    Args:
        name: as for `load_dataset`.
        data_dir: as for `load_dataset`.

    Raises:
        DatasetError: nothing is found, or the files cannot be read.
    """
    folder = None if data_dir is None else Path(data_dir).expanduser()
    source = find(name, folder, default_cache_dir(), download=False, wanted=Wanted())
    return iter(()) if source.images is None else members_of(source.images)


def _check_options(name: str, image_size: int | None, limit: int | None, extra: bool) -> None:
    if not name:
        raise DatasetError(f"the data set's name is empty; known are {', '.join(DATASET_NAMES)}")
    if image_size is not None and not 1 <= image_size <= MAX_IMAGE_SIZE:
        raise DatasetError(f"image size {image_size} is out of range; 1..{MAX_IMAGE_SIZE} pixels are allowed")
    if limit is not None and limit < 1:
        raise DatasetError(f"limit {limit} is out of range; it must be 1 or more")
    if extra and not (name in NAMED_SETS and NAMED_SETS[name].has_extra):
        raise DatasetError(f"data set {name!r} has no extra set; svhn has one")


def _limited(dataset: ImageDataset, limit: int, seed: int) -> ImageDataset:
    """At most so many training images, with a note on how many there are."""
    images, labels = dataset.train_images, dataset.train_labels
    if limit >= len(labels):
        return dataset
    kept = stratified_subset(labels, limit, seed)
    note = f"{limit:,} of {len(labels):,} training images are used (--train-limit N uses more)"
    notes = (*dataset.notes, note)
    return replace(dataset, train_images=images[kept], train_labels=labels[kept], notes=notes)


def _resizing(source: Source) -> Source:
    """The same source, but images that come at their own size are resized before they are cached."""

    def read(image_size: int | None) -> ImageDataset:
        dataset = source.read(image_size)
        if image_size is None:
            return dataset
        train, test, validation = (
            resize_images(images, image_size)
            for images in (dataset.train_images, dataset.test_images, dataset.validation_images)
        )
        return replace(dataset, train_images=train, test_images=test, validation_images=validation)

    return replace(source, read=read)


def _check_square(dataset: ImageDataset) -> None:
    _, height, width = dataset.input_shape
    if height != width:
        raise DatasetError(
            f"images of {dataset.name!r} are {shape_text((height, width))} (height x width), not square; "
            "--image-size N resizes them to N x N"
        )
