"""Curves of training data beside what was measured on other data, or may have been."""

from __future__ import annotations

from collections.abc import Iterable

from predictor.curves.choice import is_generic
from predictor.curves.metrics import direction_of, words_of
from predictor.curves.names import OF_TEST, OF_TRAINING, OF_VALIDATION, UNLABELLED, split_rank
from predictor.curves.wording import as_argument, listed, shown
from predictor.curves.words import SUPERLATIVES
from predictor.errors import CurvesError


def refuse_training(chosen: str, others: Iterable[str]) -> None:
    """Refuse a curve of training data if those of other data are of no known metric, or extremes."""
    if split_rank(chosen) != OF_TRAINING:
        return
    if unknown := [name for name in others if _is_unknown_of_others(name) or _is_best(name)]:
        raise CurvesError(
            f"{shown(chosen)} was measured on training data; {listed(unknown)}, measured on other data, is "
            f"of no known metric, or the best so far; say which: --curve {as_argument(unknown[0])} with "
            f"--direction, or --curve {as_argument(chosen)}"
        )


def _is_unknown_of_others(name: str) -> bool:
    """Whether it was measured on validation or test data, and nothing else is known."""
    return split_rank(name) in (OF_VALIDATION, OF_TEST) and not is_generic(name) and not direction_of(name)


def _is_best(name: str) -> bool:
    """Whether it is the best so far on other than training data: `best_val_acc`, `best_acc`."""
    extremes = {"best"} if split_rank(name) == UNLABELLED else SUPERLATIVES
    known = not is_generic(name) and direction_of(name) is not None
    return known and split_rank(name) != OF_TRAINING and bool(extremes.intersection(words_of(name)))


def remark_on_unknown(chosen: str, others: Iterable[str]) -> str:
    """A clause where the curve is, or may be, of training data, and others are of no known metric."""
    if split_rank(chosen) == OF_TRAINING:
        what = "was measured on training data"
        unknown = [
            name
            for name in others
            if split_rank(name) == UNLABELLED and not (direction_of(name) or is_generic(name))
        ]
    elif split_rank(chosen) == UNLABELLED:
        what = "may be of the training data"
        unknown = [name for name in others if _is_unknown_of_others(name)]
    else:
        return ""
    told = f"{shown(chosen)} {what}, and {listed(unknown)} of no known metric"
    return f"{told} (if that is the curve: --curve {as_argument(unknown[0])})" if unknown else ""
