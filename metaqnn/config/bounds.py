"""Bounds of numbers: one type for options, stored configurations, the database and pages."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass
from math import nan

from state_space.errors import quoted

LONGEST = 40
"""The most characters of a number; Python refuses very long ones with a message of its own."""


@dataclass(frozen=True)
class Bounds:
    """The numbers from `low` to `high`; as the `type` of an argument it reads one of them.

    Attributes:
        low: the smallest number, or the limit that all are above.
        high: the largest number.
        whole: whether all are whole numbers.
        above: whether `low` itself is excluded.
    """

    low: float
    high: float
    whole: bool = True
    above: bool = False

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        if self.whole and not isinstance(value, int):
            return False
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.above:
            return f"{kind} above {self.low:g} and at most {_plain(self.high)}"
        return f"{kind} from {_plain(self.low)} to {_plain(self.high)}"

    def read(self, text: str) -> float:
        """The number that a text stands for; an `int` if all are whole.

        Raises:
            ValueError: the text stands for none of these numbers.
        """
        plain = text.isascii() and "_" not in text and len(text) <= LONGEST
        try:
            value = (int if self.whole else float)(text) if plain else nan
        except ValueError:
            value = nan
        if value not in self:
            raise ValueError(f"{quoted(text)} is not {self}")
        return value

    def __call__(self, text: str) -> float:
        """As `read`, for argparse.

        Raises:
            ArgumentTypeError: the text stands for none of these numbers.
        """
        try:
            return self.read(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None


def share(*, above: bool = False) -> Bounds:
    """The numbers from 0 to 1; without 0 itself if `above`."""
    return Bounds(0, 1, whole=False, above=above)


ROW = Bounds(1, 2**31 - 1)
"""Numbers and ids of networks and searches: what an integer column of either database holds."""
COUNT = Bounds(0, 2**63 - 1)
"""Numbers of parameters and of operations: what a big integer column holds."""
MANY = Bounds(1, 10**6)
"""How many networks, or trainings of one, a user may ask for."""


def _plain(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"
