"""How much memory the arrays of an `.npz` file take, found without reading them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path

from numpy.lib import format as npy


def sizes(path: Path, least: Callable[[str], int]) -> Iterator[tuple[str, int]]:
    """Name and bytes of each array once it is read: what its own header asks for, or all that is packed.

    A file of 3 MB may hold 16 GiB of zeros, one of 200 bytes a header that asks for as much.

    Args:
        path: of the file.
        least: bytes that an element of the array with this name takes at least, whatever its header says.

    Raises:
        ValueError: a header is damaged.
        zipfile.BadZipFile: the file is damaged or no archive.
        OSError: it cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            yield name, max(member.file_size, _allocated(archive, member, least(name)))


def _allocated(archive: zipfile.ZipFile, member: zipfile.ZipInfo, least: int) -> int:
    """What numpy allocates for an array before it reads one byte of it."""
    with archive.open(member) as file:
        if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
            return 0  # which numpy gives as bytes
        file.seek(0)
        first = npy.read_magic(file) == (1, 0)  # in what matters here, all later versions are alike
        read_header = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
    return prod(shape) * max(dtype.itemsize, least)
