"""What all mirrors have in common: they copy each network once, after it has ended."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from metaqnn.config.stored import EXTENDED
from metaqnn.database.queries import SearchReader


class MirrorError(ValueError):
    """The copy cannot be written to its place."""


@dataclass(frozen=True)
class MirroredNetwork:
    """A network whose training has ended, as mirrors show it.

    Attributes:
        number: 1, 2, ... in order of proposal.
        facts: all columns of the network, see `metaqnn.database.schema`.
        learning_rate: of its last attempt; None if no epoch was trained.
        epochs: of its last attempt: rows with epoch, accuracy, loss, seconds, predicted_accuracy, stop, ...
    """

    number: int
    facts: dict[str, Any]
    learning_rate: float | None
    epochs: list[dict[str, Any]]

    @property
    def parameters(self) -> dict[str, float]:
        """What was known about the network before it was trained."""
        known = {name: self.facts[name] for name in ("depth", "parameters", "macs", "epsilon")}
        return known if self.learning_rate is None else {**known, "learning_rate": self.learning_rate}

    @property
    def started_at(self) -> float:
        """Seconds since 1970 when its last attempt began."""
        return float(self.facts["finished_at"] - sum(epoch["seconds"] for epoch in self.epochs))


class Mirror(ABC):
    """A copy of one search. Any process may update it at any time, but only one at a time.

    The copy itself shows what is missing in it: nothing else is stored, and nothing is copied twice.

    Attributes:
        place: where the copy is, in words.
    """

    place: str

    @abstractmethod
    def numbers(self) -> set[int]:
        """The networks that the copy holds."""

    @abstractmethod
    def add(self, network: MirroredNetwork) -> None:
        """Copy one network, completely or not at all."""

    def update(self, reader: SearchReader) -> int:
        """Copy the networks that have ended and were not copied yet, in order of finishing.

        Returns:
            The number of networks copied.

        Raises:
            MirrorError: the copy cannot be written.
        """
        return sum(1 for _ in self.updates(reader, self.missing(reader)))

    def missing(self, reader: SearchReader) -> list[Row[Any]]:
        """The networks that were not copied yet, in order of finishing."""
        there = self.numbers()
        return [row for row in reader.ended() if row.number not in there]

    def updates(self, reader: SearchReader, missing: list[Row[Any]]) -> Iterator[int]:
        """Copy these networks one after the other, yielding their numbers."""
        for row in missing:
            self.copy(reader, row.number)
            yield row.number

    def copy(self, reader: SearchReader, number: int) -> None:
        """Copy one network, which is not there yet."""
        self.add(_network(reader, number))


def identity(reader: SearchReader) -> str:
    """Identifies the search, wherever its run folder is."""
    search = reader.search()
    began = {name: value for name, value in search["config"].items() if name != EXTENDED}
    facts = [search["created_at"], search["data_fingerprint"], began]
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _network(reader: SearchReader, number: int) -> MirroredNetwork:
    facts = reader.network(number)
    last = [
        training
        for training in facts.pop("trainings")
        if training["purpose"] == "search" and training["attempt"] == facts["attempt"]
    ]
    if not last:
        return MirroredNetwork(number, facts, None, [])
    return MirroredNetwork(number, facts, last[0]["learning_rate"], last[0]["epochs"])
