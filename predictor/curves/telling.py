"""Which columns of a long table may tell the trainings apart, by their names and what they count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from predictor.curves.cells import first_text, is_number, known_numbers
from predictor.curves.columns import is_index
from predictor.curves.metrics import mentions_metric, plain, words_of
from predictor.curves.words import RANKS

OF_PARAMETERS = re.compile(r"^(config|hparams?|params?)[/.](?P<name>.+)$")
SEVERAL = 3


def able_to_tell(rows: pd.DataFrame, epochs: Sequence[str], curve: str) -> Iterator[str]:
    """The columns that may tell the trainings apart: no metric, no number of batches, and no rank.

    Args:
        rows: one per training and epoch.
        epochs: the columns that may number the epochs, the best first.
        curve: the column that holds the values.
    """
    for column in rows.columns:
        used = column in (*epochs, curve) or (is_index(column) and plain(column) != "id")
        used = used or _ranks(rows, column, epochs[0], curve)
        measured = mentions_metric(column) and not OF_PARAMETERS.match(column)
        if used or measured or _counts_batches(rows[column], column):
            continue
        if 1 < rows[column].nunique() < len(rows):
            yield column


def _ranks(rows: pd.DataFrame, column: str, epoch: str, curve: str) -> bool:
    """Whether the column numbers the values of each epoch in their order, whichever trainings they are of."""
    if not RANKS.intersection(words_of(column)[-1:]) or first_text(rows[column]):
        return False
    ranks, epochs, values = (known_numbers(rows[name]) for name in (column, epoch, curve))
    numbered = np.unique(ranks)
    order = np.lexsort((ranks, epochs))
    steps = np.diff(values[order])[np.diff(epochs[order]) == 0]
    counted = numbered[0] in (0, 1) and numbered[-1] - numbered[0] == len(numbered) - 1
    one_way = bool((steps >= 0).all() or (steps <= 0).all())
    return counted and one_way and min(len(numbered), len(np.unique(epochs))) >= SEVERAL


def _counts_batches(cells: pd.Series, column: str) -> bool:
    """Whether the column numbers the batches of an epoch: 0, 1, 2, ...; `batch` may be their size."""
    if not {"batch", "batches", "minibatch"}.intersection(words_of(column)) or first_text(cells):
        return False
    found = sorted({float(cell) for cell in cells if is_number(cell)})
    return len(found) > 2 and found[0] in (0, 1) and found[-1] - found[0] == len(found) - 1
