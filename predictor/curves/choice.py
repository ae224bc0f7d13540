"""Which of several series of values is the learning curve, what its metric is, and whether that can be so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from predictor.curves.learning_curves import Direction, Floats
from predictor.curves.metrics import (
    TEST,
    TRAINED,
    TRAINING,
    UNLABELLED,
    VALIDATION,
    Metric,
    family_rank,
    metric_of,
    split_rank,
    words_of,
)
from predictor.curves.wording import LONGEST, listed, shown
from predictor.errors import CurvesError

# fmt: off
GENERIC = frozenset((
    "e", "ep", "epoch", "epochs", "learning", "curve", "curves", "step", "steps", "iter", "iters",
    "iteration", "iterations", "it", "t", "y", "v", "value", "values", "history",
)) | VALIDATION | TEST | TRAINING
"""Words of names that say that values are a curve, but not of what."""
# fmt: on
SECONDARY = frozenset(("best", "max", "min", "peak", "final", "std", "top5", "acc5", "prec5"))
"""Words of what goes with a curve that is there, too."""
NEARLY_ALL = 0.9
FEW = 5
"""With fewer curves, the way they go does not contradict the metric's name."""
ALIKE = 0.25
"""Values before training are that much closer together than those of the next epoch, or more."""
PERCENT_FROM = 10.0


@dataclass(frozen=True)
class Wishes:
    """What the caller says about a file; None leaves it to what the file holds.

    Attributes:
        metric, direction: as in `LearningCurves`.
        curve: which columns are the curve: the name they have in common, or one of theirs.
        parameters: the columns that are parameters, and no others.
    """

    metric: str | None = None
    direction: Direction | None = None
    curve: str | None = None
    parameters: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Candidate:
    """A series of values that may be the curve.

    Attributes:
        name: without the number of the epoch, ``#`` in its place if it is inside.
        length: epochs.
        aliases: other names that people may say.
    """

    name: str
    length: int
    aliases: tuple[str, ...] = ()

    def rank(self, labelled: bool) -> tuple[int, bool, int, int, int]:
        """Known metrics first, no extremes; validation before training; accuracy before loss; the longest.

        Args:
            labelled: whether names say which metrics are of training. Keras does not label them; where they
                are labelled, what has no label is not of training.
        """
        metric = metric_of(self.name)
        known = 0 if metric else 1 if is_generic(self.name) else 2
        secondary = bool(SECONDARY.intersection(words_of(self.name)))
        split = split_rank(self.name)
        family = family_rank(metric) if metric else 0
        return known, secondary, 0 if labelled and split == UNLABELLED else split, family, -self.length


C = TypeVar("C", bound=Candidate)


def is_generic(name: str) -> bool:
    """Whether the name only says that there is a curve: ``epoch``, ``learning_curve``, nothing at all."""
    return set(words_of(name)) <= GENERIC


def choose(candidates: Sequence[C], curve: str | None) -> C:
    """The candidate that was asked for, or else ranks first; `CurvesError` if two are equally good."""
    if curve is not None:
        for candidate in candidates:
            if curve in (candidate.name, *candidate.aliases):
                return candidate
        raise CurvesError(f"no curve {curve!r}; there are {_names(candidates)}")
    labelled = any(split_rank(candidate.name) == TRAINED for candidate in candidates)
    ranked = sorted(candidates, key=lambda candidate: candidate.rank(labelled))
    equal = [candidate for candidate in ranked if candidate.rank(labelled) == ranked[0].rank(labelled)]
    if len(equal) > 1:
        raise CurvesError(
            f"{_names(equal)} are equally good as the learning curve; "
            f"say which: --curve {shown(equal[0].name)}"
        )
    return ranked[0]


def settle(name: str, values: Floats, wishes: Wishes) -> tuple[Metric, str]:
    """Metric and direction of values under this name, and a remark on them; raises `CurvesError`.

    Args:
        name: of the columns.
        values: (n, T).
        wishes: of the caller, which are not questioned.
    """
    if wishes.metric:
        metric = metric_of(wishes.metric) or Metric(wishes.metric, None)
    else:
        metric = metric_of(name) or _by_values(name, values, wishes.direction)
    direction = wishes.direction or metric.direction
    if direction is None:
        raise CurvesError(
            f"{name[:60]!r} does not say whether more is better ({_course(values)}); "
            "say --direction maximize or minimize (direction=... of LearningCurves.read)"
        )
    if metric.name == "perplexity" and direction == "maximize":
        raise CurvesError("perplexities are minimized; say which other metric this is: --metric")
    if not (wishes.metric or wishes.direction):
        _check_course(metric, name, values)
    settled = Metric(metric.name, direction)
    return settled, _remark(settled, values)


