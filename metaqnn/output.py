"""Results, numbers, times, errors and commands as text: for people, and as JSON and CSV for programs."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import string
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

from tabulate import tabulate

from predictor.output import NO_FILES, csv_text
from state_space.errors import printable, quoted

FORMATS = ("table", "json", "csv")
PLAIN = set(string.printable) - set(string.whitespace) - set("'\\") | {" "}
SPACES = 2
"""Between two columns of a table."""
NARROWEST = 15
"""Characters. Longer words may be cut, so that any column can be as narrow as this."""
UNITS = (86400, 3600, 60, 1)
"""Seconds of a day, an hour, a minute and a second."""
LONGEST = 10_000 * UNITS[0]
"""The longest duration that is accepted, in seconds; the system's timers take little more."""


def rows_as_text(
    rows: Sequence[Mapping[str, Any]],
    output_format: str,
    columns: Mapping[str, str],
    spare: Sequence[str] = (),
    keys: Sequence[str] = (),
) -> str:
    """Rows that share their keys, as text.

    Args:
        rows: the rows.
        output_format: table, json or csv; json and csv hold every key, a table the chosen columns. CSV holds
            every value exactly as it is, control characters included: it is for files and programs.
        columns: key -> heading of the table's columns, in order. On a terminal that is narrower than the
            table, its widest columns are folded.
        spare: keys of columns to leave out, in this order, if folding is not enough; a line below the table
            names them.
        keys: those of the rows, for the heading of a CSV without rows.
    """
    if output_format == "json":
        return as_json([dict(row) for row in rows])
    if output_format == "csv":
        return csv_text(rows, keys).removesuffix("\n")
    left_out: list[str] = []
    while True:
        shown = {key: heading for key, heading in columns.items() if key not in left_out}
        lines = [list(shown.values()), *([_cell(row[key]) for key in shown] for row in rows)]
        if len(left_out) == len(spare) or sum(_least_widths(lines)) <= _room(lines):
            break
        left_out.append(spare[len(left_out)])
    table = _fitting(lines[1:], lines[0])
    names = ", ".join(columns[key] for key in left_out)
    return f"{table}\n\nno room in this terminal for: {names}" if left_out else table


def facts_as_text(facts: Mapping[str, Any]) -> str:
    """One line per fact: its name and its value."""
    return _fitting([[name, _cell(value)] for name, value in facts.items()])


def as_json(value: Any) -> str:
    """Indented JSON, in ASCII: exact, and the same on every terminal."""
    return json.dumps(value, indent=2)


def last_line(text: str) -> str:
    """The last line of a traceback or a message; empty if the text is blank."""
    return "".join(text.strip().splitlines()[-1:])


def system_error(error: OSError) -> str:
    """What the system says, about which file, and what helps if too many files are open."""
    said = error.strerror or str(error)
    if isinstance(error.filename, str | bytes):
        said += f": {quoted(os.fsdecode(error.filename))}"
    if error.errno in NO_FILES:
        return f"{said}; allow this shell more open files: ulimit -n 1024"
    return said


def percent(share: float | None) -> str:
    """0.6132 -> 61.32%."""
    return "-" if share is None else f"{100 * share:.2f}%"


def number(value: float | None, form: str = ".4g") -> str:
    """0.61324 -> 0.6132."""
    return "-" if value is None else f"{value:{form}}"


def predicted(share: float | None) -> str:
    """A prediction, marked as one: 0.6132 -> ~61.32%."""
    return "-" if share is None else f"~{percent(share)}"


def interval_text(low: float, high: float) -> str:
    """0.5912 and 0.6308 -> 59.1 to 63.1%."""
    return f"{100 * low:.1f} to {100 * high:.1f}%"


def count(number: int | None) -> str:
    """1234567 -> 1.23M."""
    if number is None:
        return "-"
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= 0.9995 * size:  # a number that rounds to 1000 belongs to the next unit
            return f"{number / size:.3g}{unit}"
    return str(number)


