"""Claim: predictions within Hyperband's rungs find as good a model in fewer epochs.

    python benchmarks/hyperband.py --curves metaqnn_cifar10.csv lstm_ptb.csv --seeds 10

Replays recorded curves, each once, in random orders, as an Optuna study: without stopping, with `Hyperband`,
and with `AcceleratedHyperband` for every kappa, from equal seeds: the same order of curves and the same
brackets. Printed for each: the epochs, and how many times fewer they are than Hyperband's (medians over the
orders); in how many orders the best curve found is as good as Hyperband's; and the regret, how far the best
one found is from the best of the set, in units of (best - median) of the set. Nothing is trained.

With `--results FILE` every replay is written there as it ends, and replays there that are of the same curves,
options and code are not repeated. `--minutes M` ends after the replay in which M minutes have passed; the
same command then continues.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import optuna
from command_line import completed, described, execute, parser, positive
from finished import code, digest
from optuna.pruners import BasePruner, NopPruner
from optuna.trial import TrialState
from tabulate import tabulate

from metaqnn.tune.hyperband import AcceleratedHyperband, Hyperband
from predictor import LearningCurves
from predictor.models.names import make_method

ETA = 3
NEXT_TO_NOTHING = 1e-9


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--curves", required=True, nargs="+", help="recorded curves (CSV)")
    options.add_argument("--seeds", type=positive, default=10, help="orders of the curves (default 10)")
    options.add_argument(
        "--kappa", type=float, nargs="+", default=[1 / ETA], help="kappas to compare (default 1 / eta)"
    )
    options.add_argument("--delta", type=float, default=0.95, help="Delta (default 0.95)")
    options.add_argument("--burn-in", type=positive, default=100, help="curves of the burn-in (default 100)")
    options.add_argument(
        "--settings", type=positive, default=1000, help="settings in the SVR's random search (default 1000)"
    )
    options.add_argument("--results", type=Path, help="file of the replays that have ended (JSON lines)")
    options.add_argument(
        "--minutes", type=float, default=np.inf, help="begin no further replay after so many"
    )
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"{' '.join(sys.argv)}\n{described('optuna', used='one used')}")
    done = Done(chosen.results)
    deadline = time.perf_counter() + 60 * chosen.minutes
    for file in chosen.curves:
        curves = completed(file)
        found = replay_all(Path(file), chosen, done, deadline)
        print(f"\n{file}, {len(curves)} curves, {chosen.seeds} orders")
        print(tabulate(compare(curves, found), headers="keys", floatfmt=".3g"), flush=True)


def replay_all(
    file: Path, chosen: argparse.Namespace, done: "Done", deadline: float
) -> dict[str, list[tuple[int, float]]]:
    """For each pruner, the replays of a set of curves in all orders; those that are done are not repeated."""
    curves, of = completed(file), [file.stem, digest(file), code(Path(__file__))]
    found: dict[str, list[tuple[int, float]]] = {}
    for seed in range(chosen.seeds):
        order = np.random.default_rng(seed).permutation(len(curves))
        for name, make in pruners(chosen).items():
            case = [*of, name, chosen.delta, chosen.burn_in, chosen.settings, seed]
            if case not in done:
                if time.perf_counter() > deadline:
                    sys.exit("not all have ended; the same command continues")
                done.add(case, replay(curves[order], make(curves), seed))
            found.setdefault(name, []).append(done[case])
    return found


class Done:
    """Replays that have ended: epochs, and the best score, by what was replayed."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        lines = file.read_text().splitlines() if file is not None and file.exists() else []
        self.results = {json.dumps(case): tuple(result) for case, result in map(json.loads, lines)}

    def __contains__(self, case: object) -> bool:
        return json.dumps(case) in self.results

    def __getitem__(self, case: object) -> tuple[int, float]:
        return self.results[json.dumps(case)]

    def add(self, case: object, result: tuple[int, float]) -> None:
        self.results[json.dumps(case)] = result
        if self.file is not None:
            with self.file.open("a") as file:
                file.write(json.dumps([case, result]) + "\n")


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
        "Hyperband": lambda curves: Hyperband(curves.T, eta=ETA),
        **{f"accelerated, kappa = {kappa:.6g}": accelerated(kappa) for kappa in chosen.kappa},
    }


def compare(curves: LearningCurves, found: dict[str, list[tuple[int, float]]]) -> list[dict[str, object]]:
    """One row for each pruner, from its replays: epochs and the best score that each completed."""
    spread = curves.final.max() - np.median(curves.final)
    hyperband = found["Hyperband"]
    return [
        {
            "": name,
            "epochs": int(median(epochs for epochs, _ in results)),
            "times fewer": median(h[0] / r[0] for h, r in zip(hyperband, results, strict=True)),
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
    execute(main)
