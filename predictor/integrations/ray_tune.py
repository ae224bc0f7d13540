"""Ray Tune: any stopping rule as a trial scheduler.

It is a scheduler and not a `ray.tune.Stopper` because a rule compares a trial with those that ended, and only
a scheduler is told which trials ended, how, and what their parameters are.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

from predictor.curves.growing import GrowingCurves
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.metrics import Direction
from predictor.errors import CurvesError
from predictor.extras import require
from predictor.integrations.trainings import (
    CurveFormat,
    Training,
    decide,
    parameter_names,
    tell_other_length,
    tell_unknown_parameters,
)
from predictor.rules.base import StoppingRule, require_rule

require("ray.tune", "predictor.integrations.ray_tune", "ray[tune]")
from ray.tune.experiment import Trial  # noqa: E402
from ray.tune.result import TRAINING_ITERATION  # noqa: E402
from ray.tune.schedulers import FIFOScheduler, TrialScheduler  # noqa: E402
from ray.tune.utils import flatten_dict  # noqa: E402

DIRECTIONS: dict[str | None, Direction] = {"max": "maximize", "min": "minimize"}


class StoppingRuleScheduler(FIFOScheduler):
    """Stops a trial when the rule stops its curve, with the trials that ended before as history.

    Trials start in the order of submission, as many at a time as Tune runs. Trials that end in an error are
    not in the history; one that Tune tries again keeps its curve. A value that is not finite stops its trial.
    A value's place is its `training_iteration`. After `Tuner.restore` the history begins anew; a trial that
    goes on is then compared with the others from its next iteration on.

    Args:
        rule: for example `predictor.rules.names.make_rule("rank-envelope")` or
            `EarlyStopper(burn_in=20)`.
        T: `training_iteration` of the last result of a trial that is never stopped. If trials end with
            another one, this is logged once.
        metric, mode: name of the reported value, and `max` or `min`; given here or in `TuneConfig`.
        parameters: keys of the trials' `config` that the rule may look at, `outer/inner` where it is
            nested; their values must be numbers. A key that no ended trial has is logged once.

    Raises:
        CurvesError: if T is no such number, or `parameters` is a string; when trials begin, if metric and
            mode were not given; when they report, if a parameter is not a number.
    """

    def __init__(
        self,
        rule: StoppingRule,
        T: int,
        *,
        metric: str | None = None,
        mode: str | None = None,
        parameters: Sequence[str] = (),
    ) -> None:
        super().__init__()
        CurveFormat(T)  # checks it
        require_rule(rule)
        self.rule = rule
        self.T = T
        self.parameters = parameter_names(parameters)
        self._metric = metric
        self._mode = mode
        self._running: dict[str, list[float]] = {}
        self._finished: list[Training] = []
        self._history: GrowingCurves | None = None
        self._stopped: set[str] = set()
        self._lengths: list[int] = []
        self._told = self._told_parameters = False

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Take metric and mode of `TuneConfig`; False if they were given to both."""
        if (self._metric and metric) or (self._mode and mode):
            return False
        self._metric, self._mode = self._metric or metric, self._mode or mode
        return True

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Check that there is something to compare."""
        if not self._metric or self._mode not in DIRECTIONS:
            raise CurvesError(
                f"metric = {self._metric!r}, mode = {self._mode!r}; expected the name of the reported value "
                "and 'max' or 'min', here or in TuneConfig"
            )

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Ask the rule."""
        if result.get(str(self._metric)) is None:
            return TrialScheduler.CONTINUE
        self._take(trial, result)
        stop = decide(self.rule, self._training(trial), self._curves(), self._format()).stop
        if stop:
            self._stopped.add(trial.trial_id)
        return TrialScheduler.STOP if stop else TrialScheduler.CONTINUE

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Remember its curve, whether it came to its end or was stopped.

        Only this method is given the result that meets `RunConfig(stop=...)`.
        """
        if trial.trial_id not in self._running:
            return
        if result.get(str(self._metric)) is not None:
            self._take(trial, result)
        self._finished.append(self._training(trial))
        del self._running[trial.trial_id]
        if trial.trial_id not in self._stopped:
            self._lengths.append(len(self._finished[-1].values))
            self._told = self._told or tell_other_length(self.T, self._lengths)

    def debug_string(self) -> str:
        """What Tune prints."""
        stopped = len(self._finished) - len(self._lengths)
        return f"Stopping rule {type(self.rule).__name__}: {stopped} of {len(self._finished)} trials stopped"

    def _take(self, trial: Trial, result: dict[str, Any]) -> None:
        """Put the value at the place of its iteration, as the curve's last one."""
        values = self._running.setdefault(trial.trial_id, [])
        before = int(result[TRAINING_ITERATION]) - 1
        del values[before:]  # if the trial was begun again
        values += [nan] * (before - len(values))  # what was reported before a restore, or not at all
        values.append(float(result[str(self._metric)]))

    def _training(self, trial: Trial) -> Training:
        values = self._running[trial.trial_id]
        return Training(values, flatten_dict(trial.config), f"trial {trial.trial_id}")

    def _format(self) -> CurveFormat:
        return CurveFormat(self.T, str(self._metric), DIRECTIONS[self._mode], self.parameters)

    def _curves(self) -> LearningCurves:
        """The curves of the ended trials, in order of ending; the same object until another one ends."""
        if self._history is None:
            self._history = GrowingCurves(self._format().curves([]))
        if new := self._finished[len(self._history.curves) :]:
            self._history.append(self._format().curves(new))
            self._told_parameters = self._told_parameters or tell_unknown_parameters(self._history.curves)
        return self._history.curves
