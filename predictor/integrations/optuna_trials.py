"""Optuna's trials as trainings: steps become places on a curve, and finished trials a history."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite, nan
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from predictor.curves.growing import GrowingCurves
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.optuna_steps import StepOrder
from predictor.curves.wording import ends
from predictor.errors import CurvesError
from predictor.integrations.trainings import ENOUGH, CurveFormat, Training, logger

IN_HISTORY = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Steps:
    """The steps at which trials report.

    Attributes:
        grid: all steps, in the order of training; if there are more than T, those that at least half of the
            trials that get so far have.
        descending: whether the steps count down.
    """

    grid: tuple[int, ...] = ()
    descending: bool = False

    @cached_property
    def places(self) -> dict[int, int]:
        """The place of each step of the grid."""
        return {step: place for place, step in enumerate(self.grid)}

    def in_order(self, trial: FrozenTrial) -> list[int]:
        """The trial's steps in the order of training."""
        if not self.grid:
            return list(trial.intermediate_values)
        return sorted(trial.intermediate_values, reverse=self.descending)

    def begin_like(self, trial: FrozenTrial) -> bool:
        """Whether the trial's steps are the first ones of the grid."""
        own = self.in_order(trial)
        return own == list(self.grid[: len(own)])

    def alone(self, trial: FrozenTrial) -> int | None:
        """The trial's latest step if other trials lack it and its value is finite; else None."""
        reported = self.in_order(trial)
        if not reported or not self.grid or reported[-1] in self.places:
            return None
        return reported[-1] if isfinite(trial.intermediate_values[reported[-1]]) else None


@dataclass
class StepCounts(StepOrder):
    """How many trials have reported at each step, and how far they came.

    Attributes:
        times: the number of trials that have each step.
    """

    times: Counter[int] = field(default_factory=Counter)

    def add(self, trial: FrozenTrial) -> None:
        """Count a trial with values."""
        super().add(trial)
        self.times.update(trial.intermediate_values.keys())

    def steps(self, T: int) -> Steps:
        """The steps of the trials so far; of more than T, those that at least half of them have."""
        descending = self.descending
        grid = sorted(self.times, reverse=descending)
        return Steps(tuple(grid if len(grid) <= T else self._usual(grid)), descending)

    def _usual(self, grid: list[int]) -> list[int]:
        """The steps that at least half of the trials that get so far have."""
        ends, came, usual = self.lowest if self.descending else self.highest, 0, []
        for step in reversed(grid):
            came += ends[step]
            if 2 * self.times[step] >= came:
                usual.append(step)
        return usual[::-1]


