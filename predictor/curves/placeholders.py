"""Numbers that stand for what was not observed: 0, -1, -999, 1e10, as some programs write them."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import Floats, last_values
from predictor.curves.metrics import SHARES, NamedMetric, words_of
from predictor.curves.wording import quoted
from predictor.errors import CurvesError

LEAVE_EMPTY = "leave empty what was not observed, or say what it is: --metric"
FILLERS = (0.0, -1.0)
"""What some programs write where a training had ended, or nothing was evaluated."""
SENTINEL = re.compile(r"999+|1(0{6,}|e\+\d+)")
"""-999, 9999 or 1e10, which stand for unknown values if all others are much smaller."""
MUCH = 10
ABRUPT = 0.25
"""A curve that falls to zero from this share of its largest value or more did not get there by training."""
TERMS = frozenset((
    "kl", "kld", "reg", "regularization", "regularisation", "aux", "auxiliary", "penalty", "l1", "l2",
    "commit", "commitment",
))  # fmt: skip
"""Words for terms of a loss, which may be 0."""
SEVERAL = 0.1
"""If fewer trainings than this share end at an accuracy of 0, they may have collapsed: only a remark."""


def refuse_placeholders(metric: NamedMetric, name: str, values: Floats) -> None:
    """Refuse values that stand for missing ones.

    Args:
        metric: what the name says.
        name: of the columns.
        values: (n, T).

    Raises:
        CurvesError: curves end in 0 (a tenth of accuracies, any loss or error), -1 or a number such as -999
            or 1e10; are 0 throughout (losses and errors) or between much larger values; or have such a
            number, or -1, in any place where nothing else is like it.
    """
    _refuse_filled(metric.name, name, values)
    _refuse_last_sentinels(metric, name, values)
    _refuse_sentinels(name, values)
    _refuse_negative(metric, name, values)
    if not (values < 0).any():
        _refuse_throughout(metric.name, name, values)
        _refuse_between(metric.name, name, values)


def rows_that_end_in(filler: float, values: Floats) -> list[int]:
    """The curves that suddenly end in this value."""
    last = last_values(values)
    return [row for row in np.flatnonzero(last == filler).tolist() if _ends_in(filler, values[row])]


def zero_throughout(values: Floats, least: int = 2) -> npt.NDArray[np.int64]:
    """The curves with no other value than 0, and at least `least` of these."""
    known = np.isfinite(values)
    return np.flatnonzero((known.sum(axis=1) >= least) & ((values == 0) | ~known).all(axis=1))


def zeros_between(values: Floats) -> npt.NDArray[np.bool_]:
    """(n, T) where curves are 0 for a while, between values that are large among their own.

    Values may be so coarse, as errors of a few images are, that 0 is next to them; these are not large.
    """
    known = np.isfinite(values)
    steps = np.diff(np.unique(np.append(np.round(values[known], 9), 0)))
    if not len(steps):
        return np.zeros(values.shape, dtype=np.bool_)
    others = np.where(known & (values != 0), values, np.nan)
    most = np.max(values, axis=1, where=known, initial=0, keepdims=True)
    large = np.maximum(ABRUPT * most, MUCH * steps.min())
    before, after = _last_before(others), _last_before(others[:, ::-1])[:, ::-1]
    return np.asarray((values == 0) & (before >= large) & (after >= large))


def _last_before(values: Floats) -> Floats:
    """Values (n, T) with NaN replaced by the last one before it."""
    places = np.where(np.isnan(values), 0, np.arange(values.shape[1]))
    return np.take_along_axis(values, np.maximum.accumulate(places, axis=1), axis=1)


def _refuse(name: str, what: str, rows: npt.ArrayLike, values: Floats) -> None:
    """Refuse these curves, if there are any."""
    found = np.asarray(rows)
    if len(found):
        raise CurvesError(
            f"{quoted(name)} {what} in {len(found)} of {len(values)} curves, the first of them curve "
            f"{found[0]}; {LEAVE_EMPTY}"
        )


def _refuse_filled(metric: str, name: str, values: Floats) -> None:
    """Refuse curves that end in 0 (accuracies, errors and losses) or -1 (metrics that are never negative)."""
    for filler in FILLERS if metric in ("accuracy", "error", "loss") else FILLERS[1:]:
        rows = rows_that_end_in(filler, values)
        collapsed = metric == "accuracy" and filler == 0 and len(rows) < SEVERAL * len(values)
        if not collapsed and not np.any((values < 0) & (values != filler)):
            _refuse(name, f"ends in {filler:g}", rows, values)


def _refuse_last_sentinels(metric: NamedMetric, name: str, values: Floats) -> None:
    """Refuse curves that end in a number such as -999 or, of what is minimized, 1e10."""
    last = last_values(values)
    for row in np.flatnonzero(np.isfinite(last)):
        filler, seen = last[row], values[row][np.isfinite(values[row])]
        others = np.abs(seen[seen != filler])
        written = (filler < 0 or metric.direction == "minimize") and _is_sentinel(filler)
        if written and len(others) and MUCH * others.max() < abs(filler):
            raise CurvesError(f"{quoted(name)} ends in {filler:g} in curve {row}; {LEAVE_EMPTY}")


def _refuse_sentinels(name: str, values: Floats) -> None:
    """Refuse such a number in any place, if all other values of all curves are much smaller.

    If it occurs only once, as the first value of a curve, it may be the loss of a network before it learns.
    """
    finite = values[np.isfinite(values)]
    filler = finite[np.abs(finite).argmax()] if len(finite) else 0.0
    others = np.abs(finite[finite != filler])
    if not (_is_sentinel(filler) and len(others) and MUCH * others.max() < abs(filler)):
        return
    places = np.argwhere(values == filler)
    if len(places) > 1 or np.isfinite(values[places[0][0], : places[0][1]]).any():
        _refuse(name, f"is {filler:g}", np.unique(places[:, 0]), values)


def _refuse_negative(metric: NamedMetric, name: str, values: Floats) -> None:
    """Refuse -1 as a value of metrics that are never negative; scores may be."""
    if metric.direction != "minimize" and metric.name not in SHARES:
        return
    if (values > 0).any() and not np.any((values < 0) & (values != -1)):
        _refuse(name, "is -1", np.flatnonzero((values == -1).any(axis=1)), values)


def _refuse_throughout(metric: str, name: str, values: Floats) -> None:
    """Refuse errors and losses of 0 throughout, the best there is, if no other is (losses: begins with) 0.

    Accuracies of 0 are the worst there is: failed trainings, filled up or not, do not mislead and only get a
    remark. So do terms of losses, which may be switched off, and errors of so few images that 0 is next to
    others.
    """
    rows = zero_throughout(values, least=1 if metric == "loss" else 2)
    others = np.delete(values, rows, axis=0)
    alike = others[:, :1] if metric == "loss" else others
    may_be = bool(TERMS.intersection(words_of(name))) or (metric == "error" and _zero_is_next(others))
    if metric in ("error", "loss") and len(others) and not may_be and not (alike == 0).any():
        _refuse(name, "is 0 throughout", rows, values)


def _refuse_between(metric: str, name: str, values: Floats) -> None:
    """Refuse curves that are 0 where they were not evaluated: any loss, and others where many are."""
    between = zeros_between(values)
    rows = np.flatnonzero(between.any(axis=1))
    together = between.sum(axis=0).max(initial=0) >= max(2, len(values) / 2)
    several = len(rows) > 1 or between.sum() > 1
    often = metric == "accuracy" and several and len(rows) >= SEVERAL * len(values)
    if metric == "loss" or often or (together and metric in SHARES | {"error"}):
        _refuse(name, "is 0 between other values", rows, values)


def _zero_is_next(values: Floats) -> bool:
    """Whether 0 is at most twice as far from the least of these values as some of these are from another."""
    known = np.unique(np.round(values[np.isfinite(values)], 9))
    return len(known) > 1 and bool(known[0] <= 2 * np.diff(known).min())


def _is_sentinel(value: float) -> bool:
    return SENTINEL.fullmatch(f"{abs(value):.15g}") is not None


def _ends_in(filler: float, row: Floats) -> bool:
    seen = row[np.isfinite(row)]
    before = seen[: len(seen) - int(np.argmin(np.append(seen[::-1] == filler, False)))]
    return bool(len(before) and before[-1] > 0 and before[-1] >= ABRUPT * before.max())
