"""Optuna: any stopping rule as a pruner."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from predictor.curves.learning_curves import Direction, LearningCurves
from predictor.extras import require
from predictor.integrations.trainings import CurveFormat, Training, decide
from predictor.rules.base import Decision, StoppingRule

require("optuna", "predictor.integrations.optuna", "metaqnn[optuna]")
from optuna.pruners import BasePruner  # noqa: E402
from optuna.study import Study, StudyDirection  # noqa: E402
from optuna.trial import FrozenTrial, TrialState  # noqa: E402

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class StoppingRulePruner(BasePruner):
    """Prunes a trial when the rule stops its curve, with the study's completed and pruned trials as history.

    The curve of a trial are the values that it reported, in the order of their steps (from 0 or from 1).
    The history is read from the study's storage, so trials may run side by side in threads, processes and
    machines; failed and running trials are not in it. A value that is not finite is pruned at once.

    Args:
        rule: for example ``predictor.rules.names.make_rule("rank-envelope")`` or
            ``EarlyStopper(burn_in=20)``.
        T: values that a trial reports if it is never pruned.
        parameters: names of the trials' parameters that the rule may look at; their values must be numbers. A
            trial without one of them counts as unknown there.
        metric: name of what is reported; the study says whether it is maximized or minimized.

    Raises:
        CurvesError: T is no such number; when asked: a trial reported more than T values, or a parameter is
            not a number.
    """

    def __init__(
        self, rule: StoppingRule, T: int, *, parameters: Sequence[str] = (), metric: str = "accuracy"
    ) -> None:
        CurveFormat(T)  # checks it
        self.rule = rule
        self.T = T
        self.parameters = tuple(parameters)
        self.metric = metric
        self._history: tuple[Any, LearningCurves] | None = None
        self._lock = threading.Lock()

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to prune; called by ``trial.should_prune()``."""
        return bool(trial.intermediate_values) and self.decide(study, trial).stop

    def decide(self, study: Study, trial: FrozenTrial) -> Decision:
        """The rule's whole answer: its reason and, if it has one, its forecast."""
        curve_format = self._format(study)
        with self._lock:  # rules keep fitted models, and trials may run in threads
            history = self._history_of(study, curve_format)
            return decide(self.rule, _training(trial), history, curve_format)

    def _history_of(self, study: Study, curve_format: CurveFormat) -> LearningCurves:
        """Finished trials in order of finishing; the same object until there is another one."""
        finished = study.get_trials(deepcopy=False, states=FINISHED)
        finished.sort(key=lambda trial: (trial.datetime_complete, trial.number))
        key = study.study_name, curve_format, [trial.number for trial in finished]
        if self._history is None or self._history[0] != key:
            trainings = [_training(trial) for trial in finished if trial.intermediate_values]
            self._history = key, curve_format.curves(trainings)
        return self._history[1]

    def _format(self, study: Study) -> CurveFormat:
        maximize = study.direction == StudyDirection.MAXIMIZE
        direction: Direction = "maximize" if maximize else "minimize"
        return CurveFormat(self.T, self.metric, direction, self.parameters)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without what was read, and without the lock."""
        return {key: value for key, value in vars(self).items() if key not in ("_history", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _history=None, _lock=threading.Lock())


def _training(trial: FrozenTrial) -> Training:
    values = [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
    return Training(values, trial.params, f"trial {trial.number}")
