"""From settings to data and a trainer, in the process of the tuning or in a worker's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from metaqnn.config.environment import Environment
from metaqnn.executors import Executor
from metaqnn.session.images import complete, held_out, load_images, split_seed
from metaqnn.session.preparation import (
    placement,
    precision_changes,
    require_precision,
    require_translation,
)
from metaqnn.session.workers import on_this_machine
from metaqnn.tune import TuneError
from metaqnn.tune.settings import TuneSettings
from state_space.errors import quoted
from trainers.datasets import DATASET_NAMES, ImageDataset
from trainers.families import (
    Family,
    ImageFamilyTrainer,
    OneOf,
    WordDataset,
    WordTrainer,
    find_words,
    load_words,
)
from trainers.families.architecture import ArchitectureFamily
from trainers.families.names import PREFIX

FamilyTrainer = ImageFamilyTrainer | WordTrainer


@dataclass(frozen=True)
class PreparedTuning:
    """Settings with the trainer made and the data loaded; nothing is written yet.

    Attributes:
        settings: complete.
        family: what is tuned.
        trainer: trains its members.
        data: images or text.
        environment: where it trains, with the precision that "auto" stands for there.
        notes: what differs from the last time that it was trained.
    """

    settings: TuneSettings
    family: Family
    trainer: FamilyTrainer
    data: ImageDataset | WordDataset
    environment: Environment
    notes: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, int]:
        """Images, or words, that are trained on, that validate, and that test."""
        data = self.data
        if isinstance(data, WordDataset):
            return {"training": len(data.train), "validation": len(data.valid), "test": len(data.test)}
        training = len(data.train_labels) - (held_out(self.settings) or 0)
        validation = self.settings.validation_size or 0
        return {"training": training, "validation": validation, "test": len(data.test_labels)}

    def other_data(self, whose: str, then: str) -> str:
        """The message that what began with data of the fingerprint `then` cannot go on with these."""
        return (
            f"data set {self.settings.dataset!r} is not the one {whose} began with: "
            f"its fingerprint is {self.data.fingerprint[:12]}, it was {then[:12]}"
        )


def prepare_tuning(settings: TuneSettings, environment: Environment) -> PreparedTuning:
    """Load the data and make the trainer.

    Raises:
        ConfigError: images would be shifted until nothing of them is left.
        DatasetError: there is no such data, or too little.
        DeviceError: there is no such device, precision or number of threads here.
        FamilyError, ShapeError: the family does not fit the images.
        TuneError: the family is not made for such data.
    """
    family = settings.make_family()
    load = _for_words if family.data == "words" else _for_images
    prepared = load(family, settings, environment)
    prepared.trainer.facts(family.configuration(first_values(family)))  # fits, or says why not
    return replace(prepared, environment=replace(environment, precision=prepared.trainer.precision_name))


def prepare_again(settings: TuneSettings, environment: Environment, before: str, what: str) -> PreparedTuning:
    """Like `prepare_tuning`, for what is resumed, with notes on its precision; words have only one.

    Args:
        settings: as when it began.
        environment: where it trains from now on.
        before: the precision so far, as stored.
        what: name of what is resumed, for messages.

    Raises as `prepare_tuning`, and DeviceError if the device lacks the precision so far.
    """
    if environment.precision == before:
        require_precision(environment, what)
    prepared = prepare_tuning(settings, environment)
    if prepared.family.data == "words":
        return prepared
    return replace(prepared, notes=tuple(precision_changes(before, prepared.environment)))


def _for_words(family: Family, settings: TuneSettings, environment: Environment) -> PreparedTuning:
    if settings.dataset in DATASET_NAMES:
        raise TuneError(
            f"{family.name!r} is trained on words, but {settings.dataset!r} has images; try --dataset ptb"
        )
    if environment.precision not in ("auto", "float32"):
        raise TuneError(f"--precision is {environment.precision}, but {family.name!r} is trained in float32")
    if settings.validation_size is None:
        settings = replace(settings, validation_size=family.validation_size)
    text = load_words(
        settings.dataset,
        data_dir=environment.data_dir,
        limit=settings.train_limit,
        valid_limit=settings.validation_size,
    )
    trainer = WordTrainer(family, text, epochs=settings.epochs, **placement(environment))
    return PreparedTuning(settings, family, trainer, text, environment)


def _for_images(family: Family, settings: TuneSettings, environment: Environment) -> PreparedTuning:
    if find_words(settings.dataset, environment.data_dir) is not None:
        raise TuneError(
            f"{family.name!r} is trained on images, but {settings.dataset!r} is a text; lstm is for texts"
        )
    images = load_images(settings, environment)
    _require_classes(family, images)
    require_translation(settings.translate, images.input_shape[1])
    settings = complete(settings, images)
    trainer = ImageFamilyTrainer(
        family,
        images,
        epochs=settings.epochs,
        validation_size=held_out(settings),
        split_seed=split_seed(settings),
        mirror=settings.mirror,
        translate=settings.translate,
        metric=settings.metric,
        precision=environment.precision,
        **placement(environment),
    )
    return PreparedTuning(settings, family, trainer, images, environment)


def _require_classes(family: Family, images: ImageDataset) -> None:
    """Refuse a network that is written for another number of classes; published ones are for any."""
    if not isinstance(family, ArchitectureFamily) or family.name.startswith(PREFIX):
        return
    if (classes := family.architecture.terminal.classes) != images.num_classes:
        raise TuneError(
            f"{quoted(family.name)} is for {classes} classes, but the images have {images.num_classes}: "
            f"write {images.num_classes} instead of {classes} at its end"
        )


def make_executor(prepared: PreparedTuning) -> Executor:
    """Who trains: this process, or a process for each worker."""
    make = partial(make_trainer, prepared.settings, prepared.data.fingerprint)
    return on_this_machine(prepared.environment, prepared.trainer, make)


def make_trainer(settings: TuneSettings, fingerprint: str, environment: Environment) -> FamilyTrainer:
    """The trainer of a worker, made where the worker is.

    Raises as `prepare_tuning`, and TuneError if the data here differ.
    """
    prepared = prepare_tuning(settings, replace(environment, workers=1))
    if prepared.data.fingerprint != fingerprint:
        raise TuneError(f"data set {settings.dataset!r} is not the same for a worker as for the tuning")
    return prepared.trainer


def first_values(family: Family) -> dict[str, float]:
    """Some member of the family: the lowest, or first, value of each parameter."""
    return {
        name: parameter.values[0] if isinstance(parameter, OneOf) else parameter.low
        for name, parameter in family.parameters.items()
    }
