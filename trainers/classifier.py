"""Training as in a search: from an architecture to its learning curve ([MQ], experiment details; [PP])."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from trainers.chance import PUBLISHED, TESTED, Chance
from trainers.datasets import ImageDataset, training_and_validation
from trainers.device import Placement
from trainers.image_training import ImageTrainer
from trainers.metric import ACCURACY
from trainers.normalisation import Normalisation
from trainers.recipe import TrainingRecipe


class ClassifierTrainer(ImageTrainer):
    """Trains networks on one data set by one recipe.

    Validation images are those of the data set, or drawn once from the training images; pixel means and
    deviations are those of the images that are trained on. The test images are never looked at.

    Args:
        dataset: the images.
        recipe: how to train.
        validation_size: number of validation images, drawn with unchanged class proportions; None for those
            that the data set has.
        split_seed: addresses that draw.
        chance: what is no better than chance on the validation images: "tested" or "published", see
            `trainers.chance`.
        metric: what is measured on the validation images: "accuracy" or "balanced-accuracy", for which every
            class also counts as much as another in the training loss; see `trainers.metric`.
        placed: `device`, `precision`, `threads` and others, see `trainers.device.Placement`.

    Attributes:
        normalisation: that of the training images, which is applied to all images that its networks see.

    Raises:
        DatasetError: no such validation split is possible, or the data set has no validation images.
        DeviceError: no such device, precision or number of threads here.

    Example:
        >>> from state_space import Architecture
        >>> from trainers import ClassifierTrainer, TrainingRecipe, load_dataset
        >>> digits, recipe = load_dataset("digits"), TrainingRecipe(epochs=2, batch_size=32)
        >>> trainer = ClassifierTrainer(digits, recipe=recipe, validation_size=300, device="cpu")
        >>> result = trainer.train(Architecture.parse("[C(8,3,1), SM(10)]"), seed=0)
        >>> result.outcome.value, len(result.curve), result.curve[-1] > 0.5
        ('completed', 2, True)
    """

    recipe: TrainingRecipe

    def __init__(
        self,
        dataset: ImageDataset,
        *,
        recipe: TrainingRecipe,
        validation_size: int | None,
        split_seed: int = 0,
        chance: str = TESTED,
        metric: str = ACCURACY,
        **placed: Unpack[Placement],
    ) -> None:
        super().__init__(recipe, dataset, **placed)
        self._identity = {
            "data": _training_part(dataset).fingerprint,
            "validation": f"{validation_size or 'own'} images of draw {split_seed}",
        }
        training, validation = training_and_validation(dataset, validation_size, split_seed)
        self.normalisation = Normalisation.of(training[0])
        self._training, self._watched = self._loader(*training), self._loader(*validation)
        self._measure(metric, training[1], validation[1])
        if chance == PUBLISHED:
            self.chance = Chance.published(dataset.num_classes, recipe.chance_factor)

    def _optimizer(self, network: nn.Module, rate: float | Tensor) -> torch.optim.Optimizer:
        betas = self.recipe.beta1, self.recipe.beta2
        return self._adam(network.parameters(), rate, betas=betas, eps=self.recipe.epsilon)


def _training_part(dataset: ImageDataset) -> ImageDataset:
    """The data set without its test images, which are never looked at."""
    images, labels, names = dataset.train_images, dataset.train_labels, dataset.class_names
    validation = dataset.validation_images, dataset.validation_labels
    return ImageDataset(dataset.name, images, labels, images[:0], labels[:0], names, *validation)
