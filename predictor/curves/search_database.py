"""Curves of a search: the view `learning_curves` of an SQLite or PostgreSQL database, opened read-only.

The view's columns are the contract with whatever wrote the database: `curve` (identity of a training),
`epoch` (from 1), `value`, `epochs` (T), optionally `search`, `name` and `metric`, and any number
of numeric columns named `ap_<name>` and `hp_<name>`. Curves come in the order of `curve`. `epochs`
may differ between curves: T of the set is the largest. A NULL value is NaN. Where there is a column
`search`, only the curves of one search are read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from predictor.curves.arrays import Floats, named_with
from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError
from predictor.files import reading_connection, small_json
from predictor.servers import UnknownServerError, require_known, settings_for

SQLITE_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})
REQUIRED = ("curve", "epoch", "value", "epochs")
COLUMNS = "SELECT * FROM learning_curves LIMIT 0"
CURVES = "SELECT * FROM learning_curves ORDER BY curve, epoch"
CURVES_OF_SEARCH = "SELECT * FROM learning_curves WHERE search = {search} ORDER BY curve, epoch"
NEWEST = "(SELECT max(search) FROM learning_curves)"


@dataclass(frozen=True)
class StoredSearch:
    """Where the curves of a search are.

    Attributes:
        database: an SQLite file, or the URL of a PostgreSQL database.
        search: which search; None for the newest one that has curves.
    """

    database: Path | str
    search: int | None = None


def find_database(path: Path) -> StoredSearch:
    """The database of a run folder, or the path itself; raises `CurvesError` if it is not there."""
    storage = path / "storage.json"
    if storage.is_file():
        return _remembered(storage)
    database = path / "search.db" if path.is_dir() else path
    if not database.is_file():
        raise CurvesError(
            f"no database {database.name} there; expected an SQLite file or a run folder with one"
        )
    return StoredSearch(database)


def _remembered(storage: Path) -> StoredSearch:
    try:
        remembered = small_json(storage)
        return StoredSearch(str(remembered["url"]), int(remembered["search"]))
    except (LookupError, OSError, TypeError, ValueError, OverflowError) as error:
        raise CurvesError(f"{storage.name} does not name a search: {error}") from None


def read_database(source: StoredSearch) -> LearningCurves:
    """All curves of one search in the view `learning_curves`; raises `CurvesError`."""
    read = _from_sqlite if isinstance(source.database, Path) else _from_postgresql
    header, rows = read(source)
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise CurvesError(f"the view learning_curves has no column {missing[0]}; it has {header}")
    if not rows:
        raise CurvesError("the view learning_curves is empty: no epoch has been recorded yet")
    return _curves(header, rows)


def _from_sqlite(source: StoredSearch) -> tuple[list[str], list[tuple[Any, ...]]]:
    try:
        with closing(reading_connection(Path(source.database))) as connection:
            return _select(connection, source.search)
    except sqlite3.Error as error:
        raise CurvesError(f"no readable view learning_curves: {error}") from None


def _from_postgresql(source: StoredSearch) -> tuple[list[str], list[tuple[Any, ...]]]:
    try:
        import psycopg
    except ImportError:
        raise CurvesError("PostgreSQL needs the package psycopg: pip install psycopg[binary]") from None
    address = str(source.database).replace("+psycopg", "", 1)
    try:
        named = psycopg.conninfo.conninfo_to_dict(address)
        require_known(named)
        with psycopg.connect(psycopg.conninfo.make_conninfo(address, **settings_for(named))) as connection:
            connection.read_only = True
            return _select(connection, source.search)
    except UnknownServerError:
        raise
    except (psycopg.Error, ValueError) as error:  # ValueError: a host's name that cannot be one
        raise CurvesError(f"no readable view learning_curves: {' '.join(str(error).split())}") from None


def _select(connection: Any, search: int | None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Header and rows of the view, over any DB-API connection."""
    cursor = connection.cursor()
    cursor.execute(COLUMNS)
    header = [description[0] for description in cursor.description]
    one = CURVES_OF_SEARCH.format(search=NEWEST if search is None else search)
    cursor.execute(one if "search" in header else CURVES)
    return header, cursor.fetchall()


def _curves(header: list[str], rows: Sequence[tuple[Any, ...]]) -> LearningCurves:
    table = dict(zip(header, zip(*rows, strict=True), strict=True))
    numbers = {
        column: _numbers(column, cells)
        for column, cells in table.items()
        if column in REQUIRED or column.startswith(("ap_", "hp_"))
    }
    first, curve = np.unique(numbers["curve"], return_index=True, return_inverse=True)[1:]
    epoch, T = numbers["epoch"].astype(int), int(np.nanmax(numbers["epochs"]))
    if T < 1 or epoch.min() < 1 or epoch.max() > T:
        raise CurvesError(f"epochs {epoch.min()} to {epoch.max()} of T = {T}; expected 1 to T")
    values = np.full((len(first), T), np.nan)
    values[curve, epoch - 1] = numbers["value"]
    known = {name: column[first] for name, column in numbers.items()}
    return LearningCurves(
        values=values,
        architecture=named_with("ap_", known),
        hyperparameters=named_with("hp_", known),
        metric=str(table["metric"][0]) if "metric" in table else "accuracy",
        names=np.array([str(table["name"][row]) for row in first]) if "name" in table else None,
    )


def _numbers(column: str, cells: Sequence[Any]) -> Floats:
    for row, cell in enumerate(cells):
        if isinstance(cell, str | bytes):
            raise CurvesError(f"row {row + 1}, column {column} of learning_curves: {cell!r} is not a number")
    return np.array(cells, dtype=np.float64)
