"""The protocol: every rule on every set of curves in the same orders of arrival, as in [PP] Figure 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product

import numpy as np
from joblib import delayed
from threadpoolctl import threadpool_limits

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError, PredictorError
from predictor.processes import Progress, in_processes
from predictor.rules.asha import Asha
from predictor.rules.names import RuleSpec
from predictor.simulation.engine import Result, arrival_order, simulate, simulate_paused

TOLERANCES = {"perplexity": 0.01, "loss": 0.01}
DEFAULT_TOLERANCE = 0.002
REGRET_ROUNDING = 1e-9
"""Differences of accuracies like 0.8 - 0.798 come out a little above 0.002."""


@dataclass(frozen=True, eq=False)
class CurveSet:
    """Completed curves with a name, and the regret that is tolerated on them.

    Attributes:
        name: of the file, for example.
        curves: completed ones.
        left_out: how many were not completed and are not in `curves`.
        tolerance: in `LearningCurves.scores`.
    """

    name: str
    curves: LearningCurves
    left_out: int
    tolerance: float

    @classmethod
    def of(cls, name: str, curves: LearningCurves, tolerance: float | None = None) -> CurveSet:
        """The set of those of the curves that are completed.

        By default, the tolerance is 0.01 in log-perplexity or loss, and 0.002 for everything else. Raises
        `CurvesError` if fewer than two curves are completed, if all end alike, or if T = 1.
        """
        complete = curves[curves.completed]
        if len(complete) < 2:
            read = f"; read as {curves.understood}" if curves.understood else ""
            raise CurvesError(
                f"{name}: {len(complete)} of {len(curves)} curves completed (T = {curves.T} epochs); "
                f"expected at least 2, one of them better than another{read}"
            )
        if complete.final.min() == complete.final.max():
            raise CurvesError(f"{name}: all {len(complete)} curves end at the same value: none is the best")
        if curves.T < 2:
            raise CurvesError(f"{name}: curves of T = 1 epoch leave nothing to stop; expected at least 2")
        if tolerance is None:
            tolerance = TOLERANCES.get(curves.metric, DEFAULT_TOLERANCE)
        return cls(name, complete, len(curves) - len(complete), tolerance)


@dataclass(frozen=True, eq=False)
class Trials:
    """One rule on one set of curves: a `Result` for every order.

    Attributes:
        curve_set, rule, orders: what was simulated.
        results: in the order of `orders`.
    """

    curve_set: CurveSet
    rule: RuleSpec
    orders: Sequence[int]
    results: Sequence[Result]

    @property
    def speed_up(self) -> float:
        """Mean over the orders."""
        return float(np.mean([result.speed_up for result in self.results]))

    @property
    def end_share(self) -> float:
        """Share of all epochs that were trained in the end, mean over the orders."""
        return float(np.mean([1 / result.speed_up for result in self.results]))

    @property
    def recovered(self) -> int:
        """Number of orders in which the best network was recovered."""
        return sum(result.recovered for result in self.results)

    @property
    def regrets(self) -> list[float]:
        """Regret of every order."""
        return [result.regret for result in self.results]

    @property
    def within_tolerance(self) -> int:
        """Number of orders with a regret of at most the tolerance."""
        return sum(regret <= self.curve_set.tolerance + REGRET_ROUNDING for regret in self.regrets)

    def anytime_regrets(self, shares: Sequence[float]) -> list[float | None]:
        """Mean over the orders of `Result.anytime_regret`; None where nothing was completed in some order."""
        mean = np.mean([result.anytime_regret(shares) for result in self.results], axis=0)
        return [float(regret) if np.isfinite(regret) else None for regret in mean]

    @property
    def stopped_share(self) -> float:
        """Stopped networks of all orders by all networks of all orders."""
        return self._total("stopped") / sum(len(result.epochs) for result in self.results)

    @property
    def false_stop_share(self) -> float | None:
        """False stops of all orders by stops of all orders; None without a stop."""
        stopped = self._total("stopped")
        return self._total("false_stops") / stopped if stopped else None

    @property
    def ms_per_decision(self) -> float:
        """Mean wall time of a decision in milliseconds, the rule's fits included."""
        return 1000 * self._total("seconds") / self._total("decisions")

    def _total(self, number: str) -> float:
        return sum(getattr(result, number) for result in self.results)


def by_set(trials: Sequence[Trials]) -> dict[CurveSet, list[Trials]]:
    """The rules on each set of curves; those on one set follow each other."""
    return {s: list(group) for s, group in groupby(trials, key=lambda trial: trial.curve_set)}


def run_protocol(
    sets: Sequence[CurveSet],
    rules: Sequence[RuleSpec],
    orders: Sequence[int],
    jobs: int = 1,
    progress: Progress[Result] | None = None,
    subset: int | None = None,
) -> list[Trials]:
    """Simulate every rule on every set in every order, each time with a fresh rule.

    Args:
        sets: recorded curves.
        rules: names and settings of the rules.
        orders: numbers for `arrival_order`.
        jobs: processes, of one thread each. Only wall times depend on it.
        progress: a `Progress`, or None.
        subset: None for all networks of a set; otherwise only this many, the first of each order, are a
            search, with regrets relative to the best of these. `PredictorError` if a set has fewer.

    Returns:
        One `Trials` for each set and rule: all rules on the first set come first. Errors of a rule are raised
        with the set and the rule in front.
    """
    for curve_set in sets:
        _check_subset(curve_set, subset)
    tasks = list(product(orders, sets, rules))  # one order after the other: the bar moves evenly
    calls = (delayed(_simulate)(curve_set, rule, order, subset) for order, curve_set, rule in tasks)
    results = in_processes(calls, len(tasks), jobs, progress)
    pairs = list(product(sets, rules))
    return [
        Trials(curve_set, rule, list(orders), results[index :: len(pairs)])
        for index, (curve_set, rule) in enumerate(pairs)
    ]


def _check_subset(curve_set: CurveSet, subset: int | None) -> None:
    n = len(curve_set.curves)
    if subset is not None and not 2 <= subset <= n:
        raise PredictorError(f"{curve_set.name}: {subset} networks of {n}; expected 2 to {n}")


def _simulate(curve_set: CurveSet, rule: RuleSpec, order: int, subset: int | None) -> Result:
    fresh, rows = rule.make(), arrival_order(order, len(curve_set.curves))[:subset]
    try:
        with threadpool_limits(1):
            replay = simulate_paused if isinstance(fresh, Asha) else simulate
            result = replay(curve_set.curves[rows], fresh, np.arange(len(rows)))
    except PredictorError as error:
        raise type(error)(f"{curve_set.name}, rule {str(rule)!r}: {error}") from None
    return replace(result, order=rows)
