"""Decoding, against values worked out by hand, and its source text in exports."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from trainers.datasets import decoding
from trainers.datasets.decoding import UPPER_BYTE, decode, levels_of, shared_source


def decoded(data, size=None, levels=UPPER_BYTE):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(decode(image, size, levels))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_upright(encode, pixels, orientation):
    """Against Pillow's own function for the same."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(pixels(4, 6, 3), exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(decoded(data), expected)
    assert expected.shape[:2] == ((4, 6) if orientation < 5 else (6, 4))


def test_damaged_exif_does_not_matter(encode, pixels):
    image = pixels(4, 6, 3)
    assert np.array_equal(decoded(encode(image, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")), image)


@pytest.mark.parametrize(
    ("ranges", "first", "last"),
    [
        ([(0, 65535)], (0, 0), (65535, 255)),  # the upper byte, as it always was
        ([(100, 40000)], (255, 0), (40000, 156)),
        ([(0, 255)], (7, 7), (255, 255)),  # 8-bit values in a file of 16 bits
        ([(0, 4095)], (15, 0), (4095, 255)),  # 12 bits
        ([(0, 900), (50, 1023)], (3, 0), (1023, 255)),  # 10 bits, of several images
        ([(29000, 31000)], (29000, 0), (31000, 255)),  # a thermal camera's, in hundredths of a Kelvin
        ([(0, 16)], (0, 0), (16, 255)),
        ([(7, 7)], (7, 0), (7, 0)),
    ],
)
def test_deep_grey_is_scaled_by_the_range_in_use(encode, ranges, first, last):
    levels = levels_of(ranges)
    for value, expected in (first, last):
        data = encode(np.full((2, 2), value, dtype=np.uint16))
        assert decoded(data, levels=levels).tolist() == [[expected] * 2] * 2


def test_values_beyond_the_range_are_clipped(encode):
    levels = levels_of([(1000, 1400)])
    data = encode(np.array([[0, 1000, 1200, 1400, 60000]], dtype=np.uint16))
    assert decoded(data, levels=levels).tolist() == [[0, 0, 128, 255, 255]]


def test_the_upper_byte_of_all_values(encode):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(decoded(encode(values)), values >> 8)


def test_without_deep_images_there_are_no_levels():
    assert levels_of([]) is None


def test_the_text_of_exports_is_the_code_itself(encode, pixels):
    """It runs alone, with nothing but what `model.py` imports, and decodes as the module does."""
    from functools import cache

    names = {"Image": Image, "cache": cache}
    exec("from __future__ import annotations\n" + shared_source(), names)
    rgba = encode(pixels(5, 7, 4))
    with Image.open(io.BytesIO(rgba), formats=names["readable_formats"]()) as image:
        found = np.asarray(names["decode"](image, (3, 3), UPPER_BYTE))
    assert np.array_equal(found, decoded(rgba, (3, 3)))
    assert decoding.readable_formats() == names["readable_formats"]()
