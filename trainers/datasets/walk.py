"""Files and folders of unknown origin: every walk ends, and silently leaves out only by-products."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path
from typing import NoReturn

from trainers.datasets.dataset import DatasetError

Parts = tuple[str, ...]
"""A path within a folder or archive, part by part."""
MAX_FILES = 4_000_000
"""Most files and folders of a folder, or members of an archive, that are looked at."""
MAX_DEPTH = 100
"""Most folders within one another."""
MAX_WAYS = 100
"""Most ways to one folder: thirty folders with two links each to the next make 2^30 ways to the last."""
STALE_AFTER = 3600.0
"""Seconds without a change after which a file counts as abandoned: unanswered downloads end sooner."""

_BY_PRODUCTS = frozenset(
    {"__MACOSX", "Thumbs.db", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
    | {"@eaDir", "#recycle", "@__thumb", "@Recycle"}  # of Synology's and QNAP's file servers
)


def walk(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield `top` and all below it with its status, in a fixed order; symbolic links are followed.

    What file systems and their users' tools put there is left out (`is_by_product`).

    Raises:
        DatasetError: something cannot be read or is neither a file nor a folder, a link leads back to a
            folder above it, or one of the limits above is passed.
    """
    status = _status(top)
    yield top, status
    if not stat.S_ISDIR(status.st_mode):
        return
    way, count = _Way(top), 0
    for directory, folders, files in os.walk(top, followlinks=True, onerror=_refuse):
        way.enter(directory)
        folders[:] = sorted(name for name in folders if not is_by_product(name))
        names = [*sorted(name for name in files if not is_by_product(name)), *folders]
        count += len(names)
        check_count(count, top)
        for path in (Path(directory, name) for name in names):
            yield path, _status(path)


def is_by_product(name: str) -> bool:
    """Whether a file or folder is hidden, or comes from an operating system or file server."""
    return name.startswith(".") or name in _BY_PRODUCTS


def remove_stale(folder: Path, pattern: str) -> None:
    """Remove the files and folders in `folder` whose names match and in which nothing changes any more.

    What cannot be looked at or removed stays. Process numbers would tell less: the folder may be shared by
    several machines.
    """
    oldest = time.time() - STALE_AFTER
    for path in folder.glob(pattern):
        try:
            if max(file.lstat().st_mtime for file in (path, *path.rglob("*"))) > oldest:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError:  # another process may be removing it too, or it belongs to another user
            continue


def check_count(count: int, source: Path) -> None:
    """Raise DatasetError where `source` has more than MAX_FILES files and folders."""
    if count > MAX_FILES:
        raise DatasetError(f"{str(source)!r} has more than {MAX_FILES:,} files, the most that are read")


def _status(path: Path) -> os.stat_result:
    try:
        status = path.stat()
    except OSError as error:
        _refuse(error)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise DatasetError(f"{str(path)!r} is neither a file nor a folder")  # reading it might never end
    return status


def _refuse(error: OSError) -> NoReturn:
    """Nothing that may hold images is left out: a link may lead to a disk that is not there at the moment."""
    remedy = "; it is a link: mend or remove it" if os.path.islink(error.filename) else ""
    raise DatasetError(f"cannot read {str(error.filename)!r}: {error.strerror}{remedy}") from error


class _Way:
    """The real paths of all folders above the present one, and how often each folder was entered."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._above = [str(parent) for parent in reversed(top.resolve().parents)]
        self._above_top = len(self._above)
        self._entered: Counter[str] = Counter()

    def enter(self, directory: str) -> None:
        """Go on to the next folder; DatasetError where it is one of those above, or a limit is passed."""
        depth = len(Path(directory).relative_to(self._top).parts)
        if depth > MAX_DEPTH:
            raise DatasetError(f"{directory!r} lies more than {MAX_DEPTH} folders deep")
        del self._above[self._above_top + depth :]
        real_path = os.path.realpath(directory)
        if real_path in self._above:
            raise DatasetError(f"{directory!r} leads back to {real_path!r}, a folder above it")
        self._above.append(real_path)
        self._entered[real_path] += 1
        if self._entered[real_path] > MAX_WAYS:
            raise DatasetError(f"links lead to {real_path!r} in more than {MAX_WAYS} ways")


def given_files(names: Iterable[str]) -> list[tuple[Path, int]]:
    """The files that names stand for, with their sizes in bytes, in the order of the names.

    Args:
        names: of files; of folders, which stand for all files below them; and patterns such as `*.jpg`, in
            which `**` stands for any folders. What exists is taken by its name, also if that looks
            like a pattern.

    Raises:
        DatasetError: a name stands for nothing, or `walk` refuses it.
    """
    tops = [Path(top) for name in names for top in _meant(name)]
    return [
        (path, status.st_size) for top in tops for path, status in walk(top) if stat.S_ISREG(status.st_mode)
    ]


def _meant(name: str) -> Iterator[str]:
    try:
        there = bool(name) and Path(name).exists()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    found = [name] if there else sorted(glob(name, recursive=True)) if has_magic(name) else []
    if not found:
        what = "no file matches the pattern" if has_magic(name) else "there is no file or folder"
        raise DatasetError(f"{what} {name!r}")
    yield from found
