"""Rows that sum up the trainings beside them: their mean, their deviation, their extremes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.wording import shown
from predictor.curves.words import AVERAGES, DEVIATIONS, MAXIMA, MINIMA
from predictor.errors import CurvesError

COMPUTED: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(AVERAGES, np.nanmean),
    **dict.fromkeys(DEVIATIONS, np.nanstd),
    **dict.fromkeys(MAXIMA, np.nanmax),
    **dict.fromkeys(MINIMA, np.nanmin),
    "median": np.nanmedian,
}
"""By their names; a training may have one of them, too, such as that of its pooling."""
NEARLY = 1e-4
"""The share of the largest value by which numbers of single precision differ at most."""
MOST_DIGITS = 8
"""Digits after the point that are looked for."""


def refuse_summaries(table: pd.DataFrame, values: Floats) -> None:
    """Refuse a row that alone is called ``mean``, and is that of the others; raises `CurvesError`.

    Args:
        table: a row for each training.
        values: (n, T), their curves.
    """
    for column in table.columns:
        called = table[column].str.strip().str.lower()
        named = called.isin(COMPUTED).to_numpy()
        others = values[~named & np.isfinite(values).any(axis=1)]
        once = named & ~called.duplicated(keep=False).to_numpy()  # ways of pooling come again
        for row in np.flatnonzero(once) if len(others) > 1 else ():
            if _is(called.iloc[row], values[row], others):
                raise CurvesError(
                    f"{shown(table[column].iloc[row])} in {shown(column)} is no training: its values are the "
                    f"{called.iloc[row]} of the others; leave it out"
                )


def _is(statistic: str, row: Floats, others: Floats) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an epoch that no other has
        near = max(NEARLY * np.nanmax(np.abs(others)), 0.51 * (_unit(row) + _unit(others)))
        found = [COMPUTED[statistic](others, axis=0)]
        if statistic in DEVIATIONS:
            found.append(np.nanstd(others, axis=0, ddof=1))
    known = np.isfinite(row)
    return bool(known.any()) and any(np.allclose(row[known], f[known], rtol=0, atol=near) for f in found)


def _unit(values: Floats) -> float:
    """That of the last digit in which the values are written: 0.01 for 0.5 and 0.25."""
    known = values[np.isfinite(values)]
    digits = (d for d in range(MOST_DIGITS) if np.allclose(np.round(known, d), known, rtol=0, atol=1e-12))
    return float(10.0 ** -next(digits, MOST_DIGITS))
