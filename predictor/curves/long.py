"""Tables with one row per training and epoch, or per epoch of one training: logs, histories, exports.

The column that numbers the epochs, and those that tell the trainings apart, are found by their names and
because a training has each epoch once. A column that does not change within any training is a parameter.
Tables may name the metric in a column: `run, step, metric, value`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.cells import known_numbers
from predictor.curves.choice import Wishes, settle
from predictor.curves.course import before_training
from predictor.curves.curve_column import check_overlooked, curve_column, has_metric
from predictor.curves.final_evaluation import without_final_evaluations
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.metrics import NamedMetric, plain
from predictor.curves.parameters import configured_parameters_of
from predictor.curves.partition import BLOCKS, blocks_of, epoch_columns, partition, with_epochs
from predictor.curves.spread import refuse_kinds_as_trainings, spread
from predictor.curves.summaries import refuse_summaries
from predictor.curves.trainings import Trainings
from predictor.curves.understood import curves_of, describe_curves, far
from predictor.curves.wording import ONE_TRAINING, counted, ends, listed, shown
from predictor.curves.words import EPOCH_NAMES, RUN_NAMES
from predictor.errors import CurvesError


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
        said: clauses about the files, to be added to what is understood of the table.
        declared: whether columns `config/...` are parameters whatever their names.
    """
    table = with_epochs(spread(table))
    trainings, again = without_final_evaluations(_trainings(table, wishes, run), table)
    values, grid, remarks = _on_grid(trainings.series())
    _refuse_other_epochs(trainings, values)
    epoch = shown(trainings.epoch)
    _refuse_negative_epochs(grid, epoch)
    remarks += far(grid, epoch)
    metric, remark = settle(trainings.curve, values, wishes)
    values, grid, zero = _without_epoch_zero(values, grid, metric, epoch)
    sums = "" if declared else refuse_summaries(trainings.first, values)  # a study has none
    steady = [column for column in trainings.first.columns if _may_be_parameter(column, trainings)]
    parameters = configured_parameters_of(trainings.first[steady], values, wishes, declared)
    what = describe_curves(values, metric, remark, f"{shown(trainings.curve)} at {epoch} {ends(grid)}")
    remarks = [*said, *remarks, again, *_remarks_on_rows(table, trainings)]
    clauses = [what, trainings.remark, _told(trainings.keys), *remarks, zero, sums]
    return curves_of(values, metric, parameters, trainings.names, clauses)


def _trainings(table: pd.DataFrame, wishes: Wishes, run: str | None) -> Trainings:
    """Those of the curve; of the next best metric if it is a result, repeated in each row of a training."""
    found = _of_column(table, wishes, run)
    if wishes.curve or not found.has_results:
        return found
    if not has_metric(found.rows[[column for column in table.columns if not found.is_steady(column)]]):
        return found
    again = _trainings(table.drop(columns=found.curve), wishes, run)
    remark = f"left out: {shown(found.curve)} (one value for each training)"
    return replace(again, remark="; ".join(filter(None, (again.remark, remark))))


def _of_column(table: pd.DataFrame, wishes: Wishes, run: str | None) -> Trainings:
    epochs = epoch_columns(table)
    curve, remark = curve_column(table, epochs, run, wishes.curve)
    rows = table[np.isfinite(known_numbers(table[curve]))]
    if rows.empty:  # of trainings that diverged at once
        raise CurvesError(f"{shown(curve)} has no finite value; say which column is the curve: --curve")
    epoch, keys = partition(rows, epochs, curve, run)
    if keys == [BLOCKS] and len(before := _before_training(rows, epoch, epochs)):
        found = _of_column(table.drop(index=before), wishes, run)
        said = f"left out: {counted(len(before), 'value')} of step 0, before the first {shown(epoch)}"
        return replace(found, remark="; ".join(filter(None, (found.remark, said))))
    refuse_kinds_as_trainings(rows, [key for key in keys if key != BLOCKS])
    if keys == [BLOCKS]:
        rows = rows.assign(**{BLOCKS: blocks_of(rows[epoch])})
    trainings = Trainings(rows, epoch, curve, keys, remark)
    if wishes.curve:
        return trainings
    unknown = check_overlooked(curve, table, len(trainings.places))
    return replace(trainings, remark="; ".join(filter(None, (remark, unknown))))


def _before_training(rows: pd.DataFrame, epoch: str, epochs: Sequence[str]) -> pd.Index[int]:
    """The rows of step 0 that one of the same epoch follows: Lightning's `validate()` before `fit()`."""
    number = known_numbers(rows[epoch])
    for column in epochs:
        steps = known_numbers(rows[column])
        found = (steps[:-1] == 0) & (steps[1:] > 0) & (number[1:] == number[:-1])
        if (np.diff(steps) > 1).any() and found.any():  # else it may count the rows
            return rows.index[:-1][found]
    return rows.index[:0]


