"""What all mirrors do: copy the networks that have ended since the last time, each once."""

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
    """A place that cannot hold the copy of this search."""


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
    """A copy of one search. It may be brought up to date at any time and by any process, one at a time.

    What is in the copy says what is missing there: nothing else is remembered, and nothing is copied twice.

    Attributes:
        place: where the copy is, for people.
    """

    place: str

    @abstractmethod
    def numbers(self) -> set[int]:
        """The networks that the copy holds."""

    @abstractmethod
    def add(self, network: MirroredNetwork) -> None:
        """Copy one network, wholly or not at all."""

    def update(self, reader: SearchReader) -> int:
        """Copy the networks that have ended and are not there yet, in order of finishing.

        Returns:
            How many these were.

        Raises:
            MirrorError: the copy cannot be written.
        """
        return sum(1 for _ in self.updates(reader, self.missing(reader)))

    def missing(self, reader: SearchReader) -> list[Row[Any]]:
        """The networks that are not there yet, in order of finishing."""
        there = self.numbers()
        return [row for row in reader.ended() if row.number not in there]

    def updates(self, reader: SearchReader, missing: list[Row[Any]]) -> Iterator[int]:
        """Copy these networks one after the other, yielding their numbers."""
        for row in missing:
            self.add(_network(reader, row.number))
            yield row.number


def identity(reader: SearchReader) -> str:
    """Tells one search from all others, wherever its run folder lies."""
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
