"""Any file that holds a table, as a pandas table of text: CSV of any delimiter, JSON, JSON lines, gzip.

Every cell is text, '' where there is nothing; numbers keep all their digits. What the columns mean is decided
elsewhere. In JSON an object is a row; a list of numbers in it is a curve and becomes the columns ``name_1``,
``name_2``, ...; objects in objects become columns ``outer/inner``.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from predictor.curves.columns import is_index
from predictor.curves.learning_curves import Floats
from predictor.curves.metrics import UNLABELLED, metric_of, split_rank
from predictor.errors import CurvesError

DELIMITERS = ",;\t|"
DECIMAL_COMMA = re.compile(r"^([-+]?\d+),(\d+(?:[eE][-+]?\d+)?%?)$")
PERCENT = re.compile(r"^([-+]?[\d.]+)\s*%$")
MISSING = frozenset(("", "nan", "na", "n/a", "none", "null", "-"))
"""Cells that hold no number and say so, in lower case."""
MAX_TEXT_BYTES = 2**30
"""Most bytes of a file of text when it is unpacked."""
CHUNK = 2**20
TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")


def read_table(path: Path) -> pd.DataFrame:
    """The table in a CSV, JSON or JSON lines file, by its content; raises `CurvesError`."""
    text = _text(path)
    if text.lstrip()[:1] in ("{", "["):
        return _checked(_from_json(text))
    return _checked(_from_csv(text))


def numbers(cells: pd.Series, column: str) -> Floats:
    """The column as numbers, NaN where there is none; `CurvesError` names the row (from 1) that is text."""
    try:
        return cells.where(cells != "", "nan").to_numpy().astype(np.float64)
    except ValueError:
        pass
    if wrong := first_text(cells):
        raise CurvesError(f"row {wrong[0]}, column {column[:60]!r}: {wrong[1][:60]!r} is not a number")
    return np.array([float(cell) if is_number(cell) else np.nan for cell in cells])


def first_text(cells: pd.Series) -> tuple[int, str] | None:
    """Row (from 1) and content of the first cell that is neither a number nor missing."""
    return next(
        (
            (row, cell)
            for row, cell in enumerate(cells, start=1)
            if cell.lower() not in MISSING and not is_number(cell)
        ),
        None,
    )


def is_number(cell: str) -> bool:
    """Whether Python reads the cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            content = b"".join(_pieces(stream))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CurvesError(f"damaged gzip file: {error}") from None
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise CurvesError(f"not a table in UTF-8: {error}") from None


def _pieces(stream: Any) -> Iterator[bytes]:
    """The content, as long as it is not too much."""
    size = 0
    while piece := stream.read(CHUNK):
        size += len(piece)
        if size > MAX_TEXT_BYTES:
            raise CurvesError(f"more than {MAX_TEXT_BYTES:,} bytes of text; at most that many are read")
        yield piece


