"""Random mirroring and translation of a whole batch at once, on whatever device it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad


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
