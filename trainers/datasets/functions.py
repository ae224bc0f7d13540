"""Data sets that the user's own function returns."""

from __future__ import annotations

import importlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

from trainers.datasets.arrays import NAMES, dataset_from_arrays
from trainers.datasets.dataset import DatasetError, ImageDataset, reason_of

CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
"""A data set that is a function: module:function."""


def read_callable(target: str, own_validation: bool = False) -> ImageDataset:
    """Import `module:function` (the working directory included) and call it without arguments.

    What it prints, also by other programs, goes to standard error. It returns an `ImageDataset`; or the
    mapping that `dataset_from_arrays` describes; or (x_train, y_train),
    (x_train, y_train, x_test, y_test) or ((x_train, y_train), (x_test, y_test)).

    Args:
        target: what to call.
        own_validation: see `dataset_from_arrays`.

    Raises:
        DatasetError: the import or the call fails, or the result does not fit.
    """
    where = repr(target)
    with _working_directory_importable(), _printing_to_stderr():
        function = _import(target)
        try:
            return _dataset(target, function(), where, own_validation)
        except (DatasetError, KeyboardInterrupt):
            raise
        except BaseException as error:  # the code is the user's, and may raise anything
            raise DatasetError(f"{where} failed: {reason_of(error)}") from error


def _dataset(target: str, result: Any, where: str, own_validation: bool) -> ImageDataset:
    """What a function returned as a data set; its arrays may raise anything when they are read."""
    if isinstance(result, ImageDataset):
        return result
    if isinstance(result, Mapping):
        return dataset_from_arrays(target, result, where, own_validation)
    if isinstance(result, Sequence) and not isinstance(result, str):
        return dataset_from_arrays(target, _name_arrays(result, where), where)
    raise DatasetError(
        f"{where} returned {type(result).__name__}; an ImageDataset, or a dict or tuple of arrays is needed"
    )


def _import(target: str) -> Callable[[], Any]:
    module_name, _, attribute = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise DatasetError(f"cannot import {module_name!r} of {target!r}: {reason_of(error)}") from error
    try:
        function = getattr(module, attribute)
    except AttributeError:
        raise DatasetError(f"module {module_name!r} has no {attribute!r} (of {target!r})") from None
    if not callable(function):
        raise DatasetError(f"{target!r} is a {type(function).__name__}, not a function")
    return function


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    """`python -m` searches the working directory, an installed command does not; make both alike.

    It stays the working directory, wherever the user's code goes.
    """
    directory = os.getcwd()
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        with suppress(ValueError):  # the code may have removed it
            sys.path.remove(directory)
        with suppress(OSError):
            os.chdir(directory)


class _StandardError(io.TextIOBase):
    """Standard error, which stays open if this is closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def fileno(self) -> int:
        return sys.stderr.fileno()


@contextmanager
def _printing_to_stderr() -> Iterator[None]:
    """Whatever is written to standard output goes to standard error, also by C and by other programs."""
    sys.stdout.flush()
    before = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(_StandardError()):
            yield
    finally:
        os.dup2(before, 1)
        os.close(before)


def _name_arrays(result: Sequence[Any], where: str) -> dict[str, Any]:
    flat = list(result)
    if len(flat) == 2 and all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in flat):
        flat = [*flat[0], *flat[1]]
    if len(flat) not in (2, 4):
        raise DatasetError(
            f"{where} returned {len(flat)} values; x_train, y_train and maybe x_test, y_test are needed"
        )
    return dict(zip(NAMES, flat, strict=False))
