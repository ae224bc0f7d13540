"""Values of the best checkpoint, measured once more after training: they are of no epoch.

Lightning's `trainer.validate(ckpt_path="best")` logs one epoch more, one step later and without training
metrics; transformers' `trainer.evaluate()` after `load_best_model_at_end` logs the last step again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from predictor.curves.arrays import Floats
from predictor.curves.cells import known_numbers
from predictor.curves.metrics import plain
from predictor.curves.partition import epoch_columns
from predictor.curves.trainings import Trainings
from predictor.curves.wording import counted, shown
from predictor.curves.words import OF_EPOCHS

FEWEST = 3
"""Values of a training of which the last may be that of the best checkpoint."""


def without_final_evaluations(trainings: Trainings, table: pd.DataFrame) -> tuple[Trainings, str]:
    """The trainings without such values, and a clause about these; '' if there are none.

    Args:
        trainings: with a value of the curve in each row.
        table: all rows, with those of other metrics.
    """
    if not (found := _final_evaluations(trainings, table)):
        return trainings, ""
    what = f"the last {shown(trainings.epoch)} of {counted(len(found), 'training')}"
    said = f"left out: {what} (repeats an earlier value, as an evaluation of the best checkpoint does)"
    rows = trainings.rows
    return replace(trainings, rows=rows.drop(index=rows.index[found])), said


def _final_evaluations(trainings: Trainings, table: pd.DataFrame) -> list[int]:
    """Where they are in the rows; none if few trainings have one, or if it may repeat a value by chance."""
    epochs, values = (known_numbers(trainings.rows[c]) for c in (trainings.epoch, trainings.curve))
    places = trainings.places
    in_order = [at[np.argsort(epochs[at], kind="stable")] for at in places if len(at) >= FEWEST]
    earlier = {int(at[-1]): int(np.sum(values[at[:-1]] == values[at[-1]])) for at in in_order}
    if 2 * sum(map(bool, earlier.values())) < len(places):
        return []
    logged, steps = _logged(trainings, table), _steps(trainings)
    last = [int(at[-1]) for at in in_order if _is_no_epoch(epochs[at], logged[at], steps[at])]
    again = [earlier[place] for place in last]
    return last if all(again) and len(places) <= 2 * len(last) <= 4 * again.count(1) else []


def _is_no_epoch(epochs: Floats, logged: npt.NDArray[np.bool_], steps: Floats) -> bool:
    """Whether of sorted epochs only the last is there twice, or it is the next and lacks what others have.

    Or only one step is before it, and several before each of the others.
    """
    before, last = np.diff(epochs)[-2:]
    if last == 0:
        return len(np.unique(epochs)) == len(epochs) - 1
    gaps = np.diff(steps, axis=0)
    lacking, at_once = logged[:-1].all(axis=0) & ~logged[-1], (gaps[-1] == 1) & (gaps[:-1] > 1).all(axis=0)
    return bool(last <= before and (lacking.any() or at_once.any()))


def _steps(trainings: Trainings) -> Floats:
    """(rows, columns) the numbers in columns of steps."""
    rows = trainings.rows
    steps = [known_numbers(rows[c]) for c in epoch_columns(rows) if plain(c) not in OF_EPOCHS]
    return np.array(steps).reshape(-1, len(rows)).T


def _logged(trainings: Trainings, table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """(rows, columns) whether a column has a value at the epoch of a row, in this or another row."""
    by = [trainings.epoch, *trainings.keys]
    known = set(by) <= set(table.columns)  # else trainings are told apart by their order
    same = (table != "").groupby([table[column] for column in by] if known else table.index)
    return same.transform("any").loc[trainings.rows.index].to_numpy()
