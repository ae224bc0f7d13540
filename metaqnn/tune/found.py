"""Tuning of a network that a search has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from metaqnn.config.environment import Environment
from metaqnn.config.images import ImageOptions, refuse_two_validations
from metaqnn.config.search import SearchConfig
from metaqnn.config.tuned import Tuned
from metaqnn.export.exportable import ranked
from metaqnn.session.find import reading
from metaqnn.session.trust import require_trusted
from metaqnn.tune import TuneError
from trainers.families import FAMILIES
from trainers.families.names import parse_architecture
from trainers.recipe import TrainingRecipe

AS_IN_SEARCH = (*(one.name for one in fields(ImageOptions)), "epochs", "mirror", "translate")
"""Settings that the tuning of a found network takes from its search, unless they are given."""
OF_DATASET = {"dataset", "train_limit", "validation_size", "own_validation", "svhn_extra", "mirror"}
"""Those of them that belong to the search's data set."""
RECIPE = {"lr_decay": "decay_factor", "batch_size": "batch_size"}
"""Hyper-parameters that a search has given all its networks, and its names for them."""


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        settings: of the tuning, as far as they are given.
        place: where trials are trained.
        recipe: the hyper-parameters of the search that has found the network; empty for other networks.
        attempt: the one in which the search trained it to the end, and whose learning rate is taken.
    """

    settings: dict[str, Any]
    place: Environment
    recipe: dict[str, Any]
    attempt: int = 1


def of_search(given: Mapping[str, Any], place: Environment, rank: int | None, trusted: bool) -> Asked:
    """What is asked for; a family that is a run folder is replaced by the network that its search found.

    Args:
        given: settings that the user gave.
        place: where trials are trained; the data are by default where those of the search were.
        rank: of the network in `metaqnn top RUN`; None for 1.
        trusted: whether the user trusts a function that is the search's data set.

    Raises:
        ConfigError: that function is not trusted, or two settings contradict each other.
        ExportError: there is no network of that rank.
        RunFolderError: the folder holds no search.
        TuneError: a rank without a run folder.
    """
    refuse_two_validations(given)
    family = str(given["family"])
    if family in FAMILIES or "(" in family or not family or not Path(family).is_dir():
        if rank is not None:
            raise TuneError(f"--rank is {rank}, but {family!r} is not the run folder of a search")
        return Asked(dict(given), place, {})
    with reading(Path(family)) as reader:
        network = reader.network(ranked(reader, rank or 1))
        record = reader.record()
    left_out: set[str] = set()
    if given.get("dataset", record.config.dataset) != record.config.dataset:
        left_out |= OF_DATASET
    else:
        require_trusted(record.config.dataset, trusted)
    if {"validation_size", "own_validation"} & {*given}:
        left_out |= {"validation_size", "own_validation"}
    inherited = {name: getattr(record.config, name) for name in AS_IN_SEARCH if name not in left_out}
    if place.data_dir is None:
        place = place.but(data_dir=record.environment.get("data_dir"))
    settings = {**inherited, **given, "family": network["architecture"]}
    attempt = network["attempt"]
    return Asked(settings, place, _recipe(record.config, settings["epochs"], attempt), attempt)


def _recipe(config: SearchConfig, epochs: int, attempt: int) -> dict[str, Any]:
    """The hyper-parameters of a network's attempt; over other epochs, the rate falls about as often."""
    rate = TrainingRecipe(learning_rate=config.learning_rate).initial_rate(attempt)
    falls = (config.epochs - 1) // config.decay_every
    wanted = config.decay_every * epochs / config.epochs
    every = min(range(1, epochs + 1), key=lambda n: (abs((epochs - 1) // n - falls), abs(n - wanted)))
    recipe = {name: getattr(config, own) for name, own in RECIPE.items()}
    return {"lr": rate, "decay_every": every, **recipe}


def of_another_network(file: Path, network: str) -> str | None:
    """A remark if the hyper-parameters in a file are used for another network than they were tuned for.

    Args:
        file: `best.json` of a tuning of a network.
        network: in the published notation, or `published:NAME`.

    Raises:
        ConfigError: the file holds something else.
        FamilyError, NotationError: one of them is not a network.
    """
    tuned = parse_architecture(Tuned.read(file).network)
    if tuned == parse_architecture(network):
        return None
    return f"note: the hyper-parameters in {str(file)!r} were tuned for another network, {tuned}"
