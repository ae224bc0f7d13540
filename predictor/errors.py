"""Exceptions of this package; each message is one clear line that can be shown to a user."""

from __future__ import annotations


class PredictorError(ValueError):
    """An unusable setting or data; the message quotes it and says what would be right."""


class CurvesError(PredictorError):
    """Learning curves that cannot be read or used; the message names file, row, column and value."""
