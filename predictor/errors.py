"""Exceptions of this package; each message is one clear line that can be shown to a user."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PredictorError(ValueError):
    """An unusable setting or data; the message quotes it and says what would be right."""


class CurvesError(PredictorError):
    """Learning curves that cannot be read or used; the message names file, row, column and value."""


def unknown(what: str, name: str, known: Iterable[str]) -> PredictorError:
    """The error for a name that is none of the known ones."""
    return PredictorError(
        f"{what} {name!r} is not known; expected one of {sorted(known)}{did_you_mean(name, known)}"
    )


def did_you_mean(wrong: object, known: Iterable[object]) -> str:
    """The end of a message about a wrong name, `; did you mean 'NAME'?`; empty if no name is similar."""
    near = get_close_matches(str(wrong), map(str, known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
