"""Which column of a long table numbers the epochs, and which columns tell the trainings apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from predictor.curves.cells import first_text, known_numbers
from predictor.curves.columns import is_index
from predictor.curves.metrics import plain, words_of
from predictor.curves.names import names_bookkeeping
from predictor.curves.telling import able_to_tell
from predictor.curves.wording import describe, shown
from predictor.curves.words import AFTERWARDS, EPOCH_NAMES, PLACES, RUN_NAMES
from predictor.errors import CurvesError

FEW_REPEATS = 0.1
"""Share of the rows that may be repeated if a column has the name of one of runs."""
BLOCKS = " block"
"""A column for trainings that nothing but their order tells apart."""


def epoch_columns(table: pd.DataFrame) -> list[str]:
    """Columns that may number the epochs, the best first."""
    found = [
        (EPOCH_NAMES.index(plain(column)), column)
        for column in table.columns
        if plain(column) in EPOCH_NAMES and not first_text(table[column])
    ]
    return [column for _, column in sorted(found)]


def with_epochs(table: pd.DataFrame, name: str = "epoch") -> pd.DataFrame:
    """The table, with a column that counts the rows if neither a column nor the index numbers the epochs."""
    if epoch_columns(table):
        return table
    if index := [column for column in table.columns if _begins_anew(table[column], column)][:1]:
        return table.rename(columns={index[0]: name})
    return table.assign(**{name: [str(number) for number in range(1, len(table) + 1)]})


def _begins_anew(cells: pd.Series, column: str) -> bool:
    """Whether an index counts 0, 1, 2, ... several times, as in tables put one below the other.

    An `id` may be that of the trainings, with rows sorted by epoch.
    """
    if not is_index(column) or plain(column) in RUN_NAMES or not cells.map(str.isdecimal).all():
        return False
    counted = known_numbers(cells)
    steps = np.diff(counted)
    return bool((steps < 0).any() and ((steps == 1) | (counted[1:] == counted[0])).all())


def partition(
    rows: pd.DataFrame, epochs: Sequence[str], curve: str, run: str | None
) -> tuple[str, list[str]]:
    """The column of epochs, and the columns that tell the trainings apart (none for a single training)."""
    complete = [epoch for epoch in epochs if np.isfinite(known_numbers(rows[epoch])).all()]
    for epoch in complete:
        if run is not None:
            if _repeats(rows, [run], epoch) == 0 or epoch == epochs[-1]:
                return epoch, [run]
        elif (keys := _keys(rows, epoch, epochs, curve)) is not None:
            if keys == [BLOCKS] and epoch != epochs[0]:
                _refuse_inner_counter(rows, epochs[0], epoch)
            return epoch, keys
    _refuse_repeats(rows, [*complete, *epochs][0])
    if complete and _was_resumed(rows, complete[0]):
        return complete[0], []
    if len(rows) > 1 and rows[epochs[0]].nunique() == 1:
        raise CurvesError(
            f"rows with the same {shown(epochs[0])}, and no column that numbers the epochs: it is "
            f"{rows[epochs[0]].iloc[0]} in all rows; number the values of each training 1, 2, ...; found "
            f"{describe(rows)}"
        )
    raise CurvesError(
        f"rows with the same {shown(epochs[0])}, and no column that tells the trainings apart (such as run): "
        f"found {describe(rows)}"
    )


def _was_resumed(rows: pd.DataFrame, epoch: str) -> bool:
    """Whether these are the rows of one training that repeats few epochs, and goes on from each of them."""
    epochs = known_numbers(rows[epoch])
    back = np.flatnonzero(np.diff(epochs) <= 0) + 1
    starts, ends = epochs[[0, *back]], epochs[[*(back - 1), len(epochs) - 1]]
    goes_on = (starts[1:] > starts[0]).all() and (np.diff(ends) > 0).all()
    return bool(goes_on) and 0 < _repeats(rows, [], epoch) <= FEW_REPEATS * len(rows)


def _refuse_repeats(rows: pd.DataFrame, epoch: str) -> None:
    """Refuse rows without an epoch, and trainings of one row, or with many epochs twice, told by a column."""
    if len(unnumbered := rows.index[~np.isfinite(known_numbers(rows[epoch]))]):
        raise CurvesError(
            f"row {unnumbered[0] + 1} has a value, but no number in {shown(epoch)}; "
            "leave out rows that sum trainings up"
        )
    for column in rows.columns:
        if plain(column) not in RUN_NAMES or rows[column].nunique() < 2:
            continue
        if rows[column].nunique() == len(rows):
            raise CurvesError(
                f"one row for each {shown(column)}: these are results, and a curve has a row or a column for "
                f"each epoch; found {describe(rows)}"
            )
        if (times := _repeats(rows, [column], epoch)) < len(rows) / 2:
            raise CurvesError(
                f"{times} of {len(rows)} rows repeat one with the same {shown(epoch)} and the same "
                f"{shown(column)}: more than a resumed training does; keep one row of each"
            )


def _keys(rows: pd.DataFrame, epoch: str, epochs: Sequence[str], curve: str) -> list[str] | None:
    able = sorted(able_to_tell(rows, epochs, curve), key=_likelihood)
    if not rows[epoch].duplicated().any():  # one training, unless a column of runs says otherwise
        return [column for column in able if plain(column) in RUN_NAMES][:1]
    durations = [column for column in able if AFTERWARDS.intersection(words_of(column))]
    blocks = blocks_of(rows[epoch])
    in_order = _in_order(rows, epoch, blocks)
    passing = [column for column in able if in_order and _is_scheduled(rows[column], column, blocks)]
    certain = [column for column in able if column not in (*durations, *passing)]
    return _keys_among(rows, epoch, certain) or in_order or _keys_among(rows, epoch, durations)


def _keys_among(rows: pd.DataFrame, epoch: str, able: Sequence[str]) -> list[str] | None:
    """Columns with which no training has an epoch twice, or one of runs if these would break trainings up.

    A column with the name of one of runs comes first, then one whose trainings all begin with the same
    epoch: a rate that decays would begin another training whenever it changes.
    """
    able = [column for column in able if not _is_measured(rows, column, epoch)]
    exact, several = _exact(rows, epoch, able), _several_keys(rows, epoch, able)
    for keys in filter(None, (exact[:1], several)):
        if not _begin_late(rows, keys, epoch):
            return keys
    keys = exact[:1] or several
    for column in able:  # a training that was begun again
        again = _repeats(rows, [column], epoch) if plain(column) in RUN_NAMES else 0
        if 0 < again <= FEW_REPEATS * len(rows) and not (keys and _begin_late(rows, [column], epoch)):
            return [column]
    _refuse_broken(rows, epoch, exact)
    return keys or None


def _is_measured(rows: pd.DataFrame, column: str, epoch: str) -> bool:
    """Whether the column has another number in most rows, and so does not tell trainings: `grad_norm`."""
    if plain(column) in RUN_NAMES or 2 * rows[column].nunique() <= len(rows):
        return False
    return _begin_late(rows, [column], epoch)


def _exact(rows: pd.DataFrame, epoch: str, able: Sequence[str]) -> list[str]:
    """The best column with which no training has an epoch twice; all of them if they begin late with each.

    Those of runs come first, but for the ids of trainings that were resumed, where another column joins them.
    """
    exact = [c for c in able if _repeats(rows, [c], epoch) == 0 and rows[c].nunique() < len(rows)]
    named = [column for column in exact if plain(column) in RUN_NAMES][:1]
    punctual = [column for column in exact if not _begin_late(rows, [column], epoch)]
    punctual = punctual[:1] if named else _undisputed(rows, punctual)
    if punctual and (not named or named == punctual or _are_in_turn(rows, named[0], punctual[0], epoch)):
        return punctual
    return named or exact


def _undisputed(rows: pd.DataFrame, able: Sequence[str]) -> list[str]:
    """The best of columns that tell trainings apart; `CurvesError` if others tell different ones apart."""
    if not any(_differ(rows, able[0], other) for other in able[1:]):
        return list(able[:1])
    first, *others = [column for column in able if not PLACES.intersection(words_of(column))] or able
    for other in others:
        if _differ(rows, first, other):
            raise CurvesError(
                f"{shown(first)} and {shown(other)} tell different trainings apart; call the column that "
                "tells the trainings run"
            )
    return [first]


def _differ(rows: pd.DataFrame, one: str, other: str) -> bool:
    """Whether they tell different trainings apart, and neither just more of them; a date may be another's."""
    most = max(rows[one].nunique(), rows[other].nunique())
    return not names_bookkeeping(one) and rows.groupby([one, other]).ngroups > most


