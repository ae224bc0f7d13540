"""One simulated search in which trainings pause and go on later, one at a time."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import numpy.typing as npt

from predictor.curves.learning_curves import LearningCurves
from predictor.rules.asha import Asha
from predictor.simulation.engine import Result, checked_order


def simulate_paused(curves: LearningCurves, schedule: Asha, order: npt.ArrayLike) -> Result:
    """Replay recorded curves, and let the schedule say which training goes on, until none may any more.

    New trainings begin in the given order. A training that goes on does not repeat its epochs, as with a
    checkpoint. The wall time counts decisions, as in `simulate`.

    Args:
        curves: as in `simulate`, with the same errors.
        schedule: when trainings pause, and which goes on.
        order: as in `simulate`.
    """
    rows = checked_order(curves, order)
    scores, rungs, T = curves.scores[rows], schedule.rungs(curves.T), curves.T
    reached: list[dict[int, float]] = [{} for _ in rungs]
    beyond: list[set[int]] = [set() for _ in rungs[:-1]]
    epochs, ended = (np.zeros(len(rows), dtype=np.int64) for _ in range(2))
    begun = decisions = 0
    seconds = 0.0
    while True:
        began = perf_counter()
        promoted = schedule.promoted(reached[:-1], beyond)
        seconds, decisions = seconds + perf_counter() - began, decisions + 1
        if promoted is not None:
            training, left = promoted
            beyond[left].add(training)
        elif begun < len(rows):
            training, left = begun, -1
            begun += 1
        else:
            break
        epochs[training] = rungs[left + 1]
        ended[training] = epochs.sum()
        reached[left + 1][training] = float(scores[training, rungs[left + 1] - 1])
    ended[epochs < T] = epochs.sum()
    return Result(rows, epochs, curves.final[rows], T, ended, decisions, seconds)
