"""`python -m predictor evaluate`: how well methods predict recorded curves."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from joblib import cpu_count
from tqdm import tqdm

from predictor.curves.learning_curves import LearningCurves
from predictor.curves.options import MANY, PROCESSES, add_reading_options, announce, read_files, whole
from predictor.errors import PredictorError
from predictor.evaluation.experiment import Plan, SetResult, evaluate
from predictor.evaluation.methods import EVALUATED, parse_features, variants
from predictor.evaluation.report import as_dict, as_rows, as_text
from predictor.evaluation.results import Outcome
from predictor.evaluation.splits import MIN_TEST, without_repeats
from predictor.models.names import METHODS
from predictor.models.tau_model import MIN_CURVES
from predictor.models.uncertainty import UNCERTAINTIES
from predictor.tables import csv_text

N_TRAIN = 100
DEFAULT_METHODS = (*METHODS, "last-seen")

EXAMPLES = """examples:
  python -m predictor evaluate curves.csv runs/NAME --train 100
  python -m predictor evaluate curves.csv --metric f1 --direction maximize --parameters lr,depth
  python -m predictor evaluate curves.csv --methods nu-svr-rbf --features TS AP HP TS+AP AP+HP TS+AP+HP
  python -m predictor evaluate curves.csv --fractions 0.1 0.25 0.5 0.75 --plot pictures/
  python -m predictor evaluate curves.csv --methods lce bnn last-seen --splits 3 --lce-curves 20
  python -m predictor evaluate resnets.csv --depth-generalisation 32 62 --methods nu-svr-rbf
  python -m predictor evaluate curves.csv --uncertainty loocv conformal level --calibration

R^2 is given in the metric's own units, for perplexities also on the -log scale that models work on. Beside
its mean over the splits (--splits, --seed) stand the worst split and the share of test curves that 90%
intervals hold, of the first kind of --uncertainty; for baselines, of their own."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate`."""
    add_reading_options(parser)
    _add_protocol(parser)
    parser.add_argument(
        "--jobs", type=whole(1, PROCESSES), default=cpu_count(), help="processes (default: all cores)"
    )
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="what to print")
    parser.add_argument("--calibration", action="store_true", help="print a table of coverage, too")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row per split to this file, too")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw PNG pictures into this folder")


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    """The options that numbers depend on."""
    add = parser.add_argument
    add(
        "--train",
        type=whole(1, MANY),
        metavar="N",
        help=f"training curves per split (default {N_TRAIN}; two thirds where there are fewer than "
        f"{N_TRAIN + MIN_TEST})",
    )
    add("--splits", type=whole(1, MANY), default=10, metavar="N", help="random splits (default 10)")
    add(
        "--seed", type=whole(0, MANY), default=0, help="number of the first split; the next are seed + 1, ..."
    )
    add(
        "--fractions",
        nargs="+",
        type=_fraction,
        default=[0.25],
        metavar="F",
        help="of the curve (default 0.25)",
    )
    add(
        "--methods", nargs="+", choices=EVALUATED, default=DEFAULT_METHODS, metavar="NAME",
        help=f"some of {', '.join(EVALUATED)} (default: all but lce and bnn, which are slow)",
    )  # fmt: skip
    add(
        "--features",
        nargs="+",
        default=[],
        metavar="SETS",
        help="feature sets to compare, such as TS TS+AP+HP",
    )
    add("--settings", type=whole(1, MANY), metavar="N", help="settings of nu-SVR's search (default 1000)")
    add(
        "--uncertainty", nargs="+", choices=tuple(UNCERTAINTIES), default=["loocv"], metavar="KIND",
        help=f"some of {', '.join(UNCERTAINTIES)} (default loocv)",
    )  # fmt: skip
    add(
        "--depth-generalisation", nargs="+", type=float, default=[], metavar="D",
        help="train on networks of fewer than D layers, test on those with more",
    )  # fmt: skip
    add("--distinct", action="store_true", help="leave out curves that repeat an earlier one exactly")
    add(
        "--lce-curves", type=whole(1, MANY), default=40, metavar="N",
        help="test curves per split for lce, which takes seconds for each (default 40)",
    )  # fmt: skip


