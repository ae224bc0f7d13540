"""A file that is replaced as a whole: whoever reads it sees the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def replace_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write beside the file under a name that nobody has, then put it in its place; raises `OSError`.

    Args:
        path: of the file; its mode stays.
        write: is given the path to write to, of the same suffix.
    """
    handle, name = tempfile.mkstemp(path.suffix, f".{path.stem}-", path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        _synchronise(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name != "nt":  # which puts names onto the disk by itself
        _synchronise(path.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _synchronise(path: Path) -> None:
    """Put a file's content, or a folder's names, onto the disk."""
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