def counted(number: int, thing: str) -> str:
    """1 layer, 2 layers, 1,000 layers."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def size(number_of_bytes: float) -> str:
    """46123456 -> 46.1 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if number_of_bytes >= 0.9995 * unit:  # as in `count`
            return f"{number_of_bytes / unit:.3g} {name}"
    return f"{number_of_bytes / 1e3:.3g} kB"


def duration(seconds: float) -> str:
    """5025 -> 1h 24min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}min" if hours < 48 else f"{hours / 24:.1f} days"


def seconds(text: str) -> float:
    """1h30m -> 5400.

    Raises:
        ValueError: the text has another form, says no time, lacks a unit, or means more than 10,000 days.
    """
    form = re.fullmatch(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,9})s?)?", text.strip())
    total = sum(int(n or 0) * unit for n, unit in zip(form.groups(), UNITS, strict=True)) if form else 0
    if not total:
        raise ValueError(f"{text!r} is not a duration; write it like 30m, 8h, 1d or 1h30m")
    if total > LONGEST:
        raise ValueError(f"{text!r} is more than {LONGEST // UNITS[0]:,} days; for no limit, leave it out")
    if form and form[4] and not text.strip().endswith("s"):
        n = form[4]
        raise ValueError(f"{text!r} gives no unit for {n}; write {n}s, {n}m or {n}h")
    return float(total)


def command(*words: object) -> str:
    """A `metaqnn` command to paste into a shell, whatever characters its words contain."""
    return " ".join(["metaqnn", *map(shell_quoted, words)])


def shell_quoted(word: object) -> str:
    r"""A word for bash and zsh: quoted if need be, with unprintable bytes written as in `$'\xff'`.

    A path that begins with a dash is written as in `./-x`, so that no program takes it for an option.
    """
    text = str(word)
    if isinstance(word, Path) and text.startswith("-"):
        text = f"./{text}"
    if text.isprintable():
        return shlex.quote(text)
    plain = (chr(byte) if chr(byte) in PLAIN else f"\\x{byte:02x}" for byte in os.fsencode(text))
    return f"$'{''.join(plain)}'"


def _fitting(rows: list[list[Any]], headings: Sequence[str] = ()) -> str:
    """A table; on a terminal that is narrower, columns move closer together and the widest ones fold.

    Args:
        rows: lists of cells.
        headings: of the columns; empty for a table without headings.
    """
    form: dict[str, Any] = {"headers": headings} if headings else {"tablefmt": "plain"}
    table = tabulate(rows, disable_numparse=True, **form)
    lines = [[*headings], *rows] if headings else rows
    if max(map(len, table.splitlines()), default=0) <= _room([]):
        return table
    widths = _folded_widths(lines)
    lines = [[fill(str(cell), width) for cell, width in zip(row, widths, strict=True)] for row in lines]
    if headings:
        lines.insert(1, ["-" * width for width in widths])
    return tabulate(lines, tablefmt="plain", disable_numparse=True)


def _room(lines: Sequence[Sequence[Any]]) -> float:
    """Characters in a line of the terminal, less the spaces between columns; no limit in files and pipes."""
    if not sys.stdout.isatty():
        return math.inf
    return get_terminal_size().columns - SPACES * (len(lines[0]) - 1 if lines else 0)


def _least_widths(lines: Sequence[Sequence[Any]]) -> list[int]:
    """For each column, the length of its longest word, but at most NARROWEST."""
    words = (" ".join(map(str, column)).split() for column in zip(*lines, strict=True))
    return [min(NARROWEST, max(map(len, column), default=1)) for column in words]


def _folded_widths(lines: Sequence[Sequence[Any]]) -> list[int]:
    """Widths of columns that fit, as far as possible: the widest one always shrinks first."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*lines, strict=True)]
    least = _least_widths(lines)
    while sum(widths) > _room(lines) and widths != least:
        foldable = (i for i in range(len(widths)) if widths[i] > least[i])
        widths[max(foldable, key=widths.__getitem__)] -= 1
    return widths


def _cell(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value
