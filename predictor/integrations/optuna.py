"""Optuna: any stopping rule as a pruner."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from predictor.curves.metrics import Direction
from predictor.extras import require
from predictor.integrations.trainings import (
    CurveFormat,
    decide,
    parameter_names,
    tell_other_length,
    tell_unknown_parameters,
)
from predictor.rules.base import Decision, StoppingRule, require_rule

require("optuna", "predictor.integrations.optuna")
from optuna.pruners import BasePruner  # noqa: E402
from optuna.study import Study, StudyDirection  # noqa: E402
from optuna.trial import FrozenTrial, Trial  # noqa: E402

from predictor.integrations.optuna_trials import FinishedTrials, training_of  # noqa: E402


class StoppingRulePruner(BasePruner):
    """Prunes a trial when the rule stops its curve, with the study's completed and pruned trials as history.

    The curve of a trial is made of the values that it reported, each at the place of its step among the steps
    that the finished trials have (from 0 or 1, every tenth, counting down): trials are compared at equal
    steps. At a step that others do not have nothing is decided; of a trial that was resumed in the middle the
    earlier values count as not observed. The history is read from the study's storage, so trials may run side
    by side in threads, processes and machines; failed and running trials are not in it. A value that is not
    finite is pruned at once. Where a rule says by `judges(tau, T)` that it stops nothing after tau values,
    nothing is read: which of its values a trial has reported is then told by the steps that were read last.

    Args:
        rule: for example `predictor.rules.names.make_rule("rank-envelope")` or
            `EarlyStopper(burn_in=20)`.
        T: values that a trial reports if it is never pruned. If completed trials have another number, or have
            them at different steps, that is logged once.
        parameters: names of the trials' parameters that the rule may look at; their values must be numbers. A
            trial without one of them counts as unknown there. One that no finished trial has is logged once.
        metric: name of what is reported; the study says whether it is maximized or minimized.

    Raises:
        CurvesError: T is no such number, or `parameters` a text; when asked: a parameter is not a number.
    """

    def __init__(
        self, rule: StoppingRule, T: int, *, parameters: Sequence[str] = (), metric: str = "accuracy"
    ) -> None:
        CurveFormat(T)  # checks it
        require_rule(rule)
        self.rule = rule
        self.T = T
        self.parameters = parameter_names(parameters)
        self.metric = metric
        self._history: tuple[tuple[str, CurveFormat], FinishedTrials] | None = None
        self._told = self._told_parameters = False
        self._lock = threading.Lock()

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to prune; called by `trial.should_prune()`."""
        if not trial.intermediate_values or self._passes(study, trial):
            return False
        return self.decide(study, trial).stop

    def decide(self, study: Study, trial: Trial | FrozenTrial) -> Decision:
        """The rule's whole answer: its reason and, if it has one, its forecast.

        The trial may be that of an objective, or one of `study.trials`.
        """
        if isinstance(trial, Trial):
            trial = study.get_trials(deepcopy=False)[trial.number]
        curve_format = self._format(study)
        with self._lock:  # rules keep fitted models, and trials may run in threads
            finished = self._finished(study, curve_format)
            steps = finished.steps
            if (step := steps.alone(trial)) is not None:
                return Decision(stop=False, reason=f"the other trials have no value at step {step}")
            return decide(self.rule, training_of(trial, steps), finished.curves, curve_format)

    def _passes(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the rule cannot stop the trial now, by the steps known so far; reads nothing."""
        judges = getattr(self.rule, "judges", None)
        if judges is None or judges(len(trial.intermediate_values), self.T):
            return False
        key = study.study_name, self._format(study)
        with self._lock:
            return self._history is not None and self._history[0] == key and self._history[1].whole(trial)

    def _finished(self, study: Study, curve_format: CurveFormat) -> FinishedTrials:
        """The finished trials of the study as they are now."""
        key = study.study_name, curve_format
        if self._history is None or self._history[0] != key:
            self._history = key, FinishedTrials(curve_format)
        finished = self._history[1]
        if finished.follow(study.get_trials(deepcopy=False)):
            self._told = self._told or self._tell(finished)
            self._told_parameters = self._told_parameters or tell_unknown_parameters(finished.curves)
        return finished

    def _tell(self, finished: FinishedTrials) -> bool:
        return tell_other_length(self.T, finished.lengths) or finished.tell_other_steps()

    def _format(self, study: Study) -> CurveFormat:
        maximize = study.direction == StudyDirection.MAXIMIZE
        direction: Direction = "maximize" if maximize else "minimize"
        return CurveFormat(self.T, self.metric, direction, self.parameters)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without what was read, and without the lock."""
        return {key: value for key, value in vars(self).items() if key not in ("_history", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _history=None, _lock=threading.Lock())
