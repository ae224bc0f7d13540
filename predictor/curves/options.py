"""Options of commands that read learning curves, and what the commands say about what they read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from glob import glob
from os.path import exists
from pathlib import Path

import numpy as np

from predictor.curves.learning_curves import LearningCurves
from predictor.curves.wording import ONE_TRAINING, shown
from predictor.errors import CurvesError, PredictorError

FILES = (
    "curves of any tool: CSV, JSON, .npz; a folder or a pattern in quotes with a file for each training "
    "(Keras, Ray, Lightning, TensorBoard); an Optuna storage; a search's database or run folder"
)
MANY = 10**6
"""The most of anything that may be asked for."""
PROCESSES = 1024
LONGEST = 40
"""Digits of a number; Python refuses to read very long ones in its own words."""
SHOWN_PARAMETERS = 4
SHOWN_VALUES = 3


def whole(low: int, high: int) -> Callable[[str], int]:
    """A `type` of arguments: whole numbers from low to high."""

    def read(text: str) -> int:
        plain = text.isascii() and text.isdecimal() and len(text) <= LONGEST
        if not plain or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{shown(text)!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def named(text: str) -> str:
    """A file or folder. Raises ArgumentTypeError for no name, which would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("'' is not the name of a file or folder; . is the current folder")
    return text


def named_path(text: str) -> Path:
    """As `named`, a path."""
    return Path(named(text))


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """`FILE...`, and options that overrule how they are understood."""
    parser.add_argument("files", nargs="+", type=named, metavar="FILE", help=FILES)
    parser.add_argument("--metric", metavar="NAME", help="their metric, if the columns do not say it")
    parser.add_argument("--direction", choices=("maximize", "minimize"), help="which way is better")
    parser.add_argument("--curve", metavar="GROUP", help="the curve's columns: val_acc for val_acc_1, ...")
    parser.add_argument(
        "--parameters",
        type=_names,
        metavar="NAMES",
        help="columns known before training, separated by commas, or none (default: detected)",
    )


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """`--jobs` and `--format`."""
    parser.add_argument(
        "--jobs", type=whole(1, PROCESSES), metavar="N", help="processes (default: one per core)"
    )
    parser.add_argument(
        "--format",
        choices=("table", "json", "csv"),
        default="table",
        help="table for people, json or csv for programs",
    )


def read_files(namespace: argparse.Namespace) -> dict[str, LearningCurves]:
    """The curves by file; several files of one training each are one set. Raises `CurvesError`."""
    wishes = {key: getattr(namespace, key) for key in ("metric", "direction", "curve", "parameters")}
    files = list(dict.fromkeys(namespace.files))
    sets = {file: LearningCurves.read(file, **wishes) for file in files}
    if len(sets) > 1 and all(len(curves) == 1 for curves in sets.values()):
        return {f"{len(files)} files": LearningCurves.read(files, **wishes)}
    for name, curves in sets.items():
        if ONE_TRAINING in curves.understood:
            raise CurvesError(
                f"{name}: {curves.understood}; expected several trainings: rows for "
                "each of them, several files, or a folder of files"
            )
    return sets


def keep_inputs(files: Iterable[str], written: Iterable[Path]) -> None:
    """Refuse to overwrite what curves are read from: a file, or any file in a folder or of a pattern.

    Raises:
        PredictorError: a file that would be written is one of them.
    """
    places = [Path(place) for file in files for place in (file.removeprefix("sqlite:///"), *glob(file))]
    for path in written:
        if exists(path) and any(_holds(place, path) for place in places):
            raise PredictorError(
                f"{str(path)!r} belongs to what is read and is not overwritten; name another file"
            )


def _holds(place: Path, path: Path) -> bool:
    if not place.exists():
        return False
    return place.samefile(path) or (place.is_dir() and place.resolve() in path.resolve().parents)


def announce(sets: Mapping[str, LearningCurves]) -> None:
    """Say on standard error what was understood of each set, and show its first curve."""
    for name, curves in sets.items():
        if curves.understood:
            print(f"predictor: {name}: {curves.understood}", file=sys.stderr)
            print(f"predictor: {name}: the first: {sample(curves)}", file=sys.stderr)


def sample(curves: LearningCurves) -> str:
    """The first curve and its parameters: `lr = 0.1: 0.31, 0.42, 0.48, ..., 0.57`."""
    columns = {**curves.architecture, **curves.hyperparameters}
    known = [f"{shown(name)} = {column[0]:g}" for name, column in list(columns.items())[:SHOWN_PARAMETERS]]
    observed = curves.values[0][np.isfinite(curves.values[0])]
    values = [f"{value:.4g}" for value in observed]
    if len(values) > SHOWN_VALUES + 1:
        values = [*values[:SHOWN_VALUES], "...", values[-1]]
    return f"{', '.join(known) or 'no parameters'}: {', '.join(values) or 'no values'}"


def _names(text: str) -> Sequence[str]:
    return [] if text == "none" else [name.strip() for name in text.split(",") if name.strip()]
