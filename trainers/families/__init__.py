"""Families of models whose hyper-parameters are tuned: parameter spaces, building and training.

>>> from trainers.families import make_family
>>> make_family("resnet", "paper").parameters["num_blocks"]
Whole(low=2, high=18, step=1)
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
