"""What the columns of a table mean, decided from their names (never the file's name).

1. *Groups*: columns whose names differ in one number alone, `acc_1, acc_2, ...` or `e1Loss, e2Loss, ...`.
   One of them is the curve (`predictor.curves.choice`); the others are no parameters if they are of a metric
   or as long as the curve.
2. *Index*: columns without a name, `index`, `id` and `Unnamed...` are ignored.
3. *Names*: the first of `net`, `architecture`, `network`, `name` that is there.
4. *Left out*: text; results (`MaxAccuracy`, `test_acc`, and whatever nearly equals the curve's end or
   extreme); numbers, dates and splits of runs (`ModelId`, `IsTest`).
5. *Hyper-parameters*: names that start with `hp_` or hold a word of training (lr, rate, decay, batch ...).
6. *Architecture parameters*: names that start with `ap_` or hold a word of networks (depth, filter ...).
7. All other numeric columns are hyper-parameters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Literal

from predictor.curves.choice import Candidate, is_generic
from predictor.curves.metrics import mentions_metric, metric_in, metric_of, words_of
from predictor.curves.names import only_accompanies
from predictor.curves.wording import shown
from predictor.curves.words import (
    BESIDE_EPOCHS,
    NETWORK_NAMES,
    NETWORK_WORDS,
    OF_VALUES,
    PARAMETER_WORDS,
    TRAINING_WORDS,
    UNITS,
)

Kind = Literal["architecture", "hyperparameters"]

INDEX_COLUMN = re.compile(r"^(unnamed.*|index|id|)$", re.IGNORECASE)
TRAINING_NUMBER = re.compile(
    r"(?<![a-z])(run|trial|seed|k?fold|cv|split|bootstrap|exp|experiment|model|member|config|version|job|rep|"
    r"repeat|repetition|replicate|restart|lr|wd|bs|dropout|momentum)[ _=#-]*[\d#]",
    re.IGNORECASE,
)
PART_NUMBER = re.compile(
    r"(?<![a-z])(class|cls|label|category|layer|head|exit|branch|task|dataset|domain|language|top|rank|client|"
    r"worker|device|gpu|node|user|subject|patient|participant|speaker|site|group|cluster|view|crop|bin|severity|"
    r"quantile|percentile|thr|threshold|(recall|precision|ndcg|map|hits|pass)[ _]at)[ _=-]*#|@#|#[ _-]*shot",
    re.IGNORECASE,
)
"""A number of a part of what is measured, or of a rank: `class_3_acc`, `recall@5`."""
PERCENTILE = re.compile(r"(?<![a-z])[pq]#", re.IGNORECASE)
LEAST_PERCENTILE = 5
"""`loss_p10, loss_p20` are percentiles; `p1, p2` may be anything."""
DATE = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{4})?(?!\d)"
AFTER_METRIC = r"(?<=(?<![A-Za-z])[Ff]1\.)|(?<=(?<![A-Za-z])[Rr]2\.)|(?<=(?<![A-Za-z])[Tt]op[15]\.)"
"""`f1.`, to whose number no decimals belong."""
NUMBER = re.compile(rf"(?<!\d)(?:(?<!\d\.)|{AFTER_METRIC})(?!{DATE})\d{{1,12}}(?!\d)(?!\.\d)")
DECIMAL = re.compile(r"(?<![\d.])\d+\.\d+(?![\d.])")


@dataclass(frozen=True)
class Group(Candidate):
    """Columns whose names differ in one number alone.

    Attributes:
        columns: by that number, ascending.
        template: their name with `#` for the number.
    """

    columns: dict[int, str] = field(default_factory=dict)
    template: str = ""

    @property
    def stride(self) -> int | None:
        """The step between the numbers if it is always the same and the first is 0, 1 or it; else None."""
        numbers = list(self.columns)
        steps = {later - earlier for earlier, later in pairwise(numbers)} or {1}
        if len(steps) > 1:
            return None
        stride = steps.pop()
        if stride > 1 and len(numbers) < 3:
            return None
        return stride if numbers[0] in (0, 1, stride) else None

    @property
    def missing(self) -> str:
        """The first column that is missing."""
        return self.template.replace("#", str(next(n for n in count(1) if n not in self.columns)))

    @property
    def span(self) -> str:
        """The first and the last column, for messages: `acc_1 to acc_8`."""
        first, *others = self.columns.values()
        return f"{shown(first)} to {shown(others[-1])}" if others else shown(first)

    def decimals(self, header: Iterable[str]) -> list[str]:
        """The columns that would be between those of this group if numbers had decimals: `acc_1.5`.

        Empty if all come before them, as those of thresholds do: `mAP_0.50, mAP_0.75`.
        """
        alike = [column for column in header if DECIMAL.sub("#", column) == self.template]
        numbers = [float(found[0]) for found in map(DECIMAL.search, alike) if found]
        return alike if any(number > min(self.columns) for number in numbers) else []

    @property
    def numbers_trainings(self) -> bool:
        """Whether its number is that of a training: `acc_run1, acc_run2`, not `fold1_acc_1, ...`."""
        return numbers_trainings(re.sub(r"\d", "", self.template))

    @property
    def numbers_parts(self) -> bool:
        """Whether its number is that of a class or a rank: `class_0_acc`, `recall@1`, `loss_p90`."""
        percentiles = PERCENTILE.search(self.template) and min(self.columns) >= LEAST_PERCENTILE
        return bool(percentiles) or PART_NUMBER.search(self.template) is not None

    @property
    def counted(self) -> list[str]:
        """What a metric's number may count instead of epochs: `stage` of `acc_stage_1`."""
        return [word for word, _ in _beside_number(self.template)] if metric_of(self.name) else []

    @property
    def is_unclear(self) -> bool:
        """Whether such a word is joined to the number: `acc_s1`, `stage2_acc`, `acc_10pct`."""
        if not metric_of(self.name) or self.numbers_trainings or self.numbers_parts:
            return False
        return not PERCENTILE.search(self.template) and any(one for _, one in _beside_number(self.template))

    @property
    def numbers_a_metric(self) -> bool:
        """Whether the number belongs to a metric's name, as in `val_acc1`, `top1`."""
        joined = re.search(r"[A-Za-z]+#", self.template)
        return joined is not None and metric_in(words_of(joined[0].replace("#", "1"))[-1:]) is not None

    @property
    def is_of_parameters(self) -> bool:
        """Whether the names are those of parameters: `units_1, units_2`, `beta1, beta2`."""
        if metric_of(self.name):
            return False
        columns = self.columns.values()
        return not is_generic(self.name) and any(is_parameter(column) for column in columns)


