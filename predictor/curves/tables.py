"""Files that hold a table, as a pandas table of text: CSV of any delimiter, JSON, JSON lines; packed or not.

Every cell is text, '' where there is nothing; numbers keep all their digits. What the columns mean is decided
elsewhere.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from predictor.curves.cells import is_number
from predictor.curves.choice import Wishes
from predictor.curves.columns import is_index
from predictor.curves.headers import with_one_header
from predictor.curves.json_tables import from_json
from predictor.curves.metrics import metric_of
from predictor.curves.wording import counted, quoted
from predictor.errors import CurvesError

DELIMITERS = ",;\t|"
SEP = re.compile(r"sep=([,;\t|:])[\r\n]+")
"""A first line that tells Excel the delimiter."""
DECIMAL_COMMA = re.compile(r"^([-+]?\d+),(\d+(?:[eE][-+]?\d+)?%?)$")
POINT_FOR_SURE, COMMA_FOR_SURE = re.compile(r"[-+]?0?\.\d+(e[-+]?\d+)?", re.I), re.compile(r"[-+]?0,\d+")
"""Numbers below 1: `2.0` may be a version, and `64,32` a list."""
DECIMAL_POINT = re.compile(r"[-+]?\d*\.\d+")
GROUPING = ((",", "comma", "points", DECIMAL_POINT), (".", "point", "commas", DECIMAL_COMMA))
"""Marks that may group thousands where others separate decimals."""
HUNDREDS = re.compile(r"[-+]?[1-9]\d\d")
PERCENT = re.compile(r"^([-+]?[\d.]+)\s*%$")
MAX_TEXT_BYTES = 2**30
"""The most bytes of a text file once it is unpacked."""
CHUNK = 2**20
PACKERS = {b"\x1f\x8b": "gzip", b"\xfd7zXZ": "lzma", b"BZh": "bz2"}
"""How packed text begins, by the module that unpacks it, which some builds of Python lack."""
PACKED = {
    b"PK\x03\x04": "an Excel file or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a Parquet file",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"ARROW1": "an Arrow file",
    b"\x28\xb5\x2f\xfd": "a file packed by zstd",
}
"""How files begin that hold tables, but not as text."""
TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")


def read_table(path: Path, wishes: Wishes | None = None) -> tuple[pd.DataFrame, bool]:
    """The table in a CSV, JSON or JSON lines file, by its content; raises `CurvesError`.

    Args:
        path: of the file.
        wishes: of the caller; None if the file holds a single training.

    Returns:
        The table, and whether it lacks a last line, which was cut off.
    """
    text = _text(path)
    table, cut_off = from_json(text, wishes) if _is_json(text) else _from_csv(text)
    return _checked(table), cut_off


def _text(path: Path) -> str:
    content = _unpacked(path)
    if kind := next((kind for start, kind in PACKED.items() if content.startswith(start)), None):
        raise CurvesError(f"{kind}, which is not read; save its table as CSV (pandas: table.to_csv)")
    if b"\0" in content[:2]:
        content = b"\xfe\xff" + content if content[:1] == b"\0" else b"\xff\xfe" + content
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding).rstrip("\0")  # which a file system may add after a power failure
    except UnicodeDecodeError as error:
        text = content.decode(encoding, errors="replace")
        begun = _is_json(text) or len(text.splitlines()) > 2
        if error.end == len(error.object) and begun:  # cut off inside a character
            return text
        raise CurvesError(f"not a table in UTF-8: {error}") from None


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(5)
        file.seek(0)
        packer = next((name for begin, name in PACKERS.items() if start.startswith(begin)), None)
        if packer is None:
            return b"".join(_pieces(file))
        try:
            with import_module(packer).open(file) as stream:
                return b"".join(_pieces(stream))
        except (CurvesError, MemoryError):
            raise
        except Exception as error:  # some modules have errors of their own
            raise CurvesError(f"damaged {packer} file: {error}") from None


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _pieces(stream: Any) -> Iterator[bytes]:
    """The content; `CurvesError` as soon as it is too much."""
    size = 0
    while piece := stream.read(CHUNK):
        size += len(piece)
        if size > MAX_TEXT_BYTES:
            raise CurvesError(f"more than {MAX_TEXT_BYTES:,} bytes of text; at most that many are read")
        yield piece


def delimiter_of(header: str) -> str:
    """The delimiter of a table with this header: the comma where there is none."""
    return max(DELIMITERS, key=re.sub(r'"[^"]*"', "", header).count)


def _from_csv(text: str) -> tuple[pd.DataFrame, bool]:
    told = SEP.match(text)
    delimiter = told[1] if told else delimiter_of(next(filter(None, text.splitlines()), ""))
    (header, *rows), cut_off = _rows(text[told.end() :] if told else text, delimiter)
    table = pd.DataFrame(rows, columns=pd.Index(header, dtype=object), dtype=object)
    lists = delimiter != "," and _are_lists(header, rows)
    for place, name in enumerate(header):
        commas = delimiter != "," and (metric_of(name) is not None or not lists)
        if delimiter != ",":
            _refuse_thousands(rows, header, place)
        column = table.iloc[:, place]
        if (pointed := _with_points(column, name, commas)) is not column:
            table.isetitem(place, pointed)
    return table, cut_off


def _rows(text: str, delimiter: str) -> tuple[list[list[str]], bool]:
    """Header and rows, of one length, and whether the last row is left out, which was cut off."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise CurvesError(f"not a CSV file in UTF-8: {error}") from None
    if len(rows) > 1:
        rows = with_one_header([[cell.strip() for cell in row] for row in rows])
    if len(rows) < 2:
        raise CurvesError(f"{'only a header' if rows else 'empty'}; expected a header and at least one curve")
    width = len(rows[0])
    cut_off = len(rows) > 2 and ends_within(rows, text)
    rows = rows[:-1] if cut_off else rows
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != width:
            named = (
                len(row) > width and {len(row)} == {*map(len, rows[number:])} and not any(map(is_number, row))
            )
            hint = "; leave out what is before the names of the columns" if named else ""
            raise CurvesError(f"row {number} has {counted(len(row), 'cell')}; the header has {width}{hint}")
    return rows, cut_off


