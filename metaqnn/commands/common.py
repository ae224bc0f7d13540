"""What several commands share."""

import argparse
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import OperationalError

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
    reader = RunFolder.existing(run).reader()
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def disk_errors(folder: RunFolder) -> Iterator[None]:
    """Turn a full disk into one clear line. What was stored before stays."""
    try:
        yield
    except OperationalError as error:
        if not any(sign in str(error) for sign in DISK_ERRORS):
            raise
        raise RunFolderError(_full(folder, str(error.orig))) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise RunFolderError(_full(folder, str(error))) from None


def _full(folder: RunFolder, reason: str) -> str:
    return f"cannot write to {folder.path}: {reason}; make space, then: metaqnn run --resume {folder.path}"
