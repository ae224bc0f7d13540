"""What the caller asks for; which of several series of values is the curve; its metric and direction."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from predictor.curves.arrays import Floats
from predictor.curves.course import NEARLY_ALL, PERCENT_FROM, check_course, course, remark_on, rising
from predictor.curves.metrics import Direction, NamedMetric, family_rank, metric_of, words_of
from predictor.curves.names import (
    OF_TEST,
    OF_TRAINING,
    OF_VALIDATION,
    UNLABELLED,
    evaluates_training,
    measured_on,
    only_accompanies,
    split_rank,
)
from predictor.curves.wording import LONGEST, as_argument, listed, quoted, shown
from predictor.curves.words import GENERIC, SECONDARY
from predictor.errors import CurvesError

OF_SOME = re.compile(r"AP[@_]?((0?\.)?(50?|75)(?![-:.\d])|[sml](?![A-Za-z]))")
"""Average precision at one overlap or of one size, `mAP50`, `mAP_s`, beside that of all, `mAP50-95`."""
ONE_SIDED = frozenset(("precision", "recall", "sensitivity", "specificity"))
"""Metrics that one can have at the cost of another."""


@dataclass(frozen=True)
class Wishes:
    """What the caller says about a file; None leaves it to what the file holds.

    Attributes:
        metric, direction: as in `LearningCurves`.
        curve: which columns are the curve: the name they have in common, or that of one of them.
        parameters: the columns that are parameters, and no others.
    """

    metric: str | None = None
    direction: Direction | None = None
    curve: str | None = None
    parameters: tuple[str, ...] | None = None

    def refuse(self, what: str, but: Collection[str] = ()) -> None:
        """Raise `CurvesError` for a wish that cannot be granted: the file itself says what it holds.

        Args:
            what: `an .npz file`, for the message.
            but: wishes that can be granted.
        """
        for name, value in vars(self).items():
            if value is not None and name not in but:
                raise CurvesError(f"--{name} does not apply to {what}, which itself says what it holds")


class Rank(NamedTuple):
    """What makes a series of values the curve, the most important first; less is better."""

    known: int
    extreme: bool
    split: int
    family: int
    unlabelled: bool
    shortness: int
    part: bool

    @property
    def kind(self) -> tuple[int, ...]:
        """All but how long it is, and whether it tells only a part."""
        return self[:5]


@dataclass(frozen=True)
class Candidate:
    """A series of values that may be the curve.

    Attributes:
        name: without the number of the epoch, `#` in its place if it is inside.
        length: epochs.
        aliases: other names that people may use for it.
    """

    name: str
    length: int
    aliases: tuple[str, ...] = ()

    def is_called(self, name: str | None) -> bool:
        """Whether people may mean it by this name."""
        return name in (self.name, *self.aliases)

    def rank(self, unlabelled: int = UNLABELLED) -> Rank:
        """Known metrics first, no extremes; validation before training; accuracy before loss; the longest.

        A metric of no known direction counts as unknown. Of equals, those that tell only a part come last.

        Args:
            unlabelled: the `split_rank` of what has no label, see `unlabelled_rank`.
        """
        metric = metric_of(self.name)
        known = 0 if metric and metric.direction else 1 if is_generic(self.name) else 2
        secondary = bool(SECONDARY.intersection(words_of(self.name)))
        bare = split_rank(self.name) == UNLABELLED
        split = unlabelled if bare else split_rank(self.name)
        family = family_rank(metric) if metric else 0
        after = bare and unlabelled == OF_TEST
        one_sided = metric is not None and metric.name in ONE_SIDED
        part = one_sided or OF_SOME.search(self.name) is not None
        return Rank(known, secondary, split, family, after, -self.length, part)


C = TypeVar("C", bound=Candidate)


def is_generic(name: str) -> bool:
    """Whether the name only says that there is a curve: `epoch`, `learning_curve`, nothing at all."""
    return set(words_of(name)) <= GENERIC


def choose(candidates: Sequence[C], curve: str | None, hint: str = "") -> C:
    """The candidate that was asked for, or else ranks first; `CurvesError` if two are equally good.

    Args:
        candidates: at least one.
        curve: of `Wishes`.
        hint: what else helps if two are equally good, for the message.
    """
    if curve is not None:
        for candidate in candidates:
            if candidate.is_called(curve):
                return candidate
        raise CurvesError(f"no curve {curve!r}; there are {_names(candidates)}")
    names = [candidate.name for candidate in candidates]
    candidates = [candidate for candidate in candidates if not only_accompanies(candidate.name, names)]
    equal = _best(candidates)
    if len(equal) > 1:
        raise CurvesError(
            f"{_names(equal)} are equally good as the learning curve; say which: --curve "
            f"{as_argument(equal[0].name)}{hint}"
        )
    return equal[0]


def _best(candidates: Sequence[C]) -> list[C]:
    """Those that rank first; one comes before another by its length only if it is a tenth longer."""
    unlabelled = unlabelled_rank(candidates)
    ranked = sorted(((c.rank(unlabelled), c) for c in candidates), key=lambda pair: pair[0])
    first, best = ranked[0]
    equal = [(rank, c) for rank, c in ranked if rank.kind == first.kind and _is_as_long(c, best)]
    return [c for rank, c in equal if not rank.part] or [c for _, c in equal]


def _is_as_long(one: Candidate, other: Candidate) -> bool:
    """Whether the other is less than a tenth longer, or told apart by `ema`: a smoothed copy is longer."""
    differ = set(words_of(one.name)).symmetric_difference(words_of(other.name))
    return differ == {"ema"} or 10 * one.length > 9 * other.length


def unlabelled_rank(candidates: Sequence[Candidate]) -> int:
    """The `split_rank` of metrics without a label, by the labels of the others.

    Keras does not label metrics of training data; if they are labelled, metrics without a label are not of
    training data. Beside test data alone they are, unless these were measured less than half as often.
    Beside labelled training and test data they may be of either, unless one of them has a namesake labelled
    as training data. `eval_train_acc` does not tell: there may be an `acc` of the training itself beside it.
    """
    names = [candidate.name for candidate in candidates if not evaluates_training(candidate.name)]
    splits = set(map(split_rank, names))
    longest = max((c.length for c in candidates if split_rank(c.name) == UNLABELLED), default=0)
    tested = any(split_rank(c.name) == OF_TEST and 0 < longest <= 2 * c.length for c in candidates)
    alone = tested and OF_VALIDATION not in splits
    if OF_TRAINING not in splits:
        return OF_TRAINING if alone else UNLABELLED
    on_both = measured_on(UNLABELLED, names) & measured_on(OF_TRAINING, names)
    return OF_TEST if alone and not on_both else OF_VALIDATION


def remark_on_test(chosen: Candidate, candidates: Sequence[Candidate]) -> str:
    """A clause where a metric of no label and one of test data are there, of which one was chosen."""
    ranked = sorted(candidates, key=lambda candidate: candidate.rank())
    known = [c.name for c in ranked if c.rank().known == 0 and not c.rank().extreme]
    bare = [name for name in known if split_rank(name) == UNLABELLED]
    tests = [name for name in known if split_rank(name) == OF_TEST]
    if chosen.name in tests and bare:
        return f"{listed(bare)} may be of the training data (if not: --curve {as_argument(bare[0])})"
    if chosen.name in bare and tests and unlabelled_rank(candidates) in (UNLABELLED, OF_TEST):
        return f"{shown(chosen.name)} may be of the training data (if so: --curve {as_argument(tests[0])})"
    return ""


def settle(name: str, values: Floats, wishes: Wishes) -> tuple[NamedMetric, str]:
    """Metric and direction of values under this name, and a remark on them; raises `CurvesError`.

    Args:
        name: of the columns.
        values: (n, T).
        wishes: of the caller, which are not questioned.
    """
    if wishes.metric:
        metric = metric_of(wishes.metric) or NamedMetric(wishes.metric, None)
    else:
        metric = metric_of(name) or _by_values(name, values, wishes.direction)
    direction = wishes.direction or metric.direction
    if direction is None:
        said = quoted(name) if words_of(name) else "a curve without a name"
        raise CurvesError(
            f"{said} does not say whether more is better ({course(values)}); "
            "say --direction maximize or minimize (direction=... of LearningCurves.read)"
        )
    if metric.name == "perplexity" and direction == "maximize":
        raise CurvesError("perplexities are minimized; say which other metric this is: --metric")
    if not (wishes.metric or wishes.direction):
        check_course(metric, name, values)
    settled = NamedMetric(metric.name, direction)
    return settled, remark_on(settled, values)


def _by_values(name: str, values: Floats, direction: Direction | None) -> NamedMetric:
    """The metric of a name that only tells epochs, as in published files; unknown if directions differ."""
    found = _guess(name, values)
    if direction and found.direction not in (None, direction):
        return NamedMetric("_".join(words_of(name)) or "value", direction)
    return found


def _guess(name: str, values: Floats) -> NamedMetric:
    """Shares of 1 and percent that rise are accuracies, large `ep_1, ...` that do not are perplexities."""
    unknown = NamedMetric("_".join(words_of(name)) or "value", None)
    finite = values[np.isfinite(values)]
    if not len(finite) or not is_generic(name):
        return unknown
    low, high, up = finite.min(), finite.max(), rising(values)
    published = set(words_of(name)) <= {"ep", "epoch"} and name.strip("_# ") != ""
    mostly_up = up is None or up >= NEARLY_ALL
    if low >= 0 and high <= 1 and (mostly_up or (published and up is not None and up > 1 - NEARLY_ALL)):
        return NamedMetric("accuracy", "maximize")
    if low >= 0 and PERCENT_FROM < high <= 100 and mostly_up and up is not None:
        return NamedMetric("accuracy", "maximize")
    if published and low >= 1 and high > 100 and not (up is not None and up >= NEARLY_ALL):
        return NamedMetric("perplexity", "minimize")
    return unknown


def _names(candidates: Sequence[Candidate]) -> str:
    return listed([f"{candidate.name[:LONGEST]} ({candidate.length})" for candidate in candidates])
