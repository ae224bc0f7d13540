"""How often the columns of a long table are logged: once for each training, each epoch or each batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

import numpy as np
import pandas as pd

from predictor.curves.cells import numbers, values_in
from predictor.curves.choice import Candidate, is_generic
from predictor.curves.metrics import plain
from predictor.curves.names import OF_TEST, UNLABELLED, split_rank
from predictor.curves.words import OF_EPOCHS, RATES

OFTEN = 2
"""Metrics of batches are logged at least this many times as often as others."""


def measured(columns: Iterable[str], table: pd.DataFrame, epochs: Sequence[str]) -> list[str]:
    """The columns with more values than there are trainings, so no parameters; no `value` either."""
    trainings = _most_trainings(table, epochs)
    return [c for c in columns if not is_generic(c) and len(values_in(table[c])) > trainings]


def changing(columns: list[str], table: pd.DataFrame, run: str | None) -> list[str]:
    """The columns that change within a training, if any does; the others are results and parameters."""
    if run is None:
        return columns
    runs = table.groupby(run)
    return [column for column in columns if (runs[column].nunique() > 1).any()] or columns


def without_batches(
    candidates: list[Candidate], table: pd.DataFrame, epochs: Sequence[str]
) -> list[Candidate]:
    """Leave out metrics of training batches if others, which are not labelled either, are logged rarely.

    So Detectron2 and MMDetection log the accuracy of proposals beside the precision on validation data.
    """
    steps = {
        candidate.name: _count_different(table[table[candidate.name] != ""], epochs)
        for candidate in candidates
        if split_rank(candidate.name) == UNLABELLED
    }
    fewest = min((number for number in steps.values() if number > 1), default=0)
    batches = {name for name, number in steps.items() if fewest and number >= OFTEN * fewest}
    return [c for c in candidates if c.name not in batches or not _is_of_batches(c.name, table, epochs)]


def without_results(
    candidates: list[Candidate], table: pd.DataFrame, epochs: Sequence[str]
) -> list[Candidate]:
    """Without test metrics that have one value for each training."""
    trainings = _most_trainings(table, epochs)
    values = {c.name: len(values_in(table[c.name])) for c in candidates if split_rank(c.name) == OF_TEST}
    return [c for c in candidates if values.get(c.name, inf) > trainings]


def _most_trainings(table: pd.DataFrame, epochs: Sequence[str]) -> int:
    """How many trainings there are at most: as many as have the same epoch."""
    return int(table[epochs[0]].value_counts().max())


def _is_of_batches(column: str, table: pd.DataFrame, epochs: Sequence[str]) -> bool:
    """Whether the column has several values in an epoch, or one with the rate every so many steps."""
    rows = table[table[column] != ""]
    if plain(epochs[0]) in OF_EPOCHS:
        return _count_different(rows, epochs) >= OFTEN * _count_different(rows, epochs[:1])
    rated = any(plain(other) in RATES and (rows[other] != "").all() for other in table.columns)
    return rated and bool((np.diff(np.unique(numbers(rows[epochs[0]], epochs[0]))) > 1).all())


def _count_different(rows: pd.DataFrame, columns: Sequence[str]) -> int:
    return len(rows[list(columns)].drop_duplicates())
