"""Trains members of a family on images; what is common to all families is in `FamilyTraining`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from trainers.attempts import EpochCallback
from trainers.chance import Chance
from trainers.checkpoint import Checkpoint
from trainers.classifier import ClassifierTrainer
from trainers.datasets import ImageDataset
from trainers.families.base import Configuration, Family
from trainers.families.recipe import FamilyRecipe
from trainers.results import TrainingResult
from trainers.training import NetworkTrainer


class FamilyTraining(NetworkTrainer):
    """A trainer of configurations, each by its own recipe; steps are not recorded as CUDA graphs."""

    recipe: FamilyRecipe
    family: Family

    def train(
        self,
        architecture: Configuration,
        *,
        seed: int,
        on_epoch: EpochCallback | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> TrainingResult:
        """As `NetworkTrainer.train`, by the recipe of the configuration.

        Raises:
            FamilyError: the model does not fit the images.
            RecipeError: its recipe cannot be followed.
        """
        recipe = self.family.recipe(architecture.values, self.recipe.epochs)
        recipe = replace(recipe, mirror=self.recipe.mirror, translate=self.recipe.translate)
        trainer = self._following(recipe)
        return NetworkTrainer.train(
            trainer, architecture, seed=seed, on_epoch=on_epoch, checkpoint=checkpoint
        )

    def facts(self, configuration: Configuration) -> dict[str, float]:
        """What is known of a model before it is trained, see `Family.facts`."""
        return self.family.facts(configuration.values, self.input_shape, self.num_classes)

    def _build(self, architecture: Configuration, generator: torch.Generator) -> nn.Module:
        return self.family.built(architecture.values, self.input_shape, self.num_classes, generator)

    def _optimizer(self, network: nn.Module, rate: float | Tensor) -> torch.optim.Optimizer:
        return self.recipe.make_optimizer(network, float(rate))

    def _learning_rate(self, rate: float) -> float | Tensor:
        return rate  # as no step is recorded


class ImageFamilyTrainer(FamilyTraining, ClassifierTrainer):
    """Trains members of a family on a part of the training images of a data set.

    Args:
        family: whose members are trained.
        dataset: the images.
        epochs: T of a full training.
        validation_size: number of validation images, drawn with unchanged class proportions; None for those
            that the data set has.
        split_seed: addresses that draw.
        mirror: whether training images are mirrored at random.
        translate: pixels by which they are shifted at random, at most.
        options: `device`, `precision`, `threads`, `deterministic` and `metric` of `ClassifierTrainer`.

    Raises:
        DatasetError: no such validation split is possible.
        DeviceError: no such device, precision or number of threads here.
        RecipeError: no such number of epochs.
    """

    recipe: FamilyRecipe

    def __init__(
        self,
        family: Family,
        dataset: ImageDataset,
        *,
        epochs: int,
        validation_size: int | None,
        split_seed: int = 0,
        mirror: bool = False,
        translate: int = 0,
        **options: Any,
    ) -> None:
        recipe = FamilyRecipe(
            epochs=epochs,
            batch_size=family.batch_size,
            chance_factor=family.chance_factor,
            mirror=mirror,
            translate=translate,
        )
        super().__init__(
            dataset,
            recipe=recipe,
            validation_size=validation_size,
            split_seed=split_seed,
            cuda_graphs=False,
            **options,
        )
        self.family = family
        if family.chance_factor < 0:  # nothing counts as chance, however few classes there are
            self.chance = Chance.published(dataset.num_classes, family.chance_factor)
        elif self.chance.epoch != 1:  # a later restart would leave epochs of two attempts in a curve
            self.chance = replace(self.chance, epoch=None)
