"""The results of an evaluation: per split, and over splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.evaluation.methods import Forecasts, Variant
from predictor.evaluation.splits import Split
from predictor.output import finite_or_none

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Nominal coverage of the central intervals that are checked."""
PIT_BINS = 10


@dataclass(frozen=True)
class SplitResult:
    """Forecasts of one split against the observed values.

    Attributes:
        split: number of the split.
        n_train: number of training curves.
        y, y_hat: (n_test,) observed and predicted y_T in the metric's own units.
        r2_metric, r2_scores: R^2 in these units and in `LearningCurves.scores`; NaN if all y are equal.
        pit: (n_test,) per uncertainty, see `Forecasts`.
    """

    split: int
    n_train: int
    y: Floats
    y_hat: Floats
    r2_metric: float
    r2_scores: float
    pit: dict[str, Floats]

    def coverage(self, uncertainty: str) -> list[float]:
        """Share of test curves inside the central intervals of nominal coverage `LEVELS`."""
        return coverage(self.pit[uncertainty])

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON; None for undefined ones."""
        return {
            "split": self.split,
            "n_train": self.n_train,
            "n_test": len(self.y),
            "r2_metric": finite_or_none(self.r2_metric),
            "r2_scores": finite_or_none(self.r2_scores),
            "calibration": {name: _calibration(pit) for name, pit in self.pit.items()},
        }


@dataclass(frozen=True)
class Cell:
    """One method with one feature set on one set of curves after tau epochs.

    `fraction` is of the curve, `depth_limit` the number of layers that separates training from test curves;
    None for random splits.
    """

    variant: Variant
    fraction: float
    tau: int
    depth_limit: float | None
    results: tuple[SplitResult, ...]

    def mean_std(self, name: str) -> tuple[float, float]:
        """Mean and sample standard deviation over splits of 'r2_metric' or 'r2_scores'; see `mean_std`."""
        return mean_std([getattr(one, name) for one in self.results])

    def worst(self, name: str) -> tuple[float, int]:
        """The lowest 'r2_metric' or 'r2_scores', and the number of its split; NaN if none is defined."""
        return min(
            ((getattr(one, name), one.split) for one in self.results),
            key=lambda found: (np.isnan(found[0]), found[0]),
        )

    def covered(self, uncertainty: str, level: float) -> list[float]:
        """For every split, the share of test curves in the central intervals of one of `LEVELS`."""
        place = LEVELS.index(level)
        return [one.coverage(uncertainty)[place] for one in self.results]

    @property
    def uncertainties(self) -> list[str]:
        """Names of the uncertainties that were checked."""
        return list(self.results[0].pit)

    def pit(self, uncertainty: str) -> Floats:
        """PIT values of all splits."""
        return np.concatenate([one.pit[uncertainty] for one in self.results])

    def to_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        summary = {}
        for name in ("r2_metric", "r2_scores"):
            (mean, std), (worst, split) = self.mean_std(name), self.worst(name)
            summary[name] = {
                "mean": finite_or_none(mean),
                "std": finite_or_none(std),
                "worst": finite_or_none(worst),
                "worst_split": split,
            }
        return {
            "method": self.variant.method,
            "features": self.variant.feature_names,
            "fraction": self.fraction,
            "tau": self.tau,
            "depth_limit": self.depth_limit,
            **summary,
            "calibration": {name: _calibration(self.pit(name)) for name in self.uncertainties},
            "splits": [one.to_dict() for one in self.results],
        }


def split_result(forecasts: Forecasts, split: Split, test: LearningCurves) -> SplitResult:
    """Forecasts of the split's test curves."""
    y, y_hat = test.to_values(test.final), test.to_values(forecasts.y_hat)
    return SplitResult(
        split=split.number,
        n_train=len(split.train),
        y=y,
        y_hat=y_hat,
        r2_metric=r2(y, y_hat),
        r2_scores=r2(test.final, forecasts.y_hat),
        pit=forecasts.pit,
    )


def r2(y: Floats, y_hat: Floats) -> float:
    """R^2 = 1 - sum (y - y_hat)^2 / sum (y - mean y)^2; NaN where all y are equal."""
    if np.all(y == y[0]):
        return float("nan")
    return float(1 - ((y - y_hat) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def mean_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation of the values that are not NaN; NaN if there are too few."""
    known = np.array([value for value in values if not np.isnan(value)])
    mean = known.mean() if len(known) else np.nan
    return float(mean), float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def coverage(pit: Floats) -> list[float]:
    """Share of PIT values inside the central intervals of nominal coverage `LEVELS`."""
    off_centre = np.abs(pit - 0.5)
    return [float(np.mean(off_centre <= level / 2)) for level in LEVELS]


def pit_counts(pit: Floats) -> npt.NDArray[np.int64]:
    """(PIT_BINS,) counts of PIT values in equal bins of [0, 1]."""
    return np.histogram(pit, bins=PIT_BINS, range=(0.0, 1.0))[0]


def _calibration(pit: Floats) -> dict[str, Any]:
    covered = {f"{level:g}": share for level, share in zip(LEVELS, coverage(pit), strict=True)}
    return {"coverage": covered, "pit_histogram": pit_counts(pit).tolist()}
