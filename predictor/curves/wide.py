"""Tables with one row per training and one column per epoch, as the published files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from predictor.curves.cells import known_numbers, numbers
from predictor.curves.choice import Wishes, choose, refuse_training, settle
from predictor.curves.columns import Group, curves_among, groups_of, is_index, name_column
from predictor.curves.course import before_training, check_rows
from predictor.curves.learning_curves import Floats, LearningCurves
from predictor.curves.metrics import NamedMetric, metric_of, words_of
from predictor.curves.parameters import parameters_of
from predictor.curves.summaries import refuse_summaries
from predictor.curves.wording import describe, shown
from predictor.curves.words import EPOCH_WORDS
from predictor.errors import CurvesError

MAX_NAMES_BYTES = 2**28
"""Most bytes that the names of a table may take: numpy gives every name the room of the longest."""
N_GRAMS = {"bleu": 4, "rouge": 2}
"""The longest n-grams for which these metrics are given."""
PUBLISHED_FROM_ZERO = {
    ("acc", frozenset({"num_params", "lr"}), 49),
}
"""Published sets whose protocol does not count a trained epoch 0: curve, other columns, last epoch."""


def read_wide(table: pd.DataFrame, wishes: Wishes) -> LearningCurves:
    """The curves of such a table; raises `CurvesError`."""
    groups = groups_of(list(table.columns))
    group = _curve_of(groups, table, wishes.curve)
    _refuse_other_epochs(group, groups, table)
    columns = {number: numbers(table[column], column) for number, column in group.columns.items()}
    if not wishes.metric and _may_be_turned(group, table):
        check_rows(np.stack(list(columns.values()), axis=1))
    first = columns.pop(0, None)
    values = np.stack(list(columns.values()), axis=1)
    refuse_summaries(table[_others(group, table)], values)
    metric, remark = settle(group.name, values, wishes)
    if not wishes.curve:
        _ask_about_n_grams(group, metric.name, values)
    zero = ""
    if first is not None:
        drop, zero = _epoch_zero(group, first, values, metric, table)
        values = values if drop else np.column_stack([first, values])
    parameters = parameters_of(table, group.columns.values(), values, wishes)
    column = name_column(table.columns)
    what = describe_curves(values, metric, remark, _range(group))
    return LearningCurves(
        values=values,
        architecture=parameters.architecture,
        hyperparameters=parameters.hyperparameters,
        metric=metric.name,
        direction=metric.direction,
        names=None if column is None else names_of(table[column]),
        understood="; ".join(filter(None, [what, zero, parameters.describe()])),
    )


def _curve_of(groups: Sequence[Group], table: pd.DataFrame, wanted: str | None) -> Group:
    """The columns of the curve; `CurvesError` if there are none, or an epoch is missing."""
    candidates = curves_among(groups, wanted)
    if not candidates:
        if numbered := [group for group in groups if group.numbers_trainings and len(group.columns) > 1]:
            raise CurvesError(
                f"the columns {_range(numbered[0])} are numbered by training, not by epoch; if the rows are "
                f"epochs, number them in a column epoch; found {describe(table)}"
            )
        _ask_about_numbers(groups)
        raise CurvesError(
            "no learning curves: expected columns such as acc_1, acc_2, ... or ep_1, ep_2, ..., or a row per "
            f"epoch with its number in a column such as epoch{_hint(groups, table)}; found {describe(table)}"
        )
    group = choose(candidates, wanted)
    if not wanted:
        refuse_training(group.name, [other.name for other in groups if other.length == group.length])
    if not group.stride:
        raise CurvesError(f"column {group.missing[:60]!r} is missing: epochs must be numbered without gaps")
    return group


def _ask_about_numbers(groups: Sequence[Group]) -> None:
    """Ask whether numbers that may be of anything, ``acc_s1, acc_s2``, are of epochs; `CurvesError`."""
    if unclear := [group for group in groups if group.is_unclear and len(group.columns) > 1]:
        raise CurvesError(
            f"{_range(unclear[0])} may be epochs, or something else, such as seeds or subjects; if they "
            f"are epochs: --curve {shown(unclear[0].name)}; if the rows are, number them in a column epoch"
        )


def _ask_about_n_grams(group: Group, metric: str, values: Floats) -> None:
    """Ask about ``Bleu_1, ..., Bleu_4``, of n-grams if they fall in each row; raises `CurvesError`."""
    if max(group.columns) == N_GRAMS.get(metric) and (np.diff(values, axis=1) <= 0).all():
        raise CurvesError(
            f"{_range(group)} fall in all rows, as scores of n-grams do; if they are epochs: "
            f"--curve {shown(group.name)}"
        )


def _refuse_other_epochs(group: Group, groups: Sequence[Group], table: pd.DataFrame) -> None:
    """Refuse trainings whose values stand at other epochs, as a list of these beside the curve tells."""
    for other in groups:
        if other.name != group.name and len(other.columns) == len(group.columns) and _differ(other, table):
            raise CurvesError(
                f"the trainings have their values at different epochs, by {_range(other)}; "
                "write a row for each training and epoch"
            )


def _differ(group: Group, table: pd.DataFrame) -> bool:
    """Whether these are numbers of epochs, and not the same in all rows that have them."""
    words = set(words_of(group.name.rpartition("/")[2]))
    if not words or not words <= EPOCH_WORDS | {"global"}:
        return False
    at = np.stack([known_numbers(table[column]) for column in group.columns.values()], axis=1)
    rows = [row[np.isfinite(row)] for row in at]
    longest = max(rows, key=len)
    counted = all((row == np.rint(row)).all() and (np.diff(row) > 0).all() for row in rows)
    return counted and not all(np.array_equal(row, longest[: len(row)]) for row in rows)


def _hint(groups: Sequence[Group], table: pd.DataFrame) -> str:
    """What to say if the longest group, whose name is one of parameters, is the curve."""
    group = max(groups, key=lambda group: group.length, default=None)
    if group is None or group.length < 3 or not group.stride or not curves_among([group], group.name):
        return ""
    if _is_alone(group, table):
        return ""
    return f" (if {_range(group)} are a curve: --curve {shown(group.name)})"


def _may_be_turned(group: Group, table: pd.DataFrame) -> bool:
    """Whether nothing says that columns are epochs and rows trainings: ``curve_1`` or ``net1`` does not."""
    told = metric_of(group.name) or EPOCH_WORDS.intersection(words_of(group.name))
    return not told and _is_alone(group, table)


def _is_alone(group: Group, table: pd.DataFrame) -> bool:
    """Whether the table has no other columns, except one that numbers the rows."""
    return all(map(is_index, _others(group, table)))


def _others(group: Group, table: pd.DataFrame) -> list[str]:
    """The columns that are not the group's."""
    own = set(group.columns.values())
    return [column for column in table.columns if column not in own]


