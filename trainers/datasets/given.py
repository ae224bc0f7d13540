"""Files that somebody names one by one, by their folder, or by a pattern."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from trainers.datasets.dataset import DatasetError
from trainers.datasets.walk import walk


def given_files(names: Iterable[str]) -> list[tuple[Path, int]]:
    """The files that names stand for, with their sizes in bytes, in the order of the names.

    Args:
        names: of files; of folders, which stand for all files below them; and patterns such as `*.jpg`, in
            which `**` stands for any folders. What is there is taken by its name, whatever it looks like.

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
