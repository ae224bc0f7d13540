"""What every integration does: make curves of plain numbers, and ask a rule about one of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import Floats, last_known
from predictor.curves.columns import kind_of
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.metrics import Direction
from predictor.errors import CurvesError
from predictor.rules.base import Decision, StoppingRule

ENOUGH = 3
"""Once this many trainings came to their end, there is a warning if none of them has T epochs."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """One training as another library knows it.

    Attributes:
        values: y_1, y_2, ... so far, in the metric's own units; NaN for an epoch that was not observed.
            Epochs after T are ignored.
        parameters: architecture and hyper-parameters by name; missing and infinite ones are unknown.
        name: for messages.
    """

    values: Sequence[float]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str = "this training"


@dataclass(frozen=True)
class CurveFormat:
    """What the trainings that are compared have in common.

    Attributes:
        T: epochs (values) of a full training, at least 1.
        metric: as in `LearningCurves`.
        direction: as in `LearningCurves`.
        parameters: which parameters the rules may look at.
    """

    T: int
    metric: str = "accuracy"
    direction: Direction | None = None
    parameters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.T, bool) or not isinstance(self.T, int | np.integer) or self.T < 1:
            raise CurvesError(f"T = {self.T!r}; expected the number of epochs of a full training, at least 1")

    def curves(self, trainings: Sequence[Training]) -> LearningCurves:
        """The curves of these trainings, in this order; `CurvesError` if a parameter is not a number."""
        values = np.full((len(trainings), self.T), np.nan)
        for row, training in zip(values, trainings, strict=True):
            observed = training.values[: self.T]
            row[: len(observed)] = observed
        columns: dict[str, dict[str, Floats]] = {"architecture": {}, "hyperparameters": {}}
        for name in self.parameters:
            columns[kind_of(name)][name] = np.array([_number(training, name) for training in trainings])
        return LearningCurves(
            values, columns["architecture"], columns["hyperparameters"], self.metric, self.direction
        )


def decide(
    rule: StoppingRule, training: Training, history: LearningCurves, curve_format: CurveFormat
) -> Decision:
    """The rule's decision about a running training, as if it were asked directly, with these exceptions.

    A training whose latest value is not finite is stopped, whatever the rule: its curve has ended. The rule
    is not asked about a training that has all T epochs. Trainings are compared at epochs that both have: if a
    training was resumed, or is validated less often, the rule sees only its observed epochs, of this training
    and of the others.
    """
    if (stop := stop_if_diverged(training)) is not None:
        return stop
    tau = len(training.values)
    if tau >= curve_format.T:
        return Decision(stop=False, reason="completed")
    curve = curve_format.curves([training])
    if all(map(isfinite, training.values)) and not history.diverged.any():  # nothing is missing anywhere
        return rule.decide(curve, history)
    epochs = _epochs(np.asarray(training.values, dtype=np.float64), history)
    if tau and tau - 1 not in epochs:
        return Decision(stop=False, reason=f"the other trainings have no value at epoch {tau}")
    decision = rule.decide(_at(curve, epochs), _comparable(history, epochs))
    return _with_epoch(decision, 1 + epochs.index(tau - 1), tau) if tau else decision


@lru_cache(maxsize=8)
def without_leg(history: LearningCurves, leg: LearningCurves) -> LearningCurves:
    """The history without the earlier leg of a training; the same object for the same arguments.

    A training that ended early, was stored and is resumed must not be compared with itself. Its leg, one
    curve, is the latest in the history with exactly these values and parameters.
    """
    if history.T != leg.T or not np.isfinite(leg.values).any():
        return history
    theirs, ours = ({**curves.architecture, **curves.hyperparameters} for curves in (history, leg))
    if theirs.keys() != ours.keys():
        return history
    rows = np.column_stack([history.values, *theirs.values()])
    row = np.column_stack([leg.values, *(ours[name] for name in theirs)])
    legs = np.flatnonzero(((rows == row) | (np.isnan(rows) & np.isnan(row))).all(axis=1))
    return history[np.arange(len(history)) != legs[-1]] if len(legs) else history


def stop_if_diverged(training: Training) -> Decision | None:
    """The decision to stop a training whose latest value is not finite; None for any other."""
    tau = len(training.values)
    if not tau or isfinite(training.values[-1]):
        return None
    return Decision(stop=True, reason=f"diverged: the value of epoch {tau} is {training.values[-1]}")


def _with_epoch(decision: Decision, counted: int, epoch: int) -> Decision:
    """The decision, with a reason that says which epoch is meant if the rule counted only some of them."""
    if counted == epoch:
        return decision
    said = f"{decision.reason} (epoch {counted} of those that are compared is epoch {epoch})"
    return replace(decision, reason=said)


def tell_other_length(T: int, lengths: Sequence[int]) -> bool:
    """Warn that T is not the length of the trainings that came to their end; False while too few have."""
    if len(lengths) < ENOUGH or T in lengths:
        return False
    usual, times = Counter(lengths).most_common(1)[0]
    if 2 * times > len(lengths):
        after = "none of them counts as completed" if usual < T else "values after T are ignored"
        have = f"{usual} values: say T = {usual}, or {after}"
    else:
        have = f"{min(lengths)} to {max(lengths)} values: say the T of a full training"
    logger.warning("T = %d, but the %d trainings that came to their end have %s", T, len(lengths), have)
    return True


def parameter_names(parameters: Sequence[str]) -> tuple[str, ...]:
    """The names; `CurvesError` for a string, whose letters would be taken for names."""
    if isinstance(parameters, str):
        raise CurvesError(f"parameters = {parameters!r}; expected a list of names, such as [{parameters!r}]")
    return tuple(parameters)


def parameters_by_name(parameters: Mapping[str, float | None]) -> dict[str, float | None]:
    """A copy; `CurvesError` for values without names."""
    if not isinstance(parameters, Mapping):
        raise CurvesError(f"parameters = {parameters!r}; expected values by name: {{'learning_rate': 0.1}}")
    return dict(parameters)


def tell_unknown_parameters(history: LearningCurves) -> bool:
    """Warn of parameters that no training has; False while too few have ended."""
    if len(history) < ENOUGH:
        return False
    columns = {**history.architecture, **history.hyperparameters}
    unknown = [name for name, column in columns.items() if np.isnan(column).all()]
    if unknown:
        logger.warning("parameters = %s: none of the %d trainings that ended has them", unknown, len(history))
    return True


def _epochs(values: Floats, history: LearningCurves) -> tuple[int, ...]:
    """Columns to compare: those this training has so far, and all later ones, as far as the others have them.

    The others have an epoch if at least half of those that get so far do. The last epoch always counts.
    """
    usual = _usual(history).copy()
    usual[: len(values)] &= np.isfinite(values)
    return tuple(np.flatnonzero(usual).tolist())


@lru_cache(maxsize=8)
def _usual(history: LearningCurves) -> npt.NDArray[np.bool_]:
    """(T,) which epochs at least half of the trainings that get so far have; the last one always counts."""
    if not history.diverged.any():  # each of them has all epochs until its end
        return np.ones(history.T, dtype=np.bool_)
    there = np.isfinite(history.values)
    ends = np.where(there.any(axis=1), last_known(history.values), -1)
    reached = (ends[:, None] >= np.arange(history.T)).sum(axis=0)
    usual = 2 * there.sum(axis=0) >= reached
    usual[-1] = True
    return np.asarray(usual)


def _at(curves: LearningCurves, epochs: tuple[int, ...]) -> LearningCurves:
    if len(epochs) == curves.T:
        return curves
    return replace(curves, values=curves.values[:, epochs], understood="")


@lru_cache(maxsize=8)
def _comparable(history: LearningCurves, epochs: tuple[int, ...]) -> LearningCurves:
    """The others at these epochs, without those resumed later; the same object for the same arguments."""
    at = _at(history, epochs)
    if not history.diverged.any():
        return at
    there = np.isfinite(at.values)
    resumed = ~there[:, 0] & there.any(axis=1)
    return at[~resumed] if resumed.any() else at


def _number(training: Training, name: str) -> float:
    value = training.parameters.get(name)
    if value is None:
        return np.nan
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise CurvesError(f"parameter {name!r} of {training.name} is {value!r}; expected a number") from None
    return number if isfinite(number) else np.nan
