"""The contract of all stopping rules, and the rule that never stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from predictor.curves.learning_curves import LearningCurves, check_measure
from predictor.errors import CurvesError, PredictorError


@dataclass(frozen=True)
class Decision:
    """The decision of a stopping rule about one training after its latest epoch.

    `y_hat_T` and `y_best` are in the metric's own units, `sigma` is in `LearningCurves.scores` (the same for
    accuracies, log scale for perplexities). A value is None if the rule does not compute it.

    Attributes:
        stop: whether to stop the training now.
        reason: one sentence for people.
        probability: the rule's estimate of p(y_T <= y_BEST - delta).
        y_hat_T: predicted y_T.
        sigma: its standard deviation.
        y_best: the completed result that the training is compared with.
    """

    stop: bool
    reason: str
    probability: float | None = None
    y_hat_T: float | None = None  # noqa: N815
    sigma: float | None = None
    y_best: float | None = None


@runtime_checkable
class StoppingRule(Protocol):
    """Anything that decides, after each epoch but the last, whether a training continues.

    The decision depends only on the arguments and on the rule's constructor arguments. Rules keep no state
    about a training, so trainings may run in parallel and a resumed search decides as before; fitted models
    may be cached if a new object decides identically given the same arguments.
    """

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether to stop.

        Args:
            curve: one row: epochs 1..tau observed, NaN after, T columns.
            history: all trainings that have finished, in order of finishing: completed ones and stopped
                ones (padded with NaN), but no failures.
        """
        ...


class NoStopping:
    """Every training continues to its last epoch."""

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Continue, always."""
        return Decision(stop=False, reason="no early stopping")


def require_rule(rule: object) -> None:
    """Raise `PredictorError` for an object that cannot decide, such as the name or the class of a rule."""
    if isinstance(rule, type) or not isinstance(rule, StoppingRule):
        raise PredictorError(f"rule = {rule!r}; expected a stopping rule, such as make_rule('rank-envelope')")


def check_one_curve(curve: LearningCurves, history: LearningCurves) -> None:
    """Raise `CurvesError` unless there is exactly one curve, with the length and metric of the history."""
    if len(curve) != 1 or curve.T != history.T:
        raise CurvesError(
            f"got {len(curve)} curves of {curve.T} epochs and a history of {history.T} epochs; "
            f"expected one curve with as many epochs as the history"
        )
    check_measure(curve, history)


def check_delta(Delta: float) -> None:
    """Raise `PredictorError` unless Delta, how sure a rule is to be, is in (0, 1]."""
    if not 0 < Delta <= 1:
        raise PredictorError(f"Delta = {Delta}; expected a probability in (0, 1], such as 0.99")


def by_probability(
    curve: LearningCurves,
    p: float,
    Delta: float,
    event: str,
    *,
    y_hat: float,
    y_best: float,
    sigma: float | None = None,
) -> Decision:
    """Stop if p >= Delta.

    Args:
        curve: one row, the training so far.
        p: probability of the event.
        Delta: in (0, 1], how sure to be.
        event: in words.
        y_hat: predicted y_T, in `LearningCurves.scores`, as `y_best` and `sigma` are.
        y_best: the completed result that the training is compared with.
        sigma: standard deviation of the prediction, if known.
    """
    stop, tau = p >= Delta, int(curve.observed[0])
    return Decision(
        stop=stop,
        reason=f"p({event}) = {p:.4f} {'>=' if stop else '<'} Delta = {Delta} after epoch {tau}",
        probability=p,
        y_hat_T=float(curve.to_values(y_hat)),
        sigma=sigma,
        y_best=float(curve.to_values(y_best)),
    )
