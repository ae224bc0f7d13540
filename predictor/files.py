"""Small files that tools leave beside curves and searches; they may be anybody's."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG

from predictor.errors import PredictorError

LARGEST = 2**24
"""Bytes; the largest that our own programs write have a few thousand."""


def small_text(file: Path) -> str:
    """The text of a small file; nothing larger is read into memory, and a pipe is not waited for.

    Raises:
        PredictorError: it is no regular file, or larger than 16 MiB.
        OSError: it cannot be read.
        UnicodeDecodeError: it is not UTF-8.
    """
    about = file.stat()
    if not S_ISREG(about.st_mode):
        raise PredictorError("it is no regular file")
    if about.st_size > LARGEST:
        raise PredictorError(f"it has {about.st_size} bytes; expected at most {LARGEST}")
    return file.read_text("utf-8")
