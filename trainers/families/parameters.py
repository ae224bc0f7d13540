"""What a hyper-parameter may be: a whole number, a real number, or one of a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

from trainers.recipe import is_number


class FamilyError(ValueError):
    """A family or a configuration that cannot be; the message is one line that quotes the bad value."""


@dataclass(frozen=True)
class Whole:
    """low, low + step, ... up to high."""

    low: int
    high: int
    step: int = 1

    def __contains__(self, value: object) -> bool:
        return is_number(value) and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        return f"a whole number from {self.low} to {self.high}{steps}"


@dataclass(frozen=True)
class Real:
    """Any number in [low, high]; with `log`, its logarithm is what is spread evenly."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return is_number(value) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class OneOf:
    """One of these numbers."""

    values: tuple[int, ...]

    def __contains__(self, value: object) -> bool:
        return is_number(value) and value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(map(str, self.values))}"


Parameter = Whole | Real | OneOf
