"""A study of finished trainings in which an Optuna pruner can decide; imports optuna."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.pruners import MedianPruner, NopPruner, PercentilePruner, ThresholdPruner
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from predictor.curves.arrays import Floats

RUNNING_ID = -1
"""Id of the training in question, which is not in the storage, so it never competes with others."""
WITHOUT_NOTES = (MedianPruner, NopPruner, PercentilePruner, ThresholdPruner)
"""Pruners whose answer follows from the values alone, whatever they were asked before."""


class TrialsStorage(InMemoryStorage):
    """Optuna's storage of finished trials, with attributes of one running trial kept apart."""

    def __init__(self) -> None:
        super().__init__()
        self.running_attributes: dict[str, Any] = {}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store a pruner's note about a trial."""
        if trial_id == RUNNING_ID:
            self.running_attributes[key] = value
        else:
            super().set_trial_system_attr(trial_id, key, value)


class ReplayedStudy:
    """Trainings one after the other as an Optuna study would have seen them.

    Steps are epochs counted from 1, and larger is better. Most pruners keep notes in the trials and in
    themselves (rungs passed, resources computed), so they are asked about every finished training after each
    of its epochs but the T-th. Their answers are ignored, because those trainings have already ended. The
    pruners in `WITHOUT_NOTES` are asked only when an answer is wanted.
    """

    def __init__(self, pruner: optuna.pruners.BasePruner, study_name: str) -> None:
        self._storage = TrialsStorage()
        with _quiet():
            self._storage.create_new_study([StudyDirection.MAXIMIZE], study_name)
        self._pruner = copy.deepcopy(pruner)
        self._notes = type(pruner) not in WITHOUT_NOTES
        self._study = Study(study_name=study_name, storage=self._storage, pruner=self._pruner)
        self._n_finished = 0
        self._trial, self._answer = self._new_trial(), False

    def should_prune(self, scores: Floats) -> bool:
        """Whether the pruner stops a running training after these epochs (tau,)."""
        known = [*self._trial.intermediate_values.values()]
        if known != scores[: len(known)].tolist():
            self._trial, self._answer = self._new_trial(), False
        for epoch in range(len(self._trial.intermediate_values) + 1, len(scores) + 1):
            self._trial.intermediate_values[epoch] = float(scores[epoch - 1])
            if self._notes or epoch == len(scores):
                self._answer = bool(self._pruner.prune(self._study, self._trial))
            self._trial.system_attrs = dict(self._storage.running_attributes)
        return self._answer

    def finish(self, scores: Floats, T: int) -> None:
        """Add a training that ended after these epochs (tau,), completed if tau = T."""
        if self._notes:
            self.should_prune(scores[: T - 1])
        completed = len(scores) == T
        trial = create_trial(
            state=TrialState.COMPLETE if completed else TrialState.PRUNED,
            value=float(scores[-1]) if len(scores) else None,
            intermediate_values={epoch: float(score) for epoch, score in enumerate(scores, start=1)},
            system_attrs=dict(self._storage.running_attributes),
        )
        self._study.add_trial(trial)
        self._n_finished += 1
        self._trial, self._answer = self._new_trial(), False

    def _new_trial(self) -> FrozenTrial:
        """A running trial without epochs, numbered after all finished ones."""
        self._storage.running_attributes.clear()
        return FrozenTrial(
            number=self._n_finished,
            trial_id=RUNNING_ID,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=None,
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress Optuna's message that a new study was created."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
