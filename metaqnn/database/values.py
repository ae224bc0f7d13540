"""Values that no search has written: of another type than their column, or out of bounds.

SQLite stores anything anywhere, and a database may have been changed by any program.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Table,
    false,
    func,
    inspect,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.types import NullType

from metaqnn.config.bounds import COUNT, ROW, Bounds, share
from metaqnn.database.schema import metadata, networks, searches, trainings
from state_space.errors import quoted
from state_space.layers import MAX_NUMBER

EPOCHS = Bounds(0, 10**6)
"""Epochs of one attempt, or of all attempts of a network."""
TIME = Bounds(0, 10**11, whole=False)
"""Seconds, or a moment in seconds since 1970."""
FORECAST = Bounds(-1000, 1000, whole=False)
"""Rewards, the best accuracy and probabilities, all of which may be forecasts."""
EXTRAPOLATION = Bounds(-1e12, 1e12, whole=False)
"""A model's forecast of an accuracy: a linear model goes far beyond 1 if its curves were nearly alike."""
NUMBER = Bounds(-inf, inf, whole=False)
WITHIN: dict[str, Bounds] = {
    **dict.fromkeys(("epoch", "epochs", "epochs_trained"), EPOCHS),
    **dict.fromkeys(("created_at", "proposed_at", "finished_at", "seconds"), TIME),
    **dict.fromkeys(("accuracy", "last_accuracy", "final_accuracy", "epsilon"), share()),
    **dict.fromkeys(("reward", "best_accuracy", "probability"), FORECAST),
    "predicted_accuracy": EXTRAPOLATION,
    **dict.fromkeys(("proposal", "position"), Bounds(0, ROW.high)),
    **dict.fromkeys(("num_params", "parameters", "macs"), COUNT),
    "num_classes": Bounds(1, 10**6),
    "channels": Bounds(1, 10**6),
    "image_size": Bounds(1, MAX_NUMBER),
    "depth": Bounds(0, 1000),
    "attempt": Bounds(1, 100),
    "learning_rate": Bounds(0, 1000, whole=False),
}
"""The bounds of values, by the name of the column; any other whole number must be in `ROW`."""


def first_odd_value(connection: Connection, search_id: int | None = None) -> str | None:
    """The first value in a search's tables that no search has written; None if there is none.

    On PostgreSQL, whose columns have types, only numbers can be odd.

    Args:
        connection: to a replay database; what older versions lacked is skipped, and so are tables
            of other programs.
        search_id: which search, None for all in the database.
    """
    there = inspect(connection)
    for table in metadata.sorted_tables:
        if not there.has_table(table.name):
            continue
        names = {column["name"] for column in there.get_columns(table.name)}
        own = true() if search_id is None else _of(table, search_id)
        odd = {table.c[name]: _odd(table.c[name], connection) for name in table.c.keys() if name in names}  # noqa: SIM118
        if connection.execute(select(1).select_from(table).where(own, or_(*odd.values())).limit(1)).first():
            return next(_named(connection, own, odd))
    return None


def _of(table: Table, search_id: int) -> ColumnElement[bool]:
    """The condition under which a row belongs to a search."""
    if table is searches:
        return searches.c.id == search_id
    if "search_id" in table.c:
        return table.c.search_id == search_id
    trained = select(trainings.c.id).join(networks).where(networks.c.search_id == search_id)
    return (table.c.id if table is trainings else table.c.training_id).in_(trained)


def _named(
    connection: Connection, own: ColumnElement[bool], odd: dict[Column[Any], ColumnElement[bool]]
) -> Iterator[str]:
    for column, condition in odd.items():
        query = select(type_coerce(column, NullType())).where(own, condition).limit(1)
        for (value,) in connection.execute(query):
            yield f"{column.name} in {column.table.name} is {quoted(value)}; {_wanted(column)}"


def _odd(column: Column[Any], connection: Connection) -> ColumnElement[bool]:
    """The condition under which a value of the column is odd."""
    within, untyped = _within(column), connection.dialect.name == "sqlite"
    conditions: list[ColumnElement[bool]] = []
    if not column.nullable:
        conditions.append(column.is_(None))
    if untyped and (within is None or within.whole):  # for SQLite, texts and bytes are above all numbers
        kind = "text" if within is None else "integer"
        conditions.append(func.typeof(column).not_in([kind, "null"]))
    if within is not None and (untyped or not isinstance(column.type, Boolean)):
        number = type_coerce(column, BigInteger() if within.whole else Float())
        conditions += [number < within.low, number > within.high]
    return or_(false(), *conditions)


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
