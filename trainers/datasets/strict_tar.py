"""Tar archives of unknown origin: no damage is overlooked, and headers take limited memory and time."""

from __future__ import annotations

import math
import re
import tarfile
from typing import IO, Any, Self

MAX_HEADER_BYTES = 2**20
"""Most bytes of an archive that say what one member is: long names, records, maps of sparse files."""

_DIGITS = re.compile(rb"\d{100}")


class _StrictTarInfo(tarfile.TarInfo):
    """A header of which no damage is overlooked."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """Read the headers of the next member.

        tarfile takes a damaged or missing header after the first for the end of the archive, which would
        silently lose images.
        """
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise  # the end mark
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error}, or cut off before its end mark") from error

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Make of one header what it is, as tarfile lets subclasses do.

        Where a size is negative, older versions of tarfile go back, again and again.
        """
        if self.size < 0:
            raise tarfile.ReadError(f"a header says that its member has {self.size:,} bytes")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return member


class StrictTarFile(tarfile.TarFile):
    """An archive whose headers take a limited memory: tarfile keeps all that it reads of them."""

    tarinfo = _StrictTarInfo

    def __init__(self, name: Any, mode: Any, fileobj: IO[bytes], **options: Any) -> None:
        self._metered = _Metered(fileobj)
        super().__init__(name, mode, self._metered, **options)

    def next(self) -> tarfile.TarInfo | None:
        """Read the headers of the next member."""
        self._metered.left = MAX_HEADER_BYTES
        try:
            return super().next()
        finally:
            self._metered.left = math.inf
            self.members.clear()  # type: ignore[attr-defined]
            self.pax_headers = {}  # records for all later members; none of them concerns images


class _Metered:
    """A file of which only `left` bytes may still be read; everything but reading is left to the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.left = math.inf

    def read(self, size: int) -> bytes:
        """Read as the file does; ValueError for more than is left, or for headers that take too long."""
        self.left -= size
        if self.left < 0:
            raise ValueError(f"one member has more than {MAX_HEADER_BYTES:,} bytes of headers")
        data = self._file.read(size)
        # CVE-2024-6232: the time tarfile takes for a header grew with the square of its runs of digits.
        if self.left < math.inf and _DIGITS.search(data):
            raise ValueError("a header has more than 100 digits in a row")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
