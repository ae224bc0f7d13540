"""Data sets: by name, from folders, archives and arrays; always as an `ImageDataset`."""

from __future__ import annotations

from trainers.datasets.cache import default_cache_dir
from trainers.datasets.dataset import DatasetError, ImageDataset
from trainers.datasets.find import DATASET_NAMES
from trainers.datasets.folder import decoding_bar
from trainers.datasets.load import image_files, load_dataset
from trainers.datasets.split import Part, split_validation, stratified_subset, training_and_validation

__all__ = [
    "DATASET_NAMES",
    "DatasetError",
    "ImageDataset",
    "Part",
    "decoding_bar",
    "default_cache_dir",
    "image_files",
    "load_dataset",
    "split_validation",
    "stratified_subset",
    "training_and_validation",
]