def _are_in_turn(rows: pd.DataFrame, part: str, whole: str, epoch: str) -> bool:
    """Whether what one column tells apart comes one after the other within what the other does, by epoch."""
    order = np.argsort(known_numbers(rows[epoch]), kind="stable")
    both = rows[[whole, part]].iloc[order].sort_values(whole, kind="stable")
    return int((both != both.shift()).any(axis=1).sum()) == len(both.drop_duplicates())


def _several_keys(rows: pd.DataFrame, epoch: str, able: Sequence[str]) -> list[str]:
    """Columns that only together tell the trainings apart; none if they do not."""
    keys: list[str] = []
    for column in able:
        if _repeats(rows, [*keys, column], epoch) < _repeats(rows, keys, epoch):
            keys.append(column)
    exact = bool(keys) and _repeats(rows, keys, epoch) == 0 and rows.groupby(keys).ngroups < len(rows)
    return keys if exact else []


def _begin_late(rows: pd.DataFrame, keys: Sequence[str], epoch: str) -> bool:
    """Whether not all trainings that these columns tell apart begin with the same epoch."""
    numbered = pd.Series(known_numbers(rows[epoch]), rows.index)
    return bool(numbered.groupby([rows[key] for key in keys]).min().nunique() > 1)


def _refuse_broken(rows: pd.DataFrame, epoch: str, keys: Sequence[str]) -> None:
    """Refuse trainings that begin late with each of these columns, and are not the same with all."""
    for other in keys[1:]:
        if _differ(rows, keys[0], other):
            raise CurvesError(
                f"{shown(keys[0])} and {shown(other)} tell different trainings apart, some of which begin "
                f"after the first {shown(epoch)}; call the column that tells the trainings run"
            )


