"""From a configuration to images and a trainer, in the process of the search or in a worker's.

Also notes on what has changed when a search goes on, a line for each change.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from metaqnn.config.environment import Environment
from metaqnn.config.options import AUTO, flag, require
from metaqnn.config.search import SearchConfig
from metaqnn.database import SearchRecord
from metaqnn.session.estimate import SMALL, mean_macs
from metaqnn.session.images import complete, held_out, load_images, split_seed
from state_space import StateSpace
from trainers import (
    ClassifierTrainer,
    DeviceError,
    ImageDataset,
    TrainingRecipe,
    choose_device,
    choose_precision,
)
from trainers.datasets import split_validation
from trainers.device import auto_precision

MOST_NAMED = 3
"""Differences of a data set that are named; more would fill the screen."""
LIBRARIES = ("metaqnn", "torch", "torchvision", "numpy", "scikit-learn", "sqlalchemy")
Counts = Mapping[str, Mapping[str, int]]


class OtherImagesError(ValueError):
    """The images are not those that the search began with."""


@dataclass(frozen=True)
class Prepared:
    """A complete configuration with its images loaded and its trainer built; nothing is written yet."""

    config: SearchConfig
    space: StateSpace
    dataset: ImageDataset
    trainer: ClassifierTrainer
    environment: Environment

    @property
    def training_images(self) -> int:
        """Number of images that are trained on in an epoch."""
        return len(self.dataset.train_images) - (held_out(self.config) or 0)

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """The classes of the images that are trained on and of those that validate."""
        config, dataset = self.config, self.dataset
        if config.own_validation:
            return {"training": dataset.train_labels, "validation": dataset.validation_labels}
        parts = split_validation(dataset.train_labels, config.validation_size or 0, split_seed(config))
        training, validation = (dataset.train_labels[part] for part in parts)
        return {"training": training, "validation": validation}

    @property
    def record(self) -> SearchRecord:
        """What is stored about a search that begins with this."""
        dataset = self.dataset
        return SearchRecord(
            self.config,
            dataset.input_shape,
            dataset.num_classes,
            dataset.fingerprint,
            library_versions(),
            asdict(self.environment),
            dataset.counts,
        )


def library_versions(*more: str) -> dict[str, str]:
    """The versions of Python, of `LIBRARIES` and of `more` libraries here, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in (*LIBRARIES, *more)}}


def load_and_build(config: SearchConfig, environment: Environment) -> Prepared:
    """Load the images and build the trainer.

    Raises:
        ConfigError: an option does not suit the images.
        DatasetError: there are no such images, or they cannot be split.
        DeviceError: there is no such device, precision or number of threads here.
    """
    dataset = load_images(config, environment)
    channels, side, _ = dataset.input_shape
    require_translation(config.translate, side)
    space = config.space(channels, side, dataset.num_classes)
    config = complete(config, dataset)
    trainer = ClassifierTrainer(
        dataset,
        recipe=_recipe(config),
        validation_size=held_out(config),
        split_seed=split_seed(config),
        precision=environment.precision,
        chance=config.chance,
        metric=config.metric,
        **placement(environment, space),
    )
    return Prepared(config, space, dataset, trainer, environment)


def require_translation(pixels: int, side: int) -> None:
    """Refuse to shift images until nothing of them is left. Raises ConfigError."""
    require(pixels < side, "translate", pixels, f"less than the side of the images, {side} pixels")


def placement(environment: Environment, space: StateSpace | None = None) -> dict[str, Any]:
    """A trainer's arguments for where it trains; one thread if none are asked for and networks are small."""
    threads = environment.threads
    if threads is None and space is not None and mean_macs(space) < SMALL:
        threads = 1
    return {"device": environment.device, "threads": threads, "deterministic": environment.deterministic}


def _recipe(config: SearchConfig) -> TrainingRecipe:
    """The training recipe: it has those options of the configuration that are its fields."""
    names = (one.name for one in fields(TrainingRecipe))
    return TrainingRecipe(**{name: getattr(config, name) for name in names if hasattr(config, name)})


