"""Follows one training: stores every epoch, asks the stopping rule, and turns the end into a reward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import nan

from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.database.values import EXTRAPOLATION
from metaqnn.executors import CRASHED
from metaqnn.search.events import Job
from metaqnn.search.knowledge import History
from predictor import Decision, LearningCurves, StoppingRule
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance


@dataclass(kw_only=True)
class TrainingMonitor:
    """The callback of one training.

    Attributes:
        job: the network.
        database: where epochs and decisions go.
        history: finished curves, for the stopping rule.
        rule: decides whether the training goes on; not asked after the last epoch, nor after
            one at chance level, if the trainer answers it with a lower rate or may do so after a later one.
        epochs: T.
        chance: on the validation images; its level is the reward of a network without any result.
        heard: is told each epoch and decision after they were given to the database.
        stored: epochs and decisions of this training that are in the database already, by attempt and epoch,
            if it was interrupted.
        audited: whether the network goes on when the rule would stop it. That decision is stored and is the
            last one, so a completed network with a decision to stop was audited.
    """

    job: Job
    database: ReplayDatabase
    history: History
    rule: StoppingRule
    epochs: int
    chance: Chance
    heard: Callable[[Job, EpochReport, Decision | None], None]
    stored: dict[tuple[int, int], tuple[EpochReport, Decision | None]] = field(default_factory=dict)
    audited: bool = False
    _in_audit: bool = False
    _accuracies: list[float] = field(default_factory=list)
    _learning_rate: float = nan
    _attempt: int | None = None
    _decision: Decision | None = None
    _curve: LearningCurves | None = None

    def on_epoch(self, report: EpochReport) -> bool:
        """Store the epoch and what the rule says about it. Returns whether to stop.

        An epoch that is stored already, because its training was interrupted, stays as it is, and so does
        what the rule said about it.
        """
        address = report.attempt, report.epoch
        known = address in self.stored
        report, self._decision = self.stored.get(address, (report, None))
        if report.epoch == 1:
            self._accuracies.clear()
            self._in_audit = False
            self._attempt, self._learning_rate = report.attempt, report.learning_rate
        self._accuracies.append(report.accuracy)
        self._curve = None
        if not known:
            self._decision = self._decide(report)
            self.database.add_epoch(self.job.network_id, report, self._decision)
            self.stored[address] = report, self._decision
            self.heard(self.job, report, self._decision)
        return self._stops()

    def curve(self) -> LearningCurves:
        """What was observed in the last attempt."""
        if self._curve is None:
            self._curve = self.history.curve(
                self.job.parameters, self.job.depth, self._learning_rate, self._accuracies
            )
        return self._curve

    def result(self, training: TrainingResult) -> NetworkResult:
        """The result of a training that ended in an orderly way; one without any epoch did not."""
        if training.outcome in (Outcome.COMPLETED, Outcome.STOPPED) and not self._accuracies:
            return self.failure(CRASHED, f"the trainer says {training.outcome}, but has reported no epoch")
        if training.outcome is Outcome.COMPLETED:
            y_T = self._accuracies[-1]
            return self._ended(training.outcome, y_T, training, final_accuracy=y_T)
        if training.outcome is Outcome.STOPPED:
            return self._stopped(training)
        return self._ended(training.outcome, self.chance.level, training)

    def failure(self, outcome: str, message: str) -> NetworkResult:
        """The result of a training that did not end in an orderly way."""
        last = self._accuracies[-1] if self._accuracies else None
        return NetworkResult(
            outcome, self.chance.level, self._attempt, len(self._accuracies), last, message=message
        )

    def _decide(self, report: EpochReport) -> Decision | None:
        restarts = self.chance.failed(report) or self.chance.awaits(report)
        if report.epoch == self.epochs or restarts or self._in_audit:
            return None
        decision = self.rule.decide(self.curve(), self.history.curves)
        possible = decision.y_hat_T is None or decision.y_hat_T in EXTRAPOLATION
        return decision if possible else replace(decision, y_hat_T=None)  # the database would not take it

    def _stops(self) -> bool:
        hopeless = self._decision is not None and self._decision.stop
        self._in_audit = self._in_audit or (hopeless and self.audited)
        return hopeless and not self.audited

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
        observed = self._accuracies if training.attempt == self._attempt else []  # of the last attempt
        return NetworkResult(
            str(outcome),
            reward,
            training.attempt,
            len(observed),
            observed[-1] if observed else None,
            seconds=training.seconds,
            message=training.message,
            **accuracies,
        )