def _from_csv(text: str) -> pd.DataFrame:
    first = next(filter(None, text.splitlines()), "")
    delimiter = max(DELIMITERS, key=_unquoted(first).count)  # the comma where there is none
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise CurvesError(f"not a CSV file in UTF-8: {error}") from None
    if len(rows) < 2:
        raise CurvesError(f"{'only a header' if rows else 'empty'}; expected a header and at least one curve")
    header = [column.strip() for column in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise CurvesError(f"row {number} has {len(row)} cells; the header has {len(header)}")
    cells = [[cell.strip() for cell in row] for row in rows[1:]]
    table = pd.DataFrame(cells, columns=pd.Index(header, dtype=object), dtype=object)
    for place in range(len(header)):
        column = table.iloc[:, place]
        if delimiter != "," and any(DECIMAL_COMMA.fullmatch(cell) for cell in column):
            table.isetitem(place, column.map(lambda cell: DECIMAL_COMMA.sub(r"\1.\2", cell)))
        if any(PERCENT.fullmatch(cell) for cell in column):
            table.isetitem(place, column.map(lambda cell: PERCENT.sub(r"\1", cell)))
    return table


def _unquoted(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _from_json(text: str) -> pd.DataFrame:
    try:
        content = json.loads(text)
    except RecursionError:
        raise CurvesError("JSON of too many levels") from None
    except ValueError:
        content = _json_lines(text)
    records = list(_records(content))
    if not records:
        raise CurvesError("no objects in this JSON; expected one for each training, or for each epoch")
    columns = dict.fromkeys(name for record in records for name in record)
    cells = [[record.get(name, "") for name in columns] for record in records]
    return pd.DataFrame(cells, columns=pd.Index(list(columns), dtype=object), dtype=object)


def _json_lines(text: str) -> list[Any]:
    found = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise CurvesError(f"neither JSON nor JSON lines: line {number}: {error}") from None
    return found


def _records(content: Any) -> Iterator[dict[str, str]]:
    """Rows of whatever JSON this is."""
    if isinstance(content, list):
        if content and all(isinstance(item, list) for item in content):
            content = [{"": item} for item in content]  # curves without a name
        elif content and all(isinstance(item, int | float) for item in content):
            content = [{"": content}]
        for item in content:
            if not isinstance(item, Mapping):
                raise CurvesError(f"{str(item)[:60]!r} in a list of JSON; expected objects")
            yield dict(_cells(item))
    elif isinstance(content, Mapping):
        yield from _records_of_object(content)
    else:
        raise CurvesError(f"{str(content)[:60]!r} is no table; expected objects or lists of them")


def _records_of_object(content: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    values = list(content.values())
    inner = [value for value in values if isinstance(value, list) and value and isinstance(value[0], Mapping)]
    if len(inner) == 1:  # such as the log_history of a trainer_state.json
        yield from _records(inner[0])
    elif values and all(isinstance(value, Mapping) for value in values):
        if all(key.isdecimal() for value in values for key in value):  # as pandas writes tables by columns
            rows = dict.fromkeys(key for value in values for key in value)
            yield from _records([{name: content[name].get(row) for name in content} for row in rows])
        elif _are_trainings(content):
            yield from ({"name": name, **dict(_cells(value))} for name, value in content.items())
        else:  # one training, by kinds of data or metrics
            yield dict(_cells(content))
    elif _is_columnar(content):
        yield from _records([dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)])
    else:
        yield dict(_cells(content))


def _are_trainings(content: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether these objects are trainings by name: each has a curve; names are not all of data or metrics."""
    if all(metric_of(name) or split_rank(name) != UNLABELLED for name in content):
        return False
    return all(_has_list(value) for value in content.values())


def _has_list(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else ()
    return isinstance(value, list) or any(_has_list(item) for item in inner)


def _is_columnar(content: Mapping[str, Any]) -> bool:
    """Whether lists of one length are columns and not curves: the curves' epochs stand in them."""
    lists = [value for value in content.values() if isinstance(value, list)]
    if len(lists) < len(content) or len({len(value) for value in lists}) != 1:
        return False
    numbered = [name for name in content if re.search(r"\d$", name)]
    names = {name.strip().lower() for name in content}
    return bool(names & {"epoch", "epochs", "step", "iteration", "training_iteration"}) or len(numbered) > 1


def _cells(item: Mapping[str, Any], outer: str = "") -> Iterator[tuple[str, str]]:
    for key, value in item.items():
        name = f"{outer}{key}"
        if isinstance(value, Mapping):
            yield from _cells(value, f"{name}/")
        elif isinstance(value, list):
            yield from ((f"{name}_{place}", _cell(inner)) for place, inner in enumerate(value, start=1))
        else:
            yield name, _cell(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return (
        value.strip() if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    )


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    times = Counter(table.columns)
    repeated = [column for column in table.columns if times[column] > 1 and not is_index(column)]
    if repeated:
        raise CurvesError(f"column {repeated[0][:60]!r} is there {times[repeated[0]]} times")
    return table.loc[:, [not (times[column] > 1) for column in table.columns]]
