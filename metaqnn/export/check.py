"""Whether an export classifies images as the network did when its accuracy was observed.

A network is trained and evaluated in the precision of its device, bfloat16 where that is native, and exported
in float32. So an image whose two best classes are nearly equal may change its class. To see how often that
happens, the trained network is evaluated in both precisions, and the images that change their class are
counted. An accuracy may be off by twice as many images, because another device rounds other images, but by no
more than a twentieth of all: otherwise weights that give nearly equal logits to all classes would pass for
any others. Two more images are allowed for exact ties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from metaqnn.export.card import ExportError
from metaqnn.export.ensemble import Ensemble
from metaqnn.export.formats import Classify
from metaqnn.output import counted, percent
from trainers.loader import ImageLoader
from trainers.metric import ACCURACY, Metric, in_words
from trainers.normalisation import Normalisation
from trainers.steps import logits
from trainers.weights import TrainedNetwork

BATCH = 250
TIES = 2
MOST = 0.05
"""Share of the images that rounding is ever believed to explain."""


@dataclass(frozen=True)
class Evidence:
    """Images, and the accuracy that was observed on them.

    Attributes:
        part: of the data set, `validation` or `test`.
        images: uint8, (n, height, width, channels).
        labels: int64, (n,).
        accuracy: what the network reached on them when it was trained.
        metric: what that is, one of `trainers.metric.METRICS`.
        changed: how these images differ from those on which it was observed; empty if they do not.
    """

    part: str
    images: np.ndarray
    labels: np.ndarray
    accuracy: float
    metric: str = ACCURACY
    changed: str = ""

    @cached_property
    def measured(self) -> Metric:
        """The metric on these images."""
        return Metric.of(self.metric, self.labels, int(self.labels.max()) + 1)

    @torch.no_grad()
    def hits(self, classify: Classify, heard: Callable[[int], object]) -> list[int]:
        """How many images of each class are classified correctly if given as users give them, in [0, 1]."""
        found = []
        for start in range(0, len(self.images), BATCH):
            pixels = torch.from_numpy(self.images[start : start + BATCH])
            found.append(_classes(classify(pixels.permute(0, 3, 1, 2).contiguous() / 255)))
            heard(len(pixels))
        return self.hits_among(np.concatenate(found))

    def hits_among(self, found: np.ndarray) -> list[int]:
        """How many images of each class are classified correctly by an answer for every image."""
        right: list[int] = np.bincount(
            self.labels[found == self.labels], minlength=len(self.measured.images)
        ).tolist()
        return right


@dataclass(frozen=True)
class Check:
    """Compares accuracies with the observed one.

    Attributes:
        evidence: what to compare with.
        name: of the network, for messages.
        allowed: number of images by which an accuracy may be off.
    """

    evidence: Evidence
    name: str
    allowed: int

    def require(self, what: str, hits: Sequence[int]) -> None:
        """Refuse an accuracy that is further off.

        Args:
            what: name of what reaches it, for the message.
            hits: images of each class that are classified correctly.

        Raises:
            ExportError: naming both accuracies.
        """
        evidence = self.evidence
        n, metric = len(evidence.images), evidence.measured
        value, words = metric.value(hits), "" if evidence.metric == ACCURACY else f" {in_words(metric.name)}"
        if abs(value - evidence.accuracy) > (self.allowed + 0.5) * metric.weight:
            raise ExportError(
                f"{self.name} is not exported: {what} reaches {percent(value)}{words} on the {n} "
                f"{evidence.part} images, but {percent(evidence.accuracy)} was observed; "
                f"rounding explains no more than {counted(self.allowed, 'image')}"
            )


def check_of(
    evidence: Evidence,
    network: TrainedNetwork | Ensemble,
    normalisation: Normalisation,
    name: str,
    heard: Callable[[int], object],
) -> Check:
    """Measure what rounding explains, and refuse weights that are not those whose accuracy was observed.

    Args:
        evidence: images and their accuracy.
        network: the trained network.
        normalisation: what is done to pixels before it sees them.
        name: of the network, for messages.
        heard: is told how many images were classified, twice each.

    Raises:
        ExportError: the accuracy differs, or was observed on other images.
    """
    if evidence.changed:
        raise ExportError(f"{name} is not exported: {evidence.changed}")
    loader = ImageLoader(evidence.images, evidence.labels, normalisation, torch.device("cpu"))
    module = network.build().eval()
    exact, rounded = [], []
    with torch.no_grad():
        for images, _ in loader.in_order(BATCH):
            exact.append(_classes(logits(module, images, torch.float32)))
            rounded.append(_classes(logits(module, images, torch.bfloat16)))
            heard(2 * len(images))
    changed = int((np.concatenate(exact) != np.concatenate(rounded)).sum())
    check = Check(evidence, name, min(2 * changed, int(MOST * len(evidence.images))) + TIES)
    check.require("the network in the run folder", evidence.hits_among(np.concatenate(exact)))
    return check


def _classes(found: Tensor) -> np.ndarray:
    return found.argmax(1).numpy()
