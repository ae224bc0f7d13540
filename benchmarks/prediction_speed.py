"""Claim: all models of 20-epoch curves, search and leave-one-out included, in at most 12 s on 2 cores.

    python benchmarks/prediction_speed.py --curves FILE

FILE holds learning curves, such as the published MetaQNN CIFAR-10 CSV. Fits nu-SVR (RBF) for every tau to 100
training curves: 1,000 random settings with 3-fold cross-validation, then sigma(tau) by leave-one-out. Against
it, in the same run, the plain scikit-learn loop: `cross_val_score` of a pipeline per setting on one core. The
loop is run on the first settings of each model only, and its time extrapolated to all of them; its scores on
these settings must be ours.

Then it prints what a refit costs, in time and R^2, when 50 more curves have completed and the new model
chooses among the best settings of the old one (`prior`); and last, the peak memory of a process that reads
10,000 curves of 100 epochs from a CSV file, fits models to them and predicts all of them.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from command_line import completed, described, execute, parser, positive, seconds
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import KFold, LeaveOneOut, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from predictor import CurveFeatures, LearningCurves, SequentialRegression, make_method
from predictor.curves.options import whole

N_TRAIN, MORE, N_SETTINGS, FOLDS = 100, 50, 1000, 3
OTHER_DRAWS = 1000
PACKAGES = ("numpy", "scipy", "scikit-learn", "joblib")


def plain_model(C: float, nu: float, gamma: float) -> Pipeline:
    svr = TransformedTargetRegressor(NuSVR(C=C, nu=nu, gamma=gamma), transformer=StandardScaler())
    return make_pipeline(StandardScaler(), svr)


def plain_loop(
    train: LearningCurves, ours: SequentialRegression, n_settings: int
) -> tuple[float, float, float]:
    """Seconds of the searches on some settings and of leave-one-out, and the largest difference of scores."""
    search = leave_one_out = difference = 0.0
    for tau in range(1, train.T):
        X, y = CurveFeatures(tau=tau).fit(train).transform(train), train.final
        regressor = ours.models_[tau].regressor
        began = time.perf_counter()
        scores = [
            cross_val_score(plain_model(*setting), X, y, cv=KFold(FOLDS)).mean()
            for setting in regressor.settings_[:n_settings]
        ]
        search += time.perf_counter() - began
        difference = max(difference, float(np.abs(scores - regressor.scores_[:n_settings]).max()))
        best = plain_model(*regressor.settings_[regressor.best_])
        leave_one_out += seconds(partial(cross_val_predict, best, X, y, cv=LeaveOneOut()))
    return search, leave_one_out, difference


def large_set(folder: Path) -> Path:
    """A CSV file of 10,000 curves of 100 epochs, made up."""
    rng = np.random.default_rng(0)
    depth, rate = rng.integers(2, 20, (10000, 1)), rng.uniform(0.02, 0.3, (10000, 1))
    values = (0.3 + 0.03 * depth) * (1 - np.exp(-rate * np.arange(1, 101))) + rng.normal(
        0, 0.01, (10000, 100)
    )
    path = folder / "large.csv"
    header = ",".join(["depth", "lr", *(f"acc_{t}" for t in range(1, 101))])
    np.savetxt(path, np.hstack([depth, rate, values]), delimiter=",", header=header, comments="")
    return path


def use_large_set(path: Path, connection: multiprocessing.connection.Connection) -> None:
    """In a process of its own: read, fit, predict; sends the peak memory in bytes."""
    curves = LearningCurves.read(path)
    for method in ("nu-svr-rbf", "robust-gp"):
        model = make_method(method, n_settings=20).fit(curves, taus=[1, 25, 50, 99])
        for tau in model.models_:
            model.predict(curves, tau)
    unit = 1 if sys.platform == "darwin" else 1024
    connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def peak_memory() -> int:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=use_large_set, args=(large_set(Path(folder)), sender))
        process.start()
        sender.close()  # so that nothing more is waited for where the process dies
        peak = int(receiver.recv())
        process.join()
    return peak


def refit_costs(curves: LearningCurves, split: int) -> tuple[float, float, float, float]:
    """Seconds of a refit and a full fit; R^2 of refit minus full fit, with the same and with other draws."""
    tau, more = max(1, curves.T // 4), N_TRAIN + MORE
    order = np.random.default_rng(split).permutation(len(curves))
    train, test = curves[order[:more]], curves[order[more:]]
    first, refit, full = (SequentialRegression(n_settings=N_SETTINGS, random_state=split) for _ in range(3))
    other = SequentialRegression(n_settings=N_SETTINGS, random_state=OTHER_DRAWS + split)
    first.fit(train[:N_TRAIN], taus=[tau])
    refit_took = seconds(partial(refit.fit, train, taus=[tau], prior=first))
    full_took = seconds(partial(full.fit, train, taus=[tau]))
    score = refit.score(test, tau)
    return (
        refit_took,
        full_took,
        score - full.score(test, tau),
        score - other.fit(train, taus=[tau]).score(test, tau),
    )


def report_refits(curves: LearningCurves, n_splits: int) -> None:
    refit, full, same, other = np.array([refit_costs(curves, split) for split in range(n_splits)]).T
    print(
        f"refit to {N_TRAIN + MORE} curves with settings found on {N_TRAIN}, {n_splits} splits, 25% seen: "
        f"{np.median(refit):.2f} s instead of {np.median(full):.2f} s (medians)\n"
        f"R^2 of refit minus full fit, the same draws: mean {same.mean():+.5f}, worst {same.min():+.5f}; "
        f"other draws: mean {other.mean():+.5f}, worst {other.min():+.5f}\n"
    )


def arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--curves", required=True, metavar="FILE", help="learning curves to fit to")
    options.add_argument(
        "--processes", type=positive, nargs="+", default=[1, 2], help="numbers of processes to try"
    )
    options.add_argument(
        "--plain-settings",
        type=whole(1, N_SETTINGS),
        default=20,
        help="settings per model that the plain loop is run on",
    )
    options.add_argument("--refit-splits", type=positive, default=10, help="splits to compare refits on")
    return options.parse_args()


def report_fits(train: LearningCurves, processes: list[int], few: int) -> None:
    for n_jobs in processes:
        ours = SequentialRegression(n_settings=N_SETTINGS, n_jobs=n_jobs)
        took = seconds(partial(ours.fit, train))
        print(f"this package, processes: {n_jobs}  {took:>8.1f} s, leave-one-out included")
    search, leave_one_out, difference = plain_loop(train, ours, few)
    whole = search * N_SETTINGS / few + leave_one_out
    print(
        f"plain loop, one process     {whole:>8.1f} s, of which leave-one-out {leave_one_out:.1f} s; "
        f"extrapolated from {search:.1f} s on {few} of {N_SETTINGS} settings"
    )
    print(
        f"largest difference of cross-validated R^2 on these {few * (train.T - 1)} fits: {difference:.1e}\n"
    )


def main() -> None:
    chosen = arguments()
    curves = completed(chosen.curves, N_TRAIN + MORE + 2)
    train = curves[np.random.default_rng(0).permutation(len(curves))[:N_TRAIN]]
    print(f"python {' '.join(sys.argv)}")
    print(
        f"{train.T - 1} models, {N_TRAIN} training curves, {N_SETTINGS} settings x {FOLDS} folds, wall time"
    )
    print(f"{described(*PACKAGES)}\n")
    report_fits(train, chosen.processes, chosen.plain_settings)
    report_refits(curves, chosen.refit_splits)
    print(f"peak memory with 10,000 curves of 100 epochs: {peak_memory() / 1e6:,.0f} MB (a whole process)")


if __name__ == "__main__":
    execute(main)
