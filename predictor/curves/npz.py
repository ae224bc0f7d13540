"""Learning curves in `.npz` files, written and read without pickle.

Array `values` (n, T), any number of `ap_<name>` and `hp_<name>` (n,), optionally `metric`,
`direction` and `names`.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from predictor.curves.arrays import named_with
from predictor.curves.choice import Wishes
from predictor.curves.course import check_course, check_rows, remark_on
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.metrics import NamedMetric, metric_of
from predictor.curves.parameters import Parameters
from predictor.curves.understood import describe_curves
from predictor.curves.wording import ordinal
from predictor.errors import CurvesError

Arrays = Mapping[str, npt.NDArray[Any]]
MAX_NPZ_BYTES = 2**30
"""The most bytes that the arrays of an `.npz` file may take, as float64."""
TEXTS = frozenset(("metric", "direction", "names"))
"""Arrays that hold text; all others hold numbers."""


def read_npz(path: Path, wishes: Wishes = Wishes()) -> LearningCurves:  # noqa: B008
    """Curves of an `.npz` file with the arrays named in this module's docstring.

    Args:
        path: of the file.
        wishes: of the caller: a metric and direction that the file does not say, and nothing else.

    Raises:
        CurvesError: if it is no such file, or says neither metric nor direction and holds no accuracies.
    """
    arrays = _arrays(path)
    if "values" not in arrays:
        raise CurvesError(f"no array 'values' of shape (curves, epochs); found {sorted(arrays)}")
    wishes.refuse("this .npz file", {"metric", "direction"} - arrays.keys())
    _check(arrays)
    asked = metric_of(wishes.metric) or NamedMetric(wishes.metric, None) if wishes.metric else None
    metric = asked.name if asked else str(arrays.get("metric", "accuracy"))
    direction: Any = str(arrays["direction"]) if "direction" in arrays else wishes.direction
    curves = LearningCurves(
        values=arrays["values"],
        architecture=named_with("ap_", arrays),
        hyperparameters=named_with("hp_", arrays),
        metric=metric,
        direction=direction,
        names=arrays.get("names"),
    )
    if not (asked or wishes.direction or {"metric", "direction"} & arrays.keys()):
        if arrays.keys() == {"values"}:
            check_rows(curves.values)
        check_course(NamedMetric(curves.metric, curves.direction), "values", curves.values)
    return curves


def read_described(path: Path, wishes: Wishes) -> LearningCurves:
    """As `read_npz`, with a line on how the curves were understood: for people, not for a `CurveStore`.

    If all trainings were validated every k-th epoch, these are the epochs of the curves.
    """
    curves, where = _at_every_kth(read_npz(path, wishes))
    metric = NamedMetric(curves.metric, curves.direction)
    parameters = Parameters(dict(curves.architecture), dict(curves.hyperparameters))
    what = describe_curves(curves.values, metric, remark_on(metric, curves.values), where)
    return replace(curves, understood=f"{what}; {parameters.describe()}")


def _at_every_kth(curves: LearningCurves) -> tuple[LearningCurves, str]:
    """The curves without the epochs in between at which no training has a value, and where the values are."""
    epochs = np.flatnonzero(~np.isnan(curves.values).all(axis=0)) + 1
    steps = set(np.diff(epochs).tolist())
    if len(steps) != 1 or steps == {1}:
        return curves, "values"
    kept = np.arange(epochs[0], curves.T + 1, *steps)
    where = f"values at every {ordinal(*steps)} epoch, from {kept[0]} to {kept[-1]}: no training has others"
    return replace(curves, values=curves.values[:, kept - 1]), where


def _check(arrays: Arrays) -> None:
    """Refuse arrays with other names, and anything else where numbers are expected."""
    for name, array in arrays.items():
        if name in TEXTS:
            continue
        if name != "values" and not name.startswith(("ap_", "hp_")):
            known = sorted({"values", *TEXTS})
            raise CurvesError(f"array {name!r} is not known; expected {known}, ap_<name> or hp_<name>")
        if array.dtype.kind not in "biuf":
            raise CurvesError(f"array {name!r} holds {array.dtype}; expected numbers")


def _arrays(path: Path) -> Arrays:
    try:
        return _plain_arrays(path)
    except (OSError, CurvesError):
        raise
    except Exception:  # which one depends on the damaged byte; numpy's message advises unsafe loading
        raise CurvesError("not an .npz file of plain arrays, or damaged; numpy.savez writes one") from None


def _plain_arrays(path: Path) -> Arrays:
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
    """Bytes of an array once it is read: numpy allocates what the header says before it reads any."""
    with archive.open(member) as file:
        first = npy.read_magic(file) == (1, 0)  # in what matters here, all later versions are alike
        read_header = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
    return max(member.file_size, prod(shape) * max(dtype.itemsize, 8))


def write_npz(curves: LearningCurves, path: str | os.PathLike[str]) -> None:
    """Write curves as an `.npz` file that `read_npz` reads back equal."""
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
