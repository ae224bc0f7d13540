"""Tables with a row per epoch and a column for each training: exports of charts, and columns named as runs.

`name - val_acc` is how Weights & Biases writes them, and is read whatever the names are, except for those of
epochs: `Epoch 1 - val_acc` if no column of steps or times is beside them, `1 - val_acc` beside a parameter or
a name. In other tables the names have to say that the columns are trainings: `run_1, run_2`, `seed3/val_acc`,
`val_acc_lr0.1`. Names that say nothing, `resnet18, vgg16`, may just as well be a training's metrics; they are
left to `predictor.curves.long`, which asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from predictor.curves.cells import is_mostly_numbers, numbers
from predictor.curves.columns import groups_of, is_index, is_parameter, numbers_trainings
from predictor.curves.metrics import plain, words_of
from predictor.curves.names import mentions_metric_or_data, names_counter, names_no_values
from predictor.curves.partition import epoch_columns, with_epochs
from predictor.curves.wording import listed
from predictor.curves.words import (
    AVERAGES,
    COLUMN,
    DEVIATIONS,
    EPOCH_NAMES,
    EPOCH_WORDS,
    ERROR_BARS,
    RUN,
    RUN_NAMES,
    STATISTICS,
    TIMES,
)

OF_RUN = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<extreme>__MIN|__MAX)?")
"""A column of Weights & Biases' export: `name - val_acc`."""
MEANS = AVERAGES | DEVIATIONS | {"median"}
SEPARATOR = re.compile(r"([\s/:|_-]+)")


def by_column(table: pd.DataFrame) -> tuple[pd.DataFrame, str, list[str]] | None:
    """The long form of such a table, its column that tells trainings apart, and remarks; None for others."""
    told = {column: _training_and_metric(column) for column in table.columns}
    sums = {column: metric for column, (run, metric) in told.items() if _sums_up(run)}
    trainings = table.drop(columns=list(sums))
    remarks = [f"left out: {listed(list(sums))} (by name, of all trainings)"] if sums else []
    if is_export(table):
        by_name = all(MEANS.issuperset(words_of(told[column][0])) for column in sums)  # `final` may be a run
        if by_name and _numbers_trainings_of(set(sums.values()), trainings):
            return exported(trainings), RUN, [*_merged(trainings), *remarks]
        return exported(table), RUN, _merged(table)
    pairs = _named_trainings(trainings)
    if not pairs or not set(sums.values()) - {"value"} <= {metric for _, metric in pairs.values()}:
        return None
    epoch = epoch_columns(trainings)[0]
    return _stacked(trainings, epoch, epoch, pairs, COLUMN), COLUMN, remarks


def is_export(table: pd.DataFrame) -> bool:
    """Whether this is Weights & Biases' export of a chart: a column of steps, then `run - metric`."""
    if len(table.columns) < 2 or not all(map(OF_RUN.fullmatch, table.columns[1:])):
        return False
    step, *others = table.columns
    if OF_RUN.fullmatch(step):  # a training, or an epoch, too
        return not _are_epochs([step, *others], named=True)
    of_training = is_index(step) or is_parameter(step) or plain(step) in RUN_NAMES
    return _numbers_rows(step) or not _are_epochs(others, named=not of_training)


def _numbers_rows(column: str) -> bool:
    """Whether it is one of epochs, steps (`optimizer_step` is no parameter) or times: what a chart's x is."""
    words = words_of(column)
    of_epochs = names_counter(column) or plain(column) in EPOCH_NAMES or words[-1:] == ["step"]
    return of_epochs or bool((TIMES | {"timestamp"}).intersection(words))


def _are_epochs(columns: Sequence[str], *, named: bool) -> bool:
    """Whether what is before ` - ` numbers epochs: `Epoch 1`, or `1` unless they have to be named so."""
    groups = groups_of(columns)
    names = {m["run"] for group in groups if (m := OF_RUN.fullmatch(group.template)) and not m["extreme"]}
    if len(names) != 1 or sum(len(group.columns) for group in groups) < len(columns) > 1:
        return False
    (name,) = names
    words = set(words_of(name))
    numbered = "#" in name and all(group.stride for group in groups)
    return numbered and words <= EPOCH_WORDS and bool(words or not named)


