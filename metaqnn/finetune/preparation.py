"""From a search that is read only to images and a trainer for the long trainings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from metaqnn.config.environment import Circumstances
from metaqnn.config.search import SearchConfig
from metaqnn.database.queries import SearchReader
from metaqnn.finetune.errors import FinetuningError
from metaqnn.session.prepare import load_images, training_threads
from trainers import ImageDataset
from trainers.finetuning import FinetuningRecipe, FinetuningTrainer, scaled_translation


@dataclass(frozen=True)
class PreparedFinetuning:
    """Images and a trainer; nothing is written yet."""

    trainer: FinetuningTrainer
    dataset: ImageDataset
    search_seed: int


def prepare_finetuning(
    reader: SearchReader, options: Mapping[str, Any], train_limit: int | None, changes: Mapping[str, Any]
) -> PreparedFinetuning:
    """Load the images of a search and build a trainer.

    Args:
        reader: the search.
        options: fields of `FinetuningRecipe` that the user set; of the others, mirroring is as in the search,
            translation in proportion to the images, and all else as published.
        train_limit: number of training images; None for all that the data set has, also where the search had
            fewer.
        changes: other circumstances than those of the search.

    Raises:
        DatasetError: there are no such images, or no test images.
        DeviceError: there is no such device, precision or number of threads here.
        FinetuningError: the data set is not the one the search began with.
        RecipeError: an option is out of range.
    """
    search = reader.search()
    config = SearchConfig.from_dict(search["config"])
    circumstances = Circumstances.stored(search["circumstances"]).but(**changes)
    channels, side = search["channels"], search["image_size"]
    own = {"mirror": config.mirror, "translate": scaled_translation(side)}
    recipe = FinetuningRecipe(**{**own, **options})
    dataset = _images(config, circumstances, search["data_fingerprint"], train_limit)
    trainer = FinetuningTrainer(
        dataset,
        recipe=recipe,
        device=circumstances.device,
        precision=circumstances.precision,
        threads=training_threads(circumstances, config.space(channels, side, dataset.num_classes)),
    )
    return PreparedFinetuning(trainer, dataset, config.seed)


def _images(
    config: SearchConfig, circumstances: Circumstances, fingerprint: str, train_limit: int | None
) -> ImageDataset:
    dataset = load_images(config, circumstances)
    if dataset.fingerprint != fingerprint:
        raise FinetuningError(
            f"data set {config.dataset!r} is not the one this search began with: its fingerprint is "
            f"{dataset.fingerprint[:12]}, it was {fingerprint[:12]}"
        )
    if config.train_limit == train_limit:
        return dataset
    return load_images(replace(config, train_limit=train_limit), circumstances)
