"""Forecasts of learning curves, their uncertainty, and stopping rules, for any iterative training."""

from __future__ import annotations

import lazy_loader

__version__ = "0.1.0"
# Names are imported on first use: `python -m predictor --help` need not wait for scikit-learn.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
