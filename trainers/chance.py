"""What guessing reaches on the images that accuracies are measured on, and what is no better than that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, isfinite, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from trainers.metric import ACCURACY, Metric
from trainers.results import EpochReport

if TYPE_CHECKING:
    import numpy as np

SIGNIFICANCE = 0.01
"""The largest probability that a guess is taken for a network that has learned."""
FEWEST_CLASSES = 10
"""The published factor is the authors' choice for ten classes; for fewer it would demand too much."""
BALANCED = 1.1
"""A class of up to this multiple of the mean size does not count as larger than the others."""
PUBLISHED_STEPS = 352
"""Steps of the first epoch in [MQ]: 45,000 images in batches of 128."""
FEWEST_STEPS = 50
"""Steps before a network is held to the published threshold."""
NEVER = -1.0
"""A threshold below every accuracy: nothing counts as chance."""
TESTED, PUBLISHED = "tested", "published"
KINDS = (TESTED, PUBLISHED)


@dataclass(frozen=True)
class Chance:
    """Chance on one set of images.

    Attributes:
        level: accuracy of a constant guess; also the reward of a network that failed.
        threshold: a network with at most this accuracy after `epoch` has learned nothing.
        epoch: the one after which that is tested; None for never.
    """

    level: float
    threshold: float
    epoch: int | None = 1

    def failed(self, report: EpochReport) -> bool:
        """Whether a network starts again after this epoch: no better, or its first loss is not finite."""
        if report.epoch == 1 and not isfinite(report.loss):
            return True
        return report.epoch == self.epoch and report.accuracy <= self.threshold

    def in_words(self, report: EpochReport) -> str:
        """Why an epoch is no better, for people."""
        return f"accuracy {report.accuracy:.2%} after epoch {report.epoch} is at most {self.threshold:.2%}"

    def awaits(self, report: EpochReport) -> bool:
        """Whether a network that has learned nothing so far may yet start again, after a later epoch."""
        return self.epoch is not None and report.epoch < self.epoch and report.accuracy <= self.threshold

    @classmethod
    def published(cls, num_classes: int, factor: float) -> Chance:
        """1 / classes and factor / classes, as in [MQ] and its authors' code (1.5 for ten classes)."""
        return cls(1 / num_classes, factor / num_classes)

    @classmethod
    def tested(
        cls,
        labels: np.ndarray,
        num_classes: int,
        factor: float,
        metric: str = ACCURACY,
        *,
        steps: int = PUBLISHED_STEPS,
        epochs: int = 1,
    ) -> Chance:
        """A constant guess of the commonest class, and a one-sided test against guessing.

        For accuracy the threshold is the smallest k / n with P(X > k) <= 0.01, X ~ Binomial(n, level). For
        balanced accuracy every constant guess has 1 / K, K classes with images n_k, and the threshold is the
        1% quantile of the mean of independent Binomial(n_k, 1 / K) / n_k, in the normal approximation. Ten or
        more classes have the published threshold instead; for accuracy, only if they are balanced.

        A few steps teach nothing: networks are tested after the epoch that completes the 352 steps of the
        published first epoch; against the published threshold, after the one that completes 50. A training
        that ends earlier is not tested. Where even a perfect network could be a lucky guess, the threshold is
        `NEVER`.

        Args:
            labels: of the images, (n,), whole numbers from 0.
            num_classes: of the data set.
            factor: the published one.
            metric: the name of what is measured.
            steps: of the optimizer in an epoch.
            epochs: of a full training.
        """
        measured = Metric.of(metric, labels, num_classes)
        level = constant_guess(measured)
        if num_classes >= FEWEST_CLASSES and level <= BALANCED / num_classes:
            published = cls.published(num_classes, factor)
            return replace(published, epoch=_epoch_of(FEWEST_STEPS, steps, epochs))
        exact = metric == ACCURACY
        threshold = _tested_accuracy(len(labels), level) if exact else limit_of_guessing(measured)
        return cls(level, threshold if threshold < 1 else NEVER, _epoch_of(PUBLISHED_STEPS, steps, epochs))


def _epoch_of(step: int, steps: int, epochs: int) -> int | None:
    """The epoch that completes so many steps; None if it is the last one or later, unless it is the first."""
    epoch = ceil(step / steps)
    return epoch if epoch == 1 or epoch < epochs else None


def constant_guess(metric: Metric) -> float:
    """What always guessing the commonest class reaches."""
    commonest = metric.images.index(max(metric.images))
    return metric.value([n if k == commonest else 0 for k, n in enumerate(metric.images)])


def limit_of_guessing(metric: Metric) -> float:
    """What a guess exceeds with a probability of about 1%, for any metric and number of classes.

    g + z s, with g of the constant guess, z the 99% quantile of the normal distribution and s the standard
    deviation of guesses: s^2 = g (1 - g) / n for accuracy on n images, and the sum of g (1 - g) / n_k over
    the K classes with n_k images, divided by K^2, for balanced accuracy.
    """
    level = constant_guess(metric)
    groups = [sum(metric.images)] if metric.name == ACCURACY else [n for n in metric.images if n]
    deviation = sqrt(sum(level * (1 - level) / n for n in groups)) / len(groups)
    return min(1.0, level + NormalDist().inv_cdf(1 - SIGNIFICANCE) * deviation)


def _tested_accuracy(images: int, level: float) -> float:
    import numpy as np  # not for commands that only read
    from scipy.special import bdtrc

    hits = np.arange(images + 1)
    unlikely = bdtrc(hits, images, level) <= SIGNIFICANCE
    return float(hits[unlikely][0] / images)
