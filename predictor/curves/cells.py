"""Cells of text as numbers."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.errors import CurvesError

MISSING = frozenset(("", "nan", "na", "n/a", "none", "null", "-"))
"""Cells that hold no number and say so, in lower case."""


def numbers(cells: pd.Series, column: str) -> Floats:
    """The column as numbers, NaN where there is none; `CurvesError` names the row (from 1) that is text."""
    if not any("_" in cell for cell in cells):
        with suppress(ValueError):
            return cells.where(cells != "", "nan").to_numpy().astype(np.float64)
    if wrong := first_text(cells):
        raise CurvesError(f"row {wrong[0]}, column {column[:60]!r}: {wrong[1][:60]!r} is not a number")
    return known_numbers(cells)


def known_numbers(cells: pd.Series) -> Floats:
    """The column as numbers, NaN for every cell that is none."""
    return np.array([float(cell) if is_number(cell) else np.nan for cell in cells])


def first_text(cells: pd.Series) -> tuple[int, str] | None:
    """Row (from 1) and content of the first cell that is neither a number nor missing."""
    return next(
        (
            (row, cell)
            for row, cell in enumerate(cells, start=1)
            if cell.lower() not in MISSING and not is_number(cell)
        ),
        None,
    )


def is_number(cell: str) -> bool:
    """Whether Python reads the cell as a number, but for `64_32`, which is a name."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
