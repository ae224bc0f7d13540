"""``python -m predictor simulate``: what stopping rules save on recorded curves, and what they lose."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from joblib import cpu_count
from tqdm import tqdm

from predictor.curves.course import in_percent
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.options import MANY, PROCESSES, add_reading_options, announce, read_files, whole
from predictor.curves.wording import shown
from predictor.errors import PredictorError
from predictor.rules.names import RuleSpec, default_rules, describe_rules, parse_rules
from predictor.simulation.engine import Result
from predictor.simulation.protocol import DEFAULT_TOLERANCE, CurveSet, Trials, run_protocol
from predictor.simulation.report import as_anytime_table, as_csv, as_json, as_table

PERCENT = 100
FORMATS = {"table": as_table, "json": as_json, "csv": as_csv}

EXAMPLES = f"""\
Networks arrive in a random order, one at a time; after each epoch but the last a rule says stop or continue,
from this network's epochs and from the networks before it.

  speed-up     (networks x T) / (epochs trained), mean over the orders; everything counts
  recovered    orders in which the network with the best y_T was trained to the end
  regret       best y_T of all minus best y_T of those trained to the end; log scale for perplexities
  within       orders with a regret of at most the tolerance
  stopped      share of the networks that were stopped
  false stops  share of the stopped that would have beaten the best of their moment
  ms/decision  wall time of one decision, fits included

--anytime: what is found after a share of all epochs, mean over the orders of (best y_T of all - best
completed so far) / (best - median y_T of all) in percent; - where in some order nothing was completed yet.

rules, and the defaults of their settings:
{describe_rules()}

examples:
  python -m predictor simulate curves.csv
  python -m predictor simulate lightning_logs/ --curve val_loss
  python -m predictor simulate curves.csv runs/NAME --rules published:Delta=0.95,burn_in=50,median
  python -m predictor simulate *.csv --rules none,percentile-25,optuna.PercentilePruner:percentile=10 \\
      --orders 0-19 --plot figure4.png
  python -m predictor simulate curves.csv --rules published:method=robust-gp --format json > result.json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``simulate``."""
    add_reading_options(parser)
    parser.add_argument(
        "--rules",
        action="append",
        metavar="RULES",
        help="rules, separated by commas, with settings after a colon (default: rank-envelope, published "
        "and, where Optuna is installed, its pruners); may be given several times",
    )
    parser.add_argument(
        "--orders",
        type=_orders,
        default=range(10),
        metavar="N",
        help="how many random orders, or which: 10, 0-19, 3,5,7 (default: 10)",
    )
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="R",
        help="regret that counts as none (default: 0.002, 0.2 for percent; 0.01 in log-perplexity or loss)",
    )
    parser.add_argument(
        "--jobs",
        type=whole(1, PROCESSES),
        default=cpu_count(),
        metavar="N",
        help="processes (default: one per core)",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="table for people, json or csv for programs"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the CSV to this file, too")
    parser.add_argument(
        "--subset",
        type=whole(2, MANY),
        metavar="N",
        help="small searches: the first N networks of each order only",
    )
    parser.add_argument(
        "--anytime", action="store_true", help="print a table of the regret after shares of all epochs, too"
    )
    parser.add_argument(
        "--plot-anytime",
        type=Path,
        metavar="PNG",
        help="draw regret against epochs, all rules in one picture",
    )
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw speed-up against regret")


def execute(namespace: argparse.Namespace) -> int:
    """Simulate, print the results, and write the files that were asked for."""
    rules = _rules(namespace.rules)
    read = read_files(namespace)
    sets = [_curve_set(name, curves, namespace.tolerance) for name, curves in read.items()]
    for path in _files(namespace):
        _check_writable(path)
    announce(read)
    _announce_left_out(sets)
    trials = run_protocol(sets, rules, namespace.orders, namespace.jobs, _with_bar, namespace.subset)
    print(FORMATS[namespace.format](trials).rstrip("\n"))
    if namespace.anytime and namespace.format == "table":
        print(f"\n{as_anytime_table(trials)}")
    _write(namespace, trials)
    return 0


def _rules(texts: list[str] | None) -> list[RuleSpec]:
    rules = [rule for text in texts for rule in parse_rules(text)] if texts else default_rules()
    for rule in rules:
        rule.make()  # a setting out of range is noticed before anything is simulated
    return rules


def _curve_set(name: str, curves: LearningCurves, tolerance: float | None) -> CurveSet:
    if tolerance is None and in_percent(curves.metric, curves.values):
        tolerance = PERCENT * DEFAULT_TOLERANCE
    return CurveSet.of(name, curves, tolerance)


def _announce_left_out(sets: Sequence[CurveSet]) -> None:
    for curve_set in sets:
        if curve_set.left_out:
            print(
                f"predictor: note: {curve_set.name}: {curve_set.left_out} of "
                f"{len(curve_set.curves) + curve_set.left_out} curves have no value at every one of "
                f"their {curve_set.curves.T} epochs and are left out",
                file=sys.stderr,
            )


def _with_bar(results: Iterator[Result], total: int) -> Iterator[Result]:
    return iter(tqdm(results, total=total, desc="simulating", unit="order", file=sys.stderr, disable=None))


def _write(namespace: argparse.Namespace, trials: list[Trials]) -> None:
    try:
        if namespace.csv:
            namespace.csv.write_text(as_csv(trials), encoding="utf-8")
        if namespace.plot:
            from predictor.simulation.figure import draw  # matplotlib is slow to import

            draw(trials, namespace.plot)
        if namespace.plot_anytime:
            from predictor.simulation.figure import draw_anytime

            draw_anytime(trials, namespace.plot_anytime)
    except OSError as error:
        raise PredictorError(f"cannot write {error.filename!r}: {error.strerror}") from None
    for path in _files(namespace):
        print(f"predictor: wrote {path}", file=sys.stderr)


def _files(namespace: argparse.Namespace) -> list[Path]:
    return [path for path in (namespace.csv, namespace.plot, namespace.plot_anytime) if path]


def _check_writable(path: Path) -> None:
    """Before the simulation, which may take long."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PredictorError(f"cannot write {str(path)!r}: {error.strerror}") from None
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PredictorError(f"cannot write {str(path)!r}; expected a file in a folder that can be written")


def _orders(text: str) -> list[int]:
    number = whole(0, MANY)
    first, dash, last = text.partition("-")
    try:
        if dash:
            orders = list(range(number(first), number(last) + 1))
        elif "," in text:
            orders = [number(part) for part in text.split(",")]
        else:
            orders = list(range(number(text)))
    except argparse.ArgumentTypeError:
        orders = []
    if not orders:
        raise argparse.ArgumentTypeError(
            f"{shown(text)!r}; expected a number such as 10, or 0-19, or 3,5,7; at most {MANY}"
        )
    return orders


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number that is not negative")
    return value
