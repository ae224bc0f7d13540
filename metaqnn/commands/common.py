"""What several commands share."""

import argparse
import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from json import JSONDecodeError
from pathlib import Path

from sqlalchemy.exc import DataError, OperationalError

from metaqnn.database.migrate import check_integrity, damage
from metaqnn.database.queries import SearchReader
from metaqnn.output import FORMATS
from metaqnn.run_folder import RunFolder, RunFolderError

DISK_ERRORS = ("disk is full", "disk I/O", "No space left on device")
"""What SQLite and PostgreSQL say about a disk without space."""


def add_run(parser: argparse.ArgumentParser) -> None:
    """The positional argument RUN."""
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="run folder, for example runs/digits-first-run-..."
    )


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option --format."""
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="table for people, json or csv for programs"
    )


@contextmanager
def reading(run: Path) -> Iterator[SearchReader]:
    """The search in a run folder, read-only."""
    folder = RunFolder.existing(run)
    with damage_explained(folder), closing(folder.reader()) as reader:
        yield reader


@contextmanager
def damage_explained(folder: RunFolder) -> Iterator[None]:
    """Turn what a database changed from outside can cause, which is any error, into one clear line."""
    try:
        yield
    except Exception as error:
        check_integrity(folder.url)
        if isinstance(error, UnicodeDecodeError | JSONDecodeError | DataError):
            raise damage(str(folder.database), f"{type(error).__name__}: {error}") from None
        raise


@contextmanager
def disk_errors(folder: RunFolder) -> Iterator[None]:
    """Turn a full disk and a place that cannot be written into one clear line. What was stored stays."""
    try:
        yield
    except (OperationalError, sqlite3.OperationalError) as error:
        if not any(sign in str(error) for sign in DISK_ERRORS):
            raise
        raise _unwritable(folder, str(getattr(error, "orig", error)), "make space") from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _unwritable(folder, str(error), "make space") from None
        if folder.path in Path(str(error.filename)).parents:
            raise _unwritable(folder, str(error), "change that") from None
        raise


def _unwritable(folder: RunFolder, reason: str, what_to_do: str) -> RunFolderError:
    return RunFolderError(
        f"cannot write to {folder.path}: {reason}; {what_to_do}, then: metaqnn run --resume {folder.path}"
    )
