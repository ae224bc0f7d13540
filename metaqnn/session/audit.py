"""Audit of early stopping: train stopped networks to the end and see what would have become of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from sqlalchemy import Row

from metaqnn.database import ReplayDatabase
from metaqnn.executors import Trainer
from metaqnn.search.randomness import Purpose, derived_seed, generator
from state_space import Architecture
from trainers import EpochReport, Outcome, TrainingResult

AUDIT = "audit"


@dataclass(frozen=True)
class Audit:
    """Trains a random share of the stopped networks again, with the same random numbers and to the end.

    Args:
        database: the search's database, whose run folder the caller has locked.
        trainer: trains as the search did.
        seed: the search's seed.
        share: of the stopped networks, in (0, 1].
    """

    database: ReplayDatabase
    trainer: Trainer
    seed: int
    share: float

    def chosen(self) -> list[Row[Any]]:
        """The networks to train: those with the smallest of the random numbers that each has.

        So a larger share contains a smaller one, and most stay the same when more networks have been stopped.
        """
        stopped = [row for row in self.database.stored_networks() if row.outcome == "stopped"]
        latest = max((row.number for row in stopped), default=0)
        draws = generator(self.seed, Purpose.AUDIT).random(latest + 1)
        count = ceil(round(self.share * len(stopped), 6))  # 0.07 * 100 is a little more than 7
        return sorted(stopped, key=lambda row: draws[row.number])[:count]

    def waiting(self) -> list[Row[Any]]:
        """Those of them whose training has not come to its end yet: all epochs, or divergence."""
        done = self.database.trained_to_end(AUDIT)
        return [row for row in self.chosen() if row.id not in done]

    def run(self, heard: Callable[[str, EpochReport], None]) -> dict[int, str]:
        """Train the waiting networks; one whose training was interrupted begins again.

        Args:
            heard: is told the architecture and the report of each epoch.

        Returns:
            Why networks failed, by number: too little memory, or no better than chance. They go on waiting.
        """
        failed = {}
        for row in self.waiting():
            self.database.forget_training(row.id, AUDIT)
            result = self._train(row, heard)
            if result.outcome not in (Outcome.COMPLETED, Outcome.DIVERGED):
                failed[row.number] = result.message
        return failed

    def _train(self, row: Row[Any], heard: Callable[[str, EpochReport], None]) -> TrainingResult:
        def on_epoch(report: EpochReport) -> bool:
            self.database.add_epoch(row.id, report, purpose=AUDIT)
            heard(row.architecture, report)
            return False

        seed = derived_seed(self.seed, Purpose.TRAINING, row.number)
        return self.trainer.train(
            Architecture.parse(row.architecture), seed=seed, on_epoch=on_epoch, checkpoint=None
        )
