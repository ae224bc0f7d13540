"""The Pareto front: networks that no other one beats in both accuracy and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, TypeVar

Row = TypeVar("Row", bound=Mapping[str, Any])


def pareto_front(rows: Sequence[Row], accuracy: str, cost: str) -> list[Row]:
    """The rows that no other row dominates, in their original order.

    A row dominates another if it is at least as accurate and costs no more, and is better in one of the two;
    so rows that agree in both are all kept. One sweep from cheap to expensive.

    Args:
        rows: to choose from.
        accuracy: key of the value to maximise.
        cost: key of the value to minimise.
    """
    kept = []
    best, best_cost = -inf, inf
    order = sorted(range(len(rows)), key=lambda i: (rows[i][cost], -rows[i][accuracy]))
    for index in order:
        found, price = rows[index][accuracy], rows[index][cost]
        if found > best or (found == best and price == best_cost):
            kept.append(index)
            best, best_cost = found, price
    return [rows[index] for index in sorted(kept)]
