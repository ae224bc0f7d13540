"""Tables with one row per training and epoch, or of one training: logs, histories, exports.

The column that numbers the epochs, and those that tell the trainings apart, are found by their names and by
what has to hold: a training has each epoch once. A column that does not change within any training is a
parameter. *melted* tables name the metric in a column: ``run, step, metric, value``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from predictor.curves.cells import known_numbers, numbers
from predictor.curves.choice import Wishes, is_generic, settle
from predictor.curves.columns import Group, curves_among, groups_of, is_index
from predictor.curves.course import before_training, smoothness
from predictor.curves.curve_column import curve_column, refuse_overlooked
from predictor.curves.learning_curves import Floats, LearningCurves
from predictor.curves.metrics import NamedMetric, mentions_metric, metric_of, plain
from predictor.curves.parameters import Parameters, parameters_of
from predictor.curves.partition import BLOCKS, OF_PARAMETERS, blocks_of, epoch_columns, partition
from predictor.curves.spread import spread
from predictor.curves.summaries import refuse_summaries
from predictor.curves.wide import describe_curves, names_of
from predictor.curves.wording import counted, listed, shown
from predictor.curves.words import EPOCH_NAMES, OF_EPOCHS, RATES, RUN_NAMES
from predictor.errors import CurvesError

ONE_TRAINING = "one training"
ENOUGH_ROWS = 5
SHORT = 3
"""Fewer numbered columns are no curve in a table with a column of epochs."""


def is_long(table: pd.DataFrame) -> bool:
    """Whether rows are epochs: a column numbers them, or all columns are metrics; and columns are not."""
    groups = groups_of(list(table.columns))
    curves = curves_among(groups)
    if epochs := epoch_columns(table):
        wide = [g for g in curves if g.length >= SHORT and (metric_of(g.name) or is_generic(g.name))]
        return not wide or any(
            told(table, epochs[0], wide[0]) for told in (_rows_are_epochs, _runs_have_rows)
        )
    unclear = any(g.is_unclear and len(g.columns) > 1 for g in groups)
    if curves or unclear or len(table) < 2:
        return False
    passing = {*RATES, "time", "timestamp", "wall time", "duration"}
    named = [c for c in table.columns if not is_index(c) and plain(c) not in passing]
    return bool(named) and all(mentions_metric(column) for column in named)


def _rows_are_epochs(table: pd.DataFrame, epoch: str, group: Group) -> bool:
    """Whether the column numbers the rows, so that numbered columns are not epochs, but of something else.

    That holds for a column called epoch that counts 1, 2, ..., and for one such as iteration, which may count
    the trainings, if values go from row to row as smoothly as from column to column.
    """
    numbered = numbers(table[epoch], epoch)
    steps = np.diff(numbered)
    if plain(epoch) in OF_EPOCHS and _count_up(numbered):
        return True
    if len(numbered) < SHORT or not (steps > 0).all() or not np.allclose(steps, steps[0]):
        return False
    values = np.stack([numbers(table[column], column) for column in group.columns.values()], axis=1)
    return len(values) >= ENOUGH_ROWS and smoothness(values.T) >= 0.9 * smoothness(values)


def _count_up(numbered: Floats) -> bool:
    """Whether these are 0 or 1, 2, 3, ...: of one training, of one after the other, or of all at once."""
    steps, first = np.diff(numbered), numbered[0]
    one_by_one = (steps == 1) | ((steps < 0) & (numbered[1:] == first))
    at_once = (steps == 0) | (steps == 1)
    counted_up = one_by_one.all() or at_once.all()
    return bool(first in (0, 1) and np.ptp(numbered) >= SHORT - 1 and counted_up)


def _runs_have_rows(table: pd.DataFrame, epoch: str, group: Group) -> bool:
    """Whether a column of runs names each on more rows, which the epochs number, than there are columns."""
    runs = [c for c in table.columns if plain(c) in RUN_NAMES and plain(c).startswith(("run", "trial"))]
    return any(
        group.length * table[run].nunique() < len(table) and not table.duplicated([run, epoch]).any()
        for run in runs
    )


def read_long(
    table: pd.DataFrame,
    wishes: Wishes,
    run: str | None = None,
    said: Sequence[str] = (),
    declared: bool = False,
) -> LearningCurves:
    """The curves of such a table; raises `CurvesError`.

    Args:
        table: of text.
        wishes: of the caller.
        run: the column that tells the trainings apart, if that is known.
        said: what is to be said about the files, beside what is understood of the table.
        declared: whether columns ``config/...`` are parameters whatever their names.
    """
    table = spread(table)
    if not (epochs := epoch_columns(table)):
        table = table.assign(epoch=[str(number) for number in range(1, len(table) + 1)])
        epochs = ["epoch"]
    curve = curve_column(table, epochs, run, wishes.curve)
    rows = table[np.isfinite(known_numbers(table[curve]))]
    epoch, keys = partition(rows, epochs, curve, run)
    if keys == [BLOCKS]:
        rows = rows.assign(**{BLOCKS: blocks_of(rows[epoch])})
    groups = [group for _, group in rows.groupby(keys, sort=False)] if keys else [rows]
    if not wishes.curve:
        refuse_overlooked(curve, table, len(groups))
    values, grid, remarks = _on_grid([_series(group, epoch, curve) for group in groups])
    _refuse_other_epochs(rows, values, epoch, keys)
    _refuse_negative_epochs(grid, shown(epoch))
    remarks += _repeated(rows, keys, epoch) + _lost(table, rows, keys)
    metric, remark = settle(curve, values, wishes)
    values, grid = _without_epoch_zero(values, grid, metric, shown(epoch), remarks)
    first = pd.DataFrame([group.iloc[0] for group in groups]).reset_index(drop=True)
    if not declared:  # by a study, which has no rows of summaries
        refuse_summaries(first, values)
    parameters = _parameters(first, groups, [epoch, curve], values, wishes, declared)
    what = describe_curves(values, metric, remark, f"{shown(curve)} at {shown(epoch)} {_ends(grid)}")
    return LearningCurves(
        values=values,
        architecture=parameters.architecture,
        hyperparameters=parameters.hyperparameters,
        metric=metric.name,
        direction=metric.direction,
        names=names_of(first[keys].agg(" ".join, axis=1)) if keys and keys != [BLOCKS] else None,
        understood="; ".join([what, _told(keys), *said, *remarks, parameters.describe()]),
    )


def _series(group: pd.DataFrame, epoch: str, curve: str) -> dict[float, float]:
    """Value by epoch, the last one where there are several."""
    return dict(zip(numbers(group[epoch], epoch), numbers(group[curve], curve), strict=True))


def _on_grid(series: Sequence[dict[float, float]]) -> tuple[Floats, list[float], list[str]]:
    """Values at the epochs that at least half of the trainings that come so far have; NaN: not observed."""
    every = sorted({epoch for one in series for epoch in one})
    ends = [max(one) for one in series]
    grid = [e for e in every if 2 * sum(e in one for one in series) >= sum(end >= e for end in ends)]
    values = np.array([[one.get(epoch, np.nan) for epoch in grid] for one in series])
    odd = [f"{epoch:g}" for epoch in every if epoch not in set(grid)]
    remarks = [f"left out: {listed(odd)} (in fewer than half of the trainings)"] if odd else []
    known = np.isfinite(values)
    gaps = int(np.sum(known.sum(axis=1) > np.logical_and.accumulate(known, axis=1).sum(axis=1)))
    if gaps:
        what = "lacks an epoch in between and counts" if gaps == 1 else "lack an epoch in between and count"
        remarks.append(f"{gaps} of {counted(len(series), 'training')} {what} as ended there")
    return values, grid, remarks


def _refuse_other_epochs(rows: pd.DataFrame, values: Floats, epoch: str, keys: Sequence[str]) -> None:
    """Refuse trainings most of whose values are at epochs, or times, that no others have."""
    every = len(rows.drop_duplicates([*keys, epoch]))
    if (kept := int(np.isfinite(values).sum())) < every / 2:
        raise CurvesError(
            f"the trainings have few of their {shown(epoch)} in common: {kept} of {every} values are where "
            "half of them have one; number the values alike in all trainings, such as 1, 2, ..."
        )


def _refuse_negative_epochs(grid: Sequence[float], epoch: str) -> None:
    """Refuse what comes before epoch 0: a value before training, or one that sums a training up."""
    if grid[0] < 0 < grid[-1]:  # all below 0 are steps that count down, see `optuna_storage`
        raise CurvesError(
            f"trainings have a value at {epoch} {grid[0]:g}, and epochs begin with 0 or 1; leave out these "
            "rows, or number the values 1, 2, ..."
        )


def _without_epoch_zero(
    values: Floats, grid: list[float], metric: NamedMetric, epoch: str, remarks: list[str]
) -> tuple[Floats, list[float]]:
    """Without an epoch 0 before training; adds to the remarks what was done."""
    if grid[0] != 0 or len(grid) < 2:
        return values, grid
    if before_training(values[:, 0], values[:, 1], metric.direction or "maximize"):
        remarks.append(f"{epoch} 0 left out: before training, by its values")
        return values[:, 1:], grid[1:]
    remarks.append(f"{epoch} 0 kept as the first: its values are of trained networks")
    return values, grid


def _repeated(rows: pd.DataFrame, keys: Sequence[str], epoch: str) -> list[str]:
    times = int(rows.duplicated([*keys, epoch]).sum())
    again = f"{counted(times, 'value')} more at the same {shown(epoch)}: the last one counts"
    return [again] if times else []


def _lost(table: pd.DataFrame, rows: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Trainings without a single value."""
    if not keys or BLOCKS in keys:
        return []
    lost = table.groupby(list(keys)).ngroups - rows.groupby(list(keys)).ngroups
    return [f"{counted(lost, 'training')} without a value left out"] if lost else []


