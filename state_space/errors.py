"""Errors of this package: each is one line that quotes the bad value and says what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class StateSpaceError(ValueError):
    """A state space, a state or an action that cannot be."""


class NotationError(StateSpaceError):
    """A text, or a sequence of layers, that describes no network."""


class ShapeError(StateSpaceError):
    """A network that does not fit images of the given shape."""


def quoted(value: object, limit: int = 60) -> str:
    """`repr` of a value that may come from a user, on one line and at most about `limit` characters long."""
    text = repr(value[: limit + 1] if isinstance(value, str) else value)
    return text if len(text) <= limit + 2 else text[:limit] + "…" + text[0]


def printable(text: str, keep: str = "\n") -> str:
    r"""Text from data for a terminal, which it cannot command: `\x1b` instead of the character itself.

    Written so is whatever `str.isprintable` does not let pass: controls, changes of the direction of writing,
    invisible characters. What is in `keep`, usually the ends of lines, stays.
    """
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def nearest(wrong: object, known: Iterable[str]) -> str | None:
    """The known name that is most like a wrong one, whatever the case of letters; None if none is like it."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(str(wrong).lower(), names, n=1)
    return names[near[0]] if near else None


def did_you_mean(wrong: object, known: Iterable[str]) -> str:
    """The end of a message about a wrong name, `; did you mean 'NAME'?`; empty where none is like it."""
    near = nearest(wrong, known)
    return "" if near is None else f"; did you mean {near!r}?"
