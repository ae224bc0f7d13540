"""Batches from images that stay on the device as 8-bit pixels: nothing is decoded or moved in a step."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.augmentation import Augmentation
from trainers.device import holds
from trainers.recipe import TrainingRecipe

_LEVELS = 256


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Per-channel mean and standard deviation of pixels, in units of 0..255; float32, shape (channels,)."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, images: np.ndarray) -> "Normalisation":
        """Measure uint8 images (n, height, width, channels), exactly, by counting; a std of 0 becomes 1."""
        channels = [np.bincount(channel.ravel(), minlength=_LEVELS) for channel in np.moveaxis(images, -1, 0)]
        share = np.stack(channels) / (images.size // images.shape[-1])
        levels = np.arange(_LEVELS)
        mean = share @ levels
        std = np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1))
        return cls(*(torch.from_numpy(part.astype(np.float32)) for part in (mean, np.where(std > 0, std, 1))))


class ImageLoader:
    """Images and labels in batches: normalised float32 (batch, channels, height, width), channels_last.

    Pixels stay on the device where they fit, else in host memory, from where they move batch by batch through
    pinned buffers. No method waits for the device.

    Args:
        images: uint8, (n, height, width, channels).
        labels: int64, (n,).
        normalisation: what to subtract and divide by.
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
        # As large as an image: broadcasting over the batch alone is faster than over the pixels too.
        self._mean = normalisation.mean.to(device).expand(images.shape[1:]).contiguous()
        self._scale = (1 / normalisation.std).to(device).expand(images.shape[1:]).contiguous()

    def __len__(self) -> int:
        return len(self._labels)

    def shuffled(self, recipe: TrainingRecipe, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
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
        return pixels.to(self.device, non_blocking=True).float().sub_(self._mean).mul_(self._scale)


def _channels_first(images: Tensor) -> Tensor:
    """The same memory seen as (batch, channels, height, width): PyTorch's channels_last."""
    return images.permute(0, 3, 1, 2)
