"""What commands print and write: tables, CSV, and what is done where a stream or a disk is closed or full."""

from __future__ import annotations

import csv
import errno
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import IO, Any, TextIO

from predictor.errors import PredictorError

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What the system says of a full disk."""
NO_FILES = {errno.EMFILE, errno.ENFILE}
"""What it says where a process or the machine has too many files open."""


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns under their headings: the first left-aligned, all others right-aligned."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as CSV with a header; None is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the disk, while this file or folder is written, as `PredictorError`."""
    try:
        yield
    except OSError as error:
        name = error.filename or path  # the error of a full disk names none
        raise PredictorError(f"cannot write {str(name)!r}: {error.strerror}") from None


def open_closed_streams() -> None:
    """Point streams that the shell has closed (`2>&-`) at nothing, so that no file takes their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 - gets the stream's own number, the lowest
            os.set_inheritable(stream.fileno(), True)  # by worker processes
            setattr(sys, name, stream)


class _Forgiving(FileIO):
    """A file that takes what it has no room for, and forgets it."""

    def write(self, content: Any) -> int:
        """Write what can be written."""
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            return len(content)


def go_on_without_stderr() -> None:
    """Let a full disk under standard error cost what is said there, but nothing else."""
    stream = sys.stderr
    if stream is sys.__stderr__ and isinstance(stream, TextIOWrapper) and not stream.isatty():
        raw = BufferedWriter(_Forgiving(stream.fileno(), "wb", closefd=False), 1)
        sys.stderr = TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=True)


def say(message: str, stream: IO[str] | None = None) -> None:
    """Write a text now, while errors of the stream are still handled; to standard error if there is none."""
    print(message, end="", file=stream or sys.stderr, flush=True)


def drop(stream: TextIO) -> None:
    """Discard what is left to write to a failed stream, which would otherwise fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
