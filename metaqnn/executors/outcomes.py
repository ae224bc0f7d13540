"""Outcomes of trainings that did not end in an orderly way; the others are `trainers.Outcome`."""

from __future__ import annotations

CRASHED = "crashed"
"""The trainer raised an exception, or its process died again and again."""
TIMED_OUT = "timed_out"
"""An epoch took longer than allowed."""
