"""Reads an export back: its `model.json` and its weights. No code in the folder is run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from metaqnn.config.bounds import ROW
from metaqnn.export.card import CARD_FORMAT, LEVELS, ExportError
from metaqnn.export.classifier import ImageClassifier
from metaqnn.export.ensemble import Ensemble
from metaqnn.export.source import below, trainers_weights
from predictor.files import small_json
from state_space.errors import printable
from trainers.datasets.decoding import UPPER_BYTE
from trainers.weights import TrainedNetwork

FACTS, WEIGHTS = "model.json", "model.safetensors"


def is_export(folder: Path) -> bool:
    """Whether `metaqnn export` has written it."""
    return (folder / FACTS).is_file()


def exported(folder: Path) -> ImageClassifier:
    """The network of an export.

    Raises:
        ExportError: a file is missing, damaged, or not what it should be.
    """
    file = folder / FACTS
    facts = _facts(file)
    try:
        classes, levels = _classes(facts["classes"]), _levels(facts.get("levels", UPPER_BYTE))
        empty = _empty(facts, len(classes), file)
        tensors = _weights(folder, facts)
        members = _members(facts.get("members", {}), empty, tensors)
        network = Ensemble(members) if members else _with_weights(empty, tensors)
        network.build()
    except (LookupError, TypeError, ValueError) as error:
        raise _none(file, error) from None
    assert empty.normalisation is not None  # as `_empty` makes it
    return ImageClassifier(
        f"the export {folder.resolve().name}", network, empty.normalisation, classes, levels
    )


def _empty(facts: Mapping[str, Any], classes: int, file: Path) -> TrainedNetwork:
    """The described network, without weights; refuses what cannot be a network. Raises as `exported`."""
    moments = (_in_levels(facts[name]) for name in ("mean", "std"))
    content = {
        **facts,
        "input_shape": tuple(facts["input_shape"]),
        "num_classes": classes,
        "accuracy": facts["validation_accuracy" if facts["test_accuracy"] is None else "test_accuracy"],
        "normalisation": (facts["normalisation"], *moments),
        "weights": {},
    }
    return TrainedNetwork.of(content, file)


def _with_weights(network: TrainedNetwork, tensors: Mapping[str, Tensor]) -> TrainedNetwork:
    return replace(network, weights=trainers_weights(network, tensors))


def _members(value: Any, empty: TrainedNetwork, tensors: Mapping[str, Tensor]) -> dict[int, TrainedNetwork]:
    """The networks of an ensemble by their numbers; empty for any other export. Raises ValueError."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ExportError("its members are not architectures by number")
    networks = {
        int(ROW.read(number)): _with_weights(
            replace(empty, architecture=architecture), below(tensors, f"network{number}.")
        )
        for number, architecture in value.items()
    }
    if networks and len(tensors) != sum(len(network.weights) for network in networks.values()):
        raise ExportError(f"{WEIGHTS} holds more than the weights of its members")
    return networks


def _facts(file: Path) -> dict[str, Any]:
    try:
        facts = small_json(file)
    except (OSError, ValueError) as error:
        raise _none(file, error) from None
    if not isinstance(facts, dict) or facts.get("format") != CARD_FORMAT:
        found = facts.get("format") if isinstance(facts, dict) else None
        raise _none(file, f"it has format {found!r:.20}, this version reads format {CARD_FORMAT}")
    return facts


def _none(file: Path, why: object) -> ExportError:
    reason = f"it has no {why}" if isinstance(why, LookupError) else why
    return ExportError(printable(f"{str(file)!r} describes no export: {reason}", keep=""))


def _weights(folder: Path, facts: dict[str, Any]) -> dict[str, Tensor]:
    """The weights by their names in `model.py`. Raises ValueError."""
    try:
        data = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ExportError(f"{WEIGHTS} cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != facts["files"][WEIGHTS]["sha256"]:
        raise ExportError(f"{WEIGHTS} is not the file that was exported: its SHA-256 differs")
    try:
        return load(data)
    except SafetensorError as error:
        raise ExportError(f"{WEIGHTS} is damaged: {error}") from None


def _classes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(name, str) for name in value):
        raise ExportError("its classes are not a list of names")
    return tuple(value)


def _levels(value: Any) -> tuple[float, float]:
    scale, offset = value
    if not all(isinstance(number, float) and isfinite(number) for number in (scale, offset)):
        raise ExportError("its levels are not two numbers")
    return scale, offset


def _in_levels(numbers: Any) -> Any:
    """Numbers for pixels in 0..255 from those for pixels in [0, 1]; None stays None."""
    return None if numbers is None else tuple(LEVELS * n if isinstance(n, float) else n for n in numbers)
