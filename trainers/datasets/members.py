"""Walking through the image files of a folder or tar archive; nothing is ever extracted to disk."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainers.datasets.dataset import DatasetError
from trainers.datasets.images import SUFFIXES
from trainers.datasets.strict_tar import StrictTarFile
from trainers.datasets.walk import check_count, is_by_product, walk

MAX_FILE_BYTES = 64 * 2**20
"""Largest single file read from a folder or an archive."""
MAX_ARCHIVE_BYTES = 64 * 2**30
"""Most bytes an archive may declare once decompressed."""


@dataclass(frozen=True)
class Member:
    """A folder (``data`` is None) or an image file, named by the parts of its path."""

    parts: tuple[str, ...]
    data: bytes | None

    def __str__(self) -> str:
        return "/".join(self.parts)


def read_folder(folder: Path) -> Iterator[Member]:
    """Yield the sub-folders and image files below ``folder``, sorted; symbolic links are followed.

    Raises:
        DatasetError: a file is too large, or ``walk`` refuses the folder.
    """
    for path, status in walk(folder):
        parts = path.relative_to(folder).parts
        if stat.S_ISREG(status.st_mode):
            if _is_image(path.name):
                yield Member(parts, _read_file(path, status.st_size))
        elif parts:
            yield Member(parts, None)


def read_archive(archive: Path) -> Iterator[Member]:
    """Yield the folders and image files of a tar archive in its own order, in one pass.

    Links, devices and Mac or Windows by-products are skipped. Names only serve as labels.

    Raises:
        DatasetError: the archive is damaged or no tar archive, a member's name climbs out of it ("..")
            or one of the limits above is passed.
    """
    try:
        with archive.open("rb") as file, StrictTarFile.open(fileobj=file) as tar:
            yield from _archive_members(tar, archive)
            _drain(tar)
    except DatasetError:
        raise
    except Exception as error:  # tarfile and the decompressors report damage as almost anything
        reason = " ".join(str(error).split())
        raise DatasetError(f"archive {str(archive)!r} is damaged or no tar archive: {reason}") from error


def _archive_members(tar: tarfile.TarFile, archive: Path) -> Iterator[Member]:
    count = total = 0
    while (info := tar.next()) is not None:
        count, total = count + 1, total + info.size
        check_count(count, archive)
        _check_size(info.size, info.name)
        if total > MAX_ARCHIVE_BYTES:
            raise DatasetError(f"archive {str(archive)!r} holds more than {MAX_ARCHIVE_BYTES:,} bytes")
        parts = tuple(part for part in info.name.split("/") if part not in ("", "."))
        if ".." in parts:
            raise DatasetError(f"member {info.name!r} of {str(archive)!r} points outside the archive")
        if not parts or any(is_by_product(part) for part in parts):
            continue
        if info.isdir():
            yield Member(parts, None)
        elif info.isreg() and _is_image(parts[-1]):
            content = tar.extractfile(info)
            assert content is not None  # regular members always have content
            yield Member(parts, content.read())


def _drain(tar: tarfile.TarFile) -> None:
    """Read what follows the end mark, so that gzip compares its checksum; padding is small, so bounded."""
    for _ in range(64):
        if not tar.fileobj.read(2**20):
            return


def _read_file(path: Path, size: int) -> bytes:
    _check_size(size, str(path))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)  # files of the kernel have the size 0, whatever they hold
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}") from error
    _check_size(len(data), str(path))
    return data


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not is_by_product(name)


def _check_size(size: int, name: str) -> None:
    if size < 0:  # it would lead back to an earlier member
        raise DatasetError(f"member {name!r} has a negative size: {size:,} bytes")
    if size > MAX_FILE_BYTES:
        raise DatasetError(
            f"member {name!r} is too large: {size:,} bytes, at most {MAX_FILE_BYTES:,} are read"
        )
