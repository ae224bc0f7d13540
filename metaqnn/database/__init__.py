"""The replay database: the stored state of a search."""

from metaqnn.database.migrate import SchemaError
from metaqnn.database.records import NetworkResult, SearchRecord
from metaqnn.database.replay import ReplayDatabase

__all__ = ["NetworkResult", "ReplayDatabase", "SchemaError", "SearchRecord"]
