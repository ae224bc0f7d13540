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
from predictor.models.tau_model import TauModel
from predictor.models.uncertainty import smallest_sigma
from predictor.rules.base import Decision, by_probability, check_delta, check_one_curve
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
        check_delta(Delta)
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
        self._models = GrowingModel(self.model, first=burn_in, growth=refit_growth)
        self._told = self.model.uncertainty == "conformal" and self._tell_settings()

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
        self._tell(model, tau)
        which = "best" if self.nth_best == 1 else f"{ordinal(self.nth_best)} best"
        if self.tolerance:
            which += " less the tolerance"
        limit = float(curve.to_values(y_best - self.tolerance))
        return by_probability(
            curve,
            float(probability[0]),
            self.Delta,
            f"y_T no better than {limit:.4f}, the {which}",
            y_hat=y_hat[0],
            y_best=y_best,
            sigma=float(model.model(tau).uncertainty.std(y_hat)[0]),
        )

    def _tell_settings(self) -> bool:
        """Whether conformal probabilities never reach Delta, whatever the curves are; warn if so."""
        most = self.model.max_curves
        fixed = self.burn_in if self.refit_growth is None else None
        learned = min(filter(None, [most, fixed]), default=None)
        if _reaches(learned, self.Delta):
            return False
        if learned is None or self.Delta == 1:
            _tell_out_of_reach(
                "with uncertainty=conformal, no probability is 1, however many networks are learned from: "
                "Delta = 1 stops nothing; choose a smaller one"
            )
        else:
            limit = "max_curves" if learned == most else "burn_in"
            self._tell_few(learned, learned, f"to learn from ({limit})")
        return True

    def _tell_few(self, counted: int, learned: int, which: str) -> None:
        """Warn that conformal probabilities from `counted` of the `learned` networks do not reach Delta."""
        most, highest = self.model.max_curves, 10_000 * counted // (counted + 1) / 10_000
        more = learned != most and _reaches(most, self.Delta)
        advice = f"choose at most {highest}"
        if more and self.refit_growth is None:
            advice += ", or a larger burn_in"
        elif more:
            advice = "a later fit to more networks may"
        _tell_out_of_reach(
            f"with uncertainty=conformal and {counted} networks {which}, probabilities are at most "
            f"{highest}: Delta = {self.Delta} stops nothing; {advice}"
        )

    def _tell(self, model: SequentialRegression, tau: int) -> None:
        """Warn once if nothing, or hardly anything, can be stopped by this model."""
        if self._told:
            return
        fitted = model.model(tau)
        if self.model.uncertainty != "conformal":
            self._tell_wide(fitted, tau)
        elif not _reaches(counted := len(fitted.residuals), self.Delta):
            flat = len(model.curves_) - counted
            without = f" (without {flat} flat)" if flat else ""
            self._tell_few(counted, len(model.curves_), f"to learn from after epoch {tau}{without}")
            self._told = True

    def _tell_wide(self, fitted: TauModel, tau: int) -> None:
        """Warn if a few results have made sigma(tau) many times larger, and large beside the others."""
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


def _reaches(n: int | None, Delta: float) -> bool:
    """Whether conformal probabilities from n residuals (None: any number) can be Delta or more."""
    return Delta < 1 and (n is None or n / (n + 1) >= Delta)


@cache
def _tell_out_of_reach(text: str) -> None:
    """Warn, each time that it is something else: simulations make many equal rules."""
    logger.warning("%s", text)