def ends_within(rows: Sequence[Sequence[str]], text: str) -> bool:
    """Whether the text ends within the last of its rows: cells, or half a letter, are missing.

    So is a line break, and the row is on one line: a quote that was never closed takes in many.
    """
    ends, missing = text.endswith(("\n", "\r")), len(rows[-1]) < len(rows[0]) or text.endswith("\ufffd")
    return missing and not ends and not any("\n" in cell or "\r" in cell for cell in rows[-1])


def _are_lists(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether cells such as `64,32` are lists: more columns have decimal points for sure, none commas.

    The points of metrics are decimal for sure; their commas are, too, and do not count here.
    """
    columns = zip(*rows, strict=True) if any("," in cell for row in rows for cell in row) else ()
    pointed = with_commas = 0
    for name, cells in zip(header, columns, strict=False):
        measured = metric_of(name) is not None
        pointed += any(map((DECIMAL_POINT if measured else POINT_FOR_SURE).fullmatch, cells))
        if not measured:
            with_commas += any(map(DECIMAL_COMMA.fullmatch, cells))
            if any(map(COMMA_FOR_SURE.fullmatch, cells)):
                return False
    return pointed > with_commas


def _with_points(column: pd.Series, name: str, commas: bool) -> pd.Series:
    """Numbers with decimal points, not commas (if these are decimal), and without percent signs."""
    if commas:
        column = column.map(lambda cell: DECIMAL_COMMA.sub(r"\1.\2", cell))
    if any("%" in cell and PERCENT.fullmatch(cell) for cell in column):
        _refuse_plain(column, name)
        column = column.map(lambda cell: PERCENT.sub(r"\1", cell))
    return column


def _refuse_thousands(rows: Sequence[Sequence[str]], header: Sequence[str], place: int) -> None:
    """Refuse `12,345` where it may be twelve thousand: beside decimal points in any cell, or beside `838`.

    And `12.345` beside decimal commas, or beside `838`.
    """
    for mark, called, others, decimal in GROUPING:
        cells = [row[place] for row in rows if mark in row[place]]
        if not cells or not all(re.fullmatch(rf"[-+]?[1-9]\d{{0,2}}\{mark}\d{{3}}", cell) for cell in cells):
            continue
        pointed = any(decimal.fullmatch(cell) for row in rows for cell in row)
        beside = f"numbers with decimal {others}" if pointed else _hundreds_beside(rows, header, place)
        if beside:
            raise CurvesError(
                f"column {quoted(header[place])}: {cells[0]!r} beside {beside} may be a thousand "
                f"times as much; write it without a {called}"
            )


def _hundreds_beside(rows: Sequence[Sequence[str]], header: Sequence[str], place: int) -> str:
    """A whole number of hundreds in this column, or in one of another epoch, quoted; '' if there is none.

    Who writes three decimals writes `838.000`; but 100 percent may be without.
    """
    stem = re.sub(r"\d+", "#", header[place])
    alike = [at for at, name in enumerate(header) if re.sub(r"\d+", "#", name) == stem]
    cells = (row[at] for row in rows for at in alike if HUNDREDS.fullmatch(row[at]))
    measured = metric_of(header[place]) is not None
    return next((repr(cell) for cell in cells if not (measured and cell == "100")), "")


def _refuse_plain(cells: pd.Series, name: str) -> None:
    """Refuse `0.5` among cells such as `50%`, which may be as much."""
    plain = next((cell for cell in cells if is_number(cell) and 0 < abs(float(cell)) < np.inf), None)
    if plain is not None:
        raise CurvesError(f"column {quoted(name)}: {plain!r} beside numbers with %; write all of them alike")


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    times = Counter(table.columns)
    repeated = [column for column in table.columns if times[column] > 1 and not is_index(column)]
    if repeated:
        raise CurvesError(f"column {quoted(repeated[0])} occurs {times[repeated[0]]} times")
    return table.loc[:, [not (times[column] > 1) for column in table.columns]]
