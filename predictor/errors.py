"""Exceptions of this package: one clear line each, meant to be shown to a user as they are."""

from __future__ import annotations


class PredictorError(ValueError):
    """A setting, or data, that cannot be worked with; the message quotes it and says what would be right."""


class CurvesError(PredictorError):
    """Learning curves that cannot be read or used; the message names file, row, column and value."""
