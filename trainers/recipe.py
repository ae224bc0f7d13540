"""The recipe by which every sampled network is trained ([MQ], experiment details; repeated in [PP])."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import Field, dataclass
from math import isfinite
from typing import Any, ClassVar, TypeGuard


class RecipeError(ValueError):
    """A training recipe that cannot be followed; the message is one line that quotes the bad value."""


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


class Recipe(ABC):
    """What all recipes, which are frozen dataclasses, have in common, and how their fields are checked.

    `TrainingRecipe` says what the fields mean.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    epochs: int
    batch_size: int
    learning_rate: float
    attempts: int
    retry_factor: float
    chance_factor: float
    mirror: bool
    translate: int

    def __post_init__(self) -> None:
        """Check the fields above except `epochs`, for which each recipe has its own limit."""
        for name in ("batch_size", "attempts"):
            self._require(name, self._is_count(name, 1), "a whole number of at least 1")
        self._require("translate", self._is_count("translate", 0), "a whole number of pixels, 0 or more")
        for name in ("learning_rate", "retry_factor"):
            self._require(name, self._is_number(name) and getattr(self, name) > 0, "a number above 0")
        self._require("chance_factor", self._is_number("chance_factor"), "a finite number")
        self._require("mirror", isinstance(self.mirror, bool), "true or false")

    @abstractmethod
    def rate(self, attempt: int, epoch: int) -> float:
        """Learning rate in an epoch (from 1) of an attempt (from 1)."""

    def initial_rate(self, attempt: int) -> float:
        """Learning rate of an attempt (from 1) in its first epoch."""
        return self.rate(attempt, 1)

    def _require(self, name: str, valid: bool, right: str) -> None:
        if not valid:
            raise RecipeError(f"{name} must be {right}, not {getattr(self, name)!r}")

    def _is_count(self, name: str, least: int) -> bool:
        value = getattr(self, name)
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    def _is_number(self, name: str) -> bool:
        return is_number(getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe(Recipe):
    """How networks are trained: Adam, a stepwise learning rate, restarts of networks that do not learn.

    The defaults are the published ones. Raises RecipeError for values out of range.
    """

    epochs: int = 20
    """Epochs of a full training (T)."""
    batch_size: int = 128
    """Images per step; the last step of an epoch takes what is left, so every image is seen once an epoch."""
    learning_rate: float = 1e-3
    """Initial learning rate of the first attempt."""
    decay_factor: float = 0.2
    """What the learning rate is multiplied by every `decay_every` epochs."""
    decay_every: int = 5
    """Epochs between two decays of the learning rate."""
    attempts: int = 5
    """Attempts in all for a network that is no better than chance when that is tested, see `Chance`."""
    retry_factor: float = 0.4
    """What the initial learning rate is multiplied by before another attempt."""
    chance_factor: float = 1.5
    """With ten or more balanced classes, a validation accuracy of at most this / classes counts as chance."""
    mirror: bool = False
    """Flip each training image left to right with probability one half."""
    translate: int = 0
    """Shift each training image by up to this many pixels either way; the mean colour fills the gap."""
    beta1: float = 0.9
    """Adam: decay of the mean of the gradients."""
    beta2: float = 0.999
    """Adam: decay of the mean of the squared gradients."""
    epsilon: float = 1e-8
    """Adam: added to the root in the denominator."""

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        for name in ("epochs", "decay_every"):
            self._require(name, self._is_count(name, 1), "a whole number of at least 1")
        for name in ("decay_factor", "epsilon"):
            self._require(name, self._is_number(name) and getattr(self, name) > 0, "a number above 0")
        for name in ("beta1", "beta2"):
            self._require(name, self._is_number(name) and 0 <= getattr(self, name) < 1, "in [0, 1)")

    def initial_rate(self, attempt: int) -> float:
        """Initial learning rate of an attempt (from 1): learning_rate * retry_factor^(attempt - 1)."""
        return self.learning_rate * self.retry_factor ** (attempt - 1)

    def rate(self, attempt: int, epoch: int) -> float:
        """Rate in an epoch (from 1): initial_rate * decay_factor^floor((epoch - 1) / decay_every)."""
        return self.initial_rate(attempt) * self.decay_factor ** ((epoch - 1) // self.decay_every)
