"""What a worker says: `Ready` once, then for each task some `EpochDone`, and `Ended` or `Failed`.

Each `EpochDone` is answered by whether to stop.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainers import EpochReport, TrainingResult


@dataclass(frozen=True)
class Ready:
    """The trainer has been made; tasks are welcome."""


@dataclass(frozen=True)
class EpochDone:
    """An epoch; an answer is expected."""

    report: EpochReport


@dataclass(frozen=True)
class Ended:
    """A training has ended in an orderly way."""

    result: TrainingResult


@dataclass(frozen=True)
class Failed:
    """The trainer could not be made, or a training raised an exception."""

    traceback: str


Message = Ready | EpochDone | Ended | Failed
