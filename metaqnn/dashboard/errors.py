"""Why a request is refused, each in one line for the user."""

from __future__ import annotations


class RefusedError(ValueError):
    """A request that cannot be answered as it was asked."""

    status = 400
    """Of HTTP."""


class FilterError(RefusedError):
    """A parameter of the address that makes no sense; the message quotes it."""


class UnknownRunError(RefusedError):
    """An address that no run has."""

    status = 404


class UnknownFigureError(RefusedError):
    """A figure that there is not."""

    status = 404


class RunTroubleError(RefusedError):
    """A run that cannot be read at the moment."""

    status = 503


class EndingError(RefusedError):
    """A figure is not drawn any more, because the dashboard ends."""

    status = 503
