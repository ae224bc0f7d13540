"""Hyper-parameters for one training: options, what a tuning has found, and the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from metaqnn.tune.errors import TuneError
from metaqnn.tune.settings import TuneSettings
from metaqnn.tune.single import DEFAULTS, read_json


def chosen_values(options: Mapping[str, Any], file: Path | None, settings: TuneSettings) -> dict[str, float]:
    """The hyper-parameters of an architecture's training: options, else the file's, else the defaults.

    Args:
        options: by name, None where not given.
        file: `best.json` of a tuning of an architecture; None for none.
        settings: of the training.

    Raises:
        TuneError: the file is of something else, or a value is out of range.
        RecipeError: a value is out of range.
        RunFolderError: the file cannot be read.
    """
    found = {} if file is None else _tuned(file)
    given = {name: float(value) for name, value in options.items() if value is not None}
    values = {**DEFAULTS, **found, **given}
    values["batch_size"], values["batch_norm"] = int(values["batch_size"]), int(values["batch_norm"])
    if not 0 <= values["dropout"] < 1:
        raise TuneError(f"--dropout is {values['dropout']:g}; it must be at least 0 and below 1")
    settings.make_family().recipe(values, settings.epochs)
    return values


def _tuned(file: Path) -> dict[str, float]:
    parameters = read_json(file).get("parameters")
    numbers = isinstance(parameters, dict) and all(
        isinstance(value, int | float) and isfinite(value) for value in parameters.values()
    )
    if not (numbers and parameters and {*parameters} <= {*DEFAULTS}):
        raise TuneError(
            f"{str(file)!r} holds no hyper-parameters of a network; best.json of `metaqnn tune` does"
        )
    return dict(parameters)
