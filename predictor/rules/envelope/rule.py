"""The rank envelope as a stopping rule."""

from __future__ import annotations

import weakref
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from predictor.curves.growing import begins_with, lasting
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.wording import ordinal
from predictor.errors import PredictorError
from predictor.rules.base import Decision, check_one_curve
from predictor.rules.envelope.fit import Arrivals, Fit, Standing, recent
from predictor.rules.envelope.gaussian_process import one_thread
from predictor.rules.envelope.looks import ROUNDINGS, Refit, look_epochs, refit_size
from predictor.rules.envelope.scoring import fit_looks

AT_ONCE = 2.0
"""At the first look, where there are not yet enough votes, one is enough at this many times the limit."""
RANKS = ("seen", "fitted")
FITS_KEPT = 3
"""Fits kept for histories that do not continue each other; with 3,000 networks a fit takes about 130 MB."""


class RankEnvelope:
    """Stop a network that ranks worse than the best networks of the past would have ranked at that look.

    At each look (see `look_epochs`) a small model gives every network seen there its chance of becoming
    better than the best so far, y_BEST, from y_t and what is known beforehand. Only the order of the chances
    is used, not their size. The `best` best completed networks, q = 0, 1, ..., are put in that order, too,
    each judged without its own result: r_q(t) networks had a larger chance. A network goes on if it ranks
    better than

        g(t) = max(1, c max_q (r_q(t) + 1) / (q + 1)),

    the worst showing that a top network had there, times c. The envelope is narrow where early values tell
    who will be best, and wide where they do not. However wide it is, from a tenth of T on no more of the n
    networks ranked go on than successive halving would let through, plus four, which matter in a small
    search:

        g(t) <= n T / (10 t `reduction_factor`) + 4 for t >= T / 10.

    Networks ahead with exactly the same y_t do not count here: at the start, all may be at chance level.

    A rank of g or worse is a vote to stop. `votes` votes in a row stop a network, and so does a rank of 2 g
    or worse at the first look.

    Decisions are a function of the arguments alone. Models are fitted to the first `refit_size` networks of
    the history (if these are many, to the latest `MOST_NETWORKS` and the best of them), and networks are
    ranked among these, unless `ranks` says otherwise. Earlier looks vote again, on the curve's first epochs
    and by the present models; nothing about a training is remembered.

    Args:
        c: > 0, how much worse than the worst showing of the best networks is still let through.
        burn_in: >= 3 networks trained to the end before anything is stopped.
        best: >= 1 networks that the envelope is made of.
        votes: >= 1 looks in a row that must agree.
        looks: how the epochs of looks are rounded, 'up' or to the 'nearest', see `look_epochs`.
        ranks: among which networks a network is ranked: those of the last fit ('fitted'), or all up to now
            ('seen'). With 'seen', networks that finished after the fit are scored by its models, and g grows
            in proportion, (seen now) / (seen at the fit).
        reduction_factor: > 1, one in this many networks goes on after T / 10; None for no such bound.

    Searches that began before these settings existed decide by `looks="up", ranks="fitted",
    reduction_factor=None`, or, somewhat later, by `looks="up"` with the bound.

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

    def __init__(
        self,
        *,
        c: float = 2.0,
        burn_in: int = 6,
        best: int = 8,
        votes: int = 2,
        looks: str = "nearest",
        ranks: str = "fitted",
        reduction_factor: float | None = 3.0,
    ) -> None:
        if not 0 < c < np.inf:
            raise PredictorError(f"c = {c}; expected a positive number, such as 2")
        if burn_in < 3:
            raise PredictorError(f"burn_in = {burn_in}; expected at least 3 networks to learn from")
        if best < 1 or votes < 1:
            raise PredictorError(f"best = {best}, votes = {votes}; expected at least 1 each")
        for name, value, known in (("looks", looks, ROUNDINGS), ("ranks", ranks, RANKS)):
            if value not in known:
                raise PredictorError(f"{name} = {value!r}; expected one of {', '.join(known)}")
        if reduction_factor is not None and not 1 < reduction_factor < np.inf:
            raise PredictorError(f"reduction_factor = {reduction_factor}; expected more than 1, such as 3")
        self.c = c
        self.burn_in = burn_in
        self.best = best
        self.votes = votes
        self.looks = looks
        self.ranks = ranks
        self.reduction_factor = reduction_factor
        self._fits: list[tuple[weakref.ref[LearningCurves], Fit]] = []

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        """Whether to stop; see `predictor.StoppingRule`. Continues between looks and during the burn-in."""
        check_one_curve(curve, history)
        tau, completed = int(curve.observed[0]), int(np.count_nonzero(history.completed))
        if completed < self.burn_in:
            return Decision(stop=False, reason=f"burn-in: {completed} of {self.burn_in} networks completed")
        if not self.judges(tau, curve.T):
            return Decision(stop=False, reason=f"networks are not judged after epoch {tau}")
        with one_thread():
            return self._judge(curve, tau, self._fit(history))

    def judges(self, tau: int, T: int) -> bool:
        """Whether networks of T epochs can be stopped after tau of them, whatever their curves are."""
        return tau in look_epochs(T, self.looks)

    def _judge(self, curve: LearningCurves, tau: int, fit: Fit) -> Decision:
        """The decision at the look after tau epochs."""
        look, passed = fit.models[tau], sorted(epochs for epochs in fit.models if epochs <= tau)
        stands = fit.standing(curve, tau, self.c, self.reduction_factor)
        votes = self._votes(curve, passed[:-1], fit) + 1 if stands.place >= stands.limit else 0
        at_once = len(passed) == 1 < self.votes and stands.place >= AT_ONCE * stands.limit
        return Decision(
            stop=votes >= self.votes or at_once,
            reason=self._reason(tau, fit, stands, votes, at_once),
            probability=1 - stands.score.chance,
            y_hat_T=float(curve.to_values(look.expected(stands.score, curve))),
            y_best=float(curve.to_values(look.target.warp.best)),
        )

    def _votes(self, curve: LearningCurves, passed: list[int], fit: Fit) -> int:
        """Votes to stop in a row, counted back from the look before the latest, as far as they matter."""
        votes = 0
        for tau in reversed(passed[max(0, len(passed) - self.votes + 1) :]):
            stands = fit.standing(curve, tau, self.c, self.reduction_factor)
            if stands.place < stands.limit:
                break
            votes += 1
        return votes

    def _reason(self, tau: int, fit: Fit, stands: Standing, votes: int, at_once: bool) -> str:
        seen = len(fit.models[tau].chances) + fit.arrivals.seen(tau) + 1
        allowed = self._allowed(tau, fit, stands)
        said = f"ranked {ordinal(stands.place + 1)} of {seen} after epoch {tau}; {allowed} go on"
        if not votes:
            return said
        if at_once:
            return f"{said}: at least twice that far behind"
        return f"{said}: {votes} of {self.votes} votes to stop"

    def _allowed(self, tau: int, fit: Fit, stands: Standing) -> str:
        if stands.limit < stands.envelope:
            equal = f", besides {stands.ties} with the same value," if stands.ties else ""
            return f"at most {ceil(stands.bound)} of {fit.networks} networks{equal}"
        q, rank = fit.models[tau].worst_showing
        best = "the best network" if q == 1 else f"what is now the {ordinal(q)} best network"
        said = f"{best} ranked {ordinal(rank)} there, so up to the {ordinal(ceil(stands.limit))}"
        return said if len(fit.arrivals) else f"{said} ({self.c:g} x {rank}{'' if q == 1 else f' / {q}'})"

    def _fit(self, history: LearningCurves) -> Fit:
        """The fit last used for this very history, or one that goes on from that of an earlier part of it."""
        fits = self._fits
        for asked, fit in fits:
            if asked() is history:
                return fit
        before = next((fit for _, fit in fits if begins_with(history, fit.known)), None)
        fit = self._fit_of(history, before)
        others = [kept for kept in fits if kept[1] is not before]
        self._fits = [(weakref.ref(history), fit), *others][:FITS_KEPT]
        return fit

    def _fit_of(self, history: LearningCurves, fit: Fit | None) -> Fit:
        if fit is not None and history.lasting:
            # the same curves, but in the memory of this history: quicker to compare
            fit = replace(fit, known=history[: len(fit.known)])
        if fit is None or fit.refit.due(history):
            size = refit_size(history, self.burn_in, 0 if fit is None else len(fit.known))
            ranked = recent(history[:size], self.best)
            models = fit_looks(ranked, look_epochs(history.T, self.looks), self.best)
            known, refit = lasting(history[:size]), Refit.after(history, size)
            fit = Fit(known, refit, models, Arrivals(models), len(ranked))
        if self.ranks == "seen":
            fit = replace(fit, arrivals=fit.arrivals.follow(history[len(fit.known) :]))
        return fit

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without the models."""
        return {**self.__dict__, "_fits": []}
