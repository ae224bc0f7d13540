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

    A trial's curve consists of the values that it reported, each at the place of its step among the steps of
    the finished trials (which may begin at 0 or 1, be every tenth, or count down): trials are compared at
    equal steps. Nothing is decided at a step that the others do not have; if a trial was resumed in the
    middle, its earlier values count as not observed. The history is read from the study's storage, so trials
    may run side by side in threads, in processes and on several machines; failed and running trials are not
    in it. A trial is pruned as soon as it reports a value that is not finite. If a rule says by
    `judges(tau, T)` that it stops nothing after tau values, the storage is not read: whether a trial has
    reported its first tau values without a gap is then judged by the steps that were read last.

    Args:
        rule: for example `predictor.rules.names.make_rule("rank-envelope")` or
            `EarlyStopper(burn_in=20)`.
        T: values that a trial reports if it is never pruned. If completed trials have another number of
            values, or values at different steps, this is logged once.
        parameters: names of the trials' parameters that the rule may look at; their values must be numbers,
            unknown in a trial that lacks them. A parameter that no finished trial has is logged once.
        metric: name of the reported values; the study says whether they are maximized or minimized.

    Raises:
        CurvesError: if T is no such number, or `parameters` is a string; when asked to decide, if a parameter
            is not a number.
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
