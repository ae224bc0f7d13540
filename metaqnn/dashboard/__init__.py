"""Live pages about searches: the figures of the report, a table of all networks, and a page for each."""

from __future__ import annotations

from metaqnn.dashboard.application import Dashboard

__all__ = ["Dashboard"]
