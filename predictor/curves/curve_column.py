"""Which column of a long table holds the curve."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from predictor.curves.cells import VALUE, count_numbers, first_text, is_mostly_numbers, numbers, values_in
from predictor.curves.choice import (
    Candidate,
    choose,
    is_generic,
    remark_on_test,
    unlabelled_rank,
)
from predictor.curves.columns import groups_of, is_index, is_parameter
from predictor.curves.frequency import changing, measured, without_batches, without_results
from predictor.curves.metrics import direction_of, metric_of, plain, words_of
from predictor.curves.names import (
    OF_TEST,
    OF_TRAINING,
    UNLABELLED,
    names_counter,
    names_no_values,
    only_accompanies,
    split_rank,
)
from predictor.curves.other_data import refuse_training, remark_on_unknown
from predictor.curves.telling import OF_PARAMETERS
from predictor.curves.wording import as_argument, counted, describe, listed, shown
from predictor.curves.words import RATES, RUN_NAMES, VALUE_NAMES
from predictor.errors import CurvesError

OF_TRAININGS = "; columns of different trainings have to be called 'run1 - val_acc', 'run2 - val_acc', ..."
OF_A_TRAINING = re.compile(
    r"((run|trial|seed|k?fold|split|repeat|repetition|replicate|restart)[ _#-]*|(?P<parameter>\w+)=)[\d.]+",
    re.IGNORECASE,
)
"""The name of a column that holds a whole training: `run_1`, `lr=0.1`."""
SEVERAL = 3


def curve_column(
    table: pd.DataFrame, epochs: Sequence[str], run: str | None, wanted: str | None
) -> tuple[str, str]:
    """The column asked for, or the best one, and a remark if others may be meant.

    Args:
        table: a row per training and epoch.
        epochs: columns that may number the epochs, the best first.
        run: the column that tells the trainings apart, if that is known.
        wanted: the column that was asked for, if any.

    Raises:
        CurvesError: there is none, two are as good, or it has text.
    """
    if wanted is None:
        return _best_column(table, epochs, run)
    if wanted in table.columns:
        numbers(table[wanted], wanted)  # raises what is no number
    return choose(_candidates(table, epochs, run, every=True), wanted).name, ""


def _best_column(table: pd.DataFrame, epochs: Sequence[str], run: str | None) -> tuple[str, str]:
    candidates = without_batches(_candidates(table, epochs, run), table, epochs)
    logged = without_results(candidates, table, epochs)
    if unlabelled_rank(candidates) in (OF_TRAINING, OF_TEST):  # test metrics come first
        candidates = logged
    chosen = choose(candidates, None, OF_TRAININGS)
    numbered = _numbered_with(chosen.name, table)
    if len(numbered) >= SEVERAL or _is_first_of_errors(chosen.name, table):
        alike = listed(numbered or [c.name for c in candidates])
        raise CurvesError(
            f"{shown(chosen.name)} may be a metric, or one of {alike}; say which: --curve "
            f"{as_argument(chosen.name)}{OF_TRAININGS}"
        )
    _refuse_trainings_beside(chosen.name, table, epochs[0])
    numbers(table[chosen.name], chosen.name)  # raises what is no number
    return chosen.name, remark_on_test(chosen, logged)


def has_metric(table: pd.DataFrame) -> bool:
    """Whether a column of such a table may be the curve by its name."""
    return any(direction_of(column) or plain(column) in VALUE_NAMES for column in _numeric(table, ()))


def check_overlooked(curve: str, table: pd.DataFrame, trainings: int) -> str:
    """Refuse a curve if a column that holds text would come before it, or one of other data may.

    Args:
        curve: the column that was chosen.
        table: a row per training and epoch.
        trainings: how many; parameters do not have more values.

    Returns:
        A remark on columns of no known metric, if the curve may be of training data.
    """
    every = split_rank(curve) == OF_TRAINING
    others = [
        column
        for column in table.columns
        if column != curve and (every or metric_of(column) or split_rank(column) != UNLABELLED)
        if not names_no_values(column) and not names_counter(column)
        if len(values_in(table[column])) > trainings
    ]
    _refuse_text(table[[curve, *filter(metric_of, others)]])
    refuse_training(curve, others)
    bare = [column for column in _numeric(table[others], ()) if not _is_set(column)]
    return remark_on_unknown(curve, bare)


def _is_set(column: str) -> bool:
    """Whether it is a parameter that changes within trainings, such as a rate; a `success_rate` is none."""
    return plain(column) in RATES or is_parameter(column.removesuffix("rate"))


def _refuse_text(table: pd.DataFrame) -> None:
    """Refuse text in a metric that would come before the curve, the first column, if it held numbers."""
    candidates = [Candidate(column, 0) for column in table.columns]
    unlabelled = unlabelled_rank(candidates)
    curve, *others = candidates
    for other in others:
        if other.rank(unlabelled) < curve.rank(unlabelled) and not is_mostly_numbers(table[other.name]):
            numbers(table[other.name], other.name)  # raises what is no number


def _candidates(
    table: pd.DataFrame, epochs: Sequence[str], run: str | None, every: bool = False
) -> list[Candidate]:
    """Numeric columns with a metric's name, or else those of which nothing else is known; or all of both."""
    counts = _numeric(table, (*epochs, run))
    accompanied = any(only_accompanies(column, counts) for column in counts)
    logged = measured(counts, table, epochs) if accompanied else []
    known = [
        column
        for column in counts
        if metric_of(column)
        and not _is_first_of_errors(column, table)
        and not only_accompanies(column, logged)
    ]
    known = changing(known, table, run)
    most = max((counts[column] for column in known), default=0)
    often = [column for column in known if counts[column] > 1 or most < 2]
    passing = (*RUN_NAMES, *RATES)
    unknown = [c for c in counts if not names_no_values(c) and plain(c) not in passing]
    if not (often or unknown):
        _refuse_metrics(table)
        raise CurvesError(f"no column with the values of a curve: found {describe(table)}")
    columns = [*often, *unknown] if every else often or unknown
    return [Candidate(column, counts[column]) for column in dict.fromkeys(columns)]