def _in_order(rows: pd.DataFrame, epoch: str, numbers: Sequence[str]) -> list[str] | None:
    """`BLOCKS` if the epochs begin anew with each training; a number that never changes counts none."""
    if rows[epoch].nunique() == 1:
        return None
    blocks = rows.assign(**{BLOCKS: numbers})
    starts = blocks.groupby(BLOCKS)[epoch].first().astype(float)
    return [BLOCKS] if starts.nunique() == 1 and _repeats(blocks, [BLOCKS], epoch) == 0 else None


def _is_scheduled(cells: pd.Series, column: str, blocks: Sequence[str]) -> bool:
    """Whether the column changes before the epochs begin anew, like a rate that decays; no run or date."""
    if plain(column) in RUN_NAMES or names_bookkeeping(column):
        return False
    return bool((cells.groupby(blocks).nunique() > 1).any())


def _refuse_inner_counter(rows: pd.DataFrame, outer: str, inner: str) -> None:
    """Refuse rows within epochs of one training, whose number begins anew with each epoch."""
    blocks = np.array(blocks_of(rows[inner]))
    if (rows.groupby(blocks)[outer].nunique() == 1).all() and not rows[outer][
        np.append(True, blocks[1:] != blocks[:-1])
    ].duplicated().any():
        raise CurvesError(
            f"several rows for each {shown(outer)}, numbered by {shown(inner)}: a curve has one value per "
            f"{shown(outer)}; found {describe(rows)}"
        )


def _likelihood(column: str) -> tuple[bool, bool]:
    """Names of runs first, then dates and numbers of runs."""
    return plain(column) not in RUN_NAMES, not names_bookkeeping(column)


def _repeats(rows: pd.DataFrame, keys: Sequence[str], epoch: str) -> int:
    return int(rows.duplicated([*keys, epoch]).sum())


def blocks_of(epochs: pd.Series) -> list[str]:
    """A number for every stretch of rows in which the epochs go up."""
    return [str(block) for block in np.cumsum(np.diff(known_numbers(epochs), prepend=-np.inf) <= 0)]
