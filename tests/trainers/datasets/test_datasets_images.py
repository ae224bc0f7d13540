import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from trainers.datasets import DatasetError
from trainers.datasets.images import decode_image, left_out, resize_images


def pixels_of(data, where="it", *options):
    return decode_image(data, where, *options).pixels


@pytest.mark.parametrize("format", ["PNG", "BMP", "PPM", "TIFF"])
def test_lossless_formats_give_the_pixels_back(encode, pixels, format):
    for shape in ((5, 7), (5, 7, 3)):
        image = pixels(*shape)
        assert np.array_equal(pixels_of(encode(image, format), "it"), image)


def test_jpeg_is_close(encode):
    image = np.tile(np.linspace(0, 255, 16).astype(np.uint8)[:, None, None], (1, 16, 3))
    decoded = pixels_of(encode(image, "JPEG", quality=95), "it")
    assert decoded.shape == image.shape
    assert np.abs(decoded.astype(int) - image).max() < 12


@pytest.mark.parametrize(("options", "first"), [({}, [10, 20, 30]), ({"transparency": 0}, [255] * 3)])
def test_a_palette_becomes_rgb_and_its_transparent_colour_white(encode, options, first):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    assert pixels_of(encode(image, **options), "it").tolist() == [[first, [200, 100, 50]]]


def test_transparency_is_laid_over_white(encode):
    rgba = np.array([[[0, 0, 0, 0], [10, 20, 30, 255], [0, 0, 0, 51]]], dtype=np.uint8)
    assert pixels_of(encode(rgba), "it").tolist() == [[[255] * 3, [10, 20, 30], [204] * 3]]


def test_grey_with_transparency_stays_grey(encode):
    grey = Image.fromarray(np.array([[[0, 0], [7, 255]]], dtype=np.uint8), "LA")
    assert pixels_of(encode(grey), "it").tolist() == [[255, 7]]


def test_sixteen_bit_grey_keeps_the_upper_byte(encode):
    image = np.array([[0, 255, 256, 0x1234, 65535]], dtype=np.uint16)
    assert pixels_of(encode(image), "it").tolist() == [[0, 0, 1, 0x12, 255]]


def test_one_bit_becomes_black_or_white(encode):
    assert pixels_of(encode(np.array([[True, False]])), "it").tolist() == [[255, 0]]


def test_the_transparent_one_of_two_colours_becomes_white(encode):
    bits = np.array([[False, True]])
    assert pixels_of(encode(bits, transparency=0), "it").tolist() == [[255, 255]]


def test_cmyk_becomes_rgb(encode):
    assert pixels_of(encode(Image.new("CMYK", (4, 4)), "JPEG"), "it").shape == (4, 4, 3)


def test_float_pixels_are_refused(encode):
    with pytest.raises(DatasetError, match="it has floating-point pixels"):
        pixels_of(encode(np.zeros((2, 2), np.float32), "TIFF"), "it")


