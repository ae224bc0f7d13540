"""Batches from images that stay on the device as 8-bit pixels: nothing is decoded or moved in a step.

Batches are mirrored and translated at random, all their images at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from trainers.device import holds
from trainers.normalisation import Normalisation
from trainers.recipe import Recipe
from trainers.steps import IGNORED


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What is done to the images of one epoch, image by image; None means nothing.

    `flips` is bool of shape (n,); `shifts` is int64 of shape (n, 2), pixels down and right.
    """

    flips: Tensor | None = None
    shifts: Tensor | None = None

    @classmethod
    def draw(cls, count: int, *, mirror: bool, translate: int, generator: torch.Generator) -> Augmentation:
        """Draw for `count` images: a fair coin each, and shifts uniform on -translate ... translate."""
        flips = torch.rand(count, generator=generator) < 0.5 if mirror else None
        span = (-translate, translate + 1)
        shifts = torch.randint(*span, (count, 2), generator=generator) if translate else None
        return cls(flips, shifts)

    def map(self, change: Callable[[Tensor], Tensor]) -> Augmentation:
        """The same with both parts changed, as far as they are there."""
        return Augmentation(*(None if part is None else change(part) for part in (self.flips, self.shifts)))

    def padded(self, count: int) -> Augmentation:
        """The same for `count` images more, to which nothing is done."""
        return self.map(lambda part: torch.cat((part, part.new_zeros(count, *part.shape[1:]))))

    def apply(self, images: Tensor, part: slice) -> Tensor:
        """Mirror, then translate, the images (batch, height, width, channels) at `part` of the epoch."""
        if self.flips is not None:
            images = mirrored(images, self.flips[part])
        if self.shifts is not None:
            images = translated(images, self.shifts[part])
        return images


@dataclass(frozen=True, slots=True)
class _Placed:
    """A data set where it stays."""

    images: Tensor
    labels: Tensor
    normalise: Callable[[Tensor], Tensor]


class ImageLoader:
    """Images and labels in batches: normalised float32 (batch, channels, height, width), channels_last.

    Pixels stay on the device where they fit, else in host memory, from where they move batch by batch through
    pinned buffers. They are taken there with the first batch: a process that never trains takes none of the
    device's memory. After that no method waits for the device.

    On CUDA all batches of an epoch have one size: convolutions are planned, and steps recorded, for one. What
    fills the last batch up is labelled `IGNORED`: in training the images that the epoch began with, as batch
    normalisation sees them, else copies of one image.

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
        self._pixels, self._classes, self._normalisation = images, labels, normalisation
        self._equal = device.type == "cuda"

    def __len__(self) -> int:
        return len(self._classes)

    def shuffled(self, recipe: Recipe, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """A training epoch: every image once, in random order, augmented."""
        count, placed = len(self), self._placed
        order = torch.randperm(count, generator=generator)
        augmentation = Augmentation.draw(
            count, mirror=recipe.mirror, translate=recipe.translate, generator=generator
        )
        size = max(1, min(recipe.batch_size, count))
        missing = -count % size if self._equal else 0
        labels = placed.labels[_moved(order, self.device)]
        if missing:
            order, augmentation = torch.cat((order, order[:missing])), augmentation.padded(missing)
            labels = pad(labels, (0, missing), value=IGNORED)
        at_home = _moved(order, placed.images.device)
        augmentation = augmentation.map(lambda drawn: _moved(drawn, self.device))
        for start in range(0, count, size):
            part = slice(start, start + size)
            images = self._normalised(placed.images[at_home[part]])
            yield _channels_first(augmentation.apply(images, part)), labels[part]

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, as it is, in batches of at most that size."""
        placed, count = self._placed, len(self)
        size = ceil(count / max(1, ceil(count / batch_size))) or 1 if self._equal else batch_size
        for start in range(0, count, size):
            part = slice(start, start + size)
            images, labels = placed.images[part], placed.labels[part]
            missing = size - len(labels) if self._equal else 0
            if missing:
                images = torch.cat((images, placed.images[:1].expand(missing, -1, -1, -1)))
                labels = pad(labels, (0, missing), value=IGNORED)
            yield _channels_first(self._normalised(images)), labels

    @cached_property
    def _placed(self) -> _Placed:
        home = self.device if holds(self.device, self._pixels.nbytes) else torch.device("cpu")
        return _Placed(
            torch.from_numpy(self._pixels).to(home),
            torch.from_numpy(self._classes).to(self.device),
            self._normalisation.prepared(self._pixels.shape[1:], self.device),
        )

    def _normalised(self, pixels: Tensor) -> Tensor:
        return self._placed.normalise(_moved(pixels, self.device).float())


def mirrored(images: Tensor, flips: Tensor) -> Tensor:
    """Flip left to right those images (batch, height, width, channels) whose `flips` (batch,) is true."""
    return torch.where(flips[:, None, None, None], images.flip(2), images)


def translated(images: Tensor, shifts: Tensor) -> Tensor:
    """Move each image (batch, height, width, channels) by its `shifts` (batch, 2) pixels down and right.

    What moves out is lost, what moves in is zero: out[b, y, x] = images[b, y - dy, x - dx].
    """
    batch, height, width, _ = images.shape
    rows = torch.arange(height, device=images.device) - shifts[:, :1]
    columns = torch.arange(width, device=images.device) - shifts[:, 1:]
    # Everything outside is read from a frame of zeros one pixel wide.
    rows, columns = rows.clamp(-1, height) + 1, columns.clamp(-1, width) + 1
    framed = pad(images, (0, 0, 1, 1, 1, 1))
    index = torch.arange(batch, device=images.device)
    return framed[index[:, None, None], rows[:, :, None], columns[:, None, :]]


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; to a GPU it goes through pinned memory, and nobody waits for it."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _channels_first(images: Tensor) -> Tensor:
    """The same memory seen as (batch, channels, height, width): PyTorch's channels_last."""
    return images.permute(0, 3, 1, 2)
