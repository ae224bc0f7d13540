"""The course of curves: whether it fits the name of their metric, and what about it is worth a remark."""

from __future__ import annotations

import numpy as np

from predictor.curves.arrays import Floats, last_values
from predictor.curves.metrics import SHARES, VAGUE, NamedMetric, words_of
from predictor.curves.names import may_subtract
from predictor.curves.placeholders import (
    LEAVE_EMPTY,
    refuse_placeholders,
    rows_that_end_in,
    zero_throughout,
    zeros_between,
)
from predictor.curves.wording import quoted
from predictor.errors import CurvesError

NEARLY_ALL = 0.9
FEW = 5
"""With fewer curves, the way they go does not contradict the metric's name."""
ALIKE = 0.25
"""The spread of values before training is at most this share of that of the next epoch."""
PERCENT_FROM = 10.0
MOST = 100.01
"""The largest accuracy in percent, with room for rounding."""
STILL = 3
TO_PERCENT = (80, 125)
"""Range of the factor to the next value where shares turn into percentages: nearly 100."""
SMOOTH = 0.5
"""The `smoothness` from which on values go smoothly."""
ONE_WAY = 0.8


def before_training(values: Floats, following: Floats, metric: NamedMetric) -> bool:
    """Whether values of an epoch 0 were taken before training, when networks are alike.

    Args:
        values: (n,) of epoch 0.
        following: (n,) of the next epoch.
        metric: of the values.

    Returns:
        True if their interquartile range is at most a quarter of the next epoch's, and the next epoch is
        better in nearly all curves; for fewer than 5 curves, if they are all the same (of one curve: zero).
    """
    both = np.isfinite(values) & np.isfinite(following)
    first, second = values[both], following[both]
    if not len(first):
        return False
    better = second < first if metric.direction == "minimize" else second > first
    if len(first) == 1:
        return bool(first[0] == 0 and better[0])
    if len(first) < FEW:
        return bool(np.all(first == first[0]) and better.all())
    return bool(better.mean() >= NEARLY_ALL and _middle(first) <= ALIKE * _middle(second))


def rising(values: Floats) -> float | None:
    """Share of the curves whose last value is above their first; None without a curve of two values."""
    changes = _changes(values)
    return float(np.mean(changes > 0)) if len(changes) else None


def smoothness(values: Floats) -> float:
    """Mean over curves (n, T) of the change from first to last value, divided by the sum of all changes."""
    shares = _smoothness_of_each(values)
    known = shares[np.isfinite(shares)]
    return float(known.mean()) if len(known) else 0.0


def _smoothness_of_each(values: Floats) -> Floats:
    changes = np.diff(values, axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(changes.sum(axis=1)) / np.abs(changes).sum(axis=1))


def check_rows(values: Floats, named: bool = False) -> None:
    """Refuse values that go smoothly down the columns and not along the rows; raises `CurvesError`.

    Args:
        values: (n, T), for which nothing but their place tells what is a training and what an epoch.
        named: whether the columns have a metric's name, as those of epochs have. They are then refused only
            if most of them are smooth, as they are not if trainings are sorted, and their means do not go one
            way.
    """
    down, along = smoothness(values.T), smoothness(values)
    if named and down:
        down = float(np.quantile(np.nan_to_num(_smoothness_of_each(values.T)), 0.25))
        along = 1 if _go_one_way(values.mean(axis=0)) else along
    if np.isfinite(values).all() and len(values) > FEW and down >= max(SMOOTH, 2 * along):
        n, T = values.shape
        raise CurvesError(
            f"{n} rows of {T} values seem to be {n} epochs of {T} trainings: a row has to be a training; "
            "transpose the table (name lists in JSON run1, run2, ...); if a row is one, say what its values "
            "are: --metric"
        )


def may_be_turned(values: Floats, trusted: bool) -> bool:
    """Whether values (n, T) of 3 rows or more are about as smooth down the columns as along the rows.

    Args:
        values: (n, T).
        trusted: whether columns whose means go one way are taken for epochs.
    """
    smooth = len(values) > 2 and smoothness(values.T) >= 0.9 * smoothness(values)
    return smooth and not (trusted and _go_one_way(values.mean(axis=0)))


def _go_one_way(values: Floats) -> bool:
    """Whether values (T,) go up or down by more than chance: Spearman's correlation with their place."""
    ranks = values.argsort().argsort()
    correlation = np.corrcoef(ranks, np.arange(len(values)))[0, 1] if len(values) > 1 else 1
    return bool(abs(correlation) > min(ONE_WAY, 3 / np.sqrt(len(values))))


def course(values: Floats) -> str:
    """The range of the values and the way they go, for messages."""
    finite, up = values[np.isfinite(values)], rising(values)
    between = f"values {finite.min():.4g} to {finite.max():.4g}" if len(finite) else "no values"
    return between if up is None else f"{between}, {up:.0%} of the curves end higher than they begin"


def check_course(metric: NamedMetric, name: str, values: Floats) -> None:
    """Refuse an accuracy, score or perplexity that cannot be one, because nearly all curves go the wrong way.

    Other metrics may get worse: a loss that rises is one of networks that overfit. It only gets a remark.

    Args:
        metric: what the name says.
        name: of the columns.
        values: (n, T).

    Raises:
        CurvesError: at least nine tenths of at least 5 curves go the wrong way, an accuracy is negative or
            above 100%, shares turn into percentages, or values stand for what was not observed
            (`predictor.curves.placeholders`).
    """
    if metric.name == "accuracy":
        _refuse_impossible(name, values)
    if metric.name in SHARES:
        _refuse_two_units(name, values)
    refuse_placeholders(metric, name, values)
    if way := wrong_way(metric, values, may_subtract(name)):
        raise CurvesError(
            f"{quoted(name)} is read as {metric.name}, which {way} curves; say what it is: --metric, or "
            "--direction"
        )


