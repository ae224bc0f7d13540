"""The curves of a table once it is understood, with the line that says how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.metrics import NamedMetric
from predictor.curves.parameters import Parameters
from predictor.curves.wording import counted
from predictor.errors import CurvesError

FAR = 10
"""There is a remark if the last step between epochs is at least this many times the others."""
MAX_NAMES_BYTES = 2**28
"""The most bytes that the names of a table may take: numpy gives every name the room of the longest."""


def curves_of(
    values: Floats,
    metric: NamedMetric,
    parameters: Parameters,
    names: npt.NDArray[np.str_] | None,
    clauses: Iterable[str],
) -> LearningCurves:
    """The curves; the clauses about them, and one about the parameters, say what was understood."""
    return LearningCurves(
        values=values,
        architecture=parameters.architecture,
        hyperparameters=parameters.hyperparameters,
        metric=metric.name,
        direction=metric.direction,
        names=names,
        understood="; ".join([*filter(None, clauses), parameters.describe()]),
    )


def describe_curves(values: Floats, metric: NamedMetric, remark: str, columns: str) -> str:
    """One clause: `12 curves x 5 epochs of accuracy (maximized) in acc_1 to acc_5`."""
    n, T = values.shape
    way = f"{metric.direction}d, {remark}" if remark else f"{metric.direction}d"
    early, copies = int(np.sum(~np.isfinite(values).all(axis=1))), _copies(values)
    some = [f"{early} of them not to the end"] if early else []
    some += [f"{copies} of them the same as others"] if copies else []
    aside = f", {', '.join(some)}," if some else ""
    return f"{counted(n, 'curve')} x {T} epochs{aside} of {metric.name} ({way}) in {columns}"


def far(grid: Sequence[float], epoch: str) -> list[str]:
    """A remark on a last epoch far from the others, which may summarize a training: 1, 2, ..., 8, 999."""
    steps = np.diff(grid)
    if len(steps) < 3 or len(set(steps[:-1])) > 1 or steps[-1] < FAR * steps[0]:
        return []
    return [f"{epoch} {grid[-1]:g} kept as the last, far after {grid[-2]:g}"]


def _copies(values: Floats) -> int:
    """How many curves repeat the values of an earlier one, apart from networks that learn nothing."""
    changing = values[np.nanmax(values, axis=1, initial=-np.inf) > np.nanmin(values, axis=1, initial=np.inf)]
    return len(changing) - len({row.tobytes() for row in changing})


def names_of(cells: pd.Series) -> npt.NDArray[np.str_]:
    """The cells as numpy's text; `CurvesError` if that takes too much room."""
    longest = max(map(len, cells))
    if (size := longest * len(cells) * np.dtype("U1").itemsize) > MAX_NAMES_BYTES:
        raise CurvesError(
            f"the names take {size:,} bytes, each as much as the longest of {longest:,} characters; "
            f"at most {MAX_NAMES_BYTES:,} are read"
        )
    return cells.to_numpy().astype(np.str_)
