"""Copies of a search for TensorBoard and Optuna's dashboard. They only read the search."""

from __future__ import annotations

from metaqnn.mirrors.mirror import Mirror, MirroredNetwork, MirrorError

__all__ = ["Mirror", "MirrorError", "MirroredNetwork"]
