"""Curves of a search: the view ``learning_curves`` of an SQLite database, opened read-only.

The view's columns are the contract with whatever wrote the database: ``curve`` (identity of a training),
``epoch`` (from 1), ``value``, ``epochs`` (T), optionally ``name`` and ``metric``, and any number of numeric
columns named ``ap_<name>`` and ``hp_<name>``. Curves come in the order of ``curve``. ``epochs`` may differ
between curves: T of the set is the largest. A NULL value is NaN.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from predictor.curves import Floats, LearningCurves
from predictor.errors import CurvesError

SQLITE_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})
REQUIRED = ("curve", "epoch", "value", "epochs")


def find_database(path: Path) -> Path:
    """The database of a run folder, or the path itself; raises `CurvesError` if it is not there."""
    database = path / "search.db" if path.is_dir() else path
    if not database.is_file():
        raise CurvesError(
            f"no database {database.name} there; expected an SQLite file or a run folder with one"
        )
    return database


def read_database(path: Path) -> LearningCurves:
    """All curves in the view ``learning_curves`` of an SQLite file; raises `CurvesError`."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as connection:
            cursor = connection.execute("SELECT * FROM learning_curves ORDER BY curve, epoch")
            header = [description[0] for description in cursor.description]
            rows = cursor.fetchall()
    except sqlite3.Error as error:
        raise CurvesError(f"no readable view learning_curves: {error}") from None
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise CurvesError(f"the view learning_curves has no column {missing[0]}; it has {header}")
    if not rows:
        raise CurvesError("the view learning_curves is empty: no epoch has been recorded yet")
    return _curves(header, rows)


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
    return LearningCurves(
        values=values,
        architecture={name[3:]: column[first] for name, column in numbers.items() if name.startswith("ap_")},
        hyperparameters={
            name[3:]: column[first] for name, column in numbers.items() if name.startswith("hp_")
        },
        metric=str(table["metric"][0]) if "metric" in table else "accuracy",
        names=np.array([str(table["name"][row]) for row in first]) if "name" in table else None,
    )


def _numbers(column: str, cells: Sequence[Any]) -> Floats:
    for row, cell in enumerate(cells):
        if isinstance(cell, str | bytes):
            raise CurvesError(f"row {row + 1}, column {column} of learning_curves: {cell!r} is not a number")
    return np.array(cells, dtype=np.float64)
