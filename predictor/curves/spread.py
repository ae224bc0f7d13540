"""Tables with several rows for an epoch of a training, by metric or data, get a column for each instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from predictor.curves.cells import first_text
from predictor.curves.columns import is_index
from predictor.curves.metrics import mentions_metric, metric_of, name_of, plain, words_of
from predictor.curves.names import UNLABELLED, names_bookkeeping, split_rank
from predictor.curves.partition import epoch_columns
from predictor.curves.wording import listed, shown
from predictor.curves.words import (
    AFTERWARDS,
    COLUMN,
    DATA,
    DATA_NAMES,
    METRIC_NAMES,
    OF_KNOWN_METRICS,
    RUN_NAMES,
    TRAINING,
    VALUE_NAMES,
)
from predictor.errors import CurvesError

OF_DATA = frozenset(("set", "data", "split", "mode"))
CODES = {"tr": "train", "va": "val", "vl": "val", "te": "test", "ts": "test"}
CODES |= {"fit": "train", "in-sample": "train", "out-of-sample": "val"}
LETTERS = {"t": "train", "v": "val"}
YES_AND_NO = frozenset(("true", "false", "1", "0", "yes", "no"))


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """A column for each metric, and for each metric of each kind of data, if rows are of one of them.

    `run, step, metric, value` becomes `run, step, val_acc, ...`; `run, epoch, phase, acc` with the
    phases `train` and `val` becomes `run, epoch, train_acc, val_acc`.
    """
    return _by_data(_by_metric(table))


def _by_metric(table: pd.DataFrame) -> pd.DataFrame:
    by_name = {plain(column): column for column in table.columns}
    tag = next((by_name[name] for name in METRIC_NAMES if name in by_name), None)
    known = tag is not None and all(map(metric_of, set(table[tag])))
    names = (*VALUE_NAMES, *OF_KNOWN_METRICS) if known else VALUE_NAMES
    value = next((by_name[name] for name in names if name in by_name), None)
    if tag is None or value is None or not first_text(table[tag]) or first_text(table[value]):
        return table
    table = _without_nan(table, value)
    named = {name: table[value].where(table[tag] == name, "") for name in dict.fromkeys(table[tag])}
    return table.drop(columns=[tag, value]).assign(**named)


def _without_nan(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """The table without MLflow's column `is_nan`, which tells where 0 stands for NaN."""
    column = next((column for column in table.columns if plain(column) == "is nan"), None)
    if column is None or not set(table[column].str.lower()) <= YES_AND_NO:
        return table
    is_nan = table[column].str.lower().isin(("true", "1", "yes"))
    return table.drop(columns=column).assign(**{value: table[value].mask(is_nan, "nan")})


def _by_data(table: pd.DataFrame) -> pd.DataFrame:
    for phase in table.columns:
        cells = _named_data(table[phase], phase)
        if _varies_within_epochs(table, phase, cells):
            break
    else:
        return table
    metrics = [column for column in table.columns if is_metric(table, column)]
    return labelled(table.drop(columns=phase), metrics, cells)


def refuse_kinds(table: pd.DataFrame, curve: Iterable[str]) -> None:
    """Refuse rows of several metrics, or of several kinds of data of a training; raises `CurvesError`.

    Args:
        table: a row with a curve in columns for each of them.
        curve: those columns.
    """
    of_curve = set(curve)
    known = [column for column in table.columns if not is_index(column)]
    others = [column for column in known if column not in of_curve and not is_metric(table, column)]
    for column in others:
        kinds = list(dict.fromkeys(table[column]))
        of_metrics = plain(column) in METRIC_NAMES and len(kinds) > 1 and all(map(metric_of, kinds))
        if of_metrics or _pairs_data(table, column, others):
            raise CurvesError(
                f"rows of {listed(kinds)}, by {shown(column)}, are of the same trainings; keep those of one"
            )


def refuse_kinds_as_trainings(rows: pd.DataFrame, keys: Iterable[str]) -> None:
    """Refuse columns that do not tell trainings apart, but data or metrics of each; raises `CurvesError`."""
    for key in keys:
        cells = list(dict.fromkeys(rows[key]))
        if _name_metrics(cells) or _differ_in_data(cells):
            apart = "call them 'run1 - val_acc', 'run1 - train_acc', ..."
            raise CurvesError(
                f"{listed(cells)}, by {shown(key)}, are data or metrics of the same trainings; keep those of "
                f"one, or {apart if key == COLUMN else 'call this column split or metric'}"
            )
        if plain(key) in DATA_NAMES and _are_of_training_and_others(cells):
            raise CurvesError(
                f"{listed(cells)}, by {shown(key)}, seem to be data of the same trainings; call them train, "
                "val or test, or keep those of one; if they are trainings, call this column otherwise"
            )


