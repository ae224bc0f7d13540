"""Arrays of numbers that are NaN where there is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def last_values(values: Floats) -> Floats:
    """(n,) last finite values of the rows (n, T); what stands last in a row without any."""
    return np.asarray(values[np.arange(len(values)), last_known(values)])


def last_known(values: Floats) -> npt.NDArray[np.intp]:
    """(n,) columns of the last finite values of the rows (n, T); T - 1 for a row without any."""
    return values.shape[1] - 1 - np.isfinite(values)[:, ::-1].argmax(axis=1)
