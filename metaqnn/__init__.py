"""MetaQNN: neural architecture search with tabular Q-learning and performance prediction.

>>> from metaqnn import SearchConfig
>>> SearchConfig.of("first-run").schedule.total
60
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaqnn.config.search import SearchConfig
    from metaqnn.database import ReplayDatabase
    from metaqnn.search.loop import Search

__version__ = "0.1.0"
__all__ = ["ReplayDatabase", "Search", "SearchConfig"]

_HOMES = {
    "SearchConfig": "metaqnn.config.search",
    "Search": "metaqnn.search.loop",
    "ReplayDatabase": "metaqnn.database",
}


def __getattr__(name: str) -> Any:
    """Import on first use: reading a database should not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'metaqnn' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
