"""Normalisation of images against NumPy."""

import numpy as np
import pytest
import torch

from trainers.loader import ImageLoader
from trainers.normalisation import Normalisation

CPU = torch.device("cpu")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 6, 6, 3), dtype=np.uint8)


def normalised(images, normalisation):
    loader = ImageLoader(images, np.arange(len(images)), normalisation, CPU)
    return next(loader.in_order(len(images)))[0].permute(0, 2, 3, 1).numpy()


def test_global_contrast_is_standardisation_image_by_image(images):
    expected = [(image - image.mean()) / image.std() for image in images.astype(np.float64)]
    assert np.allclose(normalised(images, Normalisation.global_contrast()), expected, atol=1e-5)


def test_global_contrast_does_not_depend_on_brightness_and_contrast(images):
    dim = images // 4 * 4
    bright = dim // 2 + 100
    first, second = (normalised(each, Normalisation.global_contrast()) for each in (dim, bright))
    assert np.allclose(first, second, atol=1e-5)


def test_global_contrast_does_not_depend_on_the_other_images(images):
    whole = normalised(images, Normalisation.global_contrast())
    alone = normalised(images[2:3], Normalisation.global_contrast())
    assert np.allclose(whole[2:3], alone, atol=1e-6)


def test_an_image_of_one_colour_becomes_zero_not_nan():
    images = np.full((2, 4, 4, 1), 77, dtype=np.uint8)
    assert not normalised(images, Normalisation.global_contrast()).any()


def test_a_single_pixel_is_contrast_enough():
    images = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    images[0, 3, 4, 1] = 1
    values = normalised(images, Normalisation.global_contrast()).astype(np.float64)
    assert values.mean() == pytest.approx(0, abs=1e-6)
    assert values.std() == pytest.approx(1, rel=1e-4)


def test_channels_keep_one_mean_and_deviation_for_all_images(images):
    measured = Normalisation.of(images)
    assert (measured.kind, len(measured.mean), len(measured.std)) == ("channels", 3, 3)
    expected = (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
    assert np.allclose(normalised(images, measured), expected, atol=1e-5)