def describe_curves(values: Floats, metric: NamedMetric, remark: str, columns: str) -> str:
    """One clause: ``12 curves x 5 epochs of accuracy (maximized) in acc_1 to acc_5``."""
    n, T = values.shape
    plural = "" if n == 1 else "s"
    unit = f", {remark}" if remark else ""
    early, copies = int(np.sum(~np.isfinite(values).all(axis=1))), _copies(values)
    ended = f", {early} of them not to the end," if early else ""
    ended += f", {copies} of them the same as others," if copies else ""
    return f"{n} curve{plural} x {T} epochs{ended} of {metric.name} ({metric.direction}d{unit}) in {columns}"


def _copies(values: Floats) -> int:
    """Curves that have the values of an earlier one, those of networks that learn nothing aside."""
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


def _range(group: Group) -> str:
    columns = list(group.columns.values())
    return shown(columns[0]) if len(columns) == 1 else f"{shown(columns[0])} to {shown(columns[-1])}"


def _epoch_zero(
    group: Group, first: Floats, values: Floats, metric: NamedMetric, table: pd.DataFrame
) -> tuple[bool, str]:
    """Whether the column numbered 0 is left out, and a clause that says so."""
    name = shown(group.columns[0])
    assert metric.direction is not None  # settled
    if before_training(first, values[:, 0], metric.direction):
        return True, f"{name} left out: before training, by its values"
    others = frozenset(_others(group, table))
    published = (group.name, others, max(group.columns)) in PUBLISHED_FROM_ZERO
    if published or (group.name == "ep" and metric.name == "perplexity"):
        return True, f"{name} left out, as the protocol of the published sets says"
    return False, f"{name} kept as the first epoch: its values are of trained networks"
