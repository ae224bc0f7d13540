"""The rows of a long table, by training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from predictor.curves.cells import known_numbers, numbers
from predictor.curves.partition import BLOCKS
from predictor.curves.understood import names_of

MOSTLY = 0.75
"""Share of rows after which an older one follows in tables that begin with the newest."""


@dataclass(frozen=True)
class Trainings:
    """The rows of a table that have a value of the curve, by training.

    Attributes:
        rows: of all trainings.
        epoch: the column that numbers the epochs.
        curve: the column that holds the values.
        keys: the columns that tell the trainings apart; none for a single training.
        remark: on what else may be the curve; '' if nothing is.
    """

    rows: pd.DataFrame
    epoch: str
    curve: str
    keys: list[str]
    remark: str = ""

    @cached_property
    def places(self) -> list[npt.NDArray[np.int64]]:
        """Where the rows of each training are, the oldest first, in the order in which trainings begin."""
        order = np.argsort(self._of_row, kind="stable")
        places = np.split(order, np.cumsum(np.bincount(self._of_row))[:-1])
        return [at[::-1] for at in places] if self.is_newest_first else places

    @cached_property
    def is_newest_first(self) -> bool:
        """Whether the epochs of trainings go down with the rows, but for those that were repeated."""
        epochs = known_numbers(self.rows[self.epoch])[np.argsort(self._of_row, kind="stable")]
        steps = np.diff(epochs)[np.diff(np.sort(self._of_row)) == 0]
        return bool(np.mean(steps < 0) > MOSTLY) if len(steps) else False

    @cached_property
    def _of_row(self) -> npt.NDArray[np.int64]:
        """(rows,) the number of each row's training."""
        if not self.keys:
            return np.zeros(len(self.rows), dtype=np.int64)
        return self.rows.groupby(self.keys, sort=False).ngroup().to_numpy()

    @cached_property
    def first(self) -> pd.DataFrame:
        """The first row of each training."""
        return self.rows.iloc[[places[0] for places in self.places]].reset_index(drop=True)

    def is_steady(self, column: str) -> bool:
        """Whether the column is constant within every training."""
        first = self.first[column].to_numpy()
        return bool((self.rows[column].to_numpy() == first[self._of_row]).all())

    @property
    def has_results(self) -> bool:
        """Whether the curve's values are constant within trainings of several rows, and mostly different."""
        n, different = len(self.places), self.first[self.curve].nunique()
        return 1 < n < 2 * different and 2 * n <= len(self.rows) and self.is_steady(self.curve)

    @property
    def are_named(self) -> bool:
        """Whether more than their order tells them apart."""
        return bool(self.keys) and self.keys != [BLOCKS]

    @property
    def names(self) -> npt.NDArray[np.str_] | None:
        """(n,) names, if they have any."""
        return names_of(self.first[self.keys].agg(" ".join, axis=1)) if self.are_named else None

    def series(self) -> list[dict[float, float]]:
        """Value by epoch of each training, the last one where there are several."""
        epochs, values = (numbers(self.rows[column], column) for column in (self.epoch, self.curve))
        return [dict(zip(epochs[at].tolist(), values[at].tolist(), strict=True)) for at in self.places]
