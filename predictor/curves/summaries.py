"""Rows that summarize the trainings beside them: their mean, their deviation, their extremes."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.cells import first_text
from predictor.curves.columns import is_index
from predictor.curves.metrics import plain, words_of
from predictor.curves.names import mentions_metric_or_data
from predictor.curves.wording import listed, shown
from predictor.curves.words import AVERAGES, DEVIATIONS, MAXIMA, MINIMA, OF_SUMMARIES, RUN_NAMES
from predictor.errors import CurvesError

Words = frozenset[str]
NO_WORDS: Words = frozenset()

COMPUTED: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(AVERAGES, np.nanmean),
    **dict.fromkeys((*DEVIATIONS, "deviation"), np.nanstd),
    **dict.fromkeys(MAXIMA, np.nanmax),
    **dict.fromkeys(MINIMA, np.nanmin),
    "median": np.nanmedian,
}
"""The statistics by name; a training's name may have such a word, too, such as for its pooling."""
_LOWER, _TITLE = "|".join(COMPUTED), "|".join(name.title() for name in COMPUTED)
MAY_SUM_UP = re.compile(rf"(?:(?<![A-Za-z])(?i:{_LOWER})|(?<=[a-z\d])(?:{_TITLE}))(?![a-z\d])")
"""Matches names that may have one of these as a word; finding all words takes long."""
NAMES = frozenset(COMPUTED)
OF_ALL = ("all", "overall", "total")
"""How means are called beside folds 0, 1, 2."""
DESCRIBED = re.compile(r"count|\d+(\.\d+)?%?")
"""The other rows of pandas's `describe`."""
OF_ROWS = (*RUN_NAMES, "seed", "fold", "statistic", "stat")
"""Names of columns that tell what a row is of."""
INDEX = "the column without a name"
NEARLY = 1e-4
"""The share of the largest value by which numbers of single precision differ at most."""
MOST_DIGITS = 8
"""The most digits after the point that are looked for."""


def refuse_summaries(table: pd.DataFrame, values: Floats) -> str:
    """Refuse a row that is the only one called `mean` or `acc mean`, and is the mean of the others.

    Args:
        table: a row for each training.
        values: (n, T), their curves.

    Returns:
        A clause about rows that are called so and have other values; '' if there are none.

    Raises:
        CurvesError: there is such a row, or a `resnet mean`, that of `resnet 1` and `resnet 2`.
    """
    texts = [column for column in table.columns if first_text(table[column])]
    kept: list[str] = []
    for column in texts:
        cells = table[column].str.strip()
        names_rows = is_index(column) or plain(column) in OF_ROWS
        if names_rows:
            _refuse_descriptions(cells, column)
        called_so = _refuse_sums(cells, column, values)
        if names_rows:
            _refuse_mean_of_all(cells, column, values)
            kept += called_so
    if len(texts) > 1:  # resnet in one column, and mean in the next
        _refuse_sums(table[texts[0]].str.cat(table[texts[1:]], sep=" "), listed(texts), values)
    of_one = ("a training", "its") if len(kept) == 1 else ("trainings", "their")
    return f"{listed(kept)} read as {of_one[0]}, by {of_one[1]} values" if kept else ""


def _refuse_descriptions(cells: pd.Series, column: str) -> None:
    """Refuse a table of nothing but statistics, as pandas's `describe` has it."""
    names = list(dict.fromkeys(cells.str.lower()))
    others = [name for name in names if name not in NAMES]
    described = "count" in others and all(map(DESCRIBED.fullmatch, others))
    alone = len(names) == len(cells) and bool(DEVIATIONS.intersection(names))
    if alone and (described or not others):
        raise CurvesError(
            f"{listed(names)} in {shown(column) or INDEX} sum up trainings, and none of them is a training"
        )


