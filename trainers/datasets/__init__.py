"""Data sets: by name, from folders, archives and arrays; always as an ``ImageDataset``."""

from __future__ import annotations

from trainers.datasets.cache import default_cache_dir
from trainers.datasets.dataset import DatasetError, ImageDataset
from trainers.datasets.folder import decoding_bar
from trainers.datasets.load import DATASET_NAMES, load_dataset
from trainers.datasets.split import split_validation, stratified_subset

__all__ = [
    "DATASET_NAMES",
    "DatasetError",
    "ImageDataset",
    "decoding_bar",
    "default_cache_dir",
    "load_dataset",
    "split_validation",
    "stratified_subset",
]
