"""Batches from images that stay on the device as 8-bit pixels: nothing is decoded or moved in a step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from trainers.augmentation import Augmentation
from trainers.device import holds
from trainers.normalisation import Normalisation
from trainers.recipe import Recipe


class ImageLoader:
    """Images and labels in batches: normalised float32 (batch, channels, height, width), channels_last.

    Pixels stay on the device where they fit, else in host memory, from where they move batch by batch through
    pinned buffers. No method waits for the device.

    Args:
        images: uint8, (n, height, width, channels).
        labels: int64, (n,).
        normalisation: what is done to the pixels.
        device: where batches are needed.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, normalisation: Normalisation, device: torch.device
    ) -> None:
        self.device = device
        self._home = device if holds(device, images.nbytes) else torch.device("cpu")
        self._pinned = self._home != device and device.type == "cuda"
        self._images = torch.from_numpy(images).to(self._home)
        self._labels = torch.from_numpy(labels).to(device)
        self._normalise = normalisation.prepared(images.shape[1:], device)

    def __len__(self) -> int:
        return len(self._labels)

    def shuffled(self, recipe: Recipe, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """A training epoch: every image once, in random order, augmented; the last batch may be smaller."""
        order = torch.randperm(len(self), generator=generator)
        augmentation = Augmentation.draw(
            len(self), mirror=recipe.mirror, translate=recipe.translate, generator=generator
        ).to(self.device)
        at_home, on_device = order.to(self._home), order.to(self.device)
        for start in range(0, len(self), recipe.batch_size):
            part = slice(start, start + recipe.batch_size)
            images = self._normalised(self._images[at_home[part]])
            yield _channels_first(augmentation.apply(images, part)), self._labels[on_device[part]]

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, as it is; the last batch may be smaller."""
        for start in range(0, len(self), batch_size):
            part = slice(start, start + batch_size)
            yield _channels_first(self._normalised(self._images[part])), self._labels[part]

    def _normalised(self, pixels: Tensor) -> Tensor:
        pixels = pixels.pin_memory() if self._pinned else pixels
        return self._normalise(pixels.to(self.device, non_blocking=True).float())


def _channels_first(images: Tensor) -> Tensor:
    """The same memory seen as (batch, channels, height, width): PyTorch's channels_last."""
    return images.permute(0, 3, 1, 2)
