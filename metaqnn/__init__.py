"""MetaQNN: neural architecture search with tabular Q-learning and performance prediction.

>>> from metaqnn import SearchConfig
>>> SearchConfig.of("first-run").schedule.total
60
"""

from __future__ import annotations

import lazy_loader

__version__ = "0.1.0"

# Names are imported on first use: reading a database need not wait for torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