def wrong_way(metric: NamedMetric, values: Floats, doubtful: bool = False) -> str:
    """`falls in 8 of 8` if nearly all of some curves go the way that this metric does not; nothing if not.

    If the name is doubtful, half of however many curves are enough.
    """
    changes = _changes(values)
    if not doubtful and (len(changes) < FEW or metric.name not in ("accuracy", "perplexity", *VAGUE)):
        return ""
    up = metric.direction == "maximize"
    wrong = changes < 0 if up else changes > 0
    way = f"{'falls' if up else 'rises'} in {wrong.sum()} of {len(wrong)}"
    return way if wrong.sum() >= max(1, (0.5 if doubtful else NEARLY_ALL) * len(wrong)) else ""


def _refuse_impossible(name: str, values: Floats) -> None:
    """Refuse accuracies below 0 or above 100%; numbers of correct answers may be larger."""
    most = np.inf if "correct" in words_of(name) else MOST
    for row, epoch in np.argwhere(np.isfinite(values) & ((values < 0) | (values > most))):
        raise CurvesError(
            f"{quoted(name)} is read as accuracy, but that of curve {row} at epoch {epoch + 1} is "
            f"{values[row, epoch]:g}; {LEAVE_EMPTY}"
        )


def _refuse_two_units(name: str, values: Floats) -> None:
    """Refuse curves of shares, at least two different ones, that go on in percent: 0.61, 0.64, 66.2."""
    before, last, then = values[:, :-2], values[:, 1:-1], values[:, 2:]
    low, high = TO_PERCENT
    shares = (np.minimum(before, last) >= 0.1) & (np.maximum(before, last) <= 1) & (before != last)
    for row, epoch in np.argwhere(shares & (then >= low * last) & (then <= high * last)):
        raise CurvesError(
            f"{quoted(name)} goes from {last[row, epoch]:g} to {then[row, epoch]:g} at epoch {epoch + 3} of "
            f"curve {row}, as from shares to percentages; write all alike, or say what they are: --metric"
        )


def in_percent(metric: str, values: Floats) -> bool:
    """Whether these accuracies, errors or other shares are percentages, by their values."""
    highest = np.max(values, where=np.isfinite(values), initial=0)
    least = 1 if metric == "accuracy" else PERCENT_FROM if metric in SHARES | {"error"} else 100
    return bool(least < highest <= 100)


def remark_on(metric: NamedMetric, values: Floats) -> str:
    """What is worth a remark besides the metric; usually nothing."""
    remarks = []
    if in_percent(metric.name, values):
        remarks.append("in percent")
        if shares := rising_shares(values):
            remarks.append(_some(shares, "rises", "rise") + " within 0 to 1, as shares do")
    worse = rising(values if metric.direction == "minimize" else -values)
    if worse is not None and worse >= NEARLY_ALL and len(values) >= FEW:
        remarks.append(f"worse at the end than at the beginning in {worse:.0%} of the curves")
    if fell := len(rows_that_end_in(0.0, values)):
        remarks.append(_some(fell, "falls to 0 and ends", "fall to 0 and end") + " there")
    elif still := _standing_still(values):
        remarks.append(_some(still, "repeats its", "repeat their") + " last value to the end")
    if nothing := len(zero_throughout(values)):
        remarks.append(_some(nothing, "is", "are") + " 0 throughout")
    if between := int(zeros_between(values).any(axis=1).sum()):
        remarks.append(_some(between, "is", "are") + " 0 between other values")
    return ", ".join(remarks)


def _some(count: int, one: str, several: str) -> str:
    """`1 of them falls`, `2 of them fall`."""
    return f"{count} of them {one if count == 1 else several}"


def rising_shares(values: Floats) -> int:
    """Curves of values up to 1 that go up by a tenth or more, which is little for percentages."""
    known = np.isfinite(values)
    low = np.min(values, axis=1, where=known, initial=np.inf)
    high = np.max(values, axis=1, where=known, initial=-np.inf)
    return int(np.sum((high <= 1) & (high - low >= 0.1)))


def _standing_still(values: Floats) -> int:
    """Curves that change, and whose last epochs, a quarter of all, have one value: filled up, perhaps."""
    last = max(STILL, values.shape[1] // 4)
    ends = values[:, -last:]
    same = (ends == ends[:, -1:]).all(axis=1) & np.isfinite(ends).all(axis=1)
    return int(np.sum(same & (values[:, :1] != ends[:, -1:]).any(axis=1))) if values.shape[1] > last else 0


def _middle(values: Floats) -> float:
    """The interquartile range."""
    low, high = np.percentile(values, [25, 75])
    return float(high - low)


def _changes(values: Floats) -> Floats:
    """Last observed value minus first, of the curves with two."""
    known = np.isfinite(values)
    rows = np.flatnonzero(known.sum(axis=1) >= 2)
    return np.asarray(last_values(values[rows]) - values[rows, known[rows].argmax(axis=1)])
