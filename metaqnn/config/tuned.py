"""Hyper-parameters of the training of one network: options, what a tuning has found, and the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any, Self, TypeGuard

from metaqnn.config.bounds import Bounds
from metaqnn.config.options import ConfigError, option, require_bounds
from metaqnn.config.search import BATCH, DECAY, EPOCHS, RATE
from predictor.files import small_json


@dataclass(frozen=True, kw_only=True)
class HyperParameters:
    """What `metaqnn tune` tunes of a network, and `decay_every`; the defaults are the recipe of [MQ].

    Raises:
        ConfigError: a value is out of range.
    """

    lr: float = option(1e-3, "initial learning rate of Adam", within=RATE, called="learning_rate")
    lr_decay: float = option(
        0.2, "factor on the learning rate at each decay", within=RATE, called="decay_factor"
    )
    decay_every: int | None = option(
        None, "epochs between two decays (default: a quarter of all, rounded up)", within=EPOCHS
    )
    batch_size: int = option(128, "images per step", within=BATCH)
    weight_decay: float = option(0.0, "weight decay of all weights, added to the gradient", within=DECAY)
    batch_norm: bool = option(False, "batch normalisation after each convolution")
    dropout: float = option(
        0.5, "rate of a dropout layer D(n,n); D(i,n) has i/n of it", within=Bounds(0, 0.99, whole=False)
    )

    def __post_init__(self) -> None:
        require_bounds(self)

    @property
    def values(self) -> dict[str, float]:
        """The values by name, as families take them; `decay_every` is left out if it is the default."""
        values = {**asdict(self), "batch_norm": int(self.batch_norm)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Tuned:
    """The best that `metaqnn tune` has found for a network: its `best.json`.

    Attributes:
        network: in the published notation, or `published:NAME`.
        epochs: T of the tuning.
        parameters: those that were tuned, by name.
    """

    network: str
    epochs: int
    parameters: Mapping[str, Any]

    @classmethod
    def read(cls, file: Path) -> Self:
        """From the file. Raises ConfigError if it holds something else."""
        found = read_json(file)
        network, epochs = str(found.get("family")), found.get("epochs", 0)
        parameters = found.get("parameters")
        if not _of_network(parameters) or epochs not in EPOCHS:
            raise ConfigError(
                f"{str(file)!r} holds no hyper-parameters of a network; best.json of `metaqnn tune` does"
            )
        return cls(network, epochs, {**parameters, "batch_norm": bool(parameters.get("batch_norm", False))})


def hyper_parameters(
    options: Mapping[str, Any], file: Path | None, searched: Mapping[str, Any]
) -> HyperParameters:
    """The hyper-parameters of a network's training: options, else the file's, else the search's, else ours.

    Args:
        options: those that the user gave, by name.
        file: `best.json` of a tuning of a network; None for none.
        searched: those with which the search trained the network; empty for any other network.

    Raises:
        ConfigError: a value is out of range, or the file holds something else.
    """
    found = {} if file is None else {"decay_every": None, **Tuned.read(file).parameters}
    return HyperParameters(**{**searched, **found, **options})


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file. Raises ConfigError if there is none."""
    try:
        found = small_json(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(file)!r} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{str(file)!r} is damaged: it holds no object")
    return found


def _of_network(parameters: Any) -> TypeGuard[dict[str, Any]]:
    """Whether these are values of some fields of `HyperParameters`, as far as their names and types tell."""
    known = {one.name for one in fields(HyperParameters)} - {"decay_every"}
    return (
        isinstance(parameters, dict)
        and bool(parameters)
        and {*parameters} <= known
        and all(isinstance(value, int | float) and isfinite(value) for value in parameters.values())
        and parameters.get("batch_norm", 0) in (0, 1)
    )
