"""How messages put things: names in one line, without control characters, and not all of a hundred."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # --help can do without it
    import pandas as pd

MOST = 6
LONGEST = 60
TYPED = 200
"""Characters up to which a name is given whole, to be pasted into a command."""
ONE_TRAINING = "one training"
"""What is understood of rows that no column tells apart."""


def shown(name: str) -> str:
    """The name, cut, with whatever cannot be printed escaped."""
    cut = name[:LONGEST]
    return cut if cut.isprintable() else repr(cut)[1:-1]


def quoted(name: str) -> str:
    """The name, cut, in quotes."""
    return repr(name[:LONGEST])


def as_argument(name: str) -> str:
    """The whole name, in quotes where a shell needs them: `'e#Acc'`; one that nobody would type is cut."""
    return shlex.quote(name) if name.isprintable() and len(name) <= TYPED else shown(name)


def counted(number: int, thing: str) -> str:
    """1 file, 2 files."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 101st."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th") if n % 100 not in (11, 12, 13) else "th"
    return f"{n}{ending}"


def ends(numbers: Sequence[float]) -> str:
    """The first two and the last: `1, 2, ..., 20`."""
    numbered = [f"{number:g}" for number in numbers]
    if len(numbered) < 4:
        return ", ".join(numbered)
    return f"{numbered[0]}, {numbered[1]}, ..., {numbered[-1]}"


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(shown(name) for name in names[:MOST])
    return f"{text} and {len(names) - MOST} more" if len(names) > MOST else text


def describe(table: pd.DataFrame) -> str:
    """The columns and the first row of a table: what would be read."""
    cells = [f"{column}={cell}" for column, cell in zip(table.columns, table.iloc[0], strict=True)]
    columns = f"{counted(len(cells), 'column')} ({listed(list(table.columns))})"
    return f"{columns}, in the first row {listed(cells)}"
