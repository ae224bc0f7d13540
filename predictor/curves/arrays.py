"""Arrays of numbers, with NaN where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ROUNDING = 1e-9
"""More than the rounding error of a share of epochs or trials: 0.07 * 100 > 7, and 0.29 * 100 < 29."""


def named_with(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The arrays whose names begin with the prefix, by the rest of their names."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def last_values(values: Floats) -> Floats:
    """(n,) last finite values of the rows (n, T); the value in the last column for a row without any."""
    return np.asarray(values[np.arange(len(values)), last_known(values)])


def last_known(values: Floats) -> npt.NDArray[np.intp]:
    """(n,) columns of the last finite values of the rows (n, T); T - 1 for a row without any."""
    return values.shape[1] - 1 - np.isfinite(values)[:, ::-1].argmax(axis=1)
