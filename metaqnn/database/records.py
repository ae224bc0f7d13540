"""What is stored about a search, and about the end of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from metaqnn.config.bounds import Bounds
from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from state_space.errors import quoted
from trainers.apportion import apportion, most_drawn
from trainers.chance import constant_guess, limit_of_guessing
from trainers.metric import Metric

IMAGES = Bounds(0, 10**9)
"""Bounds of the number of images of one class."""
TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class SearchRecord:
    """What a search was started with.

    Attributes:
        config: its configuration.
        input_shape: (channels, height, width) of the images.
        num_classes: number of classes.
        data_fingerprint: hash of the images and labels.
        versions: of the libraries, by name.
        environment: what may differ when the search is resumed: data folder, device and so on.
        images: number of images in each class and part, from `ImageDataset.counts`; None if unknown.
    """

    config: SearchConfig
    input_shape: tuple[int, int, int]
    num_classes: int
    data_fingerprint: str
    versions: Mapping[str, str]
    environment: Mapping[str, Any]
    images: Mapping[str, Mapping[str, int]] | None = None

    @property
    def guess(self) -> float | None:
        """What always guessing the commonest class of the validation images reaches; None if unknown."""
        return None if self._measured is None else constant_guess(self._measured)

    @property
    def guess_limit(self) -> float | None:
        """What guessing hardly ever reaches, see `limit_of_guessing`; None if unknown."""
        return None if self._measured is None else limit_of_guessing(self._measured)

    @cached_property
    def _measured(self) -> Metric | None:
        """The metric on the validation images; None if their numbers in each class are unknown."""
        counts = self._validation_images()
        return Metric(self.config.metric, tuple(counts)) if any(counts) else None

    def _validation_images(self) -> list[int]:
        """How many there are of each class; empty if the stored numbers do not tell."""
        config, images = self.config, self.images or {}
        if VALIDATION in images:
            return [*images[VALIDATION].values()]
        if config.own_validation or config.validation_size is None or TRAIN not in images:
            return []
        training = [*images[TRAIN].values()]
        if config.validation_size > most_drawn(training):
            return []
        return apportion(training, config.validation_size)

    @property
    def may_be_tested(self) -> bool:
        """Whether there are test images; True if that is unknown."""
        counts = (self.images or {}).get("test")
        return counts is None or any(counts.values())

    @property
    def keeps_weights(self) -> bool:
        """Whether the trained weights of any network are kept; True if that is unknown."""
        return bool(self.environment.get("keep_weights", True))

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row of the table `searches`."""
        return cls(
            SearchConfig.from_dict(row["config"]),
            (row["channels"], row["image_size"], row["image_size"]),
            row["num_classes"],
            row["data_fingerprint"],
            row["versions"],
            row["circumstances"],
            _numbers_of_images(row.get("images")),
        )


def _numbers_of_images(value: Any) -> Mapping[str, Mapping[str, int]] | None:
    """The stored numbers of images. Raises ConfigError for anything else."""
    if value is None or (isinstance(value, Mapping) and all(map(_are_numbers, value.values()))):
        return value
    raise ConfigError(f"the stored numbers of images are {quoted(value)}; expected {IMAGES} for each class")


def _are_numbers(part: Any) -> bool:
    return isinstance(part, Mapping) and all(number in IMAGES for number in part.values())


@dataclass(frozen=True)
class NetworkResult:
    """How the training of a network ended, and the reward it gives.

    `final_accuracy` (y_T) is observed, `predicted_accuracy` (y_hat_T) is not; at most one of them is set.
    """

    outcome: str
    reward: float
    attempt: int | None = None
    epochs: int | None = None
    last_accuracy: float | None = None
    final_accuracy: float | None = None
    predicted_accuracy: float | None = None
    seconds: float | None = None
    message: str | None = None
