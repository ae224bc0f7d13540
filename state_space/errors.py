"""Errors of this package: each is one line that quotes the bad value and says what would be right."""


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
