"""JSON objects that consist of lists and hold several trainings, turned into a list of one object for each.

`{"lenet": [0.3, 0.5], "vgg": [0.2, 0.4]}` names trainings, if its names do not say that they are something
else, and the caller names the metric; `{"val_acc": [[0.3, 0.5], [0.2, 0.4]]}` holds curves of one metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from string import ascii_lowercase
from typing import Any

from predictor.curves.choice import Wishes, is_generic
from predictor.curves.columns import PART_NUMBER, Group, groups_of, is_index, is_parameter, numbers_trainings
from predictor.curves.metrics import mentions_metric, plain
from predictor.curves.names import mentions_metric_or_data, names_no_values, names_result, names_steps
from predictor.curves.wording import as_argument, listed
from predictor.curves.words import EPOCH_NAMES, RUN_NAMES
from predictor.errors import CurvesError

LETTERS = tuple(ascii_lowercase)
LONGEST_POINT = 3
"""The most numbers in a point of a curve: time, step and value."""
A_TIME = 1e6
"""Numbers above this are seconds since 1970, or milliseconds."""


def with_trainings(content: Any, wishes: Wishes) -> Any:
    """The content of a JSON file, with such an object turned into a list; `CurvesError` if it is unclear."""
    if not isinstance(content, Mapping) or not content or not all(map(_is_list, content.values())):
        return content
    if _has_curves_of_a_metric(content):
        return [dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)]
    if wishes.curve or wishes.metric in content:
        return content
    if wishes.metric:
        _refuse_counted(content)
    if not _names_trainings(content):
        return content
    names = list(content)
    if not wishes.metric and not all(map(numbers_trainings, names)):
        raise CurvesError(
            f"{listed(names)} may be trainings or metrics of one; if they are trainings, say what their "
            f"values are: --metric; if they are metrics, say which: --curve {as_argument(names[0])}"
        )
    return [{"name": name, "": values} for name, values in content.items()]


def rows_of_lists(lists: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows with a curve without a name each; of TensorBoard's points, with the columns that its CSV has."""
    if all(map(_is_point, lists)) and all(a[0] <= b[0] for a, b in pairwise(lists)):
        return [{"Wall time": time, "Step": step, "Value": value} for time, step, value in lists]
    return [{"": values} for values in lists]


def _is_point(values: Sequence[Any]) -> bool:
    """Whether this is a time, a step and a value, as in TensorBoard's download."""
    return (
        len(values) == 3
        and _are_numbers(values[:1])
        and (values[0] or 0) > A_TIME
        and isinstance(values[1], int)
    )


def _refuse_counted(content: Mapping[str, Sequence[Any]]) -> None:
    """Refuse `net1, net2, ...`, which may be trainings, or epochs as in the columns of a table."""
    names = list(content)
    group = _counted(names)
    stem = group.template.replace("#", "").strip(" _-./") if group and len(names) > 1 else ""
    if not group or not stem or _tells(stem) or numbers_trainings(names[0]):
        return
    if all(map(_are_numbers, content.values())):
        raise CurvesError(
            f"{listed(names)} may be trainings or epochs; if they are trainings, call them run1, run2 and so "
            f"on; if they are epochs, --curve {as_argument(group.name)}"
        )


def _counted(names: Sequence[str]) -> Group | None:
    """The group of all these names, if they differ in one number alone, which counts them."""
    groups = groups_of(names)
    if len(groups) == 1 and groups[0].stride is not None and len(groups[0].columns) == len(names):
        return groups[0]
    return None


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(item is None or isinstance(item, int | float) for item in values)


def _has_curves_of_a_metric(content: Mapping[str, Sequence[Any]]) -> bool:
    """Whether metrics have a list of curves, and everything else has one value for each of them."""
    curves = [name for name, values in content.items() if _are_curves(values)]
    others = [name for name in content if name not in curves]
    if not curves or len({len(values) for values in content.values()}) > 1:
        return False
    measured = all(mentions_metric(name) or is_generic(name) for name in curves)
    return measured and not any(map(_is_of_an_epoch, others))


def _are_curves(lists: Sequence[Any]) -> bool:
    """Whether these are lists of numbers, and not a step or time and a value each: `[1, 0.3], [2, 0.5]`."""
    if not all(_is_list(values) and _are_numbers(values) for values in lists):
        return False
    first = [values[0] for values in lists]
    ascending = len(first) > 1 and None not in first and all(a < b for a, b in pairwise(first))
    counts = ascending and (all(float(a).is_integer() for a in first) or first[0] > A_TIME)
    return not (counts and max(map(len, lists)) <= LONGEST_POINT)


def _is_of_an_epoch(name: str) -> bool:
    """Whether a list under this name would hold one value for each epoch."""
    of_values = mentions_metric_or_data(name) or is_generic(name)
    return of_values or names_steps(name) or plain(name) in EPOCH_NAMES


def _names_trainings(content: Mapping[str, Sequence[Any]]) -> bool:
    """Whether these are several curves whose names tell trainings, or tell nothing.

    Names that only count, `1, 2`, may be epochs, as in the columns of a table.
    """
    names = list(content)
    if len(names) < 2 or not all(map(_are_numbers, content.values())):
        return False
    if all(map(numbers_trainings, names)):
        return not any(map(mentions_metric_or_data, names))
    lettered = tuple(map(str.lower, names)) == LETTERS[: len(names)]
    return lettered or not (_counted(names) or any(map(_tells, names)))


def _tells(name: str) -> bool:
    """Whether the name says of what its values are, or what they number."""
    if numbers_trainings(name) and not mentions_metric_or_data(name):
        return False
    kinds = (mentions_metric_or_data, is_generic, is_parameter, is_index, names_result, names_steps)
    told = any(kind(name) for kind in (*kinds, names_no_values))
    return told or plain(name) in (*EPOCH_NAMES, *RUN_NAMES) or PART_NUMBER.search(name) is not None
