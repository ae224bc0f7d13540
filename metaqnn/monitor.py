"""Follows one training: stores every epoch, asks the stopping rule, and turns the end into a reward."""

from collections.abc import Callable

from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.history import History, NetworkFacts
from predictor import Decision, LearningCurves, StoppingRule
from trainers import EpochReport, Outcome, TrainingResult

CRASHED = "crashed"
"""The outcome of a training that ended with an exception; the others are `trainers.Outcome`."""


class TrainingMonitor:
    """The callback of one training.

    Args:
        network_id: the network in the database.
        facts: its architecture parameters.
        database: where epochs and decisions go.
        history: finished curves, for the stopping rule.
        rule: decides whether the training goes on; not asked after the last epoch, nor after a first
            epoch at chance level, which the trainer answers with a lower rate.
        epochs: T.
        chance: accuracy that counts as no better than chance.
        num_classes: a network without any result is rewarded with 1 / num_classes.
        heard: is told each epoch and decision after they are stored.
    """

    def __init__(
        self,
        network_id: int,
        facts: NetworkFacts,
        *,
        database: ReplayDatabase,
        history: History,
        rule: StoppingRule,
        epochs: int,
        chance: float,
        num_classes: int,
        heard: Callable[[EpochReport, Decision | None], None],
    ) -> None:
        self._network_id = network_id
        self._facts = facts
        self._database = database
        self._history = history
        self._rule = rule
        self._epochs = epochs
        self._chance = chance
        self._num_classes = num_classes
        self._heard = heard
        self._accuracies: list[float] = []
        self._learning_rate = float("nan")
        self._attempt: int | None = None
        self._decision: Decision | None = None
        self.broken = False
        """Whether the callback failed: then an exception from the trainer is not the network's fault."""

    def on_epoch(self, report: EpochReport) -> bool:
        """Store the epoch and what the rule says about it. Returns whether to stop."""
        self.broken = True
        if report.epoch == 1:
            self._accuracies.clear()
            self._attempt, self._learning_rate = report.attempt, report.learning_rate
        self._accuracies.append(report.accuracy)
        self._decision = self._decide(report)
        self._database.add_epoch(self._network_id, report, self._decision)
        self._heard(report, self._decision)
        self.broken = False
        return self._decision is not None and self._decision.stop

    def curve(self) -> LearningCurves:
        """What was observed in the last attempt."""
        return self._history.curve(self._facts, self._learning_rate, self._accuracies)

    def result(self, training: TrainingResult) -> NetworkResult:
        """The result of a training that ended in an orderly way."""
        if training.outcome is Outcome.COMPLETED:
            y_T = self._accuracies[-1]
            return self._ended(training.outcome, y_T, training, final_accuracy=y_T)
        if training.outcome is Outcome.STOPPED:
            return self._stopped(training)
        return self._ended(training.outcome, 1 / self._num_classes, training)

    def crash(self, message: str) -> NetworkResult:
        """The result of a training that ended with an exception."""
        return NetworkResult(
            CRASHED, 1 / self._num_classes, self._attempt, len(self._accuracies), message=message
        )

    def _decide(self, report: EpochReport) -> Decision | None:
        at_chance = report.epoch == 1 and report.accuracy <= self._chance
        if report.epoch == self._epochs or at_chance:
            return None
        return self._rule.decide(self.curve(), self._history.curves)

    def _stopped(self, training: TrainingResult) -> NetworkResult:
        """[PP] section 3: a terminated run is rewarded with y_hat_T; without a prediction, with y_t."""
        y_hat_T = self._decision.y_hat_T if self._decision else None
        expected = self._accuracies[-1] if y_hat_T is None else y_hat_T
        return self._ended(
            training.outcome, min(max(expected, 0.0), 1.0), training, predicted_accuracy=y_hat_T
        )

    def _ended(
        self, outcome: str, reward: float, training: TrainingResult, **accuracies: float | None
    ) -> NetworkResult:
        return NetworkResult(
            str(outcome),
            reward,
            training.attempt,
            len(self._accuracies),
            self._accuracies[-1] if self._accuracies else None,
            seconds=training.seconds,
            message=training.message,
            **accuracies,
        )
