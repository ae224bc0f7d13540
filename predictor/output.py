"""What commands print and write: tables, CSV, and what is done if a stream is closed or a disk is full."""

from __future__ import annotations

import csv
import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import IO, Any, TextIO

from predictor.errors import PredictorError
from predictor.interrupts import dropped_interrupts_repeated, interrupt_on_signals

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Error numbers for a full disk."""
NO_FILES = {errno.EMFILE, errno.ENFILE}
"""Error numbers if a process or the machine has too many files open."""


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


def csv_text(rows: Sequence[Mapping[str, Any]], keys: Iterable[str] = ()) -> str:
    """Rows that share their keys as the lines of a CSV file, every value exactly as it is; None is empty.

    Args:
        rows: the rows.
        keys: those of the rows, for the heading of a file without rows.
    """
    names = list(rows[0] if rows else keys)
    return "".join(map(_csv_line, [names, *([row[name] for name in names] for row in rows)]))


def _csv_line(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(values)  # quotes what its line end contains
    return line.getvalue().removesuffix("\r\n") + "\n"


def finite_or_none(value: float) -> float | None:
    """The value, or None if it is not finite: JSON has neither NaN nor infinities."""
    return value if isfinite(value) else None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of the disk, while this file or folder is written, into `PredictorError`."""
    try:
        yield
    except OSError as error:
        name = error.filename or path  # the error of a full disk names none
        raise PredictorError(f"cannot write {str(name)!r}: {error.strerror}") from None


def check_writable(path: Path) -> None:
    """Check, before work that may take long, that its file can be written; makes the folder, but no file.

    Raises:
        PredictorError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        if not there or path.is_file():  # another kind, such as a pipe, might wait for its reader
            path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise PredictorError(f"cannot write {str(path)!r}: {error.strerror}") from None
    if path.is_dir():
        raise PredictorError(f"cannot write {str(path)!r}; expected a file in a folder that can be written")


def say_written(paths: Iterable[Path]) -> None:
    """Say on standard error which files were written."""
    for path in paths:
        print(f"predictor: wrote {path}", file=sys.stderr)


def open_closed_streams() -> None:
    """Point streams that the shell has closed (`2>&-`) at nothing, so that no file takes their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 - gets the stream's own number, the lowest
            os.set_inheritable(stream.fileno(), True)  # by worker processes
            setattr(sys, name, stream)


class _Forgiving(FileIO):
    """A file that accepts what it has no room for, and forgets it."""

    def write(self, content: Any) -> int:
        """Write what can be written."""
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            return len(content)


def go_on_without_stderr() -> None:
    """If the disk under standard error is full, lose what is said there, but nothing else."""
    stream = sys.stderr
    if stream is sys.__stderr__ and isinstance(stream, TextIOWrapper) and not stream.isatty():
        raw = BufferedWriter(_Forgiving(stream.fileno(), "wb", closefd=False), 1)
        sys.stderr = TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=True)


def say(message: str, stream: IO[str] | None = None) -> None:
    """Write a text now, while errors of the stream are still handled; to standard error by default."""
    print(message, end="", file=stream or sys.stderr, flush=True)


def note(text: str) -> None:
    """Say, on standard error, what the user of `python -m predictor` may not expect."""
    print(f"predictor: note: {text}", file=sys.stderr)


def short_names(files: Sequence[str]) -> list[str]:
    """The last part of each path, or the whole path if that is not unique."""
    names = [Path(file).name for file in files]
    return [
        name if names.count(name) == 1 and name else file for file, name in zip(files, names, strict=True)
    ]


def drop(stream: TextIO) -> None:
    """Discard what is left to write to a failed stream, which would otherwise fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run_program(name: str, command: Callable[[], int], told: Callable[[Exception], str | None]) -> int:
    """Run a program's command as people expect it to run, whatever becomes of its streams.

    Args:
        name: of the program, printed before its errors.
        command: what to do; returns the exit code.
        told: returns a line about an error that the user or the machine caused; None for one of ours.

    Returns:
        The exit code: 2 after an error that `told` has a line for, 130 after Ctrl-C, SIGTERM or SIGHUP.
    """
    interrupt_on_signals()
    open_closed_streams()
    go_on_without_stderr()
    if isinstance(sys.stdout, TextIOWrapper):  # what its encoding lacks is written as `\xfc`, as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with dropped_interrupts_repeated():
            code = command()
        sys.stdout.flush()  # now, while a closed pipe is still handled
        return code
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `metaqnn top RUN | head -1`
        drop(sys.stdout)
        return 0
    except Exception as error:
        line = told(error)
        if line is None:
            raise
        print(f"{name}: error: {harmless(line)}", file=sys.stderr)
        return 2


def lack_of_memory(error: Exception) -> str | None:
    """A line about a lack of memory, None for other errors; NumPy's errors say how much was needed."""
    if isinstance(error, ImportError) and "failed to map segment" in str(error):
        return f"not enough memory for a library (ulimit -v), or its folder is noexec: {error}"
    if not isinstance(error, MemoryError):
        return None
    return f"not enough memory{f': {error}' if str(error) else ''}"


def harmless(text: str) -> str:
    """The text with whatever a terminal would obey escaped, such as a file's name may hold."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
