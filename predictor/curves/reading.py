"""Reading learning curves: which reader a file, folder, pattern or URL gets.

Search databases and run folders (`search_database`) and `.npz` files (`npz`) say themselves what they hold.
Everything else becomes a table of text, whose columns are understood by their names and values (modules of
`predictor.curves`):

1. *File to table*. `tables` reads CSV and JSON (`headers`: lines of names; `json_text`: lines and cells;
   `json_tables`: objects and lists; `json_curves`: trainings by name). A file per training, TensorBoard's
   events (`runs`; `parts`: several files of one training), MLflow's folders (`mlflow`) and Optuna's studies
   (`optuna_storage`) become a table with a row per training and epoch.
2. *Shape*. A table with a column per training is turned into one with a row per training and epoch
   (`by_column`). `shape` decides whether the rows of others are epochs, for `long`, or trainings, for
   `wide`.
3. *Partition*, of rows that are epochs. `spread` gives each metric and kind of data a column; `partition`
   finds the column of epochs and those that tell the trainings apart.
4. *Columns*. `columns` groups those that differ in a number, and tells epochs from numbers of something
   else. `choice` takes the one group, or the one column (`curve_column`; `frequency`: how often each is
   logged), that is the curve.
5. *Metric and direction*. `choice.settle` takes them from the name (`metrics`), or from the values if the
   name says nothing; `course` refuses values that cannot be of that metric, `placeholders` those that stand
   for missing ones, `summaries` means among trainings.
6. *Parameters*. `parameters` takes columns that were known before training, and says why others were left
   out.
7. *Curves*. `understood` makes `LearningCurves` of them, with the line that says how the table was
   understood.

`words` lists the words that names are searched for. Wherever two readings are possible, `CurvesError` asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from predictor.curves.by_column import by_column
from predictor.curves.choice import Wishes
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.long import read_long
from predictor.curves.mlflow import read_mlflow, runs_of
from predictor.curves.npz import read_described
from predictor.curves.optuna_storage import is_journal, is_study, read_study
from predictor.curves.runs import EVENTS, TENSORBOARD_CSV, files_of, read_runs
from predictor.curves.search_database import SQLITE_SUFFIXES, find_database, read_database
from predictor.curves.shape import is_long
from predictor.curves.tables import read_table
from predictor.curves.wide import read_wide
from predictor.curves.words import RUN
from predictor.errors import CurvesError

Place = str | os.PathLike[str]


def read_curves(path: Place | Sequence[Place], wishes: Wishes = Wishes()) -> LearningCurves:  # noqa: B008
    """Curves of a file, folder, pattern, database or storage URL, or of several files of one training each.

    Raises:
        CurvesError: with the place in front, if it is not understood.
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
    file, _, study = place.partition("#")
    if "://" in place:
        return read_study(file, study, wishes)
    if path.is_dir():
        return _from_folder(path, wishes)
    if study and not path.exists() and (storage := _storage(Path(file))):
        return read_study(storage, study, wishes)
    if storage := _storage(path):
        return read_study(storage, "", wishes)
    if path.suffix in SQLITE_SUFFIXES:
        return _of_search(path, wishes)
    if not path.is_file():
        if files := files_of(place)[0]:
            return read_runs(files, wishes)
        raise CurvesError("no such file; expected a .csv, .json, .npz or SQLite file, or a folder")
    if path.suffix == ".npz":
        return read_described(path, wishes)
    return _from_file(path, wishes)


def _storage(path: Path) -> str | None:
    """What Optuna calls the file, if it is one of its storages."""
    if not path.is_file():
        return None
    if path.suffix in SQLITE_SUFFIXES:
        return f"sqlite:///{path}" if is_study(path) else None
    return str(path) if is_journal(path) else None


def _from_folder(path: Path, wishes: Wishes) -> LearningCurves:
    if any((path / name).is_file() for name in ("search.db", "storage.json")):
        return _of_search(path, wishes)
    if runs := runs_of(path):
        table, remarks = read_mlflow(runs)
        return read_long(table, wishes, RUN, remarks)
    files, remarks = files_of(str(path))
    if len(files) == 1 and EVENTS not in files[0].name:
        return _from_file(files[0], wishes, remarks)
    if not files:
        raise CurvesError(
            "no curves there: no table such as .csv, .json or .log, no event file, no search.db"
        )
    return read_runs(files, wishes, remarks)


def _of_search(path: Path, wishes: Wishes) -> LearningCurves:
    source = find_database(path)
    wishes.refuse("a search")
    return read_database(source)


def _from_file(path: Path, wishes: Wishes, said: Sequence[str] = ()) -> LearningCurves:
    table, cut_off = read_table(path, wishes)
    if set(table.columns) == TENSORBOARD_CSV:
        return read_runs([path], wishes, said)
    curves = _from_table(table, wishes)
    remarks = [*said, "left out: the last line (cut off)"] if cut_off else said
    return replace(curves, understood="; ".join([curves.understood, *remarks]))


def _from_table(table: pd.DataFrame, wishes: Wishes) -> LearningCurves:
    if trainings := by_column(table):
        stacked, run, remarks = trainings
        return read_long(stacked, wishes, run, remarks)
    return read_long(table, wishes) if is_long(table, wishes.curve) else read_wide(table, wishes)
