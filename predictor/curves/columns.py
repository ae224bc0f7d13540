"""What the columns of a table of learning curves mean, decided from their names (never the file's name).

1. *Epochs*: the columns ``<prefix>_<number>`` whose prefix has the most of them; numbers must be
   consecutive. A column numbered 0 (before training, or a warm-up value) is not an epoch and is dropped.
2. *Metric*: from the prefix. Prefixes with ``ppl`` or ``perplexity``, and the published ``ep``, are
   perplexities (``ep`` or ``epoch`` with all values in [0, 1] is an accuracy); ``loss`` and ``err`` are
   minimized; others are accuracies.
3. *Index*: columns without a name, ``index``, ``id`` and ``Unnamed...`` are ignored.
4. *Names*: the first of ``net``, ``architecture``, ``network``, ``name`` that is there.
5. *Text*: columns in which no cell is a number are labels (``base_model``, ``training_dataset``), ignored.
6. *Hyper-parameters*: names that start with ``hp_`` or hold a word of training (lr, rate, decay, batch ...).
7. *Architecture parameters*: names that start with ``ap_`` or hold a word of networks (depth, filter ...).
8. All other numeric columns are hyper-parameters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from predictor.curves.learning_curves import Floats

Kind = Literal["architecture", "hyperparameters"]

NAME_COLUMNS = ("net", "architecture", "network", "name")
INDEX_COLUMN = re.compile(r"^(unnamed.*|index|id|)$", re.IGNORECASE)
EPOCH_COLUMN = re.compile(r"^(?P<prefix>.*[^\W\d])_?(?P<number>\d{1,5})$")

# fmt: off
TRAINING_WORDS = frozenset((
    "lr", "rate", "learning", "ss", "step", "steps", "stepsize", "decay", "wd", "weightdecay",
    "reg", "l1", "l2", "momentum", "batch", "batchsize", "epoch", "epochs", "dropout", "optimizer",
    "optim", "beta", "beta1", "beta2", "epsilon", "eps", "alpha", "gamma", "power", "seed", "clip",
    "warmup", "schedule", "policy", "noise", "augmentation", "smoothing", "penalty", "anneal",
))
NETWORK_WORDS = frozenset((
    "num", "n", "number", "depth", "layer", "layers", "block", "blocks", "filter", "filters",
    "params", "parameters", "weights", "width", "widths", "unit", "units", "size", "kernel",
    "kernels", "hidden", "input", "inputs", "output", "outputs", "neuron", "neurons", "head",
    "heads", "channel", "channels", "flops", "macs", "stride", "pool", "pools", "conv", "convs",
    "fc", "dense", "embedding", "cells",
))
# fmt: on


def epoch_columns(header: Sequence[str]) -> tuple[str, dict[int, str]]:
    """Prefix of the curves' columns and {epoch: column}, epoch 0 included; ('', {}) if there are none."""
    found = [
        (match["prefix"].rstrip("_"), int(match["number"]), column)
        for column in header
        if (match := EPOCH_COLUMN.match(column.strip())) and not is_parameter(column)
    ]
    if not found:
        return "", {}
    prefix = Counter(prefix for prefix, _, _ in found).most_common(1)[0][0]
    return prefix, dict(sorted((number, column) for p, number, column in found if p == prefix))


def metric_of(prefix: str, values: Floats) -> str:
    """Metric of the epoch columns with this prefix and these values; see the module's rule 2."""
    words = set(_words(prefix))
    if words & {"ppl", "perplexity"}:
        return "perplexity"
    if "loss" in words:
        return "loss"
    if words & {"err", "error"}:
        return "error"
    if words <= {"ep", "epoch"}:
        return "accuracy" if np.nanmin(values) >= 0 and np.nanmax(values) <= 1 else "perplexity"
    return "accuracy"


def kind_of(column: str) -> Kind:
    """Whether a numeric column is an architecture parameter or a hyper-parameter; see rules 6 to 8."""
    words = _words(column)
    if words[:1] in (["ap"], ["hp"]):
        return "architecture" if words[0] == "ap" else "hyperparameters"
    if TRAINING_WORDS.intersection(words):
        return "hyperparameters"
    return "architecture" if NETWORK_WORDS.intersection(words) else "hyperparameters"


def name_column(header: Iterable[str]) -> str | None:
    """The column that names the networks, if there is one."""
    lowered = {column.strip().lower(): column for column in header}
    return next((lowered[name] for name in NAME_COLUMNS if name in lowered), None)


def is_index(column: str) -> bool:
    """Whether the column only numbers the rows."""
    return INDEX_COLUMN.match(column.strip()) is not None


def is_parameter(column: str) -> bool:
    """Whether the name alone says that the column is a number known before training."""
    words = _words(column)
    if words[:1] in (["epoch"], ["epochs"]) and len(words) > 1:
        return False
    return words[:1] in (["ap"], ["hp"]) or bool((TRAINING_WORDS | NETWORK_WORDS).intersection(words))


def _words(column: str) -> list[str]:
    return re.findall(r"[a-z]+\d*|\d+", re.sub(r"([a-z])([A-Z])", r"\1_\2", column.strip()).lower())
