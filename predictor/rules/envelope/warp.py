"""Scales on which the rank envelope's model works: stretched near the best, invariant to units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import Floats
from predictor.errors import CurvesError


@dataclass(frozen=True)
class Warp:
    """g(y) = w((best - y) / gap), w(d) = -log(1 + d), continued as log(1 - d) for d < 0.

    The best is at 0, worse is negative; small differences near the best are stretched, and differences far
    from it are squeezed. Beyond the best, w continues as an odd function, so that g increases everywhere.

    Attributes:
        best: in `LearningCurves.scores`.
        gap: > 0, in the same unit.
    """

    best: float
    gap: float

    @classmethod
    def of(cls, scores: Floats) -> Warp:
        """The warp for the best of these scores and their median distance from it; at least one score."""
        distances = scores.max() - scores
        gap = float(np.median(distances)) or float(distances.mean())
        return cls(float(scores.max()), gap or 1.0)

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """g of each score, of the same shape."""
        d = (self.best - np.asarray(scores, dtype=np.float64)) / self.gap
        return np.asarray(-np.sign(d) * np.log1p(np.abs(d)))

    def inverse(self, g: npt.ArrayLike) -> Floats:
        """The scores with these g."""
        warped = np.asarray(g, dtype=np.float64)
        return np.asarray(self.best + self.gap * np.sign(warped) * np.expm1(np.abs(warped)))


@dataclass(frozen=True, eq=False)
class ColumnScale:
    """z = (x - mean) / std by columns; columns that do not vary become 0, and so do unknown values.

    Attributes:
        mean, std: (d,).
    """

    mean: Floats
    std: Floats

    @classmethod
    def of(cls, X: Floats) -> ColumnScale:
        """The scale of the rows of X, (n, d), NaN left out."""
        known = np.isfinite(X)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, X, 0.0).sum(axis=0) / count
        deviations = np.where(known, X - mean, 0.0)
        std = np.sqrt((deviations**2).sum(axis=0) / count)
        varies = std > 1e-9 * np.maximum(np.abs(mean), 1e-300)
        return cls(mean, np.where(varies, std, np.inf))

    def __call__(self, X: Floats) -> Floats:
        """Z of the shape of X."""
        return np.where(np.isfinite(X), (X - self.mean) / self.std, 0.0)


def parameter_matrix(parameters: Mapping[str, Floats], positive: Mapping[str, bool]) -> Floats:
    """(n, d) the d >= 1 parameters in `positive`, in that order, as logarithms where it says so.

    NaN where one is not known, or has no logarithm. Raises `CurvesError` if a parameter is missing.
    """
    missing = [name for name in positive if name not in parameters]
    if missing:
        raise CurvesError(f"parameter {missing[0]!r} of the history is missing; got {list(parameters)}")
    return np.column_stack(
        [_logarithm(parameters[name]) if log else parameters[name] for name, log in positive.items()]
    )


def _logarithm(column: Floats) -> Floats:
    return np.log(column, where=column > 0, out=np.full(len(column), np.nan))