def _parameters(
    first: pd.DataFrame,
    groups: Sequence[pd.DataFrame],
    used: list[str],
    values: Floats,
    wishes: Wishes,
    declared: bool,
) -> Parameters:
    """Of the columns that never change within a training; those of a configuration alone, if any."""
    steady = [
        c
        for c in first.columns
        if c not in (*used, BLOCKS)
        and all(group[c].nunique() <= 1 for group in groups)
        and (first[c] != "").any()
        and plain(c) not in EPOCH_NAMES
    ]
    configured = {m["name"]: column for column in steady if (m := OF_PARAMETERS.match(column))}
    table = first[list(configured.values()) or steady].rename(columns={c: n for n, c in configured.items()})
    declared = declared and bool(configured)
    if wishes.parameters is None and not declared:
        table = table[[column for column in table.columns if plain(column) not in RUN_NAMES]]
    return parameters_of(table, [], values, wishes, declared)


def _told(keys: Sequence[str]) -> str:
    if not keys:
        return ONE_TRAINING
    by = "their order: the epochs begin anew" if list(keys) == [BLOCKS] else listed(list(keys))
    return f"trainings told apart by {by}"


def _ends(grid: Sequence[float]) -> str:
    numbered = [f"{epoch:g}" for epoch in grid]
    if len(numbered) < 4:
        return ", ".join(numbered)
    return f"{numbered[0]}, {numbered[1]}, ..., {numbered[-1]}"
