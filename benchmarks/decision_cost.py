"""Claim: one decision with sequential regression models takes at most 1 ms; LCE takes seconds per curve.

The Bayesian network takes tens of seconds to train. The rank envelope, the default rule, is given a history
of 3,000 finished networks: noisy copies of a search that it went through itself. Its fits are timed apart.

    python benchmarks/decision_cost.py --curves FILE
    python benchmarks/decision_cost.py --curves FILE --envelope-only

FILE holds learning curves, such as the published MetaQNN CIFAR-10 CSV. Prints, for a quarter of the curve,
what one look at one network costs with each method, in one run on the same networks, with n, hardware and
versions. Decisions of the regression models are given in wall time and in processor time of the thread: where
other work shares the cores, the slowest of a hundred are slow because they had to wait for one.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from command_line import completed, described, execute, parser, positive, seconds

from predictor import EarlyStopper, LearningCurves, RankEnvelope, make_method
from predictor.curves.growing import GrowingCurves
from predictor.curves.options import MANY, whole
from predictor.models.bnn import LearningCurveNetwork
from predictor.rules.envelope.looks import look_epochs
from predictor.rules.lce import LceRule
from predictor.simulation.engine import simulate

N_TRAIN = 100
N_FINISHED = 3000
NOISE = 0.002
"""The noise of the copies: equal networks would be scored only once."""
REGRESSIONS = {"nu-svr-rbf": "SRM, nu-SVR RBF", "robust-gp": "SRM, robust-gp"}
Row = tuple[str, float, str]
"""What was done, its seconds, and a note."""
PACKAGES = ("numpy", "scipy", "scikit-learn", "emcee", "torch")


def regression_costs(
    method: str, history: LearningCurves, networks: LearningCurves, tau: int
) -> tuple[float, list[tuple[float, float]]]:
    """Seconds of the first decision, which fits f_tau; `both_times` of each one after it."""
    rule = EarlyStopper(burn_in=len(history), model=make_method(method))
    looks = [networks[row].until(tau) for row in range(len(networks))]
    first = seconds(lambda: rule.decide(looks[0], history))
    return first, [both_times(lambda look=look: rule.decide(look, history)) for look in looks]


def both_times(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a job by the clock, and of the processor."""
    busy = time.thread_time()
    wall = seconds(job)
    return wall, time.thread_time() - busy


def decision_rows(name: str, times: list[tuple[float, float]], note: str) -> Iterator[Row]:
    """Median and 99th percentile of both times of decisions."""
    for clock, values in zip(("wall", "processor"), zip(*times, strict=True), strict=True):
        yield f"{name}, decision, median", statistics.median(values), f"{note}, {clock} time"
        yield f"{name}, decision, 99th percentile", float(np.quantile(values, 0.99)), f"{clock} time"


def regression_rows(history: LearningCurves, networks: LearningCurves, tau: int) -> list[Row]:
    rows: list[Row] = []
    for method, name in REGRESSIONS.items():
        first, times = regression_costs(method, history, networks, tau)
        rows.append((f"{name}, fit of f_tau and first decision", first, "once per tau"))
        rows += decision_rows(name, times, f"n = {len(times)}")
    return rows


def extrapolation_costs(history: LearningCurves, networks: LearningCurves, tau: int, n: int) -> list[float]:
    rule = LceRule(first=1)
    return [seconds(lambda row=row: rule.decide(networks[row].until(tau), history)) for row in range(n)]


def bayesian_network_cost(history: LearningCurves, networks: LearningCurves, tau: int) -> float:
    model = LearningCurveNetwork()
    return seconds(lambda: model.fit(history).predict(networks.until(tau), tau))


def baseline_rows(history: LearningCurves, networks: LearningCurves, tau: int, n: int) -> list[Row]:
    lce = extrapolation_costs(history, networks, tau, n)
    bnn = bayesian_network_cost(history, networks, tau)
    return [
        ("LCE (100 walkers x 2,500 steps), decision, median", statistics.median(lce), f"n = {n}"),
        (f"BNN (13,000 steps), training for {len(networks)} networks", bnn, "once per tau and set"),
    ]


def envelope_history(curves: LearningCurves, rng: np.random.Generator) -> LearningCurves:
    """3,000 finished networks: copies of a simulated search, each as long as the rule let it train."""
    epochs = simulate(curves, RankEnvelope(), np.arange(len(curves))).epochs
    rows = np.arange(N_FINISHED) % len(curves)
    later = np.arange(curves.T) >= epochs[rows, None]
    noisy = noisy_copies(curves[rows], rng)
    return replace(noisy, values=np.where(later, np.nan, noisy.values))


def noisy_copies(curves: LearningCurves, rng: np.random.Generator) -> LearningCurves:
    return replace(curves, values=curves.values + rng.normal(0, NOISE, curves.shape))


def envelope_rows(curves: LearningCurves, n: int) -> list[Row]:
    """The fit, and decisions at looks; each network gets another object with the same history."""
    rng = np.random.default_rng(1)
    history = GrowingCurves(envelope_history(curves, rng)).curves  # as a search has it
    networks = noisy_copies(curves[:n], rng)
    rule = RankEnvelope()
    looks = look_epochs(curves.T, rule.looks)
    first, fit = both_times(lambda: rule.decide(networks[0].until(looks[0]), history))
    times = []
    for row in range(1, n):
        fresh = history[:]
        for look in looks:
            curve = networks[row].until(look)
            times.append(both_times(lambda curve=curve, fresh=fresh: rule.decide(curve, fresh)))
    note = f"n = {len(times)}, {N_FINISHED:,} finished, {int(history.completed.sum())} of them completed"
    named = "rank envelope, fit of all looks and first decision"
    rows = [(named, first, "once per refit, wall time"), (named, fit, "processor time")]
    return [*rows, *decision_rows("rank envelope", times, note)]


def arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--curves", required=True, metavar="FILE", help="learning curves to look at")
    options.add_argument(
        "--decisions", type=whole(2, MANY), default=300, help="decisions of the regression models to time"
    )
    options.add_argument("--extrapolations", type=positive, default=5, help="curves to extrapolate with LCE")
    options.add_argument("--envelope-only", action="store_true", help="time the rank envelope alone")
    return options.parse_args()


def main() -> None:
    chosen = arguments()
    curves = completed(chosen.curves, N_TRAIN + 1)
    order = np.random.default_rng(0).permutation(len(curves))
    history, networks = curves[order[:N_TRAIN]], curves[order[N_TRAIN : N_TRAIN + chosen.decisions]]
    tau = max(1, curves.T // 4)
    rows = envelope_rows(curves[order], min(chosen.decisions, len(curves)))
    if not chosen.envelope_only:
        rows += regression_rows(history, networks, tau)
        rows += baseline_rows(history, networks, tau, min(chosen.extrapolations, len(networks)))
    print(f"{Path(chosen.curves).name}: {N_TRAIN} training curves, tau = {tau} of {curves.T}; wall time")
    print(f"{described(*PACKAGES)}\n")
    for name, cost, note in rows:
        print(f"{name:<52}{1000 * cost:>12,.3f} ms   {note}")


if __name__ == "__main__":
    execute(main)
