"""Reasons to refuse a request, each a line for the user."""

from __future__ import annotations


class RefusedError(ValueError):
    """A request that cannot be answered."""

    status = 400
    """The HTTP status code."""


class FilterError(RefusedError):
    """A parameter of the address that makes no sense; the message quotes it."""


class NotThereError(RefusedError):
    """A run or a figure that does not exist."""

    status = 404


class RunTroubleError(RefusedError):
    """A run that cannot be read at the moment."""

    status = 503


class EndingError(RefusedError):
    """A figure is no longer drawn because the dashboard is shutting down."""

    status = 503
