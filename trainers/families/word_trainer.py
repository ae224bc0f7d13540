"""Trains language models."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainers.attempts import TrainingState
from trainers.chance import Chance
from trainers.datasets import DatasetError
from trainers.families.base import Configuration, Family, perplexity
from trainers.families.image_trainer import FamilyTraining
from trainers.families.lstm import LanguageModel
from trainers.families.recipe import FamilyRecipe
from trainers.families.words import WordDataset
from trainers.results import EpochReport
from trainers.steps import Step

STEPS = 35
"""Words through which gradients flow back."""


class WordChance(Chance):
    """Chance on a text, where the accuracy is 1 / perplexity."""

    def in_words(self, report: EpochReport) -> str:
        """See `Chance`."""
        found, limit = perplexity(report.accuracy), perplexity(self.threshold)
        return f"perplexity {found:.4g} after epoch {report.epoch} is at least {limit:.4g}"


class WordTrainer(FamilyTraining):
    """Trains language models on a text; its accuracy is 1 / perplexity of the validation text.

    That is the geometric mean of the probabilities of the words: a number in [0, 1]; more is better.
    Chance is 1 / (words of the vocabulary). A text is cut into as many columns as the batch is large, which
    are read side by side from their beginning to their end. Training is in float32.

    Args:
        family: whose members are trained.
        dataset: the text.
        epochs: T of a full training.
        options: `device`, `threads` and `deterministic` as in `ClassifierTrainer`.

    Raises:
        DatasetError: the text is too short.
        DeviceError: no such device or number of threads here.
        RecipeError: no such number of epochs.
    """

    def __init__(self, family: Family, dataset: WordDataset, *, epochs: int, **options: Any) -> None:
        recipe = FamilyRecipe(epochs=epochs, chance_factor=family.chance_factor)
        super().__init__(recipe, dataset, precision="float32", cuda_graphs=False, **options)
        self.family = family
        self.chance = WordChance.published(dataset.num_classes, family.chance_factor)
        self._identity = {"data": dataset.fingerprint}
        for part, words, least in (
            ("training", len(dataset.train), 2 * family.batch_size),
            ("validation", len(dataset.valid), 2),
        ):
            if words < least:
                raise DatasetError(
                    f"text {dataset.name!r} has {words} {part} words; {family.name} needs {least}"
                )
        self._words, self._valid = (torch.from_numpy(part) for part in (dataset.train, dataset.valid))

    def _step(
        self, architecture: Configuration, network: nn.Module, optimizer: torch.optim.Optimizer
    ) -> Step:
        clip = self.recipe.clip

        def step(words: Tensor, following: Tensor) -> Tensor:
            loss = _summed_loss(network, words, following)
            (loss / len(words)).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()
            optimizer.zero_grad()
            return loss.detach()

        return step

    def _pass(self, state: TrainingState, generator: torch.Generator) -> Tensor:
        cast(LanguageModel, state.network).reset()
        return super()._pass(state, generator)

    def _batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        return self._columns(self._words, self.recipe.batch_size)

    @torch.inference_mode()
    def _measured(self, network: nn.Module, total: Tensor) -> tuple[float, float]:
        network.eval()
        cast(LanguageModel, network).reset()
        batch = min(self.recipe.batch_size, len(self._valid) // 2)
        loss = sum(float(_summed_loss(network, *pair)) for pair in self._columns(self._valid, batch))
        cast(LanguageModel, network).reset()
        trained = _predicted(self._words, self.recipe.batch_size)
        mean = loss / _predicted(self._valid, batch)
        return float(total) / trained, exp(-mean) if np.isfinite(mean) else 0.0

    def _columns(self, text: Tensor, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Words and those that follow them, each (batch, at most STEPS), along the columns of a text."""
        length = len(text) // batch
        columns = text[: batch * length].view(batch, length).to(self.device)
        for start in range(0, length - 1, STEPS):
            end = min(start + STEPS, length - 1)
            yield columns[:, start:end], columns[:, start + 1 : end + 1]


def _predicted(text: Tensor, batch: int) -> int:
    """Words of a text that are predicted: all in the columns but the first of each."""
    return batch * (len(text) // batch - 1)


def _summed_loss(network: nn.Module, words: Tensor, following: Tensor) -> Tensor:
    return cross_entropy(network(words).flatten(0, 1), following.flatten(), reduction="sum")
