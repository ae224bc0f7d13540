"""Splits into training and test curves, each addressed by one number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import ROUNDING, Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError
from predictor.evaluation.options import N_TRAIN
from predictor.models.tau_model import MIN_CURVES

Rows = npt.NDArray[np.intp]
MIN_TEST = 2
"""R^2 compares errors with the spread of the test curves; one curve has none."""


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to test on."""

    number: int
    train: Rows
    test: Rows


def affordable(completed: int) -> int:
    """Training curves: the usual number, or two thirds of the completed ones if these are too few."""
    if completed >= N_TRAIN + MIN_TEST or completed < MIN_CURVES + MIN_TEST:
        return N_TRAIN
    return max(MIN_CURVES, 2 * completed // 3)


def random_split(n: int, n_train: int, number: int) -> Split:
    """The first n_train rows of `numpy.random.default_rng(number).permutation(n)` against the others.

    Raises `CurvesError` if fewer than two are left to test on.
    """
    if n < n_train + MIN_TEST:
        some, expected = f"{n_train}", f"at most --train {n - MIN_TEST}"
        if n < MIN_CURVES + MIN_TEST:
            some, expected = "some", f"at least {MIN_CURVES} and {MIN_TEST}"
        found = f"{n} completed curve{' is' if n == 1 else 's are'} too few"
        raise CurvesError(f"{found} to train on {some} and test on others; expected {expected}")
    order = np.random.default_rng(number).permutation(n)
    return Split(number, order[:n_train], order[n_train:])


def depth_split(depth: Floats, limit: float, n_train: int, number: int) -> Split:
    """n_train random rows with depth < limit against all rows with depth > limit, [PP] appendix.

    Raises `CurvesError` if there are fewer than n_train shallow or two deep ones.
    """
    shallow, deep = np.flatnonzero(depth < limit), np.flatnonzero(depth > limit)
    if len(shallow) < n_train or len(deep) < MIN_TEST:
        raise CurvesError(
            f"{len(shallow)} curves with fewer than {limit:g} layers and {len(deep)} with more; "
            f"expected at least {n_train} to train on and {MIN_TEST} to test on "
            f"(depths here: {np.nanmin(depth):g} to {np.nanmax(depth):g})"
        )
    return Split(number, np.random.default_rng(number).permutation(shallow)[:n_train], deep)


def depths(curves: LearningCurves) -> Floats:
    """(n,) number of layers: `depth`, `n_layer`, or 6 `num_blocks` + 2 as in [PP]'s ResNets."""
    for name in ("depth", "n_layer"):
        if name in curves.architecture:
            return curves.architecture[name]
    if "num_blocks" in curves.architecture:
        return np.asarray(6 * curves.architecture["num_blocks"] + 2)
    raise CurvesError(
        f"no column depth, n_layer or num_blocks to tell shallow from deep; found {list(curves.architecture)}"
    )


def epochs_seen(fraction: float, T: int) -> int:
    """tau, the largest number of epochs within this fraction of T; at least 1, at most T - 1."""
    return min(max(math.floor(fraction * T + ROUNDING), 1), T - 1)


def without_repeats(curves: LearningCurves) -> LearningCurves:
    """The curves without exact repetitions (all values and parameters equal) of earlier ones."""
    columns = [*curves.architecture.values(), *curves.hyperparameters.values()]
    table = np.nan_to_num(np.column_stack([curves.values, *columns]), nan=-np.inf)
    first = np.unique(table, axis=0, return_index=True)[1]
    return curves[np.sort(first)]
