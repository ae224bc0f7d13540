"""From a configuration to images and a trainer, in the process of the search or in a worker's."""

from __future__ import annotations

from dataclasses import dataclass, replace

from metaqnn.config.environment import Circumstances
from metaqnn.config.search import SearchConfig
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.session.estimate import SMALL, mean_macs
from state_space import StateSpace
from trainers import ClassifierTrainer, ImageDataset, TrainingRecipe, load_dataset


@dataclass(frozen=True)
class Prepared:
    """A complete configuration with its images loaded and its trainer built; nothing is written yet."""

    config: SearchConfig
    space: StateSpace
    dataset: ImageDataset
    trainer: ClassifierTrainer
    circumstances: Circumstances

    @property
    def training_images(self) -> int:
        """Images that are trained on in an epoch."""
        return len(self.dataset.train_images) - (self.config.validation_size or 0)


def load_and_build(config: SearchConfig, circumstances: Circumstances) -> Prepared:
    """Load the images and build the trainer.

    Raises:
        DatasetError: there are no such images, or they cannot be split.
        DeviceError: there is no such device, precision or number of threads here.
    """
    dataset = load_images(config, circumstances)
    channels, side, _ = dataset.input_shape
    space = config.space(channels, side, dataset.num_classes)
    size = config.validation_size or max(1, min(5000, len(dataset.train_images) // 10))
    trainer = ClassifierTrainer(
        dataset,
        recipe=_recipe(config),
        validation_size=size,
        split_seed=derived_seed(config.seed, Purpose.DATA),
        device=circumstances.device,
        precision=circumstances.precision,
        threads=training_threads(circumstances, space),
    )
    return Prepared(replace(config, validation_size=size), space, dataset, trainer, circumstances)


def load_images(config: SearchConfig, circumstances: Circumstances) -> ImageDataset:
    """The data set of a configuration. Raises DatasetError where there are no such images."""
    return load_dataset(
        config.dataset,
        data_dir=circumstances.data_dir,
        image_size=config.image_size,
        limit=config.train_limit,
        seed=derived_seed(config.seed, Purpose.DATA),
        download=circumstances.download,
        extra=config.svhn_extra,
    )


def training_threads(circumstances: Circumstances, space: StateSpace) -> int | None:
    """The threads asked for, or else one if networks are small; None leaves PyTorch's setting."""
    return 1 if circumstances.threads is None and mean_macs(space) < SMALL else circumstances.threads


def _recipe(config: SearchConfig) -> TrainingRecipe:
    return TrainingRecipe(
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        decay_factor=config.decay_factor,
        decay_every=config.decay_every,
        attempts=config.attempts,
        mirror=config.mirror,
        translate=config.translate,
    )
