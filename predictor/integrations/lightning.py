"""Lightning: any stopping rule as a callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite, nan
from typing import TYPE_CHECKING, Any
from weakref import ref

from predictor.errors import CurvesError
from predictor.extras import require
from predictor.integrations.recorded import CurveStore
from predictor.integrations.running import RunningTraining
from predictor.rules.base import Decision, StoppingRule, require_rule

require("lightning", "predictor.integrations.lightning")
from lightning.pytorch.callbacks import Callback  # noqa: E402

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer


class StoppingRuleCallback(Callback):
    """Stops a training when the rule stops its curve, with the trainings in a `CurveStore` as history.

    The curve has one value per validation run: T of the store is the number of validation runs of a full
    training. A training is added to the store when it ends, for whatever reason except an exception.
    Lightning's checkpoints hold its curve so far, and a trainer that fits its module further goes on with it;
    if it is resumed from a checkpoint without a curve, the earlier validation runs count as not observed. On
    several devices, the training stops if one of the processes would stop it, and the first process adds it
    to the store.

    Args:
        store: where the earlier trainings are.
        rule: for example `predictor.rules.names.make_rule("rank-envelope")` or
            `EarlyStopper(burn_in=20)`.
        monitor: name of a value that the module logs, `self.log("val_accuracy", ...)`; the store takes metric
            and direction from the name, unless it knows them.
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
        monitor: str,
        parameters: Mapping[str, float | None] | None = None,
    ) -> None:
        store.monitor(monitor)
        self.store = store
        require_rule(rule)
        self.rule = rule
        self.monitor = monitor
        self.parameters = dict(parameters or {})
        self.decision: Decision | None = None
        self._values: list[float] = []
        self._training: RunningTraining | None = None
        self._began = 0
        self._fitted: tuple[Callable[[], object], int, list[float]] = (object, 0, [])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forget a training that crashed; the values of a checkpoint are loaded afterwards."""
        self._training = None
        if stage == "fit":
            self._values = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, or go on with the values of a checkpoint."""
        if getattr(trainer, "fast_dev_run", False):  # a trial run of a few batches is no training
            return
        self._training = self.store.training(self.rule, self.parameters).__enter__()  # on_train_end ends it
        if not self._values:
            self._values = self._earlier(trainer, pl_module)
        self._training.values = self._values
        self._began = _batches(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ask the rule."""
        if trainer.sanity_checking or self._training is None:
            return
        if self.monitor not in trainer.callback_metrics:
            logged = sorted(trainer.callback_metrics)
            raise CurvesError(f"{self.monitor!r} is not logged; expected one of {logged}")
        # Lightning before 2.5 begins by repeating the validation run after which a checkpoint was saved
        repeated = len(self._values) if _batches(trainer) == self._began else 0
        value = float(trainer.callback_metrics[self.monitor])
        self.decision = self._training.report(value, repeated or None)
        stop = trainer.strategy.reduce_boolean_decision(self.decision.stop, all=False)
        trainer.should_stop = trainer.should_stop or stop

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the training to the store."""
        self._fitted = ref(pl_module), _batches(trainer), self._values
        if self._training is not None and trainer.is_global_zero:
            self._training.end()

    def _earlier(self, trainer: Trainer, module: LightningModule) -> list[float]:
        """The curve of the last fit if this one goes on with it, else NaN for each validation run before."""
        fitted, batches, values = self._fitted
        if fitted() is module and batches == _batches(trainer):
            return list(values)
        return [nan] * _validation_runs(trainer)

    def __getstate__(self) -> dict[str, Any]:
        """What processes that are started get; they have not fitted anything."""
        return {**self.__dict__, "_training": None, "_fitted": (object, 0, [])}

    def state_dict(self) -> dict[str, Any]:
        """The curve so far, for checkpoints."""
        return {"values": list(self._values)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the curve so far from a checkpoint."""
        self._values = list(state_dict["values"])


def _validation_runs(trainer: Trainer) -> int:
    """Validation runs before this batch; one for each validated epoch if the batches do not tell."""
    every, interval, of_epoch = (
        trainer.check_val_every_n_epoch, trainer.val_check_batch, trainer.num_training_batches,
    )  # fmt: skip
    batches = _batches(trainer)
    if interval is None or not isfinite(interval) or not (every is None or isfinite(of_epoch)):
        return trainer.current_epoch // (every or 1)
    if every is None:
        return int(batches // interval)
    epochs, rest = divmod(batches, of_epoch)
    validated = epochs % every == every - 1
    return int(epochs // every * (of_epoch // interval) + validated * (rest // interval))


def _batches(trainer: Trainer) -> int:
    """How many batches have been trained on, including those before a checkpoint."""
    return int(trainer.fit_loop.epoch_loop.batch_progress.total.completed)
