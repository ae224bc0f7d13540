"""Optuna: any stopping rule as a pruner."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from predictor.curves.learning_curves import Direction, LearningCurves
from predictor.extras import require
from predictor.integrations.trainings import CurveFormat, Training, decide, tell_other_length
from predictor.rules.base import Decision, StoppingRule

require("optuna", "predictor.integrations.optuna", "optuna")
from optuna.pruners import BasePruner  # noqa: E402
from optuna.study import Study, StudyDirection  # noqa: E402
from optuna.trial import FrozenTrial, TrialState  # noqa: E402

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class StoppingRulePruner(BasePruner):
    """Prunes a trial when the rule stops its curve, with the study's completed and pruned trials as history.

    The curve of a trial are the values that it reported, each at the place of its step among the steps that
    the finished trials have (from 0 or 1, every tenth, counting down): trials are compared at equal steps. At
    a step that others do not have nothing is decided; of a trial that was resumed in the middle the earlier
    values count as not observed. The history is read from the study's storage, so trials may run side by side
    in threads, processes and machines; failed and running trials are not in it. A value that is not finite is
    pruned at once.

    Args:
        rule: for example ``predictor.rules.names.make_rule("rank-envelope")`` or
            ``EarlyStopper(burn_in=20)``.
        T: values that a trial reports if it is never pruned. If completed trials have another number, that is
            logged once.
        parameters: names of the trials' parameters that the rule may look at; their values must be numbers. A
            trial without one of them counts as unknown there.
        metric: name of what is reported; the study says whether it is maximized or minimized.

    Raises:
        CurvesError: T is no such number; when asked: a parameter is not a number.
    """

    def __init__(
        self, rule: StoppingRule, T: int, *, parameters: Sequence[str] = (), metric: str = "accuracy"
    ) -> None:
        CurveFormat(T)  # checks it
        self.rule = rule
        self.T = T
        self.parameters = tuple(parameters)
        self.metric = metric
        self._history: tuple[Any, LearningCurves, Steps] | None = None
        self._told = False
        self._lock = threading.Lock()

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to prune; called by ``trial.should_prune()``."""
        return bool(trial.intermediate_values) and self.decide(study, trial).stop

    def decide(self, study: Study, trial: FrozenTrial) -> Decision:
        """The rule's whole answer: its reason and, if it has one, its forecast."""
        curve_format = self._format(study)
        with self._lock:  # rules keep fitted models, and trials may run in threads
            history, steps = self._history_of(study, curve_format)
            reported = steps.in_order(trial)
            if (
                reported
                and steps.grid
                and reported[-1] not in steps.grid
                and isfinite(_latest(trial, reported))
            ):
                return Decision(stop=False, reason=f"the other trials have no value at step {reported[-1]}")
            return decide(self.rule, _training(trial, steps), history, curve_format)

    def _history_of(self, study: Study, curve_format: CurveFormat) -> tuple[LearningCurves, Steps]:
        """Finished trials in order of finishing, and their steps; the same until there is another one."""
        finished = study.get_trials(deepcopy=False, states=FINISHED)
        finished.sort(key=lambda trial: (trial.datetime_complete, trial.number))
        key = study.study_name, curve_format, [trial.number for trial in finished]
        if self._history is None or self._history[0] != key:
            reporting = [trial for trial in finished if trial.intermediate_values]
            steps = Steps.of(reporting)
            trainings = [_training(trial, steps) for trial in reporting]
            self._history = key, curve_format.curves(trainings), steps
            completed = [trial for trial in reporting if trial.state == TrialState.COMPLETE]
            lengths = [len(_training(trial, steps).values) for trial in completed]
            self._told = self._told or tell_other_length(self.T, lengths)
        return self._history[1:]

    def _format(self, study: Study) -> CurveFormat:
        maximize = study.direction == StudyDirection.MAXIMIZE
        direction: Direction = "maximize" if maximize else "minimize"
        return CurveFormat(self.T, self.metric, direction, self.parameters)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without what was read, and without the lock."""
        return {key: value for key, value in vars(self).items() if key not in ("_history", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _history=None, _lock=threading.Lock())


@dataclass(frozen=True)
class Steps:
    """The steps at which trials report.

    Attributes:
        grid: steps in the order of training that at least half of the trials that come so far have.
        descending: whether the steps count down.
    """

    grid: tuple[int, ...] = ()
    descending: bool = False

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial]) -> Steps:
        """Of finished trials with values."""
        descending = sum(_counts_down(trial) for trial in trials) > 0
        sign = -1 if descending else 1
        reports = [{sign * step for step in trial.intermediate_values} for trial in trials]
        ends = [max(steps) for steps in reports]
        times = Counter(step for steps in reports for step in steps)
        grid = [step for step in sorted(times) if 2 * times[step] >= sum(end >= step for end in ends)]
        return cls(tuple(sign * step for step in grid), descending)

    def has(self, step: int) -> bool:
        """Whether trials can be compared at this step: any, as long as there are no others."""
        return not self.grid or step in self.grid

    def in_order(self, trial: FrozenTrial) -> list[int]:
        """The trial's steps in the order of training."""
        if not self.grid:
            return list(trial.intermediate_values)
        return sorted(trial.intermediate_values, reverse=self.descending)


def _training(trial: FrozenTrial, steps: Steps | None = None) -> Training:
    """The trial with its values at the places of their steps, of its own alone if there are no others."""
    known = steps or Steps.of([trial])
    own = known.in_order(trial)
    grid = known.grid or own
    values = [trial.intermediate_values.get(step, nan) for step in grid]
    last = max((place for place, step in enumerate(grid) if step in trial.intermediate_values), default=-1)
    values = values[: last + 1]
    if own and not isfinite(_latest(trial, own)):
        values.append(_latest(trial, own))
    return Training(values, trial.params, f"trial {trial.number}")


def _latest(trial: FrozenTrial, steps: Sequence[int]) -> float:
    return trial.intermediate_values[steps[-1]]


def _counts_down(trial: FrozenTrial) -> int:
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
    if trial.state == TrialState.COMPLETE and trial.values == [low] and low != high:
        return 1
    return -1
