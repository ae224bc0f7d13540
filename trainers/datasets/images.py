"""Decoding and resizing of single images, with limits that keep a hostile file from filling the memory."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from trainers.datasets.dataset import DatasetError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
MAX_PIXELS = 4096 * 4096
"""Largest image that is decoded; its size is read from the header, before any pixel."""

# Only these decoders run, whatever a file claims to be: Pillow knows others that start programs (EPS).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")


def decode_image(data: bytes, where: str, image_size: int | None = None) -> np.ndarray:
    """Decode one image file into uint8 pixels: (height, width) when grey, (height, width, 3) otherwise.

    Grey, black-and-white and 16-bit grey (upper 8 bits) become grey; palette, CMYK and all others RGB.
    Transparency is laid over white. Of an animation the first frame counts. ``image_size`` resizes to
    a square as ``resize_images`` does.

    Args:
        data: the file's bytes.
        where: names the image in errors.
        image_size: side of the square, in pixels; None keeps the size.

    Raises:
        DatasetError: the image is broken, of an unknown kind, or larger than MAX_PIXELS.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_large(where, f"{image.width}x{image.height}")
            plain = _grey_or_rgb(image, where)
            if image_size is not None:
                plain = _resize(plain, image_size)
            return np.asarray(plain)
    except DatasetError:
        raise
    except UnidentifiedImageError:
        raise DatasetError(f"{where} is broken: no image of a known format ({', '.join(_FORMATS)})") from None
    except Image.DecompressionBombError:
        raise _too_large(where, "far larger") from None
    # Pillow's decoders report damage as any of these, SyntaxError (PNG) and struct.error included.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"{where} is broken: {reason}") from error


def resize_images(images: np.ndarray, image_size: int) -> np.ndarray:
    """Resize uint8 images (n, height, width, channels) to squares of ``image_size`` pixels.

    Bilinear with antialiasing (Pillow's: the filter's support grows with the reduction, so every source
    pixel counts). The aspect ratio is not kept.
    """
    n, height, width, channels = images.shape
    if (height, width) == (image_size, image_size):
        return images
    resized = np.empty((n, image_size, image_size, channels), dtype=np.uint8)
    for source, target in zip(images, resized, strict=True):
        if channels == 3:
            target[...] = np.asarray(_resize(Image.fromarray(source), image_size))
        else:
            for channel in range(channels):
                target[..., channel] = np.asarray(_resize(Image.fromarray(source[..., channel]), image_size))
    return resized


def _resize(image: Image.Image, image_size: int) -> Image.Image:
    return image.resize((image_size, image_size), Image.Resampling.BILINEAR)


def _grey_or_rgb(image: Image.Image, where: str) -> Image.Image:
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        image.load()
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I"):
        return Image.fromarray((np.clip(np.asarray(image), 0, 65535) >> 8).astype(np.uint8))
    if image.mode == "F":
        raise DatasetError(f"{where} has floating-point pixels; 8-bit or 16-bit pixels are needed")
    if image.has_transparency_data:
        over_white = Image.new("RGBA", image.size, "white")
        over_white.alpha_composite(image.convert("RGBA"))
        return over_white.convert("L" if image.mode in ("L", "LA", "La") else "RGB")
    return image.convert("RGB")


def _too_large(where: str, size: str) -> DatasetError:
    return DatasetError(f"{where} is too large: {size} pixels, at most {MAX_PIXELS:,} in all are decoded")
