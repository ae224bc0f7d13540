"""From options to images, and to those of them that validate: for searches, tunings and single trainings."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from metaqnn.config.environment import Environment
from metaqnn.config.images import ImageOptions
from metaqnn.search.randomness import Purpose, derived_seed
from trainers import DatasetError, ImageDataset, load_dataset
from trainers.datasets import DATASET_NAMES, Part, training_and_validation
from trainers.datasets.notes import notes_of_equal_images

Options = TypeVar("Options", bound=ImageOptions)


def load_images(options: ImageOptions, environment: Environment) -> ImageDataset:
    """The data set that options ask for. Raises DatasetError where there are no such images.

    Remarks about its files are left to the caller, who may be one of many workers.
    """
    return load_dataset(
        options.dataset,
        data_dir=environment.data_dir,
        image_size=options.image_size,
        limit=options.train_limit,
        seed=split_seed(options),
        download=environment.download,
        extra=options.svhn_extra,
        own_validation=_own_wanted(options),
        max_pixels=options.max_pixels,
        strict=environment.strict,
        tell=False,
    )


def complete(options: Options, dataset: ImageDataset) -> Options:
    """Options that say which images validate, and how many; those of a stored search do already.

    Raises:
        DatasetError: its own validation images are asked for, and there are none.
    """
    own, size = len(dataset.validation_labels), options.validation_size
    if options.own_validation and not own:
        raise DatasetError(
            f"{options.dataset!r} has neither a folder val/ with images nor x_val, for --own-validation"
        )
    if own and _own_wanted(options):  # a function may return them unasked
        return replace(options, own_validation=True, validation_size=own)
    if size is None:
        size = _default_size(options, len(dataset.train_images))
    return replace(options, own_validation=False, validation_size=size)


def held_out(options: ImageOptions) -> int | None:
    """Of complete options, how many training images validate; None if the data set's own images do."""
    return None if options.own_validation else options.validation_size


def split_seed(options: ImageOptions) -> int:
    """The seed that draws the images that are used, and those of them that validate."""
    return derived_seed(options.seed, Purpose.DATA)


def split(options: ImageOptions, dataset: ImageDataset) -> tuple[Part, Part]:
    """The images that complete options train on and those that they validate on."""
    return training_and_validation(dataset, held_out(options), split_seed(options))


def notes_on(options: ImageOptions, dataset: ImageDataset) -> tuple[str, ...]:
    """Notes about the images and, for the user's own, about the split; options must be complete."""
    if options.dataset in DATASET_NAMES:
        return dataset.notes
    parts = split(options, dataset)
    return (*dataset.notes, *notes_of_equal_images(*parts, held_out=held_out(options) is not None))


def _own_wanted(options: ImageOptions) -> bool:
    """Whether the data set's own validation images are used, if there are any."""
    if options.own_validation is None:
        return options.validation_size is None
    return options.own_validation


def _default_size(options: ImageOptions, images: int) -> int:
    """As many as the preset has, a quarter of the images at most; if it has none, a tenth, 5000 at most."""
    asked = options.preset_validation_size
    if asked is None:
        return max(1, min(5000, images // 10))
    return min(asked, max(1, images // 4))
