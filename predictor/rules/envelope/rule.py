"""The rank envelope as a stopping rule."""

from __future__ import annotations

import numpy as np

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import PredictorError
from predictor.models.fit_cache import FitCache
from predictor.rules.base import Decision, check_one_curve
from predictor.rules.envelope.looks import look_epochs, refit_size
from predictor.rules.envelope.scoring import LookModel, fit_looks
from predictor.rules.envelope.student import StudentMixture
from predictor.threads import one_thread

FITS_KEPT = 1
"""The latest; each holds a matrix for every kernel and look."""
MOST_NETWORKS = 3000
"""That are ranked: the latest ones of a longer history, and the best, so that a fit takes seconds at most."""
AT_ONCE = 2.0
"""At the first look, where there are not yet enough votes, one is enough beyond so many times the limit."""
Looks = dict[int, LookModel]


class RankEnvelope:
    """Stop a network that ranks worse than the best networks of the past would have ranked at that look.

    At each look (see `look_epochs`) a small model gives every network seen there its chance of becoming
    better than the best so far, y_BEST, from y_t and what is known beforehand. Only the order of the chances
    is used, not their size. The `best` best completed networks, q = 0, 1, ..., are put in that order, too,
    each judged without its own result: r_q(t) networks had a larger chance. Let through is what ranks below

        g(t) = max(1, c max_q (r_q(t) + 1) / (q + 1)),

    the worst showing that a top network had there, times c. It is narrow where early values are honest and
    wide where they are not. A rank of g or worse is a vote to stop; `votes` of them in a row stop, or, at
    the first look, a rank of 2 g or worse.

    Decisions are a function of the arguments alone. Models are those of the first `refit_size` networks of
    the history (in a long one, of the latest `MOST_NETWORKS` and the best of these), and ranks are among
    these: networks that finished since change nothing until the next fit.
    Votes of earlier looks are taken anew from the curve's first epochs with the models of now; nothing about
    a training is remembered.

    Args:
        c: > 0, how much worse than the worst showing of the best networks is still let through.
        burn_in: >= 3 networks trained to the end before anything is stopped.
        best: >= 1 networks that the envelope is made of.
        votes: >= 1 looks in a row that must agree.

    Example:
        >>> import numpy as np
        >>> from predictor import LearningCurves, RankEnvelope
        >>> noise = np.random.default_rng(0).normal(scale=0.01, size=(40, 5))
        >>> history = LearningCurves(np.linspace(0.2, 0.8, 40)[:, None] * [0.4, 0.7, 0.9, 0.95, 1.0] + noise)
        >>> bad, good = np.array([[0.05, 0.1, 0.15]]), np.array([[0.4, 0.6, 0.8]])
        >>> later = np.full((1, 2), np.nan)
        >>> rule = RankEnvelope()
        >>> [rule.decide(LearningCurves(np.hstack([seen, later])), history).stop for seen in (bad, good)]
        [True, False]
    """

    def __init__(self, *, c: float = 2.0, burn_in: int = 6, best: int = 8, votes: int = 2) -> None:
        if not 0 < c < np.inf:
            raise PredictorError(f"c = {c}; expected a positive number, such as 2")
        if burn_in < 3:
            raise PredictorError(f"burn_in = {burn_in}; expected at least 3 networks to learn from")
        if best < 1 or votes < 1:
            raise PredictorError(f"best = {best}, votes = {votes}; expected at least 1 each")
        self.c = c
        self.burn_in = burn_in
        self.best = best
        self.votes = votes
        self._cache: FitCache[Looks] = FitCache(FITS_KEPT)

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether to stop; see `predictor.StoppingRule`. Continues between looks and in the burn-in."""
        check_one_curve(curve, history)
        tau, completed = int(curve.observed[0]), int(history.completed.sum())
        if completed < self.burn_in:
            return Decision(stop=False, reason=f"burn-in: {completed} of {self.burn_in} networks completed")
        looks = look_epochs(curve.T)
        if tau not in looks:
            return Decision(stop=False, reason=f"no look after epoch {tau}")
        with one_thread():
            models = self._models(history)
            return self._judge(curve, [models[look] for look in looks if look <= tau])

    def _judge(self, curve: LearningCurves, passed: list[LookModel]) -> Decision:
        """The decision at the last of the looks that the curve has passed."""
        look = passed[-1]
        predicted, y_best = look.predict(curve), look.target.warp.best
        chance = float(predicted.exceeds(look.target.of_best)[0])
        rank, limit = look.rank(chance), look.limit(self.c)
        votes = self._votes(curve, passed[:-1], rank >= limit)
        at_once = len(passed) == 1 < self.votes and rank >= AT_ONCE * limit
        stop = votes >= self.votes or at_once
        return Decision(
            stop=stop,
            reason=self._reason(look, rank, votes, at_once),
            probability=1 - chance,
            y_hat_T=float(curve.to_values(_final(predicted, look, curve))),
            y_best=float(curve.to_values(y_best)),
        )

    def _votes(self, curve: LearningCurves, earlier: list[LookModel], latest: bool) -> int:
        """Votes to stop in a row up to the latest look, as far as they matter."""
        if not latest:
            return 0
        votes = 1
        for look in reversed(earlier[max(0, len(earlier) - self.votes + 1) :]):
            chance = float(look.predict(curve).exceeds(look.target.of_best)[0])
            if look.rank(chance) < look.limit(self.c):
                break
            votes += 1
        return votes

    def _reason(self, look: LookModel, rank: int, votes: int, at_once: bool) -> str:
        others, limit = len(look.chances), f"the limit of {look.limit(self.c):.1f}"
        place = f"{rank} of {others} networks had a better chance to beat the best after epoch {look.tau}"
        if not votes:
            return f"{place}, below {limit}"
        if at_once:
            return f"{place}, at least twice {limit}"
        return f"{place}, at least {limit}: {votes} of {self.votes} votes to stop"

    def _models(self, history: LearningCurves) -> Looks:
        return self._cache.for_history(history, lambda: self._newest(history))

    def _newest(self, history: LearningCurves) -> Looks:
        known = _recent(history[: refit_size(history, self.burn_in)], self.best)
        return self._cache.fitted_to(known, lambda: fit_looks(known, look_epochs(known.T), self.best))


def _recent(history: LearningCurves, best: int) -> LearningCurves:
    """The latest `MOST_NETWORKS` networks, and the `best` best completed ones where these are older."""
    first = len(history) - MOST_NETWORKS
    if first <= 0:
        return history
    top = np.argsort(-np.nan_to_num(history.final, nan=-np.inf), kind="stable")[:best]
    return history[np.union1d(top, np.arange(first, len(history)))]


def _final(predicted: StudentMixture, look: LookModel, curve: LearningCurves) -> float:
    """y_hat_T in scores, no worse than all that is known to be possible.

    Far below the best, the model's scale is so stretched that its mean can be absurd.
    """
    worst = min(look.worst, float(np.nanmin(curve.scores)))
    return max(float(look.target.inverse(predicted.mean)[0]), worst)