def _numbers_trainings_of(metrics: set[str], table: pd.DataFrame) -> bool:
    """Whether all runs of such an export are called as trainings are, `run1`, and have these metrics."""
    runs = [m for m in map(OF_RUN.fullmatch, table.columns) if m and not m["extreme"]]
    numbered = bool(runs) and all(numbers_trainings(m["run"]) for m in runs)
    return numbered and metrics <= {m["metric"] for m in runs}


def exported(table: pd.DataFrame) -> pd.DataFrame:
    """The long table of such an export, without the columns of minima and maxima."""
    step, columns = table.columns[0], table.columns[1:]
    if OF_RUN.fullmatch(step):  # the first column is a training, too: the rows number the epochs
        table = with_epochs(table, "step")
        step, columns = "step", table.columns[:-1]
    matches = ((column, OF_RUN.fullmatch(column)) for column in columns)
    pairs = {column: (m["run"], m["metric"]) for column, m in matches if m and not m["extreme"]}
    return _stacked(table, step, step if plain(step) in EPOCH_NAMES else "step", pairs, RUN)


def _merged(table: pd.DataFrame) -> list[str]:
    """A remark on columns of such an export that sum up several runs or steps: their extremes differ."""
    names = [
        column
        for column in table.columns
        if {f"{column}__MIN", f"{column}__MAX"} <= set(table.columns)
        and (table[f"{column}__MIN"] != table[f"{column}__MAX"]).any()
    ]
    return [f"{listed(names)}: of several runs or steps, by __MIN and __MAX"] if names else []


def _stacked(
    table: pd.DataFrame, epoch: str, called: str, pairs: Mapping[str, tuple[str, str]], run: str
) -> pd.DataFrame:
    """The trainings one below the other; `CurvesError` for a cell of text among numbers."""
    for column in pairs:
        if is_mostly_numbers(table[column]):
            numbers(table[column], column)
    parts = [
        pd.DataFrame({run: name, called: table[epoch], metric: table[column]})
        for column, (name, metric) in pairs.items()
    ]
    return pd.concat(parts, ignore_index=True).fillna("")


def _named_trainings(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Training and metric by column, if all columns but those of epochs and times tell them; else nothing."""
    epochs = epoch_columns(table)
    if not epochs or table[epochs[0]].duplicated().any() or len(table) < 2:
        return {}
    columns = [column for column in table.columns if not _passes_by(column, epochs)]
    pairs = {column: _training_and_metric(column) for column in columns}
    metrics: dict[str, set[str]] = {}
    for run, metric in pairs.values():
        metrics.setdefault(run, set()).add(metric)
    alike = len({frozenset(found) for found in metrics.values()}) == 1
    numeric = all(is_mostly_numbers(table[column]) for column in columns)
    told = (
        len(metrics) > 1 and len(set(pairs.values())) == len(pairs) and all(map(numbers_trainings, metrics))
    )
    return pairs if told and alike and numeric else {}


def _sums_up(run: str) -> bool:
    """Whether it is the name of no training, but of a statistic of several: `mean`."""
    words = set(words_of(run))
    return bool(words) and words <= STATISTICS | ERROR_BARS - {"err"}


def _passes_by(column: str, epochs: list[str]) -> bool:
    aside = names_no_values(column) and not numbers_trainings(column)
    return aside or column in epochs or is_index(column)


def _training_and_metric(column: str) -> tuple[str, str]:
    """`run1/val_acc` or `val_acc_run1` as `run1`, `val_acc`; `run1` has a `value`."""
    parts = SEPARATOR.split(column)
    for backwards in (True, False):
        words = parts[::-2] if backwards else parts[::2]
        count = next((place for place, word in enumerate(words) if not _of_metric(word)), len(words))
        if 0 < count < len(words):
            cut = -2 * count + 1 if backwards else 2 * count - 1
            ends = "".join(parts[:cut]), "".join(parts[cut:])
            run, metric = ends if backwards else ends[::-1]
            return run.strip(" /:|_-"), metric.strip(" /:|_-")
    return column, "value"


def _of_metric(word: str) -> bool:
    named = mentions_metric_or_data(word) or word.lower() in ("rate", "epoch")
    return named and not numbers_trainings(word)
