"""Models that are refitted as a search grows: functions of its history alone, cached for speed."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from sklearn.base import clone

from predictor.curves.growing import begins_with, lasting
from predictor.curves.learning_curves import LearningCurves
from predictor.models.sequential import SequentialRegression

M = TypeVar("M")
MODELS_KEPT = 4


class GrowingModel:
    """A model of the first k completed networks, k = first, first g, first g^2, ... (rounded down).

    k is the largest of these numbers that the history reaches, so the model is a function of the history
    alone. Fits are cached by the content of the curves that they learned from.

    Args:
        model: the model to fit; it stays unfitted itself.
        first: completed networks of the first fit.
        growth: g > 1, or None to keep the first fit. Refits choose among the best settings of the first fit.
    """

    def __init__(self, model: SequentialRegression, *, first: int, growth: float | None) -> None:
        self.model = model
        self.first = first
        self.growth = growth
        self._cache: FitCache[SequentialRegression] = FitCache(MODELS_KEPT)
        self._grown: tuple[LearningCurves, SequentialRegression] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without the models."""
        return {**self.__dict__, "_grown": None}

    def fitted(self, history: LearningCurves) -> SequentialRegression:
        """The model for a history in which at least `first` networks are completed."""
        return self._cache.for_history(history, lambda: self._newest(history))

    def _newest(self, history: LearningCurves) -> SequentialRegression:
        rows = np.flatnonzero(history.completed)
        size = self._size(len(rows))
        n = int(rows[size - 1]) + 1
        grown = self._grown  # threads may share a rule
        if grown is None or len(grown[0]) != n or not begins_with(history, grown[0]):
            model = self._fit(history[rows[: self.first]], None)
            model = model if size == self.first else self._fit(history[rows[:size]], model)
            grown = lasting(history[:n]), model
        elif history.lasting:
            grown = history[:n], grown[1]  # the same curves in this history's memory: quicker to compare
        self._grown = grown
        return grown[1]

    def _size(self, completed: int) -> int:
        """The largest floor(first g^j) <= completed."""
        size = grown = float(self.first)
        while self.growth is not None and int(grown := grown * self.growth) <= completed:
            size = grown
        return int(size)

    def _fit(self, curves: LearningCurves, prior: SequentialRegression | None) -> SequentialRegression:
        taus = () if self.model.n_jobs == 1 else None  # alone, fit each tau when it is first needed
        return self._cache.fitted_to(curves, lambda: clone(self.model).fit(curves, taus=taus, prior=prior))


class FitCache(Generic[M]):
    """The latest few models. A fresh cache gives the same models, after fitting them again.

    Threads may share a cache: at worst, two of them fit the same model.

    Args:
        kept: how many models are kept.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._models: dict[bytes, M] = {}
        self._latest: tuple[weakref.ref[LearningCurves], M] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: an empty cache."""
        return {"_kept": self._kept, "_models": {}, "_latest": None}

    def for_history(self, history: LearningCurves, find: Callable[[], M]) -> M:
        """`find()`, or what it returned last time if that was for this very object."""
        latest = self._latest
        if latest is None or latest[0]() is not history:
            self._latest = latest = weakref.ref(history), find()
        return latest[1]

    def fitted_to(self, curves: LearningCurves, fit: Callable[[], M]) -> M:
        """The model that learned from curves of the same content; if there is none, `fit` makes it."""
        key = _fingerprint(curves)
        known = self._models
        model = known[key] if key in known else fit()
        others = [(other, its) for other, its in self._models.items() if other != key]
        self._models = dict([*others, (key, model)][-self._kept :])
        return model


def _fingerprint(curves: LearningCurves) -> bytes:
    """Hash of everything a model learns from."""
    digest = hashlib.blake2b(f"{curves.metric} {curves.direction} {curves.values.shape}".encode())
    digest.update(curves.values.tobytes())
    for columns in (curves.architecture, curves.hyperparameters):
        for name, column in columns.items():
            digest.update(name.encode() + b"\0")
            digest.update(column.tobytes())
    return digest.digest()
