"""Small data sets, and trainers for them."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from trainers import ClassifierTrainer, ImageDataset, TrainingRecipe

NAMES = tuple("0123456789")
OWN = ("device", "precision", "threads", "cuda_graphs", "metric", "chance")
EMPTY = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.int64)


@pytest.fixture(scope="session")
def digits():
    """Small images that can be learned."""
    data = load_digits()
    images = (data.images * 15).astype(np.uint8)[..., None]
    return ImageDataset("digits", images, data.target.astype(np.int64), *EMPTY, NAMES)


@pytest.fixture(scope="session")
def noise():
    """Labels that have nothing to do with the images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 8, 8, 1), dtype=np.uint8)
    return ImageDataset("noise", images, np.arange(300) % 10, *EMPTY, NAMES)


def make_trainer(dataset, **options):
    recipe = {"epochs": 3, "batch_size": 32, "learning_rate": 3e-3, "chance_factor": 0.0}
    size = options.pop("validation_size", 100)
    own = {name: options.pop(name) for name in OWN if name in options}
    own = {"device": "cpu", "threads": 1, **own}
    return ClassifierTrainer(
        dataset, recipe=TrainingRecipe(**{**recipe, **options}), validation_size=size, **own
    )


@pytest.fixture(scope="session")
def trainer():
    """trainer(dataset, **options of the recipe or of the trainer)."""
    return make_trainer
