"""The order in which an Optuna trial reported its values; needs no package."""

from __future__ import annotations

from typing import Any


def counts_down(trial: Any) -> int:
    """1 if the trial's steps count down, -1 if they count up, 0 if that cannot be seen.

    Databases give the values in the order of the steps; which of them came last is then seen from the value
    of the completed trial.
    """
    steps, values = list(trial.intermediate_values), trial.intermediate_values
    if len(steps) < 2:
        return 0
    if steps == sorted(steps, reverse=True):
        return 1
    low, high = values[min(steps)], values[max(steps)]
    if trial.state.name == "COMPLETE" and trial.values == [low] and low != high:
        return 1
    return -1
