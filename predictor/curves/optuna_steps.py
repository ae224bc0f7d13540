"""Whether the steps at which Optuna's trials report count up or down; needs no package."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class StepOrder:
    """What trials tell about the order of their steps.

    Attributes:
        votes: trials that count down minus trials that count up, among those that tell it alone.
        lowest, highest: trials by their lowest and their highest step.
    """

    votes: int = 0
    lowest: Counter[int] = field(default_factory=Counter)
    highest: Counter[int] = field(default_factory=Counter)

    def add(self, trial: Any) -> None:
        """Count a trial with values."""
        steps = trial.intermediate_values
        self.votes += _vote(trial)
        self.lowest[min(steps)] += 1
        self.highest[max(steps)] += 1

    @property
    def descending(self) -> bool:
        """Whether the steps count down: trials that were pruned begin where the others do, and end sooner."""
        begin, end = (max(ends.values(), default=0) for ends in (self.highest, self.lowest))
        return self.votes + begin - end > 0


def _vote(trial: Any) -> int:
    """1 if the trial's steps count down, -1 if they count up, 0 if that cannot be seen.

    Databases give the values in the order of the steps; which of them came last is then seen from the value
    of the completed trial.
    """
    steps, values = list(trial.intermediate_values), trial.intermediate_values
    if len(steps) < 2:
        return 0
    if steps == sorted(steps, reverse=True):
        return 1
    if trial.state.name != "COMPLETE":
        return 0
    low, high = values[min(steps)], values[max(steps)]
    return 1 if trial.values == [low] and low != high else -1
