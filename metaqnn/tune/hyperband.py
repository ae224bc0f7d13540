"""Hyperband (Li et al. 2017), also with predictions within its rungs (the long version of [PP])."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from math import ceil, isfinite
from typing import Any

import numpy as np

from metaqnn.search.randomness import Purpose, derived_seed
from predictor import Decision, LearningCurves, SequentialRegression
from predictor.curves.arrays import ROUNDING
from predictor.extras import require
from predictor.integrations.trainings import CurveFormat, Training, stop_if_diverged
from predictor.rules.base import by_probability, check_delta
from predictor.rules.growing import GrowingModel

require("optuna", "metaqnn tune", "metaqnn[optuna]")
from optuna.pruners import HyperbandPruner  # noqa: E402
from optuna.study import Study, StudyDirection  # noqa: E402
from optuna.trial import FrozenTrial  # noqa: E402

GROWTH = 1.5


class Hyperband(HyperbandPruner):
    """Optuna's Hyperband, with the rungs of Li et al.: T / eta^s, rounded, and none in the last bracket.

    Steps are epochs, from 1. A trial goes on after a rung if it is among the best 1 / eta of the trials of
    its bracket that have reached that rung; of equal ones, the earlier are better. (Optuna's rungs are powers
    of eta times the first one, which need not lead to T, and let all trials pass that equal the last best.)

    Args:
        T: epochs of a full training.
        eta: what each rung multiplies the epochs by.
        min_epochs: epochs of the first rung of the first bracket, at least.
        seed: with the number of a trial, it draws the bracket; None for the study's name instead, as Optuna.
    """

    def __init__(self, T: int, *, eta: int = 3, min_epochs: int = 1, seed: int | None = None) -> None:
        super().__init__(min_resource=min_epochs, max_resource=T, reduction_factor=eta)
        self.T = T
        self.eta = eta
        self.seed = seed
        self.rungs = _rungs(T, eta, min_epochs)
        self._n_brackets = len(self.rungs) + 1  # Optuna's is floor(log), in floating-point numbers

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to stop; called by `trial.should_prune()` after every epoch."""
        epoch = len(trial.intermediate_values)
        if epoch not in self.rungs[self._get_bracket_id(study, trial) :]:
            return False
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        rivals = [other for other in self._rivals(study, trial) if epoch in other.intermediate_values]
        own = sign * trial.intermediate_values[epoch], -trial.number
        ahead = sum((sign * other.intermediate_values[epoch], -other.number) > own for other in rivals)
        return ahead >= max(1, (len(rivals) + 1) // self.eta)

    def _rivals(self, study: Study, trial: FrozenTrial) -> list[FrozenTrial]:
        """The other trials of its bracket."""
        bracket = self._get_bracket_id(study, trial)
        trials = study.get_trials(deepcopy=False)
        others = [other for other in trials if other.number != trial.number]
        return [other for other in others if self._get_bracket_id(study, other) == bracket]

    def _get_bracket_id(self, study: Study, trial: FrozenTrial) -> int:
        if not self._pruners:  # Optuna's samplers ask before the first epoch
            self._try_initialization(study)
        if self.seed is None:
            return super()._get_bracket_id(study, trial)
        draw = _draw(self.seed, trial.number) % self._total_trial_allocation_budget
        ends = accumulate(self._trial_allocation_budgets)
        return next(bracket for bracket, end in enumerate(ends) if draw < end)


@cache
def _draw(seed: int, number: int) -> int:
    """Cached, as each decision asks for the brackets of all trials."""
    return derived_seed(seed, Purpose.BRACKET, number)


def _rungs(T: int, eta: int, min_epochs: int) -> tuple[int, ...]:
    """The rungs of the first bracket below T; bracket b (from 0) begins with the b-th of them."""
    powers = [eta]
    while powers[-1] * eta * min_epochs <= T:
        powers.append(powers[-1] * eta)
    return tuple(round(T / power) for power in reversed(powers))


class AcceleratedHyperband(Hyperband):
    """Hyperband that also stops a trial that will not be among the best at the end of its rung.

    Steps are epochs, from 1. A trial on its way to rung r_i is stopped after epoch tau when
    p(y_hat_{r_i} <= the kappa n_i-th best) >= Delta, where y_hat is predicted by a sequential regression
    model of all trainings that have reached epoch r_i, in any bracket, and the best are those of the n_i
    trials of its bracket that have. Predictions of r_i begin once `burn_in` trainings have reached it. After
    the last rung, r_i is T.

    Brackets are asynchronous: a trial is compared with those that came before it, and n_i grows. A decision
    is a function of the study alone.

    Args:
        T, eta, min_epochs, seed: as in `Hyperband`.
        Delta: in (0, 1], the probability from which a trial is stopped.
        kappa: the share that counts as the best; None for 1 / eta, the share that is promoted.
        burn_in: trainings that must have reached r_i.
        metric: what is reported.
        parameters: names of the trials' parameters that the model looks at.
        model: the published one is nu-SVR with an RBF kernel.
    """

    def __init__(
        self,
        T: int,
        *,
        model: SequentialRegression,
        eta: int = 3,
        min_epochs: int = 1,
        seed: int | None = None,
        Delta: float = 0.95,
        kappa: float | None = None,
        burn_in: int = 100,
        metric: str = "accuracy",
        parameters: Sequence[str] = (),
    ) -> None:
        check_delta(Delta)
        super().__init__(T, eta=eta, min_epochs=min_epochs, seed=seed)
        self.Delta = Delta
        self.kappa = 1 / eta if kappa is None else kappa
        self.burn_in = burn_in
        self.metric = metric
        self.parameters = tuple(parameters)
        self.model = model
        self._models: dict[int, GrowingModel] = {}

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to stop; called by `trial.should_prune()`."""
        return super().prune(study, trial) or self.decide(study, trial).stop

    def rung_after(self, bracket: int, tau: int) -> int:
        """r_i: the epoch of the next rung of a bracket (from 0) after tau epochs, T after the last one."""
        return next((rung for rung in self.rungs[bracket:] if rung > tau), self.T)

    def decide(self, study: Study, trial: FrozenTrial) -> Decision:
        """What the prediction says about a trial after its last epoch, with the forecast if there is one.

        A trial whose last value is not finite is stopped.
        """
        training = _training(trial, self.T)
        if (stop := stop_if_diverged(training)) is not None:
            return stop
        tau = len(training.values)
        rung = self.rung_after(self._get_bracket_id(study, trial), tau)
        if not 0 < tau < rung or not all(map(isfinite, training.values)):
            return Decision(stop=False, reason="nothing to predict")
        others = [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]
        reached = [other for other in others if _has_reached(other, rung)]
        bracket = {other.number for other in self._rivals(study, trial)}
        rivals = [other for other in reached if other.number in bracket]
        if len(reached) < self.burn_in or not rivals:
            return Decision(stop=False, reason=f"{len(reached)} of {self.burn_in} have reached epoch {rung}")
        curves = self._format(study, rung)
        history = curves.curves([_training(other, rung) for other in reached])
        scores = np.sort(history.to_scores([other.intermediate_values[rung] for other in rivals]))
        place = max(1, ceil(self.kappa * len(rivals) - ROUNDING))
        threshold = float(scores[-place])
        return self._criterion(curves.curves([_training(trial, rung)]), history, threshold, tau)

    def _criterion(
        self, curve: LearningCurves, history: LearningCurves, threshold: float, tau: int
    ) -> Decision:
        growing = GrowingModel(self.model, first=self.burn_in, growth=GROWTH)
        models = self._models.setdefault(history.T, growing)
        probability, y_hat = models.fitted(history).probability_below(curve, threshold, tau)
        event = f"no better than the best after epoch {history.T}"
        return by_probability(
            curve, float(probability[0]), self.Delta, event, y_hat=y_hat[0], y_best=threshold
        )

    def _format(self, study: Study, rung: int) -> CurveFormat:
        maximize = study.direction == StudyDirection.MAXIMIZE
        return CurveFormat(rung, self.metric, "maximize" if maximize else "minimize", self.parameters)

    def __getstate__(self) -> dict[str, Any]:
        """The state for copies and other processes: without the fitted models."""
        return {**vars(self), "_models": {}}


def _has_reached(trial: FrozenTrial, epoch: int) -> bool:
    """Whether all values of a trial up to that of the epoch are known and finite."""
    values = trial.intermediate_values
    return epoch in values and all(isfinite(values.get(step, np.nan)) for step in range(1, epoch + 1))


def _training(trial: FrozenTrial, rung: int) -> Training:
    values = [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)][:rung]
    return Training(values, trial.params, f"trial {trial.number}")