def before_training(values: Floats, following: Floats, direction: Direction) -> bool:
    """Whether values of an epoch 0 were taken before training, when networks are alike.

    Args:
        values: (n,) of epoch 0.
        following: (n,) of the next epoch.
        direction: of the metric.

    Returns:
        True if their interquartile range is at most a quarter of the next epoch's, and the next epoch is
        better in nearly all curves; for fewer than 5 curves, if they are all the same (of one curve: zero).
    """
    both = np.isfinite(values) & np.isfinite(following)
    first, second = values[both], following[both]
    if not len(first):
        return False
    better = second > first if direction == "maximize" else second < first
    if len(first) == 1:
        return bool(first[0] == 0 and better[0])
    if len(first) < FEW:
        return bool(np.all(first == first[0]) and better.all())
    return bool(better.mean() >= NEARLY_ALL and _spread(first) <= ALIKE * _spread(second))


def rising(values: Floats) -> float | None:
    """Share of the curves whose last value is above their first; None without a curve of two values."""
    changes = _changes(values)
    return float(np.mean(changes > 0)) if len(changes) else None


def _spread(values: Floats) -> float:
    low, high = np.percentile(values, [25, 75])
    return float(high - low)


def _changes(values: Floats) -> Floats:
    """Last observed value minus first, of the curves with two."""
    known = np.isfinite(values)
    rows = np.flatnonzero(known.sum(axis=1) >= 2)
    first = known[rows].argmax(axis=1)
    last = values.shape[1] - 1 - known[rows][:, ::-1].argmax(axis=1)
    return np.asarray(values[rows, last] - values[rows, first])


def _by_values(name: str, values: Floats, direction: Direction | None) -> Metric:
    """What a name of epochs alone, as in the published files, stands for; unknown against the direction."""
    found = _guess(name, values)
    if direction and found.direction not in (None, direction):
        return Metric("_".join(words_of(name)) or "value", direction)
    return found


def _guess(name: str, values: Floats) -> Metric:
    """Shares of 1 and percent that rise are accuracies, large ``ep_1, ...`` that do not are perplexities."""
    unknown = Metric("_".join(words_of(name)) or "value", None)
    finite = values[np.isfinite(values)]
    if not len(finite) or not is_generic(name):
        return unknown
    low, high, up = finite.min(), finite.max(), rising(values)
    published = set(words_of(name)) <= {"ep", "epoch"} and name.strip("_# ") != ""
    mostly_up = up is None or up >= NEARLY_ALL
    if low >= 0 and high <= 1 and (mostly_up or (published and up is not None and up > 1 - NEARLY_ALL)):
        return Metric("accuracy", "maximize")
    if low >= 0 and PERCENT_FROM < high <= 100 and mostly_up and up is not None:
        return Metric("accuracy", "maximize")
    if published and low >= 1 and high > 100 and not (up is not None and up >= NEARLY_ALL):
        return Metric("perplexity", "minimize")
    return unknown


def _course(values: Floats) -> str:
    finite, up = values[np.isfinite(values)], rising(values)
    between = f"values {finite.min():.4g} to {finite.max():.4g}" if len(finite) else "no values"
    return between if up is None else f"{between}, {up:.0%} of the curves end higher than they begin"


def _check_course(metric: Metric, name: str, values: Floats) -> None:
    changes = _changes(values)
    if metric.name not in ("accuracy", "perplexity") or len(changes) < FEW:
        return
    wrong = changes < 0 if metric.name == "accuracy" else changes > 0
    if wrong.mean() >= NEARLY_ALL:
        way = "falls" if metric.name == "accuracy" else "rises"
        raise CurvesError(
            f"{name[:60]!r} is read as {metric.name}, which {way} in {wrong.sum()} of {len(wrong)} curves; "
            "say what it is: --metric, or --direction"
        )


def in_percent(metric: str, values: Floats) -> bool:
    """Whether these accuracies or errors are percentages, by their values."""
    highest = np.max(values, where=np.isfinite(values), initial=0)
    return bool({"accuracy": 1, "error": PERCENT_FROM}.get(metric, 100) < highest <= 100)


def _remark(metric: Metric, values: Floats) -> str:
    if in_percent(metric.name, values):
        return "in percent"
    up = rising(values)
    worse = None if up is None else up if metric.direction == "minimize" else 1 - up
    if worse is not None and worse >= NEARLY_ALL and len(values) >= FEW:
        return f"worse at the end than at the beginning in {worse:.0%} of the curves"
    return ""


def _names(candidates: Sequence[Candidate]) -> str:
    return listed([f"{candidate.name[:LONGEST]} ({candidate.length})" for candidate in candidates])
