"""Rows that sum up the trainings beside them: their mean, their spread, their best."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.wording import shown
from predictor.errors import CurvesError

STATISTICS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("mean", "avg", "average"), np.nanmean),
    **dict.fromkeys(("std", "stdev", "stddev", "sd"), np.nanstd),
    **dict.fromkeys(("max", "maximum"), np.nanmax),
    **dict.fromkeys(("min", "minimum"), np.nanmin),
    "median": np.nanmedian,
}
"""By their names; a training may have one of them, too, such as that of its pooling."""
ROUNDED = 0.01
"""How far, as a share of the largest value, numbers of two digits are from what they were."""


def refuse_summaries(table: pd.DataFrame, values: Floats) -> None:
    """Refuse a row that is called ``mean``, and is that of the others; raises `CurvesError`.

    Args:
        table: a row for each training.
        values: (n, T), their curves.
    """
    for column in table.columns:
        called = table[column].str.strip().str.lower()
        others = values[~called.isin(STATISTICS).to_numpy() & np.isfinite(values).any(axis=1)]
        for row in np.flatnonzero(called.isin(STATISTICS)) if len(others) > 1 else ():
            if _is(called.iloc[row], values[row], others):
                raise CurvesError(
                    f"{shown(table[column].iloc[row])} in {shown(column)} is no training: its values are the "
                    f"{called.iloc[row]} of the others; leave it out"
                )


def _is(statistic: str, row: Floats, others: Floats) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an epoch that no other has
        near = ROUNDED * np.nanmax(np.abs(others))
        found = [STATISTICS[statistic](others, axis=0)]
        if statistic.startswith("s"):
            found.append(np.nanstd(others, axis=0, ddof=1))
    known = np.isfinite(row)
    return bool(known.any()) and any(np.allclose(row[known], f[known], rtol=0, atol=near) for f in found)
