"""What a training reports: one `EpochReport` per epoch, one `TrainingResult` at the end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from sys import float_info


class EpochReportError(ValueError):
    """Numbers that no epoch can have; the message is one line that quotes the first of them."""


class Outcome(StrEnum):
    """How a training ended; everything but `COMPLETED` and `STOPPED` is a failure that counts as data."""

    COMPLETED = "completed"
    """All epochs of the recipe were trained."""
    STOPPED = "stopped"
    """The callback asked to stop."""
    CHANCE = "chance"
    """No better than chance when that was tested, or the first loss was not finite, at every initial rate."""
    DIVERGED = "diverged"
    """The training loss became infinite or NaN after the first epoch."""
    OUT_OF_MEMORY = "out_of_memory"
    """The device or the host had too little memory for this network."""


_FINITE = float_info.max, "a finite number of at least 0"
_NUMBERS = (
    ("accuracy", 1.0, "a number in [0, 1]"),
    ("learning_rate", *_FINITE),
    ("seconds", *_FINITE),
)


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One epoch, as handed to the callback.

    The loss may be infinite or NaN: the training has diverged. The rate may have decayed to 0.

    Raises:
        EpochReportError: the accuracy is no number in [0, 1], or the rate or the time no finite number of at
            least 0.
    """

    attempt: int
    """The number of the attempt, from 1; each has its own initial learning rate."""
    learning_rate: float
    """The rate used in this epoch."""
    epoch: int
    """Epochs trained in this attempt, this one included: t of y_t, from 1."""
    accuracy: float
    """y_t: the trainer's metric, accuracy unless it has another, on the validation images after this epoch;
    on training images in a long training, which holds none out."""
    loss: float
    """Mean cross-entropy (nats) over the training images while they were trained on, dropout included; with
    balanced accuracy as the metric, each image's is multiplied by the weight of its class first."""
    seconds: float
    """Wall time of this epoch, validation included."""

    def __post_init__(self) -> None:
        for name, limit, right in _NUMBERS:
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 <= value <= limit):
                raise EpochReportError(f"{name} of epoch {self.epoch!r} is {value!r}; it must be {right}")


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """A finished training, however it ended."""

    outcome: Outcome
    """How it ended."""
    curve: tuple[float, ...]
    """y_1 ... y_t of the last attempt; the epochs of attempts that were given up are not in it."""
    learning_rate: float
    """Initial rate of the last attempt."""
    attempt: int
    """The last attempt, from 1."""
    seconds: float
    """Wall time of all attempts."""
    message: str
    """One line for people that says why the training ended."""
