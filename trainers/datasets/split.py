"""Stratified splits: parts of a data set in which every class keeps its proportion."""

from __future__ import annotations

import zlib

import numpy as np

from trainers.apportion import apportion
from trainers.datasets.dataset import DatasetError, ImageDataset


def split_validation(labels: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw `size` validation images with unchanged class proportions (MetaQNN, experiment details).

    Each class gives `size * n_class / n` images, rounded by the largest remainder (ties: the lower
    label), and always keeps at least one training image.

    Args:
        labels: integer labels, shape (n,).
        size: number of validation images, 1..n - (number of classes).
        seed: together with the purpose "validation" it addresses the draw.

    Returns:
        Training and validation indices: int64, each sorted ascending, disjoint, together 0..n-1.

    Raises:
        DatasetError: `size` is out of range or `seed` negative.
    """
    num_classes = len(np.unique(labels))
    if len(labels) <= num_classes:
        raise DatasetError(
            f"too few images to validate on some of them: {len(labels)} of {num_classes} classes; at least "
            f"{num_classes + 1} are needed, or validation images, in val/ or x_val"
        )
    if not 1 <= size <= len(labels) - num_classes:
        raise DatasetError(
            f"validation size {size} is not possible: of {len(labels)} training images at least one of "
            f"each of {num_classes} classes must remain, so --validation-size 1..{len(labels) - num_classes}"
        )
    return _draw(labels, size, seed, "validation")


Part = tuple[np.ndarray, np.ndarray]
"""Images and their labels."""


def training_and_validation(dataset: ImageDataset, size: int | None, seed: int) -> tuple[Part, Part]:
    """Images that are trained on and images that validate, with their labels.

    Args:
        dataset: the data set.
        size: number of images to draw as `split_validation` does; None for those that the data set has.
        seed: as there.

    Raises:
        DatasetError: see `split_validation`; or the data set has no validation images.
    """
    images, labels = dataset.train_images, dataset.train_labels
    if size is None:
        if not len(dataset.validation_labels):
            raise DatasetError(f"{dataset.name!r} has no validation images of its own")
        return (images, labels), (dataset.validation_images, dataset.validation_labels)
    training, validation = split_validation(labels, size, seed)
    return (images[training], labels[training]), (images[validation], labels[validation])


def stratified_subset(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Indices (int64, sorted) of `size` images with unchanged class proportions.

    All indices where `size` is at least n. Every class keeps at least one image.

    Raises:
        DatasetError: `size` is smaller than the number of classes or `seed` negative.
    """
    num_classes = len(np.unique(labels))
    if size < num_classes:
        raise DatasetError(f"limit {size} is too small: {num_classes} classes need at least one image each")
    if size >= len(labels):
        return np.arange(len(labels))
    return _draw(labels, len(labels) - size, seed, "subset")[0]


def _draw(labels: np.ndarray, size: int, seed: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """Split indices into (rest, drawn), with `size` drawn."""
    if seed < 0:
        raise DatasetError(f"seed {seed} is negative; it must be 0 or more")
    rng = np.random.default_rng([seed, zlib.crc32(purpose.encode())])
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    drawn = np.zeros(len(labels), dtype=bool)
    for index, share in enumerate(apportion(counts.tolist(), size)):
        drawn[rng.choice(np.flatnonzero(classes == index), size=share, replace=False)] = True
    return np.flatnonzero(~drawn), np.flatnonzero(drawn)
