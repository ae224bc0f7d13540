"""Which networks of a search are trained for long, and by which recipe where `metaqnn tune` has found one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaqnn.config.tuned import HyperParameters, Tuned
from metaqnn.database.queries import SearchReader
from metaqnn.results.long_trained import FinetuningError
from state_space import Architecture
from trainers.families.names import parse_architecture

NAMES = {"learning_rate": "lr", "batch_size": "batch_size", "weight_decay": "weight_decay"}
"""Options of a long training that override what a tuning found, and the tuning's names for them."""


@dataclass(frozen=True)
class Candidate:
    """A network of the search."""

    number: int
    architecture: str
    parameters: int
    """Weights and biases."""
    validation_accuracy: float | None
    """y_T as the search observed it; None where it was not trained to the end. Never a prediction."""


def choose(reader: SearchReader, top: int, numbers: Sequence[int] | None = None) -> list[Candidate]:
    """The networks with those numbers, or else the `top` ones by observed validation accuracy.

    There may be fewer than `top`.

    Raises:
        UnknownNetworkError: there is no network with one of the numbers.
        FinetuningError: a number is given twice, or no network was trained to the end.
    """
    if numbers is None:
        found = reader.top(top)
        if not found:
            raise FinetuningError("no network has been trained to the end yet: there is nothing to finetune")
    else:
        if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
            raise FinetuningError(f"--networks names network {twice[0]} more than once")
        found = [reader.network(number) for number in numbers]
    return [
        Candidate(row["number"], row["architecture"], row["parameters"], row["final_accuracy"])
        for row in found
    ]


def tuned_network(reader: SearchReader, tuned: Tuned, file: Path) -> int:
    """The number of the network that was tuned.

    Args:
        reader: the search.
        tuned: what was found.
        file: the file that holds it, for the message.

    Raises:
        FinetuningError: it is not in the search.
        FamilyError, NotationError: the file names no network.
    """
    architecture = str(parse_architecture(tuned.network))
    for row in reader.top(None, stopped=True):
        if row["architecture"] == architecture:
            number: int = row["number"]
            return number
    raise FinetuningError(
        f"{str(file)!r} was tuned for {architecture}, which this search has not trained; say with "
        "--networks or --top which networks to train by it"
    )


def tuned_options(tuned: Tuned, options: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `TunedRecipe`: those that the user gave, else those that were tuned.

    Raises:
        ConfigError: a tuned value is out of range.
        FinetuningError: another optimizer than that of the tuning is asked for.
    """
    if options.get("optimizer", "adam") != "adam":
        raise FinetuningError(f"--optimizer is {options['optimizer']!r}, but --parameters are those of Adam")
    given = {name: options[own] for own, name in NAMES.items() if own in options}
    found = HyperParameters(**{**tuned.parameters, **given})
    recipe = {own: getattr(found, name) for own, name in NAMES.items()}
    tuned_alone = {
        "lr_decay": found.lr_decay,
        "last_dropout": found.dropout,
        "batch_norm": found.batch_norm,
    }
    return {"epochs": tuned.epochs, **options, **recipe, **tuned_alone}


def as_tuned(
    candidates: Sequence[Candidate], tuned: Tuned, shape: tuple[int, ...], classes: int
) -> list[Candidate]:
    """The networks, with batch normalisation if that was found best; the search did not observe those.

    Args:
        candidates: as searched.
        tuned: what was found.
        shape: (channels, height, width) of the images.
        classes: logits.
    """
    if not tuned.parameters["batch_norm"]:
        return list(candidates)
    return [_normalised(one, shape, classes) for one in candidates]


def _normalised(candidate: Candidate, shape: tuple[int, ...], classes: int) -> Candidate:
    network = Architecture.parse(candidate.architecture).normalised()
    if str(network) == candidate.architecture:
        return candidate
    parameters = network.parameters(shape, classes)
    return replace(candidate, architecture=str(network), parameters=parameters, validation_accuracy=None)
