"""Small files from anybody, SQLite files that are only read, and files that are replaced as a whole."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG
from typing import Any
from urllib.parse import urlencode

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


def small_json(file: Path) -> Any:
    """What a small JSON file holds. Raises as `small_text`, and ValueError if it is not JSON."""
    try:
        return json.loads(small_text(file))
    except RecursionError:
        raise PredictorError("it is nested too deeply") from None


def replace_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a new file beside this one, then put it in its place: nobody sees a part of it.

    Args:
        path: of the file; its mode stays.
        write: is given the path to write to, with the same suffix.

    Raises:
        OSError: it cannot be written.
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


def reading_connection(file: Path) -> sqlite3.Connection:
    """A connection that does not write to an SQLite file; it waits half a minute for other programs."""
    uri = f"{file.absolute().as_uri()}?{urlencode(reading_options(file))}"
    return sqlite3.connect(uri, uri=True, timeout=30)


def reading_options(file: Path) -> dict[str, str]:
    """Parameters of the URI with which an SQLite file is opened for reading."""
    if _has_content(f"{file}-journal"):
        return {"mode": "rw"}  # SQLite undoes what a killed process began, before its log was first used
    if not _has_content(f"{file}-wal") and not _may_share(file):
        return {"mode": "ro", "immutable": "1"}
    return {"mode": "ro"}


def _may_share(file: Path) -> bool:
    """Whether a reader finds the files that it shares with a writer, or may make them.

    Those of a reader who may not write to the database would lock out its owner, who may not write to them.
    """
    shared = all(os.path.exists(f"{file}-{name}") for name in ("wal", "shm"))
    return os.access(file.parent, os.W_OK) and (shared or os.access(file, os.W_OK) or not _is_logged(file))


def _is_logged(file: Path) -> bool:
    """Whether an SQLite file has a write-ahead log; others need no files beside them to be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(20)[18:] == b"\2\2"
    except OSError:
        return False


def _has_content(file: str) -> bool:
    try:
        return os.path.getsize(file) > 0
    except OSError:  # SQLite's own files come and go at any time
        return False
