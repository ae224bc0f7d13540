"""What is done to pixels before a network sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CHANNELS, GLOBAL_CONTRAST = "channels", "global-contrast"
_LEVELS = 256
_LEAST_CONTRAST = 1e-8


@dataclass(frozen=True, slots=True)
class Normalisation:
    """From pixels in 0..255 to the input of a network.

    `channels` subtracts from each channel its mean over the training images and divides by its standard
    deviation: the same numbers for all images. `global-contrast` does that image by image, with one mean and
    deviation over all pixels and channels of the image, and needs no numbers.
    """

    kind: str
    """`channels` or `global-contrast`."""
    mean: tuple[float, ...] | None = None
    """Of each channel, in units of 0..255; None for `global-contrast`."""
    std: tuple[float, ...] | None = None
    """Of each channel, in units of 0..255; None for `global-contrast`."""

    @classmethod
    def of(cls, images: np.ndarray) -> Normalisation:
        """`channels`, measured on uint8 images (n, height, width, channels), exactly, by counting.

        A standard deviation of 0 becomes 1. The numbers are float32.
        """
        channels = [np.bincount(channel.ravel(), minlength=_LEVELS) for channel in np.moveaxis(images, -1, 0)]
        share = np.stack(channels) / (images.size // images.shape[-1])
        levels = np.arange(_LEVELS)
        mean = share @ levels
        std = np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1))
        pair = (part.astype(np.float32).tolist() for part in (mean, np.where(std > 0, std, 1)))
        return cls(CHANNELS, *map(tuple, pair))

    @classmethod
    def global_contrast(cls) -> Normalisation:
        """`global-contrast`: `contrast_normalised`."""
        return cls(GLOBAL_CONTRAST)

    def prepared(self, image_shape: tuple[int, ...], device: torch.device) -> Callable[[Tensor], Tensor]:
        """A function that normalises float32 batches (batch, height, width, channels) in place.

        Args:
            image_shape: (height, width, channels).
            device: where the batches are.
        """
        if self.kind == GLOBAL_CONTRAST:
            return contrast_normalised
        # As large as an image: broadcasting over the batch alone is faster than over the pixels too.
        mean = torch.tensor(self.mean).to(device).expand(image_shape).contiguous()
        scale = (1 / torch.tensor(self.std)).to(device).expand(image_shape).contiguous()
        return lambda pixels: pixels.sub_(mean).mul_(scale)


def contrast_normalised(pixels: Tensor) -> Tensor:
    """Global contrast normalisation of float32 images (batch, height, width, channels), in place.

    x <- (x - m) / max(eps, sqrt(mean((x - m)^2))), where m and mean are over all pixels and channels of the
    image x: equation 12.3 of Goodfellow, Bengio and Courville (2016), *Deep Learning*, with s = 1, lambda = 0
    and eps = 1e-8, which makes an image of one colour zero.
    """
    pixels.sub_(pixels.mean((1, 2, 3), keepdim=True))
    deviation = pixels.square().mean((1, 2, 3), keepdim=True).sqrt_()
    return pixels.div_(deviation.clamp_(min=_LEAST_CONTRAST))
