"""Reading and writing learning curves: which reader a file, folder, pattern or URL gets, and ``.npz``.

*Tables* (CSV, JSON, JSON lines, of any tool): `predictor.curves.wide` and `predictor.curves.long`, in files
of their own `predictor.curves.runs`. *Optuna*: `predictor.curves.optuna_storage`. *Search databases and run
folders*: `predictor.curves.search_database`.

*npz*: array ``values`` (n, T), any number of ``ap_<name>`` and ``hp_<name>`` (n,), optional ``metric``,
``direction`` and ``names``. Read without pickle.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib import format as npy

from predictor.curves.by_column import by_column
from predictor.curves.choice import Wishes
from predictor.curves.course import check_course, check_rows, remark_on
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.long import is_long, read_long
from predictor.curves.metrics import NamedMetric, metric_of
from predictor.curves.mlflow import read_mlflow, runs_of
from predictor.curves.optuna_storage import is_journal, is_study, read_study
from predictor.curves.parameters import Parameters
from predictor.curves.partition import RUN
from predictor.curves.runs import EVENTS, TENSORBOARD_CSV, files_of, read_runs
from predictor.curves.search_database import SQLITE_SUFFIXES, find_database, read_database
from predictor.curves.tables import read_table
from predictor.curves.wide import describe_curves, read_wide
from predictor.errors import CurvesError

Place = str | os.PathLike[str]
MAX_NPZ_BYTES = 2**30
"""Most bytes that the arrays of an ``.npz`` file may take as the float64 that they become."""


def read_curves(path: Place | Sequence[Place], wishes: Wishes = Wishes()) -> LearningCurves:  # noqa: B008
    """Curves of a file, folder, pattern, database or storage URL, or of several files of a training each.

    Raises:
        CurvesError: with the place in front, for whatever is not understood.
    """
    if not isinstance(path, str | os.PathLike):
        return _checked(f"{len(path)} files", lambda: read_runs([Path(file) for file in path], wishes))
    place = os.fspath(path)
    return _checked(place, lambda: _read(place, wishes))


def _checked(place: str, read: Callable[[], LearningCurves]) -> LearningCurves:
    try:
        curves = read()
        if not np.isfinite(curves.values).any():
            raise CurvesError("not one epoch of any curve has a value: NaN everywhere")
    except CurvesError as error:
        raise CurvesError(f"{place}: {error}") from None
    except OSError as error:
        raise CurvesError(f"{place}: cannot be read: {error.strerror or error}") from None
    return curves


def _read(place: str, wishes: Wishes) -> LearningCurves:
    path = Path(place)
    if "://" in place:
        return read_study(place, wishes)
    if path.is_dir():
        return _from_folder(path, wishes)
    if path.suffix in SQLITE_SUFFIXES:
        study = path.is_file() and is_study(path)
        return read_study(f"sqlite:///{place}", wishes) if study else _of_search(path, wishes)
    if not path.is_file():
        if files := files_of(place)[0]:
            return read_runs(files, wishes)
        raise CurvesError("no such file; expected a .csv, .json, .npz or SQLite file, or a folder")
    if path.suffix == ".npz":
        return _described(read_npz(path, wishes))
    return read_study(place, wishes) if is_journal(path) else _from_table(read_table(path), path, wishes)


def _from_folder(path: Path, wishes: Wishes) -> LearningCurves:
    if any((path / name).is_file() for name in ("search.db", "storage.json")):
        return _of_search(path, wishes)
    if runs := runs_of(path):
        table, remarks = read_mlflow(runs)
        return read_long(table, wishes, RUN, remarks)
    files, remarks = files_of(str(path))
    if len(files) == 1 and EVENTS not in files[0].name:
        curves = _from_table(read_table(files[0]), files[0], wishes)
        return replace(curves, understood="; ".join([curves.understood, *remarks]))
    if not files:
        raise CurvesError(
            "no curves there: no table such as .csv, .json or .log, no event file, no search.db"
        )
    return read_runs(files, wishes, remarks)


def _of_search(path: Path, wishes: Wishes) -> LearningCurves:
    source = find_database(path)
    wishes.refuse("a search")
    return read_database(source)


def _from_table(table: pd.DataFrame, path: Path, wishes: Wishes) -> LearningCurves:
    if set(table.columns) == TENSORBOARD_CSV:
        return read_runs([path], wishes)
    if trainings := by_column(table):
        stacked, run = trainings
        return read_long(stacked, wishes, run)
    return read_long(table, wishes) if is_long(table) else read_wide(table, wishes)


def read_npz(path: Path, wishes: Wishes = Wishes()) -> LearningCurves:  # noqa: B008
    """Curves of an ``.npz`` file with the arrays named in this module's docstring.

    Args:
        path: of the file.
        wishes: of the caller: a metric and direction that the file does not say, and nothing else.

    Raises:
        CurvesError: it is none, or says neither metric nor direction and holds no accuracies.
    """
    try:
        arrays = _plain_arrays(path)
    except (OSError, CurvesError):
        raise
    except Exception:  # which one depends on the byte that is wrong; numpy's words advise unsafe loading
        raise CurvesError("not an .npz file of plain arrays, or damaged; numpy.savez writes one") from None
    if "values" not in arrays:
        raise CurvesError(f"no array 'values' of shape (curves, epochs); found {sorted(arrays)}")
    wishes.refuse("this .npz file", {"metric", "direction"} - arrays.keys())
    known = {"values", "metric", "direction", "names"}
    strange = [name for name in arrays if name not in known and not name.startswith(("ap_", "hp_"))]
    if strange:
        raise CurvesError(
            f"array {strange[0]!r} is not known; expected {sorted(known)}, ap_<name> or hp_<name>"
        )
    for name, array in arrays.items():
        if name not in ("metric", "direction", "names") and array.dtype.kind not in "biuf":
            raise CurvesError(f"array {name!r} holds {array.dtype}; expected numbers")
    asked = metric_of(wishes.metric) or NamedMetric(wishes.metric, None) if wishes.metric else None
    curves = LearningCurves(
        values=arrays["values"],
        architecture={name[3:]: array for name, array in arrays.items() if name.startswith("ap_")},
        hyperparameters={name[3:]: array for name, array in arrays.items() if name.startswith("hp_")},
        metric=asked.name if asked else str(arrays.get("metric", "accuracy")),
        direction=str(arrays["direction"]) if "direction" in arrays else wishes.direction,  # type: ignore[arg-type]
        names=arrays.get("names"),
    )
    if not (asked or wishes.direction or {"metric", "direction"} & arrays.keys()):
        if arrays.keys() == {"values"}:
            check_rows(curves.values)
        check_course(NamedMetric(curves.metric, curves.direction), "values", curves.values)
    return curves


def _described(curves: LearningCurves) -> LearningCurves:
    """Those of an ``.npz`` file, with what they were understood as: for people, not for a `CurveStore`."""
    metric = NamedMetric(curves.metric, curves.direction)
    parameters = Parameters(dict(curves.architecture), dict(curves.hyperparameters))
    what = describe_curves(curves.values, metric, remark_on(metric, curves.values), "values")
    return replace(curves, understood=f"{what}; {parameters.describe()}")


def _plain_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        needed = sum(_needed(archive, member) for member in archive.infolist())
    if needed > MAX_NPZ_BYTES:
        raise CurvesError(f"its arrays take {needed:,} bytes; at most {MAX_NPZ_BYTES:,} are read")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for array in arrays.values():
        if array.dtype.kind == "U":
            "".join(array.flat).encode()  # raises for numbers that are no characters
    return arrays


def _needed(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Bytes of an array once it is read: numpy takes them as its header asks, before it reads one."""
    with archive.open(member) as file:
        first = npy.read_magic(file) == (1, 0)  # in what matters here, all later versions are alike
        read_header = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
    return max(member.file_size, prod(shape) * max(dtype.itemsize, 8))


def write_npz(curves: LearningCurves, path: str | os.PathLike[str]) -> None:
    """Write curves as an ``.npz`` file that `read_npz` reads back equal."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        **{f"ap_{name}": column for name, column in curves.architecture.items()},
        **{f"hp_{name}": column for name, column in curves.hyperparameters.items()},
        "values": curves.values,
        "metric": np.array(curves.metric),
        "direction": np.array(curves.direction),
    }
    if curves.names is not None:
        arrays["names"] = curves.names
    np.savez(path, **arrays)  # type: ignore[arg-type]