class FinishedTrials:
    """The curves of a study's completed and pruned trials, in order of finishing, each of which is read once.

    If new trials change the steps, everything is read again; if they belong before others, as when clocks
    differ, these others are.

    Args:
        curve_format: of the curves.

    Attributes:
        steps: at which these trials report.
        lengths: numbers of values that the completed trials reported.
    """

    def __init__(self, curve_format: CurveFormat) -> None:
        self._format = curve_format
        self._forget()

    def _forget(self) -> None:
        self._seen = 0
        self._open: list[int] = []
        self._first: tuple[Any, int] | None = None
        self._reporting: list[FrozenTrial] = []
        self._counts = StepCounts()
        self.steps = Steps()
        self.lengths: list[int] = []
        self._growing = GrowingCurves(self._format.curves([]))

    @property
    def curves(self) -> LearningCurves:
        """The curves of all trials that reported anything; the same object until there is another trial."""
        return self._growing.curves

    def follow(self, trials: Sequence[FrozenTrial]) -> bool:
        """Add the trials that have finished since the last call; return whether there are any.

        Args:
            trials: all trials of the study, whatever their state, in order of their numbers, in which Optuna
                leaves no gap.

        Raises:
            CurvesError: if a parameter is not a number; all trials are forgotten then.
        """
        if not self._known(trials):
            self._forget()
        new = self._new(trials)
        if not new:
            return False
        self._first = self._first or _finishing(new[0])
        try:
            self._add([trial for trial in new if trial.intermediate_values])
        except CurvesError:
            self._forget()
            raise
        return True

    def whole(self, trial: FrozenTrial) -> bool:
        """Whether neither the trial, up to its latest step, nor any other trial lacks a value."""
        values = trial.intermediate_values.values()
        return not self.curves.diverged.any() and all(map(isfinite, values)) and self.steps.begin_like(trial)

    def tell_other_steps(self) -> bool:
        """Warn of trials that reported T values at steps so different that fewer than half of them count.

        False while that is not the case.
        """
        T = self._format.T
        if not ENOUGH <= (full := self.lengths.count(T)) > 2 * self.curves.completed.sum():
            return False
        of_full = [trial for trial in self._reporting if len(trial.intermediate_values) == T]
        usual = Counter(tuple(self.steps.in_order(trial)) for trial in of_full).most_common(2)
        if 2 * usual[0][1] >= full:  # they do not count because they diverged
            return False
        logger.warning(
            "the %d trials that reported T = %d values did so at different steps, such as %s and %s: most of "
            "them are not compared; report epochs", full, T, *(ends(steps) for steps, _ in usual)
        )  # fmt: skip
        return True

    def _known(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether the trials seen before are among these; if not, another study has taken over its name."""
        if self._first is None or len(trials) < self._seen:
            return False
        return _finishing(trials[self._first[1]]) == self._first

    def _new(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The trials that have completed or were pruned since the last call, in order of finishing."""
        looked_at = [*self._open, *range(self._seen, len(trials))]
        self._seen = len(trials)
        self._open = [place for place in looked_at if not trials[place].state.is_finished()]
        new = [trials[place] for place in looked_at if trials[place].state in IN_HISTORY]
        return sorted(new, key=_finishing)

    def _add(self, trials: list[FrozenTrial]) -> None:
        """Put these trials, which are in order of finishing, among the others."""
        for trial in trials:
            self._counts.add(trial)
        steps, place = self._steps(trials), len(self._reporting)
        if steps != self.steps:
            place = 0
        elif trials:
            place = bisect_left(self._reporting, _finishing(trials[0]), key=_finishing)
        self.steps, later = steps, self._take_back(place)
        self._append(sorted([*trials, *later], key=_finishing))

    def _take_back(self, place: int) -> list[FrozenTrial]:
        """Remove and return the trials from that place on."""
        later = self._reporting[place:]
        if later:
            del self._reporting[place:]
            del self.lengths[sum(map(_is_complete, self._reporting)) :]
            self._growing.keep(place)
        return later

    def _steps(self, new: list[FrozenTrial]) -> Steps:
        """The steps of all trials; new trials that go through the same steps do not change them."""
        turned = self._counts.descending != self.steps.descending
        same = not turned and all(map(self.steps.begin_like, new))
        return self.steps if same else self._counts.steps(self._format.T)

    def _append(self, trials: Sequence[FrozenTrial]) -> None:
        trainings = [training_of(trial, self.steps) for trial in trials]
        self._growing.append(self._format.curves(trainings))
        self._reporting += trials
        self.lengths += [len(trial.intermediate_values) for trial in trials if _is_complete(trial)]


def _is_complete(trial: FrozenTrial) -> bool:
    return bool(trial.state == TrialState.COMPLETE)


def _finishing(trial: FrozenTrial) -> tuple[Any, int]:
    return trial.datetime_complete, trial.number


def training_of(trial: FrozenTrial, steps: Steps) -> Training:
    """The trial with its values at the places of their steps; among its own steps if no others are known."""
    own = steps.in_order(trial)
    places = steps.places or {step: place for place, step in enumerate(own)}
    known = {places[step]: trial.intermediate_values[step] for step in own if step in places}
    values = [nan] * (1 + max(known, default=-1))
    for place, value in known.items():
        values[place] = value
    if own and own[-1] not in places and not isfinite(trial.intermediate_values[own[-1]]):
        values.append(trial.intermediate_values[own[-1]])
    return Training(values, trial.params, f"trial {trial.number}")
