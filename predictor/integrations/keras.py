"""Keras: any stopping rule as a callback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from predictor.errors import CurvesError
from predictor.extras import require
from predictor.integrations.recorded import CurveStore
from predictor.integrations.running import RunningTraining
from predictor.rules.base import Decision, StoppingRule, require_rule

require("keras", "predictor.integrations.keras")
import keras  # noqa: E402


class StoppingRuleCallback(keras.callbacks.Callback):
    """Stops `fit` when the rule stops its curve, with the trainings in a `CurveStore` as history.

    A training is added to the store when `fit` ends, for whatever reason except an exception. A value's place
    is its epoch: with `validation_freq`, the epochs in between are not observed. A `fit` with `initial_epoch`
    above 0 goes on with the curve of the callback's last `fit`, if that was of the same model; else the
    earlier epochs are not observed, and the training is compared with the others from there on.

    Args:
        store: where the earlier trainings are; its T is the number of epochs of a full training.
        rule: for example `predictor.rules.names.make_rule("rank-envelope")` or
            `EarlyStopper(burn_in=20)`.
        monitor: name of a value that Keras logs after an epoch, such as `val_accuracy`; the store takes
            metric and direction from the name, unless it knows them.
        parameters: numbers known before training, such as the learning rate; all trainings of a store have
            the same ones.

    Attributes:
        decision: the latest one, None before the first.

    Raises:
        CurvesError: if the name of the monitored value has no direction, or another one than the store; when
            the training begins or reports, if the store does not fit it or `monitor` is not logged.
    """

    def __init__(
        self,
        store: CurveStore,
        rule: StoppingRule,
        monitor: str = "val_accuracy",
        parameters: Mapping[str, float | None] | None = None,
    ) -> None:
        super().__init__()
        store.monitor(monitor)
        self.store = store
        require_rule(rule)
        self.rule = rule
        self.monitor = monitor
        self.parameters = dict(parameters or {})
        self.decision: Decision | None = None
        self._training: RunningTraining | None = None
        self._fitted: keras.Model | None = None
        self._earlier: list[float] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begin with an empty curve."""
        last = self._training
        self._earlier = last.values if last is not None and self._fitted is self.model else []
        self._fitted = self.model
        self._training = self.store.training(self.rule, self.parameters).__enter__()  # on_train_end ends it

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Go on with the curve of the model's last `fit`, if this one does not begin with the first epoch."""
        if epoch and self._training is not None and self._earlier:
            self._training.values = self._earlier[:epoch]
        self._earlier = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Ask the rule."""
        known = logs or {}
        if self.monitor not in known:
            if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in known):
                return  # an epoch without validation
            raise CurvesError(f"{self.monitor!r} is not logged; expected one of {sorted(known)}")
        if self._training is None:
            return
        self.decision = self._training.report(float(known[self.monitor]), epoch + 1)
        if self.decision.stop:
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Add the training to the store; if it was never validated, log that."""
        if self._training is not None:
            self._training.end()
