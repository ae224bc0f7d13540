"""Values by epoch of trainings as rows of one array, of the epochs that enough of them have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from predictor.curves.arrays import Floats
from predictor.curves.wording import counted, listed
from predictor.errors import CurvesError


def on_grid(series: Sequence[dict[float, float]]) -> tuple[Floats, list[float], list[str]]:
    """Values at the epochs that at least half of the trainings that come so far have.

    Args:
        series: finite value by epoch of each of the n trainings, of one epoch at least.

    Returns:
        (n, epochs) values, NaN where not observed; the epochs; what is to be said about them.
    """
    every, times = np.unique([epoch for one in series for epoch in one], return_counts=True)
    come_so_far = len(series) - np.searchsorted(np.sort([max(one) for one in series]), every)
    kept = 2 * times >= come_so_far
    grid = every[kept].tolist()
    values = np.array([[one.get(epoch, np.nan) for epoch in grid] for one in series])
    odd = [f"{epoch:g}" for epoch in every[~kept]]
    remarks = [f"left out: {listed(odd)} (in fewer than half of the trainings)"] if odd else []
    return values, grid, [*remarks, *_gaps(values)]


def refuse_other_epochs(series: Sequence[dict[float, float]], values: Floats, epoch: str) -> None:
    """Refuse trainings most of whose values are at epochs, or times, that no others have.

    Args:
        series: as `on_grid` takes it.
        values: as `on_grid` gives them.
        epoch: what numbers the epochs, for messages.

    Raises:
        CurvesError: fewer than half of the values are among those.
    """
    every = sum(map(len, series))
    if (kept := int(np.isfinite(values).sum())) < every / 2:
        raise CurvesError(
            f"the trainings have few of their {epoch} in common: {kept} of {every} values are where half "
            "of them have one; number the values alike in all trainings, such as 1, 2, ..."
        )


def _gaps(values: Floats) -> list[str]:
    """A remark on trainings that lack an epoch between others, if there are any."""
    known = np.isfinite(values)
    gaps = int(np.sum(known.sum(axis=1) > np.logical_and.accumulate(known, axis=1).sum(axis=1)))
    if not gaps:
        return []
    what = "lacks an epoch in between and counts" if gaps == 1 else "lack an epoch in between and count"
    return [f"{gaps} of {counted(len(values), 'training')} {what} as ended there"]


def ends(grid: Sequence[float]) -> str:
    """The epochs in a message: `1, 2, ..., 20`."""
    numbered = [f"{epoch:g}" for epoch in grid]
    if len(numbered) < 4:
        return ", ".join(numbered)
    return f"{numbered[0]}, {numbered[1]}, ..., {numbered[-1]}"
