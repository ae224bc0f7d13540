"""When to stop a training: the contract of every stopping rule, and the rule that never stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError


@dataclass(frozen=True)
class Decision:
    """What a stopping rule says about one training after its latest epoch.

    `y_hat_T` and `y_best` are in the metric's own units, `sigma` is in `LearningCurves.scores` (the same for
    accuracies, log scale for perplexities). None where a rule has no such thing.

    Attributes:
        stop: whether to stop the training now.
        reason: one sentence for people.
        probability: p(y_T <= y_BEST - delta) as the rule believes it.
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
    """Anything that decides, after each epoch but the last, whether a training goes on.

    The decision is a function of the arguments and of the rule's constructor arguments only. Rules hold no
    state about a current trial, so that trials may run side by side and a search that is resumed decides as
    it did before; fitted models may be cached if a fresh object fed the same arguments decides identically.
    """

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether to stop.

        Args:
            curve: one row: epochs 1..tau observed, NaN after, T columns.
            history: every training that finished so far, in order of finishing: completed ones and stopped
                ones (NaN-padded); failures are not in it.
        """
        ...


class NoStopping:
    """Every training goes on to its last epoch."""

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Continue, always."""
        return Decision(stop=False, reason="no early stopping")


def check_one_curve(curve: LearningCurves, history: LearningCurves) -> None:
    """`CurvesError` unless a stopping rule is asked about one curve, as long as those of the history."""
    if len(curve) != 1 or curve.T != history.T:
        raise CurvesError(
            f"{len(curve)} curves of {curve.T} epochs to decide on with a history of {history.T} epochs; "
            f"expected one curve of as many epochs"
        )