def execute(namespace: argparse.Namespace) -> int:
    """Evaluate, print, write and draw."""
    plan = plan_of(namespace)
    read = read_files(namespace)
    sets = {name: without_repeats(curves) if namespace.distinct else curves for name, curves in read.items()}
    if not (namespace.train or plan.depth_limits):
        plan = replace(plan, n_train=_affordable(sets))
    _check_writable(namespace)

    def progress(outcomes: Iterable[Outcome], total: int) -> Iterable[Outcome]:
        announce(read)  # here: what cannot be evaluated has one line, that of the error
        if not namespace.train and plan.n_train < N_TRAIN:
            print(
                f"predictor: note: too few curves to train on {N_TRAIN}: {plan.n_train} to train on, "
                "the others to test on",
                file=sys.stderr,
            )
        return tqdm(outcomes, total=total, desc="evaluating", unit="fit", disable=None)

    results = evaluate(_short_names(sets), plan, namespace.jobs, progress)
    print(_output(results, plan, namespace))
    _write(namespace, results)
    return 0


def plan_of(namespace: argparse.Namespace) -> Plan:
    """The plan that the options describe; raises `PredictorError` for unknown feature sets."""
    chosen = [parse_features(text) for text in namespace.features]
    return Plan(
        variants=tuple(variants(list(dict.fromkeys(namespace.methods)), list(dict.fromkeys(chosen)))),
        fractions=tuple(dict.fromkeys(namespace.fractions)),
        n_train=namespace.train or N_TRAIN,
        splits=tuple(range(namespace.seed, namespace.seed + namespace.splits)),
        depth_limits=tuple(dict.fromkeys(namespace.depth_generalisation)),
        n_settings=namespace.settings,
        uncertainties=tuple(dict.fromkeys(namespace.uncertainty)),
        lce_curves=namespace.lce_curves,
    )


def _affordable(sets: Mapping[str, LearningCurves]) -> int:
    """Training curves: the usual number, or two thirds of the completed ones where these are too few."""
    fewest = min(int(curves.completed.sum()) for curves in sets.values())
    if fewest >= N_TRAIN + MIN_TEST or fewest < MIN_CURVES + MIN_TEST:
        return N_TRAIN
    return max(MIN_CURVES, 2 * fewest // 3)


def _output(results: list[SetResult], plan: Plan, namespace: argparse.Namespace) -> str:
    if namespace.format == "json":
        return json.dumps(as_dict(results, plan), indent=1, ensure_ascii=False, allow_nan=False)
    if namespace.format == "csv":
        return csv_text(as_rows(results)).rstrip("\n")
    return as_text(results, plan, calibration=namespace.calibration)


def _short_names(sets: dict[str, LearningCurves]) -> dict[str, LearningCurves]:
    """Sets by the last part of their path, or the whole path where that is not unique."""
    names = [Path(file).name for file in sets]
    return {
        name if names.count(name) == 1 and name else file: curves
        for (file, curves), name in zip(sets.items(), names, strict=True)
    }


def _check_writable(namespace: argparse.Namespace) -> None:
    """Before the evaluation, which may take long; makes the folders."""
    try:
        if namespace.csv:
            namespace.csv.parent.mkdir(parents=True, exist_ok=True)
            with namespace.csv.open("ab"):
                pass
        if namespace.plot:
            namespace.plot.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PredictorError(f"cannot write {error.filename!r}: {error.strerror}") from None


def _write(namespace: argparse.Namespace, results: list[SetResult]) -> None:
    written: list[Path] = []
    try:
        if namespace.csv:
            namespace.csv.write_text(csv_text(as_rows(results)), encoding="utf-8")
            written.append(namespace.csv)
        if namespace.plot:
            from predictor.evaluation.plots import draw_all  # matplotlib is slow to import

            written += draw_all(results, namespace.plot)
    except OSError as error:
        raise PredictorError(f"cannot write {error.filename!r}: {error.strerror}") from None
    for path in written:
        print(f"predictor: wrote {path}", file=sys.stderr)


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction between 0 and 1, such as 0.25")
    return value
