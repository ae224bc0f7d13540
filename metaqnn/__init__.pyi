from .config.search import SearchConfig as SearchConfig
from .database import ReplayDatabase as ReplayDatabase
from .search.loop import Search as Search

__version__: str
