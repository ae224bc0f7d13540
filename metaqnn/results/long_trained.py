"""The results of long trainings of a search's networks (`metaqnn finetune`), from its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any, Self, get_origin, get_type_hints

from metaqnn.results.accuracy import wilson
from predictor.files import small_json
from state_space import Architecture


class FinetuningError(ValueError):
    """Networks that cannot be trained for long as asked; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class FinetuningResult:
    """A long training that has ended, however it ended."""

    network: int
    """Its number in the search."""
    seed: int
    """Which of its trainings, from 0."""
    architecture: str
    """In the published notation."""
    outcome: str
    """How it ended, a `trainers.Outcome`."""
    message: str
    """One line for people that says why it ended."""
    attempt: int
    """The last attempt, from 1."""
    learning_rate: float
    """Rate of the first epoch of the last attempt."""
    training_accuracies: list[float]
    """After each epoch of the last attempt, on training images."""
    test_errors: int | None
    """Test images classified wrongly; None where the training failed."""
    test_images: int
    """Number of test images."""
    seconds: float
    """Wall time of the training, all attempts."""
    device: str
    """Where it was trained."""
    precision: str
    """Number format of the activations in training."""
    ended_at: float | None = None
    """When it ended, in seconds since 1970; None in files of earlier versions."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Inverse of writing `asdict` as JSON. Raises FinetuningError where the file is something else."""
        try:
            result = cls(**small_json(path))
            result._check()
            return result
        except (OSError, TypeError, ValueError) as error:
            raise FinetuningError(
                f"{str(path)!r} holds no result ({error}); remove it, and the network is trained again"
            ) from None

    def require_of(self, architecture: str | None, path: Path) -> None:
        """Refuse the training of another network, as one of the search that was in the run folder before.

        Args:
            architecture: of the network with that number; `tune` may have had it trained with batch
                normalisation. None if the search has no such network.
            path: the file of this result.

        Raises:
            FinetuningError: it is of another network.
        """
        network = None if architecture is None else Architecture.parse(architecture)
        if network is None or self.architecture not in (str(network), str(network.normalised())):
            raise FinetuningError(
                f"{str(path)!r} is of {self.architecture}, which is not network {self.network} of the search "
                "in this run folder; remove it or move it away"
            )

    def _check(self) -> None:
        """Raise TypeError for a field of another type than declared, ValueError for impossible counts."""
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, list if get_origin(kind) is list else kind):
                raise TypeError(f"{name} is {value!r}")
        if not all(isinstance(accuracy, int | float) for accuracy in self.training_accuracies):
            raise TypeError(f"training_accuracies are {self.training_accuracies!r}")
        if self.test_errors is not None and not 0 <= self.test_errors <= self.test_images:
            raise ValueError(f"test_errors is {self.test_errors} of {self.test_images}")


@dataclass(frozen=True)
class ErrorRate:
    """Errors on the test images with Wilson's interval (1927) of the error rate at 95% confidence.

    The interval tells how exact the rate is, given this trained network and this number of test images; not
    how much it changes when the network is trained again.
    """

    errors: int
    images: int
    rate: float
    low: float
    high: float

    @classmethod
    def of(cls, errors: int, images: int) -> ErrorRate:
        """From the counts."""
        return cls(errors, images, errors / images, *wilson(errors / images, images))


ERROR_COLUMNS = {
    "test_errors": "errors",
    "test_images": "images",
    "test_error": "rate",
    "test_error_low": "low",
    "test_error_high": "high",
}
"""A test error for programs: the name of each value, and the field of `ErrorRate` that holds it."""


def in_columns(test: ErrorRate | None) -> dict[str, int | float | None]:
    """A test error for programs, by `ERROR_COLUMNS`; every value is None where there is none."""
    return {column: getattr(test, name, None) for column, name in ERROR_COLUMNS.items()}


@dataclass(frozen=True)
class LongTrained:
    """A network that was trained for long by one recipe.

    Attributes:
        number: of the network.
        recipe: name of the folder, which begins with the number of epochs.
        tests: test errors, one for each training that did not fail.
        seeds: which of its trainings these are, from 0.
        failed: how many trainings failed.
        validation_accuracy: y_T as the search observed it; None where it did not.
        described: the recipe in words, with its name.
    """

    number: int
    recipe: str
    tests: tuple[ErrorRate, ...]
    seeds: tuple[int, ...]
    failed: int
    validation_accuracy: float | None
    described: str

    @property
    def rate(self) -> float | None:
        """The mean test error; None if all trainings failed."""
        return fmean(test.rate for test in self.tests) if self.tests else None


def long_trained(
    run: Path,
    accuracies: Mapping[int, float | None] = MappingProxyType({}),
    architectures: Mapping[int, str] | None = None,
) -> tuple[list[LongTrained], list[str]]:
    """The long trainings that have ended, and what cannot be read or is of other networks.

    Of each recipe, the networks that validated best come first and those that failed last: a choice by the
    test error would make that error look lower than it is.

    Args:
        run: the run folder, where `finetune/RECIPE/network-N-seed-S.json` are the results.
        accuracies: y_T of the networks, by their numbers; networks without one are ordered by number.
        architectures: of all networks of the search, by their numbers; None not to compare them.
    """
    found: dict[tuple[str, int], list[FinetuningResult]] = {}
    damaged = []
    for path in sorted(run.glob("finetune/*/network-*-seed-*.json")):
        try:
            result = FinetuningResult.read(path)
            if architectures is not None:
                result.require_of(architectures.get(result.network), path)
            found.setdefault((path.parent.name, result.network), []).append(result)
        except FinetuningError as error:
            damaged.append(str(error))
    described = {recipe: _described(run / "finetune" / recipe) for recipe, _ in found}
    trained = [
        _long_trained(recipe, number, results, accuracies.get(number), described[recipe])
        for (recipe, number), results in found.items()
    ]
    return sorted(trained, key=_order), damaged


def _order(one: LongTrained) -> tuple[str, bool, float, int]:
    accuracy = one.validation_accuracy
    return one.recipe, one.rate is None, 0.0 if accuracy is None else -accuracy, one.number


def _described(folder: Path) -> str:
    """A recipe in words; the name of its folder alone where its settings cannot be read."""
    try:
        recipe = small_json(folder / "settings.json")["recipe"]
        how = f"{recipe['epochs']} epochs, {recipe['optimizer']}, rate {recipe['learning_rate']}"
        return f"{how}{', tuned' if 'lr_decay' in recipe else ''} ({folder.name})"
    except (OSError, LookupError, TypeError, ValueError):
        return folder.name


def is_long_trained(trained: Sequence[LongTrained], best: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the first of the best networks has a test error, so that `export --finetuned` writes it.

    Args:
        trained: the long trainings that have ended.
        best: networks with their `number`, the best first; there may be none.
    """
    return any(one.tests and one.number == network["number"] for one in trained for network in best[:1])


def _long_trained(
    recipe: str, number: int, results: list[FinetuningResult], accuracy: float | None, described: str
) -> LongTrained:
    tests = tuple(
        ErrorRate.of(result.test_errors, result.test_images)
        for result in results
        if result.test_errors is not None
    )
    seeds = tuple(result.seed for result in results if result.test_errors is not None)
    return LongTrained(number, recipe, tests, seeds, len(results) - len(tests), accuracy, described)
