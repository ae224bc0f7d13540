"""Walking through the files of a folder or tar archive; nothing is ever extracted to disk."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainers.datasets.dataset import DatasetError, one_line
from trainers.datasets.images import HEAD, left_out
from trainers.datasets.strict_tar import StrictTarFile
from trainers.datasets.walk import Parts, check_count, is_by_product, walk

MAX_FILE_BYTES = 64 * 2**20
"""Largest single file read from a folder or an archive."""
MAX_ARCHIVE_BYTES = 64 * 2**30
"""Most bytes an archive may declare once decompressed."""


@dataclass(frozen=True)
class Member:
    """A folder, or a file or link as one of the attributes below says.

    Attributes:
        parts: of its path; of an absolute one in an archive, the first is "/".
        data: content of a file that is to be decoded.
        target: where a link in an archive leads, within the archive; empty if it leads out of it.
        left_out: of a file that is not to be decoded, why not.
        too_large: of an image that is too large to be read, a sentence that says so.
    """

    parts: Parts
    data: bytes | None = None
    target: Parts | None = None
    left_out: str = ""
    too_large: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.data is None and self.target is None and not self.left_out and not self.too_large

    def __str__(self) -> str:
        return "/".join(self.parts)


def read_folder(folder: Path) -> Iterator[Member]:
    """Yield the sub-folders and files below `folder`, sorted; symbolic links are followed.

    Raises:
        DatasetError: a file cannot be read, or `walk` refuses the folder.
    """
    for path, status in walk(folder):
        parts = path.relative_to(folder).parts
        if stat.S_ISREG(status.st_mode):
            yield read_member(path, parts, status.st_size)
        elif parts:
            yield Member(parts)


def read_member(path: Path, parts: Parts, size: int) -> Member:
    """A file that is somewhere below a folder.

    Args:
        path: where it is.
        parts: what it is called.
        size: its bytes, as the file system says.

    Raises:
        DatasetError: it is an image and cannot be read.
    """
    if reason := left_out(path.name, _head(path)):
        return Member(parts, left_out=reason)
    if large := _too_large(parts, size):
        return large
    data = _read_file(path)
    return _too_large(parts, len(data)) or Member(parts, data)


def read_archive(archive: Path) -> Iterator[Member]:
    """Yield the members of a tar archive in its own order, in one pass.

    Devices are left out, by-products (`is_by_product`) skipped. Names only serve as labels.

    Raises:
        DatasetError: the archive is damaged or not a tar archive, a member's name climbs out of it ("..")
            or a limit is passed.
    """
    try:
        with archive.open("rb") as file, StrictTarFile.open(fileobj=file) as tar:
            yield from _archive_members(tar, archive)
            _drain(tar)
    except DatasetError:
        raise
    except Exception as error:  # tarfile and the decompressors report damage as almost anything
        what = f"archive {str(archive)!r} is damaged or not a tar archive"
        raise DatasetError(f"{what}: {one_line(error)}") from error


def _archive_members(tar: tarfile.TarFile, archive: Path) -> Iterator[Member]:
    count = total = 0
    while (info := tar.next()) is not None:
        count, total = count + 1, total + info.size
        check_count(count, archive)
        if info.size < 0:  # it would lead back to an earlier member
            raise DatasetError(f"member {info.name!r} has a negative size: {info.size:,} bytes")
        if total > MAX_ARCHIVE_BYTES:
            raise DatasetError(f"archive {str(archive)!r} holds more than {MAX_ARCHIVE_BYTES:,} bytes")
        parts = _parts(info.name)
        if ".." in parts:
            raise DatasetError(f"member {info.name!r} of {str(archive)!r} points outside the archive")
        if parts in ((), ("/",)) or any(is_by_product(part) for part in parts):
            continue
        if info.isdir():
            yield Member(parts)
        elif info.issym() or info.islnk():
            yield Member(parts, target=_target(info, parts))
        elif info.isreg():
            yield _file(tar, info, parts)
        else:
            yield Member(parts, left_out="neither file, folder nor link")


def _drain(tar: tarfile.TarFile) -> None:
    """Read what follows the end mark, so that gzip compares its checksum; padding is small, so bounded."""
    for _ in range(64):
        if not tar.fileobj.read(2**20):
            return


def _parts(name: str) -> Parts:
    """The parts of a path; tarfile takes off the slash at the end of folders alone."""
    root = ("/",) if name.startswith("/") else ()
    return (*root, *(part for part in name.split("/") if part not in ("", ".")))


def _target(info: tarfile.TarInfo, parts: Parts) -> Parts:
    """Where a link leads: a symbolic one from its own folder, a hard one from the top."""
    way = list(parts[:-1]) if info.issym() else []
    for part in _parts(info.linkname):
        if part == "/":
            way = [part]
        elif part != "..":
            way.append(part)
        elif way:
            way.pop()
        else:
            return ()
    return tuple(way)


def _file(tar: tarfile.TarFile, info: tarfile.TarInfo, parts: Parts) -> Member:
    content = tar.extractfile(info)
    assert content is not None  # regular members always have content
    head = content.read(HEAD)
    if reason := left_out(parts[-1], head):
        return Member(parts, left_out=reason)
    return _too_large(parts, info.size) or Member(parts, head + content.read())


def _head(path: Path) -> bytes:
    """The first bytes of a file; none if it may not be read: what is named as an image is refused later."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)  # files of the kernel have the size 0, whatever they hold
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _too_large(parts: Parts, size: int) -> Member | None:
    """The member that stands for an image of more than MAX_FILE_BYTES; None for any other."""
    said = f"is too large: {size:,} bytes, at most {MAX_FILE_BYTES:,} are read"
    return Member(parts, too_large=said) if size > MAX_FILE_BYTES else None
