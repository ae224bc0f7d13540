"""Cells of text as numbers."""

from __future__ import annotations

import re
from contextlib import suppress

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.wording import quoted
from predictor.errors import CurvesError

MISSING = frozenset(("", "nan", "na", "n/a", "none", "null", "-", "<na>"))
"""Cells that hold no number and say so, in lower case."""
VALUE = re.compile(r"[-+~]?\s*([\w.]+\()?\[?[-+]?[.,]?\d(?!\d*[:-])")
"""How text begins that holds a value, and no time or date: `tensor(0.27)`, `0,27`, `0.27 ± 0.01`."""
SEVERAL_VALUES = re.compile(r"([\w.]+\()?[\[({].*\d[,;\s]+[-+.]?\d")
"""Those of classes, say: `[0.1, 0.2]`."""


def numbers(cells: pd.Series, column: str) -> Floats:
    """The column as numbers, NaN where there is none; `CurvesError` names the row (from 1) that is text."""
    found = _at_once(cells)
    if found is not None:
        return found
    if wrong := first_text(cells):
        raise CurvesError(f"row {wrong[0]}, column {quoted(column)}: {quoted(wrong[1])} is not a number")
    return known_numbers(cells)


def known_numbers(cells: pd.Series) -> Floats:
    """The column as numbers, NaN for every cell that is none."""
    found = _at_once(cells)
    if found is not None:
        return found
    return np.array([float(cell) if is_number(cell) else np.nan for cell in cells])


def first_text(cells: pd.Series) -> tuple[int, str] | None:
    """Row (from 1) and content of the first cell that is neither a number nor missing."""
    if _at_once(cells) is not None:
        return None
    return next(
        (
            (row, cell)
            for row, cell in enumerate(cells, start=1)
            if cell.lower() not in MISSING and not is_number(cell)
        ),
        None,
    )


def count_numbers(cells: pd.Series) -> int:
    """How many cells are numbers."""
    if _at_once(cells) is not None:
        return int((cells != "").sum())
    return sum(map(is_number, cells))


def is_mostly_numbers(cells: pd.Series) -> bool:
    """Whether at least half of the cells that are not missing are numbers."""
    return 2 * count_numbers(cells) >= sum(cell.lower() not in MISSING for cell in cells)


def values_in(cells: pd.Series) -> set[str]:
    """The cells that hold a value: all of a column of numbers, and of text those that begin as one."""
    different = set(cells) - {""}
    if is_mostly_numbers(cells):
        return different
    return {cell for cell in different if VALUE.match(cell) and not SEVERAL_VALUES.match(cell)}


def _at_once(cells: pd.Series) -> Floats | None:
    """The column as numbers, NaN where it is empty; None if a cell is anything else. One by one is slow."""
    array = cells.to_numpy()
    if not is_number(next(filter(None, array), "nan")) or "_" in "".join(array):
        return None
    with suppress(ValueError):
        return array.astype(np.float64)
    with suppress(ValueError):
        return np.where(array == "", "nan", array).astype(np.float64)
    return None


def is_number(cell: str) -> bool:
    """Whether Python reads the cell as a number, except `64_32`, which is a name."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
