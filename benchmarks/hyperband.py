"""Claim: predictions inside of Hyperband's rungs find as good a model in fewer epochs.

    python benchmarks/hyperband.py --curves metaqnn_cifar10.csv lstm_ptb.csv --seeds 10

Replays recorded curves, each once, in random orders, as an Optuna study: without stopping, with Optuna's
HyperbandPruner, and with `AcceleratedHyperband` for every kappa, from equal seeds: the same order of curves
and the same brackets. For each it tells the epochs and the factor of epochs saved against Hyperband (medians
over the orders), in how many orders the best curve found is as good as Hyperband's, and the regret: how far
the best one found is from the best of the set, in units of (best - median) of the set. Nothing is trained.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import optuna
from machine import processor
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.trial import TrialState
from tabulate import tabulate

from metaqnn.tune.hyperband import AcceleratedHyperband
from predictor import LearningCurves
from predictor.models.names import make_method

ETA = 3
NEXT_TO_NOTHING = 1e-9


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--curves", required=True, nargs="+", help="recorded curves (CSV)")
    parser.add_argument("--seeds", type=int, default=10, help="orders of the curves (default 10)")
    parser.add_argument("--kappa", type=float, nargs="+", default=[1 / ETA], help="default 1 / eta")
    parser.add_argument("--delta", type=float, default=0.95, help="default 0.95")
    parser.add_argument("--burn-in", type=int, default=100, help="default 100")
    parser.add_argument(
        "--settings", type=int, default=1000, help="of the SVR's random search (default 1000)"
    )
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(
        f"{' '.join(sys.argv)}\n{processor()}, {os.cpu_count()} cores, one used, Optuna {optuna.__version__}"
    )
    for file in chosen.curves:
        started = time.perf_counter()
        rows = compare(completed(LearningCurves.read(file)), pruners(chosen), chosen.seeds)
        print(f"\n{file}, {chosen.seeds} orders, {time.perf_counter() - started:.0f} s")
        print(tabulate(rows, headers="keys", floatfmt=".3g"), flush=True)


def completed(curves: LearningCurves) -> LearningCurves:
    return curves[curves.completed]


def pruners(chosen: argparse.Namespace) -> dict[str, Callable[[LearningCurves], BasePruner]]:
    """What makes each pruner for a set of curves."""

    def accelerated(kappa: float) -> Callable[[LearningCurves], BasePruner]:
        return lambda curves: AcceleratedHyperband(
            curves.T,
            eta=ETA,
            Delta=chosen.delta,
            kappa=kappa,
            burn_in=chosen.burn_in,
            metric=curves.metric,
            parameters=tuple({**curves.architecture, **curves.hyperparameters}),
            model=make_method("nu-svr-rbf", n_settings=chosen.settings),
        )

    return {
        "none": lambda curves: NopPruner(),
        "Hyperband": lambda curves: HyperbandPruner(1, curves.T, ETA),
        **{f"accelerated, kappa = {kappa:.2g}": accelerated(kappa) for kappa in chosen.kappa},
    }


def compare(
    curves: LearningCurves, makers: dict[str, Callable[[LearningCurves], BasePruner]], seeds: int
) -> list[dict[str, object]]:
    """One row for each pruner."""
    spread = curves.final.max() - np.median(curves.final)
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in makers}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(curves))
        for name, make in makers.items():
            found[name].append(replay(curves[order], make(curves), seed))
    hyperband = found["Hyperband"]
    return [
        {
            "": name,
            "epochs": int(np.median([epochs for epochs, _ in results])),
            "times fewer": np.median([h[0] / r[0] for h, r in zip(hyperband, results, strict=True)]),
            "as good as Hyperband's": sum(
                r[1] >= h[1] - NEXT_TO_NOTHING for h, r in zip(hyperband, results, strict=True)
            ),
            "regret, mean": np.mean([(curves.final.max() - best) / spread for _, best in results]),
        }
        for name, results in found.items()
    ]


def replay(curves: LearningCurves, pruner: BasePruner, seed: int) -> tuple[int, float]:
    """Epochs that a study takes for these curves in their order, and the best score it completes."""
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(
        direction=curves.direction, pruner=pruner, sampler=sampler, study_name=f"seed {seed}"
    )
    columns = {**curves.architecture, **curves.hyperparameters}
    epochs, best = 0, -np.inf
    for row, values in enumerate(curves.values):
        trial = study.ask(
            {name: optuna.distributions.FloatDistribution(c[row], c[row]) for name, c in columns.items()}
        )
        for epoch, value in enumerate(values.tolist(), 1):
            trial.report(value, epoch)
            if epoch < curves.T and trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, value)
            best = max(best, float(curves.final[row]))
        epochs += epoch
    return epochs, best


if __name__ == "__main__":
    main()
