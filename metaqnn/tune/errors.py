"""Errors of this package."""

from __future__ import annotations


class TuneError(ValueError):
    """A tuning that cannot be; the message is one line that quotes the bad value."""
