"""Values that no search has written: of another type than their column, or beyond reason.

SQLite stores anything anywhere, and a file may have been changed by any program.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from math import inf
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Float, Integer, Table

from metaqnn.config.bounds import COUNT, ROW, Bounds, share
from metaqnn.database.schema import metadata
from state_space.errors import quoted

EPOCHS = Bounds(0, 10**6)
"""Of one attempt, or of all attempts of a network."""
TIME = Bounds(0, 10**11, whole=False)
"""Seconds, or a moment in seconds since 1970."""
FORECAST = Bounds(-1000, 1000, whole=False)
"""What a model says of an accuracy."""
NUMBER = Bounds(-inf, inf, whole=False)
WITHIN: dict[str, Bounds] = {
    **dict.fromkeys(("epoch", "epochs", "epochs_trained"), EPOCHS),
    **dict.fromkeys(("created_at", "proposed_at", "finished_at", "seconds"), TIME),
    **dict.fromkeys(("accuracy", "last_accuracy", "final_accuracy", "epsilon"), share()),
    **dict.fromkeys(("reward", "predicted_accuracy", "best_accuracy", "probability"), FORECAST),
    **dict.fromkeys(("proposal", "position"), Bounds(0, ROW.high)),
    **dict.fromkeys(("num_params", "parameters", "macs"), COUNT),
    "num_classes": Bounds(1, 10**6),
    "channels": Bounds(1, 10**6),
    "image_size": Bounds(1, 4096),
    "depth": Bounds(0, 1000),
    "attempt": Bounds(1, 100),
    "learning_rate": Bounds(0, 1000, whole=False),
}
"""What makes sense, by the name of the column; any other whole number is one of `ROW`."""


def first_odd_value(connection: sqlite3.Connection) -> str | None:
    """The first value in the tables of a search that none has written; None if there is no such value.

    Args:
        connection: to a replay database; what older versions had not, and what is of other programs, is left.
    """
    for table in metadata.sorted_tables:
        there = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table.name})")}
        odd = {column.name: _odd(column) for column in table.columns if column.name in there}
        if not odd:
            continue
        query = f"SELECT * FROM {table.name} WHERE {' OR '.join(odd.values())} LIMIT 1"
        if connection.execute(query).fetchone() is not None:
            return next(_named(connection, table, odd))
    return None


def _named(connection: sqlite3.Connection, table: Table, odd: dict[str, str]) -> Iterator[str]:
    for name, condition in odd.items():
        query = f"SELECT {name} FROM {table.name} WHERE {condition} LIMIT 1"
        for (value,) in connection.execute(query):
            yield f"{name} in {table.name} is {quoted(value)}; {_wanted(table.columns[name])}"


def _odd(column: Column[Any]) -> str:
    """The condition, in SQLite's words, under which a value of the column is odd; never NULL."""
    name, within = column.name, _within(column)
    if within is None:
        odd = f"typeof({name}) <> 'text'"
    else:
        kinds = "'integer'" if within.whole else "'integer', 'real'"
        odd = (
            f"typeof({name}) NOT IN ({kinds}) OR {name} < {_sql(within.low)} OR {name} > {_sql(within.high)}"
        )
    return f"({name} IS NOT NULL AND ({odd}))" if column.nullable else f"({name} IS NULL OR {odd})"


def _sql(number: float) -> str:
    return str(number).replace("inf", "9e999")


def _wanted(column: Column[Any]) -> str:
    within = _within(column)
    kind = "JSON" if isinstance(column.type, JSON) else "text"
    return f"expected {kind if within is None else within}"


def _within(column: Column[Any]) -> Bounds | None:
    """The numbers that make sense in a column; None where there are no numbers."""
    if isinstance(column.type, Boolean):
        return Bounds(0, 1)
    if column.name in WITHIN:
        return WITHIN[column.name]
    if isinstance(column.type, Float):
        return NUMBER
    return ROW if isinstance(column.type, Integer) or column.foreign_keys else None
