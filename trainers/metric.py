"""What is measured on the watched images: the share that is right, of all images or of each class.

And weights of the loss, so that networks are trained for what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import numpy as np

ACCURACY = "accuracy"
METRICS = ACCURACY, "balanced-accuracy"
"""Names of metrics: the share of all images, and the mean over classes of the share of each."""


def in_words(name: str) -> str:
    """The name of a metric in a sentence: `balanced accuracy`."""
    return name.replace("-", " ")


@dataclass(frozen=True)
class Metric:
    """A metric on one set of images.

    Attributes:
        name: one of `METRICS`.
        images: number of images of each class, of which some may have none.
    """

    name: str
    images: tuple[int, ...]

    @classmethod
    def of(cls, name: str, labels: np.ndarray, num_classes: int) -> Self:
        """The metric of that name on images with those labels: (n,), whole numbers from 0."""
        import numpy as np  # not for commands that only need the names of metrics

        return cls(name, tuple(np.bincount(labels, minlength=num_classes).tolist()))

    def value(self, hits: Sequence[int]) -> float:
        """The metric of a network.

        Accuracy is the sum of h_k over the sum of n_k. Balanced accuracy is the mean of h_k / n_k over the
        classes with images, as in scikit-learn's `balanced_accuracy_score`.

        Args:
            hits: images of each class that were classified correctly.
        """
        if self.name == ACCURACY:
            return sum(hits) / sum(self.images)
        shares = [h / n for h, n in zip(hits, self.images, strict=True) if n]
        return sum(shares) / len(shares)

    @property
    def weight(self) -> float:
        """By how much one image more can raise the metric, at most."""
        if self.name == ACCURACY:
            return 1 / sum(self.images)
        present = [n for n in self.images if n]
        return 1 / (len(present) * min(present))


def class_weights(name: str, labels: np.ndarray, num_classes: int) -> np.ndarray | None:
    """What the loss of a training image of each class is multiplied by: float32, (classes,); None for 1.

    For balanced accuracy n / (K n_k), n images, n_k of class k, K classes with images: each class counts as
    much as another, and the mean over the images is 1 (scikit-learn's `class_weight="balanced"`).
    """
    if name == ACCURACY:
        return None
    import numpy as np  # as above

    images = np.bincount(labels, minlength=num_classes)
    return (len(labels) / (np.count_nonzero(images) * np.maximum(images, 1))).astype(np.float32)
