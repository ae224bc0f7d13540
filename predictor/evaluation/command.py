"""What `python -m predictor evaluate` does: evaluate, print, write and draw."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from joblib import cpu_count
from tqdm import tqdm

from predictor.curves.learning_curves import LearningCurves
from predictor.curves.options import announce, keep_inputs, read_files
from predictor.evaluation.experiment import LCE_CURVES, SLOW, Plan, SetResult, evaluate
from predictor.evaluation.methods import SEARCHED, parse_features, variants
from predictor.evaluation.options import N_TRAIN, UNCERTAINTY
from predictor.evaluation.report import as_dict, as_rows, as_text
from predictor.evaluation.results import SplitResult
from predictor.evaluation.splits import affordable, without_repeats
from predictor.models.names import METHODS, PREDICTORS, make_predictor
from predictor.output import check_writable, csv_text, note, say_written, short_names, writing


def execute(namespace: argparse.Namespace) -> int:
    """Evaluate, print, write and draw."""
    plan = plan_of(namespace)
    for method in filter(PREDICTORS.__contains__, namespace.methods):
        make_predictor(method).check_settings()  # a missing package is noticed before anything is computed
    read = read_files(namespace)
    sets = {name: without_repeats(curves) if namespace.distinct else curves for name, curves in read.items()}
    keep_inputs(namespace.files, filter(None, [namespace.csv]))
    _check_places(namespace)

    def progress(results: Iterable[SplitResult], total: int) -> Iterable[SplitResult]:
        announce(read)  # only here: if nothing can be evaluated, the error is the only line
        _note(namespace, plan, sets)
        return tqdm(results, total=total, desc="evaluating", unit="fit", disable=None)

    named = dict(zip(short_names([*sets]), sets.values(), strict=True))
    results = evaluate(named, plan, namespace.jobs or cpu_count(), progress)
    print(_output(results, plan, namespace))
    _write(namespace, results)
    return 0


def plan_of(namespace: argparse.Namespace) -> Plan:
    """The plan that the options describe; raises `PredictorError` for unknown feature sets."""
    chosen = [parse_features(text) for text in namespace.features]
    return Plan(
        variants=tuple(variants(list(dict.fromkeys(namespace.methods)), list(dict.fromkeys(chosen)))),
        fractions=tuple(dict.fromkeys(namespace.fractions)),
        n_train=namespace.train,
        splits=tuple(range(namespace.seed, namespace.seed + namespace.splits)),
        depth_limits=tuple(dict.fromkeys(namespace.depth_generalisation)),
        n_settings=namespace.settings,
        uncertainties=tuple(dict.fromkeys(namespace.uncertainty or [UNCERTAINTY])),
        lce_curves=namespace.lce_curves or LCE_CURVES,
    )


def _note(namespace: argparse.Namespace, plan: Plan, sets: Mapping[str, LearningCurves]) -> None:
    """Say which effects of the options the user may not expect."""
    for name, curves in sets.items():
        n_train = affordable(int(curves.completed.sum()))
        if not (plan.n_train or plan.depth_limits) and n_train < N_TRAIN:
            note(
                f"{name}: too few curves to train on {N_TRAIN}: training on {n_train}, testing on the others"
            )
        _note_features(name, curves, plan)
    _note_unused("--settings", namespace.settings, SEARCHED, namespace.methods)
    _note_unused("--lce-curves", namespace.lce_curves, (SLOW,), namespace.methods)
    _note_unused("--features", " ".join(namespace.features) or None, tuple(METHODS), namespace.methods)
    kinds = " ".join(namespace.uncertainty or ()) or None
    _note_unused("--uncertainty", kinds, tuple(METHODS), namespace.methods)


def _note_features(name: str, curves: LearningCurves, plan: Plan) -> None:
    """Say which features a set does not have."""
    asked = {feature for variant in plan.variants for feature in variant.feature_names.split("+")}
    known = {"AP": curves.architecture, "HP": curves.hyperparameters}
    kinds = {"AP": "architecture parameters", "HP": "hyper-parameters"}
    for feature, kind in kinds.items():
        if asked & {feature, f"log-{feature}"} and not known[feature]:
            note(f"{name}: there are no {kind}, so {feature} changes nothing")


def _note_unused(
    option: str, value: int | str | None, used_by: Sequence[str], methods: Sequence[str]
) -> None:
    """Say that none of the methods uses an option, if it was given."""
    if value is not None and not set(methods).intersection(used_by):
        users = " and ".join(filter(None, [", ".join(used_by[:-1]), used_by[-1]]))
        note(f"{option} {value} is not used; it is for {users}")


def _output(results: list[SetResult], plan: Plan, namespace: argparse.Namespace) -> str:
    if namespace.format == "json":
        return json.dumps(as_dict(results, plan), indent=1, ensure_ascii=False, allow_nan=False)
    if namespace.format == "csv":
        return csv_text(as_rows(results)).rstrip("\n")
    return as_text(results, plan, calibration=namespace.calibration)


def _check_places(namespace: argparse.Namespace) -> None:
    """Check before the evaluation, which may take long, that files can be written; makes the folders."""
    if namespace.csv:
        check_writable(namespace.csv)
    if namespace.plot:
        with writing(namespace.plot):
            namespace.plot.mkdir(parents=True, exist_ok=True)


def _write(namespace: argparse.Namespace, results: list[SetResult]) -> None:
    written: list[Path] = []
    if namespace.csv:
        with writing(namespace.csv):
            namespace.csv.write_text(csv_text(as_rows(results)), encoding="utf-8")
        written.append(namespace.csv)
    if namespace.plot:
        from predictor.evaluation.plots import draw_all  # matplotlib is slow to import

        with writing(namespace.plot):
            written += draw_all(results, namespace.plot)
    say_written(written)
