"""How many images of each class are drawn; here, where nothing that decodes images is imported."""

from __future__ import annotations

import numpy as np


def apportion(counts: np.ndarray, size: int) -> np.ndarray:
    """Divide images to be drawn in proportion to what there is, by the largest remainder.

    Every class that has images keeps at least one.

    Args:
        counts: images of each class, whole numbers, shape (classes,).
        size: how many are drawn, at most `most_drawn(counts)`.

    Returns:
        How many of each class, shape (classes,).
    """
    capacity = np.maximum(counts - 1, 0)
    shares = np.minimum(counts * size // counts.sum(), capacity)
    by_remainder = np.argsort(-(counts * size % counts.sum()), kind="stable")
    while missing := size - shares.sum():
        open_classes = by_remainder[(shares < capacity)[by_remainder]]
        shares[open_classes[:missing]] += 1
    return shares


def most_drawn(counts: np.ndarray) -> int:
    """How many images can be drawn so that every class that has any keeps one."""
    return int(np.maximum(counts - 1, 0).sum())