def _name_metrics(cells: Sequence[str]) -> bool:
    """Whether they are metrics of named data, or several metrics, one of them an accuracy.

    Names of other metrics may be those of what trainings minimize: `ce`, `mse`.
    """
    if not all(map(metric_of, cells)):
        return False
    kinds = {(split_rank(cell), name_of(cell)) for cell in cells}
    labelled = all(label != UNLABELLED for label, _ in kinds)
    return len(kinds) > 1 and (labelled or "accuracy" in {name for _, name in kinds})


def _differ_in_data(cells: Sequence[str]) -> bool:
    """Whether all name data, and each has others of other data: `run1_val_set, run1_train_set`."""
    if any(split_rank(CODES.get(cell.lower(), cell)) == UNLABELLED for cell in cells):
        return False
    data: dict[tuple[str, ...], set[int]] = {}
    for cell in cells:
        rest = tuple(word for word in words_of(cell) if word not in DATA | CODES.keys())
        data.setdefault(rest, set()).add(split_rank(CODES.get(cell.lower(), cell)))
    return all(len(found) > 1 for found in data.values())


def _are_of_training_and_others(cells: Sequence[str]) -> bool:
    """Whether one is a word for training data, and another tells nothing: `train, unseen`."""
    lower = [CODES.get(cell.lower(), cell.lower()) for cell in cells]
    return bool(TRAINING.intersection(lower)) and UNLABELLED in map(split_rank, lower)


def _pairs_data(table: pd.DataFrame, column: str, columns: Sequence[str]) -> bool:
    """Whether cells name data, and most trainings, told by the other columns, have rows of several kinds."""
    cells = _named_data(table[column], column)
    kinds = set(cells)
    if len(kinds) < 2 or not _name_data(kinds):
        return False
    others = [other for other in columns if other != column]
    if not others or table.duplicated(columns).any():
        return False
    return bool((cells.groupby([table[other] for other in others]).nunique() > 1).mean() >= 0.5)


def labelled(table: pd.DataFrame, metrics: Sequence[str], kinds: pd.Series) -> pd.DataFrame:
    """The table with a column for each of the metrics on each kind of data; `kinds` has that of each row."""
    named = {
        f"{kind}_{metric}" if kind else metric: table[metric].where(kinds == kind, "")
        for kind in dict.fromkeys(kinds)
        for metric in metrics
    }
    kept = {name: values for name, values in named.items() if (values != "").any()}
    return table.drop(columns=list(metrics)).assign(**kept)


def _varies_within_epochs(table: pd.DataFrame, column: str, cells: pd.Series) -> bool:
    """Whether the column's cells name data, and most epochs of a training have rows of several of them."""
    kinds = set(cells) - {""}
    if plain(column) in RUN_NAMES or len(kinds) < 2 or not _name_data(kinds):
        return False
    epochs = epoch_columns(table)
    if not epochs:
        return False
    told = cells != ""  # empty cells belong to rows about the training as a whole
    rows = table[told]
    same = [
        other
        for other in table.columns
        if other == epochs[0] or (other != column and _tells_trainings(rows, other, epochs))
    ]
    return bool((cells[told].groupby([rows[name] for name in same]).nunique() > 1).mean() >= 0.5)


def _named_data(cells: pd.Series, column: str) -> pd.Series:
    """Cells that tell data in short, `tr`, or say yes or no to what the column names, `is_train`."""
    lower = cells.str.lower()
    for codes in (CODES, LETTERS) if plain(column) in DATA_NAMES else ():
        if set(lower) & codes.keys() and set(lower) <= codes.keys() | DATA | {""}:
            return lower.replace(codes)
    asked = set(words_of(column)) - {"is"}
    if not asked <= DATA or len(asked) != 1 or not set(lower) <= YES_AND_NO:
        return cells
    (yes,) = asked
    no = "val" if yes in TRAINING else "train"
    return lower.map(lambda cell: yes if cell in ("true", "1", "yes") else no)


def _name_data(kinds: Iterable[str]) -> bool:
    """Whether the words say which data it is, and nothing else differs: `val`, `cifar10 training set`."""
    data: set[frozenset[str]] = set()
    others: set[frozenset[str]] = set()
    for kind in kinds:
        words = set(words_of(kind))
        data.add(frozenset(words & DATA))
        others.add(frozenset(word for word in words - DATA - OF_DATA if not word.isdecimal()))
        if not words & DATA or len(others) > 1:
            return False
    return len(data) > 1


def _tells_trainings(table: pd.DataFrame, column: str, epochs: list[str]) -> bool:
    """Whether the column may be the same in all rows of an epoch of a training: no metric, time or step."""
    passing = AFTERWARDS.intersection(words_of(column)) or is_index(column) or column in epochs
    passing = passing or (table[column] == "").any()
    bookkeeping = names_bookkeeping(column) and plain(column) not in RUN_NAMES
    return not (passing or bookkeeping or is_metric(table, column))


def is_metric(table: pd.DataFrame, column: str) -> bool:
    """Whether the column has a metric's name, and no text."""
    return mentions_metric(column) and not first_text(table[column])
