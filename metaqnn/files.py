"""Files that are there wholly or not at all: after a kill, on a full disk, and after a power cut."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from trainers.files import synchronise


def write_whole(file: Path, content: str | bytes, aside: str | None = None) -> None:
    """Write a file so that it is there wholly or not at all; what was there stays until then.

    Args:
        file: the file; its folder exists.
        content: text is written as UTF-8.
        aside: name that the file has while it is written, `NAME.new` unless given. Processes that may write
            the same file at the same time need names of their own.

    Raises:
        OSError: it cannot be written; the file is then as it was.
    """
    temporary = file.with_name(aside or f"{file.name}.new")
    temporary.unlink(missing_ok=True)  # left by an interrupted write, or a link that leads elsewhere
    try:
        with temporary.open("xb") as stream:  # follows no link
            stream.write(content.encode() if isinstance(content, str) else content)
        synchronise(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)  # on a full disk it would stand in the way
    synchronise(file.parent)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep other processes out of the block as long as this one lives; no file stays behind.

    Args:
        file: to lock, the same for all that are to be kept out; its folder exists.

    Raises:
        filelock.Timeout: another process is in there.
    """
    lock = FileLock(file)
    lock.acquire(timeout=0)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no file that is open
            file.unlink()
        lock.release()
