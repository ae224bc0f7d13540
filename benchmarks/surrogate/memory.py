"""What a search on the surrogate trainer has instead of a database file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metaqnn.database import NetworkResult
from predictor import Decision
from trainers import EpochReport


@dataclass
class Record:
    """What a search stored about one network."""

    number: int
    epsilon: float
    architecture: str
    epochs: int = 0
    stop: tuple[int, Decision] | None = None  # the epoch after which the rule would stop it, and why
    result: NetworkResult | None = None


@dataclass
class Memory:
    """Takes the place of `ReplayDatabase` in a search that is never resumed."""

    records: dict[int, Record] = field(default_factory=dict)

    def stored_networks(self) -> Iterable[Any]:
        return ()

    def stored_samples(self) -> Iterable[Any]:
        return ()

    def curves(self) -> Mapping[int, Any]:
        return {}

    def stored_epochs(self, network_id: int) -> Iterable[Any]:
        return ()

    def propose(self, proposal: int, epsilon: float, network: Mapping[str, Any]) -> int:
        number = network["number"]
        self.records[number] = Record(number, epsilon, network["architecture"])
        return number

    def repeat(self, proposal: int, epsilon: float, network_id: int, position: int | None) -> None:
        pass

    def add_epoch(self, network_id: int, report: EpochReport, decision: Decision | None) -> None:
        record = self.records[network_id]
        record.epochs += 1
        if decision is not None and decision.stop:
            record.stop = report.epoch, decision

    def finish(
        self, network_id: int, result: NetworkResult, finished: int, positions: Mapping[int, int]
    ) -> None:
        self.records[network_id].result = result
