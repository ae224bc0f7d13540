"""The course of one training: epochs, restarts at lower rates, checkpoints, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from math import isfinite
from time import perf_counter

import torch
from torch import Tensor, nn

from trainers.chance import Chance
from trainers.checkpoint import Checkpoint, SavedTraining, UnusableFile, forms
from trainers.memory import OutOfMemory, allocation_guard
from trainers.recipe import Recipe
from trainers.results import EpochReport, Outcome, TrainingResult
from trainers.saving import Saver
from trainers.steps import Step

EpochCallback = Callable[[EpochReport], bool]
"""Called after every epoch; True stops the training."""

_End = tuple[Outcome, str]
"""How a training ended, and one line for people that says why."""


@dataclass(slots=True)
class TrainingState:
    """All that a training in progress consists of; `epoch` counts the epochs trained in this `attempt`.

    What follows is a function of this, the seed, the recipe and the data alone.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    step: Step
    attempt: int
    epoch: int = 0


class Course:
    """Takes one training from its start, or from its checkpoint, to its end.

    Args:
        recipe: epochs and attempts.
        chance: a network that is no better starts again at a lower rate.
        start: builds the network and the optimizer of an attempt.
        train_epoch: trains one more epoch.
        on_epoch: hears every epoch, those of the checkpoint included; True stops the training.
        checkpoint: where epochs are saved.
        identity: which training this is.
    """

    def __init__(
        self,
        recipe: Recipe,
        chance: Chance,
        *,
        start: Callable[[int], TrainingState],
        train_epoch: Callable[[TrainingState], EpochReport],
        on_epoch: EpochCallback | None,
        checkpoint: Checkpoint | None,
        identity: Mapping[str, str],
    ) -> None:
        self._recipe = recipe
        self._chance = chance
        self._start = start
        self._train_epoch = train_epoch
        self._on_epoch = on_epoch
        self._checkpoint = checkpoint
        self._identity = identity
        self._saver = Saver(checkpoint, identity) if checkpoint else None
        self._attempt = 1
        self._reports: list[EpochReport] = []
        self._started = perf_counter()

    def run(self) -> TrainingResult:
        """Train to the end, however it comes. Raises what `on_epoch` raises."""
        try:
            with self._saver or nullcontext():
                outcome, message = self._run()
        except OutOfMemory as error:
            outcome, message = Outcome.OUT_OF_MEMORY, f"out of memory: {error}"
        curve = tuple(report.accuracy for report in self._reports if report.attempt == self._attempt)
        rate = self._recipe.initial_rate(self._attempt)
        return TrainingResult(outcome, curve, rate, self._attempt, self._seconds(), message)

    def _run(self) -> _End:
        saved = self._load()
        end = self._replay(saved) if saved else None
        while end is None:
            # Kept in no variable: the network of a failed attempt must be gone before the next one is built.
            end = self._train(self._state(saved))
            saved = None
        return end

    def _load(self) -> SavedTraining | None:
        if self._checkpoint is None:
            return None
        with allocation_guard():
            return self._checkpoint.load(self._identity, self._check_fit)

    def _check_fit(self, saved: SavedTraining) -> None:
        """Raise UnusableFile for epochs or tensors of something else, before anybody has heard of an epoch.

        The tensors are compared with those of a network that is dropped again: whether one is needed at all,
        and for which attempt, is known only after the replay.
        """
        places = [(report.attempt, report.epoch) for report in saved.reports]
        if places != [(1, 1), *map(self._place_after, saved.reports[:-1])]:
            raise UnusableFile("its epochs are not in the order in which they are trained")
        with suppress(OutOfMemory), allocation_guard():  # if there is still too little, `_state` will tell
            state = self._start(saved.reports[-1].attempt)
            for parameter in state.network.parameters():
                parameter.grad = torch.zeros_like(parameter)
            state.optimizer.step()  # makes the moments
            network, optimizer = _tensors(state)
            if forms(saved.network) != forms(network) or forms(saved.optimizer) != forms(optimizer):
                raise UnusableFile("its tensors are not those of this network and its optimizer")

    def _replay(self, saved: SavedTraining) -> _End | None:
        self._started -= saved.seconds
        for report in saved.reports:
            end = self._hear(report)
            if end:
                return end
        return None

    def _state(self, saved: SavedTraining | None) -> TrainingState:
        state = self._start(self._attempt)
        if saved and saved.reports[-1].attempt == self._attempt:
            with allocation_guard():
                _restore(state, saved)
        return state

    def _train(self, state: TrainingState) -> _End | None:
        """Train until the end, or until the network has to start again."""
        end = None
        while end is None and state.attempt == self._attempt:
            report = self._train_epoch(state)
            self._save(state, report)
            end = self._hear(report)
        return end

    def _save(self, state: TrainingState, report: EpochReport) -> None:
        """Save the epoch if it is time.

        The last epoch, whose weights may be kept, and one that failed or diverged are on the disk before
        anybody hears of them: trained again on a GPU, they could turn out differently. So is whose epochs
        these are, size of batches included, before anybody hears of the first one.
        """
        if self._saver is None:
            return
        first = not self._reports
        ends = self._chance.failed(report) or not isfinite(report.loss)
        final = ends or report.epoch == self._recipe.epochs
        if final or self._saver.due:
            self._saver.save(SavedTraining((*self._reports, report), self._seconds(), *_tensors(state)))
        elif first:
            self._saver.begin()
        if final or first:
            self._saver.wait()

    def _hear(self, report: EpochReport) -> _End | None:
        self._reports.append(report)
        stop = self._on_epoch is not None and self._on_epoch(report)
        finite = isfinite(report.loss)
        if not finite and report.epoch > 1:
            return Outcome.DIVERGED, f"training loss {report.loss} in epoch {report.epoch}"
        if stop:
            return Outcome.STOPPED, f"stopped after epoch {report.epoch}"
        if self._chance.failed(report):
            return self._restart(report)
        if report.epoch == self._recipe.epochs:
            return Outcome.COMPLETED, f"trained {report.epoch} epoch{'s' * (report.epoch != 1)}"
        return None

    def _place_after(self, report: EpochReport) -> tuple[int, int]:
        """Attempt and epoch that follow."""
        if self._chance.failed(report):
            return report.attempt + 1, 1
        return report.attempt, report.epoch + 1

    def _restart(self, report: EpochReport) -> _End | None:
        # If chance is tested late, unlimited attempts would cost several full trainings.
        affordable = report.epoch == 1 or len(self._reports) <= self._recipe.epochs
        if report.attempt < self._recipe.attempts and affordable:
            self._attempt = report.attempt + 1
            return None
        loss, limit = f"training loss {report.loss:.4g}", self._chance.in_words(report)
        why = f"{limit}, {loss}" if isfinite(report.loss) else f"{loss} in epoch {report.epoch}"
        return Outcome.CHANCE, f"no better than chance in attempt {report.attempt}: {why}"

    def _seconds(self) -> float:
        return perf_counter() - self._started


def _tensors(state: TrainingState) -> tuple[dict[str, Tensor], dict[int, dict[str, Tensor]]]:
    """The tensors of the network, and those of the optimizer for each parameter."""
    return state.network.state_dict(), state.optimizer.state_dict()["state"]


def _restore(state: TrainingState, saved: SavedTraining) -> None:
    """Put the saved weights and moments into a newly started network and optimizer of the same kind."""
    state.network.load_state_dict(saved.network)
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": saved.optimizer, "param_groups": groups})
    state.epoch = saved.reports[-1].epoch
