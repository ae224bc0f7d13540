"""Files that are there wholly or not at all: after a kill, on a full disk, and after a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path
from typing import TypeVar

File = TypeVar("File", bound=BufferedWriter)


def not_written(file: Path, error: OSError) -> str:
    """What the system says, and of which file: `No space left on device: 'images.npz'`."""
    return f"{error.strerror or error}: {str(file)!r}"


def is_there(path: Path) -> bool:
    """Whether there is a file or folder; from Python 3.14 on, `Path.exists` takes every error for no.

    Raises:
        OSError: it cannot be looked at, for example without permission for its folder.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: its name has a NUL
        return False
    return True


def synchronise(path: Path) -> None:
    """Flush a file's content, or a folder's names, to the disk; Windows does so with names by itself.

    Raises:
        OSError: there is no such file or folder, or the disk refuses.
    """
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacement(file: Path, aside: Path, create: Callable[[Path], File]) -> Iterator[File]:
    """A file to write that takes the place of `file` when the block ends well; it follows no link.

    Args:
        file: to be replaced; its folder exists.
        aside: the file's path while it is written.
        create: makes a new file for writing, and fails where there is one.

    Raises:
        OSError: it cannot be written; `file` is then as it was.
    """
    aside.unlink(missing_ok=True)  # left by an interrupted write, or a link that leads elsewhere
    try:
        with create(aside) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)  # on a full disk it would stand in the way
    synchronise(file.parent)


def write_whole(file: Path, content: str | bytes, aside: str | None = None) -> None:
    """Write a file so that it is there wholly or not at all; what was there stays until then.

    Args:
        file: the file; its folder exists.
        content: text is written as UTF-8.
        aside: the file's name while it is written, `NAME.new` unless given. Processes that may write the same
            file at the same time need names of their own.

    Raises:
        OSError: it cannot be written; the file is then as it was.
    """
    with replacement(file, file.with_name(aside or f"{file.name}.new"), _create) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def _create(path: Path) -> BufferedWriter:
    return path.open("xb")


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep other processes out of the block as long as this one lives; no file stays behind.

    Args:
        file: to lock, the same for all that are to be kept out; its folder exists.

    Raises:
        filelock.Timeout: another process is in there.
    """
    from filelock import FileLock  # with asyncio and ssl: not for commands that only read

    lock = FileLock(file)
    lock.acquire(timeout=0)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no file that is open
            file.unlink()
        lock.release()
