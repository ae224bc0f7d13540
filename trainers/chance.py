"""What guessing reaches on the images that accuracies are measured on, and what is no better than that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIGNIFICANCE = 0.01
"""Probability at most that a guess is taken for a network that has learned."""
FEWEST_CLASSES = 10
"""The published factor is the authors' choice for ten classes; for fewer it would demand too much."""
BALANCED = 1.1
"""Up to this multiple of the mean a class is not called larger than the others."""
TESTED, PUBLISHED = "tested", "published"
KINDS = (TESTED, PUBLISHED)


@dataclass(frozen=True)
class Chance:
    """Chance on one set of images.

    Attributes:
        level: accuracy of a constant guess; also the reward of a network that failed.
        threshold: a network with at most this accuracy after its first epoch has learned nothing.
    """

    level: float
    threshold: float

    @classmethod
    def published(cls, num_classes: int, factor: float) -> Chance:
        """1 / classes and factor / classes, as in [MQ] and its authors' code (1.5 for ten classes)."""
        return cls(1 / num_classes, factor / num_classes)

    @classmethod
    def tested(cls, labels: np.ndarray, num_classes: int, factor: float) -> Chance:
        """Always guessing the commonest class, and a one-sided binomial test against that.

        The threshold is the smallest k / n with P(X > k) <= 0.01, X ~ Binomial(n, level). Ten or more
        balanced classes have the published threshold instead.

        Args:
            labels: of the images, (n,), whole numbers from 0.
            num_classes: of the data set.
            factor: the published one.
        """
        from scipy.special import bdtrc  # not for commands that only read

        level = float(np.bincount(labels, minlength=num_classes).max() / len(labels))
        if num_classes >= FEWEST_CLASSES and level <= BALANCED / num_classes:
            return cls.published(num_classes, factor)
        hits = np.arange(len(labels) + 1)
        unlikely = bdtrc(hits, len(labels), level) <= SIGNIFICANCE
        return cls(level, float(hits[unlikely][0] / len(labels)))

    @classmethod
    def of(cls, kind: str, labels: np.ndarray, num_classes: int, factor: float) -> Chance:
        """Chance of a kind in `KINDS`; the arguments as in `tested`."""
        if kind == PUBLISHED:
            return cls.published(num_classes, factor)
        return cls.tested(labels, num_classes, factor)
