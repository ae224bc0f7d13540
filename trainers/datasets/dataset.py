"""The one shape in which every data set reaches the trainers: arrays of 8-bit pixels and integer labels.

And how much memory there is for them.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from state_space.errors import printable
from trainers.datasets.decoding import UPPER_BYTE

MAX_BYTES = 16 * 2**30
"""Most bytes of a data set's images where the memory of the machine allows it."""
PARTS = ("train", "test", "validation")
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@cache
def machine_memory() -> int:
    """Bytes of memory that this machine has, or its container may use; where nobody says, 32 GiB."""
    limits = []
    for path in map(Path, _CGROUP_LIMITS):
        with suppress(OSError, ValueError):  # there is no such file, or it says that there is no limit
            limits.append(int(path.read_text("ascii")))
    if hasattr(os, "sysconf"):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits, default=2 * MAX_BYTES)


def most_bytes() -> int:
    """Most bytes of images that are read into memory: half of the machine's or container's, at most 16 GiB.

    The other half is for the copies that resizing and training make.
    """
    return min(machine_memory() // 2, MAX_BYTES)


class DatasetError(ValueError):
    """A data set that cannot be used as asked; the message is one line that quotes the bad value.

    What it quotes may come from anywhere: control characters are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, keep=""))


def one_line(error: BaseException) -> str:
    """The message of an error, or its kind where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def reason_of(error: BaseException) -> str:
    """An error of code that is not ours, as one line: its message may be of any kind, or fail itself."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}".rstrip(": ")


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A labelled set of images that all have one size, with an optional test and validation set.

    The constructor checks everything below, so whoever holds an `ImageDataset` may rely on it.

    Attributes:
        name: the name it is shown under.
        train_images: uint8, shape (n, height, width, channels), C-contiguous; values 0..255.
        train_labels: int64, shape (n,), values 0..num_classes-1; every class occurs.
        test_images: uint8, shape (m, height, width, channels); m = 0 when there is no test set.
        test_labels: int64, shape (m,).
        class_names: one distinct name per class, in the order of the labels; at least two.
        validation_images: uint8, shape (k, height, width, channels); k = 0 when the data set does not say
            which images validate, so that they are drawn from the training images.
        validation_labels: int64, shape (k,).
        levels: scale and offset by which grey pixels of more than 8 bits were made 8-bit, see `decode`.
        notes: remarks on its files, a line each.
        unreadable: the error about the first file that was left out because it could not be read, or empty.

    Raises:
        DatasetError: a type, shape or label is not as described, or a class has no training image.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    validation_images: np.ndarray = None  # type: ignore[assignment]  # set below
    validation_labels: np.ndarray = None  # type: ignore[assignment]
    levels: tuple[float, float] = UPPER_BYTE
    notes: tuple[str, ...] = ()
    unreadable: str = ""

    def __post_init__(self) -> None:
        _check_class_names(self.name, self.class_names)
        for part in PARTS:
            if getattr(self, f"{part}_images") is None and part == "validation":
                object.__setattr__(self, "validation_images", self.train_images[:0])
                object.__setattr__(self, "validation_labels", self.train_labels[:0])
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            _check_part(f"{part} images of {self.name!r}", images, labels, self.class_names)
            object.__setattr__(self, f"{part}_images", np.ascontiguousarray(images))
            object.__setattr__(self, f"{part}_labels", np.ascontiguousarray(labels))
            if images.shape[1:] != self.train_images.shape[1:]:
                raise DatasetError(
                    f"{part} images of {self.name!r} are {shape_text(images.shape[1:])}, "
                    f"its training images {shape_text(self.train_images.shape[1:])}; they must agree"
                )
        counts = np.bincount(self.train_labels, minlength=self.num_classes)
        if not counts.all():
            empty = int(np.argmin(counts))
            raise DatasetError(
                f"class {self.class_names[empty]!r} (label {empty}) of {self.name!r} has no training image"
            )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width): the order in which networks take their input."""
        _, height, width, channels = self.train_images.shape
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Images of each class, by part and name: {"train": {"cat": 5000, ...}, "test": {...}}.

        The part "validation" is there if the data set says which images validate.
        """
        parts = {"train": self.train_labels, "test": self.test_labels}
        if len(self.validation_labels):
            parts["validation"] = self.validation_labels
        numbers = {part: np.bincount(labels, minlength=self.num_classes) for part, labels in parts.items()}
        return {part: dict(zip(self.class_names, n.tolist(), strict=True)) for part, n in numbers.items()}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over pixels, labels and class names; the same content under another name agrees."""
        arrays = [self.train_images, self.train_labels, self.test_images, self.test_labels]
        if len(self.validation_labels):
            arrays += [self.validation_images, self.validation_labels]
        return self._digest(arrays)

    @cached_property
    def test_fingerprint(self) -> str:
        """Like `fingerprint`, of the test images alone: it is the same whichever others are used."""
        return self._digest([self.test_images, self.test_labels])

    def _digest(self, arrays: list[np.ndarray]) -> str:
        digest = hashlib.sha256(repr(tuple(self.class_names)).encode())
        for array in arrays:
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(array.reshape(-1).data)
        return digest.hexdigest()


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape as people do: `32x32x3`; that of a single number as `()`."""
    return "x".join(map(str, shape)) or "()"


def require_plain(array: Any, what: str) -> None:
    """Refuse an array that is not what it seems; anything else may pass.

    Args:
        array: what a plain array is to be made of.
        what: names it in errors.

    Raises:
        DatasetError: it holds masked values, which a plain array does not; or it repeats itself by its
            strides, and would be larger than the memory as a plain one.
    """
    if np.ma.is_masked(array):
        masked = int(np.ma.getmaskarray(array).sum())
        raise DatasetError(
            f"{what}: {masked:,} values are masked; leave the images out, or fill the values in"
        )
    if not isinstance(array, np.ndarray) or array.flags.c_contiguous:
        return
    if array.nbytes > most_bytes():
        raise DatasetError(
            f"{what} would take {array.nbytes:,} bytes as a plain array; at most {most_bytes():,} are read "
            "here, half of the memory"
        )


def _check_class_names(name: str, class_names: tuple[str, ...]) -> None:
    if not isinstance(class_names, tuple) or not all(isinstance(item, str) for item in class_names):
        raise DatasetError(f"class names of {name!r} must be a tuple of strings, not {class_names!r}")
    if len(class_names) < 2:
        raise DatasetError(
            f"{name!r} has {len(class_names)} class(es) {class_names!r}; at least 2 are needed"
        )
    if len(set(class_names)) < len(class_names):
        twice = next(item for item in class_names if class_names.count(item) > 1)
        raise DatasetError(f"class name {twice!r} of {name!r} occurs more than once")


def _check_part(what: str, images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> None:
    for array, dtype, ndim in ((images, np.uint8, 4), (labels, np.int64, 1)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            kind = "labels" if ndim == 1 else "pixels"
            raise DatasetError(f"{what}: {kind} must be a {ndim}-d {dtype.__name__} array, not {found}")
        require_plain(array, what)
    if 0 in images.shape[1:]:
        raise DatasetError(f"{what} have no pixels: shape {shape_text(images.shape)}")
    if len(images) != len(labels):
        raise DatasetError(f"{what}: {len(images)} images but {len(labels)} labels")
    outside = labels[(labels < 0) | (labels >= len(class_names))]
    if len(outside):
        raise DatasetError(
            f"{what}: label {outside[0]} is out of range; {len(class_names)} classes have "
            f"labels 0..{len(class_names) - 1}"
        )
