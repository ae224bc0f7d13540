"""Whatever JSON holds a table, as a pandas table of text.

An object is a row; a list of numbers in it is a curve and becomes the columns `name_1`, `name_2`, ...;
objects in objects become columns `outer/inner`. A training with a list of epochs, each an object, becomes a
row for each epoch.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from predictor.curves.choice import Wishes
from predictor.curves.json_curves import rows_of_lists, with_trainings
from predictor.curves.json_text import cells_of, content_of
from predictor.curves.metrics import metric_of, plain
from predictor.curves.names import UNLABELLED, mentions_metric_or_data, split_rank
from predictor.curves.wording import quoted, shown
from predictor.curves.words import EPOCH_NAMES, RUN, RUN_NAMES
from predictor.errors import CurvesError

CONFIGURATIONS = ("config", "params", "hparams", "args", "hyperparameters", "hyper parameters", "parameters")
"""Names of objects that hold what was known before training."""
WITHOUT_CURVES = {
    frozenset(("trial_id", "hyperparameters", "metrics")): (
        "a trial of Keras Tuner, which holds results, not curves; write these with keras.callbacks.CSVLogger"
    ),
    frozenset(("data", "configs", "config_origins")): (
        "a run history of SMAC, which holds costs by budget; if the budgets are epochs, write a row for each "
        "config_id and budget, with columns run, epoch and loss"
    ),
}
"""What objects of other tools are, by their keys."""
EPOCHS = frozenset(EPOCH_NAMES) - {"t", "generation"}
"""Names of numbers of epochs; the two left out may be a time, or what a training belongs to."""


def from_json(text: str, wishes: Wishes | None) -> tuple[pd.DataFrame, bool]:
    """The table in JSON or JSON lines, and whether it lacks a last line that was cut off; `CurvesError`.

    Args:
        text: of the file.
        wishes: of the caller; None if the file holds a single training.
    """
    content, cut_off = content_of(text)
    if wishes is not None:
        content = with_trainings(content, wishes)
    records = list(_records(content))
    if not records:
        raise CurvesError("no objects in this JSON; expected one for each training, or for each epoch")
    columns = dict.fromkeys(name for record in records for name in record)
    _refuse_levels(columns)
    cells = [[record.get(name, "") for name in columns] for record in records]
    return pd.DataFrame(cells, columns=pd.Index(list(columns), dtype=object), dtype=object), cut_off


def _records(content: Any) -> Iterator[dict[str, str]]:
    """Rows of whatever JSON this is."""
    if isinstance(content, list):
        if content and all(isinstance(item, list) for item in content):
            content = rows_of_lists(content)
        elif content and all(isinstance(item, int | float) for item in content):
            content = [{"": content}]
        for item in content:
            if not isinstance(item, Mapping):
                raise CurvesError(f"{quoted(str(item))} in a list of JSON; expected objects")
        if _are_histories(content):
            names = [str(item.get(RUN, item.get("name", ""))) for item in content]
            names = names if len(set(names)) == len(names) else [str(place) for place in range(len(names))]
            yield from _epochs(dict(zip(names, content, strict=True)))
        else:
            yield from (dict(cells_of(item)) for item in content)
    elif isinstance(content, Mapping):
        yield from _records_of_object(content)
    else:
        raise CurvesError(f"{quoted(str(content))} is no table; expected objects or lists of them")


def _records_of_object(content: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for keys, what in WITHOUT_CURVES.items():
        if keys <= content.keys():
            raise CurvesError(what)
    if _is_split(content):
        content = {"data": _rows_of_split(content)}
    values = list(content.values())
    inner = [value for value in values if isinstance(value, list) and value and isinstance(value[0], Mapping)]
    if len(inner) == 1:  # such as the log_history of a trainer_state.json
        settings = _settings(content) if _is_epoch(inner[0][0]) else {}
        yield from ({**settings, **record} for record in _records(inner[0]))
    elif len(list(_lists_of_epochs(content))) == len(content) > 1:
        of_data = all(split_rank(name) != UNLABELLED for name in content)
        yield from _epochs({name: {"": rows} for name, rows in content.items()}, "phase" if of_data else RUN)
    elif len(content) > 1 and all(isinstance(value, Mapping) for value in values) and _are_histories(values):
        yield from _epochs(content)
    elif values and all(isinstance(value, Mapping) for value in values):
        yield from _records_of_objects(content)
    elif _is_columnar(content):
        yield from _records([dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)])
    else:
        yield dict(cells_of(content))


def _records_of_objects(content: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    content = _by_number({name: _by_number(value) for name, value in content.items()})
    rows = dict.fromkeys(key for value in content.values() for key in value)
    if all(map(str.isdecimal, rows)):  # as pandas writes tables by columns
        yield from _records([{name: content[name].get(row) for name in content} for row in rows])
    elif all(map(str.isdecimal, content)) and _are_rows(list(content.values())):  # the same by rows
        yield from (dict(cells_of(value)) for value in content.values())
    elif _are_trainings(content):
        yield from ({"name": name, **dict(cells_of(value))} for name, value in content.items())
    else:  # one training, by kinds of data or metrics
        yield dict(cells_of(content))


def _by_number(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object in the order of its numbers if it is in that of their text: 0, 1, 10, 11, 2."""
    if not all(map(str.isdecimal, content)) or list(content) != sorted(content):
        return content
    return {name: content[name] for name in sorted(content, key=int)}


