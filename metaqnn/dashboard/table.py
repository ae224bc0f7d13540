"""The table of networks: filters, order and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import Any, Self
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, func

from metaqnn.config.bounds import COUNT, ROW, Bounds, share
from metaqnn.dashboard.errors import FilterError
from metaqnn.database.queries import SearchReader
from metaqnn.database.schema import networks
from state_space.errors import quoted

PAGE_SIZE = 50
MOST_TEXT = 2000
"""Characters that a filter may have; SQLite compares at most 50,000 bytes."""

SHOWN = 0.01
"""The last digit of a percentage on the page."""

FORECAST = networks.c.predicted_accuracy
OUTCOMES: dict[str, ColumnElement[bool]] = {
    "completed": networks.c.outcome == "completed",
    "stopped": networks.c.outcome == "stopped",
    "failed": networks.c.outcome.not_in(("completed", "stopped")),
    "in training": networks.c.outcome.is_(None),
}
SORTS: dict[str, ColumnElement[Any]] = {
    "number": networks.c.number,
    "final": networks.c.final_accuracy,
    "forecast": FORECAST,
    "last": networks.c.last_accuracy,
    "epochs": networks.c.epochs_trained,
    "parameters": networks.c.parameters,
    "epsilon": networks.c.epsilon,
    "outcome": networks.c.outcome,
    "architecture": networks.c.architecture,
}
ORDERS = ("descending", "ascending")


@dataclass(frozen=True)
class TableQuery:
    """What the table's address asks for. An empty filter lets all networks through.

    Attributes:
        text: part of the architecture; spaces do not count.
        outcome: a key of OUTCOMES.
        epsilon: the one at which the network was proposed.
        accuracy: lowest final accuracy in percent, as the page shows it; predicted for stopped networks, else
            observed.
        parameters: largest number of parameters.
        sort: a key of SORTS. Networks without a value come last.
        order: descending or ascending.
        page: from 1.
    """

    text: str = ""
    outcome: str = ""
    epsilon: float | None = None
    accuracy: float | None = None
    parameters: int | None = None
    sort: str = "final"
    order: str = "descending"
    page: int = 1

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """Read the parameters of an address; empty ones are form fields left blank.

        Raises:
            FilterError: an unknown parameter, or a value out of range.
        """
        given = {name: value.strip() for name, value in values.items() if value.strip()}
        if unknown := sorted(set(given) - set(_READERS)):
            raise FilterError(f"there is no filter {unknown[0]!r}; filters are {', '.join(_READERS)}")
        return cls(**{name: _READERS[name](name, value) for name, value in given.items()})

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters as conditions on `schema.networks`."""
        found = []
        if self.text:
            plain = func.replace(networks.c.architecture, " ", "")
            found.append(plain.icontains("".join(self.text.split()), autoescape=True))
        if self.outcome:
            found.append(OUTCOMES[self.outcome])
        if self.epsilon is not None:
            found.append(networks.c.epsilon == self.epsilon)
        if self.accuracy is not None:
            lowest = (self.accuracy - SHOWN / 2) / 100
            found.append(func.coalesce(networks.c.final_accuracy, FORECAST) >= lowest)
        if self.parameters is not None:
            found.append(networks.c.parameters <= self.parameters)
        return found

    def ordering(self) -> list[ColumnElement[Any]]:
        """The order; ties are broken by size and number."""
        column = SORTS[self.sort]
        first = column.desc() if self.order == "descending" else column.asc()
        return [first.nulls_last(), networks.c.parameters.asc()]

    def link(self, **changes: Any) -> str:
        """The address of another view of the table: `?name=value&…`, without default values."""
        changed = replace(self, **{"page": 1, **changes})
        pairs = {f.name: getattr(changed, f.name) for f in fields(self)}
        usual = {f.name: f.default for f in fields(self)}
        return "?" + urlencode({name: value for name, value in pairs.items() if value != usual[name]})

    def sorted_by(self, sort: str) -> str:
        """The address for a click on a column's heading; a second click reverses the order."""
        turned = sort == self.sort and self.order == "descending"
        return self.link(sort=sort, order="ascending" if turned else "descending")


@dataclass(frozen=True)
class TablePage:
    """A page of the table.

    Attributes:
        query: what was asked for.
        rows: columns of `schema.networks`.
        total: number of networks that pass the filters.
        pages: number of pages, at least 1.
    """

    query: TableQuery
    rows: list[dict[str, Any]]
    total: int
    pages: int

    @property
    def first(self) -> int:
        """Position of the first row among all, from 1; 0 if there is none."""
        return (self.query.page - 1) * PAGE_SIZE + 1 if self.rows else 0


def table_page(reader: SearchReader, query: TableQuery) -> TablePage:
    """Ask for a page of the table.

    Raises:
        FilterError: the page does not exist.
    """
    rows, total = reader.networks(
        *query.conditions(),
        order_by=query.ordering(),
        limit=PAGE_SIZE,
        offset=(query.page - 1) * PAGE_SIZE,
    )
    pages = max(1, ceil(total / PAGE_SIZE))
    if query.page > pages:
        raise FilterError(f"page is {query.page}; the last page is {pages}")
    return TablePage(query, rows, total, pages)


def _text(name: str, value: str) -> str:
    if len(value) > MOST_TEXT:
        raise FilterError(f"{name} has {len(value)} characters; it must have at most {MOST_TEXT}")
    if not value.isprintable():
        raise FilterError(f"{name} is {value!r}; it must be a part of an architecture, such as C(64,3,1)")
    return value


def number(within: Bounds) -> Callable[[str, str], float]:
    """Reads a parameter of an address, given its name and value. Raises FilterError if it is out of range."""

    def read(name: str, value: str) -> float:
        try:
            return within.read(value)
        except ValueError:
            raise FilterError(f"{name} is {quoted(value)}; it must be {within}") from None

    return read


def one_of(allowed: Mapping[str, Any] | tuple[str, ...]) -> Callable[[str, str], str]:
    """Like `number`, for a choice."""

    def read(name: str, value: str) -> str:
        if value not in allowed:
            raise FilterError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
        return value

    return read


_READERS: dict[str, Callable[[str, str], Any]] = {
    "text": _text,
    "outcome": one_of(OUTCOMES),
    "epsilon": number(share()),
    "accuracy": number(Bounds(0, 100, whole=False)),
    "parameters": number(COUNT),
    "sort": one_of(SORTS),
    "order": one_of(ORDERS),
    "page": number(ROW),
}
