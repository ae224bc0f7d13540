"""Data sets that come as arrays, and `.npz` files of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainers.datasets.dataset import (
    DatasetError,
    ImageDataset,
    most_bytes,
    reason_of,
    require_plain,
    shape_text,
)
from trainers.datasets.notes import SHOWN, digest_of, note_of_leaks
from trainers.datasets.npz import sizes

NAMES = {
    "x_train": ("x_train", "train_images"),
    "y_train": ("y_train", "train_labels"),
    "x_test": ("x_test", "test_images"),
    "y_test": ("y_test", "test_labels"),
    "x_val": ("x_val", "val_images", "x_valid", "valid_images", "x_validation", "validation_images"),
    "y_val": ("y_val", "val_labels", "y_valid", "valid_labels", "y_validation", "validation_labels"),
}
"""Our names of the arrays, and all that are understood: Keras's first, then those of MedMNIST and others."""

IMAGES = {name for ours, names in NAMES.items() if ours.startswith("x") for name in names}
LABEL_BYTES = 256
"""About what an image takes besides its pixels while its data set is made: a label, a name, a digest."""


def dataset_from_arrays(
    name: str, arrays: Mapping[str, Any], where: str, own_validation: bool = False
) -> ImageDataset:
    """Build a data set from named arrays.

    Args:
        name: name of the data set.
        arrays: `x_train` (n, height, width) or (n, height, width, channels), integers 0..255;
            `y_train` (n,) or (n, 1), integers; optionally `x_test`, `y_test` and `class_names`
            (default "0", "1", ...), and `x_val`, `y_val`. `train_images`, `train_labels` and so on
            are understood as well.
        where: names the source in errors.
        own_validation: whether `x_val` is the validation set; if not, it is not used, and a note says so.

    Raises:
        DatasetError: an array is missing or not as described, or see `ImageDataset`.
    """
    found = {ours: next((key for key in keys if key in arrays), None) for ours, keys in NAMES.items()}
    for key in ("x_train", "y_train"):
        if found[key] is None:
            held = ", ".join(map(repr, arrays)) or "nothing"
            raise DatasetError(f"{where} has no {key!r} (or {NAMES[key][1]!r}); it holds {held}")
    if found["x_val"] is None:
        found["y_val"] = None
    notes = (*_notes_of_validation(found, own_validation), *_notes_of_unused(arrays, found))
    if not own_validation or None in (found["x_val"], found["y_val"]):
        found |= {"x_val": None, "y_val": None}
    if (found["x_test"] is None) != (found["y_test"] is None):
        raise DatasetError(f"{where} has only one of 'x_test' and 'y_test'; give both or neither")
    parts = _converted(arrays, found, where)
    names = _class_names(arrays.get("class_names"), parts["y_train"])
    return ImageDataset(
        name,
        parts["x_train"],
        parts["y_train"],
        parts["x_test"],
        parts["y_test"],
        names,
        parts["x_val"],
        parts["y_val"],
        notes=(*notes, *_note_of_leaks(found, parts)),
    )


def _converted(
    arrays: Mapping[str, Any], found: Mapping[str, str | None], where: str
) -> dict[str, np.ndarray]:
    """Pixels and labels of each part by our names; none of a part that is not there."""
    parts: dict[str, np.ndarray] = {}
    for ours, theirs in found.items():
        if theirs is not None:
            convert = _pixels if ours.startswith("x") else _labels
            what = f"{theirs!r} of {where}"
            require_plain(arrays[theirs], what)
            parts[ours] = convert(np.asarray(arrays[theirs]), what)
            _check_number(ours, parts, what)
    for part in ("test", "val"):
        parts.setdefault(f"x_{part}", np.empty((0, *parts["x_train"].shape[1:]), dtype=np.uint8))
        parts.setdefault(f"y_{part}", np.empty(0, dtype=np.int64))
    return parts


def _check_number(ours: str, parts: Mapping[str, np.ndarray], what: str) -> None:
    """Refuse labels that are more or fewer than the images, before anything is made of each."""
    images = len(parts[f"x{ours[1:]}"])
    if len(parts[ours]) != images:
        raise DatasetError(f"{what}: {images} images but {len(parts[ours])} labels")


def _notes_of_unused(arrays: Collection[str], found: Mapping[str, str | None]) -> tuple[str, ...]:
    """Lines about arrays that are not used: one may be a test set."""
    known = {"class_names", *(name for names in NAMES.values() for name in names)}
    unused = {
        "with unknown names": [name for name in arrays if name not in known],
        "beside others that mean the same, or without images,": [
            name for name in arrays if name in known - {"class_names", *found.values()}
        ],
    }
    return tuple(_unused(what, names) for what, names in unused.items() if names)


def _unused(what: str, names: list[str]) -> str:
    some = ", ".join(map(repr, names[:SHOWN])) + ", ..." * (len(names) > SHOWN)
    number, are = (f"{len(names)} arrays", "are") if len(names) > 1 else ("1 array", "is")
    return f"{number} {what} {are} not used: {some}"


