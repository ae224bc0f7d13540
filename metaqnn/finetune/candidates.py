"""Which networks of a search are trained for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.database.queries import SearchReader
from metaqnn.results.finetuned import FinetuningError


@dataclass(frozen=True)
class Candidate:
    """A network of the search."""

    number: int
    architecture: str
    parameters: int
    """Weights and biases."""
    validation_accuracy: float | None
    """y_T as the search observed it; None where it was not trained to the end. Never a prediction."""


def choose(reader: SearchReader, top: int, numbers: Sequence[int] | None = None) -> list[Candidate]:
    """The networks with those numbers, or else the `top` ones by observed validation accuracy.

    There may be fewer than `top`.

    Raises:
        UnknownNetworkError: there is no network with one of the numbers.
        FinetuningError: a number is given twice, or no network was trained to the end.
    """
    if numbers is None:
        found = reader.top(top)
        if not found:
            raise FinetuningError("no network has been trained to the end yet: there is nothing to finetune")
    else:
        if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
            raise FinetuningError(f"--networks names network {twice[0]} more than once")
        found = [reader.network(number) for number in numbers]
    return [
        Candidate(row["number"], row["architecture"], row["parameters"], row["final_accuracy"])
        for row in found
    ]
