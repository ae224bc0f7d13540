"""A run folder: where one search lives. Everything in it is relative, so that it can be moved."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL

from metaqnn.database.engine import sqlite_url
from metaqnn.database.queries import has_search


class RunFolderError(ValueError):
    """A run folder that is missing, in use, or holds something else."""


class RunFolder:
    """The folder of one search.

    Args:
        path: an existing or future folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def new(cls, parent: Path, name: str) -> "RunFolder":
        """A fresh folder `parent/name-DATE-TIME`."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        clean = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-")[:60]
        for suffix in ("", *(f"-{i}" for i in range(2, 100))):
            path = parent / f"{clean}-{stamp}{suffix}"
            if not path.exists():
                return cls(path)
        raise RunFolderError(f"too many run folders {parent / clean}-{stamp}*")

    @classmethod
    def existing(cls, path: Path) -> "RunFolder":
        """The folder of a search that was started before.

        Raises:
            RunFolderError: there is no search.
        """
        folder = cls(path)
        if not folder.database.is_file():
            raise RunFolderError(f"{str(path)!r} holds no search: there is no {folder.database.name} in it")
        return folder

    @property
    def database(self) -> Path:
        """The SQLite file of the replay database."""
        return self.path / "search.db"

    @property
    def url(self) -> URL:
        """The replay database as a URL."""
        return sqlite_url(self.database)

    def holds_search(self) -> bool:
        """Whether a search was stored here; one that was cut off before its first write was not.

        Raises:
            SchemaError: there is something else in the place of the database.
        """
        return self.database.exists() and has_search(self.url)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Own the folder; the operating system gives it back when the process ends, however it ends.

        Raises:
            RunFolderError: another process owns it; the message names it. Or there can be no such folder.
        """
        owner = self.path / "owner.txt"
        lock = FileLock(self.path / "search.lock")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            name = owner.read_text().strip() if owner.exists() else "another process"
            raise RunFolderError(f"run folder {str(self.path)!r} is in use by {name}") from None
        except OSError as error:
            raise RunFolderError(f"{str(self.path)!r} cannot be a run folder: {error.strerror}") from None
        try:
            owner.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
            yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()