def _note_of_leaks(found: Mapping[str, str | None], parts: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Lines about images that are in the training set and in another one."""
    names = {"train": "x_train", "validation": "x_val", "test": "x_test"}
    return note_of_leaks(
        {
            part: {f"{found[key]}[{row}]": digest_of(image) for row, image in enumerate(parts[key])}
            for part, key in names.items()
        }
    )


def _notes_of_validation(found: Mapping[str, str | None], own_validation: bool) -> tuple[str, ...]:
    """What becomes of a validation set, if there is one."""
    images = found["x_val"]
    if images is None:
        return ()
    if found["y_val"] is None:
        return (f"images in {images!r} have no labels in 'y_val': they are left out",)
    return (f"images in {images!r} validate" if own_validation else f"images in {images!r} are not used",)


def read_npz(path: Path, name: str, own_validation: bool = False) -> ImageDataset:
    """Read the arrays that `dataset_from_arrays` describes from an `.npz` file, never unpickling.

    Raises:
        DatasetError: the file is damaged, holds Python objects, or its arrays do not fit.
    """
    where = repr(str(path))
    ours = [ours for ours in NAMES if own_validation or not ours.endswith("val")]
    wanted = {"class_names", *(key for name in ours for key in NAMES[name])}
    try:
        _check_sizes(path, where, wanted)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: _read_array(archive, key, where) for key in archive.files if key in wanted}
            held = dict.fromkeys(archive.files)
    except DatasetError:
        raise
    except MemoryError as error:
        raise DatasetError(f"{where} needs more memory than there is: {error}") from error
    except Exception as error:  # which one depends on the byte that is wrong
        raise DatasetError(f"{where} is damaged or not an .npz file: {reason_of(error)}") from error
    return dataset_from_arrays(name, {**held, **arrays}, where, own_validation)


def _check_sizes(path: Path, where: str, wanted: Collection[str]) -> None:
    """Refuse arrays that together need too much memory."""

    def least(name: str) -> int:
        return 1 if name in IMAGES else LABEL_BYTES

    found = [(name, size) for name, size in sizes(path, least) if name in wanted]
    total = sum(size for _, size in found)
    if total > most_bytes():
        largest = max(found, key=lambda item: item[1])[0]
        raise DatasetError(
            f"the arrays of {where} are too large: they need {total:,} bytes of memory, most of them "
            f"{largest!r}; at most {most_bytes():,} are read here, half of the memory"
        )


def _read_array(archive: Mapping[str, Any], key: str, where: str) -> np.ndarray:
    try:
        return np.asarray(archive[key])
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DatasetError(
                f"{key!r} of {where} holds Python objects (a pickle), which are never read; "
                "save it as an array of numbers, or class names as one of strings"
            ) from None
        raise


def _pixels(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4:
        raise DatasetError(
            f"{what} has shape {shape_text(array.shape)}; "
            "(n, height, width) or (n, height, width, channels) is needed"
        )
    if _has_channels_first(array.shape):
        raise DatasetError(f"{what} has shape {shape_text(array.shape)}: channels must come last")
    if array.dtype.kind not in "iu":
        raise DatasetError(f"{what} has dtype {array.dtype}; pixels must be integers 0..255 (uint8)")
    if array.dtype != np.uint8 and array.size and (array.min() < 0 or array.max() > 255):
        worst = array.min() if array.min() < 0 else array.max()
        raise DatasetError(f"{what} holds the pixel value {worst}; 0..255 is allowed")
    return array.astype(np.uint8, copy=False)


def _has_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether a shape looks like (n, channels, height, width), of grey or RGB, with alpha or without."""
    _, first, second, last = shape
    if first in (1, 3):
        return last not in (1, 3, 4)
    return first in (2, 4) and first != second and last > 4


def _labels(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DatasetError(
            f"{what} has dtype {array.dtype} and shape {array.shape}; one integer label per image is needed"
        )
    if array.size and array.min() < 0:
        raise DatasetError(f"{what} holds the label {array.min()}; labels are counted from 0")
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise DatasetError(f"{what} holds the label {array.max()}, which is out of range")
    return array.astype(np.int64)


def _class_names(given: Any, labels: np.ndarray) -> tuple[str, ...]:
    if given is not None:
        try:
            names = tuple(map(_text, np.asarray(given).reshape(-1).tolist()))
            "".join(names).encode()
        except (SystemError, ValueError):  # numpy makes no string of numbers that are not characters
            raise DatasetError("'class_names' holds something other than text; names are strings") from None
        return names
    highest = int(labels.max(initial=-1))
    # Labels up to a million from a mistaken column would make as many names; the gaps tell.
    if highest >= max(len(labels), 1):
        raise DatasetError(
            f"label {highest} is out of range: {len(labels)} images cannot fill so many classes"
        )
    return tuple(map(str, range(highest + 1)))


def _text(name: Any) -> str:
    """A name as text; numpy may have stored it as bytes. UnicodeDecodeError if those are not UTF-8."""
    return name.decode() if isinstance(name, bytes) else str(name)
