"""Decoded data sets on disk, so that every image is decoded once.

An entry is one uncompressed `.npz` file without pickles. The zip container carries a checksum of each
array, which numpy's reader compares: a damaged entry shows when it is read, and is then made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from io import BufferedWriter
from pathlib import Path
from uuid import uuid4

import numpy as np
import platformdirs

from trainers.datasets.dataset import PARTS, ImageDataset
from trainers.datasets.npz import sizes
from trainers.datasets.walk import remove_stale, walk
from trainers.files import not_written, replacement

_FIELDS = tuple(f"{part}_{what}" for part in PARTS for what in ("images", "labels"))
_FIRST_FORMAT = 1  # which has neither validation images nor notes
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes:
        name: name of the resulting data set.
        files: the files and folders it is read from; without any it is not cached.
        read: decodes it; the argument is `image_size`.
        version: raised whenever such sources are read differently, so that entries of older
            versions are not taken for current ones.
        options: what else decides what is read.
        images: the folder or archive of image files, if it is one.
    """

    name: str
    files: tuple[Path, ...]
    read: Callable[[int | None], ImageDataset]
    version: int = _FIRST_FORMAT
    options: tuple[Hashable, ...] = ()
    images: Path | None = None


def default_cache_dir() -> Path:
    """The user's cache folder for this project, such as `~/.cache/metaqnn`."""
    return Path(platformdirs.user_cache_dir("metaqnn"))


def read_cached(source: Source, image_size: int | None, cache_dir: Path) -> ImageDataset:
    """Read `source` from the cache, or decode it and put it there.

    An entry counts only while path, size and times of change of every file are as they were; one source
    at one `image_size` has one entry, which is overwritten when the files change. A cache that cannot be
    written costs a warning, not the data set.

    Raises:
        DatasetError: decoding fails, or `walk` refuses the files.
    """
    if not source.files:
        return source.read(image_size)
    entry = _entry_path(source, image_size, cache_dir)
    signature = _signature(source.files)
    cached = _load(entry, signature, source.version)
    if cached is not None:
        return replace(cached, name=source.name)
    dataset = source.read(image_size)
    try:
        _store(entry, signature, dataset, source.version)
    except OSError as error:
        reason = not_written(entry.parent, error)
        _LOG.warning("decoded images of %r are not cached: %s", source.name, reason)
    return dataset


def _entry_path(source: Source, image_size: int | None, cache_dir: Path) -> Path:
    paths = [str(path.resolve()) for path in source.files]
    what = (source.version, paths, image_size, *source.options)
    key = hashlib.sha256(repr(what).encode()).hexdigest()[:16]
    return cache_dir / "datasets" / f"{source.files[0].name.split('.')[0]}-{key}.npz"


def _signature(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for top in files:
        for path, status in walk(top):
            # The time of the last change cannot be set back as that of the last modification can.
            times = status.st_mtime_ns, status.st_ctime_ns
            digest.update(repr((str(path.relative_to(top)), status.st_size, times)).encode())
    return digest.hexdigest()


def _load(entry: Path, signature: str, version: int) -> ImageDataset | None:
    try:
        if sum(size for _, size in sizes(entry, lambda _: 1)) > entry.stat().st_size:
            raise ValueError("its arrays are larger than the file, which is not compressed")
        with np.load(entry, allow_pickle=False) as arrays:
            if str(arrays["signature"]) != signature:
                return None
            names = tuple(arrays["class_names"].tolist())
            if version == _FIRST_FORMAT:
                train, train_labels, test, test_labels = (arrays[field] for field in _FIELDS[:4])
                return ImageDataset(entry.stem, train, train_labels, test, test_labels, names)
            about = json.loads(str(arrays["about"]))
            about["levels"], about["notes"] = tuple(about["levels"]), tuple(about["notes"])
            parts = {field: arrays[field] for field in _FIELDS}
            return ImageDataset(entry.stem, class_names=names, **parts, **about)
    except OSError:  # there is none, or another user's; where that matters, `_store` will say so
        return None
    except Exception as error:  # which one depends on the byte that is wrong
        _LOG.warning("damaged cache file %r is made anew (%s)", str(entry), type(error).__name__)
        return None


def _store(entry: Path, signature: str, dataset: ImageDataset, version: int) -> None:
    """Write the entry wholly or not at all."""
    arrays = {field: getattr(dataset, field) for field in _FIELDS}
    if version == _FIRST_FORMAT:
        arrays = {field: arrays[field] for field in _FIELDS[:4]}
    else:
        about = {name: getattr(dataset, name) for name in ("levels", "notes", "unreadable")}
        arrays["about"] = np.array(json.dumps(about))
    entry.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(entry.parent, "*.tmp")
    aside = entry.with_name(f"{entry.stem}{uuid4().hex[:8]}.tmp")  # others may write the same entry
    with replacement(entry, aside, _create) as file:
        np.savez(file, signature=signature, class_names=np.array(dataset.class_names), **arrays)


def _create(path: Path) -> BufferedWriter:
    """A new file that only this user may read: the images may be private."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))
