"""Headers of CSV files that are more, or less, than one line of names.

*Two lines*, as pandas writes columns of two levels (`val_acc` above `1, 2, ...`, or `run1` above
`val_acc, val_loss`), become one if the levels tell what they are. *Repeated* header lines, as in logs that
are appended to, are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from predictor.curves.columns import is_index, numbers_trainings
from predictor.curves.metrics import plain
from predictor.curves.names import mentions_metric_or_data
from predictor.curves.wording import listed
from predictor.curves.words import EPOCH_NAMES, RUN_NAMES
from predictor.errors import CurvesError

Row = list[str]
NUMBER = re.compile(r"[-+]?\d*\.?\d+([eE][-+]?\d+)?|nan", re.IGNORECASE)


def with_one_header(rows: Sequence[Row]) -> list[Row]:
    """The rows with one line of names in front, and no other.

    Args:
        rows: all lines, at least two, split into stripped cells.

    Raises:
        CurvesError: the first line holds numbers, or there are two lines whose meaning they do not tell.
    """
    first = rows[0] if len(rows[0]) > 1 else rows[0][0].split() or [""]
    if all(NUMBER.fullmatch(cell) for cell in first) and not all(cell.isdecimal() for cell in first):
        raise CurvesError(
            f"no header: the first line holds numbers ({listed(first)}); name the columns, such as acc_1, "
            "acc_2, ... for a row per training, or epoch, val_acc for a row per epoch"
        )
    header, *content = _joined(rows) if _are_two(rows) else rows
    return [header, *(row for row in content if row != header)]


def _are_two(rows: Sequence[Row]) -> bool:
    """Whether names are repeated in the first line, and the second tells them apart."""
    upper, lower = rows[0], rows[1]
    times = Counter(name for name in upper if not is_index(name))
    if len(rows) < 3 or len(upper) != len(lower) or max(times.values(), default=0) < 2:
        return False
    text = [cell for cell in lower if not NUMBER.fullmatch(cell)]
    return len(text) == len(lower) or _number_epochs(lower[1:])


def _joined(rows: Sequence[Row]) -> list[Row]:
    upper, lower = rows[0], rows[1]
    named = len(rows) > 3 and bool(rows[2][0]) and not any(rows[2][1:])  # the index has a line of its own
    first = rows[2][0] if named else upper[0] if upper[0] and not lower[0] else ""
    names = _names(first, upper, lower)
    if names is None or len(set(names)) < len(names):
        raise CurvesError(
            f"a header of two lines ({listed(upper)}; {listed(lower)}); write one, such as 'run1 - val_acc' "
            "for a row per epoch, or val_acc_1 for a row per training"
        )
    return [names, *rows[3 if named else 2 :]]


def _names(first: str, upper: Row, lower: Row) -> list[str] | None:
    """One name for each column, if the levels tell what they are; that before trainings is of steps."""
    pairs = list(zip(upper[1:], lower[1:], strict=True))
    if not all(above and below for above, below in pairs):
        return None
    levels = [above for above, _ in pairs], [below for _, below in pairs]
    above, below = (_kind(level[0], names) for level, names in zip((upper, lower), levels, strict=True))
    if "epochs" in (above, below) or above == below == "metrics":
        return [first, *(f"{b}_{a}" if above == "epochs" else f"{a}_{b}" for a, b in pairs)]
    step = first if plain(first) in EPOCH_NAMES else "step"
    if (above, below) == ("trainings", "metrics"):
        return [step, *(f"{a} - {b}" for a, b in pairs)]
    return [step, *(f"{b} - {a}" for a, b in pairs)] if (above, below) == ("metrics", "trainings") else None


def _kind(level: str, names: Sequence[str]) -> str:
    """What a level names: epochs, metrics (or their data), or trainings; '' if that cannot be told."""
    if plain(level) in (*RUN_NAMES, "seed", "fold") or all(map(numbers_trainings, names)):
        return "trainings"
    if _number_epochs(names):
        return "epochs"
    return "metrics" if all(map(mentions_metric_or_data, names)) else ""


def _number_epochs(names: Sequence[str]) -> bool:
    """Whether these are numbers that come one after the other, once or several times."""
    if not names or not all(name.isdecimal() for name in names):
        return False
    found = sorted({int(name) for name in names})
    return found[0] in (0, 1) and found == list(range(found[0], found[0] + len(found)))
