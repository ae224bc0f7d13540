"""The published termination criterion on top of sequential regression models, [PP] section 3."""

from __future__ import annotations

import logging
from functools import cache
from math import ceil

import numpy as np

from predictor.curves.learning_curves import LearningCurves
from predictor.curves.wording import ordinal
from predictor.errors import PredictorError
from predictor.models.sequential import MIN_CURVES, SequentialRegression
from predictor.models.uncertainty import smallest_sigma
from predictor.rules.base import Decision, check_one_curve
from predictor.rules.growing import GrowingModel

logger = logging.getLogger(__name__)
FEW, MANY_TIMES = 0.05, 10
"""Warn if this share of the results makes sigma this many times larger; on recorded curves it was 8 times."""


class EarlyStopper:
    """Stop at tau when p(y_T <= y_BEST - delta) = Phi((y_BEST - delta - y_hat_T) / sigma(tau)) >= Delta.

    The first `burn_in` networks are trained to the end. Then the model learns from the first k completed
    curves, where k is the largest possible of burn_in, burn_in g, burn_in g^2, ... (rounded down). y_BEST is
    the n-th best y_T of all completed networks. A decision depends only on the arguments of `decide` and of
    the constructor: fitted models are cached by the content of the curves that they learned from.

    Args:
        Delta: in (0, 1], how sure to be.
        tolerance: delta >= 0; networks that may come within it of y_BEST are kept. On the scale of
            `LearningCurves.scores`: accuracy, or log-perplexity.
        nth_best: compare with the n-th best so far; 1 for the best.
        burn_in: completed networks before the first decision, at least 3 and nth_best.
        model: None for the published one, nu-SVR with an RBF kernel on all features.
        refit_growth: g > 1, or None to keep the first fit, as published and as in the rule that
            `make_rule("published")` makes. Refits choose among the best settings of the first.

    Example:
        >>> import numpy as np
        >>> from predictor import EarlyStopper, LearningCurves, make_method
        >>> noise = np.random.default_rng(0).normal(scale=0.01, size=(30, 4))
        >>> values = np.linspace(0.2, 0.8, 30)[:, None] * [0.5, 0.8, 0.95, 1.0] + noise
        >>> history, running = LearningCurves(values), LearningCurves(np.array([[0.1, 0.15, np.nan, np.nan]]))
        >>> rule = EarlyStopper(Delta=0.99, burn_in=20, model=make_method("ols"))
        >>> decision = rule.decide(running, history)
        >>> decision.stop, decision.probability > 0.99, round(decision.y_hat_T, 1)
        (True, True, 0.2)
    """

    def __init__(
        self,
        *,
        Delta: float = 0.99,
        tolerance: float = 0.0,
        nth_best: int = 1,
        burn_in: int = 100,
        model: SequentialRegression | None = None,
        refit_growth: float | None = 1.5,
    ) -> None:
        if not 0 < Delta <= 1:
            raise PredictorError(f"Delta = {Delta}; expected a probability in (0, 1], such as 0.99")
        if not (tolerance >= 0 and np.isfinite(tolerance)):
            raise PredictorError(f"tolerance = {tolerance}; expected a number that is not negative")
        if nth_best < 1:
            raise PredictorError(f"nth_best = {nth_best}; expected at least 1")
        if burn_in < max(MIN_CURVES, nth_best):
            raise PredictorError(
                f"burn_in = {burn_in}; expected at least {max(MIN_CURVES, nth_best)} "
                f"(three curves to learn from, and nth_best = {nth_best} to compare with)"
            )
        if refit_growth is not None and not 1 < refit_growth < np.inf:
            raise PredictorError(f"refit_growth = {refit_growth}; expected a number above 1, or None")
        self.Delta = Delta
        self.tolerance = tolerance
        self.nth_best = nth_best
        self.burn_in = burn_in
        self.model = SequentialRegression() if model is None else model
        self.model.check_settings()  # not only after the burn-in
        self.refit_growth = refit_growth
        if self.model.uncertainty == "conformal":
            most = [self.model.max_curves, burn_in if refit_growth is None else None]
            _tell_out_of_reach(Delta, min(filter(None, most), default=None))
        self._models = GrowingModel(self.model, first=burn_in, growth=refit_growth)
        self._told = False

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether to stop; see `StoppingRule`. Continues during the burn-in and before the first epoch."""
        check_one_curve(curve, history)
        completed, tau = int(history.completed.sum()), int(curve.observed[0])
        if completed < self.burn_in:
            return Decision(stop=False, reason=f"burn-in: {completed} of {self.burn_in} networks completed")
        if not 0 < tau < curve.T:
            return Decision(stop=False, reason="completed" if tau else "no epoch observed yet")
        results = history.final[history.completed]
        y_best = float(np.partition(results, -self.nth_best)[-self.nth_best])
        return self._criterion(curve, self._models.fitted(history), y_best, tau)

    def _criterion(
        self, curve: LearningCurves, model: SequentialRegression, y_best: float, tau: int
    ) -> Decision:
        probability, y_hat = model.probability_below(curve, y_best - self.tolerance, tau)
        if np.isnan(probability[0]):
            return Decision(
                stop=False, reason=f"no forecast after epoch {tau}: a completed result is too large"
            )
        self._tell_wide(model, tau)
        p, stop = float(probability[0]), bool(probability[0] >= self.Delta)
        predicted, best = float(curve.to_values(y_hat[0])), float(curve.to_values(y_best))
        which = "best" if self.nth_best == 1 else f"{ordinal(self.nth_best)} best"
        if self.tolerance:
            which += " less the tolerance"
        limit = float(curve.to_values(y_best - self.tolerance))
        return Decision(
            stop=stop,
            reason=(
                f"p(y_T no better than {limit:.4f}, the {which}) = {p:.4f} "
                f"{'>=' if stop else '<'} Delta = {self.Delta} after epoch {tau}"
            ),
            probability=p,
            y_hat_T=predicted,
            sigma=float(model.model(tau).uncertainty.std(y_hat)[0]),
            y_best=best,
        )

    def _tell_wide(self, model: SequentialRegression, tau: int) -> None:
        """Warn once if a few results have made sigma(tau) many times larger, and large beside the others."""
        if self._told or self.model.uncertainty == "conformal":
            return
        fitted = model.model(tau)
        squares, results = np.sort(fitted.residuals**2), fitted.residuals + fitted.held_out
        few = ceil(FEW * len(squares))
        without = max(float(np.mean(squares[:-few])) ** 0.5, smallest_sigma(results))
        sigma = fitted.uncertainty.sigma
        low, high = np.percentile(results, [25, 75])
        if sigma > max(MANY_TIMES * without, (high - low) / 2):
            logger.warning(
                "after epoch %d, sigma is %.3g, but %.3g without the %d of %d completed results that were "
                "predicted worst: hardly anything is stopped", tau, sigma, without, few, len(squares),
            )  # fmt: skip
            self._told = True


@cache
def _tell_out_of_reach(Delta: float, most: int | None) -> None:
    """Warn, once, if conformal probabilities from so many curves (None: any number) never reach Delta."""
    if Delta == 1 or (most is not None and most / (most + 1) < Delta):
        limit = "1 is never reached" if most is None else f"at most {most / (most + 1):.4f} is reached"
        logger.warning(
            "with uncertainty=conformal, and %s networks to learn from, %s: Delta = %g stops nothing",
            "any number of" if most is None else most, limit, Delta
        )  # fmt: skip
