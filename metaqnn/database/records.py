"""What is stored about a search, and about the end of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from metaqnn.config.search import SearchConfig
from trainers.metric import BALANCED_ACCURACY


@dataclass(frozen=True)
class SearchRecord:
    """What a search was started with.

    Attributes:
        config: its configuration.
        input_shape: (channels, height, width) of the images.
        num_classes: number of classes.
        data_fingerprint: hash of the images and labels.
        versions: of the libraries, by name.
        environment: what may differ when the search is resumed: data folder, device and so on.
        images: number of images in each class and part, from `ImageDataset.counts`; None if unknown.
    """

    config: SearchConfig
    input_shape: tuple[int, int, int]
    num_classes: int
    data_fingerprint: str
    versions: Mapping[str, str]
    environment: Mapping[str, Any]
    images: Mapping[str, Mapping[str, int]] | None = None

    @property
    def guess(self) -> float | None:
        """What always guessing the commonest class of the training images reaches; None if unknown."""
        counts = [n for n in (self.images or {}).get("train", {}).values() if n]
        if not counts:
            return None
        return 1 / len(counts) if self.config.metric == BALANCED_ACCURACY else max(counts) / sum(counts)

    @property
    def may_be_tested(self) -> bool:
        """Whether there are test images; True if that is unknown."""
        counts = (self.images or {}).get("test")
        return counts is None or any(counts.values())

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row of the table `searches`."""
        return cls(
            SearchConfig.from_dict(row["config"]),
            (row["channels"], row["image_size"], row["image_size"]),
            row["num_classes"],
            row["data_fingerprint"],
            row["versions"],
            row["circumstances"],
            row.get("images"),
        )


@dataclass(frozen=True)
class NetworkResult:
    """How the training of a network ended, and the reward it gives.

    `final_accuracy` (y_T) is observed, `predicted_accuracy` (y_hat_T) is not; at most one of them is set.
    """

    outcome: str
    reward: float
    attempt: int | None = None
    epochs: int | None = None
    last_accuracy: float | None = None
    final_accuracy: float | None = None
    predicted_accuracy: float | None = None
    seconds: float | None = None
    message: str | None = None
