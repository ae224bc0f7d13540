"""The replay database: the stored state of a search."""

from metaqnn.database.migrate import SchemaError
from metaqnn.database.replay import NetworkResult, ReplayDatabase, SearchRecord

__all__ = ["NetworkResult", "ReplayDatabase", "SchemaError", "SearchRecord"]
