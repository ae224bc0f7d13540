"""From a search, which is only read, to images and a trainer for the long trainings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from metaqnn.config.environment import Environment
from metaqnn.config.options import AUTO, flag
from metaqnn.config.tuned import Tuned
from metaqnn.database import SearchRecord
from metaqnn.database.queries import SearchReader
from metaqnn.finetune.candidates import tuned_options
from metaqnn.session.images import load_images
from metaqnn.session.preparation import placement, require_same_images, require_translation
from trainers import ImageDataset
from trainers.finetuning import (
    FinetuningRecipe,
    FinetuningTrainer,
    TunedFinetuner,
    TunedRecipe,
    scaled_translation,
)


@dataclass(frozen=True)
class PreparedFinetuning:
    """Images and a trainer; nothing is written yet."""

    trainer: FinetuningTrainer
    dataset: ImageDataset
    search: SearchRecord
    """Whose networks are trained."""
    checkpoint_every: float
    """Shortest time between two saves of a network in training, in seconds."""

    precision_given: bool
    """Whether the user said in which precision."""

    @property
    def notes(self) -> list[str]:
        """What differs from the search."""
        images, notes = self.search.images, []
        if images is not None and not any(images.get("test", {}).values()):
            notes.append("its test images were added after the search, which had none")
        here, there = self.trainer.precision_name, self.search.environment.get("precision", AUTO)
        if not self.precision_given and there not in (AUTO, here):
            notes.append(
                f"trained in {here}, as this device suggests, but the search in {there}; "
                f"{flag('precision')} chooses"
            )
        return notes


def prepare_finetuning(
    reader: SearchReader,
    options: Mapping[str, Any],
    train_limit: int | None,
    changes: Mapping[str, Any],
    tuned: Tuned | None,
) -> PreparedFinetuning:
    """Load the images of a search and build a trainer.

    Args:
        reader: the search.
        options: fields of `FinetuningRecipe` that the user set; of the others, mirroring is as in the search,
            translation in proportion to the images, and all else as published.
        train_limit: number of training images; None for all that the data set has, also where the search had
            fewer.
        changes: environment options other than those of the search; without a precision, the device's own is
            taken, as these are new trainings.
        tuned: what replaces the published recipe; None to keep that.

    Raises:
        ConfigError: images would be shifted until nothing of them is left.
        DatasetError: there are no such images, or no test images.
        DeviceError: there is no such device, precision or number of threads here.
        OtherImagesError: the data set is not the one the search began with.
        RecipeError: an option is out of range.
    """
    record = reader.record()
    config = record.config
    environment = replace(Environment.stored(record.environment), precision=AUTO).but(**changes)
    channels, side, _ = record.input_shape
    recipe = _recipe(options, config.mirror, side, tuned)
    dataset = _images(record, environment, train_limit)
    trainer = (FinetuningTrainer if tuned is None else TunedFinetuner)(
        dataset,
        recipe=recipe,
        precision=environment.precision,
        metric=config.metric,
        **placement(environment, config.space(channels, side, dataset.num_classes)),
    )
    given = changes.get("precision") is not None
    return PreparedFinetuning(trainer, dataset, record, environment.checkpoint_every, given)


def _recipe(options: Mapping[str, Any], mirror: bool, side: int, tuned: Tuned | None) -> FinetuningRecipe:
    """The recipe for images of that side, with the `options` that the user set."""
    require_translation(options.get("translate", 0), side)
    own = {"mirror": mirror, "translate": scaled_translation(side)}
    if tuned is None:
        return FinetuningRecipe(**{**own, **options})
    return TunedRecipe(**{**own, **tuned_options(tuned, options)})


def _images(record: SearchRecord, environment: Environment, train_limit: int | None) -> ImageDataset:
    dataset = load_images(record.config, environment)
    require_same_images(record, dataset)
    if record.config.train_limit == train_limit:
        return dataset
    return load_images(replace(record.config, train_limit=train_limit), environment)
