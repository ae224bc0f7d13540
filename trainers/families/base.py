"""What every family says about itself: what its hyper-parameters may be, and one of its configurations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn

from trainers.families.recipe import FamilyRecipe
from trainers.recipe import is_number

PRESETS = ("paper", "laptop")
Values = Mapping[str, float]
"""Hyper-parameters by name."""


class FamilyError(ValueError):
    """A family or configuration that is not possible; the message is one line that quotes the bad value."""


@dataclass(frozen=True)
class Whole:
    """low, low + step, ... up to high."""

    low: int
    high: int
    step: int = 1

    def __contains__(self, value: object) -> bool:
        return is_number(value) and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        return f"a whole number from {self.low} to {self.high}{steps}"


@dataclass(frozen=True)
class Real:
    """Any number in [low, high]; with `log`, its logarithm is what is spread evenly."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return is_number(value) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class OneOf:
    """One of these numbers."""

    values: tuple[int, ...]

    def __contains__(self, value: object) -> bool:
        return is_number(value) and value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(map(str, self.values))}"


Parameter = Whole | Real | OneOf


def perplexity(accuracy: float) -> float:
    """The perplexity of a text, from the geometric mean of its words' probabilities; infinity for 0."""
    return 1 / accuracy if accuracy > 0 else float("inf")


@dataclass(frozen=True)
class Configuration:
    """One member of a family: what is trained. Its text identifies it.

    Attributes:
        family: name of the family.
        values: its hyper-parameters.
    """

    family: str
    values: Values

    def __str__(self) -> str:
        return f"{self.family}({', '.join(f'{name}={value!r}' for name, value in self.values.items())})"


@dataclass(frozen=True)
class Family(ABC):
    """A kind of models with hyper-parameters.

    Attributes:
        name: as users write it.
        parameters: what is tuned.
        epochs: T of a full training.
        image_size: side of the images that it is made for; None for their own.
        train_limit: training images, those for validation among them, or training words; None for all.
        validation_size: validation images (or words); None for a tenth of the images, 5,000 at most, or all
            validation words.
        batch_size: images, or columns of the text, per step, if that is not tuned.
        fixed_rate: the learning rate, if that is not tuned.
    """

    name: str
    parameters: Mapping[str, Parameter]
    epochs: int
    image_size: int | None = None
    train_limit: int | None = None
    validation_size: int | None = None
    batch_size: int = 128
    fixed_rate: float = 0.1

    data: ClassVar[Literal["images", "words"]] = "images"
    """What it is trained on."""
    mirrored: ClassVar[bool] = False
    """Whether training images are mirrored by default."""
    chance_factor: ClassVar[float] = -1.0
    """An accuracy of at most this / classes after the first epoch is a failure; negative: none is."""

    @property
    def metric(self) -> str:
        """What its curves show, as `predictor` knows it: accuracy, or perplexity for words."""
        return "accuracy" if self.data == "images" else "perplexity"

    def value(self, accuracy: float) -> float:
        """The metric of an epoch's `EpochReport.accuracy`; for words that is 1 / perplexity."""
        return accuracy if self.metric == "accuracy" else perplexity(accuracy)

    def configuration(self, values: Values) -> Configuration:
        """A member of the family.

        Raises:
            FamilyError: a parameter is missing, unknown or out of its space.
        """
        for name in (*self.parameters, *values):
            if name not in self.parameters or name not in values:
                known = ", ".join(self.parameters)
                problem = "is missing" if name in self.parameters else "is not one of them"
                raise FamilyError(f"family {self.name!r} has the parameters {known}; {name!r} {problem}")
            if values[name] not in self.parameters[name]:
                raise FamilyError(
                    f"{name} = {values[name]!r} of family {self.name!r}; expected {self.parameters[name]}"
                )
        return Configuration(self.name, {name: values[name] for name in self.parameters})

    def built(
        self, values: Values, input_shape: tuple[int, ...], classes: int, generator: torch.Generator
    ) -> nn.Module:
        """The module on the CPU, its weights addressed by the generator's seed. Raises FamilyError."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(generator.initial_seed())  # and that of no GPU
            return self.build(values, input_shape, classes)

    def facts(self, values: Values, input_shape: tuple[int, ...], classes: int) -> dict[str, float]:
        """What is known of a model before it is trained, besides its hyper-parameters."""
        with torch.device("meta"):  # nothing is allocated
            module = self.build(values, input_shape, classes)
        return {"parameters": sum(parameter.numel() for parameter in module.parameters())}

    def require_side(self, input_shape: tuple[int, ...], least: int) -> None:
        """Refuse images with a side below `least` pixels. Raises FamilyError."""
        _, height, width = input_shape
        if min(height, width) < least:
            raise FamilyError(
                f"images of {height}x{width} are too small for {self.name!r}, which needs {least}x{least}"
            )

    @abstractmethod
    def build(self, values: Values, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """The module, its weights drawn from PyTorch's global generator.

        Args:
            values: its hyper-parameters.
            input_shape: (channels, height, width) of images; nothing for words.
            classes: logits; words of the vocabulary.

        Raises:
            FamilyError: the images are too small.
        """

    @abstractmethod
    def recipe(self, values: Values, epochs: int) -> FamilyRecipe:
        """How a member is trained for that many epochs. Raises RecipeError."""
