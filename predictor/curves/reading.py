"""Reading and writing learning curves: CSV in the published format, ``.npz``, and a search's database.

*CSV*: one row per training, one column per epoch, further columns as `predictor.curves.columns` understands
them. Empty cells and ``nan`` are NaN: not observed for epochs, unknown for parameters.

*npz*: array ``values`` (n, T), any number of ``ap_<name>`` and ``hp_<name>`` (n,), optional ``metric``,
``direction`` and ``names``. Read without pickle.

*Database*: `predictor.curves.search_database`.
"""

from __future__ import annotations

import csv
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from predictor.curves import columns
from predictor.curves.learning_curves import Floats, LearningCurves
from predictor.curves.search_database import SQLITE_SUFFIXES, find_database, read_database
from predictor.errors import CurvesError

Cells = npt.NDArray[np.object_]
"""Strings of a table. As numpy's own strings all would take the room of the longest."""

MAX_NAMES_BYTES = 2**28
"""Most bytes that the names of a table may take: numpy gives every name the room of the longest."""
MAX_NPZ_BYTES = 4 * 2**30
"""Most bytes that the arrays of an ``.npz`` file may take when they are unpacked."""


def read_curves(path: str | os.PathLike[str]) -> LearningCurves:
    """Curves of a ``.csv``, ``.npz`` or SQLite file, or of a run folder; raises `CurvesError`."""
    path = Path(path)
    try:
        if path.is_dir() or path.suffix in SQLITE_SUFFIXES:
            curves = read_database(find_database(path))
        elif not path.is_file():
            raise CurvesError("no such file; expected a .csv, .npz or SQLite file, or a run folder")
        else:
            curves = read_npz(path) if path.suffix == ".npz" else read_csv(path)
        if not np.isfinite(curves.values).any():
            raise CurvesError("not one epoch of any curve has a value: NaN everywhere")
    except CurvesError as error:
        raise CurvesError(f"{path}: {error}") from None
    except OSError as error:
        raise CurvesError(f"{path}: cannot be read: {error.strerror or error}") from None
    return curves


def read_csv(path: Path) -> LearningCurves:
    """Curves of a CSV file; `CurvesError` names the row (1 = first line after the header) and column."""
    header, cells = _table(path)
    prefix, epochs = columns.epoch_columns(header)
    epochs.pop(0, None)
    if not epochs:
        raise CurvesError("no learning curves: expected columns such as acc_1, acc_2, ... or ep_1, ep_2, ...")
    missing = sorted(set(range(1, max(epochs) + 1)) - set(epochs))
    if missing:
        first = f"{prefix[:60]}_{missing[0]}"
        raise CurvesError(f"column {first!r} is missing: epochs must be numbered without gaps")
    place = {column: index for index, column in enumerate(header)}
    values = np.stack([_numbers(cells[:, place[c]], c) for c in epochs.values()], axis=1)
    curve_columns = {*epochs.values(), f"{prefix}_0"}
    parameters: dict[columns.Kind, dict[str, Floats]] = {"architecture": {}, "hyperparameters": {}}
    name = columns.name_column(header)
    for column in header:
        if column in curve_columns or column == name or columns.is_index(column):
            continue
        if _is_label(cells[:, place[column]]) and not columns.is_parameter(column):
            continue
        parameters[columns.kind_of(column)][column] = _numbers(cells[:, place[column]], column)
    return LearningCurves(
        values=values,
        architecture=parameters["architecture"],
        hyperparameters=parameters["hyperparameters"],
        metric=columns.metric_of(prefix, values),
        names=None if name is None else _names(cells[:, place[name]]),
    )


def _table(path: Path) -> tuple[list[str], Cells]:
    """Header and (rows, columns) cells, checked to be a rectangle."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CurvesError(f"not a CSV file in UTF-8: {error}") from None
    if len(rows) < 2:
        raise CurvesError(f"{'only a header' if rows else 'empty'}; expected a header and at least one curve")
    header = [column.strip() for column in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise CurvesError(f"row {number} has {len(row)} cells; the header has {len(header)}")
    times = Counter(header)
    repeated = [column for column in header if times[column] > 1 and not columns.is_index(column)]
    if repeated:
        raise CurvesError(f"column {repeated[0][:60]!r} is there {times[repeated[0]]} times")
    return header, np.array([[cell.strip() for cell in row] for row in rows[1:]], dtype=object)


def _names(cells: Cells) -> npt.NDArray[np.str_]:
    longest = max(map(len, cells))
    if (size := longest * len(cells) * np.dtype("U1").itemsize) > MAX_NAMES_BYTES:
        raise CurvesError(
            f"the names take {size:,} bytes, each as much as the longest of {longest:,} characters; "
            f"at most {MAX_NAMES_BYTES:,} are read"
        )
    return cells.astype(np.str_)


def _is_label(cells: Cells) -> bool:
    return not any(_is_number(cell) for cell in set(cells) if cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(cells: Cells, column: str) -> Floats:
    """The column as numbers; empty cells are NaN."""
    filled = np.where(cells == "", "nan", cells)
    try:
        return filled.astype(np.float64)
    except ValueError:
        row = next(index for index, cell in enumerate(filled) if not _is_number(cell))
        raise CurvesError(
            f"row {row + 1}, column {column[:60]!r}: {cells[row][:60]!r} is not a number"
        ) from None


def read_npz(path: Path) -> LearningCurves:
    """Curves of an ``.npz`` file with the arrays named in this module's docstring; raises `CurvesError`."""
    try:
        arrays = _plain_arrays(path)
    except (OSError, CurvesError):
        raise
    except Exception:  # which one depends on the byte that is wrong; numpy's words advise unsafe loading
        raise CurvesError("not an .npz file of plain arrays, or damaged; numpy.savez writes one") from None
    if "values" not in arrays:
        raise CurvesError(f"no array 'values' of shape (curves, epochs); found {sorted(arrays)}")
    known = {"values", "metric", "direction", "names"}
    strange = [name for name in arrays if name not in known and not name.startswith(("ap_", "hp_"))]
    if strange:
        raise CurvesError(
            f"array {strange[0]!r} is not known; expected {sorted(known)}, ap_<name> or hp_<name>"
        )
    for name, array in arrays.items():
        if name not in ("metric", "direction", "names") and array.dtype.kind not in "biuf":
            raise CurvesError(f"array {name!r} holds {array.dtype}; expected numbers")
    return LearningCurves(
        values=arrays["values"],
        architecture={name[3:]: array for name, array in arrays.items() if name.startswith("ap_")},
        hyperparameters={name[3:]: array for name, array in arrays.items() if name.startswith("hp_")},
        metric=str(arrays.get("metric", "accuracy")),
        direction=str(arrays["direction"]) if "direction" in arrays else None,  # type: ignore[arg-type]
        names=arrays.get("names"),
    )


def _plain_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MAX_NPZ_BYTES:
        raise CurvesError(f"its arrays take {unpacked:,} bytes; at most {MAX_NPZ_BYTES:,} are read")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise CurvesError(f"{name!r} is no array; numpy.savez writes such files")
        if array.dtype.kind == "U":
            "".join(array.flat).encode()  # raises for numbers that are no characters
    return arrays


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
