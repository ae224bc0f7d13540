"""Claim: stopping rules that are reliable on recorded curves are told apart by harder versions of them.

Five versions of each file, at most 300 networks each: *half* of the networks; the *top* half by y_T;
*noise* of a tenth of the median gap on every value; time *warped*, t^1.6, so that curves start slowly; curves
*cut* after 60% of their epochs. And nine made-up sets of 250 networks, 30 epochs: better networks start more
slowly (*cross*); rates fall in *steps*, which matters to some more than to others; results lie *packed* near
the best.

Within tolerance: a regret of at most 2% of the median gap. {R} in a rule is T/10, rounded up.

    python benchmarks/stopping_variants.py --curves *.csv --orders 20,21 --jobs 2 --rules rank-envelope

takes about 3 minutes per rule on one core for ten files.
"""

import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np
from command_line import completed, described, execute, numbers, parser, positive
from tabulate import tabulate
from tqdm import tqdm

from predictor import LearningCurves
from predictor.rules.names import RuleSpec
from predictor.simulation.protocol import CurveSet, Trials, run_protocol

TOLERANCE = 0.02
MOST, SEED = 300, 7
MADE_UP = tuple((kind, seed) for kind in ("cross", "steps", "packed") for seed in range(3))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--curves", nargs="+", type=Path, required=True, help="recorded curves (CSV)")
    options.add_argument("--rules", nargs="+", default=["rank-envelope"], help="as in predictor simulate")
    options.add_argument(
        "--orders", type=numbers(0), default=[20, 21], help="numbers of the orders (default 20,21)"
    )
    options.add_argument("--jobs", type=positive, default=1)
    chosen = options.parse_args()
    print(f"{' '.join(sys.argv)}\n{described(used=f'{chosen.jobs} used')}")
    found: dict[str, list[Trials]] = {rule: [] for rule in chosen.rules}
    for curve_set in tqdm(list(all_sets(chosen.curves)), disable=None):
        rules = [
            RuleSpec.parse(rule.replace("{R}", str(ceil(curve_set.curves.T / 10))), simulated=True)
            for rule in chosen.rules
        ]
        for rule, trials in zip(
            chosen.rules, run_protocol([curve_set], rules, chosen.orders, chosen.jobs), strict=True
        ):
            found[rule].append(trials)
    headers = ["rule", "speed-up, geometric mean", "within tolerance", "of", "lost on"]
    print(tabulate([row(rule, trials) for rule, trials in found.items()], headers, floatfmt=".2f"))


def all_sets(files: list[Path]) -> Iterator[CurveSet]:
    """Every version of every file, and the made-up sets."""
    for kind, seed in MADE_UP:
        yield with_tolerance(f"{kind} {seed}", made_up(kind, np.random.default_rng(seed)))
    for file in files:
        for name, version in versions(completed(file, 4), np.random.default_rng(SEED)):
            yield with_tolerance(f"{file.stem} {name}", version)


def with_tolerance(name: str, curves: LearningCurves) -> CurveSet:
    """The set, with the tolerance in scores."""
    gap = float(np.median(curves.final.max() - curves.final))
    return CurveSet.of(name, curves, TOLERANCE * gap)


def versions(curves: LearningCurves, rng: np.random.Generator) -> Iterator[tuple[str, LearningCurves]]:
    """Five harder versions of recorded curves."""
    some = drawn(curves, MOST, rng)
    gap = float(np.median(some.final.max() - some.final))
    t = np.arange(1, curves.T + 1)
    slow = curves.T * (t / curves.T) ** 1.6
    yield "half", drawn(curves, min(MOST, len(curves) // 2), rng)
    yield "top", drawn(curves[np.argsort(-curves.final)[: len(curves) // 2]], MOST, rng)
    yield "noise", with_scores(some, some.scores + rng.normal(0, gap / 10, some.shape))
    yield "warp", with_scores(some, np.array([np.interp(slow, t, row) for row in some.scores]))
    yield "cut", with_scores(some, some.scores[:, : round(0.6 * curves.T)])


def drawn(curves: LearningCurves, n: int, rng: np.random.Generator) -> LearningCurves:
    """At most n of the curves."""
    return curves[np.sort(rng.permutation(len(curves))[:n])]


def with_scores(curves: LearningCurves, scores: np.ndarray) -> LearningCurves:
    """The same networks with other curves."""
    return LearningCurves(scores, curves.architecture, curves.hyperparameters)


def made_up(kind: str, rng: np.random.Generator) -> LearningCurves:
    """250 networks of 30 epochs whose `size` says a little about what they reach."""
    n, T = 250, 30
    t, best = np.arange(1, T + 1), 0.99 - rng.gamma(2, 0.05, n)
    if kind == "cross":
        slowness = np.exp(rng.normal(-0.2, 0.4, n) - 3 * (best - best.mean()))
        y = best[:, None] - 0.6 * t ** -slowness[:, None]
    elif kind == "steps":
        rate = np.select([t < T / 2, t < 3 * T / 4], [1, 0.3], 0.05)
        y = best[:, None] - rng.gamma(2, 0.05, n)[:, None] * rate - 0.5 * t**-0.8
    else:
        best = 0.99 - rng.exponential(0.01, n)
        y = best[:, None] - rng.uniform(0.1, 0.5, n)[:, None] * t ** -rng.uniform(0.8, 2, n)[:, None]
    noise = rng.normal(0, 0.01, y.shape) * (1 - 0.8 * t / T)
    return LearningCurves(y + noise, {"size": rng.uniform(1, 3, n) + 2 * (best - best.mean())})


def row(rule: str, trials: list[Trials]) -> list[object]:
    """What one rule did on all sets."""
    speed_up = np.exp(np.mean([np.log(each.speed_up) for each in trials]))
    lost = [
        f"{each.curve_set.name} ({len(each.orders) - each.within_tolerance})"
        for each in trials
        if each.within_tolerance < len(each.orders)
    ]
    return [
        rule,
        speed_up,
        sum(each.within_tolerance for each in trials),
        sum(len(each.orders) for each in trials),
        ", ".join(lost),
    ]


if __name__ == "__main__":
    execute(main)