def _refuse_sums(cells: pd.Series, column: str, values: Floats) -> list[str]:
    """Refuse rows that are a statistic of others; return the names of those that are only called so."""
    once = ~cells.str.lower().duplicated(keep=False)  # ways of pooling occur several times
    may = np.flatnonzero(once & cells.str.contains(MAY_SUM_UP))
    named = [int(row) for row in may if NAMES.intersection(words_of(cells.iloc[row]))]
    if not named:
        return []
    words = [frozenset(words_of(cell)) for cell in cells]
    for row, statistic in _sums(named, words, values):
        raise _no_training(cells.iloc[row], column, statistic, is_sure=_is_plain(words[row]))
    return [cells.iloc[row] for row in named if _is_plain(words[row])]


def _refuse_mean_of_all(cells: pd.Series, column: str, values: Floats) -> None:
    """Refuse a row called `all` if its values are the mean of all others."""
    rows = np.flatnonzero(cells.str.lower().isin(OF_ALL))
    if len(rows) == 1 and Summary("mean", np.delete(values, rows, axis=0)).is_in(values[rows[0]]):
        raise _no_training(cells.iloc[rows[0]], column, "mean", is_sure=False)


def _no_training(name: str, column: str, statistic: str, *, is_sure: bool) -> CurvesError:
    unsure = "" if is_sure else ", or give it another name if it is one"
    return CurvesError(
        f"{shown(name)} in {shown(column) or INDEX} is no training: its values are the {statistic} of the "
        f"others; leave it out{unsure}"
    )


def _sums(named: Sequence[int], words: Sequence[Words], values: Floats) -> Iterator[tuple[int, str]]:
    """The rows among these that are the statistic that they are named after, and which it is."""
    is_known = np.isfinite(values).any(axis=1)
    trainings = is_known & np.array([not one & NAMES for one in words])
    others = is_known & np.array([not (one & NAMES and _is_plain(one)) for one in words])
    times = Counter(word for is_one, found in zip(trainings, words, strict=True) if is_one for word in found)

    @cache
    def of(statistic: str, shared: Words | None) -> Summary:
        """The statistic of trainings that have these words in their names, or of all others."""
        chosen = others if shared is None else trainings & np.array([shared <= one for one in words])
        return Summary(statistic, values[chosen])

    for row in named:
        rest = words[row] - NAMES
        few = any(times[word] < 2 for word in rest)
        shared = [None] if _is_plain(words[row]) else [NO_WORDS] if few else [rest, NO_WORDS]
        for statistic in sorted(words[row] & NAMES):
            if any(of(statistic, one).is_in(values[row]) for one in shared):
                yield row, statistic


@cache
def _is_plain(words: Words) -> bool:
    """Whether a name only tells what it summarizes: `val acc mean`; not `mean-teacher`."""
    told = NAMES | OF_SUMMARIES
    return all(word in told or word.isdecimal() or mentions_metric_or_data(word) for word in words)


class Summary:
    """A statistic of at least two trainings.

    Args:
        statistic: one of `COMPUTED`.
        trainings: (n, T); of fewer than two, nothing is their statistic.
    """

    def __init__(self, statistic: str, trainings: Floats) -> None:
        self._found: list[Floats] = []
        if len(trainings) < 2:
            return
        self._largest, self._unit = np.nanmax(np.abs(trainings)), _unit(trainings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an epoch that no training has
            self._found = [COMPUTED[statistic](trainings, axis=0)]
            if COMPUTED[statistic] is np.nanstd:
                self._found.append(np.nanstd(trainings, axis=0, ddof=1))

    def is_in(self, row: Floats) -> bool:
        """Whether the values of a row (T,) are the statistic's, up to rounding."""
        known = np.isfinite(row)
        if not (known.any() and self._found):
            return False
        near = max(NEARLY * self._largest, 0.51 * (_unit(row) + self._unit))
        return any(np.allclose(row[known], f[known], rtol=0, atol=near) for f in self._found)


def _unit(values: Floats) -> float:
    """The unit of the last digit in which the values are written: 0.01 for 0.5 and 0.25."""
    known = values[np.isfinite(values)]
    digits = (d for d in range(MOST_DIGITS) if np.allclose(np.round(known, d), known, rtol=0, atol=1e-12))
    return float(10.0 ** -next(digits, MOST_DIGITS))
