"""Errors of this package: each is one line that quotes the bad value and says what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 60
"""Characters of a value that a message quotes."""


class StateSpaceError(ValueError):
    """An impossible state space, state or action."""


class NotationError(StateSpaceError):
    """A text, or a sequence of layers, that does not describe a network."""


class ShapeError(StateSpaceError):
    """A network that does not fit images of the given shape."""


def quoted(value: object) -> str:
    """`repr` of a value that may come from a user, on one line and at most about `LONGEST` characters."""
    text = repr(value[: LONGEST + 1] if isinstance(value, str) else value)
    return text if len(text) <= LONGEST + 2 else text[:LONGEST] + "…" + text[0]


def printable(text: str, keep: str = "\n") -> str:
    r"""Text from data, made harmless for a terminal: `\x1b` instead of the character itself.

    This escapes everything that `str.isprintable` rejects: control characters, changes of writing direction,
    invisible characters. Characters in `keep`, usually line ends, are kept.
    """
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def first_line(error: object) -> str:
    """The first line of what an error says; below it, libraries often give advice to their developers."""
    return str(error).strip().partition("\n")[0]


def nearest(wrong: object, known: Iterable[str]) -> str | None:
    """The known name most similar to a wrong one, ignoring case; None if none is similar."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(str(wrong).lower(), names, n=1)
    return names[near[0]] if near else None


def did_you_mean(wrong: object, known: Iterable[str]) -> str:
    """The end of a message about a wrong name, `; did you mean 'NAME'?`; empty if no name is similar."""
    near = nearest(wrong, known)
    return "" if near is None else f"; did you mean {near!r}?"
