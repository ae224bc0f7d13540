"""Run an evaluation: every method on every set, fraction and split, over processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import delayed

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError
from predictor.evaluation.methods import Variant, forecast
from predictor.evaluation.options import N_TRAIN
from predictor.evaluation.results import Cell, SplitResult, split_result
from predictor.evaluation.splits import (
    Split,
    affordable,
    depth_split,
    depths,
    epochs_seen,
    random_split,
)
from predictor.processes import Progress, in_processes

SLOW = "lce"
"""The method that extrapolates one curve at a time and takes seconds for each."""
LCE_CURVES = 40
"""Test curves per split that this method is given."""


@dataclass(frozen=True)
class Plan:
    """What to evaluate.

    Attributes:
        variants: methods with feature sets.
        fractions: of the curve, each in (0, 1).
        n_train: training curves per split; None for 100, or as many as a set can afford.
        splits: numbers of the splits; a split's number is also the seed of the methods on it.
        depth_limits: layers that separate training from test curves; empty for random splits.
        n_settings: settings of nu-SVR's random search, None for its default.
        uncertainties: kinds to calibrate, of `predictor.models.uncertainty`.
        lce_curves: test curves per split that LCE is given, the first ones.
    """

    variants: tuple[Variant, ...]
    fractions: tuple[float, ...] = (0.25,)
    n_train: int | None = None
    splits: tuple[int, ...] = tuple(range(10))
    depth_limits: tuple[float, ...] = ()
    n_settings: int | None = None
    uncertainties: tuple[str, ...] = ("loocv",)
    lce_curves: int = LCE_CURVES


@dataclass(frozen=True)
class SetResult:
    """All cells of one set of curves; `curves` are the completed ones out of `n_read`."""

    name: str
    curves: LearningCurves
    n_read: int
    cells: tuple[Cell, ...]

    @property
    def n_train(self) -> int:
        """Training curves per split."""
        return self.cells[0].results[0].n_train


@dataclass(frozen=True)
class _Task:
    name: str
    variant: Variant
    fraction: float
    depth_limit: float | None
    split: Split


def evaluate(
    sets: Mapping[str, LearningCurves],
    plan: Plan,
    jobs: int = 1,
    progress: Progress[SplitResult] | None = None,
) -> list[SetResult]:
    """Evaluate the plan on each set; results do not depend on `jobs`.

    Args:
        sets: curves by name. Only completed ones take part.
        plan: methods, fractions, splits and seeds.
        jobs: processes, of one thread each.
        progress: a `Progress`, or None.

    Raises:
        CurvesError: naming the set, if T = 1, too few or no curves are completed, or all end alike.
    """
    completed = {name: _usable(name, curves) for name, curves in sets.items()}
    tasks = [task for name, curves in completed.items() for task in _tasks(name, curves, plan)]
    calls = (delayed(_run)(completed[task.name], task, plan) for task in tasks)
    results = in_processes(calls, len(tasks), jobs, progress)
    return [
        SetResult(name, curves, len(sets[name]), tuple(_cells(name, curves, tasks, results)))
        for name, curves in completed.items()
    ]


def _usable(name: str, curves: LearningCurves) -> LearningCurves:
    """The completed curves; raises if there is nothing to predict."""
    if curves.T < 2:
        raise CurvesError(f"{name}: curves of T = 1 epoch leave nothing to predict; expected at least 2")
    complete = curves[curves.completed]
    if not len(complete):
        read = f"; read as {curves.understood}" if curves.understood else ""
        raise CurvesError(f"{name}: none of {len(curves)} curves is completed (T = {curves.T} epochs){read}")
    if len(complete) > 1 and np.all(complete.final == complete.final[0]):
        end = float(complete.to_values(complete.final[0]))
        raise CurvesError(
            f"{name}: all {len(complete)} completed curves end at {end:g}; expected some that end differently"
        )
    return complete


def _tasks(name: str, curves: LearningCurves, plan: Plan) -> Iterator[_Task]:
    n_train = plan.n_train or (N_TRAIN if plan.depth_limits else affordable(len(curves)))
    try:
        for limit in plan.depth_limits or (None,):
            splits = [_split(curves, limit, n_train, number) for number in plan.splits]
            for fraction in plan.fractions:
                for variant in plan.variants:
                    yield from (_Task(name, variant, fraction, limit, split) for split in splits)
    except CurvesError as error:
        raise CurvesError(f"{name}: {error}") from None


def _split(curves: LearningCurves, limit: float | None, n_train: int, number: int) -> Split:
    if limit is None:
        return random_split(len(curves), n_train, number)
    return depth_split(depths(curves), limit, n_train, number)


def _run(curves: LearningCurves, task: _Task, plan: Plan) -> SplitResult:
    """One method on one split; a function of its arguments only."""
    rows = task.split.test[: plan.lce_curves] if task.variant.method == SLOW else task.split.test
    test = curves[rows]
    forecasts = forecast(
        task.variant,
        curves[task.split.train],
        test,
        epochs_seen(task.fraction, curves.T),
        random_state=task.split.number,
        n_settings=plan.n_settings,
        uncertainties=plan.uncertainties,
    )
    return split_result(forecasts, task.split, test)


def _cells(
    name: str, curves: LearningCurves, tasks: list[_Task], results: list[SplitResult]
) -> Iterator[Cell]:
    groups: dict[tuple[Any, ...], list[SplitResult]] = {}
    for task, one in zip(tasks, results, strict=True):
        if task.name == name:
            groups.setdefault((task.variant, task.fraction, task.depth_limit), []).append(one)
    for (variant, fraction, limit), members in groups.items():
        yield Cell(variant, fraction, epochs_seen(fraction, curves.T), limit, tuple(members))
