"""Which columns of a table are parameters, known before training, and which are left out, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd

from predictor.curves.arrays import Floats, last_values
from predictor.curves.cells import MISSING, first_text, is_number, known_numbers, numbers
from predictor.curves.choice import Wishes
from predictor.curves.columns import Group, groups_of, is_index, is_parameter, kind_of, name_column
from predictor.curves.metrics import mentions_metric, plain
from predictor.curves.names import UNLABELLED, names_bookkeeping, names_result, names_steps, split_rank
from predictor.curves.telling import OF_PARAMETERS
from predictor.curves.wording import counted, listed, quoted, shown
from predictor.curves.words import OF_EPOCHS, RUN_NAMES
from predictor.errors import CurvesError

TEXT, RESULTS, RUNS = "text", "results", "numbers, dates or splits of runs"
CURVES, ANSWERS, NOT_NAMED = "other curves", "nearly the curve's end or extreme", "not asked for"
ENOUGH_VALUES = 5
UNITS = (1, 100, 0.01)
NEARLY = 0.99
"""Correlation from which a column on the curve's scale tells its end."""


@dataclass(frozen=True)
class Parameters:
    """Parameters by kind and name, each (n,), and the columns that are not, by the reason."""

    architecture: dict[str, Floats] = field(default_factory=dict)
    hyperparameters: dict[str, Floats] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def describe(self) -> str:
        """One clause: `parameters lr, depth; left out: MaxAccuracy (results)`."""
        known = {**self.architecture, **self.hyperparameters}
        text = f"parameters {listed([*known])}" if known else "no parameters"
        infinite = {name: int(np.isinf(column).sum()) for name, column in known.items()}
        if some := [name for name, count in infinite.items() if count]:
            values = counted(sum(infinite.values()), "infinite value")
            text += f"; {values} of {listed(some)} taken as unknown"
        omitted = [f"{listed(columns)} ({reason})" for reason, columns in self.left_out.items()]
        return f"{text}; left out: {', '.join(omitted)}" if omitted else text


def parameters_of(
    table: pd.DataFrame, used: Iterable[str], values: Floats, wishes: Wishes, declared: bool = False
) -> Parameters:
    """The parameters among the columns; raises `CurvesError` if one that was asked for is not numeric.

    Args:
        table: one row per training.
        used: columns that are something else: epochs of the curve.
        values: (n, T), the curves.
        wishes: of the caller.
        declared: whether all columns are said to be parameters, whatever their names.
    """
    curve = set(used)
    columns = [c for c in table.columns if c not in curve and (declared or not is_index(c))]
    if wishes.parameters is not None:
        return _asked_for(table, columns, wishes.parameters)
    found = Parameters()
    others = _other_curves(table[columns], int(np.sum(~np.isnan(values).all(axis=0))))
    name = None if declared else name_column(columns)
    for column in columns:
        if column == name:
            continue
        if declared:
            reason = _reason_of_cells(table[column], values)
        else:
            reason = CURVES if column in others else _reason(table[column], column, values)
        if reason:
            found.left_out.setdefault(reason, []).append(others.get(column, column))
        else:
            _add(found, column, known_numbers(table[column]))
    for reason, names in found.left_out.items():
        found.left_out[reason] = list(dict.fromkeys(names))
    return found


def configured_parameters_of(
    table: pd.DataFrame, values: Floats, wishes: Wishes, declared: bool
) -> Parameters:
    """As `parameters_of`, but of a configuration alone, `config/lr`, if there is one.

    A caller may ask for `lr`, which is the column of that name if there is one, or for `config/lr`.

    Args:
        table: one row per training, of columns that never change within any.
        values: (n, T), the curves.
        wishes: of the caller, who may ask for other columns, too.
        declared: whether all that is configured is a parameter, whatever its name.
    """
    configured = {m["name"]: column for column in table.columns if (m := OF_PARAMETERS.match(column))}
    others = {column: column for column in table.columns if column not in configured.values()}
    declared = declared and bool(configured)
    named = configured or others
    if wishes.parameters is not None:
        asked = {*wishes.parameters}
        named = others | {
            column if column in asked or name in others else name: column
            for name, column in configured.items()
        }
    elif not declared:
        named = {name: column for name, column in named.items() if plain(name) not in RUN_NAMES}
    found = parameters_of(table[[*named.values()]].set_axis([*named], axis=1), [], values, wishes, declared)
    beside = _varying(table[[*others]], values) if configured and wishes.parameters is None else []
    if beside:
        found.left_out[f"beside {shown(next(iter(configured.values())))}"] = beside
    return found