def _on_grid(series: Sequence[dict[float, float]]) -> tuple[Floats, list[float], list[str]]:
    """Values at the epochs that at least half of the trainings that get so far have; NaN: not observed."""
    every, times = np.unique([epoch for one in series for epoch in one], return_counts=True)
    come_so_far = len(series) - np.searchsorted(np.sort([max(one) for one in series]), every)
    kept = 2 * times >= come_so_far
    grid = every[kept].tolist()
    values = np.array([[one.get(epoch, np.nan) for epoch in grid] for one in series])
    odd = [f"{epoch:g}" for epoch in every[~kept]]
    remarks = [f"left out: {listed(odd)} (in fewer than half of the trainings)"] if odd else []
    known = np.isfinite(values)
    late = int(np.sum(~known[:, 0] & known.any(axis=1)))
    gaps = int(np.sum(known.sum(axis=1) > np.logical_and.accumulate(known, axis=1).sum(axis=1))) - late
    if gaps:
        what = "lacks an epoch in between and counts" if gaps == 1 else "lack an epoch in between and count"
        remarks.append(f"{gaps} of {counted(len(series), 'training')} {what} as ended there")
    if late:
        what = "begins late and counts" if late == 1 else "begin late and count"
        told = f"{late} of {counted(len(series), 'training')} {what} as not observed"
        remarks.append(f"{told} (put together the rows of a resumed training, and number the values alike)")
    return values, grid, remarks


def _refuse_other_epochs(trainings: Trainings, values: Floats) -> None:
    """Refuse trainings most of whose values are at epochs, or times, that too few others have."""
    every = len(trainings.rows.drop_duplicates([*trainings.keys, trainings.epoch]))
    if (kept := int(np.isfinite(values).sum())) < every / 2:
        if every == len(values):  # AllenNLP writes a file for each epoch
            raise CurvesError(
                f"each of {every} trainings has one value, few of them at the same {shown(trainings.epoch)}; "
                "if these are the epochs of one training, put them into one file"
            )
        raise CurvesError(
            f"the trainings have few values of {shown(trainings.epoch)} in common: only {kept} of {every} "
            "are shared by half of the trainings; number the values alike in all, such as 1, 2, ..."
        )


def _refuse_negative_epochs(grid: Sequence[float], epoch: str) -> None:
    """Refuse what comes before epoch 0: a value before training, or one that summarizes a training."""
    if grid[0] < 0 < grid[-1]:  # all below 0 are steps that count down, see `optuna_storage`
        raise CurvesError(
            f"trainings have a value at {epoch} {grid[0]:g}, but epochs begin with 0 or 1; leave out these "
            "rows, or number the values 1, 2, ..."
        )


def _without_epoch_zero(
    values: Floats, grid: list[float], metric: NamedMetric, epoch: str
) -> tuple[Floats, list[float], str]:
    """The values without an epoch 0 that was before training, and a clause about it."""
    if grid[0] != 0 or len(grid) < 2:
        return values, grid, ""
    if before_training(values[:, 0], values[:, 1], metric):
        return values[:, 1:], grid[1:], f"{epoch} 0 left out: before training, by its values"
    return values, grid, f"{epoch} 0 kept as the first: its values are of trained networks"


def _remarks_on_rows(table: pd.DataFrame, trainings: Trainings) -> list[str]:
    """Remarks on values at the same epoch, of which the last one counts, and on trainings without any."""
    keys, epoch = trainings.keys, trainings.epoch
    repeated = int(trainings.rows.duplicated([*keys, epoch]).sum())
    remarks = []
    if repeated:
        last = (
            "first one counts, as the newest rows come first"
            if trainings.is_newest_first
            else "last one counts"
        )
        remarks.append(f"{counted(repeated, 'value')} more at the same {shown(epoch)}: the {last}")
    if keys != [BLOCKS] and (lost := _lost(table, trainings)):
        remarks.append(f"{counted(len(lost), 'training')} without a value left out ({listed(lost)})")
    return remarks


def _lost(table: pd.DataFrame, trainings: Trainings) -> list[str]:
    """The trainings that have no value: by what tells them apart, or by name if only one training has any."""
    rows = trainings.rows
    named = [[c] for c in table.columns if plain(c) in RUN_NAMES and rows[c].nunique() == 1]
    by = [trainings.keys] if trainings.keys else named
    return max((_left_out(table[keys], rows) for keys in by), key=len, default=[])


def _left_out(keys: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    """What is in these columns and not in the same ones of the rows."""
    both = (one.drop_duplicates().itertuples(index=False, name=None) for one in (keys, rows[keys.columns]))
    every, kept = map(dict.fromkeys, both)
    return [" ".join(key) or "without a name" for key in every if key not in kept]


def _may_be_parameter(column: str, trainings: Trainings) -> bool:
    if column in (trainings.epoch, trainings.curve, BLOCKS) or plain(column) in EPOCH_NAMES:
        return False
    return bool((trainings.first[column] != "").any()) and trainings.is_steady(column)


def _told(keys: Sequence[str]) -> str:
    if not keys:
        return ONE_TRAINING
    by = "their order: the epochs begin anew" if keys == [BLOCKS] else listed(keys)
    return f"trainings told apart by {by}"
