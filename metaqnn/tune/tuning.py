"""Runs the trials of a study: asks Optuna what to train, reports every epoch, and resumes after a kill."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.executors import Executor
from metaqnn.executors.base import Task
from metaqnn.interrupts import uninterrupted
from metaqnn.output import last_line
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.tune.preparation import PreparedTuning
from metaqnn.tune.results import FAILED_EPOCHS
from metaqnn.tune.study import distribution, make_sampler
from trainers import Checkpoint, EpochReport, Outcome, TrainingResult

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

Heard = Callable[[int, str], None]
"""Called with the number of a trial and what happened to it: `epoch`, or how it ended."""


class Tuning:
    """The `Coordinator` of a study's trials.

    Every epoch is in the study before the next begins, and soon after in the trial's checkpoint, too, which
    is written while training goes on. A trial that was RUNNING when an earlier process ended continues after
    its last saved epoch: epochs that the study has are not reported or decided again, except for the decision
    after the last one, which may not have been carried out.

    Args:
        study: with its pruner.
        prepared: what is tuned.
        trials: trials in all.
        folder: where checkpoints are; it exists.
        heard: for progress.
    """

    def __init__(
        self, study: Study, prepared: PreparedTuning, trials: int, folder: Path, heard: Heard
    ) -> None:
        self._study = study
        self._prepared = prepared
        self._trials = trials
        self._folder = folder
        self._heard = heard
        self._running: dict[int, Trial] = {}
        self._told: dict[int, int] = {}  # the last epoch that the study has of a running trial
        self._left = self._left_running()
        self._tidy()

    def run(self, executor: Executor) -> None:
        """Train until there are as many trials as asked for. Raises SearchStopped if workers cannot start."""
        executor.run(self)

    def together(self) -> AbstractContextManager[None]:
        """See `Coordinator`. The study stores each event by itself."""
        return nullcontext()

    def next_task(self) -> Task | None:
        """See `Coordinator`."""
        with uninterrupted():
            trial = self._resumed(self._left.pop(0)) if self._left else self._asked()
            if trial is None:
                return None
            values = self._suggested(trial)
            configuration = self._prepared.family.configuration(values)
            for name, value in self._prepared.trainer.facts(configuration).items():
                trial.set_user_attr(name, value)
        self._running[trial.number] = trial
        seed = derived_seed(self._prepared.settings.seed, Purpose.TRAINING, trial.number)
        return Task(trial.number, configuration, seed, self._checkpoint(trial.number))

    def on_epoch(self, task: Task, report: EpochReport) -> bool:
        """See `Coordinator`. Epochs of attempts that start again are not part of the curve."""
        if self._prepared.trainer.chance.failed(report):
            with uninterrupted():  # every attempt so far has failed after its first epoch
                self._running[task.number].set_user_attr(FAILED_EPOCHS, report.attempt)
            return False
        told = self._told.get(task.number, 0)
        if report.epoch < told:
            return False
        trial = self._running[task.number]
        with uninterrupted():
            if report.epoch > told:
                trial.report(self._prepared.family.value(report.accuracy), report.epoch)
                self._told[task.number] = report.epoch
            self._heard(task.number, "epoch")
            return report.epoch < self._prepared.settings.epochs and bool(trial.should_prune())

    def on_result(self, task: Task, result: TrainingResult) -> None:
        """See `Coordinator`."""
        if result.outcome is Outcome.COMPLETED:
            self._end(task, result.outcome, "", values=self._prepared.family.value(result.curve[-1]))
        elif result.outcome is Outcome.STOPPED:
            self._end(task, result.outcome, "", state=_state("PRUNED"))
        else:
            self._end(task, result.outcome, result.message, state=_state("FAIL"))

    def on_failure(self, task: Task, outcome: str, message: str) -> None:
        """See `Coordinator`."""
        self._end(task, outcome, last_line(message), state=_state("FAIL"))

    def _end(self, task: Task, outcome: str, message: str, **told: Any) -> None:
        with uninterrupted():
            trial = self._running.pop(task.number)
            trial.set_user_attr("outcome", str(outcome))
            if message:
                trial.set_user_attr("message", message)
            self._study.tell(trial, **told)
            self._checkpoint(task.number).discard()
            self._told.pop(task.number, None)
            self._heard(task.number, str(outcome))

    def _asked(self) -> Trial | None:
        number = len(self._study.get_trials(deepcopy=False))
        if number >= self._trials:
            return None
        self._study.sampler = make_sampler(self._prepared.settings, number)
        return self._study.ask()

    def _suggested(self, trial: Trial) -> dict[str, float]:
        """The trial's hyper-parameters; those that it has already stay as they are."""
        parameters = self._prepared.family.parameters
        return {name: trial._suggest(name, distribution(space)) for name, space in parameters.items()}

    def _resumed(self, left: FrozenTrial) -> Trial:
        """A trial that an earlier process left behind.

        A kill may have come between two hyper-parameters, and the missing ones must become what they would
        have been: so the sampler draws again for those that the trial has, and the results are not used.
        """
        from optuna.trial import Trial

        sampler = self._study.sampler = make_sampler(self._prepared.settings, left.number)
        trial = Trial(self._study, left._trial_id)
        for name, space in left.distributions.items():
            if name not in trial.relative_params and not space.single():
                sampler.sample_independent(self._study, left, name, space)
        return trial

    def _left_running(self) -> list[FrozenTrial]:
        """The trials that an earlier process left behind."""
        left = self._study.get_trials(deepcopy=False, states=(_state("RUNNING"),))
        self._told.update({trial.number: trial.last_step or 0 for trial in left})
        return left

    def _tidy(self) -> None:
        """Remove checkpoints of trials that have ended."""
        kept = {self._checkpoint(trial.number).path.name for trial in self._left}
        for file in self._folder.glob("trial-*.pt*"):
            if file.name not in kept:
                file.unlink()

    def _checkpoint(self, number: int) -> Checkpoint:
        return Checkpoint(self._folder / f"trial-{number}.pt")


def _state(name: str) -> Any:
    from optuna.trial import TrialState

    return TrialState[name]