def _varying(table: pd.DataFrame, values: Floats) -> list[str]:
    """The columns that would be parameters without a configuration, and are not the same in all rows."""
    columns = [c for c in table.columns if table[c].nunique() > 1 and plain(c) not in RUN_NAMES]
    found = parameters_of(table[columns], [], values, Wishes())
    return [*found.architecture, *found.hyperparameters]


def tells_the_end(column: Floats, values: Floats) -> bool:
    """Whether a column nearly equals the curves' last or extreme values, in any unit, or 1 minus them."""
    known = np.isfinite(values)
    rows = known.any(axis=1) & np.isfinite(column)
    if rows.sum() < ENOUGH_VALUES or len(np.unique(column[rows])) < ENOUGH_VALUES:
        return False
    curves, x = np.where(known, values, np.nan)[rows], column[rows]
    answers = (last_values(curves), np.nanmax(curves, axis=1), np.nanmin(curves, axis=1))
    return any(_nearly(x, answer) for answer in answers)


def _nearly(x: Floats, answer: Floats) -> bool:
    spread = np.std(answer)
    if spread == 0:
        return False
    units = [(1 - 2 * bool(whole)) * factor * x + whole for whole, factor in product((0, 1, 100), UNITS)]
    return any(
        0.8 <= np.std(z) / spread <= 1.25
        and abs(np.mean(z) - np.mean(answer)) <= spread
        and np.corrcoef(z, answer)[0, 1] >= NEARLY
        for z in units
    )


def _other_curves(table: pd.DataFrame, T: int) -> dict[str, str]:
    """Columns with their groups' names, for groups of a metric, of its steps, or as long as the curve."""
    return {
        column: group.name
        for group in groups_of(list(table.columns))
        if len(group.columns) > 1
        and (
            mentions_metric(group.name)
            or (T > 2 and T in (group.length, len(group.columns)))
            or (_may_be_steps(group, T) and _go_up(table[list(group.columns.values())]))
        )
        for column in group.columns.values()
    }


def _may_be_steps(group: Group, T: int) -> bool:
    """Whether these may be steps of other curves; `steps_1, steps_2` may be those at which a rate changes."""
    longer = group.length > T and len(group.name) > 2
    return names_steps(group.name) and (longer or split_rank(group.name) != UNLABELLED)


def _go_up(cells: pd.DataFrame) -> bool:
    """Whether numbers rise from column to column in every row, as those of steps do, and counts do not."""
    numbers = np.stack([known_numbers(cells[column]) for column in cells.columns], axis=1)
    return all((np.diff(row[np.isfinite(row)]) > 0).all() for row in numbers)


def _reason(cells: pd.Series, column: str, values: Floats) -> str | None:
    """Why the column is no parameter; None if it is one."""
    if column.startswith(("hp_", "ap_")):
        return TEXT if first_text(cells) else None
    if names_bookkeeping(column):
        return RUNS
    if names_result(column) or _is_of_an_epoch(cells, column, values.shape[1]):
        return RESULTS
    if not is_parameter(column) and _counts_rows(cells):
        return RUNS
    return _reason_of_cells(cells, values)


def _reason_of_cells(cells: pd.Series, values: Floats) -> str | None:
    if wrong := first_text(cells):
        return TEXT if _is_text(cells) else f"{quoted(wrong[1])} in row {wrong[0]} is not a number"
    return ANSWERS if tells_the_end(known_numbers(cells), values) else None


def _is_of_an_epoch(cells: pd.Series, column: str, T: int) -> bool:
    """Whether the column tells an epoch of the curve, the best one; larger numbers are planned ones."""
    return plain(column) in OF_EPOCHS and not (known_numbers(cells) > T).any()


def _counts_rows(cells: pd.Series) -> bool:
    """Whether the cells are 0, 1, 2, ... or 1, 2, 3, ..., in any order: numbers or ranks of trainings."""
    counts = ({str(number) for number in range(first, first + len(cells))} for first in (0, 1))
    return len(cells) >= ENOUGH_VALUES and set(cells) in counts


def _is_text(cells: pd.Series) -> bool:
    return not any(is_number(cell) for cell in set(cells) if cell.lower() not in MISSING)


def _asked_for(table: pd.DataFrame, columns: list[str], wanted: Sequence[str]) -> Parameters:
    found = Parameters()
    for column in wanted:
        if column not in columns:
            raise CurvesError(f"no column {column!r} for a parameter; there are {listed(columns)}")
        _add(found, column, numbers(table[column], column))
    if others := [column for column in columns if column not in wanted]:
        found.left_out[NOT_NAMED] = others
    return found


def _add(found: Parameters, column: str, values: Floats) -> None:
    getattr(found, kind_of(column))[column] = values
