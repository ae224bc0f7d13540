"""Searches live in a browser: the figures of the report, a table of all networks, a page for each."""

from __future__ import annotations

from metaqnn.dashboard.application import Dashboard

__all__ = ["Dashboard"]