def groups_of(header: Sequence[str]) -> list[Group]:
    """All groups, those of parameters included; a column belongs to the largest that it can belong to."""
    places: dict[str, dict[int, str]] = defaultdict(dict)
    for column in header:
        for template, number in _templates(column):
            places[template].setdefault(number, column)
    members: dict[str, dict[int, str]] = defaultdict(dict)
    for column in header:
        own = _templates(column)
        if own and not is_index(column):
            template, number = max(own, key=lambda item: (len(places[item[0]]), own.index(item)))
            members[template].setdefault(number, column)
    return [_group(template, columns) for template, columns in members.items()]


def curves_among(groups: Iterable[Group], wanted: str | None) -> list[Group]:
    """The groups that may be the curve: a single column is one only if it is epoch 1 of a known metric.

    Error bars of another group are none, even if that is named like a parameter: `success_rate`.
    Numbers of trainings (`acc_run1, acc_run2`), classes and ranks do not count as epochs, nor do numbers that
    may stand for anything (`acc_s1, acc_s2`), unless that curve is asked for.

    Args:
        groups: of `groups_of`.
        wanted: the curve that was asked for, which may be named like a parameter: `success_rate`.
    """
    groups = list(groups)
    names = [group.name for group in groups if len(group.columns) > 1 and not is_generic(group.name)]
    return [
        group
        for group in groups
        if (group.is_called(wanted) or not only_accompanies(group.name, names))
        and (not group.is_of_parameters or group.is_called(wanted))
        and not group.numbers_trainings
        and not group.numbers_parts
        and (not group.is_unclear or wanted in (group.name, group.template))
        and (len(group.columns) > 1 or (1 in group.columns and (metric_of(group.name) or group.name == "ep")))
        and any(number > 0 for number in group.columns)
    ]


def kind_of(column: str) -> Kind:
    """Whether a numeric column is an architecture parameter or a hyper-parameter; see rules 5 to 7."""
    words = _words(column)
    if words[:1] in (["ap"], ["hp"]):
        return "architecture" if words[0] == "ap" else "hyperparameters"
    if TRAINING_WORDS.intersection(words):
        return "hyperparameters"
    return "architecture" if NETWORK_WORDS.intersection(words) else "hyperparameters"


def name_column(header: Iterable[str]) -> str | None:
    """The column that names the networks, if there is one."""
    lowered = {column.strip().lower(): column for column in header}
    return next((lowered[name] for name in NETWORK_NAMES if name in lowered), None)


def numbers_trainings(name: str) -> bool:
    """Whether the name tells one training from others: `run_1`, `val_acc_seed3`, `lr0.1`."""
    return TRAINING_NUMBER.search(name) is not None


def is_index(column: str) -> bool:
    """Whether the column only numbers the rows."""
    return INDEX_COLUMN.match(column.strip()) is not None


def is_parameter(column: str) -> bool:
    """Whether the name holds a word of parameters."""
    words = _words(column)
    return words[:1] in (["ap"], ["hp"]) or bool(PARAMETER_WORDS.intersection(words))


def _beside_number(template: str) -> list[tuple[str, bool]]:
    """Words next to the number that tell neither epochs nor values, and whether they are joined to it."""
    before, _, after = template.partition("#")
    first, second = words_of(before)[-1:], words_of(after)[:1]
    if BESIDE_EPOCHS.intersection(first):
        return []
    unknown = [(word, before[-1:].isalpha()) for word in first if len(word) == 1 or not _tells_values(word)]
    second = [word for word in second if word not in UNITS and not _tells_values(word)]
    return unknown + [(word, after[:1].isalpha()) for word in second]


def _tells_values(word: str) -> bool:
    """Whether a word says of which values, or of which epochs, a number is: `val`, `mean`, `after`."""
    return word in BESIDE_EPOCHS or word in OF_VALUES or word.isdecimal() or mentions_metric(word)


def _templates(column: str) -> list[tuple[str, int]]:
    return [
        (f"{column[: match.start()]}#{column[match.end() :]}", int(match[0]))
        for match in NUMBER.finditer(column)
    ]


def _group(template: str, columns: dict[int, str]) -> Group:
    ascending = dict(sorted(columns.items()))
    short = template[:-1].rstrip("_-. :/#") if template.endswith("#") else ""
    aliases = (template, *ascending.values())
    return Group(short or template, sum(number > 0 for number in columns), aliases, ascending, template)


def _words(column: str) -> list[str]:
    return re.findall(r"[a-z]+\d*|\d+", re.sub(r"([a-z])([A-Z])", r"\1_\2", column.strip()).lower())
