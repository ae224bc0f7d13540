"""Single image files of unknown origin: what they are, and their pixels within limits of memory."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from trainers.datasets.dataset import DatasetError, one_line
from trainers.datasets.decoding import LARGE, UPPER_BYTE, decode, readable_formats

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
"""A file of such a name must be an image; others are images if their content says so."""
MAX_PIXELS = 2**26
"""Largest image that is decoded unless asked otherwise, see `decode_image`."""
HEAD = 64
"""Bytes of a file that tell what it is."""

_REDUCTION = 64  # JPEGs can be decoded at an eighth of both sides
_SIGNATURES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "WEBP": rb"RIFF....WEBP",
    "AVIF": rb"....ftypavi[fs]",
    "HEIF": rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)",
    "BMP": rb"BM",
    "TIFF": rb"II\*\0|MM\0\*",
    "PPM": rb"P[1-6]\s",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "Photoshop": rb"8BPS",
    "SVG": rb"\s*(<\?xml[^>]*>\s*)?(<!--[^>]*-->\s*)?<svg",
    "Git LFS": rb"version https://git-lfs",
}
_KINDS = {name: re.compile(signature, re.DOTALL) for name, signature in _SIGNATURES.items()}
_WEAK = ("BMP", "TIFF", "PPM")  # so short, or shared with raw photos, that the name must not say otherwise
_COPIES = (".bak", "~", ".tmp", ".part", ".crdownload", ".old", ".orig")
_REMEDIES = {
    "HEIF": "HEIC, which Pillow does not read here: pip install pillow-heif",
    "AVIF": "AVIF, which this Pillow does not read: pip install -U pillow",
    "Git LFS": "a pointer of Git LFS, not the image itself: git lfs pull",
}


@dataclass(frozen=True)
class Decoded:
    """An image, and what is worth saying about its file.

    Attributes:
        pixels: uint8; (height, width) when grey, (height, width, 3) otherwise.
        deep: lowest and highest value of grey pixels of more than 8 bits, before they were made 8-bit.
        deep_colour: whether it is a colour image of 16 bits, of which Pillow keeps the upper 8.
        frames: whether there are others after the first.
        reduced: whether it was so large that it was decoded smaller.
    """

    pixels: np.ndarray
    deep: tuple[int, int] | None = None
    deep_colour: bool = False
    frames: bool = False
    reduced: bool = False


def left_out(name: str, head: bytes) -> str:
    """Why a file is not to be decoded, in words; empty if it is.

    Args:
        name: of the file.
        head: its first HEAD bytes.
    """
    lower = name.lower()
    if lower.endswith(SUFFIXES):
        return ""
    kind = _kind(head)
    if kind is None or kind == "Git LFS":
        return "not images"
    if lower.endswith(_COPIES):
        return "backups or parts of downloads, going by their names"
    if kind in _WEAK and "." in name:
        return "not images, going by their names"
    return "" if kind in readable_formats() or kind in _REMEDIES else f"{kind}, which is not read"


def decode_image(
    data: bytes,
    where: str,
    image_size: int | None = None,
    levels: tuple[float, float] = UPPER_BYTE,
    max_pixels: int = MAX_PIXELS,
) -> Decoded:
    """Decode one image file, see `trainers.datasets.decoding`.

    Args:
        data: the file's bytes.
        where: names the image in errors.
        image_size: side of the square to resize to, as `resize_images` does; None keeps the size.
        levels: scale and offset for grey pixels of more than 8 bits.
        max_pixels: most pixels to decode, counted at an eighth of both sides for a JPEG; the size is read
            from the header, before any pixel.

    Raises:
        DatasetError: the image is broken, of an unknown kind, or too large.
    """
    try:
        with _own_limit(), Image.open(io.BytesIO(data), formats=readable_formats()) as image:
            _check_size(image, where, max_pixels)
            large = image.width * image.height > LARGE and image.format in ("JPEG", "MPO")
            deep_colour = not image.mode.startswith("I") and ";16" in repr(image.tile)
            if image.mode == "F":
                raise DatasetError(f"{where} has floating-point pixels; 8-bit or 16-bit pixels are needed")
            size = None if image_size is None else (image_size, image_size)
            plain = decode(image, size, levels)
            return Decoded(np.asarray(plain), _deep_range(image), deep_colour, _has_frames(image), large)
    except DatasetError:
        raise
    except UnidentifiedImageError:
        raise DatasetError(f"{where} is {_unidentified(data)}") from None
    # Pillow's decoders report damage as any of these, SyntaxError (PNG) and struct.error included.
    except Exception as error:
        raise DatasetError(f"{where} is broken: {one_line(error)}") from error


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Pixels of one image, (height, width) or (height, width, 3), as (height, width, channels).

    Grey becomes RGB by repeating it, and RGB grey as Pillow does it (ITU-R 601-2 luma).
    """
    if pixels.ndim == 3 and channels == 1:
        pixels = np.asarray(Image.fromarray(pixels).convert("L"))
    grey = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    return np.ascontiguousarray(np.broadcast_to(grey, (*grey.shape[:2], channels)))


def resize_images(images: np.ndarray, image_size: int) -> np.ndarray:
    """Resize uint8 images (n, height, width, channels) to squares of `image_size` pixels.

    Bilinear with antialiasing (Pillow's: the filter's support grows with the reduction, so every source
    pixel counts). The aspect ratio is not kept.
    """
    n, height, width, channels = images.shape
    if (height, width) == (image_size, image_size):
        return images
    resized = np.empty((n, image_size, image_size, channels), dtype=np.uint8)
    for source, target in zip(images, resized, strict=True):
        if channels == 3:
            target[...] = _resize(source, image_size)
        else:
            for channel in range(channels):
                target[..., channel] = _resize(source[..., channel], image_size)
    return resized


def _resize(pixels: np.ndarray, image_size: int) -> np.ndarray:
    size = (image_size, image_size)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _kind(head: bytes) -> str | None:
    return next((name for name, signature in _KINDS.items() if signature.match(head)), None)


def _unidentified(data: bytes) -> str:
    kind = _kind(data[:HEAD])
    if kind is not None and kind in _REMEDIES and kind not in readable_formats():
        return _REMEDIES[kind]
    return f"broken: no image of a known format ({', '.join(readable_formats())})"


@contextmanager
def _own_limit() -> Iterator[None]:
    """Lift Pillow's limit on pixels for this block: ours takes its place."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _check_size(image: Image.Image, where: str, max_pixels: int) -> None:
    reduction = _REDUCTION if image.format in ("JPEG", "MPO") else 1
    if image.width * image.height > max_pixels * reduction:
        raise DatasetError(
            f"{where} is too large: {image.width}x{image.height} pixels, "
            f"at most {max_pixels * reduction:,} in all are decoded (--max-pixels)"
        )


def _deep_range(image: Image.Image) -> tuple[int, int] | None:
    if not image.mode.startswith("I"):
        return None
    values = np.asarray(image)
    return int(values.min()), int(values.max())


def _has_frames(image: Image.Image) -> bool:
    """Whether it is an animation or has several pages; not the previews that photos carry."""
    try:
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except Exception:  # for a GIF, Pillow reads the second frame, which may be damaged
        return True
