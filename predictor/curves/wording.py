"""How messages name columns: in one line, without control characters, and not all of a hundred."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 6
LONGEST = 60


def shown(name: str) -> str:
    """The name, cut, with whatever cannot be printed escaped."""
    cut = name[:LONGEST]
    return cut if cut.isprintable() else repr(cut)[1:-1]


def counted(number: int, thing: str) -> str:
    """1 file, 2 files."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(shown(name) for name in names[:MOST])
    return f"{text} and {len(names) - MOST} more" if len(names) > MOST else text
