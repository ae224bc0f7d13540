"""The epsilon schedule: how much the agent explores, by the number of unique networks so far."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

from metaqnn.config.bounds import Bounds, share

NETWORKS = Bounds(1, 10**6)
"""How many a search may train."""


class ScheduleError(ValueError):
    """A schedule that cannot be parsed or is impossible."""


@dataclass(frozen=True)
class EpsilonSchedule:
    """Pairs (epsilon, number of unique networks trained at that epsilon), in order.

    [MQ] section 4, the published one: 1.0: 1500; 0.9 to 0.7: 100 each; 0.6 to 0.1: 150 each.

    Raises:
        ScheduleError: an epsilon outside [0, 1], a count below 1, no stage at all, or more
            networks than a search may train.
    """

    stages: tuple[tuple[float, int], ...]

    def __post_init__(self) -> None:
        if not self.stages:
            raise ScheduleError("the epsilon schedule is empty; write it like 1.0:100,0.5:50,0.1:50")
        for epsilon, count in self.stages:
            if epsilon not in share():
                raise ScheduleError(f"epsilon {epsilon} is outside [0, 1]")
            if count < 1:
                raise ScheduleError(f"epsilon {epsilon} has {count} networks; at least 1 is needed")
        if self.total not in NETWORKS:
            raise ScheduleError(f"the epsilon schedule has {self.total} networks; it must be {NETWORKS}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "1.0:1500,0.9:100,0.1:150"."""
        try:
            pairs = [stage.split(":") for stage in text.split(",")]
            stages = tuple((float(epsilon), int(count)) for epsilon, count in pairs)
        except ValueError:
            raise ScheduleError(
                f"schedule {text!r} cannot be parsed; write it like 1.0:100,0.5:50,0.1:50"
            ) from None
        return cls(stages)

    def __str__(self) -> str:
        return ",".join(f"{float(epsilon)!r}:{count}" for epsilon, count in self.stages)

    @property
    def total(self) -> int:
        """Number of unique networks that the search trains."""
        return sum(count for _, count in self.stages)

    def extends(self, other: EpsilonSchedule) -> bool:
        """Whether this schedule begins like the other one, network by network, and is longer."""
        return self.total > other.total and all(
            self.epsilon(proposed) == other.epsilon(proposed) for proposed in range(other.total)
        )

    def epsilon(self, proposed: int) -> float:
        """Epsilon for the next walk after `proposed` unique networks (0 <= proposed < total)."""
        ends = list(accumulate(count for _, count in self.stages))
        return self.stages[min(bisect_right(ends, proposed), len(ends) - 1)][0]


PUBLISHED = EpsilonSchedule(
    ((1.0, 1500), (0.9, 100), (0.8, 100), (0.7, 100), *((tenths / 10, 150) for tenths in range(6, 0, -1)))
)
