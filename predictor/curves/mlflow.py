"""MLflow's own folders: files `mlruns/0/RUN/metrics/val_acc` of lines `timestamp value step`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from predictor.curves.cells import is_number
from predictor.curves.wording import counted, quoted
from predictor.curves.words import RUN
from predictor.errors import CurvesError

ABOUT = "meta.yaml"


def runs_of(folder: Path) -> list[Path]:
    """The folders of runs in it, itself included; not those of logged models, `mlruns/0/models/MODEL`."""
    found = [about.parent for about in folder.rglob(ABOUT) if (about.parent / "metrics").is_dir()]
    return sorted(run for run in found if run.parent.name != "models")


def read_mlflow(runs: Sequence[Path]) -> tuple[pd.DataFrame, list[str]]:
    """The long table of runs that were not deleted, and a remark if some were; raises `CurvesError`."""
    about = {run: (run / ABOUT).read_text("utf-8", "replace") for run in runs}
    kept = [run for run in runs if "lifecycle_stage: deleted" not in about[run]]
    rows = [row for run in kept for row in _rows(run)]
    if not rows:
        raise CurvesError("no metrics in these folders of MLflow's")
    deleted = len(runs) - len(kept)
    remarks = [f"left out: {counted(deleted, 'deleted run')}"] if deleted else []
    return pd.DataFrame(rows, dtype=object).fillna(""), remarks


def _rows(run: Path) -> Iterator[dict[str, str]]:
    config = {f"config/{name}": text for name, text in _files(run / "params")}
    names = dict(_files(run / "tags"))
    name = f"{names['mlflow.runName']} {run.name}" if "mlflow.runName" in names else run.name
    for metric, text in _files(run / "metrics"):
        for step, value in _logged(f"{run.name}/metrics/{metric}", text):
            yield {RUN: name, "step": step, metric: value, **config}


def _logged(where: str, text: str) -> list[tuple[str, str]]:
    """Step and value of each line; if all steps are 0, as MLflow writes if given none, they are counted.

    A data set's name and digest may follow.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = line.split()
        if len(cells) not in (2, 3, 5) or not all(map(is_number, cells[:3])):
            raise CurvesError(f"line {number} of {where}: {quoted(line)} is no metric")
        found.append((cells[2] if len(cells) > 2 else str(number), cells[1]))
    if {step for step, _ in found} == {"0"}:
        return [(str(number), value) for number, (_, value) in enumerate(found)]
    return found


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Name, including that of inner folders, and text of all files."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file.read_text("utf-8", "replace").strip()
