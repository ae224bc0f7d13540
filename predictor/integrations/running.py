"""One training of a program's own: it takes values, answers with decisions, and is stored when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Self
from weakref import finalize

import numpy as np

from predictor.errors import CurvesError
from predictor.integrations.trainings import Training, decide, logger, parameters_by_name, without_leg
from predictor.rules.base import Decision, StoppingRule, require_rule

if TYPE_CHECKING:
    from predictor.curves.learning_curves import LearningCurves
    from predictor.integrations.recorded import CurveStore

MOST_EPOCHS = 10**8
"""Epochs that are skipped take memory, 8 bytes each."""


class RunningTraining:
    """One training: takes its values, answers with decisions, and is added to the store when it ends.

    As a context manager, it ends with its block. After an exception, Ctrl-C included, it is not added: it did
    not come to its end, and nobody decided to stop it. Without a block, call `end` after the last value; a
    training that is dropped before that is not added, and the log says so.

    Attributes:
        values: y_1, y_2, ... so far, NaN where not observed. Assign the first ones when a training is
            resumed: if they were added to the store when the earlier part ended, this training is not
            compared with them, and replaces them when it ends.
    """

    def __init__(self, store: CurveStore, rule: StoppingRule, parameters: Mapping[str, float | None]) -> None:
        require_rule(rule)
        self.values: list[float] = []
        self._stopped = self._ended = False
        self._store = store
        self._rule = rule
        self._parameters = parameters_by_name(parameters)
        self._format = store.format(list(self._parameters))
        self._format.curves([Training([], self._parameters)])  # refuses what is not a number
        self._leg: LearningCurves | None = None
        self._dropped = finalize(self, store.tell_dropped)

    def report(self, value: float, epoch: float | None = None) -> Decision:
        """Take the value of an epoch (from 1; the next one if not given), and decide whether to stop.

        Skipped epochs count as not observed, and epochs after T are ignored. Raises `CurvesError` for an
        epoch below 1 or that is not a whole number, for a value that is not a number (NaN is one), and after
        the end.
        """
        if self._ended:
            raise CurvesError("this training has ended; begin the next one with store.training(...)")
        place = len(self.values) + 1 if epoch is None else _place(epoch)
        number = _number(value)
        if self._leg is None:
            self._leg = self._format.curves([self._so_far()])
        del self.values[place - 1 :]  # if the training was begun again
        self.values += [nan] * (place - 1 - len(self.values))
        self.values.append(number)
        if place > self._format.T:
            self._store.tell_passed(place)
        others = without_leg(self._store.history(), self._leg)
        decision = decide(self._rule, self._so_far(), others, self._format)
        self._stopped = decision.stop
        return decision

    def end(self) -> None:
        """Add the training to the store, or log that it reported nothing. A second call does nothing."""
        if self._ended:
            return
        self._dropped.detach()
        self._store.add(self.values, self._parameters, leg=self._leg or self._format.curves([self._so_far()]))
        self._ended = True
        if not self._stopped:
            self._store.tell_other_length(len(self.values))
            if not np.isfinite(self.values).any():
                logger.warning("%s: a training that reported no value is not added", self._store.path)

    def _so_far(self) -> Training:
        return Training(self.values, self._parameters)

    def __enter__(self) -> Self:
        self._dropped.detach()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.end()


def _place(epoch: object) -> int:
    try:
        whole = isinstance(epoch, float | np.floating) and epoch.is_integer()
        place = int(epoch) if whole else index(epoch)  # type: ignore[call-overload, arg-type]
    except TypeError:
        raise CurvesError(f"epoch = {epoch!r}; expected a whole number, at least 1") from None
    if place < 1:
        raise CurvesError(f"epoch = {place}; epochs are counted from 1: report(value, epoch + 1)")
    if place > MOST_EPOCHS:
        raise CurvesError(f"epoch = {epoch!r}; expected at most {MOST_EPOCHS:,}")
    return place


def _number(value: object) -> float:
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise CurvesError(f"value = {value!r}; expected a number (NaN if not observed)") from None
