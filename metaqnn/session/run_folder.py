"""A run folder: where one search lives. Everything in it is relative, so that it can be moved.

The search itself is in an SQLite file here, or in a PostgreSQL database that a file here names.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

from metaqnn.config.bounds import ROW
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.database.engine import connection_settings, named_url, postgresql_url, sqlite_url
from metaqnn.database.queries import SearchReader, has_search
from predictor.files import small_json, small_text
from predictor.output import NO_SPACE
from predictor.servers import require_known
from trainers.files import is_there, write_whole

OWNER, LOCK = "owner.txt", "search.lock"
ASKED = 0.2
"""Seconds to wait for the lock, because whoever asks whether it is held takes it for an instant."""
DATABASE, STORAGE = "search.db", "storage.json"
STUDY, STUDY_DATABASE, TRAINING = "study.json", "study.db", "train.json"
Kind = Literal["search", "tuning", "training"]
FILES: dict[Kind, tuple[str, ...]] = {
    "search": (DATABASE, STORAGE),
    "tuning": (STUDY,),
    "training": (TRAINING,),
}
"""Any of these tells what a folder holds."""
FOLDERS = ("checkpoints", "weights", "finetune")
"""Folders inside a run folder that are written to."""


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
    def new(cls, parent: Path, name: str) -> RunFolder:
        """A fresh folder `parent/name-DATE-TIME`."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        clean = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-")[:60]
        for suffix in ("", *(f"-{i}" for i in range(2, 100))):
            path = parent / f"{clean}-{stamp}{suffix}"
            if not path.exists():
                return cls(path)
        raise RunFolderError(f"too many run folders {parent / clean}-{stamp}*")

    def kind(self) -> Kind | None:
        """What was begun in it, as its regular files say; None if nothing was.

        Raises:
            RunFolderError: it may not be read, or no folder can have that name.
        """
        try:
            return next((kind for kind, names in FILES.items() if any(map(self._has_file, names))), None)
        except OSError as error:
            raise self._unreadable(error) from None

    def _has_file(self, name: str) -> bool:
        path = self.path / name
        return is_there(path) and path.is_file()

    def refuse_other(self, kind: Kind) -> None:
        """Raise RunFolderError if it holds something of another kind."""
        if (held := self.kind()) not in (None, kind):
            raise RunFolderError(f"{str(self.path)!r} holds a {held}; give another --run-dir")

    def changed(self) -> float:
        """When its search or tuning last stored anything, in seconds since 1970.

        For a search on a server: when a file was last made or removed here. An empty log does not count,
        because a mere reader may leave one.
        """
        times = []
        for name in (DATABASE, f"{DATABASE}-wal", STUDY, STUDY_DATABASE):
            with suppress(FileNotFoundError):  # a search that ends removes its log
                status = (self.path / name).stat()
                times += [status.st_mtime] if status.st_size else []
        return max(times) if times else self.path.stat().st_mtime

    @property
    def database(self) -> Path:
        """The SQLite file of the replay database."""
        return self.path / DATABASE

    @property
    def storage(self) -> Path:
        """A JSON file that says where a search on PostgreSQL is: the database's `url`, the id `search`."""
        return self.path / STORAGE

    @property
    def url(self) -> URL:
        """The replay database as a URL.

        Raises:
            RunFolderError: the folder does not say where it is.
            UnknownServerError: it is on a server that would get a password and that the user never named.
        """
        return self._place()[0]

    @property
    def search_id(self) -> int | None:
        """Which search of the database is this folder's; None for the only one of the SQLite file."""
        return self._place()[1]

    def create_search(self, record: SearchRecord, storage: str | URL | None = None) -> ReplayDatabase:
        """Store a new search: in a PostgreSQL database if its URL is given, else in this folder.

        The URL is remembered here, but not its password (`postgresql_url`). The file is written when the
        search is stored: if that does not happen, an empty search stays behind, and nothing refers to it.
        """
        if storage is None and not self.storage.exists():
            return ReplayDatabase.create(self.url, record)
        url = self.url if storage is None else named_url(storage)
        database = ReplayDatabase.create(url, record)
        remembered = {"url": url.render_as_string(), "search": database.search_id}
        write_whole(self.storage, json.dumps(remembered, indent=2) + "\n")
        return database

    def open_search(self, storage: str | URL | None = None) -> ReplayDatabase:
        """Go on with the search of this folder.

        Args:
            storage: the URL again, for example because of its password.

        Raises:
            RunFolderError: the URL is not that of the search.
        """
        if storage is not None and (given := named_url(storage)) != self.url:
            raise RunFolderError(f"the search of {str(self.path)!r} is in {self.url}, not in {given}")
        return ReplayDatabase.open(self.url, self.search_id)

    def reader(self) -> SearchReader:
        """The search of this folder, read-only."""
        return SearchReader(self.url, self.search_id)

    def holds_search(self) -> bool:
        """Whether a search was stored here; one that was cut off before its first write was not.

        Raises:
            DatabaseError: there is something else in the place of the database.
            RunFolderError: it may not be read, or no folder can have that name.
        """
        try:
            begun = is_there(self.database) or is_there(self.storage)
        except OSError as error:
            raise self._unreadable(error) from None
        return begun and has_search(self.url, self.search_id)

    def _unreadable(self, error: OSError) -> RunFolderError:
        return RunFolderError(f"{str(self.path)!r} cannot be read: {error.strerror}")

    def _place(self) -> tuple[URL, int | None]:
        if not self.storage.exists():
            return sqlite_url(self.database), None
        try:
            remembered = small_json(self.storage)
            url, search_id = str(remembered["url"]), int(ROW.read(str(remembered["search"])))
        except (LookupError, OSError, TypeError, ValueError, OverflowError) as error:
            raise RunFolderError(f"{str(self.storage)!r} does not name a search: {error}") from None
        address = postgresql_url(url)
        require_known(connection_settings(address))
        return address, search_id

    def _refuse_links(self) -> None:
        """Refuse to write a database, or what belongs to it, through a link that somebody has put here."""
        others = (self.path / name for name in (LOCK, *FOLDERS))
        for path in (*self.path.glob(f"{self.database.name}*"), self.storage, *others):
            if path.is_symlink():
                raise RunFolderError(
                    f"{str(path)!r} is a link, and nothing is written through links in a run folder; "
                    "replace it with what it leads to, or use the folder that that is in"
                )

    def owner(self) -> str | None:
        """The process that works on the search, as the folder says; None if there is none.

        A process of this machine that does not hold the lock any more, because it was killed, does not count.
        """
        match = _owner_in(self.path / OWNER)
        if match is None or (
            match[2] == socket.gethostname() and not _has_lock(int(match[1]), self.path / LOCK)
        ):
            return None
        return match[0]

    def make(self) -> None:
        """Make the folder. Raises RunFolderError if there can be no such folder."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
            raise RunFolderError(f"{str(self.path)!r} cannot be a run folder: {reason}") from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Own the folder; the operating system gives it back when the process ends, however it ends.

        Raises:
            RunFolderError: another process owns it; the message names it. Or its database or a folder inside
                is a link, or there can be no such folder, or it cannot be written.
        """
        from filelock import FileLock, Timeout  # with asyncio and ssl: not for commands that only read

        self._refuse_links()
        owner = self.path / OWNER
        lock = FileLock(self.path / LOCK)
        self.make()
        try:
            lock.acquire(timeout=ASKED, poll_interval=ASKED / 4)
        except Timeout:
            match = _owner_in(owner)
            name = "another process" if match is None else match[0]
            if match is not None and match[2] != socket.gethostname():  # some file systems have no locks
                name += f"; if that has ended, remove {str(self.path / LOCK)!r}"
            raise RunFolderError(f"run folder {str(self.path)!r} is in use by {name}") from None
        except OSError as error:
            advice = "make space" if error.errno in NO_SPACE else "copy it to where you may write"
            raise RunFolderError(
                f"{str(self.path)!r} cannot be written: {error.strerror}; {advice}"
            ) from None
        try:
            with suppress(OSError):  # on a full disk, the lock still works, only without a name
                write_whole(owner, f"process {os.getpid()} on {socket.gethostname()}\n")
            yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()


def _owner_in(file: Path) -> re.Match[str] | None:
    """What an owner has written; None while it is being written or removed, and for anything else."""
    try:
        return re.fullmatch(r"process (\d{1,9}) on ([\w.-]+)", small_text(file).strip())
    except (OSError, ValueError):
        return None


def _has_lock(process: int, lock: Path) -> bool:
    """Whether a process of this machine holds a lock; where that cannot be asked, whether it is alive.

    Another process may have the number of one that was killed. Asking takes the lock for an instant.
    """
    try:
        from fcntl import LOCK_NB, LOCK_SH, flock

        file = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            flock(file, LOCK_SH | LOCK_NB)
        finally:
            os.close(file)
    except BlockingIOError:
        return True
    except (ImportError, OSError):  # no such locks on this system, or not on this file system
        from psutil import pid_exists

        return pid_exists(process)
    return False
