"""Whether the rows of a table are epochs or trainings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats, last_known
from predictor.curves.cells import known_numbers, numbers
from predictor.curves.choice import is_generic
from predictor.curves.columns import Group, curves_among, groups_of, is_index
from predictor.curves.course import FEW, check_rows, may_be_turned, smoothness
from predictor.curves.metrics import mentions_metric, metric_of, plain, words_of
from predictor.curves.names import names_counter, names_no_values, names_result
from predictor.curves.partition import epoch_columns
from predictor.curves.wording import shown
from predictor.curves.words import EPOCH_WORDS, OF_EPOCHS, RATES, RUN_NAMES
from predictor.errors import CurvesError

ENOUGH_ROWS = 5
SHORT = 3
"""Fewer numbered columns than this are no curve in a table with a column of epochs."""


def is_long(table: pd.DataFrame, wanted: str | None) -> bool:
    """Whether rows, and not columns, are epochs: a column numbers them, or all columns are metrics.

    If all of them are numbered so, `acc@1, acc@2, acc@3`, they may be of ranks, or of epochs.

    Args:
        table: of text.
        wanted: the curve that was asked for, if any.
    """
    groups = groups_of(list(table.columns))
    curves = curves_among(groups, wanted)
    if epochs := epoch_columns(table):
        wide = [g for g in curves if g.length >= SHORT and (metric_of(g.name) or is_generic(g.name))]
        if not wide:
            return True
        return _rows_are_epochs(table, epochs[0], wide[0]) or _runs_have_rows(table, epochs[0], wide[0])
    unclear = any(g.is_unclear and len(g.columns) > 1 for g in groups)
    if curves or unclear or len(table) < 2:
        return False
    passing = {*RATES, "time", "timestamp", "wall time", "duration"}
    named = [c for c in table.columns if not is_index(c) and plain(c) not in passing]
    counted = [g for g in groups if "@#" in g.template and g.stride == 1 and len(g.columns) >= SHORT]
    if wanted is None and sum(len(g.columns) for g in counted) == len(named):
        return False
    return bool(named) and all(mentions_metric(column) for column in named)


def _rows_are_epochs(table: pd.DataFrame, epoch: str, group: Group) -> bool:
    """Whether the column numbers the rows, so that numbered columns are not epochs, but something else.

    That holds for a column called epoch that counts 1, 2, ..., and for one such as iteration, which may count
    the trainings, if values go from row to row as smoothly as from column to column.
    """
    numbered = numbers(table[epoch], epoch)
    if plain(epoch) in OF_EPOCHS and _count_epochs(numbered):
        return True
    if len(numbered) < SHORT or not _rise_evenly(numbered):
        return False
    values = np.stack([numbers(table[column], column) for column in group.columns.values()], axis=1)
    return len(values) >= ENOUGH_ROWS and smoothness(values.T) >= 0.9 * smoothness(values)


def _count_epochs(numbered: Floats) -> bool:
    """Whether these are 0 or 1, 2, 3, ...: of one training, of one after the other, or of all at once."""
    steps, first = np.diff(numbered), numbered[0]
    one_by_one = (steps == 1) | ((steps < 0) & (numbered[1:] == first))
    at_once = (steps == 0) | (steps == 1)
    counted_up = one_by_one.all() or at_once.all()
    return bool(first in (0, 1) and np.ptp(numbered) >= SHORT - 1 and counted_up)


def _runs_have_rows(table: pd.DataFrame, epoch: str, group: Group) -> bool:
    """Whether runs have more rows each, which the epochs number, than there are numbered columns."""
    runs = [c for c in table.columns if plain(c) in RUN_NAMES and plain(c).startswith(("run", "trial"))]
    return any(
        group.length * table[run].nunique() < len(table) and not table.duplicated([run, epoch]).any()
        for run in runs
    )


def refuse_turned(group: Group, others: pd.DataFrame, values: Floats) -> None:
    """Refuse rows that seem to be epochs, if no parameter says that they are trainings.

    Names such as `curve_1` or `net1` do not say it, and those of metrics do not say it for certain.

    Args:
        group: the columns that are read as epochs.
        others: the table without them.
        values: (n, T), those of the group.

    Raises:
        CurvesError: the rows seem to be epochs.
    """
    columns = [column for column in others if not is_index(column)]
    counted = [column for column in columns if names_counter(column)]
    counters = [column for column in columns if column in counted or names_no_values(column)]
    parameters = [c for c in columns if c not in counters and not (counted and names_result(c))]
    if EPOCH_WORDS.intersection(words_of(group.name)) or parameters:
        return
    if any(_tells_lengths(others[column], group, values) for column in counted):
        return
    if not counters and not metric_of(group.name):
        check_rows(values)
    elif all(_count_evenly(known_numbers(others[column])) for column in counters):
        check_rows(values, named=True)
        if counters and may_be_turned(values, trusted=not _of_epochs(counters, few=len(values) <= FEW)):
            raise CurvesError(
                f"{shown(counters[0])} counts up row by row: if the rows are epochs, transpose the table; "
                f"if {group.span} are, say what the values are: --metric"
            )


def _tells_lengths(cells: pd.Series, group: Group, values: Floats) -> bool:
    """Whether the column holds the last epoch of each training."""
    last = np.array(list(group.columns))[last_known(values)]
    return np.array_equal(last, known_numbers(cells))


def _of_epochs(counters: Sequence[str], few: bool) -> bool:
    """Whether columns that count up are of epochs by name; a few steps or iterations may be trainings."""
    told = {"ep", "epoch", "epochs"} if few else EPOCH_WORDS | {"seen"}
    return any(told.intersection(words_of(column)) for column in counters)


def _count_evenly(numbered: Floats) -> bool:
    """Whether these are 0, 1 or a step, and so on by the same step."""
    return _rise_evenly(numbered) and numbered[0] in (0, 1, numbered[1] - numbered[0])


def _rise_evenly(numbered: Floats) -> bool:
    steps = np.diff(numbered)
    return bool(len(steps) and steps[0] > 0 and np.allclose(steps, steps[0]))
