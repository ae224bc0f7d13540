"""Optuna's pruners as stopping rules; needs the package optuna."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from predictor.curves.growing import begins_with, lasting
from predictor.curves.learning_curves import LearningCurves
from predictor.errors import PredictorError
from predictor.extras import require
from predictor.rules.base import Decision, check_one_curve

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

    from predictor.rules.optuna_study import ReplayedStudy


class OptunaRule:
    """Any Optuna pruner as a `predictor.StoppingRule`.

    `decide` answers what `trial.should_prune()` would in a study of direction 'maximize' in which the
    history's trainings ran one after the other, each reporting its score (`LearningCurves.scores`) after
    epoch t as step t: completed ones are COMPLETE, all others PRUNED. Steps matter to the halving pruners:
    their rungs lie at steps 1, eta, eta^2, ...; if steps began at 0, each rung would be one epoch later.

    The training in question is trial number `len(history)`. Hyperband draws a trial's bracket from the
    study's name and that number; if trainings run in parallel and others finish meanwhile, the number and
    therefore the bracket of a running training changes.

    The replayed history is cached and extended as the history grows; any other history is replayed again.
    Threads that share a rule wait for each other.

    Args:
        pruner: an Optuna pruner; it is copied, never changed.
        study_name: name of the study; another name gives other Hyperband brackets.

    Raises:
        MissingPackageError: if optuna is not installed.
        PredictorError: if `pruner` is not an Optuna pruner.
    """

    def __init__(self, pruner: BasePruner, *, study_name: str = "predictor") -> None:
        optuna = require("optuna", "this stopping rule")
        if not isinstance(pruner, optuna.pruners.BasePruner):
            raise PredictorError(f"pruner {pruner!r}; expected one of optuna.pruners, such as MedianPruner()")
        self.pruner = pruner
        self.study_name = study_name
        self._study: ReplayedStudy | None = None
        self._history: LearningCurves | None = None
        self._asked: weakref.ref[LearningCurves] | None = None
        self._lock = threading.Lock()

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether the pruner stops the training whose epochs 1..tau are in the one row of `curve`."""
        check_one_curve(curve, history)
        tau = int(curve.observed[0])
        with self._lock:
            stop = self._study_of(history).should_prune(curve.scores[0, :tau])
        name = type(self.pruner).__name__
        return Decision(stop=stop, reason=f"{name} {'prunes' if stop else 'goes on'} after epoch {tau}")

    def _study_of(self, history: LearningCurves) -> ReplayedStudy:
        if self._study is not None and self._asked is not None and self._asked() is history:
            return self._study
        if self._study is None or self._history is None or not begins_with(history, self._history):
            from predictor.rules.optuna_study import ReplayedStudy  # imports optuna

            self._study, self._history = ReplayedStudy(self.pruner, self.study_name), None
        for row in range(0 if self._history is None else len(self._history), len(history)):
            self._study.finish(history.scores[row, : history.observed[row]], history.T)
        self._history, self._asked = lasting(history), weakref.ref(history)
        return self._study

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without the cache, and without the lock."""
        cache = ("_study", "_history", "_asked", "_lock")
        return {key: value for key, value in vars(self).items() if key not in cache}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _study=None, _history=None, _asked=None, _lock=threading.Lock())


PRUNERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "median": ("Optuna's MedianPruner", lambda pruners: pruners.MedianPruner()),
    "percentile-25": ("Optuna's PercentilePruner of 25%", lambda pruners: pruners.PercentilePruner(25.0)),
    "successive-halving": (
        "Optuna's SuccessiveHalvingPruner with reduction_factor=3",
        lambda pruners: pruners.SuccessiveHalvingPruner(reduction_factor=3),
    ),
    "hyperband": ("Optuna's HyperbandPruner", lambda pruners: pruners.HyperbandPruner(reduction_factor=3)),
    "patient": (
        "Optuna's PatientPruner of its MedianPruner, with patience=2",
        lambda pruners: pruners.PatientPruner(pruners.MedianPruner(), patience=2),
    ),
}
"""Optuna's pruners by name: a line for people, and how the pruner is made from `optuna.pruners`.

Other settings are Optuna's defaults (5 start-up trials, automatic resources).
"""


def make_pruner_rule(name: str) -> OptunaRule:
    """The rule of that name, one of `PRUNERS`; `MissingPackageError` if optuna is not installed."""
    pruners = require("optuna", f"the rule {name!r}").pruners
    _, make = PRUNERS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PatientPruner warns that it is experimental
        return OptunaRule(make(pruners))
