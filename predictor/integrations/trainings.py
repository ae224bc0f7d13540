"""What every integration does: make curves of plain numbers, and ask a rule about one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from predictor.curves.columns import kind_of
from predictor.curves.learning_curves import Direction, Floats, LearningCurves
from predictor.errors import CurvesError
from predictor.rules.base import Decision, StoppingRule


@dataclass(frozen=True)
class Training:
    """One training as another library knows it.

    Attributes:
        values: y_1, y_2, ... so far, in the metric's own units.
        parameters: architecture and hyper-parameters by name; what is not there is unknown.
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
        if not (isinstance(self.T, int) and self.T >= 1):
            raise CurvesError(f"T = {self.T!r}; expected the number of epochs of a full training, at least 1")

    def curves(self, trainings: Sequence[Training]) -> LearningCurves:
        """The curves of these trainings, in this order.

        `CurvesError` for more values than T, and for a parameter that is not a number.
        """
        values = np.full((len(trainings), self.T), np.nan)
        for row, training in zip(values, trainings, strict=True):
            if len(training.values) > self.T:
                raise CurvesError(
                    f"{training.name} has {len(training.values)} values; expected at most T = {self.T}"
                )
            row[: len(training.values)] = training.values
        columns: dict[str, dict[str, Floats]] = {"architecture": {}, "hyperparameters": {}}
        for name in self.parameters:
            columns[kind_of(name)][name] = np.array([_number(training, name) for training in trainings])
        return LearningCurves(
            values, columns["architecture"], columns["hyperparameters"], self.metric, self.direction
        )


def decide(
    rule: StoppingRule, training: Training, history: LearningCurves, curve_format: CurveFormat
) -> Decision:
    """What the rule says about a running training; as if it were asked directly, with two exceptions.

    A training whose latest value is not finite is stopped, by any rule: its curve has ended. One that has all
    its T epochs is not asked about.
    """
    tau = len(training.values)
    if tau and not isfinite(training.values[-1]):
        return Decision(stop=True, reason=f"diverged: the value of epoch {tau} is {training.values[-1]}")
    if tau == curve_format.T:
        return Decision(stop=False, reason="completed")
    return rule.decide(curve_format.curves([training]), history)


def _number(training: Training, name: str) -> float:
    value = training.parameters.get(name)
    if value is None:
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        raise CurvesError(f"parameter {name!r} of {training.name} is {value!r}; expected a number") from None
