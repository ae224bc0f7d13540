"""Decoding: from an image file to 8-bit pixels as networks see them.

This is done in one place: what follows SHARED is also in the `model.py` of every export, word for word.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image

SHARED = "# Decoding, the same in training and in an exported model."
"""The line from which on exports have this text."""


def shared_source() -> str:
    """The text that exports have."""
    return SHARED + Path(__file__).read_text("utf-8").rpartition(SHARED)[2]


def levels_of(ranges: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """How grey values of more than 8 bits become 8-bit ones, by the range that a data set uses.

    Where its values span half of 16 bits, the upper byte is kept. Where they span half of fewer bits, as
    those of a 12-bit camera do, the upper 8 of these. A narrower range is stretched to 0..255.

    Args:
        ranges: lowest and highest value of each such image.

    Returns:
        Scale and offset; None if there are no such images.
    """
    if not ranges:
        return None
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    bits = max(high.bit_length(), 8)
    if low >= 0 and bits <= 16 and high - low >= 2 ** (bits - 1):
        return 2.0 ** (8 - bits), 0.0
    scale = 255 / max(high - low, 1)
    return scale, 0.5 - low * scale


# Decoding, the same in training and in an exported model.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF", "HEIF")
LARGE = 4096 * 4096  # pixels above which a JPEG is decoded at a half, a quarter or an eighth of its sides
UPPER_BYTE = (1 / 256, 0.0)  # scale and offset that keep the upper half of 16 bits
TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}  # by orientation in EXIF


@cache
def readable_formats() -> tuple[str, ...]:
    """Those of FORMATS that Pillow reads here; no others are tried: some start programs (EPS)."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        pass
    else:
        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def decode(image: Image.Image, size: tuple[int, int] | None, levels: tuple[float, float]) -> Image.Image:
    """The first frame, upright, as 8-bit grey or RGB; transparency is laid over white.

    The size is (width, height); None keeps it. Pixels of 16 or 32 bits become value * scale + offset, where
    levels is (scale, offset).
    """
    width, height = image.size
    part = next((part for part in (1, 2, 4) if width * height <= LARGE * part**2), 8)
    if part > 1 and image.format in ("JPEG", "MPO"):
        image.draft(image.mode, (width // part, height // part))
    image.load()
    plain = grey_or_rgb(upright(image), levels)
    return plain if size is None else plain.resize(size, Image.Resampling.BILINEAR)


def upright(image: Image.Image) -> Image.Image:
    """Turn a photo as its camera was held."""
    try:
        turn = TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF raises almost anything, and the pixels are none the worse
        turn = None
    return image if turn is None else image.transpose(getattr(Image.Transpose, turn))


def grey_or_rgb(image: Image.Image, levels: tuple[float, float]) -> Image.Image:
    """Grey, black-and-white and deep grey become 8-bit grey; palettes, CMYK and all others RGB."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode == "1" and "transparency" not in image.info:
        return image.convert("L")
    if image.mode.startswith("I"):
        scale, offset = levels
        return image.convert("I").point(lambda value: value * scale + offset).convert("L")
    if image.mode == "F":
        raise ValueError("floating-point pixels; 8-bit or 16-bit pixels are needed")
    if image.has_transparency_data:
        over_white = Image.new("RGBA", image.size, "white")
        over_white.alpha_composite(image.convert("RGBA"))
        return over_white.convert("L" if image.mode in ("1", "L", "LA", "La") else "RGB")
    return image.convert("RGB")