def require_same_images(record: SearchRecord, dataset: ImageDataset) -> None:
    """Refuse images other than those that a search began with; test images may be new if it had none.

    A search never uses test images.

    Raises:
        OtherImagesError: they differ; the message says how.
    """
    began_with = record.data_fingerprint
    if dataset.fingerprint != began_with and _without_test(dataset).fingerprint != began_with:
        raise OtherImagesError(
            f"data set {record.config.dataset!r} is not the one this search began with: "
            f"{_difference(record, dataset)}"
        )


def _without_test(dataset: ImageDataset) -> ImageDataset:
    return replace(dataset, test_images=dataset.test_images[:0], test_labels=dataset.test_labels[:0])


def _difference(record: SearchRecord, dataset: ImageDataset) -> str:
    """How another data set differs, as far as the record tells."""
    pairs = [
        ("image shape", record.input_shape, dataset.input_shape),
        ("number of classes", record.num_classes, dataset.num_classes),
    ]
    different = [f"its {what} is {now}, not {was}" for what, was, now in pairs if now != was]
    different = different or _other_numbers(record.images or {}, dataset.counts)
    if different:
        return "; ".join(different)
    same = (
        "as many images of each class as before, but other ones"
        if record.images
        else "other images or labels"
    )
    return f"{same}; its fingerprint is {dataset.fingerprint[:12]}, not {record.data_fingerprint[:12]}"


def _other_numbers(before: Counts, now: Counts) -> list[str]:
    """Classes whose number of images is not what it was, the first few of them."""
    different = [
        f"{there.get(name, 0)} {part} images of {name!r}, not {known.get(name, 0)}"
        for part, known in before.items()
        if part != "test" or any(known.values())  # test images may be added
        for there in (now.get(part, {}),)
        for name in dict.fromkeys((*known, *there))
        if there.get(name) != known.get(name)
    ]
    more = len(different) - MOST_NAMED
    return [*different[:MOST_NAMED], f"and {more} more"] if more > 0 else different


def changes_since(record: SearchRecord, prepared: Prepared, *, goes_on: bool = True) -> Iterator[str]:
    """Notes on what has changed for a search whose networks are now trained as in `prepared`.

    Args:
        record: of the search, as stored before.
        prepared: with the precision that they are trained in now.
        goes_on: whether the search itself goes on that way.
    """
    lasting = " from now on" if goes_on else ""
    before = Environment.stored(record.environment).precision
    yield from precision_changes(before, prepared.environment, lasting)
    yield from version_changes(record.versions, prepared.record.versions)


def require_precision(environment: Environment, what: str = "search") -> None:
    """Raise DeviceError if the device lacks the precision that `what`, such as a search, was trained in."""
    device = choose_device(environment.device)
    try:
        choose_precision(device, environment.precision)
    except DeviceError:
        raise DeviceError(
            f"this {what} was trained in {environment.precision}, which is not supported on device "
            f"{device.type!r}; give {flag('precision')} float32 to go on without it"
        ) from None


def precision_changes(before: str, environment: Environment, lasting: str = " from now on") -> Iterator[str]:
    """A note if the precision is not the one used before, or not the one this device would choose.

    Args:
        before: the precision so far, as stored.
        environment: the one from now on, with the precision that "auto" has come to.
        lasting: words for how long.
    """
    now, here = environment.precision, auto_precision(environment.device)
    if before == AUTO:  # as the first versions stored it
        yield f"trained in {now}{lasting}; the precision used so far was not stored"
    elif before != now:
        yield f"trained in {now}{lasting}, so far in {before} ({flag('precision')} {before} keeps that)"
    elif here != now and environment.executor != "ray":
        yield f"trained in {now}, as before; for this device {here} would be chosen"


def version_changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """A note if libraries have other versions than `before`, as stored at the start."""
    others = [
        f"{name} is {now[name]} here and was {was} at the start"
        for name, was in (before.items() if isinstance(before, Mapping) else ())  # it may be damaged
        if now.get(name, was) != was
    ]
    if others:
        yield f"{'; '.join(others)}: results may differ"
