"""Data sets that come as arrays: an ``.npz`` file, or whatever the user's own function returns."""

from __future__ import annotations

import importlib
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from trainers.datasets.dataset import DatasetError, ImageDataset, shape_text

MAX_ARRAY_BYTES = 16 * 2**30
"""Most bytes a single array of an ``.npz`` file may declare."""

# Keras's names first, then those of MedMNIST and others.
_NAMES = {
    "x_train": ("x_train", "train_images"),
    "y_train": ("y_train", "train_labels"),
    "x_test": ("x_test", "test_images"),
    "y_test": ("y_test", "test_labels"),
}


def dataset_from_arrays(name: str, arrays: Mapping[str, Any], where: str) -> ImageDataset:
    """Build a data set from named arrays.

    Args:
        name: name of the data set.
        arrays: ``x_train`` (n, height, width) or (n, height, width, channels), integers 0..255;
            ``y_train`` (n,) or (n, 1), integers; optionally ``x_test``, ``y_test`` and ``class_names``
            (default "0", "1", ...). ``train_images``, ``train_labels`` and so on are understood as well.
        where: names the source in errors.

    Raises:
        DatasetError: an array is missing or not as described, or see ``ImageDataset``.
    """
    found = {ours: next((key for key in keys if key in arrays), None) for ours, keys in _NAMES.items()}
    for key in ("x_train", "y_train"):
        if found[key] is None:
            held = ", ".join(map(repr, arrays)) or "nothing"
            raise DatasetError(f"{where} has no {key!r} (or {_NAMES[key][1]!r}); it holds {held}")
    if (found["x_test"] is None) != (found["y_test"] is None):
        raise DatasetError(f"{where} has only one of 'x_test' and 'y_test'; give both or neither")
    parts: dict[str, np.ndarray] = {}
    for ours, theirs in found.items():
        if theirs is not None:
            convert = _pixels if ours.startswith("x") else _labels
            parts[ours] = convert(np.asarray(arrays[theirs]), f"{theirs!r} of {where}")
    parts.setdefault("x_test", np.empty((0, *parts["x_train"].shape[1:]), dtype=np.uint8))
    parts.setdefault("y_test", np.empty(0, dtype=np.int64))
    names = _class_names(arrays.get("class_names"), parts["y_train"])
    return ImageDataset(name, parts["x_train"], parts["y_train"], parts["x_test"], parts["y_test"], names)


def read_npz(path: Path, name: str) -> ImageDataset:
    """Read the arrays that ``dataset_from_arrays`` describes from an ``.npz`` file, never unpickling.

    Raises:
        DatasetError: the file is damaged, holds Python objects, or its arrays do not fit.
    """
    where = repr(str(path))
    wanted = {"class_names", *(key for keys in _NAMES.values() for key in keys)}
    try:
        _check_declared_sizes(path, where)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: _read_array(archive, key, where) for key in archive.files if key in wanted}
            held = dict.fromkeys(archive.files)
    except DatasetError:
        raise
    except Exception as error:  # which one depends on the byte that is wrong
        raise DatasetError(f"{where} is damaged or no .npz file: {_reason(error)}") from error
    return dataset_from_arrays(name, arrays or held, where)


def read_callable(target: str) -> ImageDataset:
    """Import ``module:function`` (the working directory included) and call it without arguments.

    It returns an ``ImageDataset``; or the mapping that ``dataset_from_arrays`` describes; or
    (x_train, y_train), (x_train, y_train, x_test, y_test) or ((x_train, y_train), (x_test, y_test)).

    Raises:
        DatasetError: the import or the call fails, or the result does not fit.
    """
    where = repr(target)
    with _working_directory_importable():
        function = _import(target)
        try:
            result = function()
        except Exception as error:
            raise DatasetError(f"{where} failed: {_reason(error)}") from error
    if isinstance(result, ImageDataset):
        return result
    if isinstance(result, Mapping):
        return dataset_from_arrays(target, result, where)
    if isinstance(result, Sequence) and not isinstance(result, str):
        return dataset_from_arrays(target, _name_arrays(result, where), where)
    raise DatasetError(
        f"{where} returned {type(result).__name__}; an ImageDataset, or a dict or tuple of arrays is needed"
    )


def _import(target: str) -> Callable[[], Any]:
    module_name, _, attribute = target.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), attribute)
    except AttributeError:
        raise DatasetError(f"module {module_name!r} has no {attribute!r} (of {target!r})") from None
    except Exception as error:  # importing runs the user's code, which may raise anything
        raise DatasetError(f"cannot import {module_name!r} of {target!r}: {_reason(error)}") from error
    if not callable(function):
        raise DatasetError(f"{target!r} is a {type(function).__name__}, not a function")
    return function


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    """``python -m`` searches the working directory, an installed command does not; make both alike."""
    directory = os.getcwd()
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        sys.path.remove(directory)


def _name_arrays(result: Sequence[Any], where: str) -> dict[str, Any]:
    flat = list(result)
    if len(flat) == 2 and all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in flat):
        flat = [*flat[0], *flat[1]]
    if len(flat) not in (2, 4):
        raise DatasetError(
            f"{where} returned {len(flat)} values; x_train, y_train and maybe x_test, y_test are needed"
        )
    return dict(zip(_NAMES, flat, strict=False))


def _check_declared_sizes(path: Path, where: str) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    for info in members:
        if info.file_size > MAX_ARRAY_BYTES:
            raise DatasetError(
                f"{info.filename!r} of {where} is too large: {info.file_size:,} bytes, "
                f"at most {MAX_ARRAY_BYTES:,} are read"
            )


def _read_array(archive: Mapping[str, Any], key: str, where: str) -> np.ndarray:
    try:
        array: np.ndarray = archive[key]
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DatasetError(
                f"{key!r} of {where} holds Python objects (a pickle), which are never read; "
                "save it as an array of numbers"
            ) from None
        raise
    return array


def _pixels(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4:
        raise DatasetError(
            f"{what} has shape {shape_text(array.shape)}; "
            "(n, height, width) or (n, height, width, channels) is needed"
        )
    if array.shape[1] in (1, 3) and array.shape[3] not in (1, 3, 4):
        raise DatasetError(f"{what} has shape {shape_text(array.shape)}: channels must come last")
    if array.dtype.kind not in "iu":
        raise DatasetError(f"{what} has dtype {array.dtype}; pixels must be integers 0..255 (uint8)")
    if array.dtype != np.uint8 and array.size and (array.min() < 0 or array.max() > 255):
        worst = array.min() if array.min() < 0 else array.max()
        raise DatasetError(f"{what} holds the pixel value {worst}; 0..255 is allowed")
    return array.astype(np.uint8, copy=False)


def _labels(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DatasetError(
            f"{what} has dtype {array.dtype} and shape {array.shape}; one integer label per image is needed"
        )
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise DatasetError(f"{what} holds the label {array.max()}, which is out of range")
    return array.astype(np.int64)


def _class_names(given: Any, labels: np.ndarray) -> tuple[str, ...]:
    if given is not None:
        try:
            names = tuple(map(str, np.asarray(given).reshape(-1).tolist()))
            "".join(names).encode()
        except (SystemError, ValueError):  # of numbers that are no characters numpy makes no string
            raise DatasetError("'class_names' holds what is no text; names are strings") from None
        return names
    highest = int(labels.max(initial=-1))
    # Labels up to a million from a mistaken column would make as many names; the gaps tell.
    if highest >= max(len(labels), 1):
        raise DatasetError(
            f"label {highest} is out of range: {len(labels)} images cannot fill so many classes"
        )
    return tuple(map(str, range(highest + 1)))


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
