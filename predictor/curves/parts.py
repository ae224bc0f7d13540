"""Several files of one training: one checkpoint after another, or a file for each kind of data."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path

import pandas as pd

from predictor.curves.names import UNLABELLED, split_rank
from predictor.curves.spread import is_metric, labelled
from predictor.curves.wording import counted, listed
from predictor.curves.words import RUN, TEST, TRAINING, VALIDATION

CHECKPOINT = re.compile(r"checkpoint-(\d+)")
KINDS = {
    **dict.fromkeys(VALIDATION, "val"),
    **dict.fromkeys(TEST, "test"),
    **dict.fromkeys(TRAINING, "train"),
}
KIND = re.compile(
    rf"(?<![a-z])({'|'.join(sorted(KINDS, key=len, reverse=True))})(?=(?:logs?|set|data)?(?![a-z]))",
    re.IGNORECASE,
)
"""A word for data in a name: `run1/train`, `m0_validation`, `learn_error.tsv`, `trainLog.txt`."""


def latest(files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files without those of earlier checkpoints (`checkpoint-500`), and a remark if there are any."""
    trainings: dict[Path, list[tuple[float, Path]]] = defaultdict(list)
    for file in files:
        number = CHECKPOINT.fullmatch(file.parent.name)
        training = file.parent.parent if number else file.parent
        trainings[training / file.name].append((int(number[1]) if number else inf, file))
    kept = {max(found)[1] for found in trainings.values()}
    earlier = len(files) - len(kept)
    remarks = [f"left out: {counted(earlier, 'file')} of earlier checkpoints"] if earlier else []
    return [file for file in files if file in kept], remarks


def by_training(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Runs whose names differ only in a word for data as one run, with metrics of each kind of data.

    Args:
        table: with the column `run`.

    Returns:
        The table and a remark; if there are no such runs, the table as it is and no remark.
    """
    kinds = {name: _kind(name) for name in dict.fromkeys(table[RUN])}
    found: dict[str, set[str]] = defaultdict(set)
    for rest, kind in kinds.values():
        found[rest].add(kind)
    if not any(len(several - {""}) > 1 for several in found.values()):
        return table, []
    metrics = [
        column
        for column in table.columns
        if split_rank(column) == UNLABELLED and (column == "value" or is_metric(table, column))
    ]
    of_row = table[RUN].map({name: kind for name, (_, kind) in kinds.items()})
    runs = table[RUN].map({name: rest for name, (rest, _) in kinds.items()})
    every = sorted(set(of_row) - {""})
    return labelled(table.assign(**{RUN: runs}), metrics, of_row), [
        f"by their names, files of {listed(every)} data"
    ]


def _kind(name: str) -> tuple[str, str]:
    """The name without its last word for data, and which data that is."""
    matches = list(KIND.finditer(name))
    if not matches or name.count("/", matches[-1].end()) > 1:  # of a folder far above
        return name, ""
    match = matches[-1]
    return f"{name[: match.start()].rstrip('/ _.-')}{name[match.end() :]}", KINDS[match[1].lower()]


def of_one_suffix(tables: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The files of the suffix that most have, and a remark about the others."""
    by_suffix: dict[str, list[Path]] = defaultdict(list)
    for file in tables:
        by_suffix[suffix(file)].append(file)
    if not by_suffix:
        return [], []
    most = max(by_suffix, key=lambda one: len(by_suffix[one]))
    others = [file.name for one, files in by_suffix.items() if one != most for file in files]
    return by_suffix[most], [f"left out: {listed(others)} (not {most})"] if others else []


def suffix(file: Path) -> str:
    """The suffix of a file, packed or not: `.csv` of `curves.csv.gz`."""
    return Path(file.name.removesuffix(".gz")).suffix.lower()
