"""Tables with one row per training and one column per epoch, like the published files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.cells import known_numbers, numbers
from predictor.curves.choice import Wishes, choose, remark_on_test, settle
from predictor.curves.columns import Group, curves_among, groups_of, is_index, name_column
from predictor.curves.course import before_training
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.metrics import NamedMetric, direction_of, words_of
from predictor.curves.names import counts_epochs, names_counter, names_steps, numbers_values
from predictor.curves.other_data import refuse_training
from predictor.curves.parameters import parameters_of, tells_the_end
from predictor.curves.shape import is_long, refuse_turned
from predictor.curves.spread import refuse_kinds
from predictor.curves.summaries import refuse_summaries
from predictor.curves.understood import curves_of, describe_curves, names_of
from predictor.curves.wording import as_argument, describe, listed, quoted, shown
from predictor.errors import CurvesError

HAS_DIGIT = re.compile(r"\d").search
N_GRAMS = {"bleu": 4, "rouge": 2}
"""The longest n-grams for which these metrics are given."""
PUBLISHED_FROM_ZERO = {("acc", frozenset({"num_params", "lr"}), 49)}
"""Published sets whose protocol does not count a trained epoch 0: curve, other columns, last epoch."""


def read_wide(table: pd.DataFrame, wishes: Wishes) -> LearningCurves:
    """The curves of such a table; raises `CurvesError`."""
    groups = groups_of(list(table.columns))
    group, table = numbered(_curve_of(groups, table, wishes.curve), groups, table)
    refuse_kinds(table, group.columns.values())
    columns = {number: numbers(table[column], column) for number, column in group.columns.items()}
    if not wishes.metric:
        refuse_turned(group, table[_others(group, table)], np.stack(list(columns.values()), axis=1))
    first = columns.pop(0, None)
    values = np.stack(list(columns.values()), axis=1)
    sums = refuse_summaries(table[_others(group, table)], values)
    metric, remark = settle(group.name, values, wishes)
    if not wishes.curve:
        _ask_about_n_grams(group, metric.name, values)
    values, zero = _with_epoch_zero(group, first, values, metric, table)
    parameters = parameters_of(table, group.columns.values(), values, wishes)
    column = name_column(table.columns)
    names = None if column is None else names_of(table[column])
    what = describe_curves(values, metric, remark, group.span)
    whole = [other for other in curves_among(groups, None) if other.stride]
    tested = "" if wishes.curve else remark_on_test(group, whole)
    clauses = [what, tested, _taken(group, wishes.curve), _passed_over(group, groups, wishes.curve)]
    return curves_of(values, metric, parameters, names, [*clauses, zero, sums])


def _curve_of(groups: Sequence[Group], table: pd.DataFrame, wanted: str | None) -> Group:
    """The columns of the curve; `CurvesError` if there are none, or an epoch is missing."""
    candidates = curves_among(groups, wanted)
    if not candidates:
        if numbered := [group for group in groups if group.numbers_trainings and len(group.columns) > 1]:
            raise CurvesError(
                f"the columns {numbered[0].span} are numbered by training, not by epoch; if the rows are "
                f"epochs, number them in a column epoch; found {describe(table)}"
            )
        ask_about_numbers(groups)
        raise CurvesError(
            "no learning curves: expected columns such as acc_1, acc_2, ... or ep_1, ep_2, ..., or a row per "
            f"epoch with its number in a column such as epoch{_hint(groups, table)}"
            f"{rows_hint(groups, table)}; found {describe(table)}"
        )
    group = choose(candidates if wanted else _without_steps(candidates, table), wanted)
    if not wanted:
        _ask_about_one_epoch(group, table)
        _ask_about_the_first(group, table)
        refuse_training(group.name, [other.name for other in groups if other.length == group.length])
    decimals = group.decimals(table.columns)
    if len(decimals) > 1 and 2 * len(decimals) >= len(group.columns):
        raise CurvesError(
            f"{listed(decimals)} may be epochs between {group.span}, which are numbered without decimals; "
            "number all of them 1, 2, ..., or write a row for each training and epoch"
        )
    if not group.stride:
        first, second = (shown(group.template.replace("#", number)) for number in "12")
        hint = f" (if there are no others, call them {first} and {second})" if len(group.columns) == 2 else ""
        raise CurvesError(f"column {quoted(group.missing)} is missing: number epochs without gaps{hint}")
    return group


def _ask_about_one_epoch(group: Group, table: pd.DataFrame) -> None:
    """Ask about one column whose number may be none of an epoch: `val_acc1` is an accuracy, too."""
    counters = [c for c in _others(group, table) if counts_epochs(c) and table[c].nunique() > 1]
    if len(group.columns) == 1 and (counters or group.counted or group.numbers_a_metric):
        raise CurvesError(
            f"{group.span} may be epoch 1, or its rows may be epochs; if it is epoch 1: --curve "
            f"{as_argument(group.name)}; if not, number the rows in a column epoch{counter_hint(table)}"
        )


def _ask_about_the_first(group: Group, table: pd.DataFrame) -> None:
    """Ask about `acc` beside `acc.1, acc.2, ...`: that is how pandas numbers columns of the same name."""
    first = group.template.removesuffix(".#")
    if first not in table.columns or first == group.template or min(group.columns) != 1:
        return
    values = np.stack([known_numbers(table[column]) for column in group.columns.values()], axis=1)
    if not tells_the_end(known_numbers(table[first]), values):
        raise CurvesError(
            f"{shown(first)} beside {group.span} may be the first of them, as pandas numbers columns of "
            f"one name, or no epoch; call it {shown(first)}.0, or leave it out"
        )


def ask_about_numbers(groups: Sequence[Group]) -> None:
    """Ask whether numbers that may stand for anything, `acc_s1, acc_s2`, are epochs: raise `CurvesError`."""
    if group := _best_unclear(groups):
        raise CurvesError(
            f"{group.span} may be epochs, or something else, such as seeds or subjects; if they are "
            f"epochs: --curve {as_argument(group.name)}; if the rows are, number them in a column epoch"
        )


def _best_unclear(groups: Sequence[Group]) -> Group | None:
    unclear = [group for group in groups if group.is_unclear and len(group.columns) > 1]
    return min(unclear, key=lambda group: group.rank(), default=None)


def _passed_over(chosen: Group, groups: Sequence[Group], wanted: str | None) -> str:
    """A clause about columns that would come before the curve if their numbers were those of epochs."""
    group = _best_unclear(groups)
    if wanted or not group or group.rank() >= chosen.rank():
        return ""
    return f"{group.span} may be epochs, too (if so: --curve {as_argument(group.name)})"


def _taken(group: Group, wanted: str | None) -> str:
    """A clause about a number that may stand for something else: `acc_stage_1`."""
    if wanted or not group.counted:
        return ""
    return (
        f"the numbers beside {shown(group.counted[0])} taken for epochs (if they are none, say another "
        "curve: --curve; if the rows are epochs, number them in a column epoch)"
    )


def _ask_about_n_grams(group: Group, metric: str, values: Floats) -> None:
    """Ask about `Bleu_1, ..., Bleu_4`: they are of n-grams if they fall in each row; `CurvesError`."""
    if max(group.columns) == N_GRAMS.get(metric) and (np.diff(values, axis=1) <= 0).all():
        raise CurvesError(
            f"{group.span} fall in all rows, as scores of n-grams do; if they are epochs: "
            f"--curve {as_argument(group.name)}"
        )


def numbered(
    group: Group, groups: Sequence[Group], table: pd.DataFrame, least: int = 2
) -> tuple[Group, pd.DataFrame]:
    """The group and the table, with the numbers of a list of epochs that is beside the values in JSON.

    Args:
        group: the columns that are numbered.
        groups: all of the table.
        table: with a row for each training.
        least: how many epochs make a list.

    Raises:
        CurvesError: the values of trainings are at different epochs, as such a list tells.
    """
    alike = [other for other in groups if len(other.columns) == len(group.columns)]
    lists = [(other, _epochs_in(other, table)) for other in alike if other.name != group.name]
    lists.sort(key=lambda item: not {"ep", "epoch", "epochs"}.intersection(words_of(item[0].name)))
    lists.sort(key=lambda item: not numbers_values(item[0].name, [group.name]))
    for _, epochs in lists:
        if len(epochs) == len(group.columns) >= least and epochs[0] >= 0:
            names = {column: name for other in alike for column, name in _names_at(epochs, other).items()}
            columns = {epoch: names[c] for epoch, c in zip(epochs, group.columns.values(), strict=True)}
            return replace(group, columns=columns), table.rename(columns=names)
    return group, table


def _without_steps(candidates: Sequence[Group], table: pd.DataFrame) -> Sequence[Group]:
    """Leave out lists of the steps at which an unknown metric was measured; `CurvesError` if they differ."""
    if any(direction_of(group.name) for group in candidates):
        return candidates
    lengths = [len(group.columns) for group in candidates]
    others = [
        group
        for group, length in zip(candidates, lengths, strict=True)
        if length == 1 or lengths.count(length) == 1 or not _epochs_in(group, table)
    ]
    return others or candidates


def _names_at(epochs: Sequence[int], group: Group) -> dict[str, str]:
    """New names of the columns: with the numbers of these epochs, where these stand at the end."""
    if not group.template.endswith("#"):
        return {column: column for column in group.columns.values()}
    stem = group.template[:-1]
    return {column: f"{stem}{epoch}" for epoch, column in zip(epochs, group.columns.values(), strict=True)}


def _epochs_in(group: Group, table: pd.DataFrame) -> list[int]:
    """The numbers of epochs that these columns hold, none if it is something else; `CurvesError`."""
    if not names_steps(group.name.rpartition("/")[2]):
        return []
    at = np.stack([known_numbers(table[column]) for column in group.columns.values()], axis=1)
    rows = [row[np.isfinite(row)] for row in at]
    longest = max(rows, key=len)
    if not all((row == np.rint(row)).all() and (np.diff(row) > 0).all() for row in rows):
        return []
    if not all(np.array_equal(row, longest[: len(row)]) for row in rows):
        raise CurvesError(
            f"the trainings have their values at different epochs, by {group.span}; "
            "write a row for each training and epoch"
        )
    return [int(epoch) for epoch in longest]


def _hint(groups: Sequence[Group], table: pd.DataFrame) -> str:
    """What to say if the longest group, which is named like a parameter, is the curve."""
    group = max(groups, key=lambda group: group.length, default=None)
    if group is None or group.length < 3 or not group.stride or not curves_among([group], group.name):
        return ""
    if all(map(is_index, _others(group, table))):
        return ""
    return f" (if {group.span} are a curve: --curve {as_argument(group.name)})"


def counter_hint(table: pd.DataFrame) -> str:
    """What to say if a column of another name numbers the epochs; `CurvesError` for its text, `1/8`."""
    for column in table.columns:
        if names_counter(column) and table[column].nunique() > 1 and any(map(HAS_DIGIT, table[column])):
            numbers(table[column], column)  # raises what is no number
            return f" (if {shown(column)} numbers the epochs, call it epoch)"
    return ""


def rows_hint(groups: Sequence[Group], table: pd.DataFrame) -> str:
    """What to say if the rows may be epochs, of metrics at several ranks, `acc@1, acc@2`, or by a counter."""
    ranked = [next(iter(group.columns.values())) for group in groups if "@#" in group.template]
    if read := next((column for column in ranked if is_long(table, column)), None):
        return f" (if the rows are epochs in their order: --curve {as_argument(read)})"
    return counter_hint(table)


def _others(group: Group, table: pd.DataFrame) -> list[str]:
    """The columns that are not the group's."""
    own = set(group.columns.values())
    return [column for column in table.columns if column not in own]


def _with_epoch_zero(
    group: Group, first: Floats | None, values: Floats, metric: NamedMetric, table: pd.DataFrame
) -> tuple[Floats, str]:
    """The values with those of the column numbered 0 in front if they count, and a clause about them."""
    if first is None:
        return values, ""
    name = shown(group.columns[0])
    if before_training(first, values[:, 0], metric):
        return values, f"{name} left out: before training, by its values"
    published = (group.name, frozenset(_others(group, table)), max(group.columns)) in PUBLISHED_FROM_ZERO
    if published or (group.name == "ep" and metric.name == "perplexity"):
        return values, f"{name} left out, as the protocol of the published sets says"
    kept = f"{name} kept as the first epoch: its values are of trained networks"
    return np.column_stack([first, values]), kept
