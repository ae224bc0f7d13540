"""Fitted models kept by what they learned from: a rule stays a function of its arguments, and is fast."""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from predictor.curves.learning_curves import LearningCurves

M = TypeVar("M")


class FitCache(Generic[M]):
    """The latest few models. A fresh cache gives the same models, after fitting them again.

    Args:
        kept: how many models are kept.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._models: OrderedDict[bytes, M] = OrderedDict()
        self._latest: tuple[weakref.ref[LearningCurves], M] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: an empty cache."""
        return {"_kept": self._kept, "_models": OrderedDict(), "_latest": None}

    def for_history(self, history: LearningCurves, find: Callable[[], M]) -> M:
        """What `find` gave for this very object the last time, if it was the latest one asked for."""
        if self._latest is None or self._latest[0]() is not history:
            self._latest = weakref.ref(history), find()
        return self._latest[1]

    def fitted_to(self, curves: LearningCurves, fit: Callable[[], M]) -> M:
        """The model that learned from curves of the same content; if there is none, `fit` makes it."""
        key = _fingerprint(curves)
        if key not in self._models:
            self._models[key] = fit()
        self._models.move_to_end(key)
        while len(self._models) > self._kept:
            self._models.popitem(last=False)
        return self._models[key]


def _fingerprint(curves: LearningCurves) -> bytes:
    """Hash of everything a model learns from."""
    digest = hashlib.blake2b(f"{curves.metric} {curves.direction} {curves.values.shape}".encode())
    digest.update(curves.values.tobytes())
    for columns in (curves.architecture, curves.hyperparameters):
        for name, column in columns.items():
            digest.update(name.encode() + b"\0")
            digest.update(column.tobytes())
    return digest.digest()
