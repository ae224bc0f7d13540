"""The replay database: the stored state of a search."""

from __future__ import annotations

from metaqnn.database.records import NetworkResult, SearchRecord
from metaqnn.database.replay import ReplayDatabase
from metaqnn.database.trouble import DatabaseError

__all__ = ["DatabaseError", "NetworkResult", "ReplayDatabase", "SearchRecord"]