def _is_first_of_errors(column: str, table: pd.DataFrame) -> bool:
    """Whether this is `err1` beside `err2`, and so may not be the error of the first guess."""
    return words_of(column)[-1:] in (["err1"], ["error1"]) and f"{column.strip()[:-1]}2" in table.columns


def _refuse_metrics(table: pd.DataFrame) -> None:
    """Refuse a metric that is no curve, as it holds text, or the same in all rows."""
    for column in table.columns:
        values = [cell for cell in table[column] if VALUE.match(cell)]
        if values and metric_of(column) and not OF_PARAMETERS.match(column):
            numbers(table[column], column)  # raises what is no number
            raise CurvesError(
                f"{shown(column)} is {values[0]} in {counted(len(values), 'row')}, and nothing else; a curve "
                "has a row for each epoch, and another value in some of them"
            )


def _numbered_with(chosen: str, table: pd.DataFrame) -> list[str]:
    """The columns of no metric among which the chosen one is numbered: `r1, r2, r3` for `r2`, a score."""
    if not any(map(str.isdecimal, chosen)):
        return []
    groups = groups_of([column for column in table.columns if not first_text(table[column])])
    return [
        column
        for group in groups
        if chosen in group.columns.values() and metric_of(group.name) != metric_of(chosen)
        if group.stride == 1 and not group.numbers_parts
        for column in group.columns.values()
    ]


def _refuse_trainings_beside(chosen: str, table: pd.DataFrame, epoch: str) -> None:
    """Refuse the mean of trainings that have a column each, `run_1, run_2`, in a table of unique epochs."""
    if table[epoch].duplicated().any():
        return
    bare = [c for c in table.columns if _names_training(c) and not first_text(table[c])]
    trainings = [column for column in bare if table[column].nunique() > 1]
    if len(trainings) > 1:
        raise CurvesError(
            f"{listed(trainings)} seem to be trainings, and {shown(chosen)} none of them; leave it out to "
            f"read them, or say --curve {as_argument(chosen)}"
        )


def _names_training(column: str) -> bool:
    """Whether it is called `run_1`, or `lr=0.1` by a parameter; `threshold=0.5` may be a part of a metric."""
    found = OF_A_TRAINING.fullmatch(column)
    return found is not None and (found["parameter"] is None or is_parameter(found["parameter"]))


def _numeric(table: pd.DataFrame, used: Sequence[str | None]) -> dict[str, int]:
    """The count of numbers in each column that may be the curve: not all alike, not of a configuration."""
    counts = {}
    for column in table.columns:
        if column in used or is_index(column) or OF_PARAMETERS.match(column):
            continue
        if _is_text(table[column], column):
            continue
        count = count_numbers(table[column])
        if count and len(set(table[column]) - {""}) > 1:
            counts[column] = count
    return counts


def _is_text(cells: pd.Series, column: str) -> bool:
    """Whether the column holds text, and not just some among the values of a curve: `failed`, `--`."""
    if not first_text(cells):
        return False
    return not ((metric_of(column) or is_generic(column)) and is_mostly_numbers(cells))