def test_broken_images_are_named(encode, pixels):
    png, jpeg = encode(pixels(32, 32, 3)), encode(pixels(32, 32, 3), "JPEG")
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 0xFF
    for data in (
        b"",
        b"not an image",
        png[:20],
        png[: len(png) // 2],
        jpeg[: len(jpeg) // 2],
        bytes(flipped),
    ):
        with pytest.raises(DatasetError, match=r"^image 'x' is broken: ") as caught:
            decode_image(data, "image 'x'")
        assert "\n" not in str(caught.value)
        assert "BytesIO" not in str(caught.value)


@pytest.mark.parametrize("format", ["EPS", "TGA", "PDF"])
def test_only_the_listed_formats_are_decoded(encode, pixels, format):
    """Whatever the file is called; opening EPS would start Ghostscript."""
    with pytest.raises(DatasetError, match=r"no image of a known format \(PNG, JPEG"):
        pixels_of(encode(pixels(4, 4, 3), format), "it")


def png_declaring(width, height):
    """A valid header and next to no pixels: what a decompression bomb looks like from outside."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8193, 10_000, 60_000])
def test_bombs_are_refused_by_their_header(side):
    with pytest.raises(DatasetError, match=r"it is too large: .* at most 67,108,864 in all .*--max-pixels"):
        decode_image(png_declaring(side, side), "it")


def test_the_limit_can_be_set(encode, pixels):
    data = encode(pixels(20, 30))
    with pytest.raises(DatasetError, match="it is too large: 30x20 pixels, at most 599 "):
        decode_image(data, "it", max_pixels=599)
    assert decode_image(data, "it", max_pixels=600).pixels.shape == (20, 30)


def test_a_limit_does_not_change_that_of_pillow(encode, pixels):
    before = Image.MAX_IMAGE_PIXELS
    decode_image(encode(pixels(4, 4)), "it")
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_large_photo_is_decoded_at_a_part_of_its_size(encode):
    """4,200 x 4,100 pixels are too many for the full size; the left half is dark and the right one bright."""
    photo = Image.new("L", (4200, 4100), 40)
    photo.paste(200, (2100, 0, 4200, 4100))
    decoded = decode_image(encode(photo, "JPEG"), "it")
    assert decoded.reduced
    assert decoded.pixels.shape == (2050, 2100)
    assert (decoded.pixels[100, 100], decoded.pixels[100, 2000]) == (40, 200)
    small = decode_image(encode(photo, "JPEG"), "it", 4).pixels
    assert small[:, [0, 3]].tolist() == [[40, 200]] * 4  # the filter blurs what is between


HEADS = {
    "x.jfif": (b"\xff\xd8\xff\xe0", ""),
    "x": (b"\x89PNG\r\n\x1a\n", ""),
    "x.dat": (b"RIFF\0\0\0\0WEBPVP8 ", ""),
    "x.png": (b"anything", ""),
    "x.heic": (b"\0\0\0\x18ftypheic", ""),
    "x.txt": (b"BM, the abbreviation", "not images, going by their names"),
    "BM": (b"BM" + bytes(60), ""),
    "x.nef": (b"MM\0*\0\0", "not images, going by their names"),
    "x.jpg.bak": (b"\xff\xd8\xff\xe0", "backups or parts of downloads, going by their names"),
    "x.jxl": (b"\xff\x0a", "JPEG XL, which is not read"),
    "x.svg": (b"<?xml version='1.0'?>\n<svg>", "SVG, which is not read"),
    "notes": (b"notes", "not images"),
}


@pytest.mark.parametrize("name", HEADS)
def test_content_tells_what_is_an_image(name):
    head, reason = HEADS[name]
    assert left_out(name, head) == reason


def test_a_format_that_needs_another_package_is_named():
    with pytest.raises(DatasetError, match=r"it is HEIC, which .* pip install pillow-heif"):
        decode_image(HEADS["x.heic"][0] + bytes(100), "it")


def test_what_is_worth_a_word(encode, pixels):
    frames = [Image.fromarray(pixels(6, 6, seed=seed)) for seed in range(3)]
    animation = decode_image(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]), "it")
    assert animation.frames
    assert animation.pixels.shape[:2] == (6, 6)
    plain = decode_image(encode(pixels(6, 6)), "it")
    assert (plain.frames, plain.reduced, plain.deep, plain.deep_colour) == (False, False, None, False)
    deep = decode_image(encode(np.array([[300, 4000]], dtype=np.uint16)), "it")
    assert deep.deep == (300, 4000)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [8, 10, 40])
def test_resizing_agrees_with_torch(pixels, channels, size):
    """torch's antialiased bilinear filter is defined alike; both round at least once."""
    images = pixels(3, 20, 32, channels)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images).permute(0, 3, 1, 2).double(), (size, size), mode="bilinear", antialias=True
    ).permute(0, 2, 3, 1)
    resized = resize_images(images, size)
    assert resized.dtype == np.uint8
    assert resized.shape == (3, size, size, channels)
    assert np.abs(resized - expected.numpy()).max() <= 1.5


def test_decoding_resizes_like_arrays(encode, pixels):
    image = pixels(20, 12, 3)
    assert np.array_equal(pixels_of(encode(image), "it", 8), resize_images(image[None], 8)[0])


def test_nothing_happens_at_the_same_size(pixels):
    images = pixels(2, 8, 8, 3)
    assert resize_images(images, 8) is images
