"""Trains the chosen networks for long, one after the other, as often as asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import time

import numpy as np

from metaqnn.finetune.candidates import Candidate
from metaqnn.finetune.files import FinetuningFiles
from metaqnn.results.long_trained import FinetuningError, FinetuningResult
from metaqnn.search.randomness import Purpose, derived_seed
from state_space import Architecture
from trainers import Checkpoint, EpochReport, Outcome, TrainingResult
from trainers.finetuning import FinetuningTrainer
from trainers.weights import TrainedNetwork

Heard = Callable[[Candidate, int, EpochReport], None]
"""Called after every epoch with the network, the number of its training (from 0), and the report."""


@dataclass(frozen=True)
class Finetuning:
    """Long trainings, each from new weights. A training that fails is a result, and the others go on.

    Args:
        trainer: trains, and asks the trained network about the test images.
        files: where everything is kept.
        candidates: the networks.
        seeds: trainings of each network.
        search_seed: the search's seed, from which those of the trainings follow.
    """

    trainer: FinetuningTrainer
    files: FinetuningFiles
    candidates: Sequence[Candidate]
    seeds: int
    search_seed: int

    def run(self, heard: Heard) -> None:
        """Train what has no result yet; a training that was interrupted goes on after its last epoch.

        The first training of every network comes before the second of any.

        Raises:
            FinetuningError: the disk is full, or a file is damaged or of another network.
        """
        for candidate, seed in self._trainings():
            if self._ended(candidate, seed) is None:
                self._train(candidate, seed, heard)
            else:  # a kill may have come between its result and this
                self.files.checkpoint(candidate.number, seed).discard()

    def missing(self) -> list[tuple[Candidate, int]]:
        """The trainings that have not ended, in their order."""
        return [(one, seed) for one, seed in self._trainings() if self._ended(one, seed) is None]

    def of_other_precision(self) -> list[FinetuningResult]:
        """The trainings that have ended, in another number format than the one asked for now."""
        ended = (self._ended(one, seed) for one, seed in self._trainings())
        return [result for result in ended if result and result.precision != self.trainer.precision_name]

    def _ended(self, candidate: Candidate, seed: int) -> FinetuningResult | None:
        return self.files.result(candidate.number, seed, candidate.architecture)

    def _trainings(self) -> list[tuple[Candidate, int]]:
        return [(candidate, seed) for seed in range(self.seeds) for candidate in self.candidates]

    def _train(self, candidate: Candidate, seed: int, heard: Heard) -> None:
        def on_epoch(report: EpochReport) -> bool:
            heard(candidate, seed, report)
            return False

        checkpoint = self.files.checkpoint(candidate.number, seed)
        ended = self.trainer.train(
            Architecture.parse(candidate.architecture),
            seed=self._training_seed(candidate.number, seed),
            on_epoch=on_epoch,
            checkpoint=checkpoint,
        )
        ended = self._checked(ended)
        network = self._trained(candidate, checkpoint) if ended.outcome is Outcome.COMPLETED else None
        probabilities = None if network is None else self.trainer.test_probabilities(network)
        if probabilities is not None and not np.isfinite(probabilities).all():
            message = "the outputs of the trained network are not finite numbers"
            ended = replace(ended, outcome=Outcome.DIVERGED, message=message)
            network = probabilities = None
        self.files.store(self._result(candidate, seed, ended, probabilities), network, probabilities)
        checkpoint.discard()

    def _checked(self, ended: TrainingResult) -> TrainingResult:
        """Make a failure of a training that collapsed to chance, although its loss stayed finite."""
        if ended.outcome is not Outcome.COMPLETED or ended.curve[-1] > self.trainer.chance.threshold:
            return ended
        chance = self.trainer.chance.threshold
        found = f"the last training accuracy, {ended.curve[-1]:.4f}, is no better than chance, {chance:.4f}"
        message = f"{found}; a lower --learning-rate may help"
        return replace(ended, outcome=Outcome.CHANCE, message=message)

    def _training_seed(self, number: int, seed: int) -> int:
        of_network = derived_seed(self.search_seed, Purpose.FINETUNING, number)
        return derived_seed(of_network, Purpose.FINETUNING, seed)

    def _trained(self, candidate: Candidate, checkpoint: Checkpoint) -> TrainedNetwork:
        """The network after its last epoch, which its checkpoint holds."""
        saved = checkpoint.load(None)
        if saved is None or saved.reports[-1].epoch < self.trainer.recipe.epochs:
            raise FinetuningError(
                f"the last epochs of network {candidate.number} could not be saved in "
                f"{str(checkpoint.path.parent)!r}; make space there, then repeat the command"
            )
        return TrainedNetwork(
            candidate.architecture,
            self.trainer.input_shape,
            self.trainer.num_classes,
            saved.reports[-1].accuracy,
            saved.network,
            self.trainer.normalisation,
        )

    def _result(
        self, candidate: Candidate, seed: int, ended: TrainingResult, probabilities: np.ndarray | None
    ) -> FinetuningResult:
        errors = None
        if probabilities is not None:
            errors = int((probabilities.argmax(1) != self.trainer.test_labels).sum())
        return FinetuningResult(
            network=candidate.number,
            seed=seed,
            architecture=candidate.architecture,
            outcome=ended.outcome,
            message=ended.message,
            attempt=ended.attempt,
            learning_rate=ended.learning_rate,
            training_accuracies=list(ended.curve),
            test_errors=errors,
            test_images=len(self.trainer.test_labels),
            seconds=ended.seconds,
            device=str(self.trainer.device),
            precision=self.trainer.precision_name,
            ended_at=time(),
        )