def _is_epoch(item: Mapping[str, Any]) -> bool:
    """Whether this is an epoch of the only training in a file, and not a training, or an epoch of several."""
    names = [name for name, _ in cells_of(item)]
    if _has_list(item) or any(plain(name) in RUN_NAMES for name in names):
        return False
    return any(map(_numbers_epochs, names)) or all(map(mentions_metric_or_data, names))


def _settings(content: Mapping[str, Any]) -> dict[str, str]:
    """The cells of the configuration beside a list of epochs, as `config/...`."""
    objects = [item for name, item in content.items() if plain(name) in CONFIGURATIONS]
    return {
        f"config/{name}": cell
        for item in objects
        if isinstance(item, Mapping)
        for name, cell in cells_of(item)
    }


def _is_split(content: Mapping[str, Any]) -> bool:
    """Whether this is what pandas writes with `orient="split"`, and W&B for its tables."""
    columns, rows = content.get("columns"), content.get("data")
    index = content.get("index", rows)
    if not (isinstance(columns, list) and isinstance(rows, list) and isinstance(index, list) and rows):
        return False
    return len(index) == len(rows) and all(isinstance(r, list) and len(r) == len(columns) for r in rows)


def _rows_of_split(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows as objects, with the index as their name if it is text; raises `CurvesError`."""
    names, index = content["columns"], content.get("index", [])
    columns = [str(tuple(name) if isinstance(name, list) else name) for name in names]
    _refuse_levels([*columns, *(str(tuple(name)) for name in index if isinstance(name, list))])
    if repeated := [(name, times) for name, times in Counter(columns).items() if times > 1]:
        raise CurvesError(f"column {quoted(repeated[0][0])} occurs {repeated[0][1]} times")
    rows = [dict(zip(columns, row, strict=True)) for row in content["data"]]
    if not index or "name" in columns or not all(isinstance(name, str) for name in index):
        return rows
    return [{"name": name, **row} for name, row in zip(index, rows, strict=True)]


def _refuse_levels(names: Iterable[str]) -> None:
    """Refuse names of columns or rows of several levels, as pandas writes them: `('val_acc', 'r1')`."""
    for begin in filter(None, (re.search(r"(?:^|/)\(", name) for name in names)):
        levels = begin.string[begin.end() :].rpartition(")")[0]
        if ", '" in levels or (levels.startswith("'") and ", " in levels):
            raise CurvesError(
                f"columns or rows of several levels, such as {shown(f'({levels})')}; write the table as CSV "
                "(pandas: table.to_csv), which keeps them apart"
            )


def _are_rows(items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether objects by number are rows: of an epoch that they number, or with columns `acc_1, ...`."""
    names = list(items[0])
    numbered = [name for name in names if re.search(r"\d$", name)]
    alike = all(item.keys() == items[0].keys() and not any(map(_has_list, item.values())) for item in items)
    return alike and (len(numbered) > 2 or any(map(_numbers_epochs, names)))


def _lists_of_epochs(item: Mapping[str, Any]) -> Iterator[str]:
    """Names of lists of objects with a number of an epoch or a metric; layers of networks have neither."""
    for name, value in item.items():
        objects = isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value)
        if objects and any(_numbers_epochs(key) or metric_of(key) for key, _ in cells_of(value[0])):
            yield name


def _are_histories(items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these are trainings with a list of epochs each; no epochs with a list of batches."""
    return len(items) > 1 and all(
        len(list(_lists_of_epochs(item))) == 1 and not any(map(_numbers_epochs, item)) for item in items
    )


def _epochs(trainings: Mapping[str, Mapping[str, Any]], told_by: str = RUN) -> Iterator[dict[str, str]]:
    """A row for each epoch of each training, with the training's name and what else is known of it."""
    for name, item in trainings.items():
        (inner,) = _lists_of_epochs(item)
        known = dict(cells_of({key: value for key, value in item.items() if key != inner}))
        for place, epoch in enumerate(item[inner], start=1):
            is_training = any(isinstance(value, list) for value in epoch.values())
            number = {} if is_training or any(map(_numbers_epochs, epoch)) else {"epoch": str(place)}
            yield {**known, told_by: name, **number, **dict(cells_of(epoch))}


def _are_trainings(content: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether these objects are trainings by name: each has a curve; names are not all of data or metrics."""
    if all(map(mentions_metric_or_data, content)):
        return False
    return all(_has_list(value) for value in content.values())


def _has_list(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else ()
    return isinstance(value, list) or any(_has_list(item) for item in inner)


def _is_columnar(content: Mapping[str, Any]) -> bool:
    """Whether lists of one length are columns and not curves: they are numbered, or one numbers epochs."""
    lists = [value for value in content.values() if isinstance(value, list)]
    if len(lists) < len(content) or len({len(value) for value in lists}) != 1:
        return False
    numbered = [name for name in content if re.search(r"\d$", name)]
    return len(numbered) > 1 or any(map(_numbers_epochs, content)) or _are_planned(content)


def _are_planned(content: Mapping[str, Any]) -> bool:
    """Whether a list `epochs` has numbers of trainings, and does not count those of one: 1, 2, 3, ..."""
    found = next((value for name, value in content.items() if plain(name) == "epochs"), None)
    return found is not None and not any(found == list(range(a, a + len(found))) for a in (0, 1))


def _numbers_epochs(name: str) -> bool:
    return plain(name) in EPOCHS
