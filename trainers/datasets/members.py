"""Walking through the image files of a folder or tar archive; nothing is ever extracted to disk."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from trainers.datasets.dataset import DatasetError
from trainers.datasets.images import SUFFIXES

MAX_FILE_BYTES = 64 * 2**20
"""Largest single file read from a folder or an archive."""
MAX_MEMBERS = 4_000_000
"""Most members of an archive, or files of a folder, that are looked at."""
MAX_ARCHIVE_BYTES = 64 * 2**30
"""Most bytes an archive may declare once decompressed."""

_JUNK = ("__MACOSX", "Thumbs.db")


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
        DatasetError: a file is too large or cannot be read, or there are too many.
    """
    seen = 0
    for directory, names, files in os.walk(folder, followlinks=True):
        names[:] = sorted(name for name in names if not _is_junk(name))
        parts = Path(directory).relative_to(folder).parts
        if parts:
            yield Member(parts, None)
        seen += len(files)
        _check_count(seen, folder)
        for name in sorted(files):
            if _is_image(name):
                yield Member((*parts, name), _read_file(Path(directory, name)))


def read_archive(archive: Path) -> Iterator[Member]:
    """Yield the folders and image files of a tar archive in its own order, in one pass.

    Links, devices and Mac or Windows by-products are skipped. Names only serve as labels.

    Raises:
        DatasetError: the archive is damaged or no tar archive, a member's name climbs out of it ("..")
            or one of the limits above is passed.
    """
    try:
        with tarfile.open(archive, tarinfo=_StrictTarInfo) as tar:
            yield from _archive_members(tar, archive)
            _drain(tar)
    except DatasetError:
        raise
    except Exception as error:  # tarfile and the decompressors report damage as almost anything
        reason = " ".join(str(error).split())
        raise DatasetError(f"archive {str(archive)!r} is damaged or no tar archive: {reason}") from error


class _StrictTarInfo(tarfile.TarInfo):
    """A header that is checked where tarfile would be lenient."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse one header block.

        tarfile takes a damaged or missing header after the first for the end of the archive, which would
        silently lose images; and it reads the body of a long-name record into memory whole.
        """
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the end mark
            raise tarfile.ReadError(f"{error}, or cut off before its end mark") from error
        _check_size(info.size, info.name)
        return info


def _archive_members(tar: tarfile.TarFile, archive: Path) -> Iterator[Member]:
    count = total = 0
    while (info := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # else it keeps a record of every member
        count, total = count + 1, total + info.size
        _check_count(count, archive)
        _check_size(info.size, info.name)  # once more: extended headers may have changed it
        if total > MAX_ARCHIVE_BYTES:
            raise DatasetError(f"archive {str(archive)!r} holds more than {MAX_ARCHIVE_BYTES:,} bytes")
        parts = tuple(part for part in info.name.split("/") if part not in ("", "."))
        if ".." in parts:
            raise DatasetError(f"member {info.name!r} of {str(archive)!r} points outside the archive")
        if not parts or any(_is_junk(part) for part in parts):
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


def _read_file(path: Path) -> bytes:
    try:
        _check_size(path.stat().st_size, str(path))
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name in _JUNK


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not _is_junk(name)


def _check_size(size: int, name: str) -> None:
    if size > MAX_FILE_BYTES:
        raise DatasetError(
            f"member {name!r} is too large: {size:,} bytes, at most {MAX_FILE_BYTES:,} are read"
        )


def _check_count(count: int, source: Path) -> None:
    if count > MAX_MEMBERS:
        raise DatasetError(f"{str(source)!r} has more than {MAX_MEMBERS:,} files, the most that are read")
