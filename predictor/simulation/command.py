"""What `python -m predictor simulate` does: simulate, print, write and draw."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from joblib import cpu_count
from tqdm import tqdm

from predictor.curves.course import in_percent
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.options import announce, keep_inputs, read_files
from predictor.errors import PredictorError
from predictor.output import check_writable, note, say_written, writing
from predictor.rules.names import RuleSpec, default_rules, parse_rules
from predictor.simulation.engine import Result
from predictor.simulation.protocol import DEFAULT_TOLERANCE, CurveSet, Trials, run_protocol
from predictor.simulation.report import as_anytime_table, as_csv, as_json, as_table

PERCENT = 100
THRESHOLDS = "optuna.ThresholdPruner"
FORMATS = {"table": as_table, "json": as_json, "csv": as_csv}


def execute(namespace: argparse.Namespace) -> int:
    """Simulate, print the results, and write the files that were asked for."""
    rules = _rules(namespace.rules)
    read = read_files(namespace)
    sets = [_curve_set(name, curves, namespace.tolerance) for name, curves in read.items()]
    keep_inputs(namespace.files, _files(namespace))
    _check_different(_files(namespace))
    for path in _files(namespace):
        check_writable(path)
    announce(read)
    _announce_left_out(sets)
    _announce_rules(sets, rules, namespace.subset)
    jobs = namespace.jobs or cpu_count()
    trials = run_protocol(sets, rules, namespace.orders, jobs, _with_bar, namespace.subset)
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
            note(
                f"{curve_set.name}: left out: {curve_set.left_out} of "
                f"{len(curve_set.curves) + curve_set.left_out} curves, which lack some of their "
                f"{curve_set.curves.T} epochs; if a stopping rule ended them, results are biased"
            )


def _announce_rules(sets: Sequence[CurveSet], rules: Sequence[RuleSpec], subset: int | None) -> None:
    """Say which results mean less than they seem to."""
    for curve_set in sets:
        final, n = curve_set.curves.final, subset or len(curve_set.curves)
        gap = float(final.max() - np.median(final))
        if curve_set.tolerance >= gap:
            note(
                f"{curve_set.name}: the tolerance, {curve_set.tolerance:g}, is no less than the gap between "
                f"the best and the median result, {gap:.3g}: choose a smaller one with --tolerance"
            )
        for rule in rules:
            if (burn_in := getattr(rule.make(), "burn_in", 0)) >= n:
                note(f"{curve_set.name}: {rule} never decides: its burn-in is {burn_in}, with {n} networks")
            limits = (rule.settings.get(name) for name in ("lower", "upper"))
            wrong = rule.name == THRESHOLDS and any(limit is not None and limit > 0 for limit in limits)
            if wrong and curve_set.curves.direction == "minimize":
                note(
                    f"{curve_set.name}: {rule} sees scores, which are negative for a minimized metric: give "
                    "limits such as lower=-1.5"
                )


def _with_bar(results: Iterator[Result], total: int) -> Iterator[Result]:
    return iter(tqdm(results, total=total, desc="simulating", unit="order", file=sys.stderr, disable=None))


def _write(namespace: argparse.Namespace, trials: list[Trials]) -> None:
    if namespace.csv:
        with writing(namespace.csv):
            namespace.csv.write_text(as_csv(trials), encoding="utf-8")
    if namespace.plot:
        from predictor.simulation.figure import draw, figure4  # matplotlib is slow to import

        with writing(namespace.plot):
            draw(figure4(trials), namespace.plot)
    if namespace.plot_anytime:
        from predictor.simulation.figure import anytime, draw

        with writing(namespace.plot_anytime):
            draw(anytime(trials), namespace.plot_anytime)
    say_written(_files(namespace))


def _files(namespace: argparse.Namespace) -> list[Path]:
    return [path for path in (namespace.csv, namespace.plot, namespace.plot_anytime) if path]


def _check_different(paths: Sequence[Path]) -> None:
    for number, path in enumerate(paths):
        if path.resolve() in (other.resolve() for other in paths[:number]):
            raise PredictorError(f"{str(path)!r} would be written twice; name another file")
